"""A ledger in PostgreSQL as the audit reads it: copied, in one snapshot, into a SQLite file that takes any row.

So the same code audits both, and trusts neither. The copy has none of the constraints that a ledger has: two rows at
one position, a NULL, or a gap arrive as they lie. No index of the database is asked, as one could leave rows out.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, LiteralString

from ledger.adapters.postgres.connections import Connection, described
from ledger.adapters.postgres.copying import TABLES, Columns, Row, one_snapshot, rows_of
from ledger.adapters.postgres.guards import missing_guards
from ledger.adapters.scratch import scratch_folder
from ledger.adapters.sqlite.audit_source import SqliteAuditSource, open_audit_source
from ledger.audit.source import CannotBeAudited
from ledger.errors import LedgerError

_BATCH = 200  # rows that are kept or refused together
_ENTRIES: Final = "stored_events"
# So that the audit finds its way through a large copy; they constrain nothing.
_INDEXES: Final = (
    "CREATE INDEX by_position ON stored_events(notification_id)",
    "CREATE INDEX by_stream ON stored_events(originator_id, originator_version)",
    "CREATE INDEX parts ON private_parts(position, part)",
    "CREATE INDEX digests ON definitions(digest)",
    "CREATE INDEX slots ON status_slots(list, slot)",
)
_SETTINGS: Final[tuple[LiteralString, ...]] = (
    "SET LOCAL search_path = pg_catalog",  # no function of the database's owner in the place of the server's
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_indexonlyscan = off",
    "SET LOCAL enable_bitmapscan = off",
    "SET LOCAL row_security = off",  # where a policy hides rows, the server refuses
)
# A table proper, all of it: not a view, no children that add rows.
_PLAIN = """SELECT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = to_regclass(%s) AND c.relkind = 'r'
    AND NOT c.relrowsecurity AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid))"""
_TYPES = """SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND t.typnamespace = 'pg_catalog'::regnamespace"""


class CopiedAuditSource(SqliteAuditSource):
    """The `AuditSource` of a copy, which knows what guards the database had."""

    def __init__(self, connection: sqlite3.Connection, path: Path, missing: Sequence[str]) -> None:
        super().__init__(connection, path)
        self._missing = missing

    def missing_guards(self) -> Sequence[str]:
        """Triggers, functions and constraints of the database that are not there, or say something else."""
        return self._missing


@contextmanager
def open_copied_source(url: str) -> Iterator[CopiedAuditSource]:
    """One snapshot of the ledger in a database, with a file of one's own behind it; nothing is changed there.

    Raises:
        CannotBeAudited: the database cannot be read, or holds no tables of a ledger.
    """
    with scratch_folder("testamur-audit-") as folder:  # for its owner alone
        path = folder / "ledger.db"
        missing = copy_as_it_lies(url, path)
        with open_audit_source(path) as source:
            yield CopiedAuditSource(source.connection, source.path, missing)


def copy_as_it_lies(url: str, path: Path) -> Sequence[str]:
    """Write every row into a new SQLite file without constraints; the guards that the database has not.

    Raises:
        CannotBeAudited: the database cannot be read, or the file not be written.
    """
    try:
        with one_snapshot(url, name="testamur audit") as connection, closing(_new(path)) as copy:
            for setting in _SETTINGS:
                connection.execute(setting)
            missing = missing_guards(connection)
            for table, columns in TABLES.items():
                _check(connection, table, columns, url)
                _keep(copy, table, columns, rows_of(connection, table, columns, ordered=False))
            for index in _INDEXES:
                copy.execute(index)
            copy.execute("COMMIT")
            return missing
    except sqlite3.Error as error:
        raise CannotBeAudited(f"a copy of {described(url)} cannot be written: {error}") from error
    except CannotBeAudited:
        raise
    except LedgerError as error:
        raise CannotBeAudited(str(error)) from error


def _new(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = MEMORY")  # a copy that fails is thrown away
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for table, columns in TABLES.items():
        # Rows at a place of their own are quicker to find. Where two share one, the table is made anew.
        place = " INTEGER PRIMARY KEY" if table == _ENTRIES else ""
        connection.execute(f"CREATE TABLE {table}({_listed(columns, place)})")
    return connection


def _listed(columns: Columns, place: str = "") -> str:
    first, *others = (name for name, _ in columns)
    return ", ".join((f"{first}{place}", *others))


def _check(connection: Connection, table: LiteralString, columns: Columns, url: str) -> None:
    name = f"ledger.{table}"
    plain = connection.execute(_PLAIN, (name,)).fetchone()
    if plain != (True,):
        raise CannotBeAudited(f"{described(url)} has no table {name} that shows each of its rows, and a ledger has")
    types: dict[str, str] = dict(connection.execute(_TYPES, (name,)).fetchall())
    for column, kind in columns:
        if types.get(column) != kind:
            raise CannotBeAudited(f"the column {column} of {name} in {described(url)} is not of the type {kind}")


def _keep(copy: sqlite3.Connection, table: LiteralString, columns: Columns, rows: Iterator[Row]) -> None:
    insert = f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})"  # noqa: S608 - our own words
    placed = table == _ENTRIES
    while batch := list(islice(rows, _BATCH)):
        if placed and not _kept(copy, insert, batch):
            _loosen(copy, columns)
            placed = False
            copy.executemany(insert, batch)
        elif not placed:
            copy.executemany(insert, batch)


def _kept(copy: sqlite3.Connection, insert: str, batch: Sequence[Row]) -> bool:
    """Whether each row could be put at its place; none is there if not."""
    if any(row[0] is None for row in batch):  # SQLite would find a place for it
        return False
    try:
        # A statement that fails leaves nothing behind, but those before it in the batch would stay.
        copy.execute("SAVEPOINT batch")
        copy.executemany(insert, batch)
        copy.execute("RELEASE batch")
    except sqlite3.IntegrityError:
        copy.execute("ROLLBACK TO batch")
        copy.execute("RELEASE batch")
        return False
    return True


def _loosen(copy: sqlite3.Connection, columns: Columns) -> None:
    """Have the table of entries take any row, with all that are in it."""
    copy.execute("ALTER TABLE stored_events RENAME TO placed")
    copy.execute(f"CREATE TABLE stored_events({_listed(columns)})")
    copy.execute("INSERT INTO stored_events SELECT * FROM placed")
    copy.execute("DROP TABLE placed")
