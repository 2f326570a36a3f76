"""Connections that only read, kept open between snapshots.

The library's pool takes a lock, a condition and two context managers for each connection it hands out, which is most of
the cost of a small read; and a writer that waits in it holds up its readers. These need none of that.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.adapters.sqlite.schema import prepare
from ledger.application.ports import StoreUnavailable

_IDLE = 8  # connections kept open; more are opened while more threads read at the same moment


class Readers:
    """Any thread may read at any time; each has a connection to itself while it does."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open nothing yet.

        Args:
            read_only: whether the file itself is opened for nothing else.
        """
        self._address = address(path, read_only=read_only)
        self._idle: deque[sqlite3.Connection] = deque()  # its pop and append are atomic
        self._closed = False

    def row(self, statement: str, *parameters: str | bytes) -> tuple[object, ...] | None:
        """The first row that one statement finds; a statement sees one state even without a transaction.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        connection = self._take()
        try:
            found: tuple[object, ...] | None = connection.execute(statement, parameters).fetchone()
        except sqlite3.Error as error:
            connection.close()
            raise StoreUnavailable(f"the store cannot be read: {error}") from error
        self._put_back(connection)
        return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction that sees one state of the database.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        connection = self._take()
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            connection.close()  # whatever ails it, the next reader gets another one
            raise StoreUnavailable(f"the store cannot be read: {error}") from error
        except BaseException:  # a refusal, say: nothing is wrong with the connection
            self._end(connection)
            raise
        self._put_back(connection)

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it is not."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable("the store cannot be read: it is closed")
        try:
            return self._idle.pop()
        except IndexError:
            pass
        return self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._address, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be read: {error}") from error
        try:
            prepare(connection)
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            connection.close()
            raise StoreUnavailable(f"the store cannot be read: {error}") from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _end(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            connection.close()
        else:
            self._put_back(connection)

    def _put_back(self, connection: sqlite3.Connection) -> None:
        if self._closed or len(self._idle) >= _IDLE:
            connection.close()
        else:
            self._idle.append(connection)


def address(path: Path, *, read_only: bool) -> str:
    """The URI of a file that is there, for reading alone or for writing, too."""
    return f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"


def connect_to_read(path: Path, *, busy_milliseconds: int) -> sqlite3.Connection:
    """A read-only connection with its snapshot taken; nothing is changed and nothing is made.

    Raises:
        sqlite3.Error: whatever SQLite says; an OperationalError also where it cannot write beside the file.
    """
    connection = sqlite3.connect(address(path, read_only=True), uri=True, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {busy_milliseconds}")
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # from this read on, nothing changes
    except sqlite3.Error:
        connection.close()
        raise
    return connection
