"""Credential files of a real ledger: the bytes that were signed with the version, and of whom they are kept back."""

import json
from collections.abc import Mapping

import pytest

from ledger.application.credential_files import CredentialFiles, NoCredentialFile, badge_of
from ledger.application.documents import Documents
from ledger.application.ports import Appended
from ledger.application.stacking import StackRequest
from ledger.domain.codes import format_link_code
from ledger.domain.types import Kid, Position
from ledger.domain.values import Part, Reason, Role
from ledger.record.entry import parse_entry
from ledger.vc import data_integrity
from ledger.vc.did import read_controller_document, write_document
from ledger.vc.reading import MalformedDocument, read_document
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, Office, run


class Counter:
    """Where credential files are given out."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.scanning = office.ledger.scanning()
        self.files = CredentialFiles(self.scanning)

    def code(self, award: Appended) -> str:
        return format_link_code(self.office.ledger.awards.receipt(OPERATOR, award).code)

    def document(self, award: Appended, version: int = 1) -> bytes:
        """What is given out, once all is published."""
        self.office.ledger.publishing.publish()
        document = self.files.file(self.code(award), version).document
        assert document is not None
        return document

    def stored(self, award: Appended) -> list[bytes]:
        """The part `document` of each entry that has one."""
        evidence = self.scanning.examine(self.code(award), 1).evidence
        openings = [
            evidence.parts[each.position][Part.DOCUMENT].opening
            for each in evidence.stream
            if Part.DOCUMENT in evidence.parts[each.position]
        ]
        return [each.content for each in openings if each is not None]

    def refused(self, award: Appended, version: int = 1) -> State:
        with pytest.raises(NoCredentialFile) as caught:
            self.document(award, version)
        return caught.value.verdict.state


def award_kid(office: Office, award: Appended) -> Kid:
    """The key that signed the award."""
    placed = office.ledger.scanning().examine(Counter(office).code(award), 1).evidence.stream[0]
    return parse_entry(placed.raw).kid


def check_proof_of(badge: bytes, office: Office) -> str:
    """How its one proof ends, checked the general way."""
    document = read_document(badge)
    keys = [key.kid for key in office.issuer().keys.values()]
    raw = write_document(office.issuer().did, keys)
    (checked,) = data_integrity.check(document, lambda did: read_controller_document(raw, did), now=office.clock.now())
    return checked.outcome


@pytest.fixture
def counter(office: Office) -> Counter:
    return Counter(office)


def test_file_is_what_was_signed_and_stays_after_the_award_was_withdrawn(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    document = counter.document(award)
    assert [document] == counter.stored(award)
    assert json.loads(document)["id"] == f"urn:uuid:{award.stream}"
    assert counter.files.file(counter.code(award), 1).badge == document
    run(office.ledger.changing.revoke(office.registrar, award.stream, Reason.ISSUED_IN_ERROR))
    assert counter.document(award) == document
    assert counter.scanning.scan(counter.code(award), 1).state is State.REVOKED


def test_each_version_has_its_own_file(office: Office, counter: Counter) -> None:
    award, changing = run(office.issue()), office.ledger.changing
    run(changing.suspend(office.registrar, award.stream, Reason.OTHER))
    run(changing.reinstate(office.registrar, award.stream))
    run(changing.amend(office.registrar, award.stream, {"score": "90"}, Reason.OTHER))
    first, second = counter.stored(award)
    assert (counter.document(award, 1), counter.document(award, 2)) == (first, second)
    assert first != second


def test_version_of_a_name_that_was_given_up_is_not_given_out(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    run(office.ledger.changing.amend(office.registrar, award.stream, {"full_name": "Somebody Else"}, Reason.OTHER))
    assert counter.refused(award, 1) is State.AMENDED
    assert counter.document(award, 2) == counter.stored(award)[1]


def test_stack_has_a_record_with_its_badge_inside(office: Office, counter: Counter) -> None:
    part = run(office.issue())
    pathway: Mapping[str, object] = {key: DEFINITION[key] for key in ("name", "description", "competencies")}
    run(office.ledger.pathways.define(office.college, {**pathway, "slug": "carer", "rule": {"all_of": ["wound-care"]}}))
    learner = office.ledger.awards.read(OPERATOR, part.stream).issued.learner
    request = StackRequest(learner=learner, pathway="carer", components=(part.stream,))
    stack = run(office.ledger.stacking.stack(office.registrar, office.college, request))
    assert [counter.document(stack)] == counter.stored(stack)
    file = counter.files.file(counter.code(stack), 1)
    assert file.document is not None
    assert "ClrCredential" in json.loads(file.document)["type"]
    assert json.loads(file.badge)["id"] == f"urn:uuid:{stack.stream}"
    assert file.badge in file.document
    assert check_proof_of(file.badge, office) == "passed"


def test_version_that_was_signed_again_is_given_out_as_it_was_signed_last(office: Office, counter: Counter) -> None:
    award, issuers = run(office.issue()), office.ledger.issuers
    kid = award_kid(office, award)
    old = counter.document(award)
    run(issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(issuers.report_compromised(OPERATOR, office.college, kid, Position(office.size() + 1)))
    assert counter.document(award) == old
    run(office.ledger.resigning.run(office.registrar, office.college, Position(0)))
    first, second = counter.stored(award)
    assert (counter.document(award, 1), counter.document(award, 2)) == (second, second)
    assert first == old != second


def test_version_that_a_thief_made_is_not_given_out(office: Office, counter: Counter) -> None:
    award, issuers = run(office.issue()), office.ledger.issuers
    stolen = award_kid(office, award)
    run(office.ledger.changing.amend(office.registrar, award.stream, {"score": "100"}, Reason.OTHER))
    start = Position(office.size())
    run(issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(issuers.report_compromised(OPERATOR, office.college, stolen, start))
    assert counter.refused(award, 2) in (State.AMENDED, State.VALID)
    assert counter.document(award, 1) == counter.stored(award)[0]


def test_record_without_a_badge_is_refused() -> None:
    with pytest.raises(MalformedDocument):
        badge_of(b'{"type":["ClrCredential"],"credentialSubject":{"verifiableCredential":[]}}')


def test_award_from_before_there_were_documents_has_no_file(
    office: Office, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Documents, "make", lambda *_, **__: b"")
    assert counter.refused(run(office.issue())) is State.VALID


def test_award_that_there_is_not_has_no_file(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    assert counter.refused(award, 2) is State.NOT_FOUND
    with pytest.raises(NoCredentialFile) as caught:
        counter.files.file("no code", 1)
    assert caught.value.verdict.state is State.NOT_FOUND
