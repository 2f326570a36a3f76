"""Whether a backup may be restored: it is what it says of itself, and holds everything that was published."""

from pathlib import Path

from ledger.adapters.backup import BackupExists, BadBackup
from ledger.adapters.backup_manifest import LEDGER, Holds, Manifest
from ledger.adapters.copies import Copies
from ledger.adapters.engine import WrongSchema
from ledger.adapters.home import BadSettings, Home
from ledger.adapters.sqlite.copying import contents, refuse_what_runs
from ledger.adapters.sqlite.schema import SCHEMA_VERSION
from ledger.application.publishing import LogRolledBack, verifier_key
from ledger.domain.authority import Operator, operator_of
from ledger.domain.types import Origin, Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.record.sealing import signature_is_good
from ledger.tlog.checkpoint import open_checkpoint

_OF_A_HOME = {
    *("testamur.toml", "keys", "secrets", "log", "vault.db", "vault.db-wal", "vault.db-shm", "lock", "server.json"),
    *("views.db", "views.db-wal", "views.db-shm", "demo.json", "out"),
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


def check_published(home: Home, operator: Operator, copy: Path) -> int | None:
    """How many entries the published checkpoint covers, all of which `copy` holds; None where there is none.

    Raises:
        LogRolledBack: it covers more, or something else.
        LedgerError: it is not a checkpoint of this log.
    """
    if not home.checkpoint.exists():
        return None
    published = open_checkpoint(home.checkpoint.read_bytes(), verifier_key(operator))
    held = contents(copy, before=published.size)
    if held.before is None:
        raise LogRolledBack(
            f"the published checkpoint in {home.checkpoint} covers {published.size} entries, and this backup holds "
            f"only {held.tree.size}: entries that were acknowledged would be missing, and their positions given a "
            "second time. Nothing was changed. Look for a newer backup, or for what is left of the lost ledger"
        )
    if held.before.root() != published.root:
        raise LogRolledBack(
            f"the first {published.size} entries of this backup are not those that the published checkpoint in "
            f"{home.checkpoint} covers: it is another history. Nothing was changed"
        )
    return published.size


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
