"""The vault: wrapped data keys in a file of their own, outside the ledger's backups.

Each data key is wrapped (RFC 3394) by the key of an epoch, which is wrapped by a key derived from the master key. A
learner record is found by a keyed digest of (issuer, student number), so that the file alone names nobody.
"""

import hmac
import sqlite3
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from ledger.application.ports import Entropy, LearnerKey
from ledger.domain.types import LearnerId, StreamId
from ledger.errors import LedgerError

VAULT_VERSION = 1
_CACHED = 20_000  # learner records whose keys are held in memory

_TABLES = (
    "CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, wrapped BLOB NOT NULL)",
    """CREATE TABLE data_keys(
        key_id BLOB PRIMARY KEY, lookup BLOB NOT NULL UNIQUE, learner TEXT NOT NULL,
        epoch INTEGER NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID""",
)


class VaultUnreadable(LedgerError):
    """The vault is not one of this ledger's, or its master key is another."""


class SqliteVault:
    """Data keys in `vault.db`. May be used from several threads."""

    def __init__(self, path: Path, *, wrapping_key: bytes, lookup_key: bytes, entropy: Entropy) -> None:
        """Open the vault.

        Args:
            wrapping_key, lookup_key: 32 bytes each, derived from the master key.

        Raises:
            VaultUnreadable.
        """
        self._connection = _connect(path)
        self._lookup_key = lookup_key
        self._entropy = entropy
        self._lock = Lock()
        self._by_lookup: OrderedDict[bytes, LearnerKey] = OrderedDict()
        self._by_id: OrderedDict[bytes, bytes] = OrderedDict()
        self._new: dict[bytes, LearnerKey] = {}
        try:
            self._epochs = self._unwrap_epochs(wrapping_key)
        except BaseException:
            self._connection.close()
            raise

    @staticmethod
    def create(path: Path, *, wrapping_key: bytes, entropy: Entropy) -> None:
        """Make an empty vault with its first epoch; durable when it returns."""
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                connection.execute(statement)
            wrapped = aes_key_wrap(wrapping_key, entropy.bytes(32))
            connection.execute("INSERT INTO epochs VALUES (1, ?)", (wrapped,))
            connection.execute(f"PRAGMA user_version = {VAULT_VERSION}")
            connection.execute("COMMIT")
        finally:
            connection.close()
        path.chmod(0o600)

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        """The key of a learner record, made at its first use. A new one is durable after `flush` only."""
        lookup = hmac.digest(self._lookup_key, issuer.bytes + student_number.encode("utf-8"), "sha256")
        with self._lock:
            key = self._new.get(lookup) or self._by_lookup.get(lookup) or self._stored(lookup)
            if key is None:
                key = LearnerKey(
                    learner=_random_uuid(self._entropy),
                    key_id=self._entropy.bytes(16),
                    data_key=self._entropy.bytes(32),
                )
                self._new[lookup] = key
            self._remember(lookup, key)
            return key

    def flush(self) -> None:
        """Make every new key durable in one commit."""
        with self._lock:
            if not self._new:
                return
            epoch = max(self._epochs)
            rows = [
                (key.key_id, lookup, str(key.learner), epoch, aes_key_wrap(self._epochs[epoch], key.data_key))
                for lookup, key in self._new.items()
            ]
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT INTO data_keys VALUES (?,?,?,?,?)", rows)
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._new.clear()

    def data_key(self, key_id: bytes) -> bytes | None:
        """The key with this id; None where there is none, any more or yet."""
        with self._lock:
            known = self._by_id.get(key_id)
            if known is not None:
                return known
            row = self._connection.execute(
                "SELECT epoch, wrapped FROM data_keys WHERE key_id = ?", (key_id,)
            ).fetchone()
            if row is None:
                return None
            data_key = self._unwrap(row[0], row[1])
            self._by_id[key_id] = data_key
            _trim(self._by_id)
            return data_key

    def close(self) -> None:
        """Write what is new and close the file."""
        self.flush()
        self._connection.close()

    def _stored(self, lookup: bytes) -> LearnerKey | None:
        row = self._connection.execute(
            "SELECT key_id, learner, epoch, wrapped FROM data_keys WHERE lookup = ?", (lookup,)
        ).fetchone()
        if row is None:
            return None
        return LearnerKey(learner=LearnerId(UUID(row[1])), key_id=bytes(row[0]), data_key=self._unwrap(row[2], row[3]))

    def _remember(self, lookup: bytes, key: LearnerKey) -> None:
        self._by_lookup[lookup] = key
        self._by_id[key.key_id] = key.data_key
        _trim(self._by_lookup)
        _trim(self._by_id)

    def _unwrap(self, epoch: int, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._epochs[epoch], wrapped)
        except (InvalidUnwrap, KeyError, TypeError) as error:
            raise VaultUnreadable("a data key in the vault cannot be unwrapped: the vault was changed") from error

    def _unwrap_epochs(self, wrapping_key: bytes) -> dict[int, bytes]:
        try:
            rows = self._connection.execute("SELECT epoch, wrapped FROM epochs").fetchall()
            epochs = {int(epoch): aes_key_unwrap(wrapping_key, wrapped) for epoch, wrapped in rows}
        except (InvalidUnwrap, TypeError, ValueError) as error:
            raise VaultUnreadable("the vault was made with another master key") from error
        except sqlite3.DatabaseError as error:
            raise VaultUnreadable(f"the vault cannot be read: {error}") from error
        if not epochs:
            raise VaultUnreadable("the vault holds no key of any epoch: it was changed, or never finished")
        return epochs


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise VaultUnreadable(f"there is no vault at {path}")
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
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


def _random_uuid(entropy: Entropy) -> LearnerId:
    return LearnerId(UUID(bytes=entropy.bytes(16), version=4))


def _trim(cache: "OrderedDict[bytes, LearnerKey] | OrderedDict[bytes, bytes]") -> None:
    while len(cache) > _CACHED:
        cache.popitem(last=False)
