"""Sources of award documents as the ledger has them, and the canonicaliser that ours is held against."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast
from uuid import UUID

from hypothesis import strategies as st
from pyld import jsonld  # type: ignore[import-untyped]

from ledger.domain import definition as d
from ledger.domain.award import AchievementRef, Award
from ledger.domain.types import Did, Digest, ListId, Slot, Slug, StreamId
from ledger.domain.values import Route
from ledger.vc.achievement_credential import Source
from ledger.vc.contexts import context
from ledger.vc.reading import Document
from tests import strategies as s

ISSUER = Did("did:web:localhost%3A8000:issuers:north")
CREATED = datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=UTC)

PROFILE = d.Profile(
    name="North College",
    language="en",
    url="https://north.example/",
    email="registry@north.example",
    description="A public college.\nSince 1967.",
    recognising_body=False,
)
DEFINITION = d.AchievementDefinition(
    slug=Slug("first-aid"),
    name="First aid at work",
    language="en",
    description="Helps in the first minutes.",
    kind=d.Kind.MICRO,
    level="EQF 3",
    competencies=(
        d.Competency(statement="Stops a bleeding", alignment=None),
        d.Competency(
            statement="Resuscitates an adult",
            alignment=d.Alignment(framework="ESCO", code="S1.2", url="https://esco.example/skill/1"),
        ),
    ),
    outcomes=(
        d.Outcome(id="O1", statement="Names five signs of shock"),
        d.Outcome(id="O2", statement="Resuscitates a manikin"),
    ),
    assessments=(
        d.Assessment(
            type=d.AssessmentType.OBSERVED_DEMONSTRATION,
            description="Two scenarios",
            outcomes=("O1", "O2"),
            supervised=True,
            identity_checked=True,
            practice_offered=True,
        ),
        d.Assessment(
            type=d.AssessmentType.EXAMINATION,
            description=None,
            outcomes=(),
            supervised=False,
            identity_checked=False,
            practice_offered=False,
        ),
        d.Assessment(
            type=None,
            description="A talk",
            outcomes=(),
            supervised=False,
            identity_checked=False,
            practice_offered=False,
        ),
    ),
    grading=d.Grading(results=("Pass", "Distinction"), score_from="0", score_to="100", pass_mark="60"),
    minutes=480,
    delivery=d.Delivery.HYBRID,
    pace=d.Pace.SCHEDULED,
    schedule=d.Schedule(begins="2026-09-01", ends="2026-10-31"),
    credit=d.Credit(value="1.25", authority="North University", programme="Nursing"),
    routes=(Route.COURSE, Route.PRIOR_LEARNING),
    partner=d.Partner(name="Red Cross", role="Assesses"),
    pathways=("https://north.example/paramedic", "Paramedic diploma"),
    quality="QA-2026-17",
    image=d.Image(url="https://north.example/badge.png", alt="A white cross"),
)
AWARD = Award(
    achievement=AchievementRef(
        stream=StreamId(UUID("01934e2a-7c00-8000-8000-00000000000a")), version=3, digest=Digest(b"\x07" * 32)
    ),
    name="Ana Lí",
    language="en",
    awarded_on=date(2026, 11, 1),
    valid_from=date(2026, 11, 2),
    valid_until=date(2028, 11, 1),
    result="Pass",
    score="83.5",
    route=Route.COURSE,
    assessor="Dr. B. Osei",
    evidence="https://north.example/evidence/7",
)
SOURCE = Source(
    stream=StreamId(UUID("01934e2a-7c00-8000-8000-000000000001")),
    issuer=ISSUER,
    profile=PROFILE,
    definition=DEFINITION,
    award=AWARD,
    base_url="http://localhost:8000",
    slug=Slug("north"),
    list=ListId(bytes(range(16))),
    slot=Slot(77),
    made=CREATED,
    first=True,
)


def least() -> Source:
    """A source with nothing that need not be there."""
    definition = replace(
        DEFINITION,
        level=None,
        competencies=DEFINITION.competencies[:1],
        outcomes=(),
        assessments=DEFINITION.assessments[1:2],
        grading=d.Grading(results=("Pass",), score_from=None, score_to=None, pass_mark=None),
        minutes=None,
        delivery=None,
        pace=None,
        schedule=None,
        credit=None,
        partner=None,
        pathways=(),
        quality=None,
        image=None,
    )
    award = replace(
        AWARD, valid_from=None, valid_until=None, result=None, score=None, route=None, assessor=None, evidence=None
    )
    profile = replace(PROFILE, url=None, email=None, description=None)
    return replace(SOURCE, definition=definition, award=award, profile=profile)


def from_anywhere() -> Source:
    """A source whose words are of many scripts, and whose addresses have what no address may have."""
    words = 'محمد بن علي "Zoë" 👩🏽‍🔬 Nguyễn e\u0301 {0} \\ 你好'
    competencies = tuple(
        d.Competency(statement=f"{words} {n}", alignment=d.Alignment(framework=words, code=str(n), url=None))
        for n in range(30)
    )
    definition = replace(DEFINITION, name=words, description=f"{words}\n{words}", competencies=competencies)
    award = replace(AWARD, name=words, assessor=words, evidence='https://x.example/a|b{c}"d"/%zz/#one#two')
    return replace(SOURCE, definition=definition, award=award, profile=replace(PROFILE, name=words))


awards = st.builds(
    Award,
    achievement=st.builds(AchievementRef, stream=s.streams, version=st.integers(1, 2**53 - 1), digest=s.digests),
    name=s.clean_text,
    language=s.languages,
    awarded_on=s.days,
    valid_from=s.optional_days,
    valid_until=s.optional_days,
    result=s.optional_text,
    score=st.none() | s.amounts,
    route=st.none() | st.sampled_from(Route),
    assessor=s.optional_text,
    evidence=st.none() | s.urls,
)
made = st.builds(
    lambda day, milliseconds: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(milliseconds=milliseconds),
    s.days,
    st.integers(0, 86_399_999),
)
sources = st.builds(
    Source,
    stream=s.streams,
    issuer=s.issuer_dids,
    profile=s.profiles,
    definition=s.definitions(),
    award=awards,
    base_url=st.sampled_from(["http://localhost:8000", "https://ledger.example"]),
    slug=s.slugs,
    list=s.list_ids,
    slot=s.slots,
    made=made,
    first=st.booleans(),
)


def by_the_oracle(document: Document) -> bytes:
    """The canonical N-Quads of `document` by PyLD, with the bundled contexts. Its algorithm is the same; it writes
    control characters as they are, which no clean text has.
    """
    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": _load}
    return cast("str", jsonld.normalize(dict(document), options)).encode()


def _load(url: str, _options: object = None) -> Mapping[str, object]:
    document = json.loads(context(url))
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": document}
