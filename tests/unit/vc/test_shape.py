"""A compiled shape gives the canonical N-Quads of the general way, or nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.domain.types import StreamId
from ledger.vc import shape
from ledger.vc.achievement_credential import Source, build
from ledger.vc.rdf import UndefinedTerm, canonical_nquads
from ledger.vc.reading import DocumentError, Json
from ledger.vc.shape import badge_nquads, shaped_nquads
from tests import strategies as s
from tests.unit.vc.making import AWARD, DEFINITION, SOURCE, awards, from_anywhere, least, sources

_SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@_SLOW
@given(source=sources)
@example(source=SOURCE)
@example(source=least())
@example(source=from_anywhere())
def test_a_shape_gives_what_the_general_way_gives_or_nothing(source: Source) -> None:
    document = build(source)
    general = canonical_nquads(document)
    assert shaped_nquads(document) in (general, None)
    assert badge_nquads(document) == general


@_SLOW
@given(award=awards, name=s.unicode_text.filter(bool), slot=s.slots)
def test_every_award_of_one_achievement_fits_its_shape(award: object, name: str, slot: int) -> None:
    changed = replace(award, achievement=AWARD.achievement, name=name)  # type: ignore[type-var]
    document = build(replace(SOURCE, award=changed, slot=slot))  # type: ignore[arg-type]
    assert shaped_nquads(document) == canonical_nquads(document)


@pytest.mark.parametrize("source", [SOURCE, least(), from_anywhere()])
def test_usual_badges_have_a_shape(source: Source) -> None:
    assert shaped_nquads(build(source)) is not None


def test_badges_that_differ_only_in_the_award_share_a_shape() -> None:
    shaped_nquads(build(SOURCE))
    before = shape._compiled.cache_info().misses
    assert shaped_nquads(build(replace(SOURCE, award=replace(AWARD, name="Bo", score="99")))) is not None
    assert shape._compiled.cache_info().misses == before


def _twice_the_same_competency() -> Source:
    competencies = DEFINITION.competencies + DEFINITION.competencies[1:]
    return replace(SOURCE, definition=replace(DEFINITION, competencies=competencies))


def _two_names(value: dict[str, Json]) -> None:
    subject = value["credentialSubject"]
    assert isinstance(subject, dict)
    assert isinstance(subject["identifier"], list)
    subject["identifier"] *= 2


def _one_evidence_twice(value: dict[str, Json]) -> None:
    value["evidence"] = [{"id": "https://x.example/", "type": ["Evidence"]}] * 2


def _change(source: Source, **changed: Json) -> dict[str, Json]:
    return build(source) | changed


@pytest.mark.parametrize(
    "document",
    [
        # Blank nodes with the same first-degree hash, which only the general way tells apart.
        build(_twice_the_same_competency()),
        # The award and the achievement are one node: statements of the same name collapse.
        build(replace(SOURCE, stream=StreamId(AWARD.achievement.stream))),
        # An address that readers may spell in another way.
        build(replace(SOURCE, award=replace(AWARD, evidence="https://x.example/a/../b"))),
        build(replace(SOURCE, award=replace(AWARD, evidence="https://x.example/a/."))),
        # Somebody's words look like a mark.
        build(replace(SOURCE, definition=replace(DEFINITION, name="urn:uuid:x-slot-0-"))),
        build(replace(SOURCE, definition=replace(DEFINITION, name="urn:uuid:x-slot-"))),
        build(replace(SOURCE, definition=replace(DEFINITION, name="urn:uuid:x-slot-99-"))),
    ],
)
def test_a_badge_that_fits_no_shape_goes_the_general_way(document: dict[str, Json]) -> None:
    assert shaped_nquads(document) is None
    assert badge_nquads(document) == canonical_nquads(document)


@pytest.mark.parametrize("change", [_two_names, _one_evidence_twice])
def test_what_stands_twice_is_canonicalised_as_the_general_way_does(change: Callable[[dict[str, Json]], None]) -> None:
    document = build(SOURCE)
    change(document)
    assert shaped_nquads(document) in (canonical_nquads(document), None)
    assert badge_nquads(document) == canonical_nquads(document)


_PLACES = ("id", "validFrom", "validUntil", "evidence", "credentialSubject", "credentialStatus", "issuer", "more")


@_SLOW
@given(name=st.sampled_from(_PLACES), value=s.json_values)
@example(name="credentialSubject", value="https://x.example/")
@example(name="evidence", value=["https://x.example/", {"id": "https://x.example/2", "type": ["Evidence"]}])
@example(name="credentialStatus", value="https://x.example/")
@example(name="id", value="\ud800")
@example(name="evidence", value=[{"id": "name", "type": ["Evidence"]}])
@example(name="proof", value={"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"})
def test_any_other_document_is_taken_as_the_general_way_takes_it(name: str, value: Json) -> None:
    document = _change(SOURCE, **{name: value})
    try:
        general = canonical_nquads(document)
    except DocumentError as error:
        with pytest.raises(type(error)):
            badge_nquads(document)
    else:
        assert badge_nquads(document) == general


def test_a_term_that_no_context_defines_is_refused() -> None:
    with pytest.raises(UndefinedTerm):
        badge_nquads(_change(SOURCE, hours="8"))
