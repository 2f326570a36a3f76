"""`testamur export`, and awards verified in an archive: with the folder alone, no server and no home."""

from pathlib import Path
from typing import Annotated

import typer

from ledger import exporting
from ledger.application.archive_closed import HolderUnconfirmed
from ledger.application.archive_opening import ArchiveNotVouched, ArchiveUnreadable
from ledger.application.archive_reading import ArchiveReading
from ledger.application.archiving import Archived
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.domain.codes import format_link_code
from ledger.domain.types import Did
from ledger.domain.values import format_time
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.policy import NO_POLICY, WitnessPolicy
from verify_api.cli.asking import exit_code
from verify_api.cli.client import document
from verify_api.cli.errors import REFUSED, UNDECIDED, NotReached, WrongUsage
from verify_api.cli.reading import award_reference, read_bytes
from verify_api.cli.run import Run, command
from verify_api.cli.service import PANEL, DatabaseOption
from verify_api.cli.verdicts import tell
from verify_api.public.json_verdict import verdict_model
from verify_api.public.links import ScannedCode

SinceOption = Annotated[
    Path | None,
    typer.Option(
        "--since",
        metavar="CHECKPOINT",
        help="Write only what is not under this checkpoint of the log, to be laid over an archive that ends there.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "export", panel=PANEL)(export)


def export(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The archive: a new folder, or one to be carried on.")],
    since: SinceOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Write an archive from which every award can be verified when this service is gone; beside a running server.

    It holds the published log, what it names by digest, and what each award shows, which only the code on its
    certificate opens. It can be handed to anybody. The same command later carries it on.
    """
    note = None if since is None else read_bytes(since, MAX_NOTE_BYTES)
    done = exporting.export(run.home_in(database_url), folder, since=note)
    said: dict[str, Json] = {
        "archive": str(folder),
        "size": done.size,
        "before": done.before,
        "capsules": done.capsules,
        "definitions": done.definitions,
        "shut": [str(stream) for stream in done.shut],
    }
    run.output.result(said, _lines(folder, done))
    if done.shut:
        run.output.warn(
            f"of {len(done.shut)} awards nothing can be opened any more: their codes are genuine in the archive, and "
            "whose they are it cannot say"
        )


def _lines(folder: Path, done: Archived) -> list[str]:
    return [
        f"{folder} holds the first {done.size} entries of the log, {done.size - done.before} of them new",
        f"{done.capsules} awards were written, and {done.definitions} definitions and profiles",
        f"verify an award with: testamur verify CODE --archive {folder}",
    ]


def verify_in_archive(
    run: Run, reference: str, folder: Path, policy: WitnessPolicy | None, registries: tuple[Did, ...] | None = None
) -> int:
    """Tell how an award stands by the archive in a folder; the exit code.

    Args:
        policy: whose logs and witnesses are believed; None: the archive is held against itself, which the verdict says.
        registries: whose recognition counts; None: as the archive says that its operator counted.

    Raises:
        WrongUsage: the reference is no link and no code, or the folder holds no archive, or one that was damaged.
        NotReached: nobody whom the policy names vouches for the archive.
        LedgerError: somebody signed in their name.
    """
    named = award_reference(reference)
    if not isinstance(named, ScannedCode):
        raise WrongUsage("in an archive an award is found by its link or its code of 36 characters alone")
    if not folder.is_dir():
        raise WrongUsage(f"{folder} is no folder")
    files = exporting.archive_in(folder)
    keys, witnesses = (None, NO_POLICY) if policy is None else (policy.logs, policy)
    try:
        archive = ArchiveReading(files.read, keys=keys, witnesses=witnesses, registries=registries)
        found = archive.scan(format_link_code(named.code), named.version or 1, now=clock_from_environment().now())
    except ArchiveUnreadable as error:
        raise WrongUsage(f"{folder} cannot be read: {error}") from error
    except ArchiveNotVouched as error:
        raise NotReached(f"{folder} decides nothing: {error}") from error
    if policy is None:
        run.output.warn("on the archive's own word alone: give --policy or --vkey, from somebody whom you believe")
    if isinstance(found, HolderUnconfirmed):
        return _tell_unconfirmed(run, found)
    verdict = verdict_model(found, archive.base_url)
    run.output.result(document(verdict), tell(verdict))
    return exit_code(verdict.verdict)


def _tell_unconfirmed(run: Run, found: HolderUnconfirmed) -> int:
    """Genuine code, holder not confirmed; or withdrawn, whoever the holder is."""
    verdict = "holder_unconfirmed" if found.withdrawn is None else found.withdrawn.value
    said: dict[str, Json] = {
        "verdict": verdict,
        "in_force": None if found.withdrawn is None else False,
        "issuer": found.issuer,
        "issued": format_time(found.issued),
    }
    line = (
        f"{verdict}: this code was issued by {found.issuer} on {found.issued.date().isoformat()}; the details are not"
    )
    if found.withdrawn is None:
        run.output.result(said, [f"{line} in this archive: compare with the holder's credential file"])
        return UNDECIDED
    run.output.result(said, [f"{line} in this archive, and its entries say that the award does not hold"])
    return REFUSED
