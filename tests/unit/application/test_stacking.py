"""A pathway is awarded to whoever holds its parts, and to nobody else."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import pytest

from ledger.application.awards import AwardRecord
from ledger.application.ports import AlreadyStacked, Appended, Caller, IdempotencyMismatch, NameTaken
from ledger.application.stacking import StackRequest
from ledger.domain.achievement import AchievementIsRetired, AchievementNotDefined
from ledger.domain.award import Award
from ledger.domain.codes import format_link_code
from ledger.domain.events import CredentialStacked
from ledger.domain.reading import Refused
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Kid, LearnerId, StreamId
from ledger.domain.values import Reason, Role, slug
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, ROW, Office, run

PARTS = ("cleaning", "dressing", "documenting")
PATHWAY: dict[str, object] = {
    "slug": "wound-specialist",
    "name": "Wound care specialist",
    "description": "Cares for wounds on their own.",
    "competencies": [{"statement": "Plans the care of a wound"}],
    "rule": {"all_of": list(PARTS)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """The office with three achievements, their pathway, and one learner who holds them all."""

    office: Office
    pathway: StreamId
    parts: tuple[StreamId, ...]

    @property
    def learner(self) -> LearnerId:
        """Who holds the parts."""
        return self.record(self.parts[0]).issued.learner

    def record(self, stream: StreamId) -> AwardRecord:
        """An award with everything."""
        return self.office.ledger.awards.read(OPERATOR, stream)

    def award_of(self, stream: StreamId) -> Award:
        """What an award says now."""
        record = self.record(stream)
        return record.version(record.credential.current.seq)[0]

    def stack(
        self,
        *parts: StreamId,
        details: Mapping[str, str] | None = None,
        key: str | None = None,
        caller: Caller | None = None,
        pathway: str = "wound-specialist",
        learner: LearnerId | None = None,
    ) -> Appended:
        """Ask for the award of the pathway; of all three parts by default."""
        request = StackRequest(
            learner=learner or self.learner,
            pathway=pathway,
            components=parts or self.parts,
            details=details or {},
        )
        use_case = self.office.ledger.stacking
        return run(use_case.stack(caller or self.office.registrar, self.office.college, request, idempotency_key=key))

    def refusal(self, *parts: StreamId, **more: object) -> list[tuple[str, str]]:
        """Column and code of everything that stands in the way; nothing is recorded."""
        before = self.office.size()
        with pytest.raises(Refused) as refused:
            self.stack(*parts, **more)  # type: ignore[arg-type]
        assert self.office.size() == before
        return [(problem.column, problem.code) for problem in refused.value.problems]


@pytest.fixture
def ward(office: Office) -> Ward:
    """The ward."""
    return run(_ward(office))


async def _ward(office: Office) -> Ward:
    for name in PARTS:
        await office.ledger.achievements.define(office.college, {**DEFINITION, "slug": name, "name": name.title()})
    pathway = await office.ledger.pathways.define(office.college, PATHWAY)
    parts = [await office.issue(achievement=name, awarded_on=f"2026-05-0{day}") for day, name in enumerate(PARTS, 1)]
    return Ward(office=office, pathway=pathway.stream, parts=tuple(part.stream for part in parts))


def test_a_stack_pins_each_part_as_it_stood_and_the_audit_agrees(ward: Ward) -> None:
    run(ward.office.ledger.changing.amend(OPERATOR, ward.parts[1], {"result": "Pass with distinction"}, Reason.OTHER))
    stacked = ward.stack()
    record = ward.record(stacked.stream)
    award, internal = record.version(stacked.revision)
    assert isinstance(record.acts[0].recorded.event, CredentialStacked)
    assert award.achievement.stream == ward.pathway
    assert [(each.stream, each.seq) for each in award.components] == list(zip(ward.parts, (0, 1, 0), strict=True))
    with ward.office.ledger.store.snapshot() as snapshot:
        last = [snapshot.stream(part)[-1].raw for part in ward.parts]
        origin = ward.office.ledger.operator.origin
    assert [each.entry for each in award.components] == [sha256(entry).digest() for entry in last]
    assert {each.origin for each in award.components} == {origin}
    assert (internal.learner, internal.student_number, award.name) == (
        ward.learner,
        ROW["student_number"],
        ROW["full_name"],
    )
    assert award.awarded_on.isoformat() == "2026-11-21"
    ward.office.assert_sound()


def test_what_the_registrar_says_of_the_award_is_recorded_as_for_any_award(ward: Ward) -> None:
    details = {"awarded_on": "2026-06-01", "valid_until": "2030-01-01", "assessor": "Registrar", "language": "fr"}
    stacked = ward.stack(details=details)
    award, _ = ward.record(stacked.stream).version(stacked.revision)
    assert award.awarded_on.isoformat() == "2026-06-01"
    assert (str(award.valid_until), award.assessor, award.language) == ("2030-01-01", "Registrar", "fr")


def test_one_award_for_each_learner_version_and_set_of_components(ward: Ward) -> None:
    first = ward.stack()
    with pytest.raises(AlreadyStacked):
        ward.stack(*reversed(ward.parts))
    run(ward.office.ledger.changing.revoke(OPERATOR, first.stream, Reason.OTHER))
    with pytest.raises(AlreadyStacked):
        ward.stack()
    again = run(ward.office.issue(achievement=PARTS[0], awarded_on="2026-05-09"))
    other_set = ward.stack(again.stream, *ward.parts[1:])
    run(ward.office.ledger.pathways.revise(ward.office.college, ward.pathway, {**PATHWAY, "name": "Specialist"}))
    other_version = ward.stack()
    assert len({first.stream, other_set.stream, other_version.stream}) == 3
    ward.office.assert_sound()


def test_the_same_request_with_the_same_key_is_answered_the_same(ward: Ward) -> None:
    first = ward.stack(key="once")
    again = ward.stack(key="once")
    assert (again.stream, again.replayed) == (first.stream, True)
    with pytest.raises(IdempotencyMismatch):
        ward.stack(key="once", details={"assessor": "another"})


# ---------------------------------------------------------------------------------------------------- refused


def test_a_component_of_another_learner_is_refused(ward: Ward) -> None:
    other = run(ward.office.issue(achievement=PARTS[0], student_number="S2", full_name="Bob"))
    assert ward.refusal(other.stream, *ward.parts[1:]) == [("components.0", "another_learner")]
    assert {code for _, code in ward.refusal(learner=ward.record(other.stream).issued.learner)} == {"another_learner"}


@pytest.mark.parametrize("act", ["revoke", "suspend"])
def test_a_component_that_was_revoked_or_suspended_is_refused(ward: Ward, act: str) -> None:
    run(getattr(ward.office.ledger.changing, act)(OPERATOR, ward.parts[2], Reason.OTHER))
    assert ward.refusal() == [("components.2", "not_in_force")]


def test_a_component_outside_its_dates_is_refused(ward: Ward) -> None:
    over = run(ward.office.issue(achievement=PARTS[0], valid_until="2026-11-20"))
    early = run(ward.office.issue(achievement=PARTS[1], valid_from="2026-11-22"))
    assert ward.refusal(over.stream, early.stream, ward.parts[2]) == [
        ("components.0", "not_in_force"),
        ("components.1", "not_in_force"),
    ]


def test_the_same_component_twice_is_refused(ward: Ward) -> None:
    assert ward.refusal(ward.parts[0], *ward.parts) == [("components.0", "repeated"), ("components.1", "repeated")]


def test_a_missing_part_and_one_that_does_not_count_are_refused(ward: Ward) -> None:
    assert ward.refusal(*ward.parts[:2]) == [("components", "rule_not_satisfied")]
    other = run(ward.office.issue())
    assert ward.refusal(*ward.parts, other.stream) == [("components.3", "not_a_part")]


def test_an_award_that_does_not_exist_or_is_no_award_is_refused(ward: Ward) -> None:
    assert ward.refusal(*ward.parts[1:], ward.pathway) == [("components.2", "unknown_award")]


def test_an_award_of_another_issuer_is_refused(ward: Ward) -> None:
    ledger = ward.office.ledger
    guild = run(ledger.issuers.register(OPERATOR, slug("guild"), {"name": "Guild"})).stream
    run(ledger.achievements.define(guild, {**DEFINITION, "slug": PARTS[0]}))
    row = {**ROW, "achievement": PARTS[0]}
    foreign = run(ledger.issuing.issue(OPERATOR, guild, row)).stream
    assert ward.refusal(foreign, *ward.parts[1:]) == [("components.0", "unknown_award")]
    assert ward.refusal(foreign, *ward.parts[1:], caller=OPERATOR) == [("components.0", "another_issuer")]


def test_a_stack_inside_a_stack_is_refused(ward: Ward) -> None:
    stacked = ward.stack()
    assert ward.refusal(*ward.parts, stacked.stream) == [("components.3", "is_a_stack")]


def test_only_a_pathway_that_is_on_offer_is_stacked(ward: Ward) -> None:
    assert ward.refusal(pathway="nothing") == [("pathway", "unknown_pathway")]
    assert ward.refusal(pathway=PARTS[0]) == [("pathway", "not_a_pathway")]
    run(ward.office.ledger.pathways.retire(ward.office.college, ward.pathway))
    with pytest.raises(AchievementIsRetired, match="wound-specialist"):
        ward.stack()


def test_an_award_dated_before_its_last_part_is_refused(ward: Ward) -> None:
    assert ward.refusal(details={"awarded_on": "2026-05-02"}) == [("awarded_on", "dates_reversed")]
    assert ("awarded_on", "in_the_future") in ward.refusal(details={"awarded_on": "2027-01-01"})


def test_a_pathway_is_not_issued_as_an_achievement_is(ward: Ward) -> None:
    with pytest.raises(Refused, match="testamur stack"):
        run(ward.office.issue(achievement="wound-specialist"))


def test_an_amended_stack_keeps_its_parts(ward: Ward) -> None:
    stacked = ward.stack()
    amended = run(ward.office.ledger.changing.amend(OPERATOR, stacked.stream, {"full_name": "Zoé O."}, Reason.OTHER))
    record = ward.record(stacked.stream)
    assert record.version(amended.revision)[0].components == record.version(stacked.revision)[0].components
    ward.office.assert_sound()


# ---------------------------------------------------------------------------------------------------- pathways


def _defining(office: Office, **changed: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        run(office.ledger.pathways.define(office.college, {**PATHWAY, "slug": "other", **changed}))
    return [(problem.column, problem.code) for problem in refused.value.problems]


def test_a_rule_names_achievements_that_exist(ward: Ward) -> None:
    unknown, itself, nested = ["cleaning", "unknown-part"], ["cleaning", "other"], ["wound-specialist"]
    assert _defining(ward.office, rule={"all_of": unknown}) == [("rule", "unknown_achievement")]
    assert _defining(ward.office, rule={"all_of": itself}) == [("rule", "itself")]
    assert _defining(ward.office, rule={"n_of": {"n": 1, "of": nested}}) == [("rule", "is_a_pathway")]
    assert _defining(ward.office, rule={"all_of": []}) == [("rule", "missing")]
    assert _defining(ward.office, rule=None) == [("assessments", "missing")]
    assert _defining(ward.office, rule=None, assessments=DEFINITION["assessments"]) == [("rule", "missing")]


def test_a_revision_of_a_pathway_is_checked_as_its_definition_is(ward: Ward) -> None:
    worse = {**PATHWAY, "rule": {"all_of": ["unknown-part"]}}
    with pytest.raises(Refused, match="unknown-part"):
        run(ward.office.ledger.pathways.revise(ward.office.college, ward.pathway, worse))


def test_achievements_and_pathways_are_not_taken_for_each_other(ward: Ward) -> None:
    office, ledger = ward.office, ward.office.ledger
    with pytest.raises(Refused, match="pathway define"):
        run(ledger.achievements.define(office.college, {**PATHWAY, "slug": "other"}))
    with pytest.raises(NameTaken):
        run(ledger.pathways.define(office.college, {**PATHWAY, "slug": "wound-care", "rule": {"all_of": ["dressing"]}}))
    for change in (ledger.achievements.retire, ledger.achievements.revise):
        with pytest.raises(AchievementNotDefined, match="no such achievement"):
            run(change(office.college, ward.pathway, *([DEFINITION] if change == ledger.achievements.revise else [])))
    with pytest.raises(AchievementNotDefined, match="no such pathway"):
        run(ledger.pathways.retire(office.college, office.achievement))


def test_a_component_revoked_between_deciding_and_recording_stops_the_stack(ward: Ward) -> None:
    """The append transaction finds the component's stream moved on; decided again, the award is refused."""
    ledger = ward.office.ledger
    append, calls = ledger.desk.appender.append, []

    async def overtaken(proposals: object, **how: object) -> object:
        calls.append(proposals)
        if len(calls) == 1:
            await ledger.changing.revoke(OPERATOR, ward.parts[0], Reason.OTHER)
        return await append(proposals, **how)  # type: ignore[arg-type]

    ledger.desk.appender.append = overtaken  # type: ignore[method-assign, assignment]
    assert ward_refusal_codes(ward) == [("components.0", "not_in_force")]
    assert len(calls) == 2
    ward.office.assert_sound()


def ward_refusal_codes(ward: Ward) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        ward.stack()
    return [(problem.column, problem.code) for problem in refused.value.problems]


def test_two_at_once_make_one_award(ward: Ward) -> None:
    request = StackRequest(learner=ward.learner, pathway="wound-specialist", components=ward.parts)

    async def both() -> list[Appended | BaseException]:
        ask = ward.office.ledger.stacking.stack
        college = ward.office.college
        return await asyncio.gather(*(ask(OPERATOR, college, request) for _ in range(8)), return_exceptions=True)

    outcomes = run(both())
    assert sum(isinstance(each, Appended) for each in outcomes) == 1
    assert sum(isinstance(each, AlreadyStacked) for each in outcomes) == 7


def test_a_scan_of_a_stack_judges_each_part_as_it_stands_now(ward: Ward) -> None:
    stacked = ward.stack()
    scanning, receipt = ward.office.ledger.scanning(), ward.office.ledger.awards.receipt(OPERATOR, stacked)
    code = format_link_code(receipt.code)
    verdict = scanning.scan(code, 1)
    assert (verdict.state, [part.state for part in verdict.components]) == (State.VALID, [State.VALID] * 3)
    assert [part.code for part in verdict.components] == [ward.record(part).issued.code for part in ward.parts]
    run(ward.office.ledger.changing.suspend(ward.office.registrar, ward.parts[1], Reason.OTHER))
    for verdict in (scanning.scan(code, 1), scanning.scan_short(receipt.short_code), scanning.scan_id(stacked.stream)):
        assert (verdict.state, verdict.in_force) == (State.COMPONENT_REVIEW, True)
        assert [part.state for part in verdict.components] == [State.VALID, State.SUSPENDED, State.VALID]
    run(ward.office.ledger.changing.reinstate(ward.office.registrar, ward.parts[1]))
    assert scanning.scan(code, 1).state is State.VALID


@pytest.mark.usefixtures("files_alone")
@pytest.mark.parametrize("part", ["facts", "internal", "document"])
def test_a_stack_whose_part_lost_a_private_part_is_not_called_valid(ward: Ward, part: str) -> None:
    stacked = ward.stack()
    (position,) = [each.recorded.position for each in ward.record(ward.parts[2]).acts]
    with ward.office.store._writing() as connection:
        connection.execute("DELETE FROM private_parts WHERE position = ? AND part = ?", (position, part))
    verdict = ward.office.ledger.scanning().scan_id(stacked.stream)
    assert (verdict.state, verdict.award, verdict.components) == (State.LOG_INCONSISTENT, None, ())


def test_a_stack_that_a_thief_made_does_not_stand_in_the_way_of_the_honest_one(ward: Ward) -> None:
    office, ledger = ward.office, ward.office.ledger
    stolen = office.kids(Role.SIGNING)[-1]
    thiefs = ward.stack()
    run(ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(ledger.issuers.report_compromised(OPERATOR, office.college, Kid(stolen), thiefs.position))
    assert ward.record(thiefs.stream).credential.disowned
    honest = ward.stack()
    assert honest.stream != thiefs.stream
    with pytest.raises(AlreadyStacked, match=str(honest.stream)):
        ward.stack()
    office.assert_sound()


def test_a_stack_is_not_amended_to_a_day_before_its_last_part(ward: Ward) -> None:
    stacked, changing = ward.stack(), ward.office.ledger.changing
    last = max(ward.award_of(part).awarded_on for part in ward.parts)
    before = (last - timedelta(days=1)).isoformat()

    def amend(**values: str) -> Appended:
        return run(changing.amend(ward.office.registrar, stacked.stream, values, Reason.ISSUED_IN_ERROR))

    with pytest.raises(Refused, match="before the day on which its last part was awarded"):
        amend(awarded_on=before)
    assert amend(awarded_on=last.isoformat()).revision == 1
    ward.office.assert_sound()


def test_a_stack_whose_part_was_moved_behind_it_can_still_be_amended_otherwise(ward: Ward) -> None:
    last = max(ward.award_of(part).awarded_on for part in ward.parts)
    stacked, changing = ward.stack(details={"awarded_on": last.isoformat()}), ward.office.ledger.changing
    moved = {"awarded_on": (last + timedelta(days=1)).isoformat()}
    run(changing.amend(ward.office.registrar, ward.parts[0], moved, Reason.ISSUED_IN_ERROR))
    words = {"full_name": "Zoë Okonkwo"}
    assert run(changing.amend(ward.office.registrar, stacked.stream, words, Reason.ISSUED_IN_ERROR)).revision == 1


def test_a_pathway_of_as_many_rich_parts_as_it_may_have_is_awarded_and_scanned(office: Office) -> None:
    ledger, words = office.ledger, "What is learned in evening classes and at work. " * 12
    rich = {**DEFINITION, "description": words, "competencies": [{"statement": f"{n}: {words[:90]}"} for n in range(5)]}
    slugs = [f"part-{number}" for number in range(MOST_COMPONENTS)]
    parts = []
    for each in slugs:
        run(ledger.achievements.define(office.college, {**rich, "slug": each}))
        parts.append(run(office.issue(achievement=each)).stream)
    pathway = run(ledger.pathways.define(office.college, {**PATHWAY, "rule": {"all_of": slugs}})).stream
    ward = Ward(office=office, pathway=pathway, parts=tuple(parts))
    stacked = ward.stack()
    verdict = ledger.scanning().scan_id(stacked.stream)
    assert (verdict.state, len(verdict.components)) == (State.VALID, MOST_COMPONENTS)
