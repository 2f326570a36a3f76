"""A ledger's SQLite database as the audit reads it: one snapshot, read-only, whatever a column holds.

The write-ahead log is part of the database: a commit may lie there alone. `immutable=1` would leave it out, so it is
never used; where SQLite cannot work in the folder of the files, both are copied and the copy is read.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from ledger.adapters.private_box import open_box
from ledger.adapters.sqlite_schema import TRIGGERS
from ledger.application.ports import Vault
from ledger.audit.source import CannotBeAudited, CheckpointRow, Column, EntryRow, PartRow
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening

_COPIES = 3  # attempts to copy two files that somebody may be writing
_BUSY_MILLISECONDS = 5_000
# NOT INDEXED: an index that somebody made could leave rows out, and both passes must see the table itself.
_ENTRY = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events NOT INDEXED"
# What the audit finds column by column, and better than SQLite does.
_OF_COLUMNS = (" constraint failed in ", " value in ")


class VaultFailed(LedgerError):
    """The vault could not be asked for a key."""


class SqliteAuditSource:
    """The `AuditSource` of one connection: every read sees what the first one saw."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read through a connection that took its snapshot already."""
        self._connection = connection
        connection.text_factory = _text

    def entries(self) -> Iterator[EntryRow]:
        """Position, originator id, originator version, topic, state: every row by position."""
        return cast("Iterator[EntryRow]", self._rows(f"{_ENTRY} ORDER BY notification_id"))

    def entries_by_stream(self) -> Iterator[EntryRow]:
        """The same rows by originator id and originator version."""
        statement = f"{_ENTRY} ORDER BY originator_id, originator_version, notification_id"
        return cast("Iterator[EntryRow]", self._rows(statement))

    def heads(self) -> Sequence[tuple[Column, Column]]:
        """Size and time of every head there is, three at most; there should be one."""
        return cast("list[tuple[Column, Column]]", list(self._rows("SELECT size, at FROM log_head LIMIT 3")))

    def checkpoints(self) -> Iterator[CheckpointRow]:
        """Size, note and compact range, by size."""
        statement = "SELECT size, note, compact_range FROM checkpoints ORDER BY size"
        return cast("Iterator[CheckpointRow]", self._rows(statement))

    def part_names(self) -> Iterator[tuple[Column, Column]]:
        """Position and name of every private part, by both."""
        statement = "SELECT position, part FROM private_parts ORDER BY position, part"
        return cast("Iterator[tuple[Column, Column]]", self._rows(statement))

    def parts_at(self, position: int) -> Sequence[PartRow]:
        """Name, key id and box of the private parts at a position."""
        statement = "SELECT part, key_id, box FROM private_parts WHERE position = ? ORDER BY part"
        return cast("list[PartRow]", list(self._rows(statement, position)))

    def definitions(self) -> Iterator[tuple[Column, Column]]:
        """Digest and content of every definition and profile."""
        return cast("Iterator[tuple[Column, Column]]", self._rows("SELECT digest, content FROM definitions"))

    def names(self) -> Iterator[tuple[Column, Column, Column]]:
        """Scope, name and stream of every short name."""
        return cast("Iterator[tuple[Column, Column, Column]]", self._rows("SELECT scope, name, stream FROM names"))

    def status_lists(self) -> Iterator[tuple[Column, Column, Column]]:
        """List, issuer's stream and number of slots used, of every status list."""
        return cast(
            "Iterator[tuple[Column, Column, Column]]", self._rows("SELECT list, issuer, used FROM status_lists")
        )

    def slot_holders(self, status_list: bytes, slot: int) -> Sequence[tuple[Column, Column]]:
        """Stream and seq of every version that holds the slot, three at most; there should be one."""
        statement = "SELECT stream, seq FROM status_slots WHERE list = ? AND slot = ? LIMIT 3"
        return cast("list[tuple[Column, Column]]", list(self._rows(statement, status_list, slot)))

    def slot_count(self) -> int:
        """How many slots are held."""
        return self._value("SELECT COUNT(*) FROM status_slots")

    def short_code_count(self) -> int:
        """How many short codes there are."""
        return self._value("SELECT COUNT(*) FROM short_codes")

    def idempotency_count(self) -> int:
        """How many idempotency keys are remembered."""
        return self._value("SELECT COUNT(*) FROM idempotency")

    def api_key_count(self) -> int:
        """How many API keys there are, revoked ones too."""
        return self._value("SELECT COUNT(*) FROM api_keys")

    def damage(self) -> Sequence[str]:
        """What SQLite finds wrong with the file: pages, and indexes that leave rows out or hold others."""
        lines = [line for (line,) in self._rows("PRAGMA integrity_check(20)") if isinstance(line, str)]
        return [line for line in lines if line != "ok" and not any(words in line for words in _OF_COLUMNS)]

    def missing_guards(self) -> Sequence[str]:
        """The triggers of a ledger that are not there, or say something else here."""
        there = {_words(sql) for (sql,) in self._rows("SELECT sql FROM sqlite_master WHERE type = 'trigger'")}
        return [trigger.split()[2] for trigger in TRIGGERS if _words(trigger) not in there]

    def refuse_views(self) -> None:
        """Pass if every row is stored. A view in a table's place could compute other rows at each read, or never end.

        Raises:
            CannotBeAudited: there are views, which no ledger has.
        """
        views = self._value("SELECT COUNT(*) FROM sqlite_master WHERE type = 'view'")
        if views:
            raise CannotBeAudited(f"the database holds {views} views, and a ledger has none: rows must be stored")

    def _value(self, statement: str) -> int:
        return cast("int", next(self._rows(statement))[0])

    def _rows(self, statement: str, *parameters: int | bytes) -> Iterator[tuple[Column, ...]]:
        try:
            yield from self._connection.execute(statement, parameters)
        except sqlite3.Error as error:
            raise CannotBeAudited(f"the database cannot be read as a ledger's: {error}") from error


def _words(sql: Column) -> str:
    return " ".join(sql.split()) if isinstance(sql, str) else ""


class VaultOpener:
    """Opens private parts with the data keys of a vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def __call__(self, stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        """What the box holds; None where there is no key of this id.

        Raises:
            BoxUnreadable, VaultUnreadable, VaultFailed.
        """
        try:
            data_key = self._vault.data_key(key_id)
        except sqlite3.Error as error:
            raise VaultFailed(f"the vault cannot be read: {error}") from error
        return None if data_key is None else open_box(data_key, box, stream=stream, seq=seq, part=part)


@contextmanager
def open_audit_source(path: Path) -> Iterator[SqliteAuditSource]:
    """One snapshot of the ledger's database at `path`, with what lies in its write-ahead log; nothing is changed.

    Raises:
        CannotBeAudited: there is no such file, it cannot be read, or it is no SQLite database.
    """
    if not path.is_file():
        raise CannotBeAudited(f"there is no database at {path}")
    with ExitStack() as stack:
        try:
            connection = _connect(path)
        except sqlite3.OperationalError:
            # SQLite wants to make the index of the write-ahead log beside it, and this folder does not let it.
            folder = stack.enter_context(TemporaryDirectory(prefix="testamur-audit-"))
            connection = _connect_to_copy(path, Path(folder))
        except sqlite3.Error as error:
            raise CannotBeAudited(f"{path} is not a database that can be read: {error}") from error
        stack.callback(connection.close)
        source = SqliteAuditSource(connection)
        source.refuse_views()
        yield source


def _connect(path: Path) -> sqlite3.Connection:
    """A read-only connection with its snapshot taken, or the error of SQLite."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # from this read on, nothing changes
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_to_copy(path: Path, folder: Path) -> sqlite3.Connection:
    """A connection to a copy of the database and its write-ahead log, of one moment."""
    copy = folder / "ledger.db"
    try:
        for _ in range(_COPIES):
            before = _states(path)
            for source, target in zip(_files(path), _files(copy), strict=True):
                target.unlink(missing_ok=True)
                if source.is_file():
                    shutil.copyfile(source, target)
            if _states(path) == before:
                return _connect(copy)
    except (OSError, sqlite3.Error) as error:
        raise CannotBeAudited(f"{path} cannot be read, nor a copy of it: {error}") from error
    raise CannotBeAudited(f"{path} is being written, and its folder lets nobody read it meanwhile; copy the home first")


def _files(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(f"{path.name}-wal")


def _states(path: Path) -> list[tuple[int, int] | None]:
    states = [each.stat() if each.is_file() else None for each in _files(path)]
    return [None if state is None else (state.st_mtime_ns, state.st_size) for state in states]


def _text(raw: bytes) -> str:
    """Text as it is stored; what is not UTF-8 must be seen and reported, not raised over."""
    return raw.decode("utf-8", "surrogateescape")
