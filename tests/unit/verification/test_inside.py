"""A credential is as good as the worst of those that it holds."""

from dataclasses import replace

import pytest

from ledger.verification.findings import failed
from ledger.verification.foreign import judge_foreign
from ledger.verification.inside import check_inside
from ledger.verification.verdict import Notice, Outcome, State, Verdict
from tests.unit.vc.proofs import NOW
from tests.unit.verification.test_foreign import EVIDENCE

GOOD = judge_foreign(EVIDENCE, now=NOW)


def having(*states: State) -> list[Verdict]:
    return [replace(GOOD, state=state) for state in states]


@pytest.mark.parametrize(
    ("states", "outcome", "reason", "makes"),
    [
        ([State.VALID], Outcome.PASSED, "inside_good", None),
        ([State.ISSUER_UNRECOGNISED, State.NO_AWARD], Outcome.PASSED, "inside_good", None),
        ([State.VALID, State.NOT_CHECKED], Outcome.UNKNOWN, "inside_not_checked", State.NOT_CHECKED),
        ([State.LOG_INCONSISTENT], Outcome.UNKNOWN, "inside_not_checked", State.NOT_CHECKED),
        ([State.STATUS_UNAVAILABLE] * 2, Outcome.UNKNOWN, "inside_status_open", State.STATUS_UNAVAILABLE),
        ([State.STATUS_UNAVAILABLE, State.NOT_CHECKED], Outcome.UNKNOWN, "inside_not_checked", State.NOT_CHECKED),
        ([State.VALID, State.REVOKED], Outcome.FAILED, "inside_not_in_force", State.NOT_CHECKED),
        ([State.EXPIRED, State.NOT_CHECKED], Outcome.FAILED, "inside_not_in_force", State.NOT_CHECKED),
        ([State.AMENDED], Outcome.FAILED, "inside_not_in_force", State.NOT_CHECKED),
        ([State.REVOKED, State.SIGNATURE_INVALID], Outcome.FAILED, "inside_not_genuine", State.SIGNATURE_INVALID),
    ],
)
def test_worst_of_those_inside_decides(states: list[State], outcome: Outcome, reason: str, makes: State | None) -> None:
    found = check_inside(having(*states), complete=True)
    assert found is not None
    assert (found.check, found.outcome, found.reason, found.makes) == ("inside", outcome, reason, makes)


def test_corrected_version_inside_is_not_to_be_relied_on() -> None:
    found = check_inside([replace(GOOD, notices=(State.AMENDED.value,))], complete=True)
    assert found is not None
    assert found.reason == "inside_not_in_force"


def test_where_nothing_stands_inside_nothing_is_said_unless_it_is_not_known() -> None:
    assert check_inside([], complete=True) is None
    found = check_inside([], complete=False)
    assert found is not None
    assert (found.outcome, found.reason, found.makes) == (Outcome.UNKNOWN, "inside_too_many", State.NOT_CHECKED)


def test_what_stands_inside_lowers_the_verdict_on_the_whole() -> None:
    assert judge_foreign(replace(EVIDENCE, inside=check_inside([GOOD], complete=True)), now=NOW).state is State.VALID
    forged = failed("inside", "inside_not_genuine", "It is not.")
    verdict = judge_foreign(replace(EVIDENCE, inside=forged), now=NOW)
    assert (verdict.state, verdict.foreign) == (State.SIGNATURE_INVALID, None)
    assert verdict.notices == (Notice.NOT_ISSUED_HERE.value,)
    assert verdict.findings[-1] == forged
