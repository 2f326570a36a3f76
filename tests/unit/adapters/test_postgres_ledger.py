"""The ledger's database in PostgreSQL: what its triggers refuse, how it is opened, and what processes agree on.

What any store promises is in `tests/contracts`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, Thread
from time import monotonic, sleep
from typing import LiteralString

import psycopg
import pytest

from ledger.adapters.engine import WrongSchema
from ledger.adapters.fence import Fence
from ledger.adapters.postgres import typed
from ledger.adapters.postgres.connections import Connection, connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.schema import CHANNEL, LOG_ENTRIES, SCHEMA_VERSION, check, create
from ledger.adapters.postgres.snapshot import PUBLISHED
from ledger.application.ports import (
    LedgerHalted,
    SignedCheckpoint,
    StaleDecision,
    StatusCredential,
    StoreUnavailable,
)
from ledger.domain.types import ListId
from tests.contracts.scribe import BEGIN, Scribe, idempotency
from tests.postgres import Cluster

_PATIENCE = 30  # seconds until a test gives up
_TABLES: tuple[LiteralString, ...] = (
    "stored_events",
    "log_head",
    "checkpoints",
    "published_days",
    "status_credentials",
)


@pytest.fixture
def admin(database_url: str) -> Iterator[Connection]:
    """A connection to a database with an empty ledger."""
    with closing(connect(database_url)) as connection:
        create(connection)
        yield connection


@pytest.fixture
def store(admin: Connection, database_url: str) -> Iterator[PostgresLedger]:
    with closing(PostgresLedger(database_url, Fence())) as store:
        yield store


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def rows(connection: Connection) -> list[object]:
    """Everything that triggers guard."""
    return [connection.execute(f"SELECT * FROM ledger.{table}").fetchall() for table in _TABLES]


# ---------------------------------------------------------------------------------------------------------- triggers

_COPY = (
    "INSERT INTO ledger.stored_events SELECT {position}, gen_random_uuid(), 0, topic, state "
    "FROM ledger.stored_events WHERE notification_id = 2"
)
_REFUSED = [
    "UPDATE ledger.stored_events SET state = '\\x00' WHERE notification_id = 2",
    "UPDATE ledger.stored_events SET topic = topic",
    "UPDATE ledger.stored_events SET notification_id = 9 WHERE notification_id = 3",
    "DELETE FROM ledger.stored_events WHERE notification_id = 3",
    "DELETE FROM ledger.stored_events",
    "TRUNCATE ledger.stored_events",
    "TRUNCATE ledger.stored_events, ledger.log_head",
    *(_COPY.format(position=position) for position in (-1, 0, 1, 2, 3, 4, 5, 99)),  # 4: beside the head
    f"{_COPY.format(position=2)} ON CONFLICT (notification_id) DO UPDATE SET state = '\\x00'",
    # Two at once with a gap between, or before, or ending elsewhere than the head that was moved for them.
    *(
        "WITH moved AS (UPDATE ledger.log_head SET size = 5) INSERT INTO ledger.stored_events "
        "SELECT n, gen_random_uuid(), 0, topic, state FROM ledger.stored_events, "
        f"unnest(ARRAY{places}::bigint[]) AS n WHERE notification_id = 2"
        for places in ([3, 5], [5, 6], [4, 6], [5], [4], [4, 5, 6])
    ),
    "UPDATE ledger.log_head SET size = 2",
    "UPDATE ledger.log_head SET at = '2020-01-01T00:00:00.000Z'",
    "DELETE FROM ledger.log_head",
    "TRUNCATE ledger.log_head",
    "INSERT INTO ledger.log_head VALUES (3, '2030-01-01T00:00:00.000Z')",
    "UPDATE ledger.checkpoints SET note = '\\x00'",
    "DELETE FROM ledger.checkpoints",
    "TRUNCATE ledger.checkpoints",
    "INSERT INTO ledger.checkpoints VALUES (3, '\\x00', '')",
    "INSERT INTO ledger.checkpoints VALUES (2, '\\x00', '')",
    "INSERT INTO ledger.checkpoints VALUES (4, '\\x00', ''), (5, '\\x00', '')",
    "INSERT INTO ledger.published_days VALUES (2, '2026-11-23', '')",
    "INSERT INTO ledger.published_days VALUES (9, '2026-11-23', ''), (8, '2026-11-24', '')",
    "INSERT INTO ledger.published_days VALUES (2, '2026-11-22', '') ON CONFLICT (day) DO UPDATE SET size = 2",
    "UPDATE ledger.published_days SET size = 2 WHERE day = '2026-11-22'",
    "UPDATE ledger.published_days SET note = '' WHERE day = '2026-11-21'",
    "UPDATE ledger.published_days SET day = '2026-11-24' WHERE day = '2026-11-22'",
    "DELETE FROM ledger.published_days",
    "TRUNCATE ledger.published_days",
    "UPDATE ledger.status_credentials SET raw = ''",
    "DELETE FROM ledger.status_credentials",
    "TRUNCATE ledger.status_credentials",
    """INSERT INTO ledger.status_credentials VALUES ('l', '2026-11-21T12:00:30.000Z', 3, '')
        ON CONFLICT (list, made_at) DO UPDATE SET raw = ''""",
    "INSERT INTO ledger.status_credentials VALUES ('l', '2026-11-21T12:00:30.000Z', 3, '')",
    "INSERT INTO ledger.status_credentials VALUES ('l', '2026-11-21T12:00:10.000Z', 3, '')",
    "INSERT INTO ledger.status_credentials VALUES ('l', '2026-11-21T12:01:00.000Z', 2, '')",
    """INSERT INTO ledger.status_credentials VALUES ('l', '2026-11-21T12:02:00.000Z', 3, ''),
        ('l', '2026-11-21T12:01:00.000Z', 3, '')""",
]


@pytest.mark.parametrize("statement", _REFUSED)
def test_change_of_what_was_recorded_is_refused(
    store: PostgresLedger, admin: Connection, scribe: Scribe, statement: LiteralString
) -> None:
    store.append([scribe.proposal(number) for number in range(3)])
    store.save_checkpoint(0, SignedCheckpoint(size=3, note=b"note", compact_range=b"range"))
    store.save_published("2026-11-21", 2, b"note")
    store.save_published("2026-11-22", 3, b"note")
    store.save_status_credential(None, StatusCredential(list=ListId(b"l"), made_at=BEGIN, size=2, raw=b"signed"))
    later = StatusCredential(list=ListId(b"l"), made_at=BEGIN + timedelta(seconds=30), size=3, raw=b"signed again")
    store.save_status_credential(BEGIN, later)
    before = rows(admin)
    with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.IntegrityError)), admin.transaction():
        admin.execute(statement)
    assert rows(admin) == before
    (outcome,) = store.append([scribe.proposal(5)])  # and the log goes on
    assert getattr(outcome, "position", None) == 4


def test_entries_may_stand_at_the_head_that_was_moved_for_them(admin: Connection, store: PostgresLedger) -> None:
    store.append([Scribe().proposal(number) for number in range(3)])
    with admin.transaction():
        admin.execute("UPDATE ledger.log_head SET size = 5")
        admin.execute(
            "INSERT INTO ledger.stored_events SELECT n, gen_random_uuid(), 0, topic, state "
            "FROM ledger.stored_events, unnest(ARRAY[4, 5]) AS n WHERE notification_id = 2"
        )
    with store.snapshot() as snapshot:
        assert [each.position for each in snapshot.entries(0, 9)] == [1, 2, 3, 4, 5]


# ------------------------------------------------------------------------------------------------------------ schema


def test_status_lists_of_an_issuer_are_found_by_an_index(admin: Connection) -> None:
    with admin.transaction():
        admin.execute("SET LOCAL enable_seqscan = off")
        plan = admin.execute(
            "EXPLAIN SELECT list, issuer, used FROM ledger.status_lists "
            "WHERE issuer = ANY('{00000000-0000-4000-8000-000000000000}'::uuid[]) OR list = ANY(ARRAY['\\x00'::bytea])"
        ).fetchall()
    assert "Seq Scan" not in "".join(line for (line,) in plan)


_SOME: LiteralString = "00000000-0000-4000-8000-000000000000"


def test_what_a_scan_and_a_publication_ask_of_a_long_log_is_found_by_an_index(
    admin: Connection, store: PostgresLedger
) -> None:
    asked = (
        f"SELECT state FROM ledger.stored_events WHERE {LOG_ENTRIES} ORDER BY notification_id",
        PUBLISHED,
        f"SELECT state FROM ledger.stored_events WHERE originator_id = '{_SOME}'::uuid ORDER BY originator_version",
    )
    with admin.transaction():
        admin.execute("SET LOCAL enable_seqscan = off")
        plans = ["".join(line for (line,) in admin.execute(f"EXPLAIN {each}").fetchall()) for each in asked]
    assert not [plan for plan in plans if "Seq Scan" in plan]
    assert "log_entries" in plans[0]


def test_ledger_is_made_once(admin: Connection) -> None:
    with pytest.raises(WrongSchema, match="already holds a ledger"):
        create(admin)
    check(admin)


def test_of_two_that_make_a_ledger_at_once_one_does(database_url: str) -> None:
    gate = Barrier(4)

    def make(_: int) -> bool:
        with closing(connect(database_url)) as connection:
            gate.wait(_PATIENCE)
            try:
                create(connection)
            except WrongSchema:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [False, False, False, True]
    with closing(PostgresLedger(database_url, Fence())) as store, store.snapshot() as snapshot:
        assert snapshot.head().size == 0


def test_ledger_whose_making_fails_is_not_there(database_url: str) -> None:
    with closing(connect(database_url)) as connection:
        connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(StoreUnavailable, match="no ledger can be made"):
            create(connection)
        connection.execute("SET default_transaction_read_only = off")
        create(connection)


def test_database_without_a_ledger_is_not_opened(database_url: str) -> None:
    with pytest.raises(WrongSchema, match="holds no ledger"):
        PostgresLedger(database_url, Fence())


@pytest.mark.parametrize(
    ("version", "remedy"), [(SCHEMA_VERSION - 1, "testamur migrate"), (SCHEMA_VERSION + 1, "install the newer program")]
)
def test_ledger_of_another_version_is_not_opened_and_the_remedy_is_named(
    admin: Connection, database_url: str, version: int, remedy: str
) -> None:
    admin.execute("UPDATE ledger.schema_version SET version = %s", (version,))
    with pytest.raises(WrongSchema, match=remedy):
        PostgresLedger(database_url, Fence())


def test_ledger_that_may_not_be_read_is_told_as_unavailable(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("CREATE ROLE nobody_in_particular")
        admin.execute("SET LOCAL ROLE nobody_in_particular")
        with pytest.raises(StoreUnavailable, match="permission denied"):
            check(admin)


# --------------------------------------------------------------------------------------------------------- the fence


def cut_back(connection: Connection, size: int) -> None:
    """What restoring an older copy does, or promoting a standby that lagged."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM ledger.stored_events WHERE notification_id > %s", (size,))
        connection.execute("UPDATE ledger.log_head SET size = %s", (size,))


@pytest.mark.parametrize("first", ["append", "snapshot", "scan", "checkpoint", "revocation", "load", "key", "keys"])
def test_process_that_saw_more_than_there_is_halts_for_good(
    store: PostgresLedger, admin: Connection, scribe: Scribe, first: str
) -> None:
    store.append([scribe.proposal(number) for number in range(5)])
    cut_back(admin, 3)
    late = scribe.proposal(9)
    with closing(store.scans()) as scans:

        def append() -> None:
            store.append([late])

        def snapshot() -> None:
            with store.snapshot():
                raise AssertionError

        def scan() -> None:
            with scans.snapshot() as opened:
                opened.head()

        def checkpoint() -> None:  # signed over what was read before, saved in what is there now
            store.save_checkpoint(0, SignedCheckpoint(size=5, note=b"note", compact_range=b""))

        def load() -> None:
            store.load(late.events[0].recorded.stream)

        def key() -> None:  # one that was revoked lives again, where the tail was lost
            store.api_key(b"secret")

        def keys() -> None:
            store.api_keys()

        def revocation() -> None:
            store.revoke_api_key("id", datetime(2026, 11, 21, tzinfo=UTC))

        ways = {
            "append": append,
            "snapshot": snapshot,
            "scan": scan,
            "checkpoint": checkpoint,
            "revocation": revocation,
            "load": load,
            "key": key,
            "keys": keys,
        }
        for way in (ways[first], *ways.values()):
            with pytest.raises(LedgerHalted, match="its tail was lost"):
                way()
        again = [Scribe().proposal(number) for number in range(20, 30)]
        with closing(PostgresLedger(store._url, Fence())) as other:
            other.append(again)  # a new process, which knows of nothing, makes the log longer than it ever was
        for way in ways.values():
            with pytest.raises(LedgerHalted, match="its tail was lost"):
                way()
    assert store.fence.halted is not None
    assert rows(admin)[2] == []
    assert rows(admin)[1] == [(13, "2026-11-21T12:00:00.000Z")]


def test_published_checkpoint_is_part_of_what_was_seen(admin: Connection, database_url: str, scribe: Scribe) -> None:
    published = [0]
    with closing(PostgresLedger(database_url, Fence(lambda: published[0]))) as store:
        store.append([scribe.proposal(1)])
        published[0] = 2  # another process appended, published, and the database was then put back
        for _ in range(2):
            with pytest.raises(LedgerHalted), store.snapshot():
                raise AssertionError
            with pytest.raises(LedgerHalted):
                store.append([scribe.proposal(2)])


def test_state_that_was_read_before_a_commit_of_another_thread_is_no_lost_tail(
    store: PostgresLedger, scribe: Scribe
) -> None:
    done, looked = Event(), [0, 0]
    with closing(store.scans()) as scans:

        def look() -> None:
            while not done.is_set():
                with store.snapshot() as snapshot:
                    assert len(snapshot.entries(0, 1_000)) == snapshot.head().size
                looked[0] += 1

        def scan() -> None:
            while not done.is_set():
                with scans.snapshot() as snapshot:
                    size = snapshot.head().size
                    assert len(snapshot.entries(0, 1_000)) == size
                looked[1] += 1

        with ThreadPoolExecutor(4) as pool:
            watching = [pool.submit(each) for each in (look, look, look, scan)]
            try:
                for number in range(900):
                    store.append([scribe.proposal(number)])
                    if number >= 300:
                        if min(looked) > 20:
                            break
                        sleep(0.05)  # for whoever was kept from looking
            finally:
                done.set()
            for each in watching:
                each.result(_PATIENCE)
    assert min(looked) > 20
    assert store.fence.halted is None


# --------------------------------------------------------------------------------------------- what processes agree on


def test_of_two_checkpoints_saved_at_once_one_is_kept(database_url: str, store: PostgresLedger) -> None:
    gate = Barrier(2)
    with closing(PostgresLedger(database_url, Fence())) as other:

        def save(ledger: PostgresLedger, size: int, previous: int) -> bool:
            gate.wait(_PATIENCE)
            try:
                ledger.save_checkpoint(previous, SignedCheckpoint(size=size, note=b"note", compact_range=b""))
            except StaleDecision:
                return False
            return True

        previous = 0
        with ThreadPoolExecutor(2) as pool:
            for turn in range(10):
                sizes = (3 * turn + 1, 3 * turn + 2)
                won = list(pool.map(save, (store, other), sizes, (previous, previous)))
                assert sorted(won) == [False, True]
                previous = sizes[won.index(True)]
                with other.snapshot() as snapshot:
                    kept = snapshot.checkpoint()
                    assert kept is not None
                    assert kept.size == previous


def test_of_two_processes_one_publishes_until_its_connection_is_gone(
    database_url: str, store: PostgresLedger, admin: Connection
) -> None:
    with closing(PostgresLedger(database_url, Fence())) as other, store.publishing() as first:
        assert first
        with other.publishing() as second:
            assert not second
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'testamur publisher'"
        )
        with other.publishing() as second:
            assert second
    with store.publishing() as first:
        assert first


def test_who_has_published_lets_the_next_at_once_though_the_server_is_slow_to_part_with_it(
    store: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = psycopg.Connection.close
    with monkeypatch.context() as patch, ExitStack() as kept:
        patch.setattr(psycopg.Connection, "close", lambda connection: kept.callback(close, connection))
        for _ in range(2):
            with store.publishing() as first:
                assert first


def test_who_waits_hears_of_the_commit_of_another_process(
    database_url: str, store: PostgresLedger, scribe: Scribe
) -> None:
    with closing(PostgresLedger(database_url, Fence())) as other:
        other.wait(_PATIENCE)  # begins to listen; something may have happened before
        began = monotonic()
        waiting = Thread(target=other.wait, args=(_PATIENCE,))
        waiting.start()
        store.append([scribe.proposal(1)])
        waiting.join(_PATIENCE)
        assert monotonic() - began < _PATIENCE
        other.wait(0.01)  # nothing happened


def test_commit_made_before_anybody_waits_is_told_to_the_next_who_does(
    database_url: str, store: PostgresLedger, admin: Connection, scribe: Scribe
) -> None:
    with closing(PostgresLedger(database_url, Fence())) as other:
        other.wait(0)
        store.append([scribe.proposal(1)])
        began = monotonic()
        other.wait(_PATIENCE)
        assert monotonic() - began < _PATIENCE
    with closing(connect(database_url)) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        store.append([scribe.proposal(2), scribe.proposal(3)])
        assert [each.payload for each in listener.notifies(timeout=_PATIENCE, stop_after=1)] == ["3"]


def test_who_waits_while_the_server_restarts_is_told_once_and_then_waits_again(own_cluster: Cluster) -> None:
    scribe, url = Scribe(), own_cluster.url()
    with closing(connect(url)) as connection:
        create(connection)
    with closing(PostgresLedger(url, Fence())) as store:
        store.wait(0)
        own_cluster.stop()
        own_cluster.start()
        with pytest.raises(StoreUnavailable):
            store.wait(_PATIENCE)
        store.wait(_PATIENCE)  # listens anew; what was committed meanwhile was not told
        store.append([scribe.proposal(1)])
        began = monotonic()
        store.wait(_PATIENCE)
        assert monotonic() - began < _PATIENCE
    with pytest.raises(StoreUnavailable, match="closed"):
        store.wait(_PATIENCE)


# ----------------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize("count", [0, 1, 3])
def test_arrays_arrive_as_they_were_sent(admin: Connection, count: int) -> None:
    typed.prepare_types(admin)
    numbers = [0, 2**62, -1][:count]
    blobs: list[bytes] = [b"", b"\x00\xff", bytes(3_000)][:count]
    words = ["", "Zoë \U0001f600", "x" * 3_000][:count]
    streams = [event.recorded.stream for each in range(count) for event in Scribe().proposal(each).events]
    row = admin.execute(
        "SELECT %b, %b, %b, %b", (typed.bigints(numbers), typed.blobs(blobs), typed.texts(words), typed.uuids(streams))
    ).fetchone()
    assert row == (numbers, blobs, words, streams)


def test_statements_are_prepared_once_whatever_they_are_given(store: PostgresLedger, scribe: Scribe) -> None:
    def prepared() -> int:
        row = store._writer._connection.execute(
            "SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT base%'"
        ).fetchone()
        assert row is not None
        count: int = row[0]
        return count

    store.append([scribe.proposal(0)])
    before = prepared()
    sent: Sequence[object] = [
        store.append([scribe.private(1)]),
        store.append([replace(scribe.proposal(2), idempotency=idempotency(b"key"))]),
        store.append([scribe.proposal(number) for number in range(40_000, 40_009)]),
    ]
    assert len(sent) == 3
    assert prepared() == before == 1


def test_store_that_cannot_be_opened_leaves_no_connection(admin: Connection, database_url: str) -> None:
    admin.execute("UPDATE ledger.schema_version SET version = 99")
    with pytest.raises(WrongSchema), ExitStack() as stack:
        stack.enter_context(closing(PostgresLedger(database_url, Fence())))
    row = admin.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()
    deadline = monotonic() + _PATIENCE
    while row != (1,) and monotonic() < deadline:
        row = admin.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()
    assert row == (1,)
