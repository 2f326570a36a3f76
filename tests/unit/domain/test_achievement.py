"""An achievement's stream: defined once, revised in steps of one version, retired for good."""

import pytest

from ledger.domain import achievement
from ledger.domain import events as ev
from ledger.domain.achievement import Achievement, evolve, permit
from ledger.domain.events import AchievementEvent
from ledger.domain.types import Digest, Position, Seq
from tests.unit.domain.history import NORTH, OTHER_STREAM, SIGN, digest, record


def _defined(version: int = 1, name: str = "one") -> ev.AchievementDefined:
    return ev.AchievementDefined(digest=digest(name), version=version)


def _revised(version: int, name: str) -> ev.AchievementRevised:
    return ev.AchievementRevised(digest=digest(name), version=version)


def _retired(version: int, name: str) -> ev.AchievementRetired:
    return ev.AchievementRetired(digest=digest(name), version=version)


def _fold(*history: AchievementEvent) -> Achievement:
    state: Achievement | None = None
    for seq, event in enumerate(history):
        permit(state, event)
        state = evolve(state, record(event, 10 + seq, seq=seq, stream=OTHER_STREAM))
    assert state is not None
    return state


def test_versions_keep_their_digests_and_positions() -> None:
    state = _fold(_defined(), _revised(2, "two"), _revised(3, "one"), _retired(3, "one"))
    digests: tuple[Digest, ...] = (digest("one"), digest("two"), digest("one"))
    assert state == Achievement(
        stream=OTHER_STREAM,
        issuer=NORTH,
        head=Seq(3),
        digests=digests,
        revised_at=(Position(10), Position(11), Position(12)),
        kids=(SIGN, SIGN, SIGN),
        retired=Position(13),
    )
    assert (state.version, state.digest) == (3, digest("one"))


_FRESH = (_defined(),)
_TWO = (_defined(), _revised(2, "two"))
_GONE = (*_TWO, _retired(2, "two"))


@pytest.mark.parametrize(
    ("history", "event", "error"),
    [
        ((), _defined(), None),
        ((), _defined(version=2), achievement.DefinitionUnchanged),
        ((), _defined(version=0), achievement.DefinitionUnchanged),
        ((), _revised(2, "two"), achievement.AchievementNotDefined),
        ((), _retired(1, "one"), achievement.AchievementNotDefined),
        (_FRESH, _defined(), achievement.AchievementAlreadyDefined),
        (_FRESH, _revised(2, "two"), None),
        (_FRESH, _revised(2, "one"), None),
        (_FRESH, _revised(1, "two"), achievement.DefinitionUnchanged),
        (_FRESH, _revised(3, "two"), achievement.DefinitionUnchanged),
        (_FRESH, _retired(1, "one"), None),
        (_FRESH, _retired(2, "one"), achievement.DefinitionUnchanged),
        (_FRESH, _retired(1, "two"), achievement.DefinitionUnchanged),
        (_TWO, _revised(2, "three"), achievement.DefinitionUnchanged),
        (_TWO, _revised(3, "three"), None),
        (_TWO, _retired(1, "one"), achievement.DefinitionUnchanged),
        (_TWO, _retired(2, "two"), None),
        (_GONE, _defined(), achievement.AchievementAlreadyDefined),
        (_GONE, _revised(3, "three"), achievement.AchievementIsRetired),
        (_GONE, _retired(2, "two"), achievement.AchievementIsRetired),
    ],
)
def test_what_may_follow_what(
    history: tuple[AchievementEvent, ...],
    event: AchievementEvent,
    error: type[achievement.AchievementError] | None,
) -> None:
    state = _fold(*history) if history else None
    if error is None:
        permit(state, event)
        return
    with pytest.raises(error):
        permit(state, event)


def test_a_stream_that_begins_otherwise_or_holds_another_type_is_not_folded() -> None:
    with pytest.raises(achievement.AchievementNotDefined):
        evolve(None, record(_revised(2, "two"), 10))
    with pytest.raises(achievement.AchievementError, match="CredentialRevoked"):
        evolve(_fold(_defined()), record(ev.CredentialRevoked(), 11, seq=1))
