"""The views in a PostgreSQL database, for any number of processes: who folds, who rebuilds, and who reads.

Whoever folds a view holds an advisory lock on the connection that folds, so it is lost with it; and so does whoever
rebuilds one. After a lost connection the next call connects again.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock

import psycopg

from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import Connection, Readers
from projections.changes import ViewStore
from projections.family import View, ViewStoreError
from projections.stores.engine import Beside, ViewEngine, ViewStoreFailed
from projections.stores.postgres import PostgresViewStore
from projections.stores.postgres_reading import at_one_moment
from projections.stores.postgres_schema import (
    SCHEMA,
    create_indexes,
    create_tables,
    drop_unused,
    ensure,
    hold,
    holds,
    in_use,
    let_go,
    query,
    reported,
)
from projections.stores.reading import ViewReader

_PATIENCE = 30.0  # seconds that one waits for another process that folds or rebuilds


class PostgresViews:
    """The schema `views` of a database, which is made if there is none; anew if it is of an older version."""

    def __init__(self, url: str, *, patience: float = _PATIENCE) -> None:
        """
        Args:
            url: never told to anybody, as it may hold a password.
            patience: seconds that one waits for another process that folds or rebuilds a view.
        """
        self._url = url
        self._patience = patience

    def open(self, views: Sequence[View]) -> ViewEngine:
        """The engine.

        Raises:
            ViewStoreFailed: the tables cannot be made or opened.
        """
        return PostgresEngine(self._url, views, patience=self._patience)

    @contextmanager
    def reading(self, views: Sequence[View]) -> Iterator[ViewReader]:
        """The tables as they stand now, for as long as it takes; nothing is changed and nothing is made.

        Raises:
            ViewStoreFailed: there are none, they are of another version, or cannot be read.
        """
        with ExitStack() as stack:
            with reported():
                connection = connections.connect(self._url, name="testamur views, compared")
                stack.callback(connection.close)
                connection.execute("SET idle_in_transaction_session_timeout = 0")
                connection.execute("SET statement_timeout = 0")
            with at_one_moment(connection, views) as reader:
                yield reader


class PostgresEngine:
    """One connection folds, one for each rebuild fills tables beside, and some read."""

    def __init__(self, url: str, views: Sequence[View], *, patience: float = _PATIENCE) -> None:
        """
        Raises:
            ViewStoreFailed.
        """
        self._url = url
        self._views = views
        self._patience = patience
        self._one_folds = Lock()
        self._one_rebuilds = Lock()
        self._connection: Connection | None = None
        self._stores: dict[str, PostgresViewStore] = {}
        with reported():
            connection = self._connected()
            try:
                self._tidy(connection)
                self._readers = Readers(url)
            except BaseException:
                connection.close()
                raise

    @contextmanager
    def folding(self, view: View) -> Iterator[ViewStore]:
        """The tables in use; while it lasts, nobody else folds into them.

        Raises:
            BeingFolded.
        """
        with self._one_folds:
            with reported():
                connection = self._held(_folds(view))
            try:
                with reported():
                    store = self._store(connection, view)
                yield store
            finally:
                let_go(connection, _folds(view))

    @contextmanager
    def rebuilding(self, view: View) -> Iterator[Beside]:
        """Tables beside those in use.

        Raises:
            BeingFolded: it is being rebuilt.
        """
        with self._one_rebuilds:
            with reported():
                connection = self._connect("testamur views, rebuilt")
            try:
                with reported():
                    hold(connection, _rebuilds(view))
                    drop_unused(connection, view)
                try:
                    yield _Beside(connection, view, self._one_folds)
                finally:
                    # What stays, as the connection is lost or somebody still reads it, is dropped at the next time.
                    with suppress(psycopg.Error, ViewStoreError):
                        drop_unused(connection, view)
            finally:
                connection.close()  # and its locks with it

    @contextmanager
    def reading(self) -> Iterator[ViewReader]:
        """The tables as they stand now, all of one moment."""
        with ExitStack() as stack:
            with reported():
                connection = stack.enter_context(self._readers.borrow())
            with at_one_moment(connection, self._views) as reader:
                yield reader

    def close(self) -> None:
        """Close every connection."""
        with self._one_folds:
            self._readers.close()
            if self._connection is not None:
                self._connection.close()

    def _connect(self, name: str) -> Connection:
        connection = connections.connect(self._url, name=name)
        try:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(self._patience * 1000)}ms",))
            connection.execute("SET statement_timeout = 0")  # an index on every row takes its time
            connection.execute("SET synchronous_commit = off")  # whatever is written here can be folded again
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self) -> Connection:
        """The connection that folds."""
        if self._connection is None or self._connection.closed:
            self._stores.clear()
            connection = self._connection = self._connect("testamur views, folded")
            try:
                ensure(connection, self._views)
            except BaseException:
                connection.close()
                raise
        return self._connection

    def _held(self, what: str) -> Connection:
        """The connection that folds, with a lock; a new one if the old one was lost since it was last used."""
        connection = self._connected()
        try:
            hold(connection, what)
        except psycopg.OperationalError:
            connection.close()
            connection = self._connected()
            hold(connection, what)
        return connection

    def _store(self, connection: Connection, view: View) -> PostgresViewStore:
        generation, store = in_use(connection, view), self._stores.get(view.name)
        if store is None or store.generation != generation:
            store = self._stores[view.name] = PostgresViewStore(connection, view, generation)
        return store

    def _tidy(self, connection: Connection) -> None:
        """Drop what an interrupted rebuild left, unless somebody rebuilds now."""
        for view in self._views:
            if holds(connection, _rebuilds(view)):
                try:
                    drop_unused(connection, view)
                finally:
                    let_go(connection, _rebuilds(view))


class _Beside:
    """As `Beside` promises."""

    def __init__(self, connection: Connection, view: View, one_folds: Lock) -> None:
        self._connection = connection
        self._view = view
        self._one_folds = one_folds

    def begin(self) -> ViewStore:
        """Empty tables, which nobody reads yet."""
        statement = f"UPDATE {SCHEMA}.generations SET newest = newest + 1 WHERE view = %s RETURNING newest"  # noqa: S608
        with reported(), self._connection.transaction():
            row = self._connection.execute(query(statement), (self._view.name,)).fetchone()
            if row is None:
                raise ViewStoreFailed("the views' tables are not those of this program; start it anew")
            create_tables(self._connection, self._view, int(row[0]))
        self._store = PostgresViewStore(self._connection, self._view, int(row[0]), beside=True)
        return self._store

    def index(self) -> None:
        """Make the indexes for readers, and let the server see what is there."""
        with reported():
            for table in self._view.tables:
                create_indexes(self._connection, table, self._store.generation, table.indexes)
        self._store.analyze()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While it lasts, nobody folds into the tables in use.

        Raises:
            BeingFolded.
        """
        with self._one_folds:
            with reported():
                hold(self._connection, _folds(self._view))
            try:
                yield
            finally:
                let_go(self._connection, _folds(self._view))

    def put_in_place(self) -> None:
        """Let these tables take the place of those in use."""
        self._store.put_in_place()


def _folds(view: View) -> str:
    return f"{view.name} is folded"


def _rebuilds(view: View) -> str:
    return f"{view.name} is rebuilt"
