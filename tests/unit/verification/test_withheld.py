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
