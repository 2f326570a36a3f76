"""Backups of a ledger and of its vault, and how a home is made of them again.

A backup of the ledger holds settings, entries with everything beside them, and the signing keys, encrypted under the
master key. It holds neither that key nor the vault, so that who finds it reads nobody's data; nor the published
checkpoint, which is what an older copy is noticed by.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.adapters.backup import (
    BackupExists,
    BackupFailed,
    BadBackup,
    digested,
    read_backup,
    write_backup,
)
from ledger.adapters.backup_check import (
    check_folder,
    check_free,
    check_published,
    missing_keys,
    open_api_keys,
    operator_in,
    published_in,
    verify_copy,
)
from ledger.adapters.backup_manifest import KEYS, LEDGER, SETTINGS, VAULT, Manifest, is_key
from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import WrongSchema
from ledger.adapters.home import BadSettings, EngineName, Home, HomeMissing, replace_file, sync_folder
from ledger.adapters.lost_keys import check_lost, lost_beside_ledger, lost_beside_vault
from ledger.adapters.scratch import scratch_folder
from ledger.adapters.secrets import MasterKey
from ledger.adapters.sqlite.copying import contents, refuse_what_runs
from ledger.adapters.sqlite.vault import SqliteVaultRows
from ledger.adapters.vault import VAULT_VERSION, KeyVault, VaultUnreadable
from ledger.application.ports import Clock
from ledger.bootstrap import WRAPPING, engine_of
from ledger.domain.types import Kid


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A backup that was written or restored."""

    manifest: Manifest
    bytes: int  # of its file
    covered: int | None  # entries under the published checkpoint that was restored beneath; None: there is none
    missing_keys: tuple[Kid, ...] = ()  # in force, and not in the home that was backed up
    open_api_keys: tuple[str, ...] = ()  # of a ledger that was restored; ids
    lost_keys: int = 0  # that private parts need and the vault has not, where both are there after a restore


def backup(home: Home, file: Path, *, clock: Clock) -> Taken:
    """Write a backup of the ledger, beside whoever works on it.

    Raises:
        BackupExists: there is such a file.
        LogRolledBack: the ledger lacks entries that the published checkpoint covers, or holds others.
        LedgerError: the ledger cannot be read, or the file not be written; there is none then.
    """
    origin = home.settings(environment=False).origin
    copies = engine_of(home).copies()
    with _working_beside(file) as work:
        made = clock.now()  # before the copy is taken: nothing older than this is missing
        notes = published_in(home)  # before it as well: others go on, and publish
        copies.copy_to(work / LEDGER)
        held = contents(work / LEDGER)
        operator = operator_in(held.first, origin)
        check_published(notes, work / LEDGER, taking=True)
        # After the entries: a key is kept before the first entry that names it.
        names = [SETTINGS, *_keys_of(home), LEDGER]
        for name in names[:-1]:
            _copy_small(home.folder / name, work / name)
        files = [(name, work / name) for name in names]
        manifest = Manifest(
            holds="ledger",
            origin=origin,
            made=made,
            schema_version=held.schema_version,
            size=held.tree.size,
            root=held.tree.root(),
            files=digested(files),
        )
        missing = missing_keys(work / LEDGER, operator, [Path(name).stem for name in names])
        size = write_backup(file, manifest, [path for _, path in files], within=work)
        return Taken(manifest=manifest, bytes=size, covered=None, missing_keys=tuple(missing))


def backup_vault(home: Home, file: Path, *, clock: Clock) -> Taken:
    """Write a backup of the vault alone, beside whoever works on it.

    Raises:
        As `backup`.
    """
    origin = home.settings(environment=False).origin
    copies = engine_of(home).copies()
    with _working_beside(file) as work:
        made = clock.now()
        keys = copies.copy_vault_to(work / VAULT)
        manifest = Manifest(
            holds="vault",
            origin=origin,
            made=made,
            schema_version=VAULT_VERSION,
            size=keys,
            root=b"",
            files=digested([(VAULT, work / VAULT)]),
        )
        return Taken(manifest=manifest, bytes=write_backup(file, manifest, [work / VAULT], within=work), covered=None)


@contextmanager
def _working_beside(file: Path) -> Iterator[Path]:
    """A folder for the parts of a backup; where the backup fits, they fit once more."""
    if file.exists():
        raise BackupExists(f"there is {file} already; a backup replaces nothing")
    try:
        with scratch_folder(".testamur-backup-", file.absolute().parent) as folder:
            yield folder
    except OSError as error:
        raise BackupFailed(f"no backup can be written to {file}: {error.strerror}") from error


def _keys_of(home: Home) -> Sequence[str]:
    names = (f"{KEYS}/{path.name}" for path in sorted(home.keys.glob("*.pem")))
    return [name for name in names if is_key(name)]


def _copy_small(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(source, target)


def restore(folder: Path, file: Path, *, database_url: str | None = None, accept_lost_keys: bool = False) -> Taken:
    """Put a backup of the ledger into a home that has none: a new one, or one that lost it.

    Whole or not at all. The published checkpoint stays as it is; a backup that does not hold everything under it, or
    holds something else, is refused.

    Args:
        database_url: of a database in PostgreSQL, else TESTAMUR_DATABASE_URL; without any, files of the folder.
        accept_lost_keys: also beside a vault that lacks keys which its private parts need.

    Raises:
        KeysLost: there is such a vault.
        LogRolledBack: the published checkpoint covers more entries than the backup, or others.
        BackupExists: there is a ledger, or a part of one.
        BadBackup, BackupFailed, BadSettings: nothing was changed.
    """
    folder = folder.resolve()  # `.` has no name to make another beside
    home = Home(folder, database_url)
    try:
        if folder.exists():
            check_folder(home)
            with home.hold():
                return _restored(home, file, accept_lost_keys)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with scratch_folder(f".{folder.name}.new-", folder.parent) as making:
            (making / "secrets").mkdir(mode=0o700)
            taken = _restored(Home(making, database_url), file, accept_lost_keys)
            making.rename(folder)
        sync_folder(folder.parent)
        return taken
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be restored from {file}: {error.strerror}") from error


def _restored(home: Home, file: Path, accept_lost_keys: bool) -> Taken:
    engine: EngineName = "sqlite" if home.database_url is None else "postgresql"
    copies = engine_of(home, home.settings().engine if home.exists() else engine).copies()
    check_free(copies, "ledger")
    with scratch_folder(".restoring-", home.folder) as work:
        manifest = read_backup(file, work, "ledger")
        verify_copy(work, manifest, file)
        api_keys = open_api_keys(work / LEDGER, file)
        if home.exists() and home.settings(environment=False).origin != manifest.origin:
            raise BadSettings(
                f"{home.folder} is the home of {home.settings(environment=False).origin}, "
                f"and {file} a backup of {manifest.origin}"
            )
        covered = check_published(published_in(home), work / LEDGER, taking=False)
        lost = lost_beside_vault(copies, work / LEDGER)
        check_lost(lost, accept_lost_keys)
        with _undone_if_it_fails() as added:
            _name_engine(Home(work), engine)
            _place(home, work, manifest, added)
            for path in _views_of(home):
                path.unlink(missing_ok=True)  # they may be ahead of what is restored; the next start folds them anew
            copies.fill_from(work / LEDGER)
        size = file.stat().st_size
        return Taken(manifest=manifest, bytes=size, covered=covered, open_api_keys=api_keys, lost_keys=lost)


def has_vault(home: Home) -> bool:
    """Whether there is a vault for the ledger of this home, wherever it lies.

    Raises:
        LedgerError: that is not to be known.
    """
    return engine_of(home).copies().holds("vault")


@contextmanager
def _undone_if_it_fails() -> Iterator[list[Path]]:
    """Files that are listed in what this gives are removed again if the block fails."""
    added: list[Path] = []
    try:
        yield added
    except BaseException:
        for path in added:
            path.unlink(missing_ok=True)
        raise


def _place(home: Home, work: Path, manifest: Manifest, added: list[Path]) -> None:
    """Put settings and keys where there are none."""
    home.keys.mkdir(mode=0o700, exist_ok=True)
    for name in (member.name for member in manifest.files if member.name != LEDGER):
        place = home.folder / name
        if not place.exists():
            added.append(place)
            replace_file(place, (work / name).read_bytes(), mode=0o644 if name == SETTINGS else 0o600)


def _name_engine(home: Home, engine: EngineName) -> None:
    """Have the settings say where the ledger lies now, if they say otherwise."""
    settings = home.settings(environment=False)
    if settings.engine != engine:
        home.write_settings(replace(settings, engine=engine))


def _views_of(home: Home) -> Sequence[Path]:
    return [home.views.with_name(f"{home.views.name}{end}") for end in ("", "-wal", "-shm")]


def restore_vault(home: Home, file: Path, *, accept_lost_keys: bool = False) -> Taken:
    """Put a backup of the vault into the home that it is of, and that has no vault.

    Args:
        accept_lost_keys: also one that lacks keys which private parts of the ledger need.

    Raises:
        KeysLost: it lacks such keys.
        HomeMissing: the ledger is to be restored first.
        BackupExists: there is a vault.
        BadBackup, BackupFailed, BadSettings: nothing was changed.
    """
    if not home.exists():
        raise HomeMissing(f"there is no ledger in {home.folder}; restore its backup first, then that of the vault")
    origin = home.settings(environment=False).origin
    copies = engine_of(home).copies()
    try:
        with home.hold(), scratch_folder(".restoring-", home.folder) as work:
            check_free(copies, "vault")
            manifest = read_backup(file, work, "vault")
            if manifest.origin != origin:
                raise BadSettings(f"{home.folder} is the home of {origin}, and {file} a backup of {manifest.origin}")
            _check_vault(home, work / VAULT, file)
            lost = lost_beside_ledger(copies, work / VAULT)
            check_lost(lost, accept_lost_keys)
            copies.fill_vault_from(work / VAULT)
            return Taken(manifest=manifest, bytes=file.stat().st_size, covered=None, lost_keys=lost)
    except OSError as error:
        raise BackupFailed(f"{home.vault} cannot be restored from {file}: {error.strerror}") from error


def _check_vault(home: Home, vault: Path, file: Path) -> None:
    """Pass if it is a vault, and one of this home's master key, where that is there already."""
    try:
        refuse_what_runs(vault)
        rows = SqliteVaultRows(vault)
        if not home.master_key.exists():
            rows.close()
            return
        wrapping_key = MasterKey.load(home.master_key).derive(WRAPPING)
        KeyVault(rows, wrapping_key=wrapping_key, lookup_key=b"", entropy=SystemEntropy()).close()
    except (VaultUnreadable, WrongSchema) as error:
        raise BadBackup(f"{file} is not used: {error}") from error


def migrate(home: Home) -> tuple[int, int]:
    """Bring the schema of the ledger to the version of this program; the versions before and after.

    Raises:
        WrongSchema: it is newer, or no ledger.
        HomeBusy: a server works on it.
        LedgerError: it cannot be reached, or changed; it is as it was.
    """
    engine = engine_of(home)
    with home.hold(shared=engine.shared):
        return engine.migrate()
