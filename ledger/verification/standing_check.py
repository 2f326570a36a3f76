"""Checks whether a genuine award is in force: issuer recognised, in its dates, not withdrawn, the current version."""

from collections.abc import Mapping
from datetime import date

from ledger.domain.award import Award
from ledger.domain.credential import Credential, Version
from ledger.domain.issuer import Issuer, Recognition
from ledger.domain.types import Seq
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import Policy
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import Finding, RecognitionView, State


def check_recognition(
    issuer: Issuer, authority: Authority, policy: Policy, today: date, issued: Version | None
) -> tuple[Finding, RecognitionView]:
    """Whether a registry that the operator names recognises the issuer today, and whether one did at the award.

    Args:
        issued: the first version of the award; None where it is not of this log, and nobody knows when it was issued.
    """
    stated = [each for registry in policy.registries for each in issuer.recognitions if each.by == registry]
    counting = [each for each in stated if _counts(each, authority)]
    when_issued = None if issued is None else any(_held(each, issued) for each in counting)
    if any(each.by not in authority.issuers for each in stated):
        detail = "A registry that recognised the issuer could not be checked."
        return unknown("recognition", "registry_unestablished", detail), _view(None, authority, False, False)
    for each in counting:
        if _holds(each, today):
            detail = "A registry that the operator of this service names recognises the issuer."
            return passed("recognition", detail), _view(each, authority, True, when_issued)
    ended = [each for each in counting if each.until is not None and each.until < today]
    last = max(ended, key=_last_day, default=None)
    reason = "not_recognised" if last is None else "recognition_ended"
    detail = "No registry that the operator of this service names recognises the issuer."
    finding = failed("recognition", reason, detail, makes=State.ISSUER_UNRECOGNISED)
    return finding, _view(last, authority, False, when_issued)


def _counts(recognition: Recognition, authority: Authority) -> bool:
    body = authority.issuers.get(recognition.by)
    return body is not None and not body.disowns(recognition.kid, recognition.position)


def _holds(recognition: Recognition, day: date) -> bool:
    return recognition.since <= day <= _last_day(recognition)


def _held(recognition: Recognition, issued: Version) -> bool:
    return recognition.position < issued.position and _holds(recognition, issued.at.date())


def _last_day(recognition: Recognition) -> date:
    return recognition.until or date.max


def _view(
    shown: Recognition | None, authority: Authority, recognised: bool, when_issued: bool | None
) -> RecognitionView:
    return RecognitionView(
        recognised=recognised,
        registry=None if shown is None else authority.profiles[shown.by].name,
        registry_id=None if shown is None else shown.by,
        scheme=None if shown is None else shown.scheme,
        since=None if shown is None else shown.since,
        ended_on=None if shown is None or recognised else shown.until,
        recognised_when_issued=when_issued,
    )


def check_dates(award: Award, today: date, latest: date) -> list[Finding]:
    """Whether today lies between the first day and the last, both included.

    Args:
        latest: today, or a later day that is known to have come.
    """
    findings = []
    if award.valid_until is not None and award.valid_until < latest:
        findings.append(failed("dates", "expired", "The last day of the award is over.", makes=State.EXPIRED))
    if award.begins > today:
        detail = "The first day of the award is still to come."
        findings.append(failed("dates", "not_yet_valid", detail, makes=State.NOT_YET_VALID))
    return findings or [passed("dates", "The day of this check lies within the dates of the award.")]


def check_status(credential: Credential) -> list[Finding]:
    """Whether a revocation or a suspension holds; one that a thief stated does, until a good key reinstates."""
    findings = []
    if credential.revoked is not None:
        detail = "The issuer withdrew the award."
        findings.append(failed("status", "revoked", detail, makes=State.REVOKED))
    if credential.suspended is not None:
        detail = "The issuer put the award on hold."
        findings.append(failed("status", "suspended", detail, makes=State.SUSPENDED))
    return findings or [passed("status", "The award is neither withdrawn nor on hold.")]


def check_version(credential: Credential, scanned: int, awards: Mapping[Seq, Award]) -> Finding:
    """Whether the version scanned exists and says what the current one says; a thief's version is never current.

    Args:
        awards: what each version says, as far as it is known.
    """
    if not 1 <= scanned <= len(credential.versions):
        detail = "The award never had the version that was asked for."
        return failed("version", "no_such_version", detail, makes=State.NOT_FOUND)
    current = credential.current
    if scanned != current.number and _same(credential.versions[scanned - 1], current, awards):
        return passed("version", "The award was signed again since, and says what it said.", reason="signed_again")
    if scanned != current.number:
        detail = "The version that was scanned is not the current one."
        return failed("version", "amended", detail, makes=State.AMENDED)
    return passed("version", "This is the current version.")


def was_corrected(credential: Credential, awards: Mapping[Seq, Award]) -> bool:
    """Whether an earlier version said something else than the current one, or is not known here."""
    current = credential.current
    return any(each.number < current.number and not _same(each, current, awards) for each in credential.versions)


def _same(old: Version, new: Version, awards: Mapping[Seq, Award]) -> bool:
    """Whether two versions that count say the same."""
    return not old.disowned and old.seq in awards and awards[old.seq] == awards.get(new.seq)
