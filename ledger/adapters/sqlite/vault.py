"""The rows of a vault in a file of their own."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from uuid import UUID

from ledger.adapters.engine import WrongSchema
from ledger.adapters.sqlite.readers import address
from ledger.adapters.vault import VAULT_VERSION, VaultRow, VaultUnreadable
from ledger.application.ports import StoreUnavailable
from ledger.domain.types import LearnerId

_AT_ONCE = 500  # rows that one statement looks for

TABLES = (
    "CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, wrapped BLOB NOT NULL)",
    """CREATE TABLE data_keys(
        key_id BLOB PRIMARY KEY, lookup BLOB NOT NULL UNIQUE, learner TEXT NOT NULL,
        epoch INTEGER NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID""",
)
_FIND = "SELECT key_id, lookup, learner, epoch, wrapped FROM data_keys WHERE "


def create(path: Path, first_epoch: bytes) -> None:
    """Make an empty vault with the wrapped key of its first epoch; durable when it returns.

    Raises:
        WrongSchema: there is a file already.
        StoreUnavailable: it cannot be written.
    """
    if path.exists():
        raise WrongSchema(f"there is a file at {path} already")
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO epochs VALUES (1, ?)", (first_epoch,))
            connection.execute(f"PRAGMA user_version = {VAULT_VERSION}")
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"no vault can be made at {path}: {error}") from error
    path.chmod(0o600)


class SqliteVaultRows:
    """The rows in `vault.db`. May be used from several threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, for reading alone if nothing is ever to be registered in it.

        Raises:
            VaultUnreadable.
        """
        # Two connections, so that nobody who reads waits until a commit is on the disk.
        self._reading, self._writing = _connect(path, read_only), _connect(path, read_only)
        self._read, self._written = Lock(), Lock()

    def epochs(self) -> Sequence[tuple[int, bytes]]:
        """Every epoch and its wrapped key.

        Raises:
            VaultUnreadable: the file holds no table of them.
        """
        try:
            with self._read:
                return self._reading.execute("SELECT epoch, wrapped FROM epochs").fetchall()
        except sqlite3.DatabaseError as error:
            raise VaultUnreadable(f"the vault cannot be read: {error}") from error

    def find(self, lookups: Sequence[bytes]) -> list[VaultRow]:
        """The rows of these learner records."""
        with self._read, _told():
            return _found(self._reading, lookups)

    def by_id(self, key_id: bytes) -> VaultRow | None:
        """The row with this key id."""
        with self._read, _told():
            found = self._reading.execute(_FIND + "key_id = ?", (key_id,)).fetchone()
        return None if found is None else _row(found)

    def insert(self, rows: Sequence[VaultRow]) -> list[VaultRow]:
        """Keep each row whose learner record has none yet; for the others, the row that was there first."""
        mine = {row.lookup: row.key_id for row in rows}
        values = [(row.key_id, row.lookup, str(row.learner), row.epoch, row.wrapped) for row in rows]
        connection = self._writing
        with self._written, _told():
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = connection.executemany(
                    "INSERT INTO data_keys VALUES (?,?,?,?,?) ON CONFLICT (lookup) DO NOTHING", values
                )
                stored = _found(connection, list(mine)) if done.rowcount < len(rows) else []
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return [row for row in stored if row.key_id != mine[row.lookup]]

    def close(self) -> None:
        """Close the file."""
        self._reading.close()
        self._writing.close()


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if not path.is_file():
        raise VaultUnreadable(f"there is no vault at {path}")
    place = address(path, read_only=read_only)
    connection = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        connection.close()
        raise VaultUnreadable(f"{path} is not a vault: {error}") from error
    if version != VAULT_VERSION:
        connection.close()
        raise VaultUnreadable(f"{path} has vault version {version}, this program works with {VAULT_VERSION}")
    return connection


def _found(connection: sqlite3.Connection, lookups: Sequence[bytes]) -> list[VaultRow]:
    found: list[VaultRow] = []
    for start in range(0, len(lookups), _AT_ONCE):
        some = lookups[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        found += map(_row, connection.execute(f"{_FIND} lookup IN ({marks})", some))
    return found


def _row(values: tuple[bytes, bytes, str, int, bytes]) -> VaultRow:
    key_id, lookup, learner, epoch, wrapped = values
    try:
        # Any column of a table may hold a value of any type.
        return VaultRow(
            key_id=bytes(memoryview(key_id)),
            lookup=bytes(memoryview(lookup)),
            learner=LearnerId(UUID(learner)),
            epoch=epoch,
            wrapped=wrapped,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise VaultUnreadable("a row of the vault cannot be read: the vault was changed") from error


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the vault cannot be used: {error}") from error
