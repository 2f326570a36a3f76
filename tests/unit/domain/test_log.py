"""The log's own stream: which keys sign checkpoints over which size, and what may follow what."""

import pytest

from ledger.domain import events as ev
from ledger.domain import log as logs
from ledger.domain.log import Log, Span, checkpoint_keys
from ledger.domain.types import Kid, Origin
from tests.strategies import OPERATOR, ORIGIN
from tests.unit.domain.history import (
    CHECKPOINT_KEY,
    EVENT_KEY,
    LOG_STREAM,
    ROOT,
    ROOT_2,
    THE_OPERATOR,
    digest,
    record,
    registered,
)

_STARTED = ev.LogStarted(origin=Origin(ORIGIN), event_key=EVENT_KEY, checkpoint_key=CHECKPOINT_KEY)


def _added(key: Kid) -> ev.LogKeyAdded:
    return ev.LogKeyAdded(key=key, proof=bytes(64))


def _retired(key: Kid) -> ev.LogKeyRetired:
    return ev.LogKeyRetired(key=key)


def _statement(size: int) -> ev.StatusCommitted:
    return ev.StatusCommitted(size=size, lists=0, status=digest("status"), authority=digest("authority"))


def _after(state: Log | None, event: ev.LogEvent, position: int) -> Log:
    logs.permit(state, event, at=record(event, position).position)
    seq = 0 if state is None else state.revision + 1
    return logs.evolve(state, record(event, position, seq=seq, by=OPERATOR, kid=EVENT_KEY, stream=LOG_STREAM))


def _log(*later: tuple[ev.LogEvent, int]) -> Log:
    state = _after(None, _STARTED, 1)
    for event, position in later:
        state = _after(state, event, position)
    return state


def _refusal(state: Log | None, event: ev.LogEvent, position: int = 50) -> str:
    try:
        logs.permit(state, event, at=record(event, position).position)
    except logs.LogError as error:
        return type(error).__name__
    return "ok"


def test_a_log_begins_with_its_operator_and_one_checkpoint_key() -> None:
    log = _log()
    assert log.operator == THE_OPERATOR
    assert log.keys == {CHECKPOINT_KEY: Span(added=record(_STARTED, 1).position)}
    assert (log.statement, log.revision) == (None, 0)


def test_a_log_begins_once_and_with_nothing_else() -> None:
    assert _refusal(_log(), _STARTED) == "LogAlreadyStarted"
    for event in (_added(ROOT), _retired(CHECKPOINT_KEY), _statement(49)):
        assert _refusal(None, event) == "LogNotStarted"


def test_while_keys_overlap_both_sign_and_a_retired_one_signs_nothing_more() -> None:
    log = _log((_added(ROOT), 10), (_retired(CHECKPOINT_KEY), 20))
    assert checkpoint_keys(log, 0) == ()
    assert checkpoint_keys(log, 1) == checkpoint_keys(log, 9) == (CHECKPOINT_KEY,)
    assert checkpoint_keys(log, 10) == checkpoint_keys(log, 19) == (CHECKPOINT_KEY, ROOT)
    assert checkpoint_keys(log, 20) == checkpoint_keys(log, 2**60) == (ROOT,)


def test_a_key_is_added_once_in_its_life_and_is_no_event_key() -> None:
    log = _log((_added(ROOT), 10), (_retired(ROOT), 20))
    assert _refusal(log, _added(ROOT)) == "CheckpointKeyKnown"
    assert _refusal(log, _added(CHECKPOINT_KEY)) == "CheckpointKeyKnown"
    assert _refusal(log, _added(EVENT_KEY)) == "CheckpointKeyKnown"
    assert _refusal(log, _added(ROOT_2)) == "ok"


def test_the_last_key_stays_and_only_a_key_of_the_log_is_retired_and_once() -> None:
    log = _log((_added(ROOT), 10))
    assert _refusal(_log(), _retired(CHECKPOINT_KEY)) == "LastCheckpointKey"
    assert _refusal(log, _retired(ROOT)) == _refusal(log, _retired(CHECKPOINT_KEY)) == "ok"
    assert _refusal(log, _retired(ROOT_2)) == _refusal(log, _retired(EVENT_KEY)) == "CheckpointKeyUnknown"
    log = _after(log, _retired(CHECKPOINT_KEY), 20)
    assert _refusal(log, _retired(CHECKPOINT_KEY)) == "CheckpointKeyRetired"
    assert _refusal(log, _retired(ROOT)) == "LastCheckpointKey"


def test_a_statement_speaks_of_all_entries_before_its_own() -> None:
    assert _refusal(_log(), _statement(49)) == "ok"
    assert _refusal(_log(), _statement(48)) == _refusal(_log(), _statement(50)) == "StatementMisplaced"
    logs.permit(_log(), _statement(48))  # where the position is not known yet
    log = _log((_statement(1), 2), (_statement(2), 3))
    assert (log.statement, log.revision) == (3, 2)
    assert checkpoint_keys(log, 3) == (CHECKPOINT_KEY,)


def test_what_is_no_event_of_the_log_does_not_fold() -> None:
    with pytest.raises(logs.LogError, match="IssuerRegistered"):
        logs.evolve(_log(), record(registered(), 2, kid=ROOT))
