"""What every store promises of the entry that ends the log, of the log's own stream, and of what was published."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from threading import Event, Thread

import pytest

from ledger.adapters.engine import ScanSource
from ledger.application.ports import LedgerHalted, Snapshot, StaleDecision, TimeHasPassed
from ledger.domain.events import StatusCommitted
from ledger.domain.types import Digest, Position, Seq, StreamId
from ledger.errors import LedgerError
from ledger.record.sealing import Sealed
from ledger.verification.evidence import Placed
from tests.contracts.scribe import Scribe, later, stream
from tests.contracts.store_contract import Backend, appended

LOG = 800  # the stream that statements stand in


class Refused(LedgerError):
    """What a test raises in the middle of it."""


def statement(scribe: Scribe, seen: list[Snapshot] | None = None) -> Callable[[Snapshot], Sealed]:
    """Makes the next entry of LOG from what the snapshot shows."""

    def make(snapshot: Snapshot) -> Sealed:
        if seen is not None:
            seen.append(snapshot)
        end = snapshot.end(stream(LOG))
        return scribe.entry(LOG, 0 if end is None else end + 1, at=snapshot.head().at)

    return make


class LastContract:
    """The promises."""

    @pytest.fixture
    def scans(self, backend: Backend) -> Iterator[ScanSource]:
        with closing(backend.store.scans()) as scans:
            yield scans

    # ---- append_last

    def test_last_entry_is_made_of_exactly_the_state_that_it_follows(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1), scribe.proposal(2, at=later(5))])
        shown: list[tuple[int, list[bytes], Placed | None]] = []

        def make(snapshot: Snapshot) -> Sealed:
            entries = [each.raw for each in snapshot.entries(0, 9)]
            shown.append((snapshot.head().size, entries, snapshot.last(stream(LOG))))
            return scribe.entry(LOG, 0, at=later(5))

        assert backend.store.append_last(make) == 3
        with backend.reopen().snapshot() as snapshot:
            entries = snapshot.entries(0, 9)
            assert shown == [(2, [each.raw for each in entries[:2]], None)]
            assert (snapshot.head().size, snapshot.head().at) == (3, later(5))
            assert snapshot.last(stream(LOG)) == entries[2] == Placed(position=Position(3), raw=entries[2].raw)
            assert snapshot.stream(stream(LOG)) == (entries[2],)

    def test_first_entry_of_all_may_be_the_last(self, backend: Backend, scribe: Scribe) -> None:
        assert backend.store.append_last(lambda _: scribe.entry(LOG, 0)) == 1

    def test_nothing_made_is_nothing_recorded(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        assert backend.store.append_last(lambda _: None) is None
        assert _size(backend) == 1
        assert backend.store.append_last(statement(scribe)) == 2  # nothing was left locked

    @pytest.mark.parametrize("error", [Refused("no"), RuntimeError("a fault of ours")])
    def test_what_making_raises_is_raised_and_nothing_recorded(
        self, backend: Backend, scribe: Scribe, error: Exception
    ) -> None:
        backend.append([scribe.proposal(1)])

        def make(_: Snapshot) -> Sealed:
            raise error

        with pytest.raises(type(error)) as raised:
            backend.store.append_last(make)
        assert raised.value is error
        assert _size(backend) == 1
        assert backend.store.append_last(statement(scribe)) == 2

    @pytest.mark.parametrize("seq", [0, 2])
    def test_last_entry_that_does_not_follow_its_stream_is_refused(
        self, backend: Backend, scribe: Scribe, seq: int
    ) -> None:
        backend.append([scribe.proposal(LOG, 0)])
        with pytest.raises(StaleDecision):
            backend.store.append_last(lambda _: scribe.entry(LOG, seq))
        assert _size(backend) == 1

    def test_last_entry_of_a_time_long_past_is_refused(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1, at=later(90))])
        with pytest.raises(TimeHasPassed):
            backend.store.append_last(lambda _: scribe.entry(LOG, 0, at=later(29)))
        assert _size(backend) == 1

    def test_statement_older_than_anything_it_speaks_of_is_refused(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1, at=later(5)), scribe.proposal(2)])
        event = StatusCommitted(size=2, lists=0, status=Digest(bytes(32)), authority=Digest(bytes(32)))
        with pytest.raises(TimeHasPassed):
            backend.store.append_last(lambda _: scribe.entry(LOG, 0, at=later(4), event=event))
        assert _size(backend) == 2
        assert backend.store.append_last(lambda _: scribe.entry(LOG, 0, at=later(5), event=event)) == 3

    def test_commands_go_on_after_a_last_entry(self, backend: Backend, scribe: Scribe) -> None:
        positions: list[int | None] = []
        for number in range(3):
            (outcome,) = backend.append([scribe.proposal(number)])
            positions += [appended(outcome).position, backend.store.append_last(statement(scribe))]
        assert positions == [1, 2, 3, 4, 5, 6]

    def test_nobody_appends_while_a_last_entry_is_made(self, backend: Backend, scribe: Scribe) -> None:
        """Another process stands before the lock; what it sends comes after the entry that was made meanwhile."""
        other = backend.reopen()
        making, outcomes = Event(), []
        proposal, last = scribe.proposal(1), scribe.entry(LOG, 0)

        def append() -> None:
            assert making.wait(60)
            outcomes.extend(other.append([proposal]))

        def make(snapshot: Snapshot) -> Sealed:
            making.set()
            thread.join(0.3)  # it may try as long as it likes
            assert not outcomes
            assert (snapshot.head().size, snapshot.entries(0, 9)) == (0, [])
            return last

        thread = Thread(target=append)
        thread.start()
        assert backend.store.append_last(make) == 1
        thread.join(60)
        assert [appended(each).position for each in outcomes] == [2]

    def test_several_processes_that_end_the_log_at_once_follow_one_another(
        self, backend: Backend, scribe: Scribe
    ) -> None:
        stores, rounds = [backend.reopen() for _ in range(3)], 8
        failed: list[BaseException] = []
        made: list[int | None] = []

        def run(number: int) -> None:
            own = Scribe()
            try:
                for seq in range(rounds):
                    (outcome,) = stores[number].append([own.proposal(number, seq)])
                    made.append(appended(outcome).position)
                    made.append(stores[number].append_last(statement(own)))
            except BaseException as error:
                failed.append(error)
                raise

        threads = [Thread(target=run, args=(number,)) for number in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert sorted(each or 0 for each in made) == list(range(1, 2 * len(stores) * rounds + 1))
        with backend.store.snapshot() as snapshot:
            assert snapshot.end(stream(LOG)) == len(stores) * rounds - 1

    def test_last_entry_is_seen_by_what_is_read_from_then_on(self, backend: Backend, scribe: Scribe) -> None:
        for seq in range(3):
            assert backend.store.append_last(statement(scribe)) == seq + 1
            folded = backend.store.load(stream(LOG))
            assert folded is not None
            assert [each.seq for each in folded.recorded] == list(range(seq + 1))

    def test_no_last_entry_is_made_where_the_tail_was_lost(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        backend.fence.check(7, 0)  # this process has seen seven
        seen: list[Snapshot] = []
        with pytest.raises(LedgerHalted):
            backend.store.append_last(statement(scribe, seen))
        assert seen == []
        with backend.reopen().snapshot() as snapshot:
            assert snapshot.head().size == 1

    # ---- the log's own stream

    def test_log_entries_are_those_of_the_log_without_its_statements(
        self, backend: Backend, scans: ScanSource, scribe: Scribe
    ) -> None:
        with backend.store.snapshot() as snapshot:
            assert snapshot.log_entries() == ()
        started, statement, added, retired = scribe.log(LOG)
        everything = [started, scribe.entry(1, 0), statement, added, scribe.entry(2, 0), retired]
        for each in everything:
            backend.append([replace(scribe.proposal(1), events=(each,), answer=_named(each))])
        expected = tuple(
            Placed(position=Position(index + 1), raw=each.entry)
            for index, each in enumerate(everything)
            if each in (started, added, retired)
        )
        with backend.store.snapshot() as snapshot:
            assert snapshot.log_entries() == expected
            assert len(snapshot.stream(started.recorded.stream)) == 4
        with scans.snapshot() as snapshot:
            assert snapshot.log_entries() == expected

    def test_last_of_a_stream_that_is_not_there_is_none(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1), scribe.proposal(1, 1), scribe.proposal(2)])
        with backend.store.snapshot() as snapshot:
            assert snapshot.last(stream(3)) is None
            assert snapshot.last(stream(1)) == snapshot.entries(1, 1)[0]

    # ---- what was published

    def test_published_note_is_the_last_that_was_saved(self, backend: Backend, scans: ScanSource) -> None:
        with backend.store.snapshot() as snapshot:
            assert (snapshot.published(), snapshot.days()) == (None, [])
        for day, size, note in _PUBLISHED:
            backend.store.save_published(day, size, note)
            with backend.reopen().snapshot() as snapshot:
                assert snapshot.published() == note
            with scans.snapshot() as snapshot:
                assert snapshot.published() == note
        with backend.store.snapshot() as snapshot:
            days = [("2026-11-20", b"b"), ("2026-11-21", b"e"), ("2026-11-22", b"f")]
            assert snapshot.days() == days
            assert snapshot.days("2026-11-20") == days[1:]
            assert snapshot.days("2026-11-22") == []
        with scans.snapshot() as snapshot:
            assert snapshot.days("2026-11-21") == days[2:]

    @pytest.mark.parametrize("day", ["2026-11-20", "2026-11-21", "2026-11-22"])
    def test_published_size_does_not_go_back_whatever_the_day(self, backend: Backend, day: str) -> None:
        backend.store.save_published("2026-11-20", 4, b"a")
        backend.store.save_published("2026-11-21", 7, b"b")
        with pytest.raises(StaleDecision):
            backend.store.save_published(day, 6, b"fork")
        with backend.store.snapshot() as snapshot:
            assert snapshot.published() == b"b"
            assert snapshot.days() == [("2026-11-20", b"a"), ("2026-11-21", b"b")]

    def test_day_before_the_last_one_is_kept_too_where_a_clock_was_set_back(self, backend: Backend) -> None:
        backend.store.save_published("2026-11-21", 7, b"ahead")
        backend.store.save_published("2026-11-20", 9, b"right")
        with backend.store.snapshot() as snapshot:
            assert snapshot.published() == b"right"
            assert snapshot.days() == [("2026-11-20", b"right"), ("2026-11-21", b"ahead")]

    def test_scan_reads_what_was_published_when_it_began_or_later(
        self, backend: Backend, scans: ScanSource, scribe: Scribe
    ) -> None:
        """What is remembered from one scan to the next is forgotten as soon as something was published."""
        backend.append([scribe.proposal(1)])
        for number in range(3):
            backend.store.save_published("2026-11-20", 1, b"%d" % number)
            with scans.snapshot() as snapshot:
                assert snapshot.head().size == 1
                assert snapshot.published() == b"%d" % number


_PUBLISHED = (
    ("2026-11-20", 3, b"a"),
    ("2026-11-20", 3, b"b"),  # with more cosignatures
    ("2026-11-21", 3, b"c"),  # nothing happened meanwhile
    ("2026-11-21", 4, b"d"),
    ("2026-11-21", 9, b"e"),
    ("2026-11-22", 9, b"f"),
)


def _named(sealed: Sealed) -> tuple[StreamId, Seq]:
    return sealed.recorded.stream, sealed.recorded.seq


def _size(backend: Backend) -> int:
    with backend.store.snapshot() as snapshot:
        return snapshot.head().size
