"""`testamur issuer key …`: an issuer's keys; add, retire, report as stolen."""

from typing import Annotated

import typer

from ledger.domain import events as ev
from ledger.domain.values import Role
from verify_api.cli.client import Changing, document, path_of, receipt_of
from verify_api.cli.errors import NotReached, WrongUsage
from verify_api.cli.reading import find_issuer
from verify_api.cli.run import IdempotencyOption, IssuerOption, RevisionOption, Run, command
from verify_api.issuer.answers import Affected, KeyList, KeyReceipt, KeyRecord, SignedAgain

app = typer.Typer(help="The keys that sign for an issuer.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, z6Mk…, from `issuer key list`.")]
RecoveryOption = Annotated[
    bool,
    typer.Option("--recovery", help="Signed by the operator, as the issuer lost its root key; stays visible."),
]


@command(app, "add")
def add(
    run: Run,
    role: Annotated[Role, typer.Option("--role", help="What the new key may sign.")] = Role.SIGNING,
    recovery: RecoveryOption = False,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Make a key and let it sign from now on."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        path = path_of("issuers", find_issuer(client, issuer), "keys")
        receipt = client.change(path, {"role": role.value, "recovery": recovery}, KeyReceipt, changing=changing)
    said = receipt_of(receipt, ev.IssuerKeyAdded, idempotency_key)
    run.output.result(said, [f"{receipt.kid} signs for {receipt.slug} from position {receipt.position}"])


@command(app, "retire")
def retire(
    run: Run,
    key: KeyArgument,
    recovery: RecoveryOption = False,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Let a key sign nothing more; what it signed stands."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        path = path_of("issuers", find_issuer(client, issuer), "keys", key, "retire")
        receipt = _of_key(key, client.change(path, {"recovery": recovery}, KeyReceipt, changing=changing))
    said = receipt_of(receipt, ev.IssuerKeyRetired, idempotency_key)
    run.output.result(said, [f"{receipt.kid} is retired; what it signed stands"])


@command(app, "compromised")
def compromised(
    run: Run,
    key: KeyArgument,
    from_position: Annotated[
        int | None,
        typer.Option("--from-position", min=1, help="From which it was in other hands; absent: from its beginning."),
    ] = None,
    recovery: RecoveryOption = False,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Report a key as stolen: what it signed from that position on is refused, whatever date it claims."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        path = path_of("issuers", find_issuer(client, issuer), "keys", key, "compromised")
        body = {"from_position": from_position, "recovery": recovery}
        receipt = _of_key(key, client.change(path, body, KeyReceipt, changing=changing))
    since = "its beginning" if from_position is None else f"position {from_position}"
    told = f"{receipt.kid} is reported as stolen: what it signed from {since} on is refused"
    run.output.result(receipt_of(receipt, ev.IssuerKeyCompromised, idempotency_key), [told])


def _of_key(key: str, receipt: KeyReceipt) -> KeyReceipt:
    """The receipt, if it is of the key that was named."""
    if receipt.kid != key:
        raise NotReached(
            f"the service answered for another key, {receipt.kid}, so it is not known what became of this one; keep "
            "that answer, and look at the issuer's keys"
        )
    return receipt


@command(app, "sign-again")
def sign_again(
    run: Run,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many there are, and sign nothing.")] = False,
    issuer: IssuerOption = None,
) -> None:
    """Sign living awards again that a stolen key signed: other verifiers refuse their credential files until then."""
    with run.client() as client:
        path = path_of("issuers", find_issuer(client, issuer), "signing-again")
        affected = client.get(path, Affected)
        signed, after = 0, None if dry_run else 0
        while after is not None:
            done = client.change(path, {}, SignedAgain, query={"after": str(after)})
            signed, after = signed + done.signed, done.next
            run.output.say(f"{signed} of {affected.awards} signed again")
    told = f"{affected.awards} awards bear the signature of {len(affected.keys)} stolen keys"
    run.output.result({**document(affected), "signed": signed}, [f"{told}; {signed} were signed again"])


@command(app, "list")
def list_all(
    run: Run,
    slug: Annotated[str | None, typer.Argument(metavar="[SLUG]", help="The issuer, as with --issuer.")] = None,
    issuer: IssuerOption = None,
) -> None:
    """List every key that the issuer ever had, in the order they were added."""
    if slug is not None and issuer not in (None, slug):
        raise WrongUsage(f"the command names two issuers, {slug} and {issuer}: give one")
    with run.client() as client:
        found = client.get(path_of("issuers", find_issuer(client, slug or issuer), "keys"), KeyList)
    rows = [
        (key.kid, key.role, str(key.added), _state(key), "kept here" if key.held else "not here") for key in found.keys
    ]
    run.output.table(document(found), ("key", "role", "from position", "state", "private key"), rows)


def _state(key: KeyRecord) -> str:
    if key.compromised_from is not None:
        return f"stolen from position {key.compromised_from} on"
    return "in use" if key.retired is None else f"retired at position {key.retired}"
