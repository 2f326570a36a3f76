"""Which awards add up to which larger one, and what is wrong with those that do not."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.award import AchievementRef, Award
from ledger.domain.credential import Credential, Standing, Version
from ledger.domain.definition import read_definition, to_json
from ledger.domain.reading import Refused
from ledger.domain.stacking import Held, check_components, check_day, progress, standing_fault
from ledger.domain.stacking_rule import MOST_COMPONENTS, CountRule, OnLoss, StackingRule
from ledger.domain.types import Did, Digest, Kid, LearnerId, ListId, Position, Seq, Slot, Slug, StreamId
from tests.strategies import definitions, rules

_COLLEGE, _OTHER = Did("did:web:a:issuers:college"), Did("did:web:a:issuers:guild")
_ADA, _BOB = LearnerId(UUID(int=1)), LearnerId(UUID(int=2))
_DAY = date(2026, 11, 21)
_ALL = StackingRule(all_of=(Slug("a"), Slug("b"), Slug("c")), n_of=None)
_TWO = StackingRule(all_of=None, n_of=CountRule(n=2, of=(Slug("a"), Slug("b"), Slug("c"))))
_LEAST: dict[str, object] = {
    "slug": "whole",
    "name": "Whole",
    "description": "Holds the parts",
    "competencies": [{"statement": "Does it all"}],
}


def _held(slug: str, number: int = 0) -> Held:
    stream = StreamId(UUID(int=number or ord(slug[0])))
    return Held(stream=stream, issuer=_COLLEGE, learner=_ADA, slug=Slug(slug), is_stack=False, fault=None)


def _codes(rule: StackingRule, *held: Held) -> list[tuple[str, str]]:
    return [(each.column, each.code) for each in check_components(rule, held, issuer=_COLLEGE, learner=_ADA)]


def test_awards_that_satisfy_the_rule_have_no_problem() -> None:
    assert _codes(_ALL, _held("a"), _held("b"), _held("c")) == []
    assert _codes(_TWO, _held("c"), _held("a")) == []
    assert _codes(_TWO, _held("c"), _held("a"), _held("b")) == []


def test_a_rule_that_is_not_satisfied_names_what_is_missing() -> None:
    (problem,) = check_components(_ALL, [_held("c"), _held("a")], issuer=_COLLEGE, learner=_ADA)
    assert (problem.column, problem.code) == ("components", "rule_not_satisfied")
    assert problem.reason == "make 2 of 3: no award in force of “b”"
    assert _codes(_TWO, _held("a")) == [("components", "rule_not_satisfied")]
    assert _codes(_ALL) == [("components", "rule_not_satisfied")]


@pytest.mark.parametrize(
    ("wrong", "code", "sentence"),
    [
        (replace(_held("b"), issuer=_OTHER), "another_issuer", "is an award of another issuer"),
        (replace(_held("b"), learner=_BOB), "another_learner", "is an award of another learner"),
        (replace(_held("b"), is_stack=True), "is_a_stack", "itself built from other awards"),
        (replace(_held("b"), slug=Slug("x")), "not_a_part", "“x”, which is not a part of this pathway"),
        (replace(_held("b"), fault="is revoked"), "not_in_force", "is revoked"),
        (_held("a", 7), "repeated_achievement", "one of two awards of “a”"),
    ],
)
def test_a_component_that_does_not_count_is_named_with_its_own_sentence(wrong: Held, code: str, sentence: str) -> None:
    problems = check_components(_ALL, [_held("a"), wrong, _held("c")], issuer=_COLLEGE, learner=_ADA)
    found = {problem.column: problem for problem in problems}
    assert found["components.1"].code == code
    assert sentence in found["components.1"].reason
    assert found.keys() <= {"components.0", "components.1"}


def test_an_award_named_twice_is_refused_at_both_places() -> None:
    assert _codes(_ALL, _held("a"), _held("a"), _held("c")) == [
        ("components.0", "repeated"),
        ("components.1", "repeated"),
    ]


def test_more_components_than_the_limit_are_refused_as_a_whole() -> None:
    many = [_held("a", number) for number in range(1, MOST_COMPONENTS + 2)]
    assert _codes(_ALL, *many) == [("components", "too_many")]
    assert ("components", "too_many") not in _codes(_ALL, *many[:MOST_COMPONENTS])


@given(rule=rules(), data=st.data())
def test_progress_counts_what_the_rule_needs_and_is_complete_exactly_when_it_is_satisfied(
    rule: StackingRule, data: st.DataObject
) -> None:
    held = data.draw(st.lists(st.sampled_from([*rule.parts, Slug("elsewhere")]), max_size=6))
    found = progress(rule, held)
    distinct = len(set(held) & set(rule.parts))
    assert found.held == min(distinct, rule.needed)
    assert found.needed == rule.needed <= len(rule.parts)
    assert found.complete is (distinct >= rule.needed)
    assert set(found.missing) == set(rule.parts) - set(held)
    awards = [_held(slug, number) for number, slug in enumerate(dict.fromkeys(held), 1) if slug in rule.parts]
    assert (check_components(rule, awards, issuer=_COLLEGE, learner=_ADA) == ()) is found.complete


# ------------------------------------------------------------------------------------------------------ in force or not


def _credential(**changed: object) -> Credential:
    version = Version(
        number=1,
        seq=Seq(0),
        position=Position(9),
        at=datetime(2026, 11, 1, tzinfo=UTC),
        kid=Kid("z6Mk"),
        list=ListId(bytes(16)),
        slot=Slot(0),
        disowned=changed.pop("disowned", False) is True,
    )
    credential = Credential(
        stream=StreamId(UUID(int=1)), issuer=_COLLEGE, link=Digest(bytes(32)), head=Seq(0), versions=(version,)
    )
    return replace(credential, **changed)  # type: ignore[arg-type]


_STANDING = Standing(seq=Seq(1), position=Position(10), at=datetime(2026, 11, 2, tzinfo=UTC), disowned=False)
_AWARD = Award(
    achievement=AchievementRef(stream=StreamId(UUID(int=5)), version=1, digest=Digest(bytes(32))),
    name="Ada",
    language="en",
    awarded_on=_DAY,
    valid_from=None,
    valid_until=_DAY,
    result=None,
    score=None,
    route=None,
    assessor=None,
    evidence=None,
)


def test_an_award_is_in_force_from_its_first_to_its_last_day() -> None:
    assert standing_fault(_credential(), _AWARD, _DAY) is None
    assert standing_fault(_credential(), _AWARD, date(2026, 11, 20)) == "is not in force before 2026-11-21"
    assert standing_fault(_credential(), _AWARD, date(2026, 11, 22)) == "expired on 2026-11-21"
    assert standing_fault(_credential(), replace(_AWARD, valid_until=None), date(2099, 1, 1)) is None


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"revoked": _STANDING}, "is revoked"),
        ({"suspended": _STANDING}, "is suspended"),
        ({"disowned": True}, "was signed with a stolen key"),
        ({"revoked": _STANDING, "suspended": _STANDING}, "is revoked"),
    ],
)
def test_an_award_that_was_lowered_is_not_in_force(changed: dict[str, object], fault: str) -> None:
    assert standing_fault(_credential(**changed), _AWARD, _DAY) == fault


# ---------------------------------------------------------------------------------------------------- rules as written


def _problems(**fields: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        read_definition({**_LEAST, **fields})
    return [(problem.column, problem.code) for problem in refused.value.problems]


@given(definition=definitions())
def test_a_definition_with_a_rule_is_read_back_as_it_was(definition: object) -> None:
    assert read_definition(to_json(definition)) == definition  # type: ignore[arg-type]


def test_a_pathway_needs_no_assessment_of_its_own_and_is_reviewed_by_default() -> None:
    found = read_definition({**_LEAST, "rule": {"all_of": ["a", "b"]}})
    assert found.rule == StackingRule(all_of=(Slug("a"), Slug("b")), n_of=None)
    assert found.on_component_loss is OnLoss.REVIEW
    kept = read_definition({**_LEAST, "rule": {"n_of": {"n": 1, "of": ["a"]}}, "on_component_loss": "keep"})
    assert (kept.rule, kept.on_component_loss) == (
        StackingRule(all_of=None, n_of=CountRule(n=1, of=(Slug("a"),))),
        OnLoss.KEEP,
    )


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, ("rule", "missing")),
        ({"all_of": []}, ("rule", "missing")),
        ({"all_of": None, "n_of": None}, ("rule", "missing")),
        ({"n_of": {"n": 1, "of": []}}, ("rule.n_of.of", "missing")),
        ({"n_of": {"of": ["a"]}}, ("rule.n_of.n", "missing")),
        ({"n_of": {"n": 3, "of": ["a", "b"]}}, ("rule.n_of.n", "out_of_range")),
        ({"n_of": {"n": 0, "of": ["a", "b"]}}, ("rule.n_of.n", "out_of_range")),
        ({"all_of": ["a"], "n_of": {"n": 1, "of": ["b"]}}, ("rule", "wrong_count")),
        ({"all_of": ["a", "b", "a"]}, ("rule.all_of.2", "repeated")),
        ({"all_of": ["Not a slug"]}, ("rule.all_of.0", "malformed")),
        ({"all_of": ["whole"]}, ("rule", "itself")),
        ({"all_of": ["a"], "any_of": ["b"]}, ("rule.any_of", "unknown_field")),
        ({"all_of": [f"part-{number}" for number in range(MOST_COMPONENTS + 1)]}, ("rule.all_of", "wrong_count")),
        ("all", ("rule", "wrong_type")),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_own_problem(rule: object, problem: tuple[str, str]) -> None:
    assert problem in _problems(rule=rule)


def test_what_happens_on_loss_is_said_of_pathways_alone_and_out_of_a_closed_list() -> None:
    assessed = {"assessments": [{"type": "examination"}]}
    assert _problems(**assessed, on_component_loss="review") == [("on_component_loss", "not_allowed")]
    assert ("on_component_loss", "not_allowed") in _problems(rule={"all_of": ["a"]}, on_component_loss="burn")
    assert _problems() == [("assessments", "missing")]


def test_a_stack_is_not_awarded_before_the_last_of_its_parts() -> None:
    for awarded_on in (_DAY, date(2027, 1, 1)):
        check_day(awarded_on, _DAY)
    with pytest.raises(Refused) as refused:
        check_day(date(2026, 11, 20), _DAY)
    assert [(each.column, each.code) for each in refused.value.problems] == [("awarded_on", "dates_reversed")]
