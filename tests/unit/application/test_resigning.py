"""Signing again after a key was stolen: which awards, once each, saying the same, by a good key."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ledger.application import resigning
from ledger.application.desk import NoUsableKey
from ledger.application.ports import Appended, Caller
from ledger.domain.codes import format_link_code
from ledger.domain.types import Kid, Position, StreamId
from ledger.domain.values import Reason, Role
from ledger.verification.verdict import State, Verdict
from tests.unit.application.office import OPERATOR, Office, run
from tests.unit.application.test_documents import document
from tests.unit.application.test_stacking import _ward


def steal(office: Office, from_position: int) -> Kid:
    (stolen,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    place = Position(from_position)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(stolen), place))
    return Kid(stolen)


def affected(office: Office) -> int:
    return run(office.ledger.resigning.preview(office.registrar, office.college)).awards


def sign_again(office: Office, after: int = 0) -> resigning.Progress:
    return run(office.ledger.resigning.run(office.registrar, office.college, Position(after)))


def verdict(office: Office, award: Appended, version: int) -> Verdict:
    code = format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)
    return office.ledger.scanning().scan(code, version)


def test_without_a_stolen_key_there_is_nothing_to_do(office: Office) -> None:
    run(office.issue())
    found = run(office.ledger.resigning.preview(office.registrar, office.college))
    assert (found.keys, found.awards) == ((), 0)
    assert sign_again(office) == resigning.Progress(signed=0, next=None)


def test_living_awards_of_a_stolen_key_are_signed_again_and_nothing_else_changes(office: Office) -> None:
    award, revoked, ended = (run(office.issue(student_number=f"S{n}")) for n in range(3))
    run(office.ledger.changing.revoke(office.registrar, revoked.stream, Reason.OTHER))
    run(office.ledger.changing.amend(office.registrar, ended.stream, {"valid_until": "2026-11-22"}, Reason.OTHER))
    thief = run(office.issue(student_number="S9"))
    stolen = steal(office, thief.position)
    office.clock.at += timedelta(days=3)
    preview = run(office.ledger.resigning.preview(office.registrar, office.college))
    assert preview == resigning.Affected(keys=(stolen,), awards=1)
    assert sign_again(office) == resigning.Progress(signed=1, next=None)
    assert (affected(office), sign_again(office).signed) == (0, 0)

    before, after = (json.loads(document(office, award, version)) for version in (1, 2))
    assert stolen in before["proof"]["verificationMethod"]
    assert stolen not in after["proof"]["verificationMethod"]
    assert before["credentialSubject"] == after["credentialSubject"]
    office.ledger.publishing.publish()
    for version in (1, 2):
        found = verdict(office, award, version)
        assert (found.state, found.notices, found.amendments) == (State.VALID, (), ())
    assert office.state(thief) is State.KEY_COMPROMISED
    office.assert_sound()


def test_many_awards_are_signed_in_several_calls(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    awards = [run(office.issue(student_number=f"S{n}")) for n in range(5)]
    steal(office, awards[-1].position + 1)
    monkeypatch.setattr(resigning, "MOST_AT_ONCE", 2)
    steps, after = [], 0
    while True:
        step = sign_again(office, after)
        steps.append(step.signed)
        if step.next is None:
            break
        after = step.next
    assert steps == [2, 2, 1]
    assert affected(office) == 0


def test_award_that_somebody_signed_again_meanwhile_is_passed_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    award = run(office.issue())
    steal(office, award.position + 1)
    due = office.ledger.resigning._is_due

    def late(caller: Caller, stream: StreamId) -> bool:
        found = due(caller, stream)
        monkeypatch.undo()
        with ThreadPoolExecutor() as pool:  # its own event loop: this one is waiting for the answer
            assert pool.submit(sign_again, office).result().signed == 1
        return found

    monkeypatch.setattr(office.ledger.resigning, "_is_due", late)
    assert sign_again(office) == resigning.Progress(signed=0, next=None)


def test_without_a_good_key_the_job_says_so(office: Office) -> None:
    award = run(office.issue())
    (stolen,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(stolen), Position(award.position + 1)))
    with pytest.raises(NoUsableKey):
        sign_again(office)


def test_stack_that_holds_the_document_of_a_stolen_key_is_signed_again_once(office: Office) -> None:
    ward = run(_ward(office))
    (first,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    second = next(kid for kid in office.kids(Role.SIGNING) if kid != first)
    before = ward.stack()
    thief = run(office.ledger.changing.amend(OPERATOR, ward.parts[1], {"assessor": "T."}, Reason.OTHER))
    run(
        office.ledger.changing.amend(OPERATOR, before.stream, {"assessor": "R. L."}, Reason.OTHER)
    )  # with the thief's document
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(second), thief.position))
    assert [affected(office), sign_again(office).signed, affected(office), sign_again(office).signed] == [1, 1, 0, 0]
    held = json.loads(document(office, before, 3))["credentialSubject"]["verifiableCredential"]
    assert second not in json.dumps(held)
    office.assert_sound()


def test_stack_of_a_good_key_is_signed_again_after_its_part_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resigning, "_PIECE", 1)
    ward = run(_ward(office))
    (first,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    stack = ward.stack()
    place = Position(stack.position)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(first), place))
    due = affected(office)
    assert due > 1
    assert [sign_again(office).signed, affected(office)] == [due, 0]
    assert first not in document(office, stack, 2).decode()
