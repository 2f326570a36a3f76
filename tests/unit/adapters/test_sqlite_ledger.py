"""The ledger's database: what its triggers refuse, how it is opened, and what a failing disk leaves behind.

What any store promises is in `tests/contracts`.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from ledger.adapters.engine import UnsafeDatabase, WrongSchema
from ledger.adapters.fence import Fence
from ledger.adapters.postgres.schema import LOG_ENTRIES as POSTGRES_LOG_ENTRIES
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import LOG_ENTRIES, PAGE_SIZE, SCHEMA_VERSION, create, prepare
from ledger.application.api_keys import ApiKey
from ledger.application.ports import (
    Appended,
    LedgerHalted,
    OutcomeUnknown,
    SealedPart,
    SignedCheckpoint,
    Snapshot,
    StatusCredential,
)
from ledger.domain.events import LogEvent
from ledger.domain.types import ListId
from ledger.domain.values import Part
from ledger.record.schema import SCHEMA_OF
from ledger.testing.faults import FailingConnection
from tests.contracts.scribe import BEGIN, Scribe, idempotency, later, stream


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    create(path)
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(path)) as store:
        yield store


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def change(path: Path, *statements: str) -> None:
    """Run statements in another process's connection, each committed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path) -> list[object]:
    """Everything that triggers guard."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("stored_events", "log_head", "checkpoints", "published_days")
        ]


# ---------------------------------------------------------------------------------------------------------- triggers

_COPY = (
    "INTO stored_events SELECT {position}, {stream}, {seq}, topic, state FROM stored_events WHERE notification_id = 2"
)
_OTHER = "'ffffffffffffffffffffffffffffffff'"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = x'00' WHERE notification_id = 2",
        "UPDATE stored_events SET topic = topic",
        "UPDATE stored_events SET notification_id = 9 WHERE notification_id = 3",
        "UPDATE OR REPLACE stored_events SET originator_version = 1 WHERE notification_id = 3",
        "DELETE FROM stored_events WHERE notification_id = 3",
        "DELETE FROM stored_events",
        *(
            f"INSERT {way} " + _COPY.format(position=position, stream=_OTHER, seq=0)
            for way in ("", "OR REPLACE", "OR IGNORE")
            for position in (-1, 0, 1, 2, 3, 5, 99)
        ),
        "INSERT " + _COPY.format(position="NULL", stream=_OTHER, seq=0),
        "INSERT OR REPLACE " + _COPY.format(position=4, stream="originator_id", seq="originator_version"),
        "INSERT " + _COPY.format(position=4, stream="originator_id", seq="originator_version"),
        "UPDATE log_head SET size = 2",
        "UPDATE log_head SET at = '2020-01-01T00:00:00.000Z'",
        "DELETE FROM log_head",
        "INSERT INTO log_head VALUES (9, '2030-01-01T00:00:00.000Z')",
        "INSERT OR REPLACE INTO log_head(rowid, size, at) VALUES (1, 0, '1970-01-01T00:00:00.000Z')",
        "UPDATE checkpoints SET note = x'00'",
        "DELETE FROM checkpoints",
        "INSERT OR REPLACE INTO checkpoints VALUES (3, x'00', x'00')",
        "INSERT INTO checkpoints VALUES (2, x'00', x'00')",
        "INSERT INTO published_days VALUES (2, '2026-11-23', x'00')",
        "INSERT OR REPLACE INTO published_days VALUES (2, '2026-11-22', x'00')",
        "INSERT INTO published_days VALUES (2, '2026-11-22', x'00') ON CONFLICT (day) DO UPDATE SET size = 2",
        "UPDATE published_days SET size = 2 WHERE day = '2026-11-22'",
        "UPDATE published_days SET note = x'00' WHERE day = '2026-11-21'",
        "UPDATE published_days SET day = '2026-11-24' WHERE day = '2026-11-22'",
        "DELETE FROM published_days",
        "DELETE FROM published_days WHERE day = '2026-11-21'",
        "UPDATE status_credentials SET raw = x'00'",
        "UPDATE status_credentials SET size = 9",
        "DELETE FROM status_credentials",
        "INSERT OR REPLACE INTO status_credentials VALUES (x'6c', '2026-11-21T12:00:30.000Z', 3, x'00')",
        "INSERT OR REPLACE INTO status_credentials VALUES (x'6c', '2026-11-21T12:00:00.000Z', 2, x'00')",
        "INSERT INTO status_credentials VALUES (x'6c', '2026-11-21T12:00:10.000Z', 3, x'00')",
        "INSERT INTO status_credentials VALUES (x'6c', '2026-11-21T12:01:00.000Z', 2, x'00')",
        "INSERT INTO status_credentials VALUES (x'6c', '2026-11-21T11:59:59.999Z', 1, x'00')",
    ],
)
def test_statement_that_would_change_what_is_recorded_is_refused(
    path: Path, store: SqliteLedger, scribe: Scribe, statement: str
) -> None:
    store.append([scribe.proposal(1), scribe.proposal(2), scribe.proposal(2, 1)])
    store.save_checkpoint(0, SignedCheckpoint(size=3, note=b"note", compact_range=b"range"))
    store.save_published("2026-11-21", 2, b"note")
    store.save_published("2026-11-22", 3, b"note")
    store.save_status_credential(None, StatusCredential(list=ListId(b"l"), made_at=BEGIN, size=2, raw=b"signed"))
    later = StatusCredential(list=ListId(b"l"), made_at=BEGIN + timedelta(seconds=30), size=3, raw=b"signed again")
    store.save_status_credential(BEGIN, later)
    before = rows(path)
    with pytest.raises(sqlite3.IntegrityError):
        change(path, statement)
    assert rows(path) == before


def test_stream_id_in_capitals_is_refused(path: Path) -> None:
    """The same UUID in upper case would be another primary key."""
    with pytest.raises(sqlite3.IntegrityError):
        change(path, f"INSERT INTO stored_events VALUES (1, '{'F' * 32}', 0, 't', x'00')")


# ----------------------------------------------------------------------------------------------------------- opening


def test_every_connection_is_durable_before_it_acknowledges(path: Path, store: SqliteLedger) -> None:
    with closing(store.datastore.connect()) as connection, store.datastore.transaction(commit=False) as reader:
        for each in (store._writer, connection, reader.sqlite_cursor.connection):
            assert each.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert each.execute("PRAGMA synchronous").fetchone()[0] == 2
            assert each.execute("PRAGMA page_size").fetchone()[0] == PAGE_SIZE


def test_database_without_write_ahead_log_is_refused(path: Path) -> None:
    change(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path)) as connection, pytest.raises(UnsafeDatabase, match="journal mode is delete"):
        prepare(connection)


def test_connection_that_does_not_sync_is_refused(path: Path) -> None:
    class Careless(sqlite3.Connection):
        def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
            return super().execute(sql.replace("synchronous = FULL", "synchronous = NORMAL"))

    with closing(sqlite3.connect(path, factory=Careless)) as connection, pytest.raises(UnsafeDatabase, match="is 1"):
        prepare(connection)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_database_of_another_schema_version_is_refused(path: Path, version: int) -> None:
    change(path, f"PRAGMA user_version = {version}")
    with pytest.raises(WrongSchema, match=f"schema version {version}"):
        SqliteLedger(path)


def test_missing_database_is_refused_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(WrongSchema, match="no ledger database"):
        SqliteLedger(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"This is not a database. " * 100)
    with pytest.raises(WrongSchema, match="is not a ledger database"):
        SqliteLedger(path)


def test_database_is_not_made_over_another(path: Path) -> None:
    with pytest.raises(WrongSchema, match="already holds"):
        create(path)


def test_what_a_scan_and_a_publication_ask_of_a_long_log_is_found_by_an_index(path: Path) -> None:
    asked = {
        f"SELECT state FROM stored_events WHERE {LOG_ENTRIES} ORDER BY notification_id": "INDEX log_entries",
        "SELECT note FROM published_days ORDER BY size DESC, day DESC LIMIT 1": "INDEX published_days_by_size",
        "SELECT state FROM stored_events WHERE originator_id = 'x' ORDER BY originator_version DESC LIMIT 1": (
            "INDEX sqlite_autoindex_stored_events_1"
        ),
    }
    with closing(sqlite3.connect(path)) as connection:
        for statement, index in asked.items():
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert len(plan) == 1
            assert index in plan[0]


def test_the_index_of_the_logs_own_entries_leaves_out_its_statements_alone() -> None:
    wires = {SCHEMA_OF[each].wire for each in get_args(LogEvent)}
    indexed = set(re.findall("'(.*?)'", LOG_ENTRIES))
    assert wires - indexed == {"status.committed/1"}
    assert indexed < wires
    assert sorted(indexed) == sorted(re.findall("'(.*?)'", POSTGRES_LOG_ENTRIES))


def test_only_the_owner_may_read_the_database(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


# ------------------------------------------------------------------------------------------------------- lost replies


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT value", "UPDATE log_head", "COMMIT"])
def test_failure_before_it_takes_effect_leaves_nothing_and_the_store_usable(
    store: SqliteLedger, scribe: Scribe, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    failing = FailingConnection(store._writer, statement, after=False)
    monkeypatch.setattr(store, "_writer", failing)
    keyed = replace(scribe.private(1), idempotency=idempotency(b"key"))
    with pytest.raises(OutcomeUnknown):
        store.append([keyed, scribe.proposal(2)])
    assert failing.failed
    with store.snapshot() as snapshot:
        assert (snapshot.head().size, snapshot.entries(0, 9), snapshot.replay("college", b"key")) == (0, [], None)
    (again,) = store.append([keyed])
    assert isinstance(again, Appended)
    assert not again.replayed


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT value", "UPDATE log_head", "COMMIT"])
def test_last_entry_that_fails_before_it_takes_effect_leaves_nothing_and_the_store_usable(
    store: SqliteLedger, scribe: Scribe, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    failing = FailingConnection(store._writer, statement, after=False)
    monkeypatch.setattr(store, "_writer", failing)
    with pytest.raises(OutcomeUnknown):
        store.append_last(lambda _: scribe.entry(1, 0))
    assert failing.failed
    with store.snapshot() as snapshot:
        assert (snapshot.head().size, snapshot.entries(0, 9)) == (0, [])
    assert store.append_last(lambda _: scribe.entry(1, 0)) == 1


def test_lost_reply_of_a_last_entry_leaves_it_and_the_store_shows_it(
    store: SqliteLedger, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_writer", FailingConnection(store._writer, "COMMIT", after=True))
    with pytest.raises(OutcomeUnknown):
        store.append_last(lambda _: scribe.entry(1, 0))
    shown: list[int | None] = []

    def make(snapshot: Snapshot) -> None:
        shown.append(snapshot.end(stream(1)))

    assert store.append_last(make) is None
    assert shown == [0]


def test_lost_reply_of_a_commit_leaves_all_of_it_and_the_key_tells(
    store: SqliteLedger, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_writer", FailingConnection(store._writer, "COMMIT", after=True))
    keyed = replace(scribe.private(1), idempotency=idempotency(b"key"))
    with pytest.raises(OutcomeUnknown):
        store.append([keyed])
    (again, new) = store.append([keyed, scribe.proposal(2)])
    assert isinstance(again, Appended)
    assert (again.position, again.replayed) == (1, True)
    assert isinstance(new, Appended)
    assert new.position == 2


def test_full_disk_leaves_nothing_and_the_store_usable_when_there_is_room(
    path: Path, store: SqliteLedger, scribe: Scribe
) -> None:
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = scribe.private(1)
    parts = (SealedPart(event=0, part=Part.FACTS, key_id=bytes(16), box=bytes(20 * PAGE_SIZE)), large.parts[1])
    large = replace(large, parts=parts, idempotency=idempotency(b"key"))
    with pytest.raises(OutcomeUnknown, match="full"):
        store.append([large])
    with store.snapshot() as snapshot:
        assert (snapshot.head().size, snapshot.replay("college", b"key")) == (0, None)
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    (outcome,) = store.append([large])
    assert isinstance(outcome, Appended)
    assert not outcome.replayed


def test_failure_of_any_kind_in_the_middle_is_rolled_back(store: SqliteLedger, scribe: Scribe) -> None:
    broken = replace(scribe.private(2), parts=(*scribe.private(2).parts, *scribe.private(2).parts))  # a part twice
    with pytest.raises(OutcomeUnknown):
        store.append([scribe.proposal(1), broken])
    (outcome,) = store.append([scribe.proposal(1)])
    assert isinstance(outcome, Appended)
    assert outcome.position == 1


def test_database_that_another_process_locks_is_said_to_be_unknown(path: Path, store: SqliteLedger) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store._writer.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(OutcomeUnknown, match="locked"):
            store.append([Scribe().proposal(1)])


# ------------------------------------------------------------------------------------------------------------- fence


def _lose_tail(path: Path, size: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM stored_events WHERE notification_id > ?", (size,))
        connection.execute("UPDATE log_head SET size = ?", (size,))
        for _, sql in triggers:
            connection.execute(sql)


def test_store_that_lost_its_tail_halts_and_stays_halted(path: Path, store: SqliteLedger, scribe: Scribe) -> None:
    store.append([scribe.proposal(1), scribe.proposal(2)])
    _lose_tail(path, 1)
    with pytest.raises(LedgerHalted, match="holds 1 entries, but 2 are known to have been committed"):
        store.append([scribe.proposal(3)])
    with closing(SqliteLedger(path)) as other:  # who knows of nothing makes the log as long again
        other.append([scribe.proposal(4), scribe.proposal(5), scribe.proposal(6)])
    with pytest.raises(LedgerHalted):
        store.append([scribe.proposal(7)])
    for source in (store, store.scans()):
        with pytest.raises(LedgerHalted), source.snapshot():
            raise AssertionError


def test_process_that_is_halted_loads_nothing_and_knows_no_key(path: Path, store: SqliteLedger, scribe: Scribe) -> None:
    proposal = scribe.proposal(1)
    store.append([proposal, scribe.proposal(2)])
    _lose_tail(path, 1)
    with pytest.raises(LedgerHalted):
        store.append([scribe.proposal(3)])
    with pytest.raises(LedgerHalted):
        store.load(proposal.events[0].recorded.stream)
    with pytest.raises(LedgerHalted):
        store.api_key(b"secret")
    with pytest.raises(LedgerHalted):
        store.api_keys()


@pytest.mark.parametrize("by_scan", [False, True])
def test_store_that_lost_its_tail_answers_no_reader(
    path: Path, store: SqliteLedger, scribe: Scribe, by_scan: bool
) -> None:
    source = store.scans() if by_scan else store
    store.append([scribe.proposal(1), scribe.proposal(2)])
    with source.snapshot() as snapshot:
        assert snapshot.head().size == 2
    _lose_tail(path, 1)
    with pytest.raises(LedgerHalted), source.snapshot():
        raise AssertionError
    with pytest.raises(LedgerHalted):
        store.append([scribe.proposal(3)])


def test_no_key_and_no_checkpoint_is_written_to_a_store_that_lost_its_tail(
    path: Path, store: SqliteLedger, scribe: Scribe
) -> None:
    store.append([scribe.proposal(1), scribe.proposal(2)])
    _lose_tail(path, 1)
    with pytest.raises(LedgerHalted, match="holds 1 entries, but 2 are known"):
        store.save_checkpoint(0, SignedCheckpoint(size=2, note=b"note", compact_range=b""))
    with pytest.raises(LedgerHalted):
        store.add_api_key(api_key(1))
    with closing(SqliteLedger(path)) as other, other.snapshot() as snapshot:
        assert (snapshot.checkpoint(), other.api_keys()) == (None, [])


def test_store_behind_the_published_checkpoint_answers_nobody(path: Path, scribe: Scribe) -> None:
    published = 0
    with closing(SqliteLedger(path, Fence(lambda: published))) as store:
        store.append([scribe.proposal(1)])
        published = 2
        with pytest.raises(LedgerHalted, match="holds 1 entries, but 2 are known"), store.snapshot():
            raise AssertionError


def test_entries_of_another_process_do_not_trip_the_fence(path: Path, store: SqliteLedger, scribe: Scribe) -> None:
    store.append([scribe.proposal(1)])
    with closing(SqliteLedger(path)) as other:
        other.append([scribe.proposal(2)])
    (outcome,) = store.append([scribe.proposal(3)])
    assert isinstance(outcome, Appended)
    assert outcome.position == 3


# -------------------------------------------------------------------------------------------------- API keys, writing


def api_key(number: int) -> ApiKey:
    return ApiKey(
        id=f"id-{number}",
        secret=bytes([number]) * 32,
        issuer=stream(number) if number else None,
        scopes=("issue", "read"),
        label="label",
        created_at=later(number),
        revoked_at=None,
    )


def test_api_keys_are_kept_and_found_by_their_digest(path: Path, store: SqliteLedger) -> None:
    keys = [api_key(2), api_key(0), api_key(1)]
    for key in keys:
        store.add_api_key(key)
    assert store.api_keys() == [keys[1], keys[2], keys[0]]
    with closing(SqliteLedger(path)) as other:
        assert other.api_key(bytes([2]) * 32) == keys[0]
    assert store.api_key(b"") is None


def test_api_key_is_revoked_once(store: SqliteLedger) -> None:
    store.add_api_key(api_key(1))
    assert store.revoke_api_key("id-1", BEGIN)
    assert not store.revoke_api_key("id-1", BEGIN + timedelta(days=1))
    assert not store.revoke_api_key("id-2", BEGIN)
    assert store.api_keys() == [replace(api_key(1), revoked_at=BEGIN)]


def test_write_that_fails_beside_the_log_is_unknown_and_leaves_nothing(store: SqliteLedger) -> None:
    store.add_api_key(api_key(1))
    with pytest.raises(OutcomeUnknown):
        store.add_api_key(replace(api_key(1), label="another"))
    assert store.api_keys() == [api_key(1)]


def test_write_for_which_no_file_can_be_opened_is_unknown(store: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect() -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(store.datastore, "connect", connect)
    with pytest.raises(OutcomeUnknown, match="unable to open"):
        store.save_checkpoint(0, SignedCheckpoint(size=1, note=b"note", compact_range=b""))
