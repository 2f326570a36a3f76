"""The rows of a vault in a PostgreSQL database of their own, schema `vault`; several processes may use it at once."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar
from uuid import UUID

import psycopg

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres.connections import Connection, Readers, connect, create_database, described, lost, said
from ledger.adapters.vault import VAULT_VERSION, VaultRow, VaultUnreadable
from ledger.application.ports import StoreUnavailable
from ledger.domain.types import LearnerId

T = TypeVar("T")

_READERS = 4  # connections, at most: most keys are in memory

TABLES = (
    "CREATE SCHEMA vault",
    "CREATE TABLE vault.version(version integer NOT NULL)",
    "CREATE TABLE vault.epochs(epoch bigint PRIMARY KEY, wrapped bytea NOT NULL)",
    """CREATE TABLE vault.data_keys(
        key_id bytea PRIMARY KEY, lookup bytea NOT NULL UNIQUE, learner uuid NOT NULL,
        epoch bigint NOT NULL, wrapped bytea NOT NULL)""",
)
_FIND = b"SELECT key_id, lookup, learner, epoch, wrapped FROM vault.data_keys WHERE "
# In the order of lookups, so that two processes that insert the same learners wait for each other in one order only.
_INSERT = b"""
    INSERT INTO vault.data_keys(key_id, lookup, learner, epoch, wrapped)
    SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::uuid[], %b::bigint[], %b::bytea[])
    ON CONFLICT (lookup) DO NOTHING"""


def create(url: str, first_epoch: bytes) -> None:
    """Make an empty vault with the wrapped key of its first epoch, and its database; durable when it returns.

    Raises:
        WrongSchema: there is a vault already.
        StoreUnavailable, UnsafeDatabase.
    """
    create_database(url)
    with connect(url, name="testamur vault") as connection:
        try:
            with connection.transaction():
                for statement in TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO vault.version VALUES (%s)", (VAULT_VERSION,))
                connection.execute("INSERT INTO vault.epochs VALUES (1, %s)", (first_epoch,))
        except psycopg.errors.DuplicateSchema as error:
            raise WrongSchema(f"{described(url)} holds a vault already") from error
        except psycopg.Error as error:
            raise StoreUnavailable(f"no vault can be made in {described(url)}: {said(error)}") from error


class PostgresVaultRows:
    """The rows in a database. May be used from several threads."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            VaultUnreadable: there is no vault, or one of another version.
            StoreUnavailable, UnsafeDatabase.
        """
        self._url = url
        self._written = Lock()
        self._writing = connect(url, name="testamur vault")
        try:
            _check_version(self._writing, url)
            self._readers = Readers(url, most=_READERS)
        except BaseException:
            self._writing.close()
            raise

    def epochs(self) -> list[tuple[int, bytes]]:
        """Every epoch and its wrapped key."""

        def read(connection: Connection) -> list[tuple[int, bytes]]:
            rows = connection.execute("SELECT epoch, wrapped FROM vault.epochs").fetchall()
            return [(int(epoch), bytes(wrapped)) for epoch, wrapped in rows]

        return self._read(read)

    def find(self, lookups: Sequence[bytes]) -> list[VaultRow]:
        """The rows of these learner records."""
        return self._read(lambda connection: _found(connection, lookups))

    def by_id(self, key_id: bytes) -> VaultRow | None:
        """The row with this key id."""

        def read(connection: Connection) -> VaultRow | None:
            found = connection.execute(_FIND + b"key_id = %b", (key_id,), binary=True).fetchone()
            return None if found is None else _row(*found)

        return self._read(read)

    def insert(self, rows: Sequence[VaultRow]) -> list[VaultRow]:
        """Keep each row whose learner record has none yet; for the others, the row that was there first."""
        rows = sorted(rows, key=lambda row: row.lookup)
        mine = {row.lookup: row.key_id for row in rows}
        columns = (
            [row.key_id for row in rows],
            list(mine),
            [row.learner for row in rows],
            [row.epoch for row in rows],
            [row.wrapped for row in rows],
        )

        def write() -> list[VaultRow]:
            done = self._writing.execute(_INSERT, columns)
            if done.rowcount == len(rows):
                return []
            # Another process's row is seen here only if it is durable: its commit was waited for.
            found = _found(self._writing, list(mine))
            if len(found) < len(rows):
                raise StoreUnavailable("the vault was changed by somebody else at the same moment")
            return found

        with self._written:
            stored = self._write(write)
        return [row for row in stored if row.key_id != mine[row.lookup]]

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        self._writing.close()

    def _read(self, ask: Callable[[Connection], T]) -> T:
        """What `ask` finds; asked once more where a connection was lost, with which the others may be too."""
        try:
            return self._borrowed(ask)
        except StoreUnavailable:
            self._readers.renew()
            return self._borrowed(ask)

    def _borrowed(self, ask: Callable[[Connection], T]) -> T:
        with self._readers.borrow() as connection:
            try:
                return ask(connection)
            except psycopg.Error as error:
                lost(connection, error)
                raise StoreUnavailable(f"the vault cannot be used: {said(error)}") from error

    def _write(self, write: Callable[[], T]) -> T:
        """What `write` answers, which may be done twice: once more where the connection was lost."""
        try:
            if not self._writing.closed:
                return write()
        except psycopg.OperationalError as error:
            if not self._writing.closed:
                raise StoreUnavailable(f"the vault cannot be written: {said(error)}") from error
        except psycopg.Error as error:
            raise StoreUnavailable(f"the vault cannot be written: {said(error)}") from error
        self._writing = connect(self._url, name="testamur vault")
        try:
            return write()
        except psycopg.Error as error:
            raise StoreUnavailable(f"the vault cannot be written: {said(error)}") from error


def _check_version(connection: Connection, url: str) -> None:
    try:
        version = connection.execute("SELECT version FROM vault.version").fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise VaultUnreadable(f"there is no vault in {described(url)}") from error
    except psycopg.Error as error:
        raise StoreUnavailable(f"the vault cannot be used: {said(error)}") from error
    if version != [(VAULT_VERSION,)]:
        found = " and ".join(str(each) for (each,) in version) or "none"
        raise VaultUnreadable(f"{described(url)} has vault version {found}, this program works with {VAULT_VERSION}")


def _found(connection: Connection, lookups: Sequence[bytes]) -> list[VaultRow]:
    rows = connection.execute(_FIND + b"lookup = ANY(%b::bytea[])", (list(lookups),), binary=True)
    return [_row(*values) for values in rows]


def _row(key_id: bytes, lookup: bytes, learner: UUID, epoch: int, wrapped: bytes) -> VaultRow:
    return VaultRow(key_id=key_id, lookup=lookup, learner=LearnerId(learner), epoch=epoch, wrapped=wrapped)
