"""What must hold of a log, compared with what its clients were told."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from ledger.adapters.macs import DerivedMacs
from ledger.adapters.secrets import MasterKey
from tests.crash.load import Load
from tests.crash.stand import Answered, Logged, Stand

_SLACK = timedelta(seconds=60)  # docs/adr/0009: an entry's `at` may lie up to a minute before the latest in the log


def check(stand: Stand, load: Load, *, settled: bool = True) -> None:
    """Pass if nothing acknowledged is lost and nothing is there twice; positions are dense and times in order.

    Args:
        settled: whether the outcome of each request is known, so that nothing else may be in the log.
    """
    events = stand.events()
    assert [each.position for each in events] == list(range(1, len(events) + 1))
    check_times(events)
    rows = stand.answers()
    told = dict(rows)
    assert len(told) == len(rows)
    spelled = spelling(stand)
    acknowledged = {spelled(key): each for key, each in load.outcomes.acknowledged.items()}
    for mac, (request, receipt) in acknowledged.items():
        stream, revision, position = UUID(receipt["credential_id"]), receipt["revision"], receipt["position"]
        event = events[position - 1]
        assert (event.stream, event.seq, event.topic) == (stream, revision, request.topic)
        assert told[mac] == Answered(stream, revision, position)
    for key in load.outcomes.refused:
        assert spelled(key) not in told
    recorded = [each.position for each in events if each.topic.startswith("credential.")]
    positions = sorted(receipt["position"] for _, receipt in acknowledged.values())
    if settled:
        assert not load.outcomes.open
        assert positions == recorded
        assert len(told) == len(acknowledged)
    else:
        assert len(set(positions)) == len(positions)
        assert set(positions) <= set(recorded)


def spelling(stand: Stand) -> Callable[[str], bytes]:
    """What turns the key of a request into what the table of keys holds."""
    master = MasterKey.load(stand.home / "secrets" / "master.key")
    macs = DerivedMacs.of(master)
    return lambda key: macs.idempotency_key(f"key\n{key}")


def check_times(events: Sequence[Logged]) -> None:
    """Pass if no event is earlier than its predecessor in the stream, nor far before the latest in the log."""
    last: dict[UUID, Logged] = {}
    latest: datetime = events[0].at
    for each in events:
        before = last.get(each.stream)
        assert each.seq == (0 if before is None else before.seq + 1)
        assert before is None or each.at >= before.at, f"position {each.position} is before its predecessor"
        assert each.at >= latest - _SLACK, f"position {each.position} is long before the latest"
        latest = max(latest, each.at)
        last[each.stream] = each
