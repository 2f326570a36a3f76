"""What a witness remembers: its key, the last tree of each log that it cosigned, and logs that contradicted themselves.

One SQLite file, which several processes may open. A cosignature leaves this module only after the tree that it vouches
for is durable, and each decision is one transaction with what it was decided on.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final, Self

from ledger.adapters.home import sync_folder
from ledger.application.ports import Clock, Entropy
from ledger.errors import LedgerError
from ledger.signing.signer import SEED_SIZE, Ed25519Signer, MalformedSeed
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import Hash
from ledger.tlog.witnessing import NOTHING_SEEN, AddCheckpoint, Refused, Seen, Submission, decide

_VERSION: Final = 1
_MAX_EVIDENCE: Final = 100  # of one log: more would prove nothing more, and fill the disk of an honest witness
_PATIENCE: Final = 5.0  # seconds for another process that writes
_TABLES: Final = (
    "CREATE TABLE witness(name TEXT NOT NULL, seed BLOB NOT NULL)",
    "CREATE TABLE seen(origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL)",
    """CREATE TABLE evidence(
        origin TEXT NOT NULL, seen BLOB NOT NULL, request BLOB NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY(origin, seen, request)) WITHOUT ROWID""",
    """CREATE TRIGGER seen_does_not_go_back BEFORE UPDATE ON seen
        WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root IS NOT OLD.root)
        BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END""",
    """CREATE TRIGGER seen_is_not_deleted BEFORE DELETE ON seen
        BEGIN SELECT RAISE(ABORT, 'a witness forgets no log'); END""",
    """CREATE TRIGGER a_witness_has_one_key BEFORE INSERT ON witness WHEN (SELECT COUNT(*) FROM witness) > 0
        BEGIN SELECT RAISE(ABORT, 'a witness has one key'); END""",
    """CREATE TRIGGER a_witness_keeps_its_key BEFORE UPDATE ON witness
        BEGIN SELECT RAISE(ABORT, 'a witness keeps its key'); END""",
)


class BadWitnessState(LedgerError):
    """The file cannot be used as the state of this witness."""


class WitnessStateUnavailable(LedgerError):
    """The state cannot be read or written now; what was asked is not cosigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Two checkpoints that one log signed and that cannot both be true."""

    origin: str
    seen: bytes  # the note that was cosigned, with the witness's line
    request: bytes  # with the other note, as it was sent; its proof shows the contradiction unless the sizes are equal
    at: str  # when it came, UTC by the witness's clock


class WitnessState:
    """The state of one witness in one file. Any thread and any process may use it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Clock) -> None:
        """Take over an open connection; `open` is for everybody else."""
        self._path = path
        self._connection = connection
        self._clock = clock
        self._lock = Lock()
        name, seed = connection.execute("SELECT name, seed FROM witness").fetchone()
        self._name: str = name
        self._signer = Ed25519Signer(seed)
        self.key = CosignerKey.of(name, self._signer.public_key)

    @classmethod
    def open(cls, path: Path, name: str | None, *, clock: Clock, entropy: Entropy) -> Self:
        """The state in a file; a new one with a new key where there is none, mode 0600.

        Args:
            name: of the witness; None: as the file says. The name is not signed, so a key has one for ever.

        Raises:
            BadWitnessState: there is none and no name is given, it is another witness's, others may read it, or it is
                something else.
            MalformedVerifierKey: `name` cannot name a key.
        """
        if name is not None:
            CosignerKey.of(name, Ed25519Signer(bytes(SEED_SIZE)).public_key)  # a name that names no key makes no file
        try:
            _create_file(path, made=name is not None)
            connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, path, name, entropy)
                state = cls(path, connection, clock)
            except BaseException:
                connection.close()
                raise
        except OSError as error:
            raise BadWitnessState(f"the witness's state {path} cannot be opened: {error.strerror}") from error
        except (sqlite3.Error, MalformedSeed, TypeError) as error:
            raise BadWitnessState(f"{path} holds no state of a witness: {error}") from error
        if name not in (None, state.key.name):
            state.close()
            raise BadWitnessState(
                f"{path} is the state of the witness {state.key.name}, not of {name}: a key keeps its name; "
                "give another file for another witness"
            )
        return state

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def add(self, submission: Submission, contradicted: Callable[[Evidence], None]) -> bytes | Refused:
        """Cosign a checkpoint if it continues what was seen; the tree is durable before the line is returned.

        Args:
            contradicted: told of two checkpoints that contradict each other, once they are kept.

        Raises:
            WitnessStateUnavailable: nothing is cosigned.
        """
        origin, new = submission.checkpoint.origin, submission.checkpoint
        evidence = None
        with self._transaction() as connection:
            row = connection.execute("SELECT size, root, note FROM seen WHERE origin = ?", (origin,)).fetchone()
            seen = NOTHING_SEEN if row is None else Seen(size=row[0], root=Hash(row[1]))
            now = self._clock.now()
            refused = decide(submission, seen)
            line = b""
            if refused is None:
                # The time is taken inside the transaction: later on, a larger tree may have been seen by then.
                line = cosign(submission.text, self._signer, self._name, int(now.timestamp()))
                note = with_lines(submission.note, line)
                connection.execute(
                    "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT(origin) DO UPDATE SET "
                    "size = excluded.size, root = excluded.root, note = excluded.note",
                    (origin, new.size, new.root, note),
                )
            elif refused.contradiction:
                request = AddCheckpoint(old=submission.old, path=submission.path, note=submission.note)
                evidence = Evidence(origin=origin, seen=row[2], request=request.to_bytes(), at=_spelled(now))
                _keep(connection, evidence)
        if evidence is not None:
            contradicted(evidence)
        return line if refused is None else refused

    def latest(self, origin: str) -> bytes | None:
        """The last note of a log that was cosigned, with the log's lines and this witness's; None where none was.

        Raises:
            WitnessStateUnavailable.
        """
        with self._reading() as connection:
            row = connection.execute("SELECT note FROM seen WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else bytes(row[0])

    def evidence(self) -> list[Evidence]:
        """All contradictions that were kept, oldest first.

        Raises:
            WitnessStateUnavailable.
        """
        with self._reading() as connection:
            rows = connection.execute("SELECT origin, seen, request, at FROM evidence ORDER BY at, origin").fetchall()
        return [Evidence(origin=row[0], seen=row[1], request=row[2], at=row[3]) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise WitnessStateUnavailable(f"the state {self._path} cannot be used: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, and nobody else in between; durable at the end."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")


def _create_file(path: Path, *, made: bool) -> None:
    """See to it that the file is there, and that it is its owner's alone."""
    if made and not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    if path.stat().st_mode & 0o077:
        raise BadWitnessState(f"{path} holds a private key, and others may read or write it: chmod 600 {path}")


def _prepare(connection: sqlite3.Connection, path: Path, name: str | None, entropy: Entropy) -> None:
    # In this mode a commit is on the disk, also after a power cut, once it returns.
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    if mode != "wal":
        raise BadWitnessState(f"{path} lies where SQLite can keep no journal of the kind WAL: choose a local disk")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if version != _VERSION and (version, tables) != (0, 0):
            raise BadWitnessState(
                f"{path} holds something else than the state of a witness, or that of a newer version"
            )
        if version == 0:
            if name is None:
                raise BadWitnessState(f"{path} holds no witness yet: name it with --name")
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO witness VALUES (?, ?)", (name, entropy.bytes(SEED_SIZE)))
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _keep(connection: sqlite3.Connection, evidence: Evidence) -> None:
    (kept,) = connection.execute("SELECT COUNT(*) FROM evidence WHERE origin = ?", (evidence.origin,)).fetchone()
    if kept < _MAX_EVIDENCE:
        row = (evidence.origin, evidence.seen, evidence.request, evidence.at)
        connection.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?)", row)


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
