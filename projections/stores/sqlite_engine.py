"""The views in a file, which one process holds: its threads take turns."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock

from projections.changes import ViewStore
from projections.family import View
from projections.stores.engine import Beside, ViewEngine
from projections.stores.reading import ViewReader
from projections.stores.sqlite import SqliteViewStore, connect, forget_beside
from projections.stores.sqlite_reading import reading


class SqliteViews:
    """A file, which is made if there is none; anew if it is of another version, or no database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, views: Sequence[View]) -> ViewEngine:
        """The engine.

        Raises:
            ViewStoreFailed: the file cannot be made or opened.
        """
        return SqliteEngine(self.path, views)

    def reading(self, views: Sequence[View]) -> AbstractContextManager[ViewReader]:
        """The file as it stands now; nothing is changed and nothing is made.

        Raises:
            ViewStoreFailed: there is no such file, it is of another version, or it cannot be read.
        """
        del views  # the version of the file stands for them
        return reading(self.path)


class SqliteEngine:
    """One file. All views are folded through one connection, a view that is rebuilt through one of its own."""

    def __init__(self, path: Path, views: Sequence[View]) -> None:
        """
        Raises:
            ViewStoreFailed.
        """
        self._path = path
        self._views = views
        self._one_folds = Lock()
        self._one_rebuilds = Lock()
        connection = connect(path, views)
        try:
            forget_beside(connection, views)
            self._stores = {view.name: SqliteViewStore(connection, view) for view in views}
        except BaseException:
            connection.close()
            raise

    @contextmanager
    def folding(self, view: View) -> Iterator[ViewStore]:
        """The tables in use; while it lasts, nobody else folds into them."""
        with self._one_folds:
            yield self._stores[view.name]

    @contextmanager
    def rebuilding(self, view: View) -> Iterator[Beside]:
        """Tables beside those in use."""
        with self._one_rebuilds:
            connection = connect(self._path, self._views)
            try:
                yield _Beside(connection, view, self._one_folds)
            finally:
                try:
                    forget_beside(connection, self._views)
                finally:
                    connection.close()

    def reading(self) -> AbstractContextManager[ViewReader]:
        """The file as it stands now."""
        return reading(self._path)

    def close(self) -> None:
        """Close the file."""
        with self._one_folds:
            next(iter(self._stores.values())).close()  # all of them write through one connection


class _Beside:
    """As `Beside` promises."""

    def __init__(self, connection: sqlite3.Connection, view: View, one_folds: Lock) -> None:
        self._connection = connection
        self._view = view
        self._one_folds = one_folds

    def begin(self) -> ViewStore:
        """Empty tables, which nobody reads yet."""
        self._store = SqliteViewStore(self._connection, self._view, beside=True)
        return self._store

    def index(self) -> None:
        """Make the indexes for readers."""
        self._store.index()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While it lasts, nobody folds into the tables in use."""
        with self._one_folds:
            yield

    def put_in_place(self) -> None:
        """Let these tables take the place of those in use, in one transaction, with their position."""
        self._store.put_in_place()
