"""`testamur issuer …`: register issuers, describe them, recognise them."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.canonical import Json
from ledger.domain import events as ev
from verify_api.cli import keys
from verify_api.cli.client import Changing, document, path_of, receipt_of
from verify_api.cli.errors import WrongUsage
from verify_api.cli.reading import day, find_body, read_object
from verify_api.cli.run import IdempotencyOption, RevisionOption, Run, command
from verify_api.issuer.answers import IssuerList, IssuerReceipt, RecognitionRecord

app = typer.Typer(help="Who awards, and who recognises them.", no_args_is_help=True)
app.add_typer(keys.app, name="key")

SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="Short name of the issuer.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the issuer.")]
ProfileOption = Annotated[
    Path | None, typer.Option("--profile", metavar="FILE", help="A JSON object that describes the issuer; - for stdin.")
]
WebsiteOption = Annotated[str | None, typer.Option("--website", help="Address of the issuer's site.")]
EmailOption = Annotated[str | None, typer.Option("--email", help="Where people ask about awards.")]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="A sentence about the issuer.")]
BodyOption = Annotated[
    bool, typer.Option("--recognising-body", help="It recognises other issuers, and awards nothing itself.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Short name of the recognising body; absent: the only one there is.")
]
SchemeOption = Annotated[str, typer.Option("--scheme", help="Short name of the scheme it is recognised under.")]


@command(app, "register")
def register(
    run: Run,
    slug: SlugArgument,
    name: NameOption = None,
    profile: ProfileOption = None,
    website: WebsiteOption = None,
    email: EmailOption = None,
    description: DescriptionOption = None,
    recognising_body: BodyOption = False,
    idempotency_key: IdempotencyOption = None,
) -> None:
    """Register an issuer with a root key and a signing key, both kept here."""
    body: dict[str, Json] = {
        "slug": slug,
        "profile": _profile(name, profile, website, email, description, recognising_body),
    }
    with run.client() as client:
        receipt = client.change(
            path_of("issuers"), body, IssuerReceipt, changing=Changing(idempotency_key=idempotency_key)
        )
    said = receipt_of(receipt, ev.IssuerKeyAdded, idempotency_key)  # its first key is added by the same command
    run.output.result(said, [f"{receipt.slug} is registered as {receipt.did}"])


@command(app, "change-profile")
def change_profile(
    run: Run,
    slug: SlugArgument,
    name: NameOption = None,
    profile: ProfileOption = None,
    website: WebsiteOption = None,
    email: EmailOption = None,
    description: DescriptionOption = None,
    recognising_body: BodyOption = False,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Describe an issuer anew; what is left out is no longer said."""
    body = _profile(name, profile, website, email, description, recognising_body)
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        receipt = client.change(path_of("issuers", slug, "profile"), body, IssuerReceipt, changing=changing)
    said = receipt_of(receipt, ev.IssuerProfileChanged, idempotency_key)
    run.output.result(said, [f"{receipt.slug} is described anew, at revision {receipt.revision}"])


@command(app, "list")
def list_all(run: Run) -> None:
    """List issuers and recognising bodies, oldest first."""
    with run.client() as client:
        found = client.get(path_of("issuers"), IssuerList)
    rows = [
        (
            issuer.slug,
            issuer.profile.name,
            "recognising body" if issuer.profile.recognising_body else "issuer",
            "; ".join(_recognition(each) for each in issuer.recognitions) or "not recognised",
            issuer.did,
        )
        for issuer in found.issuers
    ]
    run.output.table(document(found), ("slug", "name", "kind", "recognition", "id"), rows)


@command(app, "recognise")
def recognise(
    run: Run,
    slug: SlugArgument,
    since: Annotated[str, typer.Option("--since", metavar="DATE", parser=day, help="First day, YYYY-MM-DD.")],
    by: ByOption = None,
    scheme: SchemeOption = "recognised",
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", parser=day, help="Last day, where it is known.")
    ] = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """State, in the name of a recognising body, that it recognises an issuer."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        body: dict[str, Json] = {"by": find_body(client, by), "scheme": scheme, "since": since, "until": until}
        receipt = client.change(path_of("issuers", slug, "recognitions"), body, IssuerReceipt, changing=changing)
    said = receipt_of(receipt, ev.IssuerRecognised, idempotency_key)
    run.output.result(said, [f"{receipt.slug} is recognised from {since}, under “{scheme}”"])


@command(app, "end-recognition")
def end_recognition(
    run: Run,
    slug: SlugArgument,
    until: Annotated[str, typer.Option("--until", metavar="DATE", parser=day, help="Last day, YYYY-MM-DD.")],
    by: ByOption = None,
    scheme: SchemeOption = "recognised",
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """State, in the name of a recognising body, the last day on which it recognises an issuer."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        body: dict[str, Json] = {"by": find_body(client, by), "scheme": scheme, "until": until}
        receipt = client.change(path_of("issuers", slug, "recognitions", "end"), body, IssuerReceipt, changing=changing)
    said = receipt_of(receipt, ev.IssuerRecognitionEnded, idempotency_key)
    run.output.result(said, [f"the recognition of {receipt.slug} under “{scheme}” ends on {until}"])


def _profile(
    name: str | None,
    profile: Path | None,
    website: str | None,
    email: str | None,
    description: str | None,
    recognising_body: bool,
) -> dict[str, Json]:
    if profile is not None:
        if name or website or email or description or recognising_body:
            raise WrongUsage("give either --profile FILE or the fields themselves, not both")
        return read_object(profile)
    if name is None:
        raise WrongUsage("say who the issuer is: --name NAME, or --profile FILE")
    said: dict[str, Json] = {"name": name, "url": website, "email": email, "description": description}
    said = {field: value for field, value in said.items() if value}
    return said | {"recognising_body": recognising_body}


def _recognition(record: RecognitionRecord) -> str:
    until = f" until {record.until}" if record.until else ""
    return f"{record.scheme} from {record.since}{until}" + (", ended" if record.ended else "")
