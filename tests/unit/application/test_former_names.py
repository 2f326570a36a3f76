"""A name that the learner gave up in a part of a stack is given out with the stack no more, nor lost for good."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger import exporting
from ledger.application.archive_reading import ArchiveReading
from ledger.application.archiving import capsule_path
from ledger.application.credential_files import CredentialFiles
from ledger.application.ports import Appended
from ledger.application.proofs import NoProof, Proofs
from ledger.application.stacking import StackRequest
from ledger.domain.codes import format_link_code
from ledger.domain.reading import Refused
from ledger.domain.types import Kid, LinkCode, StreamId
from ledger.domain.values import Part, Reason, Role
from ledger.record.capsule import open_capsule
from ledger.tlog.policy import WitnessPolicy
from ledger.verification.proof_check import check_proof_file
from ledger.verification.proof_file import read_proof_file
from ledger.verification.verdict import State, Verdict
from tests.unit.application.office import DEFINITION, OPERATOR, ROW, Office, run

OLD, NEW = ROW["full_name"], "Zoé Newname"
SLUGS = ("wound-care", "dressing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A learner with two awards and a stack of them, and everything that is given out of the stack."""

    office: Office
    folder: Path  # where archives are written
    parts: tuple[StreamId, ...]
    stack: Appended

    @property
    def code(self) -> LinkCode:
        """On the certificate of the stack."""
        return self.office.ledger.awards.receipt(OPERATOR, self.stack).code

    def amend(self, stream: StreamId, **values: str) -> None:
        """A new version of an award."""
        run(self.office.ledger.changing.amend(self.office.registrar, stream, values, Reason.OTHER))

    def scan(self, version: int) -> State:
        return self.office.ledger.scanning().scan(format_link_code(self.code), version).state

    def document(self, version: int) -> bytes | None:
        """What is given out of the stack; its badge always is, and bears the stack's own name alone."""
        self.office.ledger.publishing.publish()
        file = CredentialFiles(self.office.ledger.scanning()).file(format_link_code(self.code), version)
        assert json.loads(file.badge)["id"] == f"urn:uuid:{self.stack.stream}"
        return file.document

    def proof(self, version: int) -> list[bytes]:
        """Every document in the proof file of the stack, which says what a scan says."""
        self.office.ledger.publishing.publish()
        proofs = Proofs(scanning=self.office.ledger.scanning(), published=self.office.ledger.published)
        raw = proofs.proof(format_link_code(self.code), version)
        policy = WitnessPolicy(logs=(self.office.ledger.verifier_key,))
        assert check_proof_file(raw, policy, now=self.office.clock.now()).state is self.scan(version)
        award = read_proof_file(raw).award
        assert award is not None
        return [each.content for each in award.documents if each is not None]

    def capsule(self) -> list[bytes]:
        """Every document of the stack that the code opens in the archive, once that is brought up to date."""
        self.office.ledger.publishing.publish()
        exporting.export(self.office.ledger.home, self.folder)
        capsule = open_capsule((self.folder / capsule_path(self.stack.stream)).read_bytes(), self.code)
        return [parts[Part.DOCUMENT].content for parts in capsule.parts.values() if Part.DOCUMENT in parts]

    def archived(self, version: int) -> tuple[State, bool]:
        """What the archive says of the stack, and whether it shows the award."""
        reading = ArchiveReading(exporting.archive_in(self.folder).read, keys=[self.office.ledger.verifier_key])
        verdict = reading.scan(format_link_code(self.code), version, now=self.office.clock.now())
        assert isinstance(verdict, Verdict)
        return verdict.state, verdict.award is not None

    def stored(self) -> list[bytes]:
        """Every document of the stack that was made."""
        evidence = self.office.ledger.scanning().examine(format_link_code(self.code), 1).evidence
        found = [evidence.parts[each.position][Part.DOCUMENT].opening for each in evidence.stream]
        return [each.content for each in found if each is not None]


@pytest.fixture
def holder(office: Office, tmp_path: Path) -> Iterator[Holder]:
    run(office.ledger.achievements.define(office.college, {**DEFINITION, "slug": SLUGS[1], "name": "Dressing"}))
    plain = {key: DEFINITION[key] for key in ("name", "description", "competencies")}
    run(office.ledger.pathways.define(office.college, {**plain, "slug": "carer", "rule": {"all_of": list(SLUGS)}}))
    parts = tuple(run(office.issue(achievement=slug)).stream for slug in SLUGS)
    learner = office.ledger.awards.read(OPERATOR, parts[0]).issued.learner
    request = StackRequest(learner=learner, pathway="carer", components=parts)
    stack = run(office.ledger.stacking.stack(office.registrar, office.college, request))
    yield Holder(office=office, folder=tmp_path / "archive", parts=parts, stack=stack)
    office.assert_sound()


def bears(name: str, *documents: bytes | None) -> bool:
    return any(name in json.dumps(json.loads(each), ensure_ascii=False) for each in documents if each)


def test_documents_that_were_made_before_parts_were_renamed_are_given_out_no_more(holder: Holder) -> None:
    assert holder.document(1) in holder.capsule()
    holder.amend(holder.stack.stream, full_name=NEW)
    assert (bears(OLD, holder.document(2)), bears(NEW, holder.document(2))) == (True, True)  # its parts have it still
    holder.amend(holder.parts[0], full_name=NEW)
    assert (holder.document(2), holder.capsule()) == (None, [])
    assert holder.archived(2) == (State.NOT_CHECKED, False)
    with pytest.raises(NoProof) as caught:
        holder.proof(2)
    assert (caught.value.verdict.state, holder.scan(2)) == (State.VALID, State.VALID)


def test_stack_that_is_amended_after_its_parts_is_given_out_again(holder: Holder) -> None:
    holder.amend(holder.stack.stream, full_name=NEW)
    for part in holder.parts:
        holder.amend(part, full_name=NEW)
    holder.capsule()
    holder.amend(holder.stack.stream, full_name=NEW)  # which it has already
    last = holder.stored()[-1]
    assert [holder.document(2), holder.document(3)] == [last, last]
    assert holder.proof(3) == holder.proof(2) == holder.capsule() == [last]
    assert (bears(OLD, last), bears(NEW, last)) == (False, True)
    assert [holder.scan(version) for version in (2, 3)] == [State.VALID, State.VALID]
    assert [holder.archived(version) for version in (2, 3)] == [(State.VALID, True), (State.VALID, True)]


def test_stack_that_is_amended_once_its_parts_are_is_given_out_without_more_ado(holder: Holder) -> None:
    for part in holder.parts:
        holder.amend(part, full_name=NEW)
    holder.amend(holder.stack.stream, full_name=NEW)
    last = holder.stored()[-1]
    assert holder.document(2) == last
    assert holder.proof(2) == holder.capsule() == [last]


def test_older_version_of_a_stack_does_not_bring_the_former_name_of_a_part_back(holder: Holder) -> None:
    holder.amend(holder.parts[0], full_name=NEW)
    holder.amend(holder.stack.stream, assessor="Another")
    first, second = holder.stored()
    assert (bears(NEW, first), bears(NEW, second)) == (False, True)
    assert [holder.document(1), holder.document(2)] == [None, second]
    assert holder.proof(1) == holder.proof(2) == holder.capsule() == [second]
    assert (holder.scan(1), holder.scan(2)) == (State.AMENDED, State.VALID)
    assert [holder.archived(version)[0] for version in (1, 2)] == [State.AMENDED, State.VALID]


def test_stack_whose_parts_bear_the_names_they_bore_is_not_amended_for_nothing(holder: Holder) -> None:
    holder.amend(holder.parts[0], assessor="Another")
    holder.amend(holder.parts[0], full_name=NEW)
    holder.amend(holder.parts[0], full_name=OLD)
    assert holder.document(1) == holder.stored()[0]
    with pytest.raises(Refused) as caught:
        holder.amend(holder.stack.stream)
    assert [each.code for each in caught.value.problems] == ["unchanged"]


def test_name_that_a_thief_gave_a_part_takes_nothing_away(holder: Holder) -> None:
    office = holder.office
    (stolen,) = office.kids(Role.SIGNING)
    holder.amend(holder.parts[0], full_name="Thief")
    assert holder.document(1) is None
    position = office.ledger.awards.read(OPERATOR, holder.parts[0]).acts[-1].recorded.position
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(stolen), position))
    assert holder.document(1) == holder.stored()[0]
    assert holder.proof(1) == holder.capsule() == [holder.stored()[0]]


def test_what_an_archive_holds_of_another_learner_is_left_alone(holder: Holder) -> None:
    """Only what has to do with a renamed part is written anew: a capsule that is has another nonce."""
    holder.capsule()
    path = holder.folder / capsule_path(holder.stack.stream)
    before = path.read_bytes()
    other = run(holder.office.issue(student_number="S-2")).stream
    holder.amend(other, full_name=NEW)
    holder.capsule()
    assert path.read_bytes() == before
    holder.amend(holder.parts[0], full_name=NEW)
    holder.capsule()
    assert path.read_bytes() != before
