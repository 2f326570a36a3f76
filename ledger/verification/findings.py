"""How a check words what it found, and what findings come to.

Every finding that is not a pass makes a state, so none can be overlooked.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from ledger.verification.verdict import NOTHING_SHOWN, Finding, Notice, Outcome, State, Verdict

OK = "ok"  # the reason of a plain pass
_ORDER = {state: place for place, state in enumerate(State)}


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


def not_checked(check: str, reason: str, detail: str) -> Finding:
    """The check could not be made with what is at hand: of a file, where nothing is wrong with the service."""
    return Finding(check=check, outcome=Outcome.UNKNOWN, reason=reason, detail=detail, makes=State.NOT_CHECKED)


def complete(
    findings: Iterable[Finding], checks: tuple[str, ...], not_made: Callable[[str, str, str], Finding]
) -> tuple[Finding, ...]:
    """The findings in the order of `checks`; one that gave none was not made, which `not_made` words."""
    given = tuple(findings)
    names = tuple([finding.check for finding in given])
    if names == checks:  # as nearly always
        return given
    detail = "This was not checked, since it needs what an earlier check did not find."
    missing = [not_made(check, "not_reached", detail) for check in checks if check not in names]
    return tuple(sorted([*given, *missing], key=lambda finding: checks.index(finding.check)))


def states_made(findings: Iterable[Finding]) -> set[State]:
    """The states that findings make; none where all are passes."""
    return {finding.makes for finding in findings if finding.makes is not None}


def ranked(findings: Iterable[Finding]) -> list[State]:
    """The states that findings make, the one that wins first; valid where they make none."""
    return sorted(states_made(findings), key=_ORDER.__getitem__) or [State.VALID]


def with_earlier(findings: Iterable[Finding], judged: Verdict, checks: tuple[str, ...]) -> Verdict:
    """The verdict on an award that somebody kept, by what was found of the rest of the file or the archive, too.

    Args:
        findings: made before the award was judged.
        checks: all of them, in order, and those of the award.
    """
    whole = complete([*findings, *map(_of_what_was_kept, judged.findings)], checks, not_checked)
    state, *others = ranked(whole)
    if state in NOTHING_SHOWN:
        return Verdict(
            state=state,
            notices=(),
            findings=whole,
            as_of=judged.as_of,
            known_at=judged.known_at,
            log=replace(judged.log, path=None),
            scanned_version=judged.scanned_version,
        )
    notices = [other.value for other in others] + [each for each in judged.notices if each in tuple(Notice)]
    return replace(judged, state=state, notices=tuple(notices), findings=whole)


def _of_what_was_kept(finding: Finding) -> Finding:
    """What a scan cannot explain is the service's trouble; what was kept merely does not contain it."""
    if finding.outcome is Outcome.UNKNOWN:
        return not_checked(finding.check, finding.reason, finding.detail)
    return finding
