"""Whether a backup may be restored: it is what it says of itself, and holds everything that was published."""

from collections.abc import Collection, Mapping
from pathlib import Path

from ledger.adapters.backup import BackupExists, BackupFailed, BadBackup
from ledger.adapters.backup_manifest import LEDGER, Holds, Manifest
from ledger.adapters.copies import Copies
from ledger.adapters.engine import WrongSchema
from ledger.adapters.home import BadSettings, Home
from ledger.adapters.sqlite.copying import contents, reading_copy, refuse_what_runs
from ledger.adapters.sqlite.schema import LOG_ENTRIES, SCHEMA_VERSION
from ledger.application.published_check import LogRolledBack, verifier_keys
from ledger.domain.authority import Operator, operator_of
from ledger.domain.events import (
    IssuerKeyAdded,
    IssuerKeyCompromised,
    IssuerKeyRetired,
    IssuerRegistered,
    LogKeyAdded,
    LogKeyRetired,
)
from ledger.domain.log import Log
from ledger.domain.types import Kid, Origin, Position, StreamId
from ledger.domain.values import Custody
from ledger.errors import LedgerError
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.sealing import signature_is_good
from ledger.tlog.checkpoint import open_checkpoint
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import establish_log

_ABOUT_KEYS = (
    "SELECT state FROM stored_events WHERE topic GLOB 'issuer.*' OR topic GLOB 'log.key_*' ORDER BY notification_id"
)
_OF_THE_LOG = f"SELECT notification_id, state FROM stored_events WHERE {LOG_ENTRIES} ORDER BY notification_id"  # noqa: S608
_OPEN_API_KEYS = "SELECT id FROM api_keys WHERE revoked_at IS NULL ORDER BY created_at, id"
_NOT_TAKEN = "No backup was written, so that nobody takes it for a good one. `testamur audit` tells more"
_BEHIND = f"it was rolled back, or its end was lost, and entries that were acknowledged are missing. {_NOT_TAKEN}"
_WOULD_BE_BEHIND = (
    "entries that were acknowledged would be missing, and their positions given a second time. Nothing was changed. "
    "Look for a newer backup, or for what is left of the lost ledger"
)
_OF_A_HOME = {
    *("testamur.toml", "keys", "secrets", "log", "vault.db", "vault.db-wal", "vault.db-shm", "lock", "server.json"),
    *("views.db", "views.db-wal", "views.db-shm", "demo.json", "out", "statements"),
    *("checkpoint.guard", "checkpoint.guard.lock"),
}


def verify_copy(work: Path, manifest: Manifest, file: Path) -> Operator:
    """The operator of the ledger that was unpacked in `work`, which is the one that its backup describes.

    Nothing of it may be used before this: a backup may come from anybody.

    Raises:
        BadBackup.
    """
    if manifest.schema_version > SCHEMA_VERSION:
        raise BadBackup(
            f"{file} holds a ledger of schema version {manifest.schema_version}, and this program knows "
            f"{SCHEMA_VERSION}: install the newer Testamur that wrote it"
        )
    try:
        refuse_what_runs(work / LEDGER)
        held = contents(work / LEDGER)
        settings = Home(work).settings(environment=False)
        operator = operator_in(held.first, manifest.origin)
    except LedgerError as error:
        raise BadBackup(f"{file} is not used: {error}") from error
    said = (manifest.schema_version, manifest.size, manifest.root, manifest.origin)
    if said != (held.schema_version, held.tree.size, held.tree.root(), settings.origin):
        raise BadBackup(f"{file} is not used: the ledger in it is not the one that its list describes")
    return operator


def open_api_keys(copy: Path, file: Path) -> tuple[str, ...]:
    """The ids of the API keys that open something by what an unpacked ledger says; in the order they were made.

    Raises:
        BadBackup: it does not say.
    """
    try:
        with reading_copy(copy) as connection:
            return tuple(str(key_id) for (key_id,) in connection.execute(_OPEN_API_KEYS))
    except WrongSchema as error:
        raise BadBackup(f"{file} is not used: {error}") from error


def operator_in(first: bytes, origin: Origin) -> Operator:
    """The operator that the first entry of a ledger names.

    Raises:
        BadSettings: it is another log than `origin`.
        LedgerError: it is no such entry.
    """
    entry = parse_entry(first)
    operator = operator_of(entry.recorded(Position(1)))
    if not signature_is_good(entry) or operator.origin != origin:
        raise BadSettings(f"the ledger is that of {operator.origin}, and the settings name {origin}")
    return operator


def published_in(home: Home) -> Mapping[Path, bytes]:
    """The checkpoints that a home keeps outside its ledger, unverified: the guard, and the published one.

    Raises:
        BackupFailed: one cannot be read.
    """
    found = {}
    for path in (home.guard, home.checkpoint):
        try:
            if path.exists():
                found[path] = path.read_bytes()
        except OSError as error:
            raise BackupFailed(f"{path} cannot be read: {error.strerror}") from error
    return found


def check_published(notes: Mapping[Path, bytes], copy: Path, *, taking: bool) -> int | None:
    """How many entries the larger of these checkpoints covers, all of which `copy` holds; None where there is none.

    Args:
        notes: those of a home, read before the copy was made.
        taking: whether a backup is taken; otherwise one is restored.

    Raises:
        LogRolledBack: one covers more, or something else.
        LedgerError: it is not a checkpoint of this log.
    """
    if not notes:
        return None
    keys = verifier_keys(_log_in(copy))
    what = "the ledger" if taking else "this backup"
    covered = 0
    for path, note in notes.items():
        published = open_checkpoint(note, *keys)
        held = contents(copy, before=published.size)
        if held.before is None:
            raise LogRolledBack(
                f"the published checkpoint in {path} covers {published.size} entries, and {what} holds "
                f"only {held.tree.size}: " + (_BEHIND if taking else _WOULD_BE_BEHIND)
            )
        if held.before.root() != published.root:
            raise LogRolledBack(
                f"the first {published.size} entries of {what} are not those that the published checkpoint in "
                f"{path} covers: it is another history. " + (_NOT_TAKEN if taking else "Nothing was changed")
            )
        covered = max(covered, published.size)
    return covered


def _log_in(copy: Path) -> Log:
    """What a copy says of the log's keys."""
    with reading_copy(copy) as connection:
        rows = connection.execute(_OF_THE_LOG).fetchall()
    return establish_log([Placed(position=Position(position), raw=raw) for position, raw in rows])


def missing_keys(copy: Path, operator: Operator, held: Collection[str]) -> list[Kid]:
    """The keys in force that the operator must hold by what a finished copy says, and does not; sorted.

    Args:
        held: the ids of those that are there.

    Raises:
        WrongSchema: the copy cannot be read.
    """
    needed = {operator.event_key, operator.checkpoint_key}
    custody: dict[StreamId, Custody] = {}
    with reading_copy(copy) as connection:
        for (raw,) in connection.execute(_ABOUT_KEYS):
            try:
                entry = parse_entry(raw)
            except MalformedEntry:
                continue  # the audit names it; a damaged ledger must not go without a backup
            match entry.event:
                case IssuerRegistered():
                    custody[entry.stream] = entry.event.custody
                    needed |= {entry.event.root} if entry.event.custody is Custody.OPERATOR else set()
                case IssuerKeyAdded():
                    needed |= {entry.event.key} if custody.get(entry.stream) is Custody.OPERATOR else set()
                case LogKeyAdded():
                    needed.add(entry.event.key)
                case IssuerKeyRetired() | IssuerKeyCompromised() | LogKeyRetired():
                    needed.discard(entry.event.key)  # nothing is to be signed with it any more
                case _:
                    continue
    return sorted(needed.difference(held))


def check_folder(home: Home) -> None:
    """Pass if the folder is empty, or a home's: nothing is put beside other things.

    Raises:
        BackupExists.
    """
    if not home.folder.is_dir():
        raise BackupExists(f"{home.folder} is no folder")
    strange = sorted(
        path.name
        for path in home.folder.iterdir()
        if path.name not in _OF_A_HOME and not path.name.startswith((".", LEDGER))
    )
    if strange:
        raise BackupExists(f"{home.folder} is not a ledger's home: it holds {strange[0]}; restore into an empty folder")


def check_free(copies: Copies, holds: Holds) -> None:
    """Pass if a ledger, or a vault, can be put there.

    Raises:
        BackupExists: there is one, or a part of one.
    """
    try:
        copies.check_free(holds)
    except WrongSchema as error:
        raise BackupExists(str(error)) from error
