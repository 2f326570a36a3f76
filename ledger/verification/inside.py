"""Judges a credential by those that stand inside it: whoever opens the file reads them too, and takes them for good.

Pure. What each is worth is judged like any other, by whoever asks.
"""

from collections.abc import Sequence
from typing import Final

from ledger.verification.findings import failed, passed
from ledger.verification.foreign import INSIDE
from ledger.verification.presentation import is_verified
from ledger.verification.verdict import Finding, Outcome, State, Verdict

# Of a credential that stands inside, these say that something about it is not known.
_OPEN: Final = frozenset((State.NOT_CHECKED, State.LOG_INCONSISTENT, State.STATUS_UNAVAILABLE))


def check_inside(verdicts: Sequence[Verdict], *, complete: bool) -> Finding | None:
    """What the credentials inside make of the one around them; None where there are none.

    Args:
        complete: False where there are more than were judged.
    """
    bad = [verdict.state for verdict in verdicts if not is_verified(verdict)]
    if State.SIGNATURE_INVALID in bad:
        return failed(INSIDE, "inside_not_genuine", "A credential inside it is not what its issuer signed.")
    if any(state not in _OPEN for state in bad):
        detail = "A credential inside it is withdrawn, out of its dates or corrected since."
        return failed(INSIDE, "inside_not_in_force", detail, makes=State.NOT_CHECKED)
    if not complete:
        return _unknown("inside_too_many", "It holds more credentials than are checked at once.", State.NOT_CHECKED)
    if State.STATUS_UNAVAILABLE in bad and len(set(bad)) == 1:
        detail = "Whether a credential inside it was withdrawn could not be found out."
        return _unknown("inside_status_open", detail, State.STATUS_UNAVAILABLE)
    if bad:
        return _unknown("inside_not_checked", "A credential inside it could not be checked.", State.NOT_CHECKED)
    return passed(INSIDE, "Each credential inside it is good.", reason="inside_good") if verdicts else None


def _unknown(reason: str, detail: str, makes: State) -> Finding:
    return Finding(check=INSIDE, outcome=Outcome.UNKNOWN, reason=reason, detail=detail, makes=makes)
