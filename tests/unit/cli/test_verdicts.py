"""What a verdict says on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.verification.verdict import State
from verify_api.cli.verdicts import tell
from verify_api.public.schemas import (
    AssessmentModel,
    AwardModel,
    CompetencyModel,
    CreditModel,
    IssuerModel,
    LogModel,
    RecognitionModel,
    VerdictModel,
)

RECOGNITION = RecognitionModel(
    status="never",
    registry=None,
    registry_id=None,
    scheme=None,
    since=None,
    ended_on=None,
    recognised_when_issued=False,
)
ISSUER = IssuerModel(
    id="did:web:x.example", name="College", domain="x.example", recognition=RECOGNITION, custody="operator"
)


def _assessment(*, kind: str = "examination", result: str | None = "Pass", score: str | None = "83") -> AssessmentModel:
    return AssessmentModel(
        type=kind, description=None, supervised=True, identity_checked=False, result=result, score=score
    )


def _award(*, assessment: list[AssessmentModel]) -> AwardModel:
    return AwardModel(
        name="Healthy menus",
        learner="Zoé Okafor",
        issuer=ISSUER,
        awarded_on="2026-05-01",
        valid_from="2026-05-01",
        valid_until=None,
        competencies=[CompetencyModel(statement="Plans a week of meals.", alignment=None)],
        assessment=assessment,
        hours="37.5",
        credit=CreditModel(value="1.5", authority="ECTS", programme=None),
    )


def _told(state: str, award: AwardModel | None = None) -> list[str]:
    verdict = VerdictModel(
        verdict=state,
        in_force=None if award is None else state == "valid",
        notices=[],
        findings=[],
        as_of="2026-05-02T00:00:00.000Z",
        known_at="2026-11-21T14:03:00.000Z",
        award=award,
        scanned_version=1,
        current_version=1,
        change=None,
        amendments=None,
        components=[],
        log=LogModel(origin="x.example/log", size=0, root=None, leaf_index=None, witnesses=0),
    )
    return list(tell(verdict))


def test_the_first_line_has_the_words_of_the_page_and_the_time_of_the_question() -> None:
    first = _told("revoked", _award(assessment=[]))[0]
    assert first == "revoked: Withdrawn — no longer valid; not in force, checked 2026-11-21T14:03:00.000Z"


@pytest.mark.parametrize("state", list(State))
def test_every_verdict_has_a_heading(state: State) -> None:
    assert _told(state)[0].count(";") == 1


def test_a_verdict_without_a_heading_is_told_by_its_token() -> None:
    told = "later_word: whether it is in force is not known, checked 2026-11-21T14:03:00.000Z"
    assert _told("later_word") == [told]


def test_what_was_earned_and_how_it_was_assessed_is_told() -> None:
    told = _told("valid", _award(assessment=[_assessment(), _assessment(kind="project")]))
    assert "  Assessed by examination and project — Pass, score 83 (supervised)" in told
    assert "  Hours of learning: 37.5" in told
    assert "  Credit: 1.5 — ECTS" in told
    assert told[told.index("  What the holder can do:") + 1] == "    Plans a week of meals."


@pytest.mark.parametrize(
    ("result", "score", "line"),
    [
        (None, None, "Assessed by examination (supervised)"),
        ("Pass", None, "Assessed by examination — Pass (supervised)"),
        (None, "83.5", "Assessed by examination — score 83.5 (supervised)"),
    ],
)
def test_a_result_or_a_score_that_is_not_there_is_left_out(result: str | None, score: str | None, line: str) -> None:
    assert f"  {line}" in _told("valid", _award(assessment=[_assessment(result=result, score=score)]))


@given(result=st.text(min_size=1))
def test_braces_in_a_result_are_only_characters(result: str) -> None:
    assert any(result in line for line in _told("valid", _award(assessment=[_assessment(result=result)])))
