"""A ledger in PostgreSQL written into a SQLite ledger, and made of one: each in one snapshot or one transaction.

Rows travel in the binary form of COPY, a few at a time whatever the size of the ledger. Streams are `uuid` there and 32
hexadecimal digits in SQLite; everything else is the same in both.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, LiteralString, TypeAlias
from uuid import UUID

import psycopg
from psycopg import IsolationLevel, sql

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres import schema, views
from ledger.adapters.postgres.connections import Connection, connect, create_database, described, said
from ledger.adapters.sqlite.copying import durable_copy, reading_copy
from ledger.adapters.sqlite.schema import SCHEMA_VERSION, create
from ledger.application.ports import StoreUnavailable

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
Columns: TypeAlias = Sequence[tuple[LiteralString, str]]  # name, and type in PostgreSQL

_NUMBER, _BYTES, _TEXT, _STREAM = "int8", "bytea", "text", "uuid"

# Every table of a ledger; the first of its columns order its rows.
TABLES: Final[Mapping[LiteralString, Columns]] = {
    "stored_events": (
        ("notification_id", _NUMBER),
        ("originator_id", _STREAM),
        ("originator_version", _NUMBER),
        ("topic", _TEXT),
        ("state", _BYTES),
    ),
    "log_head": (("size", _NUMBER), ("at", _TEXT)),
    "private_parts": (("position", _NUMBER), ("part", _TEXT), ("key_id", _BYTES), ("box", _BYTES)),
    "idempotency": (
        ("scope", _TEXT),
        ("key", _BYTES),
        ("request", _BYTES),
        ("stream", _STREAM),
        ("revision", _NUMBER),
        ("position", _NUMBER),
    ),
    "definitions": (("digest", _BYTES), ("content", _BYTES)),
    "names": (("scope", _TEXT), ("name", _TEXT), ("stream", _STREAM)),
    "status_lists": (("list", _BYTES), ("issuer", _STREAM), ("used", _NUMBER)),
    "status_slots": (("list", _BYTES), ("slot", _NUMBER), ("stream", _STREAM), ("seq", _NUMBER)),
    "short_codes": (("mac", _BYTES), ("stream", _STREAM)),
    "stacks": (("mac", _BYTES), ("stream", _STREAM)),
    "checkpoints": (("size", _NUMBER), ("note", _BYTES), ("compact_range", _BYTES)),
    "published_days": (("size", _NUMBER), ("day", _TEXT), ("note", _BYTES)),
    "status_credentials": (("list", _BYTES), ("made_at", _TEXT), ("size", _NUMBER), ("raw", _BYTES)),
    "api_keys": (
        ("id", _TEXT),
        ("secret", _BYTES),
        ("issuer", _STREAM),
        ("scopes", _TEXT),
        ("label", _TEXT),
        ("created_at", _TEXT),
        ("revoked_at", _TEXT),
    ),
}
# Rows that are there as soon as there is a ledger, or that a trigger takes one at a time only.
_HEAD, _CHECKPOINTS = "log_head", "checkpoints"


@contextmanager
def one_snapshot(url: str, *, name: str = "testamur copying") -> Iterator[Connection]:
    """A connection that only reads, and sees one state of the database for as long as it takes.

    Raises:
        StoreUnavailable: the database cannot be reached, or fails meanwhile.
        UnsafeDatabase.
    """
    try:
        with closing(connect(url, name=name)) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                _take_your_time(connection)
                yield connection
    except psycopg.Error as error:
        raise StoreUnavailable(f"{described(url)} cannot be copied: {said(error)}") from error


def _take_your_time(connection: Connection) -> None:
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def rows_of(connection: Connection, table: LiteralString, columns: Columns, *, ordered: bool = True) -> Iterator[Row]:
    """The rows of a table, a few at a time, as SQLite holds them; by their first two columns, or as they lie."""
    places = [index for index, (_, kind) in enumerate(columns) if kind == _STREAM]
    names = [sql.Identifier(column) for column, _ in columns]
    # As bytes, a uuid is spelled in hexadecimal faster than as an object.
    wanted = [
        sql.SQL("pg_catalog.uuid_send({})").format(name) if kind == _STREAM else name
        for name, (_, kind) in zip(names, columns, strict=True)
    ]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(wanted), sql.Identifier("ledger", table))
    if ordered:
        query += sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(names[:2]))
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy,
    ):
        copy.set_types([_BYTES if kind == _STREAM else kind for _, kind in columns])
        for row in copy.rows():
            if not places:
                yield row
                continue
            spelled = list(row)
            for place in places:
                stream = spelled[place]
                spelled[place] = None if stream is None else stream.hex()
            yield tuple(spelled)


def copy_to(url: str, path: Path) -> int:
    """Write everything, as of one moment, into a new SQLite ledger; how many entries. Others go on.

    Raises:
        StoreUnavailable: the database fails, or the file cannot be written; there is none then.
        WrongSchema: the database holds no ledger of this version, or one that SQLite's constraints do not take.
        UnsafeDatabase.
    """
    with durable_copy(path), one_snapshot(url) as connection:
        schema.check(connection)
        create(path)
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as copy:
                _fill_file(connection, copy)
                return int(copy.execute("SELECT COUNT(*) FROM stored_events").fetchone()[0])
        except sqlite3.IntegrityError as error:
            raise WrongSchema(f"{described(url)} holds what no ledger does ({error}): audit it") from error


def _fill_file(connection: Connection, copy: sqlite3.Connection) -> None:
    copy.execute("PRAGMA journal_mode = OFF")  # a copy that fails is thrown away
    copy.execute("PRAGMA synchronous = OFF")  # it is synchronised once, at the end
    copy.execute("BEGIN")
    for table, columns in TABLES.items():
        if table == _HEAD:
            copy.executemany("UPDATE log_head SET size = ?, at = ?", rows_of(connection, table, columns))
            continue
        marks = ",".join("?" * len(columns))
        copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows_of(connection, table, columns))  # noqa: S608
    copy.execute("COMMIT")
    copy.execute("PRAGMA journal_mode = WAL")


def fill_from(url: str, path: Path) -> int:
    """Make the ledger, which must not exist yet, out of a SQLite ledger of this program's version; how many entries.

    It appears whole or not at all, and its database is made where there is none.

    Raises:
        WrongSchema: there is a ledger, a schema `views` that is not this program's, or the file holds no ledger of this
            version.
        StoreUnavailable, UnsafeDatabase.
    """
    create_database(url)
    try:
        with closing(connect(url, name="testamur restoring")) as connection, connection.transaction():
            _take_your_time(connection)
            schema.create(connection)
            # Views of a ledger that was lost may be ahead of this one; the next worker folds them anew.
            views.drop(connection)
            with reading_copy(path) as source:
                version = source.execute("PRAGMA user_version").fetchone()[0]
                if version != SCHEMA_VERSION:
                    raise WrongSchema(f"{path.name} has schema version {version}, and {SCHEMA_VERSION} is needed")
                _fill_database(connection, source)
                return int(source.execute("SELECT COUNT(*) FROM stored_events").fetchone()[0])
    except psycopg.Error as error:
        raise StoreUnavailable(f"{described(url)} cannot be filled: {said(error)}") from error


def _fill_database(connection: Connection, source: sqlite3.Connection) -> None:
    """Take every row; the head first, so that the triggers see entries arrive at it."""
    for table in (_HEAD, *(each for each in TABLES if each != _HEAD)):
        columns = TABLES[table]
        names = [sql.Identifier(name) for name, _ in columns]
        listed = sql.SQL(", ").join(names)
        place = sql.Identifier("ledger", table)
        by = ", ".join(name for name, _ in columns[:2])
        selected = f"SELECT {', '.join(name for name, _ in columns)} FROM {table} ORDER BY {by}"  # noqa: S608
        rows = _as_streams(source.execute(selected), columns)
        if table == _HEAD:
            update = sql.SQL("UPDATE {} SET size = %s, at = %s").format(place)
            connection.cursor().executemany(update, rows)
        elif table == _CHECKPOINTS:
            insert = sql.SQL("INSERT INTO {} ({}) VALUES (%b, %b, %b)").format(place, listed)
            connection.cursor().executemany(insert, rows)
        else:
            query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, listed)
            with connection.cursor() as cursor, cursor.copy(query) as copy:
                copy.set_types([kind for _, kind in columns])
                for row in rows:
                    copy.write_row(row)


def _as_streams(rows: Iterable[Row], columns: Columns) -> Iterator[tuple[Value | UUID, ...]]:
    places = [index for index, (_, kind) in enumerate(columns) if kind == _STREAM]
    for row in rows:
        spelled: list[Value | UUID] = list(row)
        for place in places:
            stream = row[place]
            try:
                spelled[place] = None if stream is None else UUID(str(stream))
            except ValueError as error:
                raise WrongSchema(f"{ascii(stream)[:80]} stands where a stream should: audit the ledger") from error
        yield tuple(spelled)
