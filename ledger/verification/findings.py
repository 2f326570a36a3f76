"""How a check words what it found. Every finding that is not a pass makes a state, so none can be overlooked."""

from functools import lru_cache

from ledger.verification.verdict import Finding, Outcome, State

OK = "ok"  # the reason of a plain pass


@lru_cache(maxsize=256)  # passes are the same ones at every scan
def passed(check: str, detail: str, *, reason: str = OK) -> Finding:
    """The check was made, and nothing stands in the way of relying on the award."""
    return Finding(check=check, outcome=Outcome.PASSED, reason=reason, detail=detail)


def failed(check: str, reason: str, detail: str, *, makes: State = State.SIGNATURE_INVALID) -> Finding:
    """The check was made, and makes this state."""
    return Finding(check=check, outcome=Outcome.FAILED, reason=reason, detail=detail, makes=makes)


def unknown(check: str, reason: str, detail: str) -> Finding:
    """The check could not be made: "anything that could not be checked makes the verdict unknown, never valid"."""
    return Finding(check=check, outcome=Outcome.UNKNOWN, reason=reason, detail=detail, makes=State.LOG_INCONSISTENT)
