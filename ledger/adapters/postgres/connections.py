"""Connections to PostgreSQL: how each is opened, and what is refused before anything is asked of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from select import POLLIN, poll
from threading import BoundedSemaphore
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from ledger.adapters.engine import UnsafeDatabase
from ledger.application.ports import StoreUnavailable
from ledger.errors import LedgerError

Connection = psycopg.Connection[TupleRow]

OLDEST = 140_000  # as PostgreSQL counts its versions: 14.0
_PATIENCE = 5.0  # seconds that a reader waits for a connection
_SETTINGS = {
    # A function that a stranger made in `public`, for just the types that are asked with, would come before the
    # server's own, and run as who owns the ledger. Every table is named with its schema.
    "search_path": "pg_catalog",
    "default_transaction_isolation": "read\\ committed",  # what follows a lock must see what the lock protects
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
_ASK_DURABLE = "SELECT " + ", ".join(f"current_setting('{setting}')" for setting in _DURABLE)
# Seconds, and at the end milliseconds, until a server that answers nothing is given up; the URL may say otherwise.
_REACHING = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}


class BadDatabaseUrl(LedgerError):
    """The address of the database cannot be read."""


def check_url(url: str) -> str:
    """`url`, which names a PostgreSQL database.

    Raises:
        BadDatabaseUrl.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise BadDatabaseUrl("a database URL begins with postgresql://, as in postgresql://user@host/ledger")
    if not _read(url).get("dbname"):
        raise BadDatabaseUrl("a database URL names the database after the host, as in postgresql://user@host/ledger")
    return url


def described(url: str) -> str:
    """The database in words, for people and logs: without password and user.

    Raises:
        BadDatabaseUrl.
    """
    found = _read(url)
    host = found.get("host") or "this machine"
    return f"the PostgreSQL database {found.get('dbname')} on {host}" + (
        f" port {found['port']}" if found.get("port") else ""
    )


def with_database(url: str, name: str) -> str:
    """The URL of another database, with the same server and user.

    Raises:
        BadDatabaseUrl.
    """
    parts = urlsplit(check_url(url))
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "dbname"]
    other = f"{parts.scheme}://{parts.netloc}/{quote(name, safe='')}"
    return f"{other}?{urlencode(query, quote_via=quote)}" if query else other


def reading_only(url: str) -> str:
    """The same database, in which the server lets whoever connects write nothing.

    Raises:
        BadDatabaseUrl.
    """
    parts = urlsplit(check_url(url))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -c default_transaction_read_only=on".strip()
    return parts._replace(query=urlencode(query, quote_via=quote)).geturl()


def connect(url: str, *, name: str = "testamur") -> Connection:
    """A connection in autocommit mode, with time limits, to a server that keeps what it acknowledges.

    Args:
        name: how the server lists it.

    Raises:
        StoreUnavailable: it cannot be reached.
        UnsafeDatabase, BadDatabaseUrl.
    """
    place = described(url)
    options = [_read(url).get("options", ""), *(f"-c {setting}={value}" for setting, value in _SETTINGS.items())]
    address = _with(url, application_name=name, options=" ".join(options).strip())
    try:
        connection = psycopg.connect(address, autocommit=True, prepare_threshold=1)
    except psycopg.Error as error:
        raise StoreUnavailable(f"{place} cannot be reached: {said(error)}") from error
    try:
        check_durable(connection)
    except psycopg.Error as error:
        connection.close()
        raise StoreUnavailable(f"{place} cannot be reached: {said(error)}") from error
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
    values = connection.execute(_ASK_DURABLE).fetchone() or ()
    for (setting, good), value in zip(_DURABLE.items(), values, strict=True):
        if value not in good:
            raise UnsafeDatabase(
                f"the server's {setting} is {value}: it would acknowledge what a power failure can undo; set it to on"
            )


def gone(connection: Connection) -> bool:
    """Whether a connection that asks nothing is of no use any more, and is closed: nothing is risked upon it.

    A server says nothing to such a one but that it ends, unless it listens for something.
    """
    if _spoken_to(connection):
        connection.close()
    return connection.closed


def lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether nothing more is to be heard on a connection that failed so; it is closed then."""
    if error.diag.severity_nonlocalized in ("FATAL", "PANIC"):  # the server hangs up after such words
        connection.close()
    return connection.closed


class Readers:
    """Connections for reading, kept open; any thread may borrow one.

    Not the pool of psycopg, which goes on waiting where a server is away, and takes longer than a small read.
    """

    def __init__(self, url: str, *, most: int = 8, configure: Callable[[Connection], None] = lambda _: None) -> None:
        """Open one.

        Args:
            configure: refuses a new connection, if something is wrong with what it leads to.

        Raises:
            StoreUnavailable, UnsafeDatabase.
        """
        self._url = url
        self._configure = configure
        self._idle: list[Connection] = []
        self._free = BoundedSemaphore(most)
        self._closed = False
        self._idle.append(self._connected())  # so that a reason is told now, by name

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """A connection, for one thread at a time. A transaction that is left open is ended when it is given back.

        Raises:
            StoreUnavailable: there is none to be had, or what was asked of it failed.
        """
        if not self._free.acquire(timeout=_PATIENCE):
            raise StoreUnavailable("the store cannot be read: every connection to it is in use")
        try:
            connection = self._taken()
            try:
                yield connection
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    connection.commit()
            except psycopg.Error as error:
                lost(connection, error)
                raise unreadable(error) from error
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def _taken(self) -> Connection:
        """A connection that is open, as far as can be told without asking."""
        while not self._closed:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connected()
            if not gone(connection):
                return connection
        raise StoreUnavailable("the store cannot be read: it was closed")

    def _give_back(self, connection: Connection) -> None:
        with suppress(psycopg.Error):
            if not connection.closed and connection.pgconn.transaction_status != TransactionStatus.IDLE:
                connection.rollback()
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        if self._closed:
            self.renew()

    def _connected(self) -> Connection:
        connection = connect(self._url, name="testamur reader")
        try:
            self._configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def renew(self) -> None:
        """Part with every connection that nobody uses."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        self.renew()


def create_database(url: str) -> bool:
    """Make the database that `url` names, if there is none; whether one was made.

    Raises:
        StoreUnavailable: the server cannot be reached, or does not let this user make databases.
        BadDatabaseUrl.
    """
    name = str(_read(check_url(url))["dbname"])
    try:
        with psycopg.connect(_with(url)):
            return False
    except psycopg.OperationalError:
        pass  # there is no such database, or no server: the next attempt tells
    try:
        with psycopg.connect(with_database(url, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        return False
    except psycopg.Error as error:
        raise StoreUnavailable(f"{described(url)} cannot be made: {said(error)}") from error
    return True


def _read(url: str) -> Mapping[str, str]:
    try:
        found = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Without the cause: it quotes the URL, with its password.
        raise BadDatabaseUrl("the database URL cannot be read; write postgresql://user@host/ledger") from None
    return {name: str(value) for name, value in found.items() if value is not None}


def _with(url: str, **values: str) -> str:
    """The same address with these values."""
    return make_conninfo(**{**_REACHING, **_read(url), **values})


def _spoken_to(connection: Connection) -> bool:
    """Whether the server said something unasked: that it closes the connection, as a rule."""
    if connection.closed:
        return True
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    return bool(waiting.poll(0))


def unreadable(error: psycopg.Error) -> StoreUnavailable:
    """What is told where something could not be read; it names the kind of failure, which may be a fault of ours."""
    return StoreUnavailable(f"the store cannot be read: {said(error)} ({type(error).__name__})")


def said(error: psycopg.Error) -> str:
    """The first line of what went wrong; a URL with its password never stands in it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
