"""The file in which a public audit remembers what it saw: how it is made, opened and locked.

It is locked for as long as it is open: two audits that read on from one place would each write what the other has.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ledger.adapters.public_audit_state import SqliteAuditState, failing
from ledger.adapters.scratch import scratch_folder
from ledger.adapters.watch_state import SqliteWatchState
from ledger.audit.public.state import StateInUse, StateNotUsable

_APPLICATION: Final = 0x54417564  # "TAud", in the header of the file
_CACHE: Final = -16_384  # KiB of pages, with the minus sign that SQLite wants
_TABLES: Final = """
CREATE TABLE identity (only INTEGER PRIMARY KEY CHECK (only = 1), origin TEXT, first BLOB, pinned INTEGER);
CREATE TABLE seen (size INTEGER, root BLOB, note BLOB, kept INTEGER, PRIMARY KEY (size, root)) WITHOUT ROWID;
CREATE TABLE forks (number INTEGER PRIMARY KEY, told TEXT UNIQUE);
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 1), tree BLOB, log_seq INTEGER, log_prev BLOB, log_at INTEGER,
    statement INTEGER, stated_at INTEGER, latest INTEGER, latest_at INTEGER, committed INTEGER, stacks INTEGER,
    statuses BLOB);
CREATE TABLE days (only INTEGER PRIMARY KEY CHECK (only = 1), day TEXT);
CREATE TABLE found (only INTEGER PRIMARY KEY CHECK (only = 1), count INTEGER);
CREATE TABLE problems (
    number INTEGER PRIMARY KEY, position INTEGER, step INTEGER, report INTEGER, stream TEXT, seq INTEGER, what TEXT,
    reason TEXT);
CREATE TABLE others (position INTEGER PRIMARY KEY, entry BLOB);
CREATE TABLE signers (id INTEGER PRIMARY KEY, by TEXT, kid TEXT, UNIQUE (kid, by));
CREATE TABLE lists (id INTEGER PRIMARY KEY, list BLOB UNIQUE, by TEXT, taken BLOB);
CREATE TABLE awards (
    stream BLOB PRIMARY KEY, position INTEGER, signer INTEGER, list INTEGER, slot INTEGER, stack INTEGER, at INTEGER,
    seq INTEGER, prev BLOB, last_at INTEGER) WITHOUT ROWID;
CREATE INDEX awards_of_signers ON awards (signer, position);
CREATE TABLE acts (
    stream BLOB, seq INTEGER, position INTEGER, signer INTEGER, kind TEXT, list INTEGER, slot INTEGER, at INTEGER,
    PRIMARY KEY (stream, seq)) WITHOUT ROWID;
CREATE INDEX acts_of_signers ON acts (signer, position);
CREATE TABLE watched (issuer TEXT PRIMARY KEY, stream BLOB, told INTEGER, compared INTEGER);
CREATE TABLE waiting (
    issuer TEXT, position INTEGER, stream BLOB, seq INTEGER, type TEXT, by TEXT, kid TEXT, at INTEGER, about_keys TEXT,
    since INTEGER, PRIMARY KEY (issuer, position)) WITHOUT ROWID;
CREATE TABLE receipts (
    issuer TEXT, stream BLOB, seq INTEGER, position INTEGER, since INTEGER, proof BLOB, found INTEGER,
    PRIMARY KEY (issuer, stream, seq, position)) WITHOUT ROWID;
CREATE INDEX receipts_not_found ON receipts (issuer, position) WHERE found = 0;
CREATE TABLE receipt_files (
    issuer TEXT, path TEXT, length INTEGER, ending BLOB, PRIMARY KEY (issuer, path)) WITHOUT ROWID;
"""
_LATER: Final = (  # what each version has that the one before it had not; a state of an earlier one gets it
    "CREATE TABLE unheld (size INTEGER, root BLOB, note BLOB, PRIMARY KEY (size, root)) WITHOUT ROWID",
    """
    DROP INDEX receipts_not_found;
    ALTER TABLE receipts RENAME TO receipts_without_act;
    CREATE TABLE receipts (
        issuer TEXT, stream BLOB, seq INTEGER, position INTEGER, act TEXT, asked TEXT, since INTEGER, proof BLOB,
        found INTEGER, PRIMARY KEY (issuer, stream, seq, position, act, asked)) WITHOUT ROWID;
    CREATE INDEX receipts_not_found ON receipts (issuer, position) WHERE found = 0;
    INSERT INTO receipts SELECT issuer, stream, seq, position, '', '', since, proof, found FROM receipts_without_act;
    DROP TABLE receipts_without_act
    """,
    "CREATE TABLE strangers (key TEXT PRIMARY KEY) WITHOUT ROWID",
    "ALTER TABLE receipts ADD COLUMN kid TEXT",
)
_VERSION: Final = 1 + len(_LATER)


@contextmanager
def open_state(path: Path | None) -> Iterator[SqliteAuditState]:
    """The state in a file, which is made if it is not there; without a file, one that is gone afterwards.

    Raises:
        StateNotUsable: it is something else, or cannot be written.
        StateInUse: another audit works with it.
    """
    if path is None:
        with _passing() as place, closing(_connect(place)) as connection:
            with failing():
                connection.execute("PRAGMA journal_mode = MEMORY")
                connection.execute("PRAGMA synchronous = OFF")
            _prepare(connection, place)
            yield SqliteAuditState(connection)
        return
    with _prepared(path) as connection:
        yield SqliteAuditState(connection)


@contextmanager
def open_watch(path: Path) -> Iterator[SqliteWatchState]:
    """The same, for a watch.

    Raises:
        StateNotUsable, StateInUse: as `open_state`.
    """
    with _prepared(path) as connection:
        yield SqliteWatchState(connection)


@contextmanager
def _prepared(path: Path) -> Iterator[sqlite3.Connection]:
    """A locked connection to the state in a file."""
    if not path.parent.is_dir():
        raise StateNotUsable(f"there is no folder {path.parent} to keep a state in")
    with closing(_connect(path)) as connection:
        _prepare(connection, path)
        yield connection


@contextmanager
def _passing() -> Iterator[Path]:
    """The path of a file that is gone afterwards."""
    try:
        with scratch_folder("testamur-state-") as folder:
            yield folder / "state"
    except OSError as error:
        raise StateNotUsable(f"there is no room for what this audit has to remember: {error.strerror}") from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, timeout=2.0)
    except sqlite3.Error as error:
        raise StateNotUsable(f"{path} cannot be opened: {error}") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        empty = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if empty and (application, version) == (0, 0):
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            version = 1
        elif application != _APPLICATION:
            raise StateNotUsable(f"{path} is no state of an audit")
        if not 1 <= version <= _VERSION:
            raise StateNotUsable(f"{path} is a state of another version of this program: begin with a new file")
        if version < _VERSION:
            for statement in ";".join(_LATER[version - 1 :]).split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA cache_size = {_CACHE}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StateInUse(f"another audit works with {path} at this moment") from error
        raise StateNotUsable(f"{path} cannot be used: {error}") from error
    except sqlite3.Error as error:
        raise StateNotUsable(f"{path} is no state of an audit: {error}") from error
