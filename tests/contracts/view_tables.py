"""The views' tables of one engine, as contracts and their tests lay hands on them."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path

import psycopg
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.sqlite import SQLiteTrackingRecorder

from ledger.adapters.postgres.connections import connect as connect_postgres
from ledger.domain.types import StreamId
from projections.changes import ViewStore
from projections.family import Parked, Table, View
from projections.replay_check import Difference, compare
from projections.rows import CredentialRow, Search
from projections.runner import Runner
from projections.stores.engine import Place
from projections.stores.postgres import PostgresViewStore
from projections.stores.postgres_engine import PostgresViews
from projections.stores.postgres_schema import SCHEMA, ensure, in_use, tracking_table
from projections.stores.reading import ViewReader
from projections.stores.sqlite import SqliteViewStore
from projections.stores.sqlite import connect as connect_sqlite
from projections.stores.sqlite_engine import SqliteViews
from projections.stores.tables import all_tables
from projections.views import FAMILY
from tests.unit.projections.world import World


class ViewTables(ABC):
    """The tables of one engine."""

    place: Place
    store_type: type[object]
    tracker: type[object]  # the library's

    @abstractmethod
    def store(self, view: View) -> AbstractContextManager[ViewStore]:
        """The tables in use, over a connection of its own that has no lock: as of a worker whose lock was lost."""

    @abstractmethod
    def run(self, *statements: str) -> None:
        """Tamper with the tables; `{name}` is one of them."""

    @abstractmethod
    def left(self) -> set[str]:
        """The names of the tables that there are, as the views call them, each generation of its own."""

    def reading(self) -> AbstractContextManager[ViewReader]:
        """A reader of the tables as they stand now."""
        return self.place.reading(FAMILY)

    def fold(
        self, world: World, *, batch: int | None = None, parked: Callable[[Parked], None] = lambda _: None
    ) -> None:
        """Bring every view up to date, without a lock."""
        for view in FAMILY:
            with self.store(view) as store:
                Runner(store, world.feed, view, batch=batch, parked=parked).catch_up()

    def compared(self, world: World, family: Sequence[View] = FAMILY) -> list[Difference]:
        """Every difference from what the events give."""
        return compare(world.feed, self.place, family)

    def rows(self) -> Mapping[StreamId, CredentialRow]:
        """Every award as the views show it."""
        with self.reading() as reader:
            search = Search.of(issuer=None, query=None, achievement=None, status=None, today=date(2027, 6, 1))
            found = reader.search(search, before=None, limit=10_000)
        return {row.credential_id: row for row in reversed(found)}

    def parked(self, view: View) -> list[Parked]:
        """What a view could not apply."""
        with self.reading() as reader:
            return list(reader.parked(view))

    def streams(self, table: Table) -> set[str]:
        """The awards of which a table has rows."""
        place = table.place("credential_id")
        with self.reading() as reader:
            return {str(row[place]) for row in reader.cells(table)}


class SqliteTables(ViewTables):
    """A file."""

    store_type: type[object] = SqliteViewStore
    tracker: type[object] = SQLiteTrackingRecorder

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = SqliteViews(path)

    @contextmanager
    def store(self, view: View) -> Iterator[ViewStore]:
        """The tables in use."""
        connection = connect_sqlite(self.path, FAMILY)
        try:
            yield SqliteViewStore(connection, view)
        finally:
            connection.close()

    def run(self, *statements: str) -> None:
        """Tamper with the tables."""
        names = {each.name: each.name for view in FAMILY for each in all_tables(view)}
        names |= {tracking_table(view): "tracking" for view in FAMILY}
        connection = sqlite3.connect(self.path)
        with connection:
            for statement in statements:
                connection.execute(statement.format_map(names))
        connection.close()

    def left(self) -> set[str]:
        """The names of the tables that there are."""
        connection = sqlite3.connect(self.path)
        found = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
        return found - {"tracking"}


class PostgresTables(ViewTables):
    """A schema of a database, which is gone at first."""

    store_type: type[object] = PostgresViewStore
    tracker: type[object] = PostgresTrackingRecorder

    def __init__(self, url: str, *, patience: float = 60.0) -> None:
        self.url = url
        self.place = PostgresViews(url, patience=patience)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    @contextmanager
    def store(self, view: View) -> Iterator[ViewStore]:
        """The tables in use."""
        connection = connect_postgres(self.url)
        try:
            ensure(connection, FAMILY)
            yield PostgresViewStore(connection, view, in_use(connection, view))
        finally:
            connection.close()

    def names(self) -> Mapping[str, str]:
        """How the tables in use are called."""
        names = {}
        with psycopg.connect(self.url) as connection:
            for view in FAMILY:
                for name in (*(each.name for each in all_tables(view)), tracking_table(view)):
                    names[name] = f"{SCHEMA}.{name}_{in_use(connection, view)}"
        return names

    def run(self, *statements: str) -> None:
        """Tamper with the tables."""
        names = self.names()
        with psycopg.connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement.format_map(names).encode())

    def left(self) -> set[str]:
        """The names of the tables that there are."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)).fetchall()
        known = {name.removeprefix(f"{SCHEMA}."): base for base, name in self.names().items()}
        found = {known.get(str(row[0]), str(row[0])) for row in rows}
        return found - {"version", "generations"} - {tracking_table(view) for view in FAMILY}
