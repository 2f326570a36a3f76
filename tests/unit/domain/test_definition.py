"""Definitions and profiles: every field is read strictly, and everything wrong is said at once."""

from copy import deepcopy

import pytest
from hypothesis import given

from ledger.canonical import encode, parse
from ledger.domain import spelling
from ledger.domain.definition import AchievementDefinition, Profile, read_definition, read_profile, to_json
from ledger.domain.reading import Refused
from ledger.domain.values import BadValue, Route
from tests.strategies import definitions, profiles

_LEAST: dict[str, object] = {
    "slug": "first-aid",
    "name": "First aid",
    "description": "Helps",
    "competencies": [{"statement": "Helps"}],
    "assessments": [{"type": "examination"}],
}
_PROFILE: dict[str, object] = {"name": "North College"}


def _problems(value: object) -> list[tuple[str, str]]:
    try:
        read_definition(value)
    except Refused as error:
        return [(problem.column, problem.code) for problem in error.problems]
    return []


@given(definition=definitions())
def test_a_definition_is_read_back_from_its_json_and_has_one_spelling(definition: AchievementDefinition) -> None:
    spelled = encode(to_json(definition))  # type: ignore[arg-type]
    again = read_definition(parse(spelled))
    assert again == definition
    assert encode(to_json(again)) == spelled  # type: ignore[arg-type]


@given(profile=profiles)
def test_a_profile_is_read_back_from_its_json_and_has_one_spelling(profile: Profile) -> None:
    spelled = encode(to_json(profile))  # type: ignore[arg-type]
    again = read_profile(parse(spelled))
    assert again == profile
    assert encode(to_json(again)) == spelled  # type: ignore[arg-type]


def test_what_is_absent_has_its_stated_meaning() -> None:
    found = read_definition(_LEAST)
    assert to_json(found) == {
        "slug": "first-aid",
        "name": "First aid",
        "language": "en",
        "description": "Helps",
        "kind": "micro",
        "level": None,
        "competencies": [{"statement": "Helps", "alignment": None}],
        "outcomes": [],
        "assessments": [
            {
                "type": "examination",
                "description": None,
                "outcomes": [],
                "supervised": False,
                "identity_checked": False,
                "practice_offered": False,
            }
        ],
        "grading": {"results": ["Pass"], "score_from": None, "score_to": None, "pass_mark": None},
        "minutes": None,
        "delivery": None,
        "pace": None,
        "schedule": None,
        "credit": None,
        "routes": ["course", "prior-learning", "workplace"],
        "partner": None,
        "pathways": [],
        "quality": None,
        "image": None,
        "rule": None,
        "on_component_loss": None,
    }
    assert to_json(read_profile(_PROFILE)) == {
        "name": "North College",
        "language": "en",
        "url": None,
        "email": None,
        "description": None,
        "recognising_body": False,
    }


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"slug": None}, [("slug", "missing")]),
        ({"slug": "First aid"}, [("slug", "malformed")]),
        ({"slug": 7}, [("slug", "wrong_type")]),
        ({"name": None}, [("name", "missing")]),
        ({"name": " "}, [("name", "missing")]),
        ({"name": 7}, [("name", "wrong_type")]),
        ({"name": "x" * 200}, []),
        ({"name": "x" * 201}, [("name", "too_long")]),
        ({"name": "a\u202eb"}, [("name", "control_character")]),
        ({"name": "a\nb"}, [("name", "control_character")]),
        ({"description": "a\nb"}, []),
        ({"description": "x" * 2_000}, []),
        ({"description": "x" * 2_001}, [("description", "too_long")]),
        ({"description": "a\x00"}, [("description", "control_character")]),
        ({"language": "English"}, [("language", "malformed")]),
        ({"language": ["en"]}, [("language", "wrong_type")]),
        ({"kind": "small"}, [("kind", "not_allowed")]),
        ({"kind": True}, [("kind", "not_allowed")]),
        ({"kind": "larger"}, []),
        ({"level": ""}, []),
        ({"level": 5}, [("level", "wrong_type")]),
        ({"competencies": None}, [("competencies", "missing")]),
        ({"competencies": []}, [("competencies", "wrong_count")]),
        ({"competencies": {}}, [("competencies", "wrong_type")]),
        ({"competencies": [{"statement": "a"}] * 30}, []),
        ({"competencies": [{"statement": "a"}] * 31}, [("competencies", "wrong_count")]),
        ({"competencies": ["a"]}, [("competencies.0", "wrong_type"), ("competencies.0.statement", "missing")]),
        ({"competencies": [{"statement": "a", "x": 1}]}, [("competencies.0.x", "unknown_field")]),
        (
            {"competencies": [{"statement": "a", "alignment": {"framework": "", "url": "x", "code": 1}}]},
            [
                ("competencies.0.alignment.framework", "missing"),
                ("competencies.0.alignment.code", "wrong_type"),
                ("competencies.0.alignment.url", "malformed"),
            ],
        ),
        ({"outcomes": [{"id": "a", "statement": "b"}]}, []),
        ({"outcomes": [{"id": "a", "statement": "b"}] * 2}, [("outcomes", "repeated")]),
        ({"outcomes": [{"id": "x" * 41, "statement": "b"}]}, [("outcomes.0.id", "too_long")]),
        ({"assessments": []}, [("assessments", "wrong_count")]),
        ({"assessments": [{"type": "examination"}] * 21}, [("assessments", "wrong_count")]),
        ({"assessments": [{}]}, [("assessments.0.type", "missing")]),
        ({"assessments": [{"description": "talk"}]}, []),
        (
            {"assessments": [{"type": "quiz", "supervised": 1}]},
            [
                ("assessments.0.type", "not_allowed"),
                ("assessments.0.supervised", "wrong_type"),
                ("assessments.0.type", "missing"),
            ],
        ),
        (
            {"assessments": [{"type": "project", "outcomes": ["b", "a", "b"]}]},
            [("assessments.0.outcomes", "unknown_outcome")] * 2,
        ),
        ({"assessments": [{"type": "project", "outcomes": [""]}]}, [("assessments.0.outcomes.0", "missing")]),
        ({"assessments": [{"type": "project", "outcomes": [7]}]}, [("assessments.0.outcomes.0", "wrong_type")]),
        ({"grading": {}}, [("grading.results", "missing")]),
        ({"grading": {"results": []}}, [("grading.results", "wrong_count")]),
        ({"grading": {"results": ["Pass"], "score_from": 0}}, [("grading.score_from", "wrong_type")]),
        ({"grading": {"results": ["Pass"], "score_from": "00"}}, [("grading.score_from", "malformed")]),
        (
            {"grading": {"results": ["Pass"], "score_from": "0", "pass_mark": "9", "score_to": "10"}},
            [],
        ),
        (
            {"grading": {"results": ["Pass"], "score_from": "0", "pass_mark": "101", "score_to": "100"}},
            [("grading.pass_mark", "out_of_range")],
        ),
        (
            {"grading": {"results": ["Pass"], "score_from": "9", "score_to": "1"}},
            [("grading.pass_mark", "out_of_range")],
        ),
        ({"minutes": 0}, [("minutes", "out_of_range")]),
        ({"minutes": 1}, []),
        ({"minutes": 6_000_000}, []),
        ({"minutes": 6_000_001}, [("minutes", "out_of_range")]),
        ({"minutes": True}, [("minutes", "wrong_type")]),
        ({"minutes": 1.5}, [("minutes", "wrong_type")]),
        ({"minutes": "60"}, [("minutes", "wrong_type")]),
        ({"delivery": "post"}, [("delivery", "not_allowed")]),
        ({"pace": "fast"}, [("pace", "not_allowed")]),
        ({"schedule": {"begins": "2026-01-01", "ends": "2026-01-01"}}, []),
        ({"schedule": {"begins": "2026-01-02", "ends": "2026-01-01"}}, [("schedule.ends", "dates_reversed")]),
        ({"schedule": {"begins": "2026-01-02"}}, [("schedule.ends", "dates_reversed")]),
        ({"schedule": {"ends": "2026-01-02"}}, [("schedule.ends", "dates_reversed")]),
        (
            {"schedule": {"begins": "2026-02-30", "ends": 1}},
            [("schedule.begins", "malformed"), ("schedule.ends", "wrong_type"), ("schedule.ends", "dates_reversed")],
        ),
        ({"credit": {}}, [("credit.value", "missing"), ("credit.authority", "missing")]),
        ({"credit": {"value": "3.5", "authority": "A"}}, []),
        ({"credit": {"value": 3, "authority": "A"}}, [("credit.value", "wrong_type")]),
        ({"routes": ["bus"]}, [("routes.0", "not_allowed")]),
        ({"routes": "course"}, [("routes", "wrong_type")]),
        ({"routes": ["course"] * 4}, [("routes", "wrong_count")]),
        ({"partner": {"name": "P"}}, [("partner.role", "missing")]),
        ({"partner": 7}, [("partner", "wrong_type"), ("partner.name", "missing"), ("partner.role", "missing")]),
        ({"pathways": ["a"] * 51}, [("pathways", "wrong_count")]),
        ({"image": {"alt": "A"}}, [("image.url", "missing")]),
        ({"image": {"url": "ftp://a", "alt": ""}}, [("image.url", "malformed"), ("image.alt", "missing")]),
        ({"colour": "red"}, [("colour", "unknown_field")]),
        ({"x" * 200: 1}, [("x" * 80, "unknown_field")]),
    ],
)
def test_a_bad_field_is_named_by_its_place_and_code(change: dict[str, object], problems: list[tuple[str, str]]) -> None:
    assert _problems(deepcopy(_LEAST) | change) == problems


@pytest.mark.parametrize("value", [None, [], "x", 7, [("slug", "x")]])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert _problems(value)[0] == ("", "wrong_type")
    with pytest.raises(Refused, match="must be an object"):
        read_profile(value)


def test_all_problems_are_said_at_once_in_one_sentence_each() -> None:
    with pytest.raises(Refused) as caught:
        read_definition({"name": 7, "minutes": 0, "x": 1})
    found = [(problem.column, problem.code) for problem in caught.value.problems]
    assert found == [
        ("slug", "missing"),
        ("name", "wrong_type"),
        ("description", "missing"),
        ("competencies", "missing"),
        ("assessments", "missing"),
        ("minutes", "out_of_range"),
        ("x", "unknown_field"),
    ]
    assert str(caught.value).startswith("slug: is needed; name: must be text in quotation marks; ")


def test_routes_named_twice_count_once_and_keep_their_order() -> None:
    assert read_definition(_LEAST | {"routes": ["workplace", "course", "workplace"]}).routes == (
        Route.WORKPLACE,
        Route.COURSE,
    )
    assert read_definition(_LEAST | {"routes": []}).routes == tuple(Route)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({}, []),
        ({"name": None}, [("name", "missing")]),
        ({"url": "north.example"}, [("url", "malformed")]),
        ({"email": "registry@north"}, [("email", "malformed")]),
        ({"email": "\u202ea@north.example"}, [("email", "malformed")]),
        ({"email": "a\x00b@north.example"}, [("email", "malformed")]),
        ({"language": "english"}, [("language", "malformed")]),
        ({"description": "x" * 2_001}, [("description", "too_long")]),
        ({"recognising_body": "yes"}, [("recognising_body", "wrong_type")]),
        ({"recognising_body": True}, []),
        ({"slug": "north"}, [("slug", "unknown_field")]),
    ],
)
def test_a_bad_field_of_a_profile_is_named(change: dict[str, object], problems: list[tuple[str, str]]) -> None:
    try:
        read_profile(_PROFILE | change)
        found = []
    except Refused as error:
        found = [(problem.column, problem.code) for problem in error.problems]
    assert found == problems


_GOOD = {
    spelling.decimal_text: ("0", "0.5", "83", "999999999.9999", "10.0"),
    spelling.web_address: ("https://a", "http://localhost:8000/x?y=1#z", "https://a.example/" + "x" * 482),
    spelling.language_tag: ("en", "haw", "fr-CA", "zh-Hant", "zh-Hant-TW", "es-419"),
    spelling.e_mail: ("a@b.co", "ö@b.example", "a.b+c@d-e.example", "x" * 64 + "@b.co"),
}
_BAD = {
    spelling.decimal_text: (
        "",
        "-1",
        "+1",
        "1e2",
        "01",
        ".5",
        "5.",
        "1,5",
        "1.00000",
        "1234567890",
        "NaN",
        "١",
        "1\n",
        "1_0",
    ),
    spelling.web_address: (
        *("", "a", "ftp://a", "HTTPS://a", "https://", "https://ä.example", "https://a b", "https://a/ü", "//a"),
        *("https://a:123456", "https://a@b", "https://a\\b", "https://a/\n", "https://a.example/" + "x" * 483),
    ),
    spelling.language_tag: ("", "e", "EN", "english", "en-us", "en_US", "en-Latn-us", "en-", "en\n", "en-1234"),
    spelling.e_mail: (
        *("", "a", "a@b", "a@b.c", "@b.co", "a b@c.co", "a@b..co", "a@@b.co", "<a@b.co>", "a@b.co\n", "a,b@c.co"),
        *("x" * 65 + "@b.co", "a@" + "b." * 130 + "co", "a\x00@b.co", "a\u200b@b.co"),
    ),
}


@pytest.mark.parametrize(("parse_", "text"), [(each, text) for each, texts in _GOOD.items() for text in texts])
def test_an_accepted_spelling_is_returned_as_it_is(parse_: object, text: str) -> None:
    assert callable(parse_)
    assert parse_(text) == text


@pytest.mark.parametrize(("parse_", "text"), [(each, text) for each, texts in _BAD.items() for text in texts])
def test_another_spelling_is_refused_with_a_sentence(parse_: object, text: str) -> None:
    assert callable(parse_)
    with pytest.raises(BadValue, match="is not a"):
        parse_(text)
