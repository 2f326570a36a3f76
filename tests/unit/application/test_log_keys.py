"""A checkpoint key is added, both sign for a while, and the older one is retired; the log announces each step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.application.log_keys import CheckpointKeyAdded, CheckpointKeys, OverlapNotPublished
from ledger.application.ports import IdempotencyMismatch, Proposal, Stream
from ledger.application.published_check import open_published, verifier_keys
from ledger.domain.events import LogKeyAdded, LogKeyRetired
from ledger.domain.log import LastCheckpointKey, checkpoint_keys
from ledger.domain.types import Kid, StreamId
from ledger.record.entry import parse_entry
from ledger.record.sealing import chain
from ledger.testing.faults import InterveningAppender
from ledger.tlog.checkpoint import open_checkpoint, size_of_note
from ledger.tlog.note import NoteUnsigned, VerifierKey, signatures
from tests.unit.application.office import OPERATOR, Office, run


@pytest.fixture
def keys(office: Office) -> CheckpointKeys:
    office.ledger.publishing.publish()
    return office.ledger.checkpoint_keys


def signers(office: Office) -> list[VerifierKey]:
    """Who signed the checkpoint that is served, of all keys that the log ever had."""
    note = office.ledger.home.checkpoint.read_bytes()
    found = []
    for key in verifier_keys(office.ledger.checkpoint_keys.log()):
        try:
            open_checkpoint(note, key)
        except NoteUnsigned:
            continue
        found.append(key)
    assert len(signatures(note)[1]) == len(found)
    return found


def log_events(office: Office) -> Sequence[object]:
    with office.ledger.store.snapshot() as snapshot:
        return [parse_entry(each.raw).event for each in snapshot.log_entries()]


def in_force(office: Office) -> list[Kid]:
    return list(checkpoint_keys(office.ledger.checkpoint_keys.log(), office.size()))


def add(keys: CheckpointKeys, key: str | None = None) -> CheckpointKeyAdded:
    return run(keys.add(OPERATOR, idempotency_key=key))


def test_new_key_is_announced_and_signs_beside_the_old_one_from_its_own_entry_on(
    office: Office, keys: CheckpointKeys
) -> None:
    (old,) = in_force(office)
    assert [str(each) for each in signers(office)] == [str(office.ledger.verifier_key)]
    added = add(keys)
    assert in_force(office) == [old, added.kid]
    event = log_events(office)[-1]
    assert isinstance(event, LogKeyAdded)
    assert event.key == added.kid
    assert office.ledger.desk.keys.holds(added.kid)
    with office.ledger.store.snapshot() as snapshot:
        (placed,) = snapshot.entries(added.appended.position - 1, 1)
        stream = snapshot.stream(office.ledger.operator.stream)
    entry = parse_entry(placed.raw)
    assert (entry.kid, entry.by) == (office.ledger.operator.event_key, office.ledger.operator.did)
    assert entry.prev == chain(stream[entry.seq - 1].raw)  # a statement, which nobody had to load
    office.ledger.publishing.publish()
    assert len(signers(office)) == 2
    assert office.audited().sound


def test_older_key_is_retired_once_a_checkpoint_of_both_is_published(office: Office, keys: CheckpointKeys) -> None:
    (old,) = in_force(office)
    new = add(keys).kid
    with pytest.raises(OverlapNotPublished):
        run(keys.retire_older(OPERATOR))
    assert in_force(office) == [old, new]
    office.ledger.publishing.publish()
    overlap = office.ledger.home.checkpoint.read_bytes()
    finished = run(keys.retire_older(OPERATOR))
    assert (finished.retired, finished.kid) == ((old,), new)
    assert isinstance(log_events(office)[-1], LogKeyRetired)
    assert in_force(office) == [new]
    office.ledger.publishing.publish()
    assert [each.public_key for each in signers(office)] == [each.public_key for each in verifier_keys(keys.log())[1:]]
    assert open_published(overlap, keys.log()).size == size_of_note(overlap)  # what both signed stays good
    run(office.issue())
    office.ledger.publishing.publish()
    assert office.audited().sound


def test_with_one_key_in_force_there_is_nothing_to_retire(office: Office, keys: CheckpointKeys) -> None:
    before = office.size()
    with pytest.raises(LastCheckpointKey, match="add another one first"):
        run(keys.retire_older(OPERATOR))
    assert office.size() == before
    add(keys)
    office.ledger.publishing.publish()
    run(keys.retire_older(OPERATOR))
    with pytest.raises(LastCheckpointKey):
        run(keys.retire_older(OPERATOR))


def test_all_keys_but_the_newest_are_retired_together(office: Office, keys: CheckpointKeys) -> None:
    (first,) = in_force(office)
    second, third = add(keys).kid, add(keys).kid
    office.ledger.publishing.publish()
    assert len(signers(office)) == 3
    finished = run(keys.retire_older(OPERATOR, idempotency_key="once"))
    assert (finished.retired, finished.kid) == ((first, second), third)
    again = run(keys.retire_older(OPERATOR, idempotency_key="once"))
    assert again == replace(finished, appended=replace(finished.appended, replayed=True))
    office.ledger.publishing.publish()
    fourth = add(keys).kid
    office.ledger.publishing.publish()
    last = run(keys.retire_older(OPERATOR))
    assert (last.retired, last.kid) == ((third,), fourth)
    once_more = run(keys.retire_older(OPERATOR, idempotency_key="once"))
    assert (once_more.retired, once_more.kid) == ((first, second), third)


def test_same_command_with_the_same_key_makes_one_checkpoint_key(office: Office, keys: CheckpointKeys) -> None:
    first = add(keys, "once")
    held = len(list(office.ledger.home.keys.iterdir()))
    again = add(keys, "once")
    assert (again.kid, again.appended.replayed) == (first.kid, True)
    assert len(list(office.ledger.home.keys.iterdir())) == held
    assert len(in_force(office)) == 2
    with pytest.raises(IdempotencyMismatch):
        run(keys.retire_older(OPERATOR, idempotency_key="once"))


def test_key_is_added_although_statements_are_published_meanwhile(office: Office, keys: CheckpointKeys) -> None:
    desk = office.ledger.desk

    async def publish() -> None:
        await office.issue()
        office.clock.at += timedelta(seconds=1)
        office.ledger.publishing.publish()

    appender = InterveningAppender(desk.appender, [publish, publish])
    desk.appender = appender
    add(keys)
    mine: list[Proposal] = [call[0] for call in appender.calls if isinstance(_event(call[0]), LogKeyAdded)]
    assert len(mine) == 3
    assert len({_event(each).key for each in mine}) == 1  # type: ignore[attr-defined]
    assert len(in_force(office)) == 2
    office.ledger.publishing.publish()
    assert office.audited().sound


def _event(proposal: Proposal) -> object:
    return proposal.events[0].recorded.event


def test_log_with_many_statements_is_not_read_to_add_a_key(
    office: Office, keys: CheckpointKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[StreamId] = []
    load = office.ledger.store.load

    def noted(stream: StreamId) -> Stream | None:
        loaded.append(stream)
        return load(stream)

    monkeypatch.setattr(office.ledger.store, "load", noted)
    add(keys)
    assert loaded == []
    run(office.issue())
    assert loaded != []  # what others load is seen here
