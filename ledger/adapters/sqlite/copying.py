"""Copies of a SQLite database as of one moment, beside whoever writes it; and what a copy of a ledger holds.

A copy is one complete file: nothing of it lies in a write-ahead log beside it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from ledger.adapters.backup import put_in_place
from ledger.adapters.backup_manifest import Holds
from ledger.adapters.home import sync_folder
from ledger.adapters.sqlite.schema import BUSY_MILLISECONDS, TRIGGERS, WrongSchema
from ledger.application.ports import StoreUnavailable
from ledger.tlog.merkle import CompactRange, Hash, leaf_hash

_AT_ONCE = 25_000  # pages, 100 MB
_COUNT = "SELECT COUNT(*) FROM stored_events"
_KEYS = "SELECT COUNT(*) FROM data_keys"
_KEY_IDS: Mapping[Holds, str] = {
    "ledger": "SELECT DISTINCT key_id FROM private_parts ORDER BY key_id",
    "vault": "SELECT key_id FROM data_keys ORDER BY key_id",
}
_ENTRIES = "SELECT notification_id, state FROM stored_events ORDER BY notification_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a copy of a ledger holds."""

    schema_version: int
    first: bytes  # the first entry; empty where there is none
    tree: CompactRange  # over all entries
    before: CompactRange | None  # over as many as were asked for; None where there are fewer


def copy_database(database: Path, target: Path) -> None:
    """Write everything that the database at `database` holds now into a new file; durable when it returns.

    Others may write meanwhile: they are not kept from it, and the copy is of one moment between two commits.

    Raises:
        StoreUnavailable: it cannot be read, or the copy cannot be written; then there is none.
    """
    if not database.is_file():
        raise StoreUnavailable(f"there is no database at {database}")
    with durable_copy(target):
        try:
            _copy(database, target)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{database} cannot be copied to {target}: {error}") from error


@contextmanager
def durable_copy(target: Path) -> Iterator[None]:
    """A new, empty file for the block to fill: durable when it ends, gone if it fails.

    Raises:
        StoreUnavailable: the file is there already, or cannot be written.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield
            descriptor = os.open(target, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(target.parent)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{target} cannot be written: {error}") from error


def _copy(database: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        source.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        # Inside a transaction that has read, every page is that of one moment, and no writer makes it begin again.
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        copy.execute("PRAGMA synchronous = OFF")  # it is synchronised once, at the end
        source.backup(copy, pages=_AT_ONCE, progress=_pause)


def _pause(_status: int, _left: int, _all: int) -> None:
    """A moment between some pages and the next, in which this process hears that it is to end."""


def copy_to(database: Path, target: Path) -> int:
    """Write the ledger, as of one moment, into a new SQLite ledger; how many entries.

    Raises:
        StoreUnavailable: as `copy_database`.
    """
    return _copy_counted(database, target, _COUNT)


def fill_from(database: Path, source: Path) -> int:
    """Make the ledger at `database`, where there must be none, out of another; how many entries. Whole or not at all.

    Raises:
        WrongSchema: there is a ledger, or a part of one.
        StoreUnavailable: as `copy_database`.
    """
    return _fill(database, source, _COUNT)


def check_free(database: Path) -> None:
    """Pass if there is neither such a file, nor what a lost one of that name may have left beside it.

    Raises:
        WrongSchema.
    """
    if database.exists():
        raise WrongSchema(f"there is {database} already, and nothing is written over it")
    for path in _beside(database):
        if path.exists() and path.stat().st_size:
            # What was recorded last may lie there alone; and SQLite would take it for a part of the new file.
            raise WrongSchema(f"there is {path}, which belonged to the lost file: keep it elsewhere, it may be needed")


def _beside(database: Path) -> Sequence[Path]:
    return [database.with_name(f"{database.name}{end}") for end in ("-wal", "-journal")]


def _copy_counted(database: Path, target: Path, count: str) -> int:
    copy_database(database, target)
    with reading_copy(target) as connection:
        return int(connection.execute(count).fetchone()[0])


def _fill(database: Path, source: Path, count: str) -> int:
    check_free(database)
    making = database.with_name(f".{database.name}.{os.getpid()}.new")
    making.unlink(missing_ok=True)
    rows = _copy_counted(source, making, count)
    try:
        for path in (*_beside(database), database.with_name(f"{database.name}-shm")):
            path.unlink(missing_ok=True)  # empty, or an index of what is empty
        put_in_place(making, database)
    except OSError as error:
        raise StoreUnavailable(f"{database} cannot be made: {error}") from error
    return rows


def refuse_what_runs(copy: Path) -> None:
    """Pass if opening the database at `copy` runs nothing but what a ledger brings: it may come from anybody.

    Raises:
        WrongSchema: it holds views, virtual tables, or triggers that no ledger has.
    """
    known = {_words(trigger) for trigger in TRIGGERS}
    with reading_copy(copy) as connection:
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            strange = kind == "view" or (kind == "trigger" and _words(sql) not in known)
            if strange or _words(sql).upper().startswith("CREATE VIRTUAL"):
                raise WrongSchema(f"{copy.name} holds {kind} {ascii(name)[:80]}, which no ledger has")


def _words(sql: object) -> str:
    return " ".join(sql.split()) if isinstance(sql, str) else ""


def contents(copy: Path, *, before: int = 0) -> Contents:
    """What a finished copy, which nobody writes, holds: its tree is computed over every entry.

    Args:
        before: also the tree of the first so many.

    Raises:
        WrongSchema: it is not a ledger, or its entries do not stand at 1, 2, 3 ... up to its head.
    """
    with reading_copy(copy) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version < 1:
            raise WrongSchema(f"{copy.name} is not a ledger's database")
        first = connection.execute("SELECT state FROM stored_events WHERE notification_id = 1").fetchone()
        rows = cast("Iterator[tuple[int, bytes]]", connection.execute(_ENTRIES))
        empty = CompactRange.empty()
        start = empty.extended(_leaves(islice(rows, before), empty.size)) if before else empty
        tree = start.extended(_leaves(rows, start.size))
        heads = connection.execute("SELECT size FROM log_head").fetchall()
        if heads != [(tree.size,)]:
            raise WrongSchema(f"the ledger holds {tree.size} entries, but its head says {heads}: audit it")
        return Contents(
            schema_version=version,
            first=first[0] if first is not None and isinstance(first[0], bytes) else b"",
            tree=tree,
            before=start if start.size == before else None,
        )


def _leaves(rows: Iterator[tuple[int, bytes]], size: int) -> Iterator[Hash]:
    for position, entry in rows:
        size += 1
        if position != size or not isinstance(entry, bytes):
            raise WrongSchema(f"where position {size} should stand, the ledger holds something else: audit it")
        yield leaf_hash(entry)


@contextmanager
def reading_copy(copy: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a finished copy, which nobody writes: no file is made beside it.

    Raises:
        WrongSchema: it cannot be read as a ledger's database.
    """
    try:
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise WrongSchema(f"{copy.name} cannot be read as a ledger's database: {error}") from error


@contextmanager
def key_ids(database: Path, holds: Holds) -> Iterator[Iterator[bytes]]:
    """The ids of data keys, each once, ascending: those that private parts of a ledger need, or a vault has.

    Raises:
        StoreUnavailable: the file cannot be read as one.
    """
    try:
        uri = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            rows = connection.execute(_KEY_IDS[holds])
            yield (bytes(memoryview(key_id)) for (key_id,) in rows)
    except (sqlite3.Error, TypeError) as error:
        raise StoreUnavailable(f"{database} cannot be read as a {holds}: {error}") from error


class SqliteCopies:
    """Copies of a ledger and a vault that are files, and from copies."""

    def __init__(self, database: Path, vault: Path) -> None:
        self._database = database
        self._vault = vault

    def check_free(self, holds: Holds) -> None:
        """Pass if there is neither such a file, nor what a lost one may have left beside it.

        Raises:
            WrongSchema.
        """
        check_free(self._place(holds))

    def holds(self, holds: Holds) -> bool:
        """Whether there is such a file."""
        return self._place(holds).exists()

    def key_ids(self, holds: Holds) -> AbstractContextManager[Iterator[bytes]]:
        """The ids of data keys, each once, ascending: those that private parts of the ledger need, or the vault has."""
        return key_ids(self._place(holds), holds)

    def _place(self, holds: Holds) -> Path:
        return self._database if holds == "ledger" else self._vault

    def discard(self, holds: Holds) -> None:
        """Remove the file of the ledger, or of the vault, for ever.

        Raises:
            StoreUnavailable: it is still there.
        """
        path = self._place(holds)
        try:
            for each in (path, *_beside(path), path.with_name(f"{path.name}-shm")):
                each.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be removed: {error}") from error

    def copy_to(self, path: Path) -> int:
        """Write the ledger, as of one moment, into a new file; how many entries."""
        return copy_to(self._database, path)

    def fill_from(self, path: Path) -> int:
        """Make the ledger out of another file; how many entries. Whole or not at all."""
        return fill_from(self._database, path)

    def copy_vault_to(self, path: Path) -> int:
        """Write the vault, as of one moment, into a new file; how many keys."""
        return _copy_counted(self._vault, path, _KEYS)

    def fill_vault_from(self, path: Path) -> int:
        """Make the vault out of another file; how many keys. Whole or not at all."""
        return _fill(self._vault, path, _KEYS)
