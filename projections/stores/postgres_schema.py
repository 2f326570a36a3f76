"""The schema `views` of a PostgreSQL database: tables of every view, in generations.

A view that is rebuilt is filled in tables of the next generation; then one row says that these are in use. Nothing that
is read is renamed or locked for that: who reads an older generation goes on reading it, and it is dropped when nobody
does. Renaming tables under readers would show them neither the old rows nor the new ones, as names are looked up in the
present and rows in the snapshot.

Tables of a view with personal columns, and its position, are UNLOGGED: in no base backup and on no standby, and empty
after a crash of the server, all at once. So such a view is folded again from the first event.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import psycopg
from eventsourcing.persistence import PersistenceError
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from psycopg import sql
from psycopg.rows import dict_row

from ledger.adapters.postgres import views as schema
from ledger.adapters.postgres.connections import Connection
from ledger.errors import LedgerError
from projections.family import Column, Table, ValuesRefused, View, ViewStoreError
from projections.stores.engine import BeingFolded, ViewStoreFailed
from projections.stores.tables import all_tables

SCHEMA = schema.NAME
SCHEMA_VERSION = schema.VERSION
_DROPPING = "200ms"  # how long one waits for readers of tables that are no longer in use; then they stay for a while
_TYPES = {"INTEGER": "bigint", "TEXT": 'text COLLATE "C"', "BLOB": "bytea"}
# What an event's own values can bring about. A row too large for an index counts as a limit of the program.
_OF_VALUES = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    OverflowError,
    UnicodeError,
)


def query(text: str) -> sql.SQL:
    """A statement made of our own words."""
    return sql.SQL(text)


@contextmanager
def reported() -> Iterator[None]:
    """Say every error of the database as one of views."""
    try:
        yield
    except _OF_VALUES as error:
        raise ValuesRefused("the tables cannot hold what it says") from error
    except PersistenceError as error:  # the library's
        raise ViewStoreFailed(f"the views' position cannot be recorded: {error}") from error
    except psycopg.Error as error:
        raise ViewStoreFailed(f"the views' tables cannot be used: {_said(error)}") from error
    except ViewStoreError:
        raise
    except LedgerError as error:  # of the connection
        if isinstance(error, ValuesRefused):
            raise
        raise ViewStoreFailed(f"the views' tables cannot be used: {error}") from error


def _said(error: psycopg.Error) -> str:
    """The first line of what went wrong, without the details, which may quote a row."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# ---- locks


def hold(connection: Connection, what: str) -> None:
    """Take an advisory lock, which is the connection's until it lets go of it or ends.

    Raises:
        BeingFolded: another connection has it, for longer than `lock_timeout`.
    """
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", (_key(what),))
    except psycopg.errors.LockNotAvailable as error:
        raise BeingFolded("another process works on this view; ask again") from error


def holds(connection: Connection, what: str) -> bool:
    """Take an advisory lock if it is free."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_key(what),)).fetchone()
    return row is not None and bool(row[0])


def let_go(connection: Connection, what: str) -> None:
    """Give an advisory lock back; one whose connection is lost is free already."""
    if not connection.closed:
        try:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_key(what),))
        except psycopg.Error:
            connection.close()  # and with it, its locks


def _key(what: str) -> int:
    return int.from_bytes(sha256(f"testamur views: {what}".encode()).digest()[:8], "big", signed=True)


# ---- tables


def personal(view: View) -> bool:
    """Whether anything in the view's tables is."""
    return any(column.personal for table in view.tables for column in table.columns)


def mixed(column: Column) -> bool:
    """Whether a column holds numbers as well as text: SQLite needs no type for that, here it is spelled as text."""
    return column.kind.split()[0] not in _TYPES


def called(table: str, generation: int) -> str:
    """The name of a table."""
    return f"{table}_{generation}"


def tracking_table(view: View) -> str:
    """Where a view's own position stands, without its generation."""
    return f"{view.name}_tracking"


def recorder(view: View, generation: int) -> PostgresTrackingRecorder:
    """The library's recorder of positions; it is given cursors, and opens no connection itself."""
    nowhere = PostgresDatastore(dbname="", host="", port="", user="", password="", schema=SCHEMA)
    return PostgresTrackingRecorder(nowhere, tracking_table_name=called(tracking_table(view), generation))


def create_tables(connection: Connection, view: View, generation: int) -> None:
    """Make the tables of a view, with what its fold finds rows by."""
    unlogged = "UNLOGGED " if personal(view) else ""
    for table in all_tables(view):
        spelled = [f"{each.name} {_kind(each)}" for each in table.columns]
        if table.found_by is not None:
            spelled.append(f"UNIQUE ({table.found_by})")
        name = called(table.name, generation)
        connection.execute(query(f"CREATE {unlogged}TABLE {SCHEMA}.{name} ({', '.join(spelled)})"))
        create_indexes(connection, table, generation, [(each,) for each in table.asked_by])
    with connection.cursor(row_factory=dict_row) as cursor:
        recorder(view, generation)._create_table(cursor)
        if unlogged:
            cursor.execute(query(f"ALTER TABLE {SCHEMA}.{called(tracking_table(view), generation)} SET UNLOGGED"))


def create_indexes(connection: Connection, table: Table, generation: int, wanted: Sequence[tuple[str, ...]]) -> None:
    """Make indexes; text that is asked for by itself is hashed, as there is no limit to its length."""
    kinds = {each.name: each.kind for each in table.columns}
    for fields in wanted:
        hashed = len(fields) == 1 and kinds[fields[0]].startswith("TEXT")
        name, using = called(table.name, generation), "hash" if hashed else "btree"
        connection.execute(
            query(f"CREATE INDEX {name}_by_{'_'.join(fields)} ON {SCHEMA}.{name} USING {using} ({', '.join(fields)})")
        )


def _kind(column: Column) -> str:
    if mixed(column):
        return f"{_TYPES['TEXT']} {column.kind}"
    kind, *rest = column.kind.split(maxsplit=1)
    return " ".join((_TYPES[kind], *rest))


# ---- the schema


def ensure(connection: Connection, views: Sequence[View]) -> None:
    """Make the schema if there is none of this version; any number of processes may do so at once.

    Raises:
        WrongSchema: a schema of this name is of a newer version, or somebody else's; it stays as it is.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_key("schema"),))
        if schema.version(connection) == SCHEMA_VERSION:
            return
        schema.drop(connection)
        connection.execute(query(f"CREATE SCHEMA {SCHEMA}"))
        connection.execute(query(f"CREATE TABLE {SCHEMA}.version (number bigint NOT NULL)"))
        connection.execute(query(f"INSERT INTO {SCHEMA}.version VALUES (%s)"), (SCHEMA_VERSION,))  # noqa: S608
        connection.execute(
            query(
                f"CREATE TABLE {SCHEMA}.generations "
                "(view text PRIMARY KEY, in_use bigint NOT NULL, newest bigint NOT NULL)"
            )
        )
        for view in views:
            connection.execute(query(f"INSERT INTO {SCHEMA}.generations VALUES (%s, 1, 1)"), (view.name,))  # noqa: S608
            create_tables(connection, view, 1)
            for table in view.tables:
                create_indexes(connection, table, 1, table.indexes)


def in_use(connection: Connection, view: View) -> int:
    """The generation of a view's tables that is in use."""
    statement = f"SELECT in_use FROM {SCHEMA}.generations WHERE view = %s"  # noqa: S608 - our own words
    row = connection.execute(query(statement), (view.name,)).fetchone()
    if row is None:
        raise ViewStoreFailed("the views' tables are not those of this program; start it anew")
    return int(row[0])


def drop_unused(connection: Connection, view: View) -> None:
    """Drop the tables of every generation that is not in use, unless somebody still reads it. For who rebuilds."""
    kept = in_use(connection, view)
    bases = "|".join((*(each.name for each in all_tables(view)), tracking_table(view)))
    statement = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename ~ %s"
    for (name,) in connection.execute(statement, (SCHEMA, f"^({bases})_[0-9]+$")).fetchall():
        if int(str(name).rpartition("_")[2]) == kept:
            continue
        try:
            with connection.transaction():
                connection.execute(query(f"SET LOCAL lock_timeout = '{_DROPPING}'"))
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, str(name))))
        except psycopg.errors.LockNotAvailable:
            continue  # whoever rebuilds next drops it
