"""Brings an older ledger in PostgreSQL to the schema that this program works with: forward only, whole or not at all.

Servers of the older version may be at work meanwhile: nothing waits in front of them, and none is cut off. They refuse
the newer schema when they connect the next time; so they are stopped before, and started again as the newer program.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from time import monotonic, sleep
from typing import Final, LiteralString

import psycopg

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres.connections import Connection, connect, described, said
from ledger.adapters.postgres.schema import ONE_AT_A_TIME, SCHEMA_VERSION
from ledger.application.ports import StoreUnavailable

# What makes the version after each. Their text is for ever: a ledger of any age takes the same steps.
MIGRATIONS: Final[Mapping[int, Iterable[LiteralString]]] = {
    1: (
        """CREATE TABLE ledger.published_days(
            size bigint NOT NULL, day text COLLATE "C" PRIMARY KEY, note bytea NOT NULL)""",
        "CREATE INDEX published_days_by_size ON ledger.published_days(size, day)",
        """CREATE INDEX log_entries ON ledger.stored_events(notification_id)
            WHERE topic IN ('log.started/1', 'log.key_added/1', 'log.key_retired/1')""",
        """CREATE FUNCTION ledger.only_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < COALESCE((SELECT MAX(d.size) FROM ledger.published_days d), 0)
            OR (TG_OP = 'UPDATE' AND NEW.day <> OLD.day) THEN
        RAISE EXCEPTION 'what is published does not go back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$""",
        """CREATE TRIGGER published_days_do_not_go_back BEFORE INSERT OR UPDATE ON ledger.published_days
            FOR EACH ROW EXECUTE FUNCTION ledger.only_later()""",
        """CREATE TRIGGER published_days_are_not_deleted BEFORE DELETE ON ledger.published_days
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a published day is never deleted')""",
        """CREATE TRIGGER published_days_are_not_truncated BEFORE TRUNCATE ON ledger.published_days
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a published day is never deleted')""",
    ),
    2: (
        """CREATE TABLE ledger.status_credentials(
            list bytea NOT NULL, made_at text COLLATE "C" NOT NULL, size bigint NOT NULL, raw bytea NOT NULL,
            PRIMARY KEY(list, made_at))""",
        """CREATE FUNCTION ledger.only_newer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM (SELECT c.made_at, c.size FROM ledger.status_credentials c
            WHERE c.list = NEW.list ORDER BY c.made_at DESC LIMIT 1) AS last
            WHERE last.made_at >= NEW.made_at OR last.size > NEW.size) THEN
        RAISE EXCEPTION 'a signed status list follows the last' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$""",
        """CREATE TRIGGER status_credentials_are_only_added BEFORE INSERT ON ledger.status_credentials
            FOR EACH ROW EXECUTE FUNCTION ledger.only_newer()""",
        """CREATE TRIGGER status_credentials_are_not_updated BEFORE UPDATE ON ledger.status_credentials
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never changed')""",
        """CREATE TRIGGER status_credentials_are_not_deleted BEFORE DELETE ON ledger.status_credentials
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never deleted')""",
        """CREATE TRIGGER status_credentials_are_not_truncated BEFORE TRUNCATE ON ledger.status_credentials
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never deleted')""",
    ),
}

_ATTEMPT = "200ms"  # a statement that waits for a table has everybody else wait behind it: no longer than this
_PAUSE = 0.3  # seconds in which the others go on


def migrate(
    url: str,
    *,
    migrations: Mapping[int, Iterable[LiteralString]] = MIGRATIONS,
    target: int = SCHEMA_VERSION,
    patience: float = 60.0,
) -> tuple[int, int]:
    """Bring the ledger to version `target`, in one transaction; the versions before and after.

    Of several that do so at once, one does it and the others find it done.

    Args:
        patience: seconds in which a moment is looked for when nobody uses what must be changed.

    Raises:
        WrongSchema: it is newer, or no ledger.
        StoreUnavailable: it cannot be reached, or was in use all the time; it is as it was.
        UnsafeDatabase.
    """
    deadline = monotonic() + patience
    while True:
        try:
            with closing(connect(url, name="testamur migrate")) as connection:
                return _attempt(connection, url, migrations, target)
        except psycopg.errors.LockNotAvailable as error:
            if monotonic() > deadline:
                raise StoreUnavailable(
                    f"{described(url)} is in use all the time, and is as it was: stop its servers, then migrate it"
                ) from error
            sleep(_PAUSE)
        except psycopg.Error as error:
            raise StoreUnavailable(f"{described(url)} cannot be migrated, and is as it was: {said(error)}") from error


def _attempt(
    connection: Connection, url: str, migrations: Mapping[int, Iterable[LiteralString]], target: int
) -> tuple[int, int]:
    with connection.transaction():
        # Tried, not waited for: nobody can be kept from anything by this.
        if not _value(connection, "SELECT pg_try_advisory_xact_lock(%s)", ONE_AT_A_TIME):
            raise psycopg.errors.LockNotAvailable("another program migrates it")
        before = _version(connection, url)
        if before > target:
            raise WrongSchema(
                f"{described(url)} has schema version {before}, and this program knows {target}: "
                "install the newer Testamur"
            )
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute(f"SET LOCAL lock_timeout = '{_ATTEMPT}'")
        for version in range(before, target):
            for statement in migrations[version]:
                connection.execute(statement)
        if before != target:
            connection.execute("UPDATE ledger.schema_version SET version = %s", (target,))
        return before, target


def _version(connection: Connection, url: str) -> int:
    if _value(connection, "SELECT to_regclass(%s)", "ledger.schema_version") is None:
        raise WrongSchema(f"{described(url)} holds no ledger")
    version = _value(connection, "SELECT MAX(version) FROM ledger.schema_version")
    if not isinstance(version, int):
        raise WrongSchema(f"{described(url)} holds no ledger")
    return version


def _value(connection: Connection, statement: LiteralString, *parameters: int | str) -> object:
    row = connection.execute(statement, parameters).fetchone()
    return None if row is None else row[0]
