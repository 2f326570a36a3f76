"""Judges a credential that is not of this log, by what it brings with it: its proofs, its dates, its status.

Pure, like `ledger.verification.pipeline`, with checks of its own: there is no entry, no history and no place in the log
to go by. Every verdict says that the credential was not issued here. Nothing is *valid* unless every check passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.domain.types import Origin
from ledger.vc.checked import CheckedProof
from ledger.vc.data_model import DataModelViolated, check_credential, identifier, types_of, validity_of
from ledger.vc.reading import Document
from ledger.vc.schema import SchemaViolated, check_schema
from ledger.verification.findings import complete, failed, not_checked, passed, ranked, states_made
from ledger.verification.foreign_view import foreign_award
from ledger.verification.verdict import (
    NOTHING_SHOWN,
    Finding,
    ForeignIssuer,
    LogView,
    Notice,
    Outcome,
    State,
    Verdict,
)

CHECKS: Final = (  # in the order in which they are made and shown
    "read",  # a JSON object that reads one way only
    "data_model",  # a credential, as the W3C's data model has them
    "schema",  # a badge, as 1EdTech's schema has them
    "proof",  # every proof is good
    "issuer",  # one of them by a key of the issuer
    "dates",
    "status",  # not withdrawn, by a list of the issuer's
    "recognition",
)
RECORD: Final = "record"  # made of what an issuer of this log signed: none of it is an award, or it would be on record
INSIDE: Final = "inside"  # made of what holds other credentials, whole
_NO_LOG: Final = LogView(origin=Origin(""), size=0, root=None, position=None, witnesses=0)
_BADGES: Final = frozenset(("OpenBadgeCredential", "AchievementCredential"))
# A proof whose own time is over fails without a look at its signature: that says nothing about whether it was good.
_OVER: Final = frozenset(("proof_expired", "proof_not_yet_valid", "method_expired"))
_NO_AWARD: Final = failed(
    RECORD,
    "no_award",
    "An issuer of this service signed it, and it is not an award: those are all on record here.",
    makes=State.NO_AWARD,
)
_LOWERED: Final = {"revocation": State.REVOKED, "suspension": State.SUSPENDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFound:
    """What became of asking for one status of a credential."""

    purpose: str  # revocation, suspension, or another that the credential names
    set: bool | None  # the bit; None where it could not be read
    reason: str  # snake_case
    detail: str  # a sentence for people


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvidence:
    """A credential, and what was found out about it."""

    document: Document
    proofs: tuple[CheckedProof, ...]  # of the document, or of the JWT around it; empty where nobody signed it
    statuses: tuple[StatusFound, ...]  # one for each that the credential names
    issuer: ForeignIssuer | None = None  # as the registries know it; None where they do not
    inside: Finding | None = None  # of the credentials inside it; None where there are none
    ours: bool = False  # whether it names an issuer of this log, which has no such award on record


def judge_foreign(evidence: ForeignEvidence, *, now: datetime) -> Verdict:
    """Whether the credential is genuine and in force, as far as it can be told; never raises a LedgerError.

    Args:
        now: timezone-aware; dates of the credential are compared with it.
    """
    document, added = evidence.document, []
    findings = [passed("read", "The file holds one JSON document that can be read in one way only.", reason="one_way")]
    shape = _check_data_model(document)
    findings.append(shape)
    if shape.makes is None:
        findings.append(check_shape(document))
        findings += check_proofs(document, evidence.proofs)
    if not states_made(findings) & NOTHING_SHOWN:
        findings += _check_dates(document, now)
        findings += _check_status(evidence.statuses)
        findings.append(_check_recognition(evidence.issuer))
        added += [] if evidence.inside is None else [evidence.inside]
        added += [_NO_AWARD] if evidence.ours else []
    return _verdict(evidence, (*complete(findings, CHECKS, not_checked), *added), now)


def refuse(finding: Finding, *, now: datetime) -> Verdict:
    """The verdict on a file that one finding alone decides; nothing of it is shown."""
    state = finding.makes or State.NOT_CHECKED
    return Verdict(state=state, notices=(), findings=(finding,), as_of=now, known_at=now, log=_NO_LOG)


def signed_by_issuer(document: Document, proofs: Iterable[CheckedProof]) -> bool:
    """Whether every proof is good, and one of them the issuer's: before that, nothing it names is looked up."""
    return all(finding.makes is None for finding in check_proofs(document, tuple(proofs)))


def check_shape(document: Document) -> Finding:
    """Whether a badge keeps the published schema.

    A badge that does not may have a good signature, and libraries that hold it against no schema take it; the
    conformance checks of 1EdTech refuse it. It is not said to be forged here, nor good.
    """
    if _BADGES.isdisjoint(types_of(document)):
        return passed("schema", "This is no badge, and has no schema to keep.", reason="no_badge")
    try:
        check_schema(document)
    except SchemaViolated:
        detail = "The file is not a badge as the Open Badges 3.0 schema describes it."
        return failed("schema", "schema_violated", detail, makes=State.NOT_CHECKED)
    return passed("schema", "The file is a badge as the Open Badges 3.0 schema describes it.")


def check_proofs(document: Document, proofs: tuple[CheckedProof, ...]) -> list[Finding]:
    """Whether every proof passed, and one of them was made with a key that the issuer names for that purpose."""
    if not proofs:
        return [failed("proof", "unsigned", "Nobody has signed this file.")]
    bad = next((proof for proof in proofs if proof.outcome == "failed"), None)
    if bad is not None:
        makes = State.NOT_CHECKED if bad.reason in _OVER else State.SIGNATURE_INVALID
        return [failed("proof", bad.reason, _sentence(bad.detail), makes=makes)]
    open_ = next((proof for proof in proofs if proof.outcome == "unknown"), None)
    if open_ is not None:
        return [not_checked("proof", open_.reason, _sentence(open_.detail))]
    good = passed("proof", "The file is as it was signed.", reason="signature_valid")
    if identifier(document.get("issuer")) not in {proof.controller for proof in proofs}:
        detail = "The file is signed by somebody else than the issuer that it names."
        return [good, failed("issuer", "signed_by_another", detail)]
    return [good, passed("issuer", "It is signed with a key of the issuer that it names.", reason="signed_by_issuer")]


def _check_data_model(document: Document) -> Finding:
    try:
        check_credential(document)
    except DataModelViolated as violated:
        places = ", ".join(dict.fromkeys(fault.place for fault in violated.faults))
        detail = f"The file is not a credential as the W3C data model describes them: {places}."
        return failed("data_model", "no_credential", detail, makes=State.NOT_CHECKED)
    return passed("data_model", "The file is a credential as the W3C data model describes them.")


def _check_dates(document: Document, now: datetime) -> list[Finding]:
    validity, findings = validity_of(document), []
    if validity.ends is not None and validity.ends < now:
        findings.append(failed("dates", "expired", "The last day of the award is over.", makes=State.EXPIRED))
    if validity.begins is not None and validity.begins > now:
        detail = "The first day of the award is still to come."
        findings.append(failed("dates", "not_yet_valid", detail, makes=State.NOT_YET_VALID))
    return findings or [passed("dates", "The day of this check lies within the dates of the award.")]


def _check_status(statuses: tuple[StatusFound, ...]) -> list[Finding]:
    if not statuses:
        detail = "The file names no list by which it could be withdrawn."
        return [passed("status", detail, reason="none_named")]
    return [_judged(status) for status in statuses]


def _judged(status: StatusFound) -> Finding:
    if status.set is False:
        return passed("status", "The award is neither withdrawn nor on hold.")
    lowered = _LOWERED.get(status.purpose)
    if status.set and lowered is not None:
        return failed("status", lowered.value, _sentence(status.detail), makes=lowered)
    return Finding(
        check="status",
        outcome=Outcome.UNKNOWN,
        reason="unknown_purpose" if status.set else status.reason,
        detail=_sentence(status.detail),
        makes=State.STATUS_UNAVAILABLE,
    )


def _check_recognition(issuer: ForeignIssuer | None) -> Finding:
    if issuer is not None and issuer.recognition.recognised:
        return passed("recognition", "A registry that the operator of this service names recognises the issuer.")
    detail = "No registry that the operator of this service names recognises the issuer."
    reason = "not_recognised" if issuer is None or issuer.recognition.ended_on is None else "recognition_ended"
    return failed("recognition", reason, detail, makes=State.ISSUER_UNRECOGNISED)


def _verdict(evidence: ForeignEvidence, findings: tuple[Finding, ...], now: datetime) -> Verdict:
    state, *others = ranked(findings)
    shown = state not in NOTHING_SHOWN
    told = others if shown or state is State.NO_AWARD else []  # of the others, the rest was not looked at
    return Verdict(
        state=state,
        notices=(*(other.value for other in told), Notice.NOT_ISSUED_HERE.value),
        findings=findings,
        as_of=now,
        known_at=now,
        log=_NO_LOG,
        foreign=foreign_award(evidence.document, evidence.issuer) if shown else None,
    )


def _sentence(detail: str) -> str:
    """The word of a library as a sentence."""
    return f"{detail[:1].upper()}{detail[1:]}".rstrip(".") + "."
