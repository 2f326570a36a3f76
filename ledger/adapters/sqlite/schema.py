"""The tables of `ledger.db`, and how a connection to it is opened.

Recorded rows are for ever: triggers refuse every change of an entry, also the one that `INSERT OR REPLACE` would make.
They guard against accidents and careless tools; who owns the file can drop them, and the audit finds what was done.
"""

import sqlite3
from pathlib import Path

from ledger.adapters.engine import UnsafeDatabase
from ledger.adapters.engine import WrongSchema as WrongSchema

SCHEMA_VERSION = 4
PAGE_SIZE = 8192  # bytes: an entry with its private parts fits on one page
BUSY_MILLISECONDS = 5_000

# The entries of the log's own stream but for its statements; spelled as in the index, so that SQLite uses it.
LOG_ENTRIES = "topic IN ('log.started/1', 'log.key_added/1', 'log.key_retired/1')"

_TABLES = (
    # The total order is the primary key: rowids that are not an explicit key may be renumbered by VACUUM.
    """CREATE TABLE stored_events(
        notification_id INTEGER PRIMARY KEY,
        originator_id TEXT NOT NULL CHECK(originator_id = lower(originator_id) AND length(originator_id) = 32),
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE(originator_id, originator_version))""",
    "CREATE TABLE log_head(size INTEGER NOT NULL, at TEXT NOT NULL)",
    """CREATE TABLE private_parts(
        position INTEGER NOT NULL, part TEXT NOT NULL, key_id BLOB NOT NULL, box BLOB NOT NULL,
        PRIMARY KEY(position, part)) WITHOUT ROWID""",
    """CREATE TABLE idempotency(
        scope TEXT NOT NULL, key BLOB NOT NULL, request BLOB NOT NULL,
        stream TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY(scope, key)) WITHOUT ROWID""",
    "CREATE TABLE definitions(digest BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE names(
        scope TEXT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL,
        PRIMARY KEY(scope, name)) WITHOUT ROWID""",
    "CREATE TABLE status_lists(list BLOB PRIMARY KEY, issuer TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE status_slots(
        list BLOB NOT NULL, slot INTEGER NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(list, slot)) WITHOUT ROWID""",
    "CREATE TABLE short_codes(mac BLOB PRIMARY KEY, stream TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE stacks(mac BLOB PRIMARY KEY, stream TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE checkpoints(size INTEGER PRIMARY KEY, note BLOB NOT NULL, compact_range BLOB NOT NULL)",
    """CREATE TABLE api_keys(
        id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, issuer TEXT, scopes TEXT NOT NULL, label TEXT NOT NULL,
        created_at TEXT NOT NULL, revoked_at TEXT) WITHOUT ROWID""",
    # By size first, and so copied: after a clock was set back, days and sizes need not grow together.
    """CREATE TABLE published_days(size INTEGER NOT NULL, day TEXT NOT NULL PRIMARY KEY, note BLOB NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE status_credentials(
        list BLOB NOT NULL, made_at TEXT NOT NULL, size INTEGER NOT NULL, raw BLOB NOT NULL,
        PRIMARY KEY(list, made_at))""",
    "CREATE INDEX published_days_by_size ON published_days(size, day)",
    # Of the log's own stream, which grows with every publication, the few entries that are no statements.
    f"CREATE INDEX log_entries ON stored_events(notification_id) WHERE {LOG_ENTRIES}",
)

TRIGGERS = (
    """CREATE TRIGGER stored_events_only_at_the_head BEFORE INSERT ON stored_events
        WHEN NEW.notification_id IS NOT (SELECT COALESCE(MAX(notification_id), 0) + 1 FROM stored_events)
        BEGIN SELECT RAISE(ABORT, 'an entry is appended at the head of the log'); END""",
    # REPLACE would delete the entry with the same stream and seq, without asking the trigger on DELETE.
    """CREATE TRIGGER stored_events_are_not_replaced BEFORE INSERT ON stored_events
        WHEN EXISTS (SELECT 1 FROM stored_events
            WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version)
        BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END""",
    """CREATE TRIGGER stored_events_are_not_updated BEFORE UPDATE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END""",
    """CREATE TRIGGER stored_events_are_not_deleted BEFORE DELETE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END""",
    """CREATE TRIGGER log_head_does_not_go_back BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size OR NEW.at < OLD.at
        BEGIN SELECT RAISE(ABORT, 'the log does not go back'); END""",
    """CREATE TRIGGER log_head_is_one_row BEFORE INSERT ON log_head WHEN (SELECT COUNT(*) FROM log_head) > 0
        BEGIN SELECT RAISE(ABORT, 'the log has one head'); END""",
    """CREATE TRIGGER log_head_is_not_deleted BEFORE DELETE ON log_head
        BEGIN SELECT RAISE(ABORT, 'the log keeps its head'); END""",
    """CREATE TRIGGER checkpoints_are_only_added BEFORE INSERT ON checkpoints
        WHEN NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM checkpoints)
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is larger than the last'); END""",
    """CREATE TRIGGER checkpoints_are_not_updated BEFORE UPDATE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END""",
    """CREATE TRIGGER checkpoints_are_not_deleted BEFORE DELETE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is never deleted'); END""",
    """CREATE TRIGGER published_days_do_not_go_back BEFORE INSERT ON published_days
        WHEN NEW.size < (SELECT COALESCE(MAX(size), 0) FROM published_days)
        BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END""",
    """CREATE TRIGGER published_days_are_not_made_smaller BEFORE UPDATE ON published_days
        WHEN NEW.day IS NOT OLD.day OR NEW.size < (SELECT MAX(size) FROM published_days)
        BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END""",
    """CREATE TRIGGER published_days_are_not_deleted BEFORE DELETE ON published_days
        BEGIN SELECT RAISE(ABORT, 'a published day is never deleted'); END""",
    """CREATE TRIGGER status_credentials_are_only_added BEFORE INSERT ON status_credentials
        WHEN EXISTS (SELECT 1 FROM (SELECT made_at, size FROM status_credentials
                WHERE list = NEW.list ORDER BY made_at DESC LIMIT 1) AS last
            WHERE last.made_at >= NEW.made_at OR last.size > NEW.size)
        BEGIN SELECT RAISE(ABORT, 'a signed status list follows the last'); END""",
    """CREATE TRIGGER status_credentials_are_not_updated BEFORE UPDATE ON status_credentials
        BEGIN SELECT RAISE(ABORT, 'a signed status list is never changed'); END""",
    """CREATE TRIGGER status_credentials_are_not_deleted BEFORE DELETE ON status_credentials
        BEGIN SELECT RAISE(ABORT, 'a signed status list is never deleted'); END""",
)


def create(path: Path) -> None:
    """Make an empty ledger database; the file must not hold one yet.

    Raises:
        WrongSchema: the file already holds tables.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            raise WrongSchema(f"{path} already holds a database")
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*_TABLES, *TRIGGERS):
            connection.execute(statement)
        connection.execute("INSERT INTO log_head VALUES (0, '1970-01-01T00:00:00.000Z')")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()
    path.chmod(0o600)


def prepare(connection: sqlite3.Connection) -> None:
    """Set up a connection of the service, and refuse a database that could lose an acknowledged commit.

    Raises:
        WrongSchema, UnsafeDatabase.
    """
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if 0 < version < SCHEMA_VERSION:
        raise WrongSchema(
            f"the ledger has schema version {version}, this program works with {SCHEMA_VERSION}: "
            "make a backup, then bring it forward with `testamur migrate`"
        )
    if version == 0:
        raise WrongSchema("the database has schema version 0: it is not a ledger's")
    if version != SCHEMA_VERSION:
        raise WrongSchema(
            f"the ledger has schema version {version}, and this program knows {SCHEMA_VERSION}: "
            "install the newer Testamur that wrote it"
        )
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:
        raise UnsafeDatabase(f"journal mode is {mode} and synchronous is {level}; the ledger needs wal and 2 (FULL)")
