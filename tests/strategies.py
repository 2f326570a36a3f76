"""Hypothesis strategies for the values of the ledger: events of every type, what is recorded of them, private parts.

Keys come from `SIGNERS`, a few pairs with known seeds, so that what is drawn can also be signed.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from ledger.domain import codes, definition, stacking_rule, text
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal, Component
from ledger.domain.types import Did, Digest, LearnerId, ListId, Origin, Position, Seq, Slot, Slug
from ledger.domain.values import Custody, Mode, Part, Reason, Role, Route, issuer_did
from ledger.record.private_parts import Facts
from ledger.signing.signer import Ed25519Signer

SIGNERS = tuple(Ed25519Signer(bytes([number]) * 32) for number in range(1, 9))
SIGNER_OF = {signer.kid: signer for signer in SIGNERS}
ORIGIN = Origin("localhost:8000/log")
OPERATOR = Did("did:web:localhost%3A8000")
LAST_MILLISECOND = 2**48 - 1

# -------------------------------------------------------------------------------------------------------- plain values

kids = st.sampled_from([signer.kid for signer in SIGNERS])
digests = st.binary(min_size=32, max_size=32).map(Digest)
days = st.dates(min_value=date(1900, 1, 1))
optional_days = st.none() | days
slugs = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).map(Slug)
operators = st.sampled_from(["did:web:localhost%3A8000", "did:web:ledger.example", "did:web:localhost"]).map(Did)
issuer_dids = st.builds(issuer_did, operators, slugs)
dids = operators | issuer_dids
origins = st.from_regex(r"[!-*,-~]{1,200}", fullmatch=True).map(Origin)
times = st.builds(
    lambda day, milliseconds: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(milliseconds=milliseconds),
    days,
    st.integers(0, 86_399_999),
)
milliseconds = st.integers(0, LAST_MILLISECOND)
streams = st.builds(codes.stream_id, milliseconds, st.binary(min_size=10, max_size=10))
link_codes = st.builds(codes.new_link_code, milliseconds, st.binary(min_size=16, max_size=16))
short_codes = st.binary(min_size=8, max_size=8).map(codes.new_short_code).filter(bool).map(str)
positions = st.integers(1, 2**53 - 1).map(Position)
seqs = st.integers(0, 2**53 - 1).map(Seq)
list_ids = st.binary(min_size=16, max_size=16).map(ListId)
slots = st.integers(0, 131_071).map(Slot)
proofs = st.binary(min_size=64, max_size=64)
unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
clean_text = (
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30)
    .map(text.clean)
    .filter(lambda words: bool(words) and text.fault(words, 40) is None)
)
optional_text = st.none() | clean_text

# -------------------------------------------------------------------------------------------------------------- events

_next_versions = st.integers(2, 2**53 - 1)
EVENTS: dict[str, st.SearchStrategy[ev.Event]] = {
    "log.started/1": st.builds(ev.LogStarted, origin=origins, event_key=kids, checkpoint_key=kids),
    "log.key_added/1": st.builds(ev.LogKeyAdded, key=kids, proof=proofs),
    "log.key_retired/1": st.builds(ev.LogKeyRetired, key=kids),
    "status.committed/1": st.builds(
        ev.StatusCommitted,
        size=st.integers(1, 2**53 - 1),
        lists=st.integers(0, 2**53 - 1),
        status=digests,
        authority=digests,
    ),
    "issuer.registered/1": st.builds(ev.IssuerRegistered, root=kids, custody=st.sampled_from(Custody), profile=digests),
    "issuer.key_added/1": st.builds(
        ev.IssuerKeyAdded, key=kids, role=st.sampled_from(Role), proof=proofs, recovery=st.booleans()
    ),
    "issuer.key_retired/1": st.builds(ev.IssuerKeyRetired, key=kids, recovery=st.booleans()),
    "issuer.key_compromised/1": st.builds(
        ev.IssuerKeyCompromised, key=kids, from_position=positions, recovery=st.booleans()
    ),
    "issuer.recognised/1": st.builds(
        ev.IssuerRecognised, issuer=issuer_dids, scheme=slugs, since=days, until=optional_days
    ),
    "issuer.recognition_ended/1": st.builds(ev.IssuerRecognitionEnded, issuer=issuer_dids, scheme=slugs, until=days),
    "issuer.profile_changed/1": st.builds(ev.IssuerProfileChanged, digest=digests, version=_next_versions),
    "achievement.defined/1": st.builds(ev.AchievementDefined, digest=digests, version=st.just(1)),
    "achievement.revised/1": st.builds(ev.AchievementRevised, digest=digests, version=_next_versions),
    "achievement.retired/1": st.builds(ev.AchievementRetired, digest=digests, version=st.integers(1, 2**53 - 1)),
    "pathway.defined/1": st.builds(ev.PathwayDefined, digest=digests, version=st.just(1)),
    "pathway.revised/1": st.builds(ev.PathwayRevised, digest=digests, version=_next_versions),
    "pathway.retired/1": st.builds(ev.PathwayRetired, digest=digests, version=st.integers(1, 2**53 - 1)),
    "credential.issued/1": st.builds(ev.CredentialIssued, link=digests, list=list_ids, slot=slots),
    "credential.stacked/1": st.builds(ev.CredentialStacked, link=digests, list=list_ids, slot=slots),
    "credential.amended/1": st.builds(ev.CredentialAmended, list=list_ids, slot=slots),
    "credential.suspended/1": st.builds(ev.CredentialSuspended),
    "credential.reinstated/1": st.builds(ev.CredentialReinstated),
    "credential.revoked/1": st.builds(ev.CredentialRevoked),
}
events = st.one_of(*EVENTS.values())


@st.composite
def recorded(draw: st.DrawFn, of: st.SearchStrategy[ev.Event] = events) -> ev.Recorded:
    """A recorded event that can be sealed: with the parts of its type and a key of `SIGNERS`."""
    event = draw(of)
    commit: dict[Part, Digest] = {part: draw(digests) for part in ev.PARTS.get(type(event), ())}
    return ev.Recorded(
        event=event,
        stream=draw(streams),
        seq=draw(seqs),
        position=draw(positions),
        at=draw(times),
        by=draw(dids),
        kid=draw(kids),
        commit=commit,
    )


# ------------------------------------------------------------------------------------------------------- private parts

learners = st.uuids(version=4).map(LearnerId)
components = st.builds(Component, origin=origins, stream=streams, seq=seqs, entry=digests)
awards = st.builds(
    Award,
    achievement=st.builds(AchievementRef, stream=streams, version=st.integers(1, 2**53 - 1), digest=digests),
    name=unicode_text,
    language=st.sampled_from(["en", "fr-CA", "zh-Hant"]),
    awarded_on=days,
    valid_from=optional_days,
    valid_until=optional_days,
    result=st.none() | unicode_text,
    score=st.none() | st.sampled_from(["0", "83", "0.5"]),
    route=st.none() | st.sampled_from(Route),
    assessor=st.none() | unicode_text,
    evidence=st.none() | st.just("https://college.example/evidence/7"),
    components=st.lists(components, max_size=3).map(tuple),
)
acts = st.builds(
    Act,
    reason=st.none() | st.sampled_from(Reason),
    mode=st.none() | st.sampled_from(Mode),
    effective=days,
    text=st.none() | unicode_text,
)
facts = (
    st.builds(Facts, award=awards, act=acts)
    | st.builds(Facts, award=awards, act=st.none())
    | st.builds(Facts, award=st.none(), act=acts)
)
award_internals = st.builds(
    AwardInternal,
    actor=unicode_text,
    learner=learners,
    student_number=unicode_text,
    email=st.none() | unicode_text,
    code=link_codes,
    short_code=short_codes,
    notes=st.none() | unicode_text,
)
act_internals = st.builds(ActInternal, actor=unicode_text, notes=st.none() | unicode_text)
internals = award_internals | act_internals

# --------------------------------------------------------------------------------------------- definitions and profiles

languages = st.sampled_from(["en", "fr", "fr-CA", "zh-Hant", "es-419"])
urls = st.sampled_from(["https://college.example/a?b=c#d", "http://localhost:8000", "https://xn--e1afmkfd.example/"])
emails = st.sampled_from(["registry@college.example", "prüfung@college.example", "a.b+c@x.co"])
amounts = st.sampled_from(["0", "0.5", "12", "83.25", "999999999.9999"])
_several_texts = st.lists(clean_text, max_size=3).map(tuple)


@st.composite
def _gradings(draw: st.DrawFn) -> definition.Grading:
    low, mark, high = sorted(draw(st.tuples(*[st.integers(0, 100)] * 3)))
    score_from, pass_mark, score_to = (draw(st.none() | st.just(str(value))) for value in (low, mark, high))
    results = draw(st.lists(clean_text, min_size=1, max_size=3).map(tuple))
    return definition.Grading(results=results, score_from=score_from, score_to=score_to, pass_mark=pass_mark)


@st.composite
def _schedules(draw: st.DrawFn) -> definition.Schedule:
    begins, ends = sorted((draw(days), draw(days)))
    return definition.Schedule(begins=begins.isoformat(), ends=ends.isoformat())


_alignments = st.builds(definition.Alignment, framework=clean_text, code=optional_text, url=st.none() | urls)
_competencies = st.builds(definition.Competency, statement=clean_text, alignment=st.none() | _alignments)
_outcomes = st.builds(definition.Outcome, id=clean_text, statement=clean_text)


_rule_parts = st.lists(slugs, min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def rules(draw: st.DrawFn, parts: st.SearchStrategy[tuple[Slug, ...]] = _rule_parts) -> stacking_rule.StackingRule:
    """A rule of a pathway."""
    named = draw(parts)
    if draw(st.booleans()):
        return stacking_rule.StackingRule(all_of=named, n_of=None)
    count = stacking_rule.CountRule(n=draw(st.integers(1, len(named))), of=named)
    return stacking_rule.StackingRule(all_of=None, n_of=count)


@st.composite
def definitions(draw: st.DrawFn) -> definition.AchievementDefinition:
    """A definition that `read_definition` accepts and gives back as it is."""
    outcomes = tuple(draw(st.lists(_outcomes, max_size=3, unique_by=lambda outcome: outcome.id)))
    measured = st.lists(st.sampled_from([outcome.id for outcome in outcomes]), max_size=2) if outcomes else st.just([])
    assessments = st.builds(
        definition.Assessment,
        type=st.sampled_from(definition.AssessmentType),
        description=optional_text,
        outcomes=measured.map(tuple),
        supervised=st.booleans(),
        identity_checked=st.booleans(),
        practice_offered=st.booleans(),
    )
    whole = st.builds(
        definition.AchievementDefinition,
        slug=slugs,
        name=clean_text,
        language=languages,
        description=clean_text,
        kind=st.sampled_from(definition.Kind),
        level=optional_text,
        competencies=st.lists(_competencies, min_size=1, max_size=3).map(tuple),
        outcomes=st.just(outcomes),
        assessments=st.lists(assessments, min_size=1, max_size=3).map(tuple),
        grading=_gradings(),
        minutes=st.none() | st.integers(1, 6_000_000),
        delivery=st.none() | st.sampled_from(definition.Delivery),
        pace=st.none() | st.sampled_from(definition.Pace),
        schedule=st.none() | _schedules(),
        credit=st.none() | st.builds(definition.Credit, value=amounts, authority=clean_text, programme=optional_text),
        routes=st.lists(st.sampled_from(Route), min_size=1, unique=True).map(tuple),
        partner=st.none() | st.builds(definition.Partner, name=clean_text, role=clean_text),
        pathways=_several_texts,
        quality=optional_text,
        image=st.none() | st.builds(definition.Image, url=urls, alt=clean_text),
    )
    defined = draw(whole)
    rule = draw(st.none() | rules().filter(lambda rule: defined.slug not in rule.parts))
    if rule is None:
        return defined
    return replace(defined, rule=rule, on_component_loss=draw(st.sampled_from(stacking_rule.OnLoss)))


profiles = st.builds(
    definition.Profile,
    name=clean_text,
    language=languages,
    url=st.none() | urls,
    email=st.none() | emails,
    description=optional_text,
    recognising_body=st.booleans(),
)

# ---------------------------------------------------------------------------------------------------------------- JSON

keys = st.text(st.characters(max_codepoint=0x7F), max_size=12)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | integers | unicode_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)
