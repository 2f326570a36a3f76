"""Proof files of a real ledger: each says what a scan of that moment says, and needs the ledger no more."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ledger.application.ports import Appended
from ledger.application.proofs import NoProof, ProofPending, Proofs
from ledger.application.stacking import StackRequest
from ledger.domain.codes import format_link_code
from ledger.domain.values import Reason, Role, slug
from ledger.tlog.policy import WitnessPolicy
from ledger.verification import proof_file
from ledger.verification.proof_check import check_proof_file
from ledger.verification.proof_file import read_proof_file
from ledger.verification.verdict import State, Verdict
from tests.unit.application.office import DEFINITION, OPERATOR, Office, run


class Counter:
    """Where proofs are given out, and somebody who checks them."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.proofs = Proofs(scanning=office.ledger.scanning(), published=office.ledger.published)

    def code(self, award: Appended) -> str:
        """The code on the certificate."""
        return format_link_code(self.office.ledger.awards.receipt(OPERATOR, award).code)

    def proof(self, award: Appended, version: int = 1) -> bytes:
        """The file, once all is published."""
        self.office.ledger.publishing.publish()
        return self.proofs.proof(self.code(award), version)

    def check(self, raw: bytes) -> Verdict:
        """What somebody finds who believes the log's key."""
        policy = WitnessPolicy(logs=(self.office.ledger.verifier_key,))
        return check_proof_file(raw, policy, now=self.office.clock.now())

    def agree(self, award: Appended, version: int = 1) -> Verdict:
        """The verdict on the file, which is that of the page."""
        verdict = self.check(self.proof(award, version))
        scanned = self.office.ledger.scanning().scan(self.code(award), version)
        assert (verdict.state, verdict.notices, verdict.award) == (scanned.state, scanned.notices, scanned.award)
        assert (verdict.change, verdict.history) == (scanned.change, scanned.history)
        assert (verdict.log.size, verdict.log.root) == (scanned.log.size, scanned.log.root)
        return verdict


@pytest.fixture
def counter(office: Office) -> Counter:
    return Counter(office)


def test_file_and_page_agree_through_the_life_of_an_award(office: Office, counter: Counter) -> None:
    award, changing = run(office.issue()), office.ledger.changing
    assert counter.agree(award).state is State.VALID
    run(changing.amend(office.registrar, award.stream, {"score": "90"}, Reason.OTHER))
    assert counter.agree(award).state is State.AMENDED
    assert counter.agree(award, 2).state is State.VALID
    run(changing.suspend(office.registrar, award.stream, Reason.OTHER))
    assert counter.agree(award, 2).state is State.SUSPENDED
    run(changing.reinstate(office.registrar, award.stream))
    assert counter.agree(award, 2).state is State.VALID
    run(changing.revoke(office.registrar, award.stream, Reason.ISSUED_IN_ERROR, public_text="A mistake"))
    assert counter.agree(award, 2).state is State.REVOKED


def test_what_is_recorded_of_keys_and_recognition_reaches_the_file(office: Office, counter: Counter) -> None:
    first = run(office.issue())
    issuers = office.ledger.issuers
    stolen = run(issuers.add_key(OPERATOR, office.college, Role.SIGNING)).kid
    second = run(office.issue(student_number="S-2"))
    start = office.ledger.awards.receipt(OPERATOR, second).position
    run(issuers.report_compromised(OPERATOR, office.college, stolen, start))
    run(issuers.end_recognition(OPERATOR, office.college, office.board, slug("scheme"), date(2026, 11, 21)))
    office.clock.at = office.clock.at + timedelta(days=1)
    assert counter.agree(first).state is State.ISSUER_UNRECOGNISED
    assert counter.agree(second).state is State.KEY_COMPROMISED


def test_name_that_was_given_up_is_not_in_the_file(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    run(office.ledger.changing.amend(office.registrar, award.stream, {"full_name": "Zoé Newname"}, Reason.OTHER))
    raw = counter.proof(award, 2)
    assert ("Zoé Newname".encode() in raw, b"Okonkwo" in raw, b"S1000001" in raw) == (True, False, False)
    assert counter.agree(award, 2).state is State.VALID


def test_stack_is_proved_with_its_parts(office: Office, counter: Counter) -> None:
    part = run(office.issue())
    pathway: Mapping[str, object] = {key: DEFINITION[key] for key in ("name", "description", "competencies")}
    run(office.ledger.pathways.define(office.college, {**pathway, "slug": "carer", "rule": {"all_of": ["wound-care"]}}))
    learner = office.ledger.awards.read(OPERATOR, part.stream).issued.learner
    request = StackRequest(learner=learner, pathway="carer", components=(part.stream,))
    stack = run(office.ledger.stacking.stack(office.registrar, office.college, request))
    verdict = counter.agree(stack)
    assert (verdict.state, [each.state for each in verdict.components]) == (State.VALID, [State.VALID])
    run(office.ledger.changing.revoke(office.registrar, part.stream, Reason.OTHER))
    verdict = counter.agree(stack)
    assert (verdict.state, [each.state for each in verdict.components]) == (State.COMPONENT_REVIEW, [State.REVOKED])


def test_what_is_not_published_yet_is_not_proved(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    with pytest.raises(ProofPending, match="not published yet"):
        counter.proofs.proof(counter.code(award), 1)
    counter.proof(award)
    run(office.ledger.changing.revoke(office.registrar, award.stream, Reason.OTHER))
    with pytest.raises(ProofPending, match="not published yet"):
        counter.proofs.proof(counter.code(award), 1)
    assert counter.check(counter.proof(award)).state is State.REVOKED


def test_what_is_not_published_yet_of_its_issuer_is_waited_for(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    counter.proof(award)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    with pytest.raises(ProofPending, match="not published yet"):
        counter.proofs.proof(counter.code(award), 1)


def test_folds_that_are_lost_leave_nothing_to_prove_with_until_the_next_publication(
    office: Office, counter: Counter
) -> None:
    award = run(office.issue())
    office.ledger.publishing.publish()
    shutil.rmtree(office.ledger.home.statements)
    with pytest.raises(ProofPending, match="not to be read"):
        counter.proofs.proof(counter.code(award), 1)
    run(office.issue(student_number="S-2"))
    assert counter.check(counter.proof(award)).state is State.VALID


def test_no_award_has_no_proof(counter: Counter) -> None:
    for code in ("", "0" * 36, "\ud800"):
        with pytest.raises(NoProof) as none:
            counter.proofs.proof(code, 1)
        assert none.value.verdict.state is State.NOT_FOUND


def test_version_that_never_was_has_no_proof(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    with pytest.raises(NoProof, match="not_found"):
        counter.proof(award, 2)


def test_award_of_which_too_much_is_recorded_has_no_proof(
    office: Office, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    award = run(office.issue())
    monkeypatch.setattr(proof_file, "MAX_PROOF_FILE", 5_000)
    with pytest.raises(NoProof) as none:
        counter.proof(award)
    assert none.value.verdict.state is State.VALID


def test_file_names_the_registries_of_that_moment(office: Office, counter: Counter) -> None:
    award = run(office.issue())
    assert read_proof_file(counter.proof(award)).registries == office.ledger.home.registries()
    home = office.ledger.home
    home.write_settings(replace(home.settings(), registries=()))
    assert read_proof_file(counter.proof(award)).registries == ()
