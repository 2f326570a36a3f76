"""`testamur backup`, `restore` and `migrate`: copies of a ledger, a home made of one, a schema brought forward."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ledger import recovery
from ledger.adapters.home import Home
from ledger.adapters.sqlite.schema import SCHEMA_VERSION
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.domain.values import format_time
from ledger.errors import LedgerError
from ledger.record.encoding import to_text
from ledger.recovery import Taken
from ledger.tlog.encoding import to_base64
from verify_api.cli.run import Run, command
from verify_api.cli.service import PANEL, DatabaseOption

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup: one file.")]
VaultOption = Annotated[
    bool, typer.Option("--vault", help="The vault alone: the learners' keys, to be kept apart and thrown away sooner.")
]

LostKeysOption = Annotated[
    bool,
    typer.Option(
        "--accept-lost-keys",
        help="Also with a vault that is older than the ledger: what the missing keys opened stays shut for ever, and "
        "those learners begin another record with the next award.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "backup", panel=PANEL)(backup)
    command(app, "restore", panel=PANEL)(restore)
    command(app, "migrate", panel=PANEL)(migrate)


def backup(run: Run, file: FileArgument, vault: VaultOption = False, database_url: DatabaseOption = None) -> None:
    """Write a backup, also beside a running server; it is as of one moment, and replaces no file.

    It holds settings, entries and all that belongs to them, and the signing keys, encrypted under the master key. It
    holds neither that key nor the vault nor the operator's API key: keep those apart from it.
    """
    home = run.home_in(database_url)
    take = recovery.backup_vault if vault else recovery.backup
    taken = take(home, file, clock=clock_from_environment())
    document = _document(file, taken)
    if not vault:
        document["missing_keys"] = list(taken.missing_keys)
    run.output.result(document, _lines(f"{file} holds", taken))
    if taken.missing_keys:
        run.output.warn(
            f"{home.keys} lacks {len(taken.missing_keys)} private keys that are in force, so this backup lacks them, "
            f"too: {', '.join(taken.missing_keys)}. Look for them on the other machines, copy them here, and take "
            "another backup"
        )


def restore(
    run: Run,
    file: FileArgument,
    vault: VaultOption = False,
    accept_lost_keys: LostKeysOption = False,
    database_url: DatabaseOption = None,
) -> None:
    """Make the home of a backup: a new one, or one that has lost its ledger. Nothing there is ever replaced.

    A backup that lacks entries under the published checkpoint, which stays as it is, is refused. API keys are as they
    were when it was taken: those that were revoked later open again, until they are revoked once more.
    """
    home = run.home_in(database_url)
    if vault:
        taken = recovery.restore_vault(home, file, accept_lost_keys=accept_lost_keys)
    else:
        taken = recovery.restore(home.folder, file, database_url=database_url, accept_lost_keys=accept_lost_keys)
    document = _document(file, taken) | {"lost_keys": taken.lost_keys}
    notice = _of_api_keys(taken)
    if not vault:
        document["api_keys"] = {"open": list(taken.open_api_keys), "notice": notice}
    run.output.result(document, _lines(f"{home.folder} holds again", taken))
    if taken.lost_keys:
        run.output.warn(
            f"{taken.lost_keys} keys are lost: what they opened stays shut for ever, and those learners are somebody "
            "new to the next award"
        )
    if notice is not None:
        run.output.warn(notice)
    for line in () if vault else _next(home, taken):
        run.output.say(line)


def migrate(run: Run, database_url: DatabaseOption = None) -> None:
    """Bring the ledger's schema to the version of this program; nothing where it is there already.

    It goes forward only, and makes no backup: have one, made by `testamur backup`.
    """
    home = run.home_in(database_url)
    before, after = recovery.migrate(home)
    told = f"schema version {after}; nothing was to be done"
    if before != after:
        told = f"schema version {before} is now {after}"
    run.output.result({"from": before, "to": after}, [told])


def _document(file: Path, taken: Taken) -> dict[str, Json]:
    manifest = taken.manifest
    document: dict[str, Json] = {
        "file": str(file),
        "holds": manifest.holds,
        "origin": manifest.origin,
        "made": format_time(manifest.made),
        "schema_version": manifest.schema_version,
        "bytes": taken.bytes,
    }
    if manifest.holds == "vault":
        return document | {"keys": manifest.size}
    return document | {"entries": manifest.size, "root": to_text(manifest.root)}


def _lines(begin: str, taken: Taken) -> Iterator[str]:
    manifest = taken.manifest
    what = "keys" if manifest.holds == "vault" else "entries"
    made = format_time(manifest.made)
    yield f"{begin} {manifest.size} {what} of {manifest.origin}, as of {made}; {taken.bytes} bytes"
    if manifest.holds == "ledger":
        yield f"root {to_base64(manifest.root)}"


def _of_api_keys(taken: Taken) -> str | None:
    """API keys are in no log: nothing but the operator's memory tells which of them were revoked since."""
    number = len(taken.open_api_keys)
    if number == 0:
        return None
    keys = "API key is" if number == 1 else "API keys are"
    return (
        f"{number} {keys} in use here as when the backup was taken, so those that were revoked after "
        f"{format_time(taken.manifest.made)} open again: before you serve, look with testamur api-key list, and revoke "
        "them once more with testamur api-key revoke ID"
    )


def _next(home: Home, taken: Taken) -> Iterator[str]:
    """What an operator must know and do before this ledger is served."""
    made = format_time(taken.manifest.made)
    if taken.covered is None:
        yield (
            f"no published checkpoint lay here: if anything was recorded after {made}, it is lost, and nothing here "
            "can notice that. If you kept a checkpoint, compare: testamur audit --checkpoint FILE"
        )
    else:
        yield f"the published checkpoint covers {taken.covered} of these entries; whatever came after {made} is lost"
    if taken.manifest.schema_version < SCHEMA_VERSION:
        yield f"its schema version is {taken.manifest.schema_version}: bring it forward with testamur migrate"
    if not home.master_key.exists():
        yield f"put the master key of this ledger in {home.master_key}; without it nothing can be signed or opened"
    yield from _vault_next(home)


def _vault_next(home: Home) -> Iterator[str]:
    try:
        there = recovery.has_vault(home)
    except LedgerError as error:
        yield f"whether its vault is there is not to be known: {error}"
        return
    if not there:
        yield "private parts stay closed until the vault is there again: testamur restore FILE --vault"
