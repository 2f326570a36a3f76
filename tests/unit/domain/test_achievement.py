"""An achievement's stream: defined once, revised in steps of one version, retired for good."""

import pytest

from ledger.domain import achievement
from ledger.domain import events as ev
from ledger.domain.achievement import Achievement, evolve, permit
from ledger.domain.events import OfferEvent
from ledger.domain.types import Digest, Position, Seq
from tests.unit.domain.history import NORTH, OTHER_STREAM, SIGN, digest, record


def _defined(version: int = 1, name: str = "one") -> ev.AchievementDefined:
    return ev.AchievementDefined(digest=digest(name), version=version)


def _revised(version: int, name: str) -> ev.AchievementRevised:
    return ev.AchievementRevised(digest=digest(name), version=version)


def _retired(version: int, name: str) -> ev.AchievementRetired:
    return ev.AchievementRetired(digest=digest(name), version=version)


def _fold(*history: OfferEvent) -> Achievement:
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
    history: tuple[OfferEvent, ...],
    event: OfferEvent,
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


_PATHWAY = ev.PathwayDefined(digest=digest("one"), version=1)
_PATHWAY_REVISED = ev.PathwayRevised(digest=digest("two"), version=2)


def test_a_pathway_has_versions_as_an_achievement_has() -> None:
    state = _fold(_PATHWAY, _PATHWAY_REVISED, ev.PathwayRetired(digest=digest("two"), version=2))
    assert (state.is_pathway, state.version, state.retired) == (True, 2, Position(12))
    assert state.noun == "pathway"
    assert _fold(_defined()).noun == "achievement"
    with pytest.raises(achievement.AchievementIsRetired, match="this pathway was retired"):
        permit(state, ev.PathwayRevised(digest=digest("three"), version=3))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (_PATHWAY, _revised(2, "two")),
        (_PATHWAY, _retired(1, "one")),
        (_defined(), _PATHWAY_REVISED),
        (_defined(), ev.PathwayRetired(digest=digest("one"), version=1)),
    ],
)
def test_an_achievement_does_not_become_a_pathway_nor_the_other_way_round(first: OfferEvent, then: OfferEvent) -> None:
    with pytest.raises(achievement.AchievementNotDefined, match="does not become"):
        permit(_fold(first), then)


@pytest.mark.parametrize("first", [_PATHWAY, _defined()])
def test_neither_is_defined_again(first: OfferEvent) -> None:
    for again in (_PATHWAY, _defined()):
        with pytest.raises(achievement.AchievementAlreadyDefined):
            permit(_fold(first), again)


@pytest.mark.parametrize(
    ("stolen", "offered"), [((), 3), ((12,), 2), ((11, 12), 1), ((10, 12), 2), ((10, 11, 12), None)]
)
def test_what_is_offered_is_the_last_version_that_no_thief_stated(stolen: tuple[int, ...], offered: int | None) -> None:
    state = _fold(_defined(), _revised(2, "two"), _revised(3, "three"))
    assert state.offered(lambda kid, position: kid == SIGN and position in stolen) == offered
