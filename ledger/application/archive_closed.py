"""What an archive says of an award that it shows nothing of: whose private parts were erased, or never exported.

Whoever hands an archive over can take a file out of it. So what the entries say without their private parts is checked
as ever, and a withdrawal is told, whatever is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.domain.types import Did
from ledger.record.entry import parse_entry
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import Placed
from ledger.verification.findings import ranked
from ledger.verification.history_check import follow_acts
from ledger.verification.standing_check import check_status
from ledger.verification.verdict import Outcome, State, Verdict

_PARTS: Final = "parts"  # the check that cannot be made without a capsule
_NOT_REACHED: Final = "not_reached"  # nor can what comes after it


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderUnconfirmed:
    """The code is genuine, and the archive does not hold what the award shows: erased, or never exported."""

    issuer: Did
    issued: datetime  # recorded time
    withdrawn: State | None  # revoked, suspended or issued with a stolen key, as the entries say


def without_capsule(verdict: Verdict, own: Sequence[Placed], authority: Authority) -> Verdict | HolderUnconfirmed:
    """What is known of an award without its private parts; the verdict, where anything else stands in the way too.

    Args:
        verdict: on the award with no part of it opened.
        own: its entries.
    """
    missing = {
        each.check for each in verdict.findings if each.outcome is Outcome.UNKNOWN and each.reason != _NOT_REACHED
    }
    operator = authority.operator
    if verdict.state is not State.NOT_CHECKED or missing != {_PARTS} or operator is None:
        return verdict
    entries = [parse_entry(each.raw) for each in own]
    history = tuple(entry.recorded(each.position) for entry, each in zip(entries, own, strict=True))
    acts = follow_acts(history, operator, authority)
    if acts.credential is None:
        return verdict
    state = ranked([*acts.findings, *check_status(acts.credential)])[0]
    return HolderUnconfirmed(
        issuer=entries[0].by, issued=entries[0].at, withdrawn=None if state is State.VALID else state
    )
