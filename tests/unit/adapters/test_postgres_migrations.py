"""A schema in PostgreSQL goes forward in one transaction, once, and cuts off nobody who is at work."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from ledger.adapters.engine import WrongSchema
from ledger.adapters.fence import Fence
from ledger.adapters.postgres.connections import connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.migrations import migrate
from ledger.adapters.postgres.schema import SCHEMA_VERSION, create
from ledger.application.ports import StoreUnavailable
from ledger.record.sealing import Sealed
from tests.contracts.scribe import Scribe

_DATA = Path(__file__).parents[2] / "data"

NEXT = SCHEMA_VERSION + 1
STEPS = {
    SCHEMA_VERSION: (
        "CREATE TABLE ledger.more(number bigint PRIMARY KEY)",
        "ALTER TABLE ledger.names ADD COLUMN remark text",
    )
}


@pytest.fixture
def url(database_url: str) -> str:
    with closing(connect(database_url)) as connection:
        create(connection)
    return database_url


def _state(url: str) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        version = connection.execute("SELECT version FROM ledger.schema_version").fetchall()
        more = connection.execute("SELECT to_regclass('ledger.more') IS NOT NULL").fetchone()
    return version, more


OLD, NEW = ([(SCHEMA_VERSION,)], (False,)), ([(NEXT,)], (True,))


def _schema(url: str) -> set[tuple[object, ...]]:
    """What the catalogue knows of the tables, indexes, triggers, functions and constraints."""
    found: set[tuple[object, ...]] = set()
    with psycopg.connect(url) as connection:
        for statement in _CATALOGUE:
            found |= set(connection.execute(statement).fetchall())
    return found


_CATALOGUE: Sequence[LiteralString] = (
    """SELECT table_name, column_name, ordinal_position, data_type, is_nullable, collation_name
        FROM information_schema.columns WHERE table_schema = 'ledger'""",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'ledger'",
    """SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'ledger'::regnamespace AND NOT t.tgisinternal""",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace",
    """SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'ledger'::regnamespace""",
)


def _make_version(number: int, url: str, log: Sequence[Sealed]) -> None:
    """A ledger as the program of that version made it, with these entries."""
    with closing(connect(url)) as connection:
        for statement in (_DATA / f"ledger-postgres-schema-{number}.sql").read_text("utf-8").split(";\n\n"):
            connection.execute(statement.encode())
        connection.execute("INSERT INTO ledger.log_head VALUES (0, '1970-01-01T00:00:00.000Z')")
        for index, each in enumerate(log):
            row = (index + 1, each.recorded.stream, each.recorded.seq, each.type, each.entry)
            connection.execute("UPDATE ledger.log_head SET size = %s, at = '2026-11-21T12:00:00.000Z'", (index + 1,))
            connection.execute("INSERT INTO ledger.stored_events VALUES (%s,%s,%s,%s,%b)", row)


@pytest.mark.parametrize("number", range(1, SCHEMA_VERSION))
def test_an_older_ledger_has_after_migrating_the_schema_of_a_new_one(url: str, number: int) -> None:
    new = _schema(url)
    with closing(connect(url)) as connection:
        connection.execute("DROP SCHEMA ledger CASCADE")
    _make_version(number, url, [])
    assert _schema(url) != new
    assert migrate(url) == (number, SCHEMA_VERSION)
    assert _schema(url) == new


def test_what_an_older_ledger_holds_is_the_same_after_migrating_and_what_it_lacked_works(database_url: str) -> None:
    scribe = Scribe()
    log = scribe.log(1)
    entries = [log[0], scribe.entry(2, 0), *log[1:]]
    _make_version(1, database_url, entries)
    assert migrate(database_url) == (1, SCHEMA_VERSION)
    with closing(PostgresLedger(database_url, Fence())) as store:
        store.save_published("2026-11-21", 3, b"note")
        assert store.append_last(lambda _: scribe.entry(2, 1)) == 6
        with store.snapshot() as snapshot:
            assert [each.raw for each in snapshot.entries(0, 5)] == [each.entry for each in entries]
            assert [each.position for each in snapshot.log_entries()] == [1, 4, 5]
            assert snapshot.days() == [("2026-11-21", b"note")]


def test_a_ledger_of_this_version_is_left_as_it_is(url: str) -> None:
    assert migrate(url) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert _state(url) == OLD


def test_an_older_ledger_is_brought_forward_and_a_second_time_nothing_is_to_be_done(url: str) -> None:
    assert migrate(url, migrations=STEPS, target=NEXT) == (SCHEMA_VERSION, NEXT)
    assert _state(url) == NEW
    assert migrate(url, migrations=STEPS, target=NEXT) == (NEXT, NEXT)


def test_a_step_that_fails_leaves_the_old_version(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="is as it was"):
        migrate(url, migrations={SCHEMA_VERSION: (*STEPS[SCHEMA_VERSION], "SELECT 1/0")}, target=NEXT)
    assert _state(url) == OLD


def test_of_many_that_migrate_at_once_one_does_it(url: str) -> None:
    together = threading.Barrier(6)

    def run(_: int) -> tuple[int, int]:
        together.wait(30)
        return migrate(url, migrations=STEPS, target=NEXT)

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(run, range(6)))
    assert sorted(done) == [(SCHEMA_VERSION, NEXT)] + [(NEXT, NEXT)] * 5
    assert _state(url) == NEW


def test_a_newer_ledger_and_what_is_none_are_refused(url: str, database_url: str) -> None:
    migrate(url, migrations=STEPS, target=NEXT)
    with pytest.raises(WrongSchema, match=f"schema version {NEXT}, and this program knows {SCHEMA_VERSION}"):
        migrate(url)
    with pytest.raises(WrongSchema, match="install the newer"):
        PostgresLedger(url, Fence())
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA ledger CASCADE")
    with pytest.raises(WrongSchema, match="holds no ledger"):
        migrate(url)


def test_an_older_ledger_is_not_opened_and_the_refusal_names_the_command(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE ledger.schema_version SET version = 0")
    with pytest.raises(WrongSchema, match="`testamur migrate`"):
        PostgresLedger(url, Fence())


def test_who_works_on_the_ledger_is_not_cut_off_and_waits_for_nothing_while_the_migration_waits(url: str) -> None:
    """A server in the middle of something holds what the migration needs; others must still get by."""
    with psycopg.connect(url) as busy, ThreadPoolExecutor(1) as pool:
        busy.execute("INSERT INTO ledger.names VALUES ('a', 'b', gen_random_uuid())")
        migrating = pool.submit(migrate, url, migrations=STEPS, target=NEXT)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SET statement_timeout = '30s'")
            for number in range(30):
                other.execute("INSERT INTO ledger.names VALUES ('c', %s, gen_random_uuid())", (str(number),))
                other.execute("SELECT pg_sleep(0.02)")
        assert not migrating.done()
        busy.execute("INSERT INTO ledger.names VALUES ('a', 'c', gen_random_uuid())")  # not cut off
        busy.commit()
        assert migrating.result(60) == (SCHEMA_VERSION, NEXT)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT COUNT(*) FROM ledger.names").fetchone() == (32,)


def test_a_ledger_in_use_all_the_time_is_left_as_it_is(url: str) -> None:
    with psycopg.connect(url) as busy:
        busy.execute("SELECT * FROM ledger.names")
        with pytest.raises(StoreUnavailable, match="in use all the time, and is as it was: stop its servers"):
            migrate(url, migrations=STEPS, target=NEXT, patience=0.5)
    assert _state(url) == OLD
