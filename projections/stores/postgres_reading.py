"""Reads the views in PostgreSQL, all of one moment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg.rows import dict_row, tuple_row

from ledger.adapters.postgres.connections import Connection
from ledger.adapters.postgres.views import version
from projections.family import Row, Table, View
from projections.stores.engine import ViewStoreFailed
from projections.stores.postgres import unspelled
from projections.stores.postgres_schema import (
    SCHEMA,
    SCHEMA_VERSION,
    called,
    mixed,
    query,
    reported,
    tracking_table,
)
from projections.stores.reading import Found, Parameters, ViewReader
from projections.stores.tables import all_tables

_PARAMETER = re.compile(r":([a-z]\w*)")
_ATTEMPTS = 10  # to find tables that are not dropped while one reaches for them
_PAGE = 2_000  # rows read at once by those who compare


class PostgresRows:
    """What one connection shows in one snapshot."""

    def __init__(self, connection: Connection, names: Mapping[str, str]) -> None:
        self._connection = connection
        self._names = names
        self._numbers = count()

    def rows(self, statement: str, parameters: Parameters) -> Sequence[Found]:
        """What a statement finds."""
        with reported(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query(_spelled(statement.format_map(self._names))), parameters).fetchall()

    def cells(self, table: Table) -> Iterator[Row]:
        """Every row of a table exactly as it stands, by its key."""
        names = ", ".join(each.name for each in table.columns)
        statement = f"SELECT {names} FROM {self._names[table.name]} ORDER BY {table.key}"  # noqa: S608 - our own words
        places = [place for place, each in enumerate(table.columns) if mixed(each)]
        with reported(), self._connection.cursor(f"cells_{next(self._numbers)}", row_factory=tuple_row) as cursor:
            cursor.itersize = _PAGE
            cursor.execute(query(statement), binary=True)
            for row in cursor:
                yield unspelled(row, places)


def _spelled(statement: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", statement).replace("instr(", "strpos(")


@contextmanager
def at_one_moment(connection: Connection, views: Sequence[View]) -> Iterator[ViewReader]:
    """A reader of the tables in use, in one snapshot.

    Raises:
        ViewStoreFailed: there are none, they are of another version, or cannot be read.
    """
    with reported():
        names = _begun(connection, views)
    try:
        yield ViewReader(PostgresRows(connection, names))
    finally:
        if not connection.closed:
            with reported():
                connection.execute("ROLLBACK")


def _begun(connection: Connection, views: Sequence[View]) -> Mapping[str, str]:
    """Begin a snapshot, and hold on to the tables that are in use in it; their names."""
    for _ in range(_ATTEMPTS):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            names = _in_use(connection, views)
            connection.execute(query(f"LOCK TABLE {', '.join(names.values())} IN ACCESS SHARE MODE"))
        except psycopg.errors.UndefinedTable:
            connection.execute("ROLLBACK")  # others took their place, and they were dropped, just now
        except BaseException:
            if not connection.closed:
                connection.execute("ROLLBACK")
            raise
        else:
            return names
    raise ViewStoreFailed("the views are being rebuilt again and again; ask again")


def _in_use(connection: Connection, views: Sequence[View]) -> Mapping[str, str]:
    found = version(connection)
    if found is None:
        raise ViewStoreFailed("there are no views in this database")
    if found != SCHEMA_VERSION:
        raise ViewStoreFailed(f"the views are of version {found}, this program reads {SCHEMA_VERSION}")
    statement = f"SELECT view, in_use FROM {SCHEMA}.generations"  # noqa: S608 - our own words
    generations = {str(row[0]): int(row[1]) for row in connection.execute(query(statement))}
    names = {}
    for view in views:
        if view.name not in generations:
            raise ViewStoreFailed(f"there is no view {view.name} in this database")
        for name in (*(each.name for each in all_tables(view)), tracking_table(view)):
            names[name] = f"{SCHEMA}.{called(name, generations[view.name])}"
    return names
