"""A credential of others is judged check by check: nothing is valid unless every one passed."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ledger.domain.types import Did
from ledger.domain.values import Custody
from ledger.vc import data_integrity
from ledger.vc.checked import CheckedProof
from ledger.vc.checked import Outcome as Ended
from ledger.vc.did import resolve_key
from ledger.vc.reading import Json
from ledger.verification.findings import failed, not_checked
from ledger.verification.foreign import (
    CHECKS,
    ForeignEvidence,
    StatusFound,
    judge_foreign,
    refuse,
    signed_by_issuer,
)
from ledger.verification.presentation import is_verified
from ledger.verification.verdict import ForeignIssuer, Notice, Outcome, RecognitionView, State, Verdict
from tests.unit.vc.proofs import ED25519, NOW, OTHER, document, secured

GOOD = document()
STATEMENT: dict[str, Json] = {**GOOD, "type": ["VerifiableCredential"], "credentialSubject": {"id": "did:example:a"}}
RECOGNISED = ForeignIssuer(
    id=ED25519.did,
    name="North College, as registered",
    domain="north.example",
    custody=Custody.ISSUER,
    recognition=RecognitionView(
        recognised=True,
        registry="Register",
        registry_id=Did("did:web:register.example"),
        scheme="colleges",
        since=date(2020, 1, 1),
        ended_on=None,
        recognised_when_issued=True,
    ),
)
ENDED = replace(RECOGNISED, recognition=replace(RECOGNISED.recognition, recognised=False, ended_on=date(2026, 1, 1)))


def proof(outcome: Ended = "passed", reason: str = "signature_valid", controller: str = ED25519.did) -> CheckedProof:
    return CheckedProof(
        cryptosuite="eddsa-rdfc-2022",
        method=ED25519.method,
        controller=controller,
        created=NOW,
        outcome=outcome,
        reason=reason,
        detail="what was found",
    )


def status(bit: bool | None, purpose: str = "revocation", reason: str = "told") -> StatusFound:
    return StatusFound(purpose=purpose, set=bit, reason=reason, detail="what the list says")


EVIDENCE = ForeignEvidence(document=GOOD, proofs=(proof(),), statuses=(), issuer=RECOGNISED)


def judged(evidence: ForeignEvidence, now: datetime = NOW) -> Verdict:
    verdict = judge_foreign(evidence, now=now)
    assert list(dict.fromkeys(finding.check for finding in verdict.findings)) == list(CHECKS)
    assert verdict.notices[-1] == Notice.NOT_ISSUED_HERE
    assert (verdict.as_of, verdict.known_at, verdict.award) == (now, now, None)
    everything_passed = all(finding.outcome is Outcome.PASSED for finding in verdict.findings)
    assert (verdict.state is State.VALID) is everything_passed
    return verdict


def reason_of(verdict: Verdict, check: str) -> str:
    return next(finding.reason for finding in verdict.findings if finding.check == check)


def test_credential_whose_every_check_passes_is_valid_and_says_that_it_is_not_of_this_log() -> None:
    verdict = judged(EVIDENCE)
    assert (verdict.state, verdict.in_force, verdict.notices) == (State.VALID, True, ("not_issued_here",))
    assert verdict.foreign is not None
    assert verdict.foreign.issuer == RECOGNISED
    assert (verdict.log.origin, verdict.log.size) == ("", 0)


@pytest.mark.parametrize(
    ("changed", "state", "check", "reason"),
    [
        ({"issuer": None}, State.ISSUER_UNRECOGNISED, "recognition", "not_recognised"),
        ({"issuer": ENDED}, State.ISSUER_UNRECOGNISED, "recognition", "recognition_ended"),
        ({"proofs": ()}, State.SIGNATURE_INVALID, "proof", "unsigned"),
        ({"proofs": (proof("failed", "signature_invalid"),)}, State.SIGNATURE_INVALID, "proof", "signature_invalid"),
        ({"proofs": (proof("failed", "proof_expired"),)}, State.NOT_CHECKED, "proof", "proof_expired"),
        ({"proofs": (proof("unknown", "did_not_resolved"),)}, State.NOT_CHECKED, "proof", "did_not_resolved"),
        (
            {"proofs": (proof(), proof("unknown", "unknown_cryptosuite"))},
            State.NOT_CHECKED,
            "proof",
            "unknown_cryptosuite",
        ),
        (
            {"proofs": (proof("unknown", "unknown_cryptosuite"), proof("failed", "wrong_purpose"), proof())},
            State.SIGNATURE_INVALID,
            "proof",
            "wrong_purpose",
        ),
        ({"proofs": (proof(controller=OTHER.did),)}, State.SIGNATURE_INVALID, "issuer", "signed_by_another"),
        ({"statuses": (status(True),)}, State.REVOKED, "status", "revoked"),
        ({"statuses": (status(True, "suspension"),)}, State.SUSPENDED, "status", "suspended"),
        ({"statuses": (status(True, "message"),)}, State.STATUS_UNAVAILABLE, "status", "unknown_purpose"),
        ({"statuses": (status(None, reason="not_fetched"),)}, State.STATUS_UNAVAILABLE, "status", "not_fetched"),
        ({"document": {"@context": []}}, State.NOT_CHECKED, "data_model", "no_credential"),
        ({"document": {**GOOD, "name": 7}}, State.NOT_CHECKED, "data_model", "no_credential"),
        ({"document": {**GOOD, "credentialSubject": {"id": "a:b"}}}, State.NOT_CHECKED, "schema", "schema_violated"),
        ({"document": {**GOOD, "validUntil": "2026-03-01T00:00:00Z"}}, State.EXPIRED, "dates", "expired"),
        ({"document": {**GOOD, "validFrom": "2026-03-03T00:00:00Z"}}, State.NOT_YET_VALID, "dates", "not_yet_valid"),
    ],
)
def test_each_check_that_does_not_pass_lowers_the_verdict(
    changed: dict[str, object], state: State, check: str, reason: str
) -> None:
    verdict = judged(replace(EVIDENCE, **changed))  # type: ignore[arg-type]
    assert (verdict.state, reason_of(verdict, check)) == (state, reason)


def test_nothing_of_a_credential_is_shown_that_was_not_found_genuine() -> None:
    for state, changed in ((State.SIGNATURE_INVALID, ()), (State.NOT_CHECKED, (proof("unknown", "x"),))):
        verdict = judged(replace(EVIDENCE, proofs=changed))
        assert (verdict.state, verdict.foreign, verdict.in_force) == (state, None, None)
        assert reason_of(verdict, "status") == "not_reached"


def test_what_also_holds_is_a_notice_and_the_upper_state_wins() -> None:
    late = datetime(3001, 1, 1, tzinfo=UTC)
    verdict = judged(replace(EVIDENCE, issuer=None, statuses=(status(True), status(False, "suspension"))), late)
    assert (verdict.state, verdict.in_force) == (State.REVOKED, False)
    assert verdict.notices == ("expired", "issuer_unrecognised", "not_issued_here")


def test_status_that_was_not_confirmed_leaves_open_whether_it_is_in_force() -> None:
    verdict = judged(replace(EVIDENCE, statuses=(status(None),)))
    assert verdict.in_force is None
    assert verdict.foreign is not None


def test_what_an_issuer_of_this_log_signed_and_did_not_record_is_never_shown_as_an_award() -> None:
    for changed, others in ((STATEMENT, ()), ({**STATEMENT, "validUntil": "2026-03-01T00:00:00Z"}, ("expired",))):
        verdict = judge_foreign(replace(EVIDENCE, document=changed, ours=True), now=NOW)
        assert (verdict.state, verdict.foreign, verdict.in_force) == (State.NO_AWARD, None, None)
        assert verdict.notices == (*others, "not_issued_here")
        assert reason_of(verdict, "record") == "no_award"
        assert is_verified(verdict) is (others == ())
    late = judge_foreign(replace(EVIDENCE, document=STATEMENT, ours=True, statuses=(status(None),)), now=NOW)
    assert (late.state, is_verified(late)) == (State.NO_AWARD, False)


def test_bad_signature_of_an_issuer_of_this_log_says_nothing_else() -> None:
    verdict = judge_foreign(replace(EVIDENCE, document=STATEMENT, proofs=(), ours=True), now=NOW)
    assert (verdict.state, [each.check for each in verdict.findings].count("record")) == (State.SIGNATURE_INVALID, 0)


def test_credential_that_is_no_badge_has_no_schema_to_keep() -> None:
    endorsement: dict[str, Json] = {**GOOD, "type": ["VerifiableCredential", "EndorsementCredential"]}
    assert reason_of(judged(replace(EVIDENCE, document=endorsement)), "schema") == "no_badge"


def test_one_proof_of_the_issuer_is_enough_where_all_are_good() -> None:
    verdict = judged(replace(EVIDENCE, proofs=(proof(controller=OTHER.did), proof())))
    assert verdict.state is State.VALID
    assert signed_by_issuer(GOOD, (proof(controller=OTHER.did), proof()))
    assert not signed_by_issuer(GOOD, (proof(), proof("failed", "signature_invalid")))
    assert not signed_by_issuer(GOOD, ())


def test_real_proof_is_taken_and_a_changed_document_is_not() -> None:
    signed = secured("eddsa-rdfc-2022")
    for changed, state in ((signed, State.VALID), ({**signed, "name": "Other"}, State.SIGNATURE_INVALID)):
        proofs = data_integrity.check(changed, resolve_key, now=NOW)
        assert judged(replace(EVIDENCE, document=changed, proofs=proofs)).state is state


def test_file_that_one_finding_decides_is_shown_nothing_of() -> None:
    verdict = refuse(failed("document", "not_on_record", "It is not on record."), now=NOW)
    assert (verdict.state, verdict.foreign, verdict.notices) == (State.SIGNATURE_INVALID, None, ())
    assert [finding.check for finding in verdict.findings] == ["document"]
    assert refuse(not_checked("document", "not_compared", "Not now."), now=NOW).state is State.NOT_CHECKED
