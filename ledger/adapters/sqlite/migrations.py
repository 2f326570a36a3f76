"""Brings an older `ledger.db` to the schema that this program works with: forward only, all of it or nothing."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from ledger.adapters.sqlite.schema import BUSY_MILLISECONDS, SCHEMA_VERSION, WrongSchema
from ledger.application.ports import StoreUnavailable

# What makes the version after each. Their text is for ever: a ledger of any age takes the same steps.
MIGRATIONS: Mapping[int, Iterable[str]] = {
    1: (
        "CREATE TABLE stacks(mac BLOB PRIMARY KEY, stream TEXT NOT NULL) WITHOUT ROWID",
        # Ledgers of version 1 were made without these two at first, and with them later.
        """CREATE TRIGGER IF NOT EXISTS stored_events_are_not_replaced BEFORE INSERT ON stored_events
            WHEN EXISTS (SELECT 1 FROM stored_events
                WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version)
            BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END""",
        """CREATE TRIGGER IF NOT EXISTS checkpoints_are_only_added BEFORE INSERT ON checkpoints
            WHEN NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM checkpoints)
            BEGIN SELECT RAISE(ABORT, 'a checkpoint is larger than the last'); END""",
    ),
    2: (
        """CREATE TABLE published_days(size INTEGER NOT NULL, day TEXT NOT NULL PRIMARY KEY, note BLOB NOT NULL)
            WITHOUT ROWID""",
        "CREATE INDEX published_days_by_size ON published_days(size, day)",
        """CREATE INDEX log_entries ON stored_events(notification_id)
            WHERE topic IN ('log.started/1', 'log.key_added/1', 'log.key_retired/1')""",
        """CREATE TRIGGER published_days_do_not_go_back BEFORE INSERT ON published_days
            WHEN NEW.size < (SELECT COALESCE(MAX(size), 0) FROM published_days)
            BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END""",
        """CREATE TRIGGER published_days_are_not_made_smaller BEFORE UPDATE ON published_days
            WHEN NEW.day IS NOT OLD.day OR NEW.size < (SELECT MAX(size) FROM published_days)
            BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END""",
        """CREATE TRIGGER published_days_are_not_deleted BEFORE DELETE ON published_days
            BEGIN SELECT RAISE(ABORT, 'a published day is never deleted'); END""",
    ),
    3: (
        """CREATE TABLE status_credentials(
            list BLOB NOT NULL, made_at TEXT NOT NULL, size INTEGER NOT NULL, raw BLOB NOT NULL,
            PRIMARY KEY(list, made_at))""",
        """CREATE TRIGGER status_credentials_are_only_added BEFORE INSERT ON status_credentials
            WHEN EXISTS (SELECT 1 FROM (SELECT made_at, size FROM status_credentials
                    WHERE list = NEW.list ORDER BY made_at DESC LIMIT 1) AS last
                WHERE last.made_at >= NEW.made_at OR last.size > NEW.size)
            BEGIN SELECT RAISE(ABORT, 'a signed status list follows the last'); END""",
        """CREATE TRIGGER status_credentials_are_not_updated BEFORE UPDATE ON status_credentials
            BEGIN SELECT RAISE(ABORT, 'a signed status list is never changed'); END""",
        """CREATE TRIGGER status_credentials_are_not_deleted BEFORE DELETE ON status_credentials
            BEGIN SELECT RAISE(ABORT, 'a signed status list is never deleted'); END""",
    ),
}


def migrate(
    path: Path, *, migrations: Mapping[int, Iterable[str]] = MIGRATIONS, target: int = SCHEMA_VERSION
) -> tuple[int, int]:
    """Bring the database at `path` to version `target`, in one transaction; the versions before and after.

    A crash leaves the old version or the new one, never a state between them.

    Raises:
        WrongSchema: it is newer, or no ledger database.
        StoreUnavailable: it cannot be written; it is as it was.
    """
    if not path.is_file():  # SQLite would make an empty one
        raise WrongSchema(f"there is no ledger database at {path}")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")  # of two that migrate at once, the second finds the work done
        before = _check(connection, path, target)
        for version in range(before, target):
            for statement in migrations[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {target}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"{path} cannot be migrated, and is as it was: {error}") from error
    except sqlite3.DatabaseError as error:
        raise WrongSchema(f"{path} is not a ledger database, or it is damaged: {error}") from error
    finally:
        connection.close()  # what was not committed is undone
    return before, target


def _check(connection: sqlite3.Connection, path: Path, target: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > target:
        raise WrongSchema(
            f"{path} has schema version {version}, and this program knows {target}: install the newer Testamur"
        )
    if version < 1:
        raise WrongSchema(f"{path} is not a ledger database")
    return version
