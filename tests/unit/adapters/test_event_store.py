"""The event store library over sealed entries: bytes go in and come out verbatim, and streams fold without races."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import cast

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from ledger.adapters.event_store import EntryEvent, EntryMapper, FoldedStream, Streams
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create
from ledger.domain.types import Seq
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.sealing import chain
from tests.contracts.scribe import Scribe, stream


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteLedger]:
    path = tmp_path / "ledger.db"
    create(path)
    with closing(SqliteLedger(path)) as store:
        yield store


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def test_entry_is_mapped_to_a_row_and_back_verbatim(scribe: Scribe) -> None:
    sealed = scribe.entry(1, 0)
    event = EntryEvent(recorded=sealed.recorded, raw=sealed.entry, topic=sealed.type)
    row = EntryMapper().to_stored_event(event)
    assert (row.originator_id, row.originator_version) == (stream(1), 0)
    assert (row.topic, row.state) == ("issuer.profile_changed/1", sealed.entry)
    placed = Notification(originator_id=stream(1), originator_version=0, topic="", state=sealed.entry, id=1)
    assert EntryMapper().to_domain_event(placed) == event


def test_topic_is_never_resolved_to_a_python_object(scribe: Scribe) -> None:
    """The library would import whatever a topic names; ours reads the bytes and nothing else."""
    raw = scribe.entry(1, 0).entry
    placed = Notification(originator_id=stream(1), originator_version=0, topic="os:system", state=raw, id=1)
    assert EntryMapper().to_domain_event(placed).topic == "issuer.profile_changed/1"


@pytest.mark.parametrize("state", [b"", b"{}", b"{}\n\n", b'{"__class__":"os:system"}\nAA\n', b"\xff\xfe"])
def test_row_that_is_no_entry_is_refused(state: bytes) -> None:
    row = Notification(originator_id=stream(1), originator_version=0, topic="log.started/1", state=state, id=1)
    with pytest.raises(MalformedEntry):
        EntryMapper().to_domain_event(cast("StoredEvent", row))


def test_recorder_reads_a_stream_in_both_directions_and_between_bounds(store: SqliteLedger, scribe: Scribe) -> None:
    store.append([scribe.proposal(1, seq) for seq in range(5)])
    select = store.recorder.select_events
    assert [each.originator_version for each in select(stream(1))] == [0, 1, 2, 3, 4]
    assert [each.originator_version for each in select(stream(1), desc=True, limit=2)] == [4, 3]
    assert [each.originator_version for each in select(stream(1), gt=0, lte=3)] == [1, 2, 3]
    assert select(stream(2)) == []
    assert [each.originator_version for each in select(stream(1).hex, gt=3)] == [4]


def test_recorder_reads_notifications_by_position(store: SqliteLedger, scribe: Scribe) -> None:
    store.append([scribe.proposal(1), scribe.private(2), scribe.proposal(3), scribe.proposal(1, 1)])
    select = store.recorder.select_notifications
    assert [each.id for each in select(None, 10)] == [1, 2, 3, 4]
    assert [each.id for each in select(2, 2)] == [2, 3]
    assert [each.id for each in select(2, 10, inclusive_of_start=False, stop=3)] == [3]
    assert [each.id for each in select(1, 10, topics=["credential.suspended/1"])] == [2]
    assert store.recorder.max_notification_id() == 4


def test_folded_stream_pairs_its_events_with_its_last_entry_whatever_others_read(
    store: SqliteLedger, scribe: Scribe
) -> None:
    """A pair torn between two threads would chain the next entry to the wrong one, for ever."""
    streams, done, torn = Streams(store.recorder), Event(), list[FoldedStream]()
    store.append([scribe.proposal(1)])

    def read() -> None:
        while not done.is_set():
            folded = streams.load(stream(1))
            if folded is None or parse_entry(folded.last).seq != folded.recorded[-1].seq:
                torn.append(folded or FoldedStream(recorded=(), last=b""))

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for seq in range(1, 40):
            store.append([scribe.proposal(1, seq)])
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert torn == []


def test_fast_forwarding_swaps_whole_states(store: SqliteLedger, scribe: Scribe) -> None:
    first, second = scribe.entry(1, 0), scribe.proposal(1, 1)
    store.append([scribe.proposal(1)])
    before = store.load(stream(1))
    store.append([second])
    after = store.load(stream(1))
    assert before is not None
    assert after is not None
    assert before is not after
    assert before.last == first.entry
    assert parse_entry(after.last).prev == chain(before.last)
    assert after.recorded[-1].seq == Seq(1)
    assert store.load(stream(1)) is after  # nothing new: the state that is kept
