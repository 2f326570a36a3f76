"""The tables of one view in PostgreSQL, and the one transaction that writes a batch with its position.

Everything here can be folded again from the events, so its connection commits without waiting for the disk: rows and
position are lost together, and the next run goes on from what is there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

import psycopg
from eventsourcing.persistence import Tracking
from psycopg import Cursor
from psycopg.rows import DictRow, dict_row

from ledger.adapters.postgres.connections import Connection
from ledger.domain.types import Position
from projections.changes import Changes, Fenced
from projections.family import Cell, Row, Table, View
from projections.stores.postgres_schema import SCHEMA, called, mixed, query, recorder, reported
from projections.stores.reading import NEVER_KEPT
from projections.stores.tables import all_tables, parked_row, parked_table

_PAGE = 1_000  # rows read at once, where there may be any number
_COPIED = {"INTEGER": "int8", "TEXT": "text", "BLOB": "bytea"}
_NUMBER, _TEXT = "n", "t"  # before what a mixed column holds


class PostgresViewStore:
    """The tables of one generation of a view over one connection, for one thread at a time."""

    batch = 5_000
    far = True

    def __init__(self, connection: Connection, view: View, generation: int, *, beside: bool = False) -> None:
        """
        Args:
            connection: it holds the lock that lets it fold these tables.
            beside: these tables are not in use.
        """
        self.view = view
        self.generation = generation
        self._connection = connection
        self._beside = beside
        self._recorder = recorder(view, generation)
        self._tables = {each.name: _Statements(each, generation) for each in all_tables(view)}
        self._parked = f"{SCHEMA}.{called(parked_table(view).name, generation)}"

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        with reported(), self._connection.cursor(row_factory=dict_row) as cursor:
            return self._tracked(cursor)

    def find(self, table: Table, value: Cell) -> Row | None:
        """The row that has this value in the column `found_by`."""
        return self.find_all(table, (value,)).get(value)

    def find_all(self, table: Table, values: Collection[Cell]) -> Mapping[Cell, Row]:
        """The rows that have one of these values in the column `found_by`, by it."""
        statements, place = self._tables[table.name], table.place(table.found_by or table.key)
        asked = [value for value in values if _can_be_kept(value)]
        with reported():
            found = self._connection.execute(query(statements.find), (asked,), binary=True).fetchall() if asked else []
        return {row[place]: row for row in map(statements.read, found)}

    def where(self, table: Table, column: str, value: Cell) -> Iterator[Row]:
        """Every row that has this value in a column, by key."""
        if not _can_be_kept(value):
            return
        statements, after = self._tables[table.name], -(2**63)
        while True:
            with reported():
                found = self._connection.execute(query(statements.where(column)), (value, after), binary=True)
                rows = [statements.read(row) for row in found.fetchall()]
            yield from rows
            if len(rows) < _PAGE:
                return
            after = cast("int", rows[-1][0])

    def any_parked(self) -> bool:
        """Whether there is a stream of which an event is parked."""
        statement = f"SELECT 1 FROM {self._parked} WHERE stream IS NOT NULL LIMIT 1"  # noqa: S608 - our own words
        with reported():
            return self._connection.execute(query(statement)).fetchone() is not None

    def first_parked(self, stream: str) -> int | None:
        """The position of the first event of a stream that is parked."""
        return self.parked_among((stream,)).get(stream)

    def parked_among(self, streams: Collection[str]) -> Mapping[str, int]:
        """The positions of the first events that are parked of these streams."""
        statement = f"SELECT stream, MIN(position) FROM {self._parked} WHERE stream = ANY(%s) GROUP BY stream"  # noqa: S608
        asked = [stream for stream in streams if _can_be_kept(stream)]
        with reported():
            return {str(row[0]): int(row[1]) for row in self._connection.execute(query(statement), (asked,))}

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        """Write everything, and move the view from `expected` to `reached`, in one transaction or not at all.

        Raises:
            Fenced: the view is not at `expected`, or these tables are no longer in use.
            ValuesRefused: the tables cannot hold a row.
        """
        try:
            with (
                reported(),
                self._connection.transaction(),
                self._connection.cursor(row_factory=dict_row) as cursor,
            ):
                self._check(cursor, expected)
                for table, added in changes.added.items():
                    self._tables[table].add(cursor, added.values())
                for table, changed in changes.changed.items():
                    self._tables[table].change(cursor, changed.values())
                self._tables[parked_table(self.view).name].add(cursor, [parked_row(each) for each in changes.parked])
                self._recorder._insert_tracking(cursor, Tracking(self.view.name, reached))
        except BaseException:
            if self._connection.broken:
                self._connection.close()
            raise

    def put_in_place(self) -> None:
        """Let these tables take the place of those in use."""
        statement = f"UPDATE {SCHEMA}.generations SET in_use = %s WHERE view = %s"  # noqa: S608 - our own words
        with reported():
            self._connection.execute(query(statement), (self.generation, self.view.name))

    def analyze(self) -> None:
        """Let the server see what is in the tables, so that it plans what readers ask."""
        for table in all_tables(self.view):
            with reported():
                self._connection.execute(query(f"ANALYZE {SCHEMA}.{called(table.name, self.generation)}"))

    def _check(self, cursor: Cursor[DictRow], expected: Position) -> None:
        """Pass if these tables are those to be folded and stand at `expected`; nobody else moves them until the end."""
        # The row is always there, also where no position is yet: whoever writes rows of this view waits here.
        statement = f"SELECT in_use FROM {SCHEMA}.generations WHERE view = %s FOR UPDATE"  # noqa: S608 - our own words
        row = None if self._beside else cursor.execute(query(statement), (self.view.name,)).fetchone()
        if row is not None and row["in_use"] != self.generation:
            raise Fenced("the view was rebuilt meanwhile: its tables are others now")
        found = self._tracked(cursor)
        if found != expected:
            raise Fenced(f"the view was expected at position {expected}, and another worker moved it to {found}")

    def _tracked(self, cursor: Cursor[DictRow]) -> Position:
        try:
            return Position(self._recorder._max_tracking_id(self.view.name, cursor) or 0)
        except psycopg.errors.UndefinedTable as error:
            raise Fenced("the view was rebuilt meanwhile: its tables are others now") from error


def _can_be_kept(value: Cell) -> bool:
    return not (isinstance(value, str) and NEVER_KEPT in value)


class _Statements:
    """What is said to the server about one table, and how its rows are spelled there."""

    def __init__(self, table: Table, generation: int) -> None:
        self._mixed = [place for place, each in enumerate(table.columns) if mixed(each)]
        self._types = [_COPIED["TEXT" if mixed(each) else each.kind.split()[0]] for each in table.columns]
        self._names = ", ".join(each.name for each in table.columns)
        self._key = table.key
        self._name = f"{SCHEMA}.{called(table.name, generation)}"
        kind = self._types[table.place(table.found_by or table.key)]
        self.find = f"SELECT {self._names} FROM {self._name} WHERE {table.found_by or table.key} = ANY(%b::{kind}[])"  # noqa: S608
        self._copy = query(f"COPY {self._name} ({self._names}) FROM STDIN (FORMAT BINARY)")
        rest = [each.name for each in table.columns[1:]]
        arrays = ", ".join(f"%b::{each}[]" for each in self._types)
        self._update = query(
            f"UPDATE {self._name} AS t SET {', '.join(f'{each} = u.{each}' for each in rest)} "  # noqa: S608 - our own words
            f"FROM unnest({arrays}) AS u({self._names}) WHERE t.{table.key} = u.{table.key}"
        )

    def where(self, column: str) -> str:
        """A page of the rows that have a value in a column."""
        return (
            f"SELECT {self._names} FROM {self._name} WHERE {column} = %s AND {self._key} > %s "  # noqa: S608 - our own words
            f"ORDER BY {self._key} LIMIT {_PAGE}"
        )

    def add(self, cursor: Cursor[DictRow], rows: Collection[Row]) -> None:
        """Add rows."""
        if rows:
            with cursor.copy(self._copy) as copy:
                copy.set_types(self._types)
                for row in rows:
                    copy.write_row(self.spell(row))

    def change(self, cursor: Cursor[DictRow], rows: Collection[Row]) -> None:
        """Change rows found by key."""
        if rows:
            cursor.execute(self._update, [list(column) for column in zip(*map(self.spell, rows), strict=True)])

    def spell(self, row: Row) -> Row:
        """A row as the server keeps it."""
        for place in self._mixed:
            cell = row[place]
            spelled = f"{_NUMBER}{cell}" if type(cell) is int else _TEXT + str(cell)
            row = (*row[:place], spelled, *row[place + 1 :])
        return row

    def read(self, row: Sequence[Cell]) -> Row:
        """A row as the view keeps it."""
        return unspelled(tuple(row), self._mixed)


def unspelled(row: Row, mixed_at: Sequence[int]) -> Row:
    """A row as the view keeps it; what no fold spells comes as bytes, which no view expects there."""
    for place in mixed_at:
        cell = str(row[place])
        meant: Cell = cell.encode()
        if cell[:1] == _TEXT:
            meant = cell[1:]
        elif cell[:1] == _NUMBER and cell[1:].isdecimal() and str(int(cell[1:])) == cell[1:]:
            meant = int(cell[1:])
        row = (*row[:place], meant, *row[place + 1 :])
    return row
