"""A row asks for one award; everything wrong with it is said at once, by column and code."""

from dataclasses import replace
from datetime import date

import pytest

from ledger.domain.award import AchievementRef, Award, AwardInternal
from ledger.domain.award_request import (
    COLUMNS,
    AwardRequest,
    read_request,
    request_row,
    row_faults,
    student_number_of,
)
from ledger.domain.codes import new_link_code, stream_id
from ledger.domain.definition import AchievementDefinition, Grading, read_definition
from ledger.domain.reading import Refused
from ledger.domain.types import LearnerId
from ledger.domain.values import Route
from tests.unit.domain.history import digest

_TODAY = date(2026, 11, 21)
_DEFINITION = read_definition(
    {
        "slug": "first-aid",
        "name": "First aid",
        "language": "fr-CA",
        "description": "Helps",
        "competencies": [{"statement": "Helps"}],
        "assessments": [{"type": "examination"}],
        "grading": {"results": ["Pass", "Merit"], "score_from": "10", "score_to": "100", "pass_mark": "50"},
        "routes": ["course", "workplace"],
    }
)
_NEEDED = {
    "student_number": "N-7",
    "full_name": "Zoe\u0308 Ng",
    "achievement": "first-aid",
    "awarded_on": "2026-06-01",
}
_FULL = _NEEDED | {
    "email": "zoe@college.example",
    "result": "Merit",
    "score": "83.5",
    "route": "workplace",
    "assessor": "王小明",
    "language": "en",
    "evidence_url": "https://college.example/e/7",
    "valid_from": "2026-06-02",
    "valid_until": "2030-01-31",
}


def _problems(row: dict[str, str], definition: AchievementDefinition = _DEFINITION) -> list[tuple[str, str]]:
    try:
        read_request(row, definition, _TODAY)
    except Refused as error:
        return [(problem.column, problem.code) for problem in error.problems]
    return []


def test_a_full_row_is_read() -> None:
    assert set(_FULL) == set(COLUMNS)
    assert read_request(_FULL, _DEFINITION, _TODAY) == AwardRequest(
        student_number="N-7",
        full_name="Zoë Ng",
        awarded_on=date(2026, 6, 1),
        email="zoe@college.example",
        result="Merit",
        score="83.5",
        route=Route.WORKPLACE,
        assessor="王小明",
        language="en",
        evidence_url="https://college.example/e/7",
        valid_from=date(2026, 6, 2),
        valid_until=date(2030, 1, 31),
    )


def test_absent_empty_and_blank_columns_mean_the_same() -> None:
    blank = _NEEDED | dict.fromkeys(set(COLUMNS) - set(_NEEDED), " ")
    empty = _NEEDED | dict.fromkeys(set(COLUMNS) - set(_NEEDED), "")
    found = read_request(_NEEDED, _DEFINITION, _TODAY)
    assert read_request(blank, _DEFINITION, _TODAY) == read_request(empty, _DEFINITION, _TODAY) == found
    assert (found.email, found.score, found.route, found.valid_until) == (None,) * 4


def test_a_request_becomes_the_award_and_the_award_the_row_again() -> None:
    ref = AchievementRef(stream=stream_id(1, bytes(10)), version=2, digest=digest("d"))
    internal = AwardInternal(
        actor="registry",
        learner=LearnerId(ref.stream),
        student_number="N-7",
        email="zoe@college.example",
        code=new_link_code(1, bytes(16)),
        short_code="0" * 13,
        notes=None,
    )
    award = read_request(_FULL, _DEFINITION, _TODAY).award(ref, _DEFINITION)
    assert award == Award(
        achievement=ref,
        name="Zoë Ng",
        language="en",
        awarded_on=date(2026, 6, 1),
        valid_from=date(2026, 6, 2),
        valid_until=date(2030, 1, 31),
        result="Merit",
        score="83.5",
        route=Route.WORKPLACE,
        assessor="王小明",
        evidence="https://college.example/e/7",
    )
    row = request_row(award, internal) | {"achievement": "first-aid"}
    assert read_request(row, _DEFINITION, _TODAY) == read_request(_FULL, _DEFINITION, _TODAY)
    assert row["full_name"] == "Zoë Ng"

    least = read_request(_NEEDED, _DEFINITION, _TODAY).award(ref, _DEFINITION)
    assert least.language == "fr-CA", "the definition's where the row names none"
    assert set(request_row(least, replace(internal, email=None))) == (set(_NEEDED) | {"language"}) - {"achievement"}


@pytest.mark.parametrize(
    ("column", "value", "codes"),
    [
        ("student_number", "", ["missing"]),
        ("full_name", " ", ["missing"]),
        ("achievement", "", ["missing"]),
        ("awarded_on", "", ["missing"]),
        ("student_number", "x" * 64, []),
        ("student_number", "x" * 65, ["too_long"]),
        ("full_name", "x" * 201, ["too_long"]),
        ("result", "x" * 101, ["too_long"]),
        ("assessor", "x" * 201, ["too_long"]),
        ("achievement", "x" * 501, ["too_long"]),
        ("assessor", "x" * 10_000, ["too_long"]),
        ("full_name", "Zo\x00e", ["control_character"]),
        ("full_name", "Zo\u202ee", ["control_character"]),
        ("student_number", "N\u200b7", ["control_character"]),
        ("email", "\u202ea@b.example", ["control_character"]),
        ("full_name", "12345", ["malformed"]),
        ("full_name", "=HYPERLINK(1)", []),
        ("full_name", "می‌خواهم", []),
        ("awarded_on", "2026-02-30", ["malformed"]),
        ("awarded_on", "21/11/2026", ["malformed"]),
        ("awarded_on", "2026-11-21", []),
        ("awarded_on", "2026-11-22", ["in_the_future"]),
        ("awarded_on", "1900-01-01", []),
        ("awarded_on", "1899-12-31", ["out_of_range"]),
        ("email", "zoe@college", ["malformed"]),
        ("email", "zoe", ["malformed"]),
        ("email", "a b@c.example", ["malformed"]),
        ("email", "x" * 250 + "@c.example", ["malformed"]),
        ("result", "Pass", []),
        ("result", "pass", ["not_allowed"]),
        ("result", "Fail", ["not_allowed"]),
        ("score", "83,5", ["malformed"]),
        ("score", "1e2", ["malformed"]),
        ("score", "-1", ["malformed"]),
        ("score", "083", ["malformed"]),
        ("score", "NaN", ["malformed"]),
        ("score", "9.9999", ["out_of_range"]),
        ("score", "100.1", ["out_of_range"]),
        ("score", "100", []),
        ("score", "50", []),
        ("score", "49.9999", ["below_pass_mark"]),
        ("score", "10", ["below_pass_mark"]),
        ("route", "Course", ["not_allowed"]),
        ("route", "prior-learning", ["not_allowed"]),
        ("route", "course", []),
        ("language", "English", ["malformed"]),
        ("language", "zh-Hant-TW", []),
        ("evidence_url", "javascript:alert(1)", ["malformed"]),
        ("evidence_url", "https://", ["malformed"]),
        ("evidence_url", "https://a.example/ b", ["malformed"]),
        ("evidence_url", "https://a.example/" + "x" * 482, []),
        ("evidence_url", "https://a.example/" + "x" * 483, ["too_long"]),
        ("valid_from", "2026-05-31", ["dates_reversed"]),
        ("valid_from", "2026-06-01", []),
        ("valid_from", "soon", ["malformed"]),
        ("valid_until", "2026-05-31", ["dates_reversed"]),
        ("valid_until", "2026-06-01", []),
        ("grade", "A", ["unknown_column"]),
        ("Full_name", "Zoë", ["unknown_column"]),
    ],
)
def test_a_bad_cell_is_named_by_its_column_and_code(column: str, value: str, codes: list[str]) -> None:
    assert _problems(_NEEDED | {column: value}) == [(column, code) for code in codes]


def test_validity_ends_after_it_begins() -> None:
    row = _NEEDED | {"valid_from": "2026-09-01", "valid_until": "2026-08-31"}
    assert _problems(row) == [("valid_until", "dates_reversed")]
    assert _problems(row | {"valid_until": "2026-09-01"}) == []


def test_all_problems_of_a_row_are_said_at_once_and_each_once() -> None:
    row = {
        "other": "x",
        "student_number": "a\tb",
        "full_name": "7",
        "awarded_on": "yesterday",
        "email": "no",
        "result": "Fail",
        "score": "200",
        "route": "course ",
        "language": "?",
        "evidence_url": "ftp://a.example",
        "valid_from": "2026-06-01",
        "valid_until": "2026-05-01",
    }
    assert _problems(row) == [
        ("other", "unknown_column"),
        ("student_number", "control_character"),
        ("achievement", "missing"),
        ("full_name", "malformed"),
        ("awarded_on", "malformed"),
        ("email", "malformed"),
        ("language", "malformed"),
        ("evidence_url", "malformed"),
        ("result", "not_allowed"),
        ("score", "out_of_range"),
        ("valid_until", "dates_reversed"),
    ]


def test_a_refusal_says_what_would_be_accepted() -> None:
    with pytest.raises(Refused, match="“Pass” or “Merit” does"):
        read_request(_NEEDED | {"result": "Fail"}, _DEFINITION, _TODAY)
    with pytest.raises(Refused, match="“course”, “prior-learning” or “workplace”"):
        read_request(_NEEDED | {"route": "bus"}, _DEFINITION, _TODAY)
    with pytest.raises(Refused, match=r"the scale 10 to 100"):
        read_request(_NEEDED | {"score": "101"}, _DEFINITION, _TODAY)
    alone = replace(_DEFINITION, grading=replace(_DEFINITION.grading, results=("Pass",)))
    with pytest.raises(Refused, match="this award: “Pass” does"):
        read_request(_NEEDED | {"result": "Fail"}, alone, _TODAY)


def test_a_scale_without_ends_takes_any_score_from_nought() -> None:
    scale = Grading(results=("Pass",), score_from=None, score_to=None, pass_mark=None)
    free = replace(_DEFINITION, grading=scale)
    assert _problems(_NEEDED | {"score": "0"}, free) == []
    assert _problems(_NEEDED | {"score": "999999999"}, free) == []
    marked = replace(_DEFINITION, grading=replace(scale, pass_mark="5"))
    assert _problems(_NEEDED | {"score": "4.9"}, marked) == [("score", "below_pass_mark")]
    low = replace(_DEFINITION, grading=replace(scale, score_from="3"))
    with pytest.raises(Refused, match="the scale 3 to any"):
        read_request(_NEEDED | {"score": "2"}, low, _TODAY)


def test_row_of_an_unknown_achievement_still_tells_its_other_faults() -> None:
    row = {"student_number": "", "full_name": "1234", "achievement": "", "awarded_on": "12.6.2026", "result": "Any"}
    found = [(each.column, each.code) for each in row_faults(row, date(2026, 11, 21))]
    assert ("student_number", "missing") in found
    assert ("full_name", "malformed") in found
    assert ("awarded_on", "malformed") in found
    assert "achievement" not in dict(found)  # who resolved it says what is wrong with it
    assert "result" not in dict(found)  # only an achievement says which results earn it


def test_row_of_an_unknown_achievement_may_have_no_other_fault() -> None:
    row = {"student_number": "S-1", "full_name": "Zoé", "achievement": "?", "awarded_on": "2026-06-12"}
    assert row_faults(row, date(2026, 11, 21)) == ()


def test_student_number_is_read_from_a_row_that_is_wrong_otherwise() -> None:
    assert student_number_of({"student_number": " N-7 ", "awarded_on": "tomorrow"}) == "N-7"
    assert student_number_of({"awarded_on": "2026-06-01"}) is None
    assert student_number_of({"student_number": "N\x007"}) is None
