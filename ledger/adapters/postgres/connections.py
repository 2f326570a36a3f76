"""Connections to PostgreSQL: how each is opened, and what is refused before anything is asked of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ledger.application.ports import StoreUnavailable
from ledger.errors import LedgerError

Connection = psycopg.Connection[TupleRow]

OLDEST = 140_000  # as PostgreSQL counts its versions: 14.0
_CONNECT = 5  # seconds until an attempt to connect is given up
_PATIENCE = 5.0  # seconds that a reader waits for a connection
_SETTINGS = {
    "lock_timeout": "10s",  # the default waits for ever
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    # A client that vanished without a word must not hold the head of the log for two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_DURABLE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply", "remote_write", "local"),  # each has its own disk synchronised
}


class BadDatabaseUrl(LedgerError):
    """The address of the database cannot be read."""


class UnsafeDatabase(LedgerError):
    """The database would acknowledge a commit before it is durable, or is too old."""


def check_url(url: str) -> str:
    """`url`, which names a PostgreSQL database.

    Raises:
        BadDatabaseUrl.
    """
    try:
        if not url.startswith(("postgresql://", "postgres://")):
            raise BadDatabaseUrl("a database URL begins with postgresql://, as in postgresql://user@host/ledger")
        if not conninfo_to_dict(url).get("dbname"):
            raise BadDatabaseUrl(
                "a database URL names the database after the host, as in postgresql://user@host/ledger"
            )
    except psycopg.ProgrammingError as error:
        raise BadDatabaseUrl("the database URL cannot be read; write postgresql://user@host/ledger") from error
    return url


def described(url: str) -> str:
    """The database in words, for people and logs: without password and user."""
    found = conninfo_to_dict(url)
    host = found.get("host") or "this machine"
    return f"the PostgreSQL database {found.get('dbname')} on {host}" + (
        f" port {found['port']}" if found.get("port") else ""
    )


def with_database(url: str, name: str) -> str:
    """The same server and user, another database."""
    return make_conninfo(url, dbname=name)


def connect(url: str, *, name: str = "testamur") -> Connection:
    """A connection in autocommit mode, with time limits, to a server that keeps what it acknowledges.

    Args:
        name: how the server lists it.

    Raises:
        StoreUnavailable: it cannot be reached.
        UnsafeDatabase.
    """
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT,
            application_name=name,
            options=" ".join(f"-c {setting}={value}" for setting, value in _SETTINGS.items()),
            prepare_threshold=1,
        )
    except psycopg.Error as error:
        raise StoreUnavailable(f"{described(url)} cannot be reached: {said(error)}") from error
    try:
        check_durable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def check_durable(connection: Connection) -> None:
    """Pass if the server keeps what it acknowledges.

    Raises:
        UnsafeDatabase.
    """
    version = connection.info.server_version
    if version < OLDEST:
        raise UnsafeDatabase(f"the server is PostgreSQL {version // 10_000}; {OLDEST // 10_000} or newer is needed")
    for setting, good in _DURABLE.items():
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        value = None if row is None else row[0]
        if value not in good:
            raise UnsafeDatabase(
                f"the server's {setting} is {value}: it would acknowledge what a power failure can undo; set it to on"
            )


class Readers:
    """Connections for reading, kept open; any thread may borrow one. What has become of them is seen when they fail."""

    def __init__(self, url: str, *, most: int = 8, configure: Callable[[Connection], None] = lambda _: None) -> None:
        """Open one.

        Args:
            configure: refuses a new connection, if something is wrong with what it leads to.

        Raises:
            StoreUnavailable, UnsafeDatabase.
        """
        with connect(url) as first:  # so that a reason is told now, by name
            configure(first)

        def accept(connection: Connection) -> None:
            check_durable(connection)
            configure(connection)

        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=most,
            timeout=_PATIENCE,
            kwargs={
                "autocommit": True,
                "connect_timeout": _CONNECT,
                "application_name": "testamur reader",
                "options": " ".join(f"-c {setting}={value}" for setting, value in _SETTINGS.items()),
                "prepare_threshold": 1,
            },
            configure=accept,
            open=True,
        )

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """A connection, for one thread at a time.

        Raises:
            StoreUnavailable: there is none to be had, or it failed in use.
        """
        try:
            with self._pool.connection() as connection:
                yield connection
        except (PoolClosed, PoolTimeout) as error:
            raise StoreUnavailable("the store cannot be read: no connection to it is to be had") from error
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"the store cannot be read: {said(error)}") from error

    def renew(self) -> None:
        """Part with every connection that is broken."""
        self._pool.check()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


def create_database(url: str) -> bool:
    """Make the database that `url` names, if there is none; whether one was made.

    Raises:
        StoreUnavailable: the server cannot be reached, or does not let this user make databases.
    """
    name = str(conninfo_to_dict(url)["dbname"])
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT):
            return False
    except psycopg.OperationalError:
        pass  # there is no such database, or no server: the next attempt tells
    try:
        with psycopg.connect(with_database(url, "postgres"), connect_timeout=_CONNECT, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        return False
    except psycopg.Error as error:
        raise StoreUnavailable(f"{described(url)} cannot be made: {said(error)}") from error
    return True


def said(error: psycopg.Error) -> str:
    """The first line of what went wrong; a URL with its password never stands in it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
