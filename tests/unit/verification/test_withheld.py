"""What only the issuer sees is not in an archive or a proof file: an award can be judged without it, and says so."""

from collections.abc import Mapping
from dataclasses import replace

from ledger.domain.types import Position
from ledger.domain.values import Part
from ledger.verification.evidence import CredentialEvidence, PartEvidence
from ledger.verification.verdict import State
from tests.unit.verification.scene import Scene, assert_unshown, reasons
from tests.unit.verification.stacks import Workshop


def without(evidence: CredentialEvidence, left: Part) -> Mapping[Position, Mapping[Part, PartEvidence]]:
    """The private parts of every entry but this one."""
    return {
        place: {part: given for part, given in each.items() if part is not left}
        for place, each in evidence.parts.items()
    }


def withheld(evidence: CredentialEvidence) -> CredentialEvidence:
    """The same without the part `internal` of any entry."""
    parts = without(evidence, Part.INTERNAL)
    components = {stream: withheld(each) for stream, each in evidence.components.items()}
    return replace(evidence, parts=parts, components=components, withheld=frozenset({Part.INTERNAL}))


def test_award_without_what_only_the_issuer_sees_is_valid_and_says_so() -> None:
    scene = Scene()
    verdict = scene.ask(withheld(scene.forge.evidence(scene.issue())))
    assert (verdict.state, reasons(verdict, "parts")) == (State.VALID, ["withheld"])


def test_part_that_is_missing_but_not_withheld_is_still_missed() -> None:
    scene = Scene()
    evidence = withheld(scene.forge.evidence(scene.issue()))
    evidence = replace(evidence, parts=without(evidence, Part.FACTS))
    assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "parts", "part_missing")


def test_stack_whose_learner_is_withheld_is_judged_by_its_pins_and_says_so() -> None:
    workshop = Workshop()
    parts = workshop.parts()
    stack = workshop.stack(parts)
    verdict = workshop.ask(withheld(workshop.evidence(stack, parts)))
    assert (verdict.state, reasons(verdict, "components")) == (State.VALID, ["learner_withheld"])


def closed(evidence: CredentialEvidence, *places: Position) -> CredentialEvidence:
    """The same without the facts of these entries."""
    parts = {
        place: {part: given for part, given in each.items() if place not in places or part is not Part.FACTS}
        for place, each in evidence.parts.items()
    }
    return replace(evidence, parts=parts, closed=frozenset(places))


def test_older_version_that_is_closed_is_not_missed_and_what_it_said_is_not_compared() -> None:
    scene = Scene()
    stream = scene.issue()
    scene.forge.amend(stream, scene.amended("Distinction"))
    evidence = scene.forge.evidence(stream)
    assert [each.change.field for each in scene.ask(evidence, scanned=2).amendments] == ["result"]
    verdict = scene.ask(closed(evidence, evidence.stream[0].position), scanned=2)
    assert (verdict.state, verdict.amendments, verdict.notices) == (State.VALID, (), ("corrected",))


def test_current_version_may_not_be_closed() -> None:
    scene = Scene()
    stream = scene.issue()
    place = scene.forge.amend(stream, scene.amended("Distinction"))
    verdict = scene.ask(closed(scene.forge.evidence(stream), place))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", "ok", "current_version_closed")


def test_act_may_not_be_closed() -> None:
    scene = Scene()
    stream = scene.issue()
    place = scene.forge.revoke(stream)
    verdict = scene.ask(closed(scene.forge.evidence(stream), place))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", "part_missing")


def test_stack_whose_first_version_is_closed_is_judged_by_the_one_in_force() -> None:
    workshop = Workshop()
    parts = workshop.parts()
    stack = workshop.stack(parts)
    pins = tuple(workshop.forge.pin(part) for part in parts)
    workshop.forge.amend(stack, replace(workshop.award, achievement=workshop.pathway, components=pins, name="Ada New"))
    evidence = workshop.evidence(stack, parts)
    verdict = workshop.ask(closed(evidence, evidence.stream[0].position), scanned=2)
    assert (verdict.state, reasons(verdict, "components")) == (State.VALID, ["ok"])


def with_first_part_closed(workshop: Workshop, *, least: str) -> CredentialEvidence:
    """A stack of three, the first part amended since it was pinned; the version pinned is closed."""
    parts = workshop.parts()
    stack = workshop.stack(parts)
    ref = workshop.refs[least]
    workshop.forge.amend(parts[0], replace(workshop.award, achievement=ref, name="Ada New"))
    evidence = workshop.evidence(stack, parts)
    given = evidence.components[parts[0]]
    components = {**evidence.components, parts[0]: closed(given, given.stream[0].position)}
    return replace(evidence, components=components)


def test_part_whose_pinned_version_is_closed_is_judged_by_the_one_in_force() -> None:
    workshop = Workshop()
    verdict = workshop.ask(with_first_part_closed(workshop, least="welding"))
    assert (verdict.state, reasons(verdict, "components")) == (State.VALID, ["ok"])


def test_rule_that_the_version_in_force_does_not_meet_is_undecided_where_the_pinned_one_is_closed() -> None:
    workshop = Workshop()
    verdict = workshop.ask(with_first_part_closed(workshop, least="cutting"))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "components", "version_closed")
