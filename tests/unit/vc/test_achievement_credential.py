"""The document of an award: every field is in it or listed, it keeps the published schema, and it never changes."""

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import get_type_hints

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings

from ledger.domain import award as a
from ledger.domain import definition as d
from ledger.domain.stacking_rule import CountRule, OnLoss, StackingRule
from ledger.domain.types import Slug
from ledger.domain.values import Route
from ledger.vc.achievement_credential import Source, address, build, valid_from
from ledger.vc.field_table import FIELDS, LEFT_OUT
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Json
from ledger.vc.schema import check_schema
from tests.unit.vc.making import AWARD, DEFINITION, PROFILE, SOURCE, by_the_oracle, from_anywhere, least, sources

_SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def _in(value: Json, *path: str | int) -> Json:
    for step in path:
        assert isinstance(value, dict | list)
        value = value[step]  # type: ignore[index]
    return value


def _achievement(source: Source) -> Json:
    return _in(build(source), "credentialSubject", "achievement")


def _narrative(source: Source) -> str:
    return str(_in(_achievement(source), "criteria", "narrative"))


def _with(**changed: object) -> Source:
    return replace(SOURCE, definition=replace(DEFINITION, **changed))  # type: ignore[arg-type]


def _awarded(**changed: object) -> Source:
    return replace(SOURCE, award=replace(AWARD, **changed))  # type: ignore[arg-type]


@_SLOW
@given(source=sources)
@example(source=SOURCE)
@example(source=least())
@example(source=from_anywhere())
def test_every_document_keeps_the_schema_and_is_canonicalised_as_others_do(source: Source) -> None:
    document = build(source)
    check_schema(document)
    assert canonical_nquads(document) == by_the_oracle(document)


def test_what_was_once_signed_is_built_again_to_the_byte() -> None:
    """These digests change only if documents that exist could no longer be checked. They must not."""
    stacked = replace(DEFINITION, language="fr", rule=StackingRule(all_of=(Slug("a"), Slug("b")), n_of=None))
    french = replace(SOURCE, definition=stacked, award=replace(AWARD, language="fr-CA"))
    found = [sha256(orjson.dumps(build(each))).hexdigest()[:16] for each in (SOURCE, least(), from_anywhere(), french)]
    assert found == ["f8f03aa636135602", "ec2719a40de19dae", "520291ccb350ce9c", "8b612a14b07de51d"]


def test_each_field_stands_in_the_document_or_is_listed_with_a_reason() -> None:
    kinds = [d.AchievementDefinition, d.Profile, a.Award]
    found: set[str] = set()
    for kind in kinds:
        for field in fields(kind):
            found.add(f"{kind.__name__}.{field.name}")
            kinds += [each for each in _classes(get_type_hints(kind)[field.name]) if each not in kinds]
    assert found == FIELDS.keys() | LEFT_OUT.keys()
    assert not FIELDS.keys() & LEFT_OUT.keys()


def _classes(hint: object) -> list[type]:
    inner = getattr(hint, "__args__", ())
    return [hint] if isinstance(hint, type) and is_dataclass(hint) else [c for each in inner for c in _classes(each)]


_RULE = StackingRule(all_of=(Slug("a"), Slug("b")), n_of=None)
_COUNT = StackingRule(all_of=None, n_of=CountRule(n=1, of=(Slug("a"), Slug("b"))))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (_with(level="EQF 8"), "EQF 8"),
        (_with(minutes=7), "Minutes of learning: 7"),
        (_with(delivery=d.Delivery.WORKPLACE), "Delivery: at the workplace"),
        (_with(pace=d.Pace.SELF_PACED), "Pace: set by the learner"),
        (_with(credit=d.Credit(value="3.0", authority="U", programme=None)), "Academic credit: 3.0, U"),
        (_with(routes=(Route.WORKPLACE,)), "Ways to earn it: learning at the workplace"),
        (_with(partner=d.Partner(name="P", role="R")), "Industry partner: P (R)"),
        (_with(pathways=("A diploma",)), "Leads to: A diploma"),
        (_with(quality="Q7"), "Quality assurance: Q7"),
        (_with(rule=_RULE, on_component_loss=OnLoss.KEEP), "Earned by holding all of: a, b"),
        (_with(rule=_RULE, on_component_loss=OnLoss.KEEP), "If a part is lost: the award stands"),
        (_with(rule=_COUNT, on_component_loss=OnLoss.REVOKE), "Earned by holding this many: 1 of a, b"),
        (SOURCE, "- O2: Resuscitates a manikin"),
        (
            SOURCE,
            "- Observed demonstration: Two scenarios (measures O1, O2; supervised; identity checked; practice off",
        ),
        (SOURCE, "- Examination\n- A talk"),
        (SOURCE, "Results that earn it: Pass, Distinction\n- Scale of scores: 0 to 100, pass mark 60"),
        (
            _with(grading=d.Grading(results=("P",), score_from=None, score_to="9", pass_mark=None)),
            "Scale of scores: 0 to 9\n",
        ),
        (
            _with(grading=d.Grading(results=("P",), score_from="1", score_to=None, pass_mark=None)),
            "Scale of scores: 1 to …\n",
        ),
        (_with(level="a_b *c* <d>"), r"a\_b \*c\* \<d>"),
    ],
)
def test_what_open_badges_has_no_term_for_is_said_in_words(source: Source, words: str) -> None:
    assert words in _narrative(source)


def test_words_are_in_the_language_of_the_definition_else_in_english() -> None:
    assert "Prestation\u00a0: en ligne et en personne" in _narrative(_with(language="fr-CA"))
    assert "Delivery: online and in person" in _narrative(_with(language="zh-Hant"))
    assert _in(build(_awarded(language="fr")), "credentialSubject", "narrative") == (
        "Obtenue par\u00a0: un cours\n\nÉvaluée par\u00a0: Dr. B. Osei"
    )
    assert [_in(_achievement(_with(language="fr")), "resultDescription", n, "name") for n in (0, 1)] == [
        "Résultat",
        "Note",
    ]


def test_the_terms_of_open_badges_say_the_rest() -> None:
    document, achievement = build(SOURCE), _achievement(SOURCE)
    assert document["issuer"] == {
        "id": SOURCE.issuer,
        "type": ["Profile"],
        "name": PROFILE.name,
        "url": PROFILE.url,
        "email": PROFILE.email,
        "description": PROFILE.description,
        "inLanguage": "en",
    }
    assert (document["validFrom"], document["validUntil"]) == ("2026-11-02T00:00:00Z", "2028-11-01T23:59:59Z")
    assert (document["awardedDate"], document["inLanguage"]) == ("2026-11-01T00:00:00Z", "en")
    assert document["evidence"] == [{"id": AWARD.evidence, "type": ["Evidence"]}]
    assert document["credentialStatus"] == {
        "id": "http://localhost:8000/status/north/AAECAwQFBgcICQoLDA0ODw#77",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "77",
        "statusListCredential": "http://localhost:8000/status/north/AAECAwQFBgcICQoLDA0ODw",
    }
    subject = document["credentialSubject"]
    assert _in(subject, "identifier", 0, "identityHash") == "Ana Lí"
    assert "id" not in list(subject or ())  # type: ignore[arg-type]
    assert _in(subject, "result", 0, "value") == "Pass"
    assert _in(subject, "result", 1, "value") == "83.5"
    assert _in(subject, "result", 1, "resultDescription") == _in(achievement, "resultDescription", 1, "id")
    assert _in(achievement, "resultDescription", 0, "allowedValue") == ["Pass", "Distinction"]
    assert [_in(achievement, "resultDescription", 1, each) for each in ("valueMin", "valueMax", "requiredValue")] == [
        "0",
        "100",
        "60",
    ]
    assert _in(subject, "activityStartDate") == "2026-09-01T00:00:00Z"
    assert _in(subject, "activityEndDate") == "2026-10-31T23:59:59Z"
    assert _in(achievement, "alignment", 0, "targetUrl") == f"urn:uuid:{AWARD.achievement.stream}#competency-1"
    assert _in(achievement, "alignment", 1) == {
        "type": ["Alignment"],
        "targetName": "Resuscitates an adult",
        "targetUrl": "https://esco.example/skill/1",
        "targetFramework": "ESCO",
        "targetCode": "S1.2",
    }
    assert [_in(achievement, each) for each in ("humanCode", "version", "achievementType", "inLanguage")] == [
        "first-aid",
        "3",
        "MicroCredential",
        "en",
    ]
    assert _in(_achievement(_with(kind=d.Kind.LARGER)), "achievementType") == "Certificate"
    assert _in(achievement, "image") == {
        "id": "https://north.example/badge.png",
        "type": "Image",
        "caption": "A white cross",
    }
    assert _in(achievement, "related") == [{"id": "https://north.example/paramedic", "type": ["Related"]}]


def test_a_competency_of_a_framework_without_codes_names_the_framework() -> None:
    place = d.Alignment(framework="ESCO", code=None, url="https://esco.example/skill/1")
    source = _with(competencies=(d.Competency(statement="Dresses a wound", alignment=place),))
    assert _in(_achievement(source), "alignment") == [
        {
            "type": ["Alignment"],
            "targetName": "Dresses a wound",
            "targetUrl": "https://esco.example/skill/1",
            "targetFramework": "ESCO",
        }
    ]


def test_what_is_absent_leaves_no_trace() -> None:
    document = build(least())
    assert {"validUntil", "evidence"}.isdisjoint(document)
    assert list(_in(document, "credentialSubject") or ()) == ["type", "identifier", "achievement"]  # type: ignore[arg-type]
    assert {"image", "creditsAvailable", "related"}.isdisjoint(_achievement(least()) or ())  # type: ignore[arg-type]
    assert len(_in(_achievement(least()), "resultDescription") or ()) == 1  # type: ignore[arg-type]


def test_a_score_without_a_scale_is_described() -> None:
    bare = d.Grading(results=("Pass",), score_from=None, score_to=None, pass_mark=None)
    scored = _in(_achievement(_with(grading=bare)), "resultDescription", 1)
    assert _in(scored, "resultType") == "RawScore"


@pytest.mark.parametrize(
    ("value", "number"), [("0", 0), ("3", 3), ("3.0", 3), ("0.5", 0.5), ("1.25", 1.25), ("100", 100), ("9.95", None)]
)
def test_credit_is_a_number_where_all_canonicalisers_write_it_alike(value: str, number: float | None) -> None:
    source = _with(credit=d.Credit(value=value, authority="U", programme=None))
    subject = _in(build(source), "credentialSubject")
    assert isinstance(subject, dict)
    assert subject.get("creditsEarned") == number
    assert ("creditsEarned" in subject) == ("creditsAvailable" in (_achievement(source) or ())) == (number is not None)  # type: ignore[operator]
    assert f"Academic credit: {value}, U" in _narrative(source)
    assert canonical_nquads(build(source)) == by_the_oracle(build(source))


@pytest.mark.parametrize(
    ("made", "until", "expected"),
    [
        (datetime(2026, 11, 1, 9, tzinfo=UTC), None, "2026-11-02T00:00:00Z"),
        (datetime(2026, 11, 2, 0, 0, 0, 1_000, tzinfo=UTC), None, "2026-11-02T00:00:00.001Z"),
        (datetime(2026, 11, 5, 9, tzinfo=UTC), date(2026, 11, 5), "2026-11-05T09:00:00.000Z"),
        (datetime(2026, 11, 5, 23, 59, 59, 500_000, tzinfo=UTC), date(2026, 11, 5), "2026-11-05T23:59:59Z"),
        (datetime(2026, 12, 5, 9, tzinfo=UTC), date(2026, 11, 5), "2026-11-05T23:59:59Z"),
    ],
)
def test_a_later_version_counts_from_when_it_was_made_but_never_after_its_end(
    made: datetime, until: date | None, expected: str
) -> None:
    later = replace(SOURCE, made=made, first=False, award=replace(AWARD, valid_until=until))
    assert valid_from(later) == expected
    assert valid_from(replace(later, first=True)) == "2026-11-02T00:00:00Z"


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("https://x.example/a?b=c%20d#e", "https://x.example/a?b=c%20d#e"),
        ("https://x.example/%zz%4", "https://x.example/%25zz%254"),
        ('https://x.example/a|b{c}"d"<e>\\^`[]', "https://x.example/a%7Cb%7Bc%7D%22d%22%3Ce%3E%5C%5E%60%5B%5D"),
        ("https://x.example/#one#two", "https://x.example/#one%23two"),
    ],
)
def test_an_address_is_spelled_so_that_every_reader_takes_it_for_one(written: str, spelled: str) -> None:
    assert address(written) == spelled
    assert address(spelled) == spelled


def test_pathways_are_named_once() -> None:
    pathways = ("https://x.example/|", "https://x.example/|", "https://x.example/%7C", "Law", "Law")
    source = _with(pathways=pathways)
    assert _in(_achievement(source), "related") == [{"id": "https://x.example/%7C", "type": ["Related"]}]
    assert _narrative(source).count("Law") == 1


def test_changing_a_document_changes_no_other() -> None:
    before = orjson.dumps(build(SOURCE))
    _in(build(SOURCE), "credentialSubject", "achievement", "alignment").clear()  # type: ignore[union-attr]
    assert orjson.dumps(build(SOURCE)) == before
