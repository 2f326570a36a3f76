"""Whatever breaks while PostgreSQL commits: exactly once or not at all, and the caller is told what is true."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import LiteralString

import psycopg
import pytest

from ledger.adapters.fence import Fence
from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.schema import CHANNEL, create
from ledger.application.ports import (
    Appended,
    ConflictError,
    IdempotencyMismatch,
    LedgerBusy,
    LedgerHalted,
    OutcomeUnknown,
    Proposal,
    Snapshot,
    StaleDecision,
    StoreUnavailable,
)
from ledger.record.sealing import Sealed
from tests.contracts.scribe import Scribe, idempotency, later, stream
from tests.postgres import Cluster
from tests.unit.adapters.cutting import When, Wire, wire

_PATIENCE = 30  # seconds until a test gives up
_COMMIT = b"COMMIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A ledger whose writer goes through a wire, and another process that does not."""

    store: PostgresLedger
    other: PostgresLedger
    wire: Wire
    url: str
    scribe: Scribe

    def entries(self) -> list[bytes]:
        """All that is recorded; positions are dense."""
        with self.other.snapshot() as snapshot:
            placed = snapshot.entries(0, 1_000)
            assert [each.position for each in placed] == list(range(1, snapshot.head().size + 1))
        return [each.raw for each in placed]


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    scribe = Scribe()
    with closing(connect(database_url)) as connection:
        create(connection)
    with ExitStack() as stack:
        between = stack.enter_context(wire(database_url))
        store, other = (
            stack.enter_context(closing(PostgresLedger(url, Fence()))) for url in (between.url, database_url)
        )
        # Statements are prepared by these, so that the next request that holds an entry is the call itself.
        for number in (900, 901):
            store.append([scribe.proposal(number)])
            other.append([scribe.proposal(number, 1)])
        yield Place(store=store, other=other, wire=between, url=database_url, scribe=scribe)


def raw(proposal: Proposal) -> bytes:
    return proposal.events[0].entry


def alone(scribe: Scribe) -> list[Proposal]:
    """What takes the way of one call."""
    return [replace(scribe.proposal(1), idempotency=idempotency(b"key")), scribe.proposal(2)]


def locked(scribe: Scribe) -> list[Proposal]:
    """What conflicts with itself, so that it is placed under the lock."""
    return [*alone(scribe), scribe.proposal(2, 7)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A batch, and where on its way the connection is lost."""

    batch: Callable[[Scribe], list[Proposal]]
    needle: bytes | None  # in the request; an entry of the batch if None
    when: When
    made: bool  # whether the commit was made nevertheless

    def of(self, proposals: Sequence[Proposal]) -> bytes:
        """What the request holds."""
        return self.needle or raw(proposals[0])


LOSSES = pytest.mark.parametrize(
    "loss",
    [
        Loss(batch=alone, needle=None, when="before", made=False),
        Loss(batch=alone, needle=None, when="after", made=True),
        Loss(batch=locked, needle=None, when="before", made=False),
        Loss(batch=locked, needle=None, when="after", made=False),  # inserted, but not committed
        Loss(batch=locked, needle=_COMMIT, when="before", made=False),
        Loss(batch=locked, needle=_COMMIT, when="after", made=True),
    ],
    ids=["unsent", "unheard", "unsent-locked", "uncommitted-locked", "commit-unsent-locked", "commit-unheard-locked"],
)


def positions(outcomes: Sequence[Appended | ConflictError]) -> list[object]:
    return [(each.position, each.replayed) if isinstance(each, Appended) else type(each) for each in outcomes]


@LOSSES
def test_commit_whose_connection_is_lost_is_made_once_and_answered_as_recorded(place: Place, loss: Loss) -> None:
    proposals = loss.batch(place.scribe)
    cut = place.wire.lose(loss.of(proposals), loss.when)
    outcomes = place.store.append(proposals)
    assert cut.done.is_set()
    assert positions(outcomes) == [(5, False), (6, False), StaleDecision][: len(proposals)]
    assert place.entries()[4:] == [raw(each) for each in proposals[:2]]
    assert positions(place.store.append([place.scribe.proposal(3)])) == [(7, False)]


@LOSSES
def test_commit_whose_reply_is_lost_keeps_its_positions_though_others_were_recorded_meanwhile(
    place: Place, loss: Loss
) -> None:
    proposals, others = loss.batch(place.scribe), [Scribe().proposal(number) for number in (11, 12, 13)]

    def meanwhile() -> None:
        place.other.append(others)

    cut = place.wire.lose(loss.of(proposals), loss.when, meanwhile=meanwhile)
    outcomes = place.store.append(proposals)
    assert cut.done.is_set()
    base = 5 if loss.made else 8
    assert positions(outcomes)[:2] == [(base, False), (base + 1, False)]
    mine, theirs = [raw(each) for each in proposals[:2]], [raw(each) for each in others]
    assert place.entries()[4:] == (mine + theirs if loss.made else theirs + mine)


@pytest.mark.parametrize("same", [True, False])
@LOSSES
def test_key_that_another_process_used_after_the_loss_is_answered_by_who_was_recorded_first(
    place: Place, loss: Loss, *, same: bool
) -> None:
    proposals = loss.batch(place.scribe)
    theirs = Scribe().keyed(21, b"key", b"request" if same else b"another")
    answers: list[Appended | ConflictError] = []
    cut = place.wire.lose(loss.of(proposals), loss.when, meanwhile=lambda: answers.extend(place.other.append([theirs])))
    mine = place.store.append(proposals)
    assert cut.done.is_set()
    if loss.made:
        assert positions(mine)[:2] == [(5, False), (6, False)]
        assert positions(answers) == [(5, True) if same else IdempotencyMismatch]
        assert place.entries()[4:] == [raw(proposals[0]), raw(proposals[1])]
    else:
        assert positions(answers) == [(5, False)]
        assert positions(mine)[:2] == [(5, True) if same else IdempotencyMismatch, (6, False)]
        assert place.entries()[4:] == [raw(theirs), raw(proposals[1])]


@LOSSES
def test_event_that_another_process_put_into_the_same_place_conflicts_if_it_was_first(place: Place, loss: Loss) -> None:
    proposals, theirs = loss.batch(place.scribe), Scribe().proposal(1, at=later(3))
    answers: list[Appended | ConflictError] = []
    place.wire.lose(loss.of(proposals), loss.when, meanwhile=lambda: answers.extend(place.other.append([theirs])))
    mine = place.store.append(proposals)
    if loss.made:
        assert positions(answers) == [StaleDecision]
        assert positions(mine)[:2] == [(5, False), (6, False)]
        assert place.entries()[4:] == [raw(proposals[0]), raw(proposals[1])]
    else:
        assert positions(answers) == [(5, False)]
        assert positions(mine)[:2] == [StaleDecision, (6, False)]
        assert place.entries()[4:] == [raw(theirs), raw(proposals[1])]


def test_entry_that_stood_there_before_does_not_pass_for_the_commit_that_was_lost(place: Place) -> None:
    old, new = place.scribe.keyed(1, b"key"), place.scribe.proposal(2)
    place.store.append([old])
    cut = place.wire.lose(raw(new), "before")
    outcomes = place.store.append([old, new])  # the call is refused, so the loss is in what comes after it
    assert cut.done.is_set()
    assert positions(outcomes) == [(5, True), (6, False)]
    assert place.entries()[4:] == [raw(old), raw(new)]


@LOSSES
def test_commit_lost_with_the_server_is_unknown_until_it_is_back_and_the_key_then_tells(
    place: Place, loss: Loss
) -> None:
    proposals = loss.batch(place.scribe)
    place.wire.lose(loss.of(proposals), loss.when, away=True)
    sent = loss.batch is alone or loss.needle == _COMMIT  # without COMMIT it cannot have been made
    with pytest.raises(OutcomeUnknown if sent else StoreUnavailable):
        place.store.append(proposals)
    with pytest.raises(StoreUnavailable, match="nothing was recorded"):
        place.store.append([place.scribe.proposal(8)])  # it was not even sent
    place.wire.back()
    again = place.store.append([Scribe().keyed(31, b"key")])
    assert positions(again) == [(5, loss.made)]
    mine = [raw(each) for each in proposals[:2]]
    assert place.entries()[4:] == (mine if loss.made else [raw(Scribe().keyed(31, b"key"))])


@LOSSES
def test_commit_is_answered_although_the_server_was_away_for_a_moment(place: Place, loss: Loss) -> None:
    proposals = loss.batch(place.scribe)
    place.wire.lose(loss.of(proposals), loss.when, away=True, after=1)
    assert positions(place.store.append(proposals))[:2] == [(5, False), (6, False)]
    assert place.wire._turned_away == 1
    assert place.entries()[4:] == [raw(each) for each in proposals[:2]]


def test_writer_that_lost_its_server_between_two_commits_connects_again(own_cluster: Cluster) -> None:
    scribe, url = Scribe(), own_cluster.url()
    with closing(connect(url)) as connection:
        create(connection)
    with closing(PostgresLedger(url, Fence())) as store:
        store.append([scribe.proposal(1)])
        for mode, number in (("fast", 2), ("immediate", 3)):
            own_cluster.stop("fast" if mode == "fast" else "immediate")
            with pytest.raises(StoreUnavailable, match="nothing was recorded"):
                store.append([scribe.proposal(number, 9)])
            with pytest.raises(StoreUnavailable), store.snapshot():
                raise AssertionError
            own_cluster.start()
            assert positions(store.append([scribe.proposal(number)])) == [(number, False)]
            with store.snapshot() as snapshot:
                assert snapshot.head().size == number


@pytest.mark.parametrize("batch", [alone, locked])
def test_backend_that_is_terminated_while_it_waits_for_the_head_is_replaced(
    place: Place, batch: Callable[[Scribe], list[Proposal]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals = batch(place.scribe)
    monkeypatch.setitem(connections._SETTINGS, "lock_timeout", "60s")  # of the one that replaces it
    place.store._writer._connection.execute("SET lock_timeout = '60s'")
    with psycopg.connect(place.url) as holder, psycopg.connect(place.url, autocommit=True) as killer:
        holder.execute("SELECT size FROM ledger.log_head FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(place.store.append, proposals)
            _until_one_waits(killer)
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            holder.rollback()
            assert positions(waiting.result(_PATIENCE))[:2] == [(5, False), (6, False)]
    assert place.entries()[4:] == [raw(each) for each in proposals[:2]]


def _until_one_waits(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    deadline = monotonic() + _PATIENCE
    statement = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'testamur writer' "
        "AND wait_event_type = 'Lock'"
    )
    while connection.execute(statement).fetchone() is None:
        assert monotonic() < deadline, "nobody waits"
        sleep(0.005)


@pytest.mark.parametrize("batch", [alone, locked])
@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_head_that_stays_locked_is_told_as_busy_and_nothing_is_recorded(
    place: Place, batch: Callable[[Scribe], list[Proposal]], limit: LiteralString
) -> None:
    place.store._writer._connection.execute(f"SET {limit} = '100ms'")
    proposals = batch(place.scribe)
    with psycopg.connect(place.url) as holder:
        holder.execute("SELECT size FROM ledger.log_head FOR UPDATE")
        with pytest.raises(LedgerBusy, match="nothing was recorded"):
            place.store.append(proposals)
    place.store._writer._connection.execute(f"RESET {limit}")
    assert len(place.entries()) == 4
    assert positions(place.store.append(proposals))[:2] == [(5, False), (6, False)]


def test_reply_lost_while_the_head_stays_locked_is_unknown(place: Place) -> None:
    proposals, holder = alone(place.scribe), psycopg.connect(place.url)
    with holder:
        cut = place.wire.lose(raw(proposals[0]), "after", meanwhile=lambda: _lock_for_a_while(place, holder))
        with pytest.raises(OutcomeUnknown):
            place.store.append(proposals)
        assert cut.done.is_set()
    assert place.entries()[4:] == [raw(each) for each in proposals]


def _lock_for_a_while(place: Place, holder: psycopg.Connection[tuple[object, ...]]) -> None:
    """Lock the head, and let every connection from now on wait for it but a moment."""
    holder.execute("SELECT size FROM ledger.log_head FOR UPDATE")
    connected = place.store._writer._connected

    def impatient() -> psycopg.Connection[tuple[object, ...]]:
        connection = connected()
        connection.execute("SET lock_timeout = '50ms'")
        return connection

    place.store._writer._connected = impatient  # type: ignore[method-assign]


@pytest.mark.parametrize("batch", [alone, locked])
@pytest.mark.parametrize("code", ["53100", "53200", "58030", "25006"])  # disk full, memory, input/output, read-only
def test_server_that_refuses_says_why_and_records_nothing_until_it_accepts_again(
    place: Place, batch: Callable[[Scribe], list[Proposal]], code: LiteralString
) -> None:
    with psycopg.connect(place.url, autocommit=True) as breaker:
        breaker.execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION 'no space left on device' USING ERRCODE = '{code}'; END $$"
        )
        breaker.execute("CREATE TRIGGER refuses BEFORE INSERT ON ledger.idempotency EXECUTE FUNCTION public.refuse()")
        proposals = batch(place.scribe)
        with pytest.raises(StoreUnavailable, match=r"nothing was recorded: no space left on device$"):
            place.store.append(proposals)
        assert len(place.entries()) == 4
        breaker.execute("DROP TRIGGER refuses ON ledger.idempotency")
        assert positions(place.store.append(proposals))[:2] == [(5, False), (6, False)]


def test_commit_that_the_server_refuses_at_its_end_records_nothing(place: Place) -> None:
    with psycopg.connect(place.url, autocommit=True) as breaker:
        breaker.execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$"
        )
        breaker.execute(
            "CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON ledger.idempotency "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()"
        )
        for batch in (alone, locked):
            with pytest.raises(StoreUnavailable, match="nothing was recorded"):
                place.store.append(batch(place.scribe))
            assert len(place.entries()) == 4


@pytest.mark.parametrize("batch", [alone, locked])
def test_commit_lost_on_a_server_that_then_holds_less_halts_the_process(
    place: Place, batch: Callable[[Scribe], list[Proposal]]
) -> None:
    proposals = batch(place.scribe)

    def cut_back() -> None:
        with psycopg.connect(place.url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM ledger.stored_events WHERE notification_id > 2")
            connection.execute("UPDATE ledger.log_head SET size = 2")

    place.wire.lose(raw(proposals[0]), "after", meanwhile=cut_back)
    for _ in range(2):
        with pytest.raises(LedgerHalted, match="its tail was lost"):
            place.store.append(proposals)
    with pytest.raises(LedgerHalted), place.store.snapshot():
        raise AssertionError


# --------------------------------------------------------------------------------------------- the entry that ends it


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLoss:
    """Where on its way the connection is lost with the entry that ends the log."""

    needle: bytes | None  # in the request; the entry if None
    when: When
    made: bool  # whether the commit was made nevertheless

    @property
    def sent(self) -> bool:
        """Whether it was asked to commit."""
        return self.needle == _COMMIT


LAST_LOSSES = pytest.mark.parametrize(
    "loss",
    [
        LastLoss(needle=b"FOR UPDATE", when="before", made=False),
        LastLoss(needle=b"FOR UPDATE", when="after", made=False),
        LastLoss(needle=None, when="before", made=False),
        LastLoss(needle=None, when="after", made=False),
        LastLoss(needle=_COMMIT, when="before", made=False),
        LastLoss(needle=_COMMIT, when="after", made=True),
    ],
    ids=["unlocked", "locked", "unsent", "uncommitted", "commit-unsent", "commit-unheard"],
)


class Making:
    """Makes a new entry at each call, after the one that stands in the store, and remembers what it was shown."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.entries: list[bytes] = []
        self.first: Callable[[Snapshot], None] = lambda _: None  # is called at the first call

    def __call__(self, snapshot: Snapshot) -> Sealed:
        end = snapshot.end(stream(_LOG))
        if not self.sizes:
            self.first(snapshot)
        self.sizes.append(snapshot.head().size)
        # No two are the same: each has a time of its own.
        sealed = Scribe().entry(_LOG, 0 if end is None else end + 1, at=later(len(self.sizes)))
        self.entries.append(sealed.entry)
        return sealed

    def lost(self, place: Place, loss: LastLoss, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Lose the connection where it is said, at the first call."""
        if loss.needle != b"FOR UPDATE":
            needle = loss.needle or Scribe().entry(_LOG, 0, at=later(1)).entry
            place.wire.lose(needle, loss.when, meanwhile=meanwhile)
        else:
            # Prepared by name long ago, its text would not be sent again, and could not be waited for.
            place.store._writer._connection.execute("DEALLOCATE ALL")
            place.store._writer._connection._prepared.clear()
            place.wire.lose(loss.needle, loss.when, meanwhile=meanwhile)


_LOG = 800


@LAST_LOSSES
def test_last_entry_whose_connection_is_lost_is_made_once_and_answered_as_recorded(
    place: Place, loss: LastLoss
) -> None:
    making = Making()
    making.lost(place, loss)
    assert place.store.append_last(making) == 5
    assert place.wire._cut is None  # it was lost indeed
    again = loss.needle != b"FOR UPDATE" and not loss.made
    assert making.sizes == [4, 4] if again else [4]
    assert place.entries()[4:] == making.entries[-1:]
    assert place.store.append_last(making) == 6


@LAST_LOSSES
def test_last_entry_is_made_anew_of_what_was_recorded_after_the_loss(place: Place, loss: LastLoss) -> None:
    making, others = Making(), [Scribe().proposal(number) for number in (11, 12, 13)]
    making.lost(place, loss, lambda: assert_all(place.other.append(others)))
    position = place.store.append_last(making)
    theirs = [raw(each) for each in others]
    if loss.made:
        assert (position, making.sizes) == (5, [4])
        assert place.entries()[4:] == [*making.entries, *theirs]
    else:
        assert (position, making.sizes[-1]) == (8, 7)
        assert place.entries()[4:] == [*theirs, making.entries[-1]]


def assert_all(outcomes: Sequence[Appended | ConflictError]) -> None:
    assert all(isinstance(each, Appended) for each in outcomes)


@LAST_LOSSES
def test_last_entry_lost_with_the_server_is_unknown_only_where_its_commit_was_asked_for(
    place: Place, loss: LastLoss
) -> None:
    making = Making()
    making.lost(place, loss)
    assert place.wire._cut is not None
    place.wire._cut.away = True
    with pytest.raises(OutcomeUnknown if loss.sent else StoreUnavailable):
        place.store.append_last(making)
    with pytest.raises(StoreUnavailable, match="nothing was recorded"):
        place.store.append_last(making)
    place.wire.back()
    with place.other.snapshot() as snapshot:
        assert (snapshot.last(stream(_LOG)) is not None) == loss.made
    assert place.store.append_last(making) == (6 if loss.made else 5)


def test_connection_that_is_lost_while_an_entry_is_made_has_it_made_again(place: Place) -> None:
    making = Making()

    def first(_: Snapshot) -> None:
        with psycopg.connect(place.url, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        place.other.append([Scribe().proposal(11)])  # the lock went with the connection

    making.first = first
    assert place.store.append_last(making) == 6
    assert making.sizes == [4, 5]
    assert place.entries()[5:] == making.entries[1:]


def test_server_that_refuses_a_read_while_an_entry_is_made_is_told_and_nothing_recorded(place: Place) -> None:
    making = Making()

    def first(_: Snapshot) -> None:
        place.store._writer._connection.execute("SELECT 1/0")

    making.first = first
    with pytest.raises(StoreUnavailable, match="nothing was recorded: division by zero"):
        place.store.append_last(making)
    assert len(place.entries()) == 4
    assert place.store.append_last(Making()) == 5


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_last_entry_is_not_made_while_the_head_stays_locked(place: Place, limit: LiteralString) -> None:
    making = Making()
    place.store._writer._connection.execute(f"SET {limit} = '100ms'")
    with psycopg.connect(place.url) as holder:
        holder.execute("SELECT size FROM ledger.log_head FOR UPDATE")
        with pytest.raises(LedgerBusy, match="nothing was recorded"):
            place.store.append_last(making)
    place.store._writer._connection.execute(f"RESET {limit}")
    assert making.sizes == []
    assert place.store.append_last(making) == 5


def test_last_entry_is_told_to_other_processes(place: Place) -> None:
    with psycopg.connect(place.url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        place.store.append_last(Making())
        assert [each.payload for each in listener.notifies(timeout=_PATIENCE, stop_after=1)] == ["5"]


def test_last_entry_lost_on_a_server_that_then_holds_less_halts_the_process(place: Place) -> None:
    def cut_back() -> None:
        with psycopg.connect(place.url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM ledger.stored_events WHERE notification_id > 2")
            connection.execute("UPDATE ledger.log_head SET size = 2")

    making = Making()
    making.lost(place, LastLoss(needle=_COMMIT, when="after", made=True), cut_back)
    for _ in range(2):
        with pytest.raises(LedgerHalted, match="its tail was lost"):
            place.store.append_last(making)
    assert making.sizes == [4]
