"""Judges one award: every check in order, each with its findings, and the one verdict that they make.

Pure: evidence in, verdict out, the time of day an argument. "Valid" is one conjunction, and a check that gave no
finding counts as not made. What is shown is decided in `ledger.verification.views`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hmac import compare_digest

from ledger.domain.authority import Operator
from ledger.domain.codes import link_digest, stream_named
from ledger.domain.events import CredentialAwarded
from ledger.domain.types import Origin
from ledger.verification.authority_check import Authority
from ledger.verification.components_check import Judged, check_stack
from ledger.verification.contents_check import open_contents
from ledger.verification.document_check import check_documents
from ledger.verification.evidence import AskedBy, CredentialEvidence, Policy
from ledger.verification.findings import complete, failed, passed, ranked, states_made, unknown
from ledger.verification.history_check import follow_acts
from ledger.verification.log_check import NO_LOG, PENDING, OpenedLog, check_place, open_log
from ledger.verification.standing_check import (
    check_dates,
    check_recognition,
    check_status,
    check_version,
    was_corrected,
)
from ledger.verification.stream_check import Reading, bad_signature, read_stream
from ledger.verification.verdict import NOTHING_SHOWN, Finding, LogView, Notice, State, Verdict
from ledger.verification.views import Genuine, amendment_views, award_view, change_view, history_lines

CHECKS = (  # in the order in which they are made and shown
    "code",  # the code leads to this stream, and the award was issued with it
    "entries",  # bytes, numbers, chain
    "signatures",
    "parts",  # private parts against their commitments
    "definition",
    "issuer",  # established by its own stream
    "signers",  # which key may sign what, and when
    "history",  # which act may follow which
    "document",  # the credential file of each version says what its facts say, and is signed by the same key
    "log",  # each entry is proved to be under the published checkpoint
    "components",  # the parts of a stack are those it was built from, and in force
    "recognition",
    "dates",
    "status",  # neither withdrawn nor on hold
    "version",  # the scanned version is the current one
)
_NO_SUCH_AWARD = failed("code", "no_such_award", "No award is on record under this code.", makes=State.NOT_FOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked, of whom and when."""

    evidence: CredentialEvidence
    authority: Authority
    policy: Policy
    now: datetime
    scanned_version: int | None
    published: OpenedLog
    log: LogView

    def about(self, part: CredentialEvidence) -> "_Question":
        """The same question about a part, in its current version."""
        position = part.stream[0].position if part.stream else None
        evidence, log = replace(part, head=self.evidence.head), replace(self.log, position=position, path=None)
        return replace(self, evidence=evidence, scanned_version=None, log=log)


def judge(
    evidence: CredentialEvidence,
    authority: Authority,
    policy: Policy,
    *,
    now: datetime,
    scanned_version: int | None,
) -> Verdict:
    """Whether the award is genuine and in force; never raises a LedgerError, whatever the bytes.

    Args:
        authority: established from the same snapshot; the award's issuer and every body that recognised it.
        now: timezone-aware; its day in UTC is today.
        scanned_version: as printed on the certificate, from 1; None where the award was asked for by its id.
    """
    operator, log = authority.operator, authority.log
    published = NO_LOG if log is None else open_log(evidence.checkpoint, log, policy.witnesses, now)
    position = evidence.stream[0].position if evidence.stream else None
    path = None if position is None else evidence.paths.get(position)
    question = _Question(
        evidence=evidence,
        authority=authority,
        policy=policy,
        now=now,
        scanned_version=scanned_version,
        published=published,
        log=published.view(Origin("") if operator is None else operator.origin, position, path),
    )
    if operator is None:
        detail = "The entries of the log that name its keys do not verify."
        return _unshown(question, [unknown("issuer", "log_start_unverified", detail)])
    return _judge(question, operator).verdict


def _judge(question: _Question, operator: Operator) -> Judged:
    """The verdict on an award, or on a part of one, in a log whose beginning is good."""
    evidence = question.evidence
    reading = read_stream(evidence.stream, operator.origin, evidence.readings)
    findings = [_check_code(evidence, reading)]
    if findings[0].makes is State.NOT_FOUND:
        return _not_genuine(_not_found(question))
    findings += _check_bytes(reading)
    if states_made(findings):
        return _not_genuine(_unshown(question, findings))
    genuine = _check_genuine(question, reading, operator, findings)
    published, policy, now = question.published, question.policy, question.now
    findings.append(published.broken or check_place(reading.entries, evidence, published.checkpoint, policy, now))
    if genuine is None or not states_made(findings).isdisjoint(NOTHING_SHOWN):
        return _not_genuine(_unshown(question, findings))
    built, parts = check_stack(genuine, evidence, operator.origin, lambda part: _judge(question.about(part), operator))
    findings.append(built)
    if built.makes in NOTHING_SHOWN:
        return _not_genuine(_unshown(question, findings))
    verdict = _judge_standing(question, genuine, findings)
    if verdict.state in NOTHING_SHOWN:
        return _not_genuine(verdict)
    return Judged(verdict=replace(verdict, components=parts) if parts else verdict, genuine=genuine)


def _not_genuine(verdict: Verdict) -> Judged:
    return Judged(verdict=verdict, genuine=None)


def _check_code(evidence: CredentialEvidence, reading: Reading) -> Finding:
    """Whether there is such an award; where not, the finding is always the same one and tells nothing else."""
    code = evidence.code
    if not evidence.stream:
        return _NO_SUCH_AWARD
    if not reading.entries:
        return unknown("code", "not_compared", "What stands first in the stream is not an entry.")
    first = reading.entries[0]
    if not isinstance(first.event, CredentialAwarded):
        return _NO_SUCH_AWARD
    if code is None and evidence.asked_by is AskedBy.SHORT_CODE:
        return passed("code", "The award was found by its short code.", reason="short_code")
    if code is None:
        return passed("code", "The award was asked for by its id, without a code.", reason="asked_by_id")
    # The digest that the entry names is "compared in constant time on each scan".
    digest = link_digest(code)
    if not compare_digest(digest, first.event.link) or stream_named(code, digest) != first.stream:
        return _NO_SUCH_AWARD
    return passed("code", "The award was issued with this code.")


def _check_bytes(reading: Reading) -> list[Finding]:
    if reading.fault is not None:
        return [failed("entries", reading.fault.reason, reading.fault.detail)]
    whole = passed("entries", "The entries of the award are whole and hang together from the first.")
    fault = bad_signature(reading.entries)
    if fault is not None:
        return [whole, failed("signatures", fault.reason, fault.detail)]
    return [whole, passed("signatures", "Each entry is signed by the key that it names.")]


def _check_genuine(
    question: _Question, reading: Reading, operator: Operator, findings: list[Finding]
) -> Genuine | None:
    """What the entries add up to; None where they do not. Adds to `findings`, which say whether it may be shown."""
    authority, placed = question.authority, question.evidence.stream
    contents = open_contents(reading.entries, question.evidence)
    pairs = zip(reading.entries, placed, strict=True)
    acts = follow_acts(tuple(entry.recorded(each.position) for entry, each in pairs), operator, authority)
    findings += contents.findings
    findings += acts.findings
    if acts.credential is None:
        return None
    if placed[acts.credential.current.seq].position in question.evidence.closed | question.evidence.undocumented:
        detail = "What the award says in its current version, or its credential file, is not among what was given."
        findings.append(unknown("parts", "current_version_closed", detail))
        return None
    if states_made(findings).isdisjoint(NOTHING_SHOWN):  # else there is nothing sound to compare it with
        findings.append(check_documents(acts.credential, contents))
    return Genuine(
        placed=placed,
        entries=reading.entries,
        disowned=acts.disowned,
        contents=contents,
        credential=acts.credential,
        issuer=authority.issuers[acts.credential.issuer],
        profile=authority.profiles[acts.credential.issuer],
    )


def _judge_standing(question: _Question, genuine: Genuine, findings: list[Finding]) -> Verdict:
    """The verdict on an award that its issuer did sign."""
    credential, today = genuine.credential, question.now.astimezone(UTC).date()
    current = credential.current.number
    scanned = current if question.scanned_version is None else question.scanned_version
    recognised, recognition = check_recognition(
        genuine.issuer, question.authority, question.policy, today, credential.versions[0]
    )
    findings.append(recognised)
    # A day that the log has seen the end of is over, whatever the clock says now. Nothing begins by the log's word.
    over = max(question.now, question.evidence.head.at).astimezone(UTC).date()
    findings += check_dates(genuine.contents.awards[credential.current.seq], today, over)
    findings += check_status(credential)
    findings.append(check_version(credential, scanned, genuine.contents.awards))
    whole = complete(findings, CHECKS, unknown)
    state, *others = ranked(whole)
    if state in NOTHING_SHOWN:
        return _unshown(question, findings)
    notices = [other.value for other in others]
    if current == scanned and was_corrected(credential, genuine.contents.awards):
        notices.append(Notice.CORRECTED.value)
    if PENDING in [finding.reason for finding in findings]:
        notices.append(Notice.PENDING.value)
    return Verdict(
        state=state,
        notices=tuple(notices),
        findings=whole,
        as_of=question.evidence.head.at,
        known_at=question.now,
        award=award_view(genuine, recognition),
        scanned_version=scanned,
        current_version=current,
        change=change_view(genuine),
        amendments=amendment_views(genuine, scanned),
        history=history_lines(genuine),
        log=question.log,
    )


def _unshown(question: _Question, findings: list[Finding]) -> Verdict:
    """The verdict on what was not found genuine: nothing of the award, and no notices."""
    whole = complete(findings, CHECKS, unknown)
    state = ranked(whole)[0]
    if state is State.NOT_FOUND:
        return _not_found(question)
    return _without_award(question, state, whole, replace(question.log, path=None))


def _not_found(question: _Question) -> Verdict:
    """The verdict where there is no such award; one and the same, however that was found out."""
    log = replace(question.log, position=None, path=None)
    return _without_award(question, State.NOT_FOUND, (_NO_SUCH_AWARD,), log)


def _without_award(question: _Question, state: State, findings: tuple[Finding, ...], log: LogView) -> Verdict:
    return Verdict(
        state=state,
        notices=(),
        findings=findings,
        as_of=question.evidence.head.at,
        known_at=question.now,
        log=log,
        scanned_version=question.scanned_version,
    )
