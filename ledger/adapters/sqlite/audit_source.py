"""A ledger's SQLite database as the audit reads it: one snapshot, read-only, whatever a column holds.

The write-ahead log is part of the database: a commit may lie there alone. `immutable=1` would leave it out, so it is
never used; where SQLite cannot work in the folder of the files, both are copied and the copy is read.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import cast

from ledger.adapters.scratch import scratch_folder
from ledger.adapters.sqlite.readers import connect_to_read
from ledger.adapters.sqlite.schema import TRIGGERS
from ledger.audit.source import CannotBeAudited, CheckpointRow, Column, EntryRow, PartRow, SignedListRow

_FETCHED = 64  # rows taken from SQLite at a time
_NOT_UTF8 = "Could not decode to UTF-8"
_COPY = "ledger.db"
_COPIES = 3  # attempts to copy two files that somebody may be writing
_BUSY_MILLISECONDS = 5_000
# NOT INDEXED: an index that somebody made could leave rows out, and both passes must see the table itself.
_INDEXED = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events"
_ENTRY = f"{_INDEXED} NOT INDEXED"
_BY_STREAM = "ORDER BY originator_id, originator_version, notification_id"
_PLACES = """WITH numbered AS (
        SELECT notification_id AS place, ROW_NUMBER() OVER (ORDER BY notification_id) AS number
        FROM stored_events NOT INDEXED WHERE typeof(notification_id) = 'integer' AND notification_id >= 1)
    SELECT place FROM numbered WHERE number % ? = 0 OR number = (SELECT MAX(number) FROM numbered) ORDER BY place"""
_PARTS = "FROM private_parts {} ORDER BY position, part"
_HOLDERS = "SELECT slot, stream, seq FROM status_slots WHERE list = ? AND slot IN ({})"
_FIRST_STREAMS = " AND (originator_id IS NULL OR originator_id < ?)"
# What the audit finds column by column, and better than SQLite does.
_OF_COLUMNS = (" constraint failed in ", " value in ")


class SqliteAuditSource:
    """The `AuditSource` of one connection: every read sees what the first one saw."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Read through a connection that took its snapshot already, of the file at `path`."""
        self._connection = connection
        self.path = path  # of what is read; a copy, where the database itself could not be read in its place

    @property
    def connection(self) -> sqlite3.Connection:
        """What is read through."""
        return self._connection

    def entries(self, after: int | None = None, last: int | None = None) -> Iterator[EntryRow]:
        """Position, originator id, originator version, topic, state: rows by position, `after` < position <= `last`."""
        where, bounds = _between("notification_id", after, last)
        return cast("Iterator[EntryRow]", self._rows(f"{_ENTRY} {where} ORDER BY notification_id", *bounds))

    def entries_by_stream(self, last: int, low: str | None = None, high: str | None = None) -> Iterator[EntryRow]:
        """The rows up to position `last` by originator id and originator version, `low` <= originator id < `high`."""
        # NULL is neither below nor above anything; it belongs to the range without a lower bound.
        begins = "" if low is None else " AND originator_id >= ?"
        ends = "" if high is None else " AND originator_id < ?" if low is not None else _FIRST_STREAMS
        bounds = [each for each in (low, high) if each is not None]
        where = f"WHERE notification_id <= ?{begins}{ends}"
        return cast("Iterator[EntryRow]", self._rows(f"{_ENTRY} {where} {_BY_STREAM}", last, *bounds))

    def entries_of(self, originator: str, last: int) -> Iterator[EntryRow]:
        """The rows of one originator id up to position `last`, by originator version and position."""
        where = "WHERE originator_id = ? AND notification_id <= ?"
        return cast("Iterator[EntryRow]", self._rows(f"{_INDEXED} {where} {_BY_STREAM}", originator, last))

    def entry_count(self) -> int:
        """How many rows there are, whatever stands in them."""
        return self._value("SELECT COUNT(*) FROM stored_events NOT INDEXED")

    def places(self, every: int) -> Sequence[int]:
        """The position of every so-maniest row that has one, 1 or more, in their order; and that of the last one."""
        count = self.entry_count()
        low, high = next(self._rows("SELECT MIN(notification_id), MAX(notification_id) FROM stored_events NOT INDEXED"))
        if (low, high) == (1, count) and type(high) is int:
            return [*range(every, count, every), count]
        return [cast("int", place) for (place,) in self._rows(_PLACES, every)]

    def heads(self) -> Sequence[tuple[Column, Column]]:
        """Size and time of every head there is, three at most; there should be one."""
        return cast("list[tuple[Column, Column]]", list(self._rows("SELECT size, at FROM log_head LIMIT 3")))

    def checkpoints(self) -> Iterator[CheckpointRow]:
        """Size, note and compact range, by size."""
        statement = "SELECT size, note, compact_range FROM checkpoints ORDER BY size"
        return cast("Iterator[CheckpointRow]", self._rows(statement))

    def part_names(self, after: int | None = None, last: int | None = None) -> Iterator[tuple[Column, Column]]:
        """Position and name of private parts by both, `after` < position <= `last`."""
        where, bounds = _between("position", after, last)
        statement = "SELECT position, part " + _PARTS.format(where)
        return cast("Iterator[tuple[Column, Column]]", self._rows(statement, *bounds))

    def parts_at(self, position: int) -> Sequence[PartRow]:
        """Name, key id and box of the private parts at a position."""
        statement = "SELECT part, key_id, box FROM private_parts WHERE position = ? ORDER BY part"
        return cast("list[PartRow]", list(self._rows(statement, position)))

    def parts_of(self, positions: Sequence[int]) -> Iterator[tuple[Column, Column, Column, Column]]:
        """Position, name, key id and box of the private parts at these positions, by position and name."""
        where = f"WHERE position IN ({_marks(positions)})"
        statement = "SELECT position, part, key_id, box " + _PARTS.format(where)
        return cast("Iterator[tuple[Column, Column, Column, Column]]", self._rows(statement, *positions))

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

    def signed_lists(self) -> Iterator[SignedListRow]:
        """List, time, size of the log, and credential of every signed status list, by size, list and time."""
        statement = "SELECT list, made_at, size, raw FROM status_credentials NOT INDEXED ORDER BY size, list, made_at"
        return cast("Iterator[SignedListRow]", self._rows(statement))

    def definition(self, digest: bytes) -> Column:
        """The content under that digest, as it stands; None where there is none."""
        rows = self._rows("SELECT content FROM definitions WHERE digest = ?", digest)
        return next((content for (content,) in rows), None)

    def slot_holders(self, status_list: bytes, slots: Sequence[int]) -> Iterator[tuple[Column, Column, Column]]:
        """Slot, stream and seq of every version that holds one of these slots; there should be one for each."""
        rows = self._rows(_HOLDERS.format(_marks(slots)), status_list, *slots)
        return cast("Iterator[tuple[Column, Column, Column]]", rows)

    def slot_count(self) -> int:
        """How many slots are held."""
        return self._value("SELECT COUNT(*) FROM status_slots")

    def short_code_count(self) -> int:
        """How many short codes there are."""
        return self._value("SELECT COUNT(*) FROM short_codes")

    def stack_count(self) -> int:
        """How many awards are remembered as built from others."""
        return self._value("SELECT COUNT(*) FROM stacks")

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
        return [f"trigger {trigger.split()[2]}" for trigger in TRIGGERS if _words(trigger) not in there]

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

    def _rows(self, statement: str, *parameters: int | str | bytes) -> Iterator[tuple[Column, ...]]:
        given = 0
        try:
            cursor = self._connection.execute(statement, parameters)
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows
                given += len(rows)
        except sqlite3.Error as error:
            if self._connection.text_factory is not str or not str(error).startswith(_NOT_UTF8):
                raise CannotBeAudited(f"the database cannot be read as a ledger's: {error}") from error
            # Text that is none is rare, and asking Python for each text costs more than reading it.
            self._connection.text_factory = _text
            yield from islice(self._rows(statement, *parameters), given, None)


def _between(column: str, after: int | None, last: int | None) -> tuple[str, list[int]]:
    """A condition on a column, and its bounds; none where there are none."""
    # NULL is neither below nor above anything; it stands before the first position.
    parts = [] if after is None else [f"{column} > ?"]
    if last is not None:
        parts.append(f"{column} <= ?" if after is not None else f"({column} IS NULL OR {column} <= ?)")
    return f"WHERE {' AND '.join(parts)}" if parts else "", [each for each in (after, last) if each is not None]


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))


def _words(sql: Column) -> str:
    return " ".join(sql.split()) if isinstance(sql, str) else ""


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
            read, connection = path, _connect(path)
        except sqlite3.OperationalError:
            # SQLite wants to make the index of the write-ahead log beside it, and this folder does not let it.
            folder = stack.enter_context(scratch_folder("testamur-audit-"))
            read = folder / _COPY
            connection = _connect_to_copy(path, read)
        except sqlite3.Error as error:
            raise CannotBeAudited(f"{path} is not a database that can be read: {error}") from error
        stack.callback(connection.close)
        source = SqliteAuditSource(connection, read)
        source.refuse_views()
        yield source


def _connect(path: Path) -> sqlite3.Connection:
    """A read-only connection with its snapshot taken, or the error of SQLite."""
    return connect_to_read(path, busy_milliseconds=_BUSY_MILLISECONDS)


def _connect_to_copy(path: Path, copy: Path) -> sqlite3.Connection:
    """A connection to a copy of the database and its write-ahead log, of one moment."""
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
