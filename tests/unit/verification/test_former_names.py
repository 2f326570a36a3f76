"""A document of a stack holds those of its parts, and so bears a name for as long as each of them does."""

from dataclasses import replace

import pytest

from ledger.domain.types import Position, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.testing.forge import HONEST, How
from ledger.verification.authority_check import establish
from ledger.verification.evidence import CredentialEvidence, PartEvidence, Placed
from ledger.verification.former_names import FormerNames, former_names
from ledger.verification.proof_making import NothingToProve
from ledger.verification.verdict import Outcome, State
from tests.unit.verification.published import Desk, publish
from tests.unit.verification.scene import assert_unshown, reasons
from tests.unit.verification.stacks import SLUGS

THIEF = "thief"
DOCUMENT = Opening(salt=bytes(32), content=b"a record")


class Shop(Desk):
    """A welder with three awards and, once asked for, a stack of them."""

    def __init__(self) -> None:
        """The awards are there."""
        super().__init__()
        self.forge.add_key(self.did, THIEF)
        self.held = self.parts()

    def rename(self, index: int, name: str, how: How = HONEST) -> Position:
        """Amend a part."""
        return self.forge.amend(
            self.held[index], replace(self.award, achievement=self.refs[SLUGS[index]], name=name), how=how
        )

    def amend(self, stack: StreamId, **changed: str) -> Position:
        """A new version of the stack."""
        pins = tuple(self.forge.pin(part, 0) for part in self.held)
        award = replace(self.award, achievement=self.pathway, components=pins)
        return self.forge.amend(stack, replace(award, **changed))  # type: ignore[arg-type]

    def find(self, evidence: CredentialEvidence) -> FormerNames:
        """As whoever gives something out does."""
        return former_names(evidence, establish(self.forge.authority()).issuers[self.did].disowns)

    def since(self, stack: StreamId, made: Position | None = None) -> bool:
        """Whether what was made of the stack then, or when it was awarded, bears a name of before."""
        evidence = self.evidence(stack, self.held)
        return self.find(evidence).since(made or evidence.stream[0].position)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_single_award_holds_no_names_of_others(shop: Shop) -> None:
    shop.rename(0, "Ada New")
    evidence = shop.forge.evidence(shop.held[0])
    assert not shop.find(evidence).since(evidence.stream[0].position)


def test_name_that_a_part_gave_up_stands_in_what_was_made_before(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    assert not shop.since(stack)
    shop.forge.suspend(shop.held[1])
    shop.forge.amend(shop.held[1], replace(shop.award, achievement=shop.refs["cutting"], result="Merit"))
    assert not shop.since(stack)
    renamed = shop.rename(2, "Ada New")
    assert (shop.since(stack), shop.since(stack, renamed), shop.since(stack, Position(renamed + 1))) == (
        True,
        True,
        False,
    )


def test_name_that_was_taken_back_is_no_former_one(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    between = Position(shop.rename(0, "Ada New") + 1)
    shop.rename(0, "Ada Example")
    assert (shop.since(stack), shop.since(stack, between)) == (False, True)


def test_name_that_a_thief_gave_counts_where_it_was_believed(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    stolen = shop.rename(0, "Mallory", How(key=THIEF))
    believed = Position(stolen + 1)
    assert (shop.since(stack), shop.since(stack, believed)) == (True, False)
    reported = shop.forge.compromise(shop.did, THIEF, stolen)
    assert [shop.since(stack, made) for made in (None, believed, Position(reported + 1))] == [False, True, False]


def test_award_that_was_never_honest_counts_where_it_was_believed(shop: Shop) -> None:
    shop.held[0] = shop.earn("welding", How(key=THIEF))
    believed = shop.forge.streams[shop.stack(shop.held)][0]
    shop.forge.compromise(shop.did, THIEF, 1)
    assert shop.since(shop.stack(shop.held), believed)


def test_part_of_which_nothing_was_there_gave_no_name(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    assert not shop.since(stack, Position(1))


def changed(evidence: CredentialEvidence, part: StreamId, **how: object) -> CredentialEvidence:
    given = replace(evidence.components[part], **how)  # type: ignore[arg-type]
    return replace(evidence, components={**evidence.components, part: given})


@pytest.mark.parametrize(
    "facts", [None, PartEvidence(opening=None, present=True), PartEvidence(opening=DOCUMENT, present=True), "an act"]
)
def test_name_that_cannot_be_read_counts_as_another(shop: Shop, facts: PartEvidence | str | None) -> None:
    stack, part = shop.stack(shop.held), shop.held[0]
    place = shop.forge.streams[part][0]
    if facts == "an act":
        facts = shop.forge.evidence(part).parts[place][Part.FACTS]
        act = shop.forge.suspend(part)
        facts = shop.forge.evidence(part).parts[act][Part.FACTS]
    assert not isinstance(facts, str)
    evidence = shop.evidence(stack, shop.held)
    parts = {place: {} if facts is None else {Part.FACTS: facts}}
    made = evidence.stream[0].position
    assert shop.find(changed(evidence, part, parts=parts)).since(made)
    assert shop.find(changed(evidence, part, parts={})).since(made)
    assert shop.find(changed(evidence, part, stream=())).since(made)
    assert shop.find(changed(evidence, part, stream=(Placed(position=place, raw=b"{}"),))).since(made)


def test_document_that_is_not_there_bears_no_name(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    shop.rename(0, "Ada New")
    former, made = shop.find(shop.evidence(stack, shop.held)), shop.forge.streams[stack][0]
    nothing = replace(DOCUMENT, content=b"")
    assert [former.stand_in(each, made) for each in (None, nothing, DOCUMENT)] == [False, False, True]


def recorded(content: bytes) -> How:
    """A version with a document, whatever it says."""
    return How(parts={Part.DOCUMENT: content})


def undocumented(evidence: CredentialEvidence, place: Position) -> CredentialEvidence:
    """The same without the document of this entry."""
    parts: dict[Part, PartEvidence] = {
        part: given for part, given in evidence.parts[place].items() if part is not Part.DOCUMENT
    }
    return replace(evidence, parts={**evidence.parts, place: parts}, undocumented=frozenset({place}))


def test_version_without_its_document_is_compared_and_not_missed(shop: Shop) -> None:
    stack = shop.stack(shop.held, recorded(b"a record"))
    shop.amend(stack, result="Merit")
    evidence = shop.evidence(stack, shop.held)
    assert_unshown(shop.ask(evidence, scanned=2), State.SIGNATURE_INVALID, "document", "unreadable")
    verdict = shop.ask(undocumented(evidence, evidence.stream[0].position), scanned=2)
    assert (verdict.state, [each.change.field for each in verdict.amendments]) == (State.VALID, ["result"])


def test_facts_of_a_version_without_its_document_may_not_be_missing(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    shop.amend(stack, result="Merit")
    evidence = shop.evidence(stack, shop.held)
    place = evidence.stream[0].position
    evidence = replace(evidence, parts={**evidence.parts, place: {}}, undocumented=frozenset({place}))
    assert "part_missing" in reasons(shop.ask(evidence, scanned=2), "parts")


def test_current_version_may_not_lack_its_document(shop: Shop) -> None:
    stack = shop.stack(shop.held)
    place = shop.amend(stack, result="Merit")
    verdict = shop.ask(undocumented(shop.evidence(stack, shop.held), place), scanned=2)
    assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", "ok", "current_version_closed")


def test_proof_of_a_stack_has_no_document_from_before_a_part_was_renamed(shop: Shop) -> None:
    stack = shop.stack(shop.held, recorded(b"a record"))
    shop.rename(0, "Ada New")
    with pytest.raises(NothingToProve, match="another name since"):
        shop.file(stack, parts=shop.held)
    shop.amend(stack, result="Merit")
    file = shop.file(stack, publish(shop.forge), version=2, parts=shop.held)
    assert [None if each is None else each.content for each in file.award.documents] == [None, b""]
    assert None not in file.award.facts
    verdict = shop.check(file)
    assert (verdict.state, [each.change.field for each in verdict.amendments]) == (State.VALID, ["result"])
    assert all(each.outcome is Outcome.PASSED for each in verdict.findings)


def test_proof_without_the_document_of_the_current_version_decides_nothing(shop: Shop) -> None:
    file = shop.file(shop.stack(shop.held), parts=shop.held)
    verdict = shop.check(replace(file, award=replace(file.award, documents=(None,))))
    assert (verdict.state, reasons(verdict, "parts")) == (State.NOT_CHECKED, ["withheld", "current_version_closed"])
