"""What every store promises, whatever it is built on: the ports `Store` and `Appender` of `ledger.application.ports`.

A backend's test class inherits `StoreContract` and provides the fixture `backend`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from ledger.adapters.engine import LedgerStore
from ledger.adapters.fence import Fence
from ledger.application.ports import (
    Appended,
    ConflictError,
    IdempotencyMismatch,
    NameTaken,
    Proposal,
    SignedCheckpoint,
    StaleDecision,
    StoredPart,
    TimeHasPassed,
)
from ledger.domain.types import Digest, Position, Seq
from ledger.domain.values import STATUS_LIST_SLOTS, Part
from ledger.verification.evidence import Placed
from tests.contracts.scribe import (
    LIST,
    OTHER_LIST,
    Scribe,
    claim,
    guard,
    idempotency,
    later,
    name,
    stream,
)

Outcomes = list[Appended | ConflictError]
_ISSUER = stream(900)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A store and what belongs to it."""

    store: LedgerStore
    fence: Fence  # of the store
    append: Callable[[Sequence[Proposal]], Outcomes]  # in one commit
    reopen: Callable[[], LedgerStore]  # another process that opens the same store
    fill: Callable[[int], None]  # says that so many slots of LIST are used


def appended(outcome: Appended | ConflictError) -> Appended:
    """The outcome, which must be no conflict."""
    assert isinstance(outcome, Appended), outcome
    return outcome


class StoreContract:
    """The promises."""

    @pytest.fixture
    def scribe(self) -> Scribe:
        return Scribe()

    # ---- positions

    def test_empty_store_has_no_entries_and_no_streams(self, backend: Backend) -> None:
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().size == 0
            assert snapshot.entries(0, 10) == []
            assert snapshot.stream(stream(1)) == ()
            assert snapshot.end(stream(1)) is None
            assert snapshot.checkpoint() is None
        assert backend.store.load(stream(1)) is None

    def test_nothing_is_called_by_a_text_with_a_nul(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        with backend.store.snapshot() as snapshot:
            assert snapshot.name("a\0", "b") is None
            assert snapshot.name("a", "b\0") is None
            assert snapshot.names("a\0") == []
            assert snapshot.replay("a\0", b"key") is None
            assert snapshot.head().size == len(snapshot.entries(0, 9)) == 1  # and what is asked next is answered

    def test_states_are_streamed_in_the_order_of_positions(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(number) for number in range(5)])
        with backend.store.snapshot() as snapshot:
            whole = [(each.position, each.raw) for each in snapshot.entries(0, 10)]
            assert [position for position, _ in whole] == [1, 2, 3, 4, 5]
            assert list(snapshot.states(0)) == whole
            assert list(snapshot.states(2, 2)) == whole[2:4]
            assert list(snapshot.states(5)) == []
            streamed = snapshot.states(1)
            assert next(streamed) == whole[1]
            assert snapshot.head().size == 5  # another read does not end it
            assert list(streamed) == whole[2:]

    def test_positions_are_dense_from_one_in_the_order_of_commits(self, backend: Backend, scribe: Scribe) -> None:
        sent = [scribe.proposal(3), scribe.proposal(1), scribe.proposal(2), scribe.proposal(1, 1)]
        outcomes = [appended(each) for each in [*backend.append(sent[:2]), *backend.append(sent[2:])]]
        assert [each.position for each in outcomes] == [1, 2, 3, 4]
        with backend.store.snapshot() as snapshot:
            expected = [Placed(position=Position(i + 1), raw=each.events[0].entry) for i, each in enumerate(sent)]
            assert snapshot.entries(0, 10) == expected
            assert snapshot.entries(1, 2) == expected[1:3]
            assert snapshot.stream(stream(1)) == (expected[1], expected[3])
            assert snapshot.end(stream(1)) == 1
            assert snapshot.head().size == 4

    def test_refused_proposals_leave_no_gap_in_the_positions(self, backend: Backend, scribe: Scribe) -> None:
        good, bad = scribe.proposal(1), scribe.proposal(2, 5)
        outcomes = backend.append([bad, good, bad, scribe.proposal(3)])
        assert [isinstance(each, StaleDecision) for each in outcomes] == [True, False, True, False]
        assert [each.position for each in outcomes if isinstance(each, Appended)] == [1, 2]

    def test_several_events_of_one_proposal_stand_together_and_the_answer_names_one(
        self, backend: Backend, scribe: Scribe
    ) -> None:
        events = (scribe.entry(1, 0), scribe.entry(2, 0), scribe.entry(1, 1))
        (outcome,) = backend.append([Proposal(events=events, answer=(stream(1), Seq(1)))])
        assert (appended(outcome).position, appended(outcome).revision) == (3, 1)

    def test_what_was_appended_is_found_by_another_process(self, backend: Backend, scribe: Scribe) -> None:
        proposal = scribe.private(1)
        backend.append([proposal])
        with backend.reopen().snapshot() as snapshot:
            assert [each.raw for each in snapshot.entries(0, 10)] == [proposal.events[0].entry]
            facts = StoredPart(part=Part.FACTS, key_id=bytes(16), box=b"facts")
            internal = StoredPart(part=Part.INTERNAL, key_id=bytes(16), box=b"internal")
            assert snapshot.parts([Position(1), Position(2)]) == {1: (facts, internal), 2: ()}
            boxes = [(1, each.part, each.key_id, each.box) for each in (facts, internal)]
            assert snapshot.boxes(1, 2, (Part.FACTS, Part.INTERNAL)) == boxes
            assert snapshot.boxes(1, 1, (Part.INTERNAL,)) == boxes[1:]
            assert snapshot.boxes(2, 9, (Part.FACTS, Part.INTERNAL)) == []

    def test_head_tells_the_latest_recorded_time(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1), scribe.proposal(2, at=later(5))])
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().at == later(5)

    def test_entry_of_a_slower_clock_is_appended_and_the_head_keeps_its_time(
        self, backend: Backend, scribe: Scribe
    ) -> None:
        backend.append([scribe.proposal(1, at=later(90))])
        (outcome,) = backend.append([scribe.proposal(2, at=later(30))])
        assert appended(outcome).position == 2
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().at == later(90)

    def test_entry_more_than_a_minute_before_the_head_is_decided_again(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1, at=later(90))])
        (outcome,) = backend.append([scribe.proposal(2, at=later(29))])
        assert isinstance(outcome, TimeHasPassed)
        with backend.store.snapshot() as snapshot:
            assert (snapshot.head().size, snapshot.head().at) == (1, later(90))

    # ---- snapshots and folded streams

    def test_snapshot_does_not_see_what_is_appended_meanwhile(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().size == 1
            backend.append([scribe.proposal(1, 1)])
            assert snapshot.head().size == 1
            assert snapshot.end(stream(1)) == 0
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().size == 2

    def test_loaded_stream_has_positions_and_last_entry(self, backend: Backend, scribe: Scribe) -> None:
        first, second = scribe.proposal(1), scribe.proposal(1, 1)
        backend.append([first, scribe.proposal(2), second])
        folded = backend.store.load(stream(1))
        assert folded is not None
        assert [(each.seq, each.position) for each in folded.recorded] == [(0, 1), (1, 3)]
        assert folded.last == second.events[0].entry

    def test_loaded_stream_stands_still_while_the_stream_grows(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        before = backend.store.load(stream(1))
        assert before is not None
        kept = tuple(before.recorded), before.last
        backend.append([scribe.proposal(1, 1)])
        after = backend.store.load(stream(1))
        assert after is not None
        assert len(after.recorded) == 2
        assert (tuple(before.recorded), before.last) == kept

    # ---- conflicts

    @pytest.mark.parametrize("seq", [0, 2, 7])
    def test_seq_that_is_not_the_next_is_refused(self, backend: Backend, scribe: Scribe, seq: int) -> None:
        backend.append([scribe.proposal(1)])
        (outcome,) = backend.append([scribe.proposal(1, seq)])
        assert isinstance(outcome, StaleDecision)

    def test_of_two_proposals_for_one_seq_exactly_the_first_is_appended(self, backend: Backend, scribe: Scribe) -> None:
        outcomes = backend.append([scribe.proposal(1, 0), scribe.proposal(1, 0, at=later(1))])
        assert appended(outcomes[0]).position == 1
        assert isinstance(outcomes[1], StaleDecision)

    def test_conflict_fails_alone_and_leaves_nothing_of_itself(self, backend: Backend, scribe: Scribe) -> None:
        everything = replace(
            scribe.private(5, 3),  # there is no such stream
            definitions=((Digest(b"d" * 32), b"{}"),),
            names=(name("lost", 5),),
            slots=(claim(7, 5),),
            short_codes=((b"mac", stream(5)),),
            idempotency=idempotency(b"lost"),
        )
        outcomes = backend.append([scribe.proposal(1), everything, scribe.proposal(2)])
        assert isinstance(outcomes[1], StaleDecision)
        assert [appended(outcomes[0]).position, appended(outcomes[2]).position] == [1, 2]
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().size == 2
            assert snapshot.parts([Position(1), Position(2), Position(3)]) == {1: (), 2: (), 3: ()}
            assert snapshot.definition(Digest(b"d" * 32)) is None
            assert snapshot.name("issuer", "lost") is None
            assert not snapshot.slots_taken(LIST, [claim(7, 5).slot])
            assert snapshot.status_list(_ISSUER) is None
            assert snapshot.short_code(b"mac") is None
            assert snapshot.replay("college", b"lost") is None

    def test_last_event_of_a_proposal_that_conflicts_takes_the_first_with_it(
        self, backend: Backend, scribe: Scribe
    ) -> None:
        backend.append([scribe.proposal(2)])
        torn = Proposal(events=(scribe.entry(1, 0), scribe.entry(2, 0)), answer=(stream(1), Seq(0)))
        (outcome,) = backend.append([torn])
        assert isinstance(outcome, StaleDecision)
        assert backend.store.load(stream(1)) is None

    # ---- guards

    def test_guard_holds_while_its_stream_stands(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        guarded = [replace(scribe.proposal(number), guards=(guard(1, 0),)) for number in (2, 3)]
        assert [appended(each).position for each in backend.append(guarded)] == [2, 3]  # a guard only reads

    @pytest.mark.parametrize("seq", [0, 2])
    def test_guard_of_another_seq_than_the_last_is_refused(self, backend: Backend, scribe: Scribe, seq: int) -> None:
        backend.append([scribe.proposal(1), scribe.proposal(1, 1)])
        (outcome,) = backend.append([replace(scribe.proposal(2), guards=(guard(1, seq),))])
        assert isinstance(outcome, StaleDecision)
        assert backend.store.load(stream(2)) is None

    def test_guard_sees_what_earlier_proposals_of_the_same_commit_did(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([scribe.proposal(1)])
        before, change, after = (
            replace(scribe.proposal(2), guards=(guard(1, 0),)),
            scribe.proposal(1, 1),
            replace(scribe.proposal(3), guards=(guard(1, 0),)),
        )
        outcomes = backend.append([before, change, after])
        assert [isinstance(each, Appended) for each in outcomes] == [True, True, False]

    # ---- names, slots, short codes, definitions

    def test_name_is_taken_once_in_its_scope(self, backend: Backend, scribe: Scribe) -> None:
        outcomes = backend.append(
            [
                replace(scribe.proposal(1), names=(name("college", 1),)),
                replace(scribe.proposal(2), names=(name("college", 2),)),
                replace(scribe.proposal(3), names=(name("college", 3, "achievement"),)),
            ]
        )
        assert [type(each) for each in outcomes] == [Appended, NameTaken, Appended]
        with backend.store.snapshot() as snapshot:
            assert snapshot.names("issuer") == [("college", stream(1))]
            assert snapshot.name("achievement", "college") == stream(3)

    def test_slot_is_given_once(self, backend: Backend, scribe: Scribe) -> None:
        first, second = (replace(scribe.proposal(number), slots=(claim(7, number),)) for number in (1, 2))
        outcomes = backend.append([first, second])
        assert [type(each) for each in outcomes] == [Appended, StaleDecision]
        with backend.store.snapshot() as snapshot:
            assert snapshot.slots_taken(LIST, [claim(7, 1).slot])
            assert not snapshot.slots_taken(LIST, [claim(8, 1).slot])
            assert not snapshot.slots_taken(OTHER_LIST, [claim(7, 1).slot])

    def test_second_list_is_not_begun_while_the_first_has_room(self, backend: Backend, scribe: Scribe) -> None:
        first = replace(scribe.proposal(1), slots=(claim(7, 1),))
        beside = replace(scribe.proposal(2), slots=(claim(7, 2, status_list=OTHER_LIST),))
        another_issuer = replace(scribe.proposal(3), slots=(claim(7, 3, status_list=OTHER_LIST, issuer=901),))
        outcomes = backend.append([first, beside, another_issuer])
        assert [type(each) for each in outcomes] == [Appended, StaleDecision, Appended]

    def test_new_list_is_begun_at_half_load(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([replace(scribe.proposal(1), slots=(claim(7, 1),))])
        backend.fill(STATUS_LIST_SLOTS // 2 - 1)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_list(_ISSUER) == LIST
        backend.fill(STATUS_LIST_SLOTS // 2)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_list(_ISSUER) is None
        (outcome,) = backend.append([replace(scribe.proposal(2), slots=(claim(7, 2, status_list=OTHER_LIST),))])
        appended(outcome)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_list(_ISSUER) == OTHER_LIST

    def test_new_list_is_begun_in_the_commit_that_half_fills_the_last(self, backend: Backend, scribe: Scribe) -> None:
        backend.append([replace(scribe.proposal(1), slots=(claim(7, 1),))])
        backend.fill(STATUS_LIST_SLOTS // 2 - 1)
        last = replace(scribe.proposal(2), slots=(claim(8, 2),))
        new = replace(scribe.proposal(3), slots=(claim(7, 3, status_list=OTHER_LIST),))
        assert [type(each) for each in backend.append([last, new])] == [Appended, Appended]

    def test_list_that_two_issuers_use_stays_with_the_first(self, backend: Backend, scribe: Scribe) -> None:
        first, second = (
            replace(scribe.proposal(number), slots=(claim(number, number, issuer=900 + number),)) for number in (0, 1)
        )
        assert [type(each) for each in backend.append([first, second])] == [Appended, Appended]
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_list(stream(900)) == LIST
            assert snapshot.status_list(stream(901)) is None

    def test_short_code_is_given_once(self, backend: Backend, scribe: Scribe) -> None:
        first, second = (replace(scribe.proposal(each), short_codes=((b"mac", stream(each)),)) for each in (1, 2))
        outcomes = backend.append([first, second, scribe.proposal(3)])
        assert [type(each) for each in outcomes] == [Appended, StaleDecision, Appended]
        with backend.store.snapshot() as snapshot:
            assert snapshot.short_code(b"mac") == stream(1)
            assert snapshot.short_code(b"other") is None

    def test_same_definition_may_be_given_twice(self, backend: Backend, scribe: Scribe) -> None:
        wording = ((Digest(b"d" * 32), b"{}"),)
        for number in (1, 2):
            backend.append([replace(scribe.proposal(number), definitions=wording)])
        with backend.store.snapshot() as snapshot:
            assert snapshot.definition(Digest(b"d" * 32)) == b"{}"

    # ---- idempotency

    def test_same_key_and_request_gets_the_first_answer_and_records_nothing(
        self, backend: Backend, scribe: Scribe
    ) -> None:
        (first,) = backend.append([scribe.keyed(1, b"key")])
        (again,) = backend.append([scribe.keyed(2, b"key")])
        assert again == replace(appended(first), replayed=True)
        with backend.store.snapshot() as snapshot:
            assert snapshot.head().size == 1
            replay = snapshot.replay("college", b"key")
        assert replay is not None
        assert (replay.request, replay.appended) == (b"request", again)

    def test_same_key_twice_in_one_commit_records_one(self, backend: Backend, scribe: Scribe) -> None:
        first, again = backend.append([scribe.keyed(1, b"key"), scribe.keyed(2, b"key")])
        assert not appended(first).replayed
        assert appended(again) == replace(appended(first), replayed=True)

    def test_same_key_for_another_request_is_refused(self, backend: Backend, scribe: Scribe) -> None:
        outcomes = backend.append([scribe.keyed(1, b"key"), scribe.keyed(2, b"key", b"another"), scribe.proposal(3)])
        assert [type(each) for each in outcomes] == [Appended, IdempotencyMismatch, Appended]

    def test_same_key_in_another_scope_is_another_key(self, backend: Backend, scribe: Scribe) -> None:
        outcomes = backend.append([scribe.keyed(1, b"key"), scribe.keyed(2, b"key", b"another", scope="board")])
        assert [appended(each).replayed for each in outcomes] == [False, False]

    def test_replay_answers_even_where_the_stream_has_moved_on(self, backend: Backend, scribe: Scribe) -> None:
        keyed = scribe.keyed(1, b"key")
        (first,) = backend.append([keyed])
        backend.append([scribe.proposal(1, 1)])
        (again,) = backend.append([keyed])
        assert again == replace(appended(first), replayed=True)

    # ---- checkpoints

    def test_checkpoint_is_kept_if_nobody_was_faster(self, backend: Backend) -> None:
        checkpoint = SignedCheckpoint(size=3, note=b"note", compact_range=b"range")
        backend.store.save_checkpoint(0, checkpoint)
        with backend.reopen().snapshot() as snapshot:
            assert snapshot.checkpoint() == checkpoint

    @pytest.mark.parametrize("previous", [0, 2, 4])
    def test_checkpoint_of_a_stale_publisher_changes_nothing(self, backend: Backend, previous: int) -> None:
        kept = SignedCheckpoint(size=3, note=b"note", compact_range=b"range")
        backend.store.save_checkpoint(0, kept)
        with pytest.raises(StaleDecision):
            backend.store.save_checkpoint(previous, SignedCheckpoint(size=5, note=b"fork", compact_range=b"range"))
        with backend.store.snapshot() as snapshot:
            assert snapshot.checkpoint() == kept
