"""The log's own entries establish its operator and keys, or are refused, statements among them or not."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger.domain import events as ev
from ledger.domain.log import checkpoint_keys
from ledger.domain.types import Did, Digest, Position
from ledger.signing.signer import possession_message
from ledger.testing.forge import BEGIN, OPERATOR, Forge, How
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import LogUnestablished, establish_log

_ROOT = Digest(bytes(32))


def _append(forge: Forge, event: ev.Event, how: How | None = None) -> Position:
    return forge.append(event, stream=forge.operator_stream, by=OPERATOR, key="operator", how=how or How())


def _add(forge: Forge, name: str, *, role: str = "checkpoint", how: How | None = None) -> Position:
    message = possession_message(forge.origin, str(forge.operator_stream), forge.kid(name), role)
    return _append(forge, ev.LogKeyAdded(key=forge.kid(name), proof=forge.key(name).sign(message)), how)


def _state(forge: Forge, size: int | None = None, how: How | None = None) -> Position:
    before = len(forge.log) if size is None else size
    return _append(forge, ev.StatusCommitted(size=before, lists=0, status=_ROOT, authority=_ROOT), how)


def _entries(forge: Forge, *left_out: Position) -> list[Placed]:
    return [each for each in forge.placed(forge.operator_stream) if each.position not in left_out]


def _refused(forge: Forge, *left_out: Position) -> str:
    with pytest.raises(LogUnestablished) as refused:
        establish_log(_entries(forge, *left_out))
    return str(refused.value)


def test_keys_and_the_last_statement_follow_from_the_logs_own_entries() -> None:
    forge = Forge()
    _state(forge)
    forge.register("college")
    added = _add(forge, "second")
    last = _state(forge)
    retired = _append(forge, ev.LogKeyRetired(key=forge.kid("operator/checkpoint")))
    log = establish_log(_entries(forge))
    assert checkpoint_keys(log, added) == (forge.kid("operator/checkpoint"), forge.kid("second"))
    assert checkpoint_keys(log, retired) == (forge.kid("second"),)
    assert (log.operator.did, log.statement, log.revision) == (OPERATOR, last, 4)


def test_statements_may_be_left_out_all_or_some() -> None:
    forge = Forge()
    statements = [_state(forge)]
    _add(forge, "second")
    statements.append(_state(forge))
    _append(forge, ev.LogKeyRetired(key=forge.kid("operator/checkpoint")))
    statements.append(_state(forge))
    for left_out in ([], statements[:1], statements[1:], statements):
        log = establish_log(_entries(forge, *left_out))
        assert checkpoint_keys(log, len(forge.log)) == (forge.kid("second"),)


def test_no_entry_establishes_nothing() -> None:
    with pytest.raises(LogUnestablished, match="no first entry"):
        establish_log(())


def test_a_log_that_begins_elsewhere_is_refused() -> None:
    forge = Forge()
    entries = _entries(forge)
    with pytest.raises(LogUnestablished, match="stands at position 1"):
        establish_log([Placed(position=Position(2), raw=entries[0].raw)])
    assert "does not begin a stream of this log" in _refused(Forge(how=How(prev=bytes(32))))
    assert "begins with something other" in _refused(_with(_state), Position(1))


def _with(change: Callable[[Forge], object]) -> Forge:
    forge = Forge()
    change(forge)
    return forge


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda forge: _add(forge, "x", how=How(key="thief")), "signed by the operator's event key"),
        (lambda forge: _add(forge, "x", how=How(key="thief", named="operator")), "did not sign it"),
        (lambda forge: _add(forge, "x", role="root"), "did not prove to hold it"),
        (lambda forge: _add(forge, "x", how=How(prev=bytes(32))), "prev differs"),
        (lambda forge: _add(forge, "x", how=How(at=BEGIN - timedelta(seconds=1))), "not stand after"),
        (lambda forge: _add(forge, "x", how=How(seq=0)), "not stand after"),
        (lambda forge: _add(forge, "x", how=How(seq=3)), "more entries out than there is room"),
        (lambda forge: _add(forge, "x", how=How(stated=forge.new_stream())), "in its own stream"),
        (lambda forge: _add(forge, "x", how=How(by=Did("did:web:elsewhere"))), "event key"),
        (lambda forge: _add(forge, "operator"), "may sign no checkpoint"),
        (lambda forge: _state(forge, 2), "speaks of 2 entries"),
        (lambda forge: _append(forge, ev.AchievementDefined(digest=_ROOT, version=1)), "does not belong"),
    ],
)
def test_an_entry_that_may_not_stand_there_is_refused(change: Callable[[Forge], object], reason: str) -> None:
    assert reason in _refused(_with(change))


def test_entries_in_another_order_or_no_entries_are_refused() -> None:
    forge = Forge()
    _add(forge, "second")
    _add(forge, "third")
    first, second, third = _entries(forge)
    for entries in (
        [first, third, second],
        [first, second, second],
        [first, Placed(position=second.position, raw=b"")],
    ):
        with pytest.raises(LogUnestablished):
            establish_log(entries)
    swapped = [first, Placed(position=third.position, raw=second.raw), Placed(position=second.position, raw=third.raw)]
    with pytest.raises(LogUnestablished, match="not stand after"):
        establish_log(swapped)
