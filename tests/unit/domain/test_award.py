"""What an amendment changed, as it may be shown, and which acts can stand beside an award."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from ledger.domain.award import AchievementRef, Act, Award, Change, Component, changes, check_act
from ledger.domain.codes import stream_id
from ledger.domain.definition import AchievementDefinition, read_definition
from ledger.domain.reading import Refused
from ledger.domain.types import Origin, Seq
from ledger.domain.values import Mode, Reason, Route
from tests.strategies import awards
from tests.unit.domain.history import digest

_STREAM = stream_id(1, bytes(10))
_AWARD = Award(
    achievement=AchievementRef(stream=_STREAM, version=1, digest=digest("one")),
    name="Zoë Ng",
    language="en",
    awarded_on=date(2026, 6, 1),
    valid_from=None,
    valid_until=None,
    result="Pass",
    score=None,
    route=Route.COURSE,
    assessor=None,
    evidence=None,
)
_DEFINITION = read_definition(
    {
        "slug": "first-aid",
        "name": "First aid",
        "description": "Helps",
        "competencies": [{"statement": "Helps"}],
        "assessments": [{"type": "examination"}],
    }
)
_TODAY = date(2026, 11, 21)


@given(award=awards)
def test_the_same_award_has_no_changes(award: Award) -> None:
    assert changes((award, _DEFINITION), (award, _DEFINITION)) == ()


def test_changes_are_shown_with_old_and_new_values_apart_from_who_the_learner_is() -> None:
    new = replace(
        _AWARD,
        name="Zoë Nguyen",
        valid_until=date(2030, 1, 31),
        result="Distinction",
        route=None,
        evidence="https://x.example/",
        components=(Component(origin=Origin("x"), stream=_STREAM, seq=Seq(0), entry=digest("c")),),
    )
    assert changes((_AWARD, _DEFINITION), (new, _DEFINITION)) == (
        Change(field="full_name", old=None, new=None),
        Change(field="valid_until", old=None, new="2030-01-31"),
        Change(field="result", old="Pass", new="Distinction"),
        Change(field="route", old="course", new=None),
        Change(field="evidence_url", old=None, new="https://x.example/"),
    )


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("First aid", ()),
        ("First aid II", (Change(field="title", old="First aid", new="First aid II"),)),
    ],
)
def test_another_version_of_the_achievement_is_shown_with_its_title(title: str, shown: tuple[Change, ...]) -> None:
    ref = replace(_AWARD.achievement, version=2, digest=digest("two"))
    later: AchievementDefinition = replace(_DEFINITION, name=title)
    new = replace(_AWARD, achievement=ref, result=None)
    assert changes((_AWARD, _DEFINITION), (new, later)) == (
        *shown,
        Change(field="result", old="Pass", new=None),
        Change(field="achievement_version", old="1", new="2"),
    )


def test_an_award_begins_on_its_first_day_of_validity_or_on_its_own_day() -> None:
    assert _AWARD.begins == date(2026, 6, 1)
    assert replace(_AWARD, valid_from=date(2026, 7, 1)).begins == date(2026, 7, 1)


def _act(day: date, mode: Mode | None = None, text: str | None = None) -> Act:
    return Act(reason=Reason.OTHER, mode=mode, effective=day, text=text)


@pytest.mark.parametrize(
    ("act", "problems"),
    [
        (_act(_TODAY), []),
        (_act(date(2026, 6, 1), text="By mistake."), []),
        (_act(date(2026, 6, 1), Mode.PROSPECTIVE), []),
        (_act(date(2026, 5, 31), Mode.RETROACTIVE), []),
        (_act(date(2026, 5, 31), Mode.PROSPECTIVE), [("from", "dates_reversed")]),
        (_act(date(2026, 5, 31)), [("from", "dates_reversed")]),
        (_act(date(2026, 11, 22)), [("from", "in_the_future")]),
        (_act(date(2026, 11, 22), Mode.RETROACTIVE), [("from", "in_the_future")]),
        (_act(_TODAY, text="x" * 500), []),
        (_act(_TODAY, text="x" * 501), [("public_text", "too_long")]),
        (_act(_TODAY, text="a\u202eb"), [("public_text", "control_character")]),
        (_act(_TODAY, text="a\nb"), [("public_text", "control_character")]),
        (_act(date(2026, 5, 31), text="\x00"), [("from", "dates_reversed"), ("public_text", "control_character")]),
    ],
)
def test_an_act_is_refused_for_every_problem_of_its_date_and_words(act: Act, problems: list[tuple[str, str]]) -> None:
    try:
        check_act(act, _AWARD, _TODAY)
        found = []
    except Refused as error:
        found = [(problem.column, problem.code) for problem in error.problems]
    assert found == problems


def test_an_act_on_an_award_of_the_future_has_two_problems() -> None:
    with pytest.raises(Refused) as caught:
        check_act(_act(date(2026, 11, 22)), replace(_AWARD, awarded_on=date(2026, 11, 23)), _TODAY)
    assert [problem.code for problem in caught.value.problems] == ["in_the_future", "dates_reversed"]
