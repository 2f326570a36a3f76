"""`testamur issue`, `amend`, `suspend`, `reinstate`, `revoke`: one award at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ledger.canonical import Json
from ledger.domain import events as ev
from ledger.domain.values import Reason
from verify_api.cli.client import Changing, path_of, receipt_of
from verify_api.cli.errors import NotReached, ProblemAnswer, WrongUsage
from verify_api.cli.reading import award_name, award_path, day, is_award, is_id, other_host, read_object
from verify_api.cli.run import IdempotencyOption, IssuerOption, RevisionOption, Run, command
from verify_api.issuer.answers import Problem, ReceiptModel

PANEL = "Awards"

AwardArgument = Annotated[
    str, typer.Argument(metavar="AWARD", help="Its code (CODE/2: version 2), short code, link or credential id.")
]
ReasonOption = Annotated[Reason, typer.Option("--reason", help="Why; shown to everybody who scans.")]
PublicTextOption = Annotated[str | None, typer.Option("--public-text", help="A sentence for everybody who scans.")]
NotesOption = Annotated[str | None, typer.Option("--notes", help="A sentence for the issuer alone.")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="DATE", parser=day, help="First day of it; absent: today.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "issue", panel=PANEL)(issue)
    command(app, "stack", panel=PANEL)(stack)
    command(app, "amend", panel=PANEL)(amend)
    command(app, "suspend", panel=PANEL)(suspend)
    command(app, "reinstate", panel=PANEL)(reinstate)
    command(app, "revoke", panel=PANEL)(revoke)


def issue(
    run: Run,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A JSON object with the columns of a CSV file; - for stdin.")
    ],
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
) -> None:
    """Award an achievement to one learner."""
    award = read_object(file)
    changing = Changing(idempotency_key=idempotency_key)
    with run.client() as client:
        receipt = client.change(
            path_of("credentials"), award, ReceiptModel, query={"issuer": issuer}, changing=changing
        )
    _receipt(run, receipt, "issued", ev.CredentialIssued, idempotency_key)


def stack(
    run: Run,
    learner: Annotated[str, typer.Argument(metavar="LEARNER", help="Student number, or the id of the learner record.")],
    pathway: Annotated[str, typer.Argument(metavar="PATHWAY", help="Its slug or its id.")],
    components: Annotated[
        list[str] | None,
        typer.Option(
            "--component",
            metavar="AWARD",
            help="An award to build it from; may be repeated. Absent: of each part the learner's last one in force.",
        ),
    ] = None,
    awarded_on: Annotated[
        str | None, typer.Option("--awarded-on", metavar="DATE", parser=day, help="Day of the award; absent: today.")
    ] = None,
    valid_until: Annotated[
        str | None, typer.Option("--valid-until", metavar="DATE", parser=day, help="Last day; absent: without end.")
    ] = None,
    assessor: Annotated[str | None, typer.Option("--assessor", help="Who approved it.")] = None,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
) -> None:
    """Award a pathway to a learner who holds its parts."""
    body: dict[str, Json] = {
        "learner" if is_id(learner) else "student_number": learner,
        "pathway": pathway,
        "components": None if components is None else [award_name(each) for each in components],
        "awarded_on": awarded_on,
        "valid_until": valid_until,
        "assessor": assessor,
    }
    said: dict[str, Json] = {name: value for name, value in body.items() if value is not None}
    changing = Changing(idempotency_key=idempotency_key)
    with run.client() as client:
        receipt = client.change(path_of("stacks"), said, ReceiptModel, query={"issuer": issuer}, changing=changing)
    _receipt(run, receipt, "stacked", ev.CredentialStacked, idempotency_key)


def amend(
    run: Run,
    award: AwardArgument,
    values: Annotated[
        list[str],
        typer.Option("--set", metavar="FIELD=VALUE", help="May be repeated; an empty VALUE takes the value away."),
    ],
    reason: ReasonOption,
    public_text: PublicTextOption = None,
    notes: NotesOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Record a new version of an award; the link stays and shows what was corrected."""
    body: dict[str, Json] = {"values": _values(values), "reason": reason.value}
    _change(run, award, "amend", body | _texts(public_text, notes), idempotency_key, if_revision)


def suspend(
    run: Run,
    award: AwardArgument,
    reason: ReasonOption,
    from_: FromOption = None,
    public_text: PublicTextOption = None,
    notes: NotesOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Put an award on hold; it may be reinstated."""
    body: dict[str, Json] = {"reason": reason.value, "from": from_}
    _change(run, award, "suspend", body | _texts(public_text, notes), idempotency_key, if_revision)


def reinstate(
    run: Run,
    award: AwardArgument,
    public_text: PublicTextOption = None,
    notes: NotesOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Let an award on hold stand again."""
    _change(run, award, "reinstate", _texts(public_text, notes), idempotency_key, if_revision)


def revoke(
    run: Run,
    award: AwardArgument,
    reason: ReasonOption,
    from_: FromOption = None,
    retroactive: Annotated[
        bool, typer.Option("--retroactive", help="It should never have been issued; else it was good until then.")
    ] = False,
    public_text: PublicTextOption = None,
    notes: NotesOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Withdraw an award for good; its link says so at once."""
    body: dict[str, Json] = {"reason": reason.value, "from": from_, "retroactive": retroactive}
    try:
        _change(run, award, "revoke", body | _texts(public_text, notes), idempotency_key, if_revision)
    except ProblemAnswer as problem:
        errors = Problem.model_validate(problem.document).errors or ()
        if any((each.column, each.code) == ("from", "dates_reversed") for each in errors):
            raise problem.advising("--retroactive") from problem
        raise


_DONE: Mapping[str, tuple[str, type[object]]] = {
    "amend": ("amended", ev.CredentialAmended),
    "suspend": ("on hold", ev.CredentialSuspended),
    "reinstate": ("in force again", ev.CredentialReinstated),
    "revoke": ("revoked", ev.CredentialRevoked),
}


def _change(
    run: Run, award: str, act: str, body: dict[str, Json], idempotency_key: str | None, if_revision: int | None
) -> None:
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    path = award_path(award, act)
    with run.client() as client:
        warn_of_other_host(run, award, client.host)
        receipt = client.change(path, body, ReceiptModel, changing=changing)
    if not is_award(award, receipt):
        raise NotReached(
            f"the service answered for another award, {receipt.credential_id}, so it is not known what became of this "
            "one; keep that answer, and ask for the award's history"
        )
    done, event = _DONE[act]
    _receipt(run, receipt, done, event, idempotency_key)


def warn_of_other_host(run: Run, award: str, host: str | None) -> None:
    """Say so if AWARD is a link to another service: what is told or done concerns this ledger.

    Args:
        host: in the links of this ledger; None where it is not known.
    """
    other = None if host is None else other_host(award, host)
    if other is not None:
        run.output.warn(
            f"the link leads to {other}, and this ledger is {host}: only what this ledger says is told here"
        )


def _texts(public_text: str | None, notes: str | None) -> dict[str, Json]:
    return {"public_text": public_text, "notes": notes}


def _values(given: list[str]) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for each in given:
        field, equals, value = each.partition("=")
        if not equals or not field.strip():
            raise WrongUsage(f"“{each[:80]}” says nothing to change: write --set FIELD=VALUE, as in --set result=Pass")
        if field.strip() in values:
            raise WrongUsage(f"--set names {field.strip()} twice")
        values[field.strip()] = value
    return values


def _receipt(run: Run, receipt: ReceiptModel, done: str, asked_for: type[object], idempotency_key: str | None) -> None:
    lines = [
        f"{done}: version {receipt.version}, revision {receipt.revision}, position {receipt.position}",
        f"link           {receipt.url}",
        f"short code     {receipt.short_code}",
        f"credential id  {receipt.credential_id}",
    ]
    run.output.result(receipt_of(receipt, asked_for, idempotency_key), lines)
