"""`testamur show`, `history`, `list`, `qr`: questions about awards; nothing is changed."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from ledger.adapters.home import replace_file
from ledger.canonical import Json
from ledger.domain.codes import format_link_code
from verify_api.cli.awards import PANEL, AwardArgument, warn_of_other_host
from verify_api.cli.client import Client, document, path_of
from verify_api.cli.errors import REFUSED, UNDECIDED, WrongUsage
from verify_api.cli.reading import award_path, award_reference
from verify_api.cli.run import IssuerOption, Run, command
from verify_api.cli.verdicts import tell
from verify_api.issuer.answers import AwardRecord, ChangedField, CredentialList, History
from verify_api.public.links import ScannedCode
from verify_api.public.qr import qr_png, qr_svg
from verify_api.public.schemas import VerdictModel

Status = Literal["in_force", "suspended", "revoked", "disowned", "expired", "not_yet_valid"]
_GOOD = {"valid", "component_review"}
_OPEN = {"log_inconsistent", "not_checked", "private", "status_unavailable", "holder_unconfirmed"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "show", panel=PANEL)(show)
    command(app, "history", panel=PANEL)(history)
    command(app, "list", panel=PANEL)(list_awards)
    command(app, "qr", panel=PANEL)(qr)


def show(run: Run, award: AwardArgument) -> int:
    """Say whether an award is genuine and in force, as a scan does; a code alone is version 1, as printed.

    Exit code 0: valid. 1: not valid. 3: could not be decided.
    """
    reference = award_reference(award)
    with run.client(keyless=isinstance(reference, ScannedCode)) as client:
        if isinstance(reference, ScannedCode):
            verdict = client.verdict(_scan_path(reference), VerdictModel)
        else:
            verdict = client.get(award_path(award, "verdict"), VerdictModel)
        warn_of_other_host(run, award, client.host or verdict.log.origin.partition("/")[0])
    run.output.result(document(verdict), tell(verdict))
    return exit_code(verdict.verdict)


def exit_code(state: str) -> int:
    """The exit code that a verdict stands for."""
    return 0 if state in _GOOD else UNDECIDED if state in _OPEN else REFUSED


def history(run: Run, award: AwardArgument) -> None:
    """Tell every event of an award in plain words, with its position, who did it, and why."""
    path = award_path(award, "history")
    with run.client() as client:
        warn_of_other_host(run, award, client.host)
        found = client.get(path, History)
    lines: list[str] = []
    for event in found.events:
        lines.append(f"{event.at}  position {event.position}, by {event.actor}")
        lines.append(f"    {event.text}")
        lines.extend(f"    {_changed(change)}" for change in event.changes)
        lines.extend(f"    Public: {event.public_text}" for _ in range(bool(event.public_text)))
        lines.extend(f"    Notes: {event.notes}" for _ in range(bool(event.notes)))
    run.output.result(document(found), lines)


def list_awards(
    run: Run,
    query: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="All must occur in name, number, e-mail or achievement.")
    ] = None,
    achievement: Annotated[str | None, typer.Option("--achievement", help="Its slug or id.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="How it stands today.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="Continue a list: `next` of the page before.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows on one page.")] = 50,
    issuer: IssuerOption = None,
) -> None:
    """Search the awards of the issuer, the last issued first; for the operator those of every issuer."""
    # Asked for in a body: what is looked for is a name, a student number or an e-mail, and stands in no URL.
    asked: dict[str, Json] = {"query": query, "achievement": achievement, "status": status, "after": after}
    with run.client() as client:
        found = client.change(
            path_of("credentials", "search"), asked | {"limit": limit}, CredentialList, query={"issuer": issuer}
        )
    rows = [
        (each.status, each.awarded_on, each.student_number, each.full_name, each.achievement or "", each.credential_id)
        for each in found.credentials
    ]
    columns = ("status", "awarded on", "student number", "name", "achievement", "credential id")
    run.output.table(document(found), columns, rows)
    run.output.say(f"{len(rows)} of {found.total}" + (f"; more with --after {found.next}" if found.next else ""))


def qr(
    run: Run,
    award: AwardArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it: FILE.png or FILE.svg.")],
) -> None:
    """Write the QR code of an award: of the version that a link or code names, else of the current one."""
    draw = {".png": qr_png, ".svg": qr_svg}.get(out.suffix.lower())
    if draw is None:
        raise WrongUsage(f"{out.name} is no kind of picture made here: write --out FILE.png or --out FILE.svg")
    with run.client() as client:
        link = _printed(client, award)
    warn_of_other_host(run, award, urlsplit(link).netloc.lower())
    write_file(out, draw(link))
    said: dict[str, Json] = {"url": link, "file": str(out)}
    run.output.result(said, [f"{link} as a QR code in {out}"])


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for its owner alone.

    Raises:
        WrongUsage: it cannot be written.
    """
    try:
        replace_file(path, content, mode=0o600)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error.strerror}") from error


def _printed(client: Client, award: str) -> str:
    """The text of the QR code; asked of the service, as it alone knows the base of its links."""
    reference = award_reference(award)
    record = client.get(award_path(award), AwardRecord)
    if not isinstance(reference, ScannedCode):
        return record.url
    base = record.url.rpartition("/C/")[0]
    version = reference.version or 1
    if version > record.version:
        raise WrongUsage(f"this award has no version {version}: the current one is {record.version}")
    return f"{base}/C/{record.code}" + (f"/{version}" if version > 1 else "")


def _scan_path(reference: ScannedCode) -> str:
    version = f"/{reference.version}" if reference.version is not None else ""
    return f"/c/{format_link_code(reference.code)}{version}"


def _changed(change: ChangedField) -> str:
    return f"{change.field}: “{change.old or ''}” → “{change.new or ''}”"
