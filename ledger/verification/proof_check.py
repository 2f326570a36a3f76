"""Judges an award by a proof file alone: no server, no store, no network; against a policy that the reader brought.

What the file shows of its log is checked first. Then what it shows of the award is judged like a scan, by
`ledger.verification.pipeline`. The verdict is as of the cosignatures; what the file does not contain is unknown, and
nothing unknown makes a verdict valid. docs/spec/proof-file.md.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from ledger.domain.status import act_of
from ledger.domain.types import Did, Digest, LinkCode, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.tlog.policy import NO_POLICY, WitnessPolicy
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, Head, PartEvidence, Placed, Policy
from ledger.verification.findings import complete, failed, not_checked, passed, ranked, with_earlier
from ledger.verification.pipeline import CHECKS, judge
from ledger.verification.proof_file import SHOWN, ProofFile, ProvedAward, ProvedEntry, read_proof_file
from ledger.verification.proof_log_check import Anchor, awards_of, check_log
from ledger.verification.proof_status_check import BITS, KEYS, RECOGNITIONS, check_bits, check_lines
from ledger.verification.readings import Readings
from ledger.verification.verdict import Finding, LogView, Outcome, Verdict

FILE_CHECKS: Final = (  # made before those of `pipeline.CHECKS`, in this order
    "asked",  # the file is of the award and the version that was asked for
    "checkpoint",  # signed by a key of the log that the policy names
    "witnesses",  # enough of those that the policy names cosigned it
    "places",  # every entry lies under it
    "statement",  # the last of them says how everything stood
    KEYS,  # of each key the log knew no more than the entries say
    RECOGNITIONS,  # of each recognition the same
    BITS,  # and of each version of the award
    "registries",  # who says whose recognition counts
)
_WITHHELD: Final = frozenset(set(Part) - set(SHOWN))
_ALL_CHECKS: Final = (*FILE_CHECKS, *CHECKS)


def check_proof_file(
    raw: bytes,
    policy: WitnessPolicy | None,
    *,
    now: datetime,
    registries: tuple[Did, ...] | None = None,
    asked: tuple[LinkCode, int] | None = None,
) -> Verdict:
    """Whether the award in a proof file is genuine, and was in force as of its checkpoint.

    Args:
        policy: the logs and witnesses that whoever asks believes. None: then the file is held against itself alone,
            and the verdict is never valid.
        now: timezone-aware; its day in UTC is the one that dates are compared with.
        registries: whose recognition counts; None for those that the file says the operator counts.
        asked: the code and the version, where the file was the answer to them.

    Raises:
        MalformedProofFile: the bytes are no proof file.
    """
    file = read_proof_file(raw)
    findings = [_check_asked(file, asked)]
    anchor, of_the_log = check_log(file, policy, now)
    findings += of_the_log
    if anchor is None:
        return _refused(file, findings, now)
    readings = Readings()
    authority = establish(_authority_evidence(file))
    findings += check_lines(file, anchor.statement, authority)
    findings.append(_check_bits(file, anchor, authority, readings))
    findings.append(_check_registries(registries))
    evidence = _evidence(file.award, file, anchor, readings)
    counting = Policy(
        registries=file.registries if registries is None else registries,
        witnesses=NO_POLICY if policy is None else policy,
    )
    judged = judge(evidence, authority, counting, now=now, scanned_version=file.version)
    return with_earlier(findings, judged, _ALL_CHECKS)


def _check_asked(file: ProofFile, asked: tuple[LinkCode, int] | None) -> Finding:
    if asked is None:
        return passed("asked", "Nothing was asked for but this file.", reason="file")
    if file.award.code is None or not compare_digest(file.award.code, asked[0]):
        return failed("asked", "another_award", "The file is of another award than was asked for.")
    if file.version != asked[1]:
        return failed("asked", "another_version", "The file is of another version than was asked for.")
    return passed("asked", "The file is of the award and the version that were asked for.")


def _check_registries(registries: tuple[Did, ...] | None) -> Finding:
    if registries is None:
        detail = "Whose recognition counts is the operator's choice, as the file tells it; you may name your own."
        return passed("registries", detail, reason="named_in_file")
    return passed("registries", "Whose recognition counts is what you said.")


def _check_bits(file: ProofFile, anchor: Anchor, authority: Authority, readings: Readings) -> Finding:
    """The first finding that is no pass, of the award and of those that it was built from; else the pass."""
    found = [_bits_of(award, anchor, authority, readings) for award in awards_of(file)]
    return next((each for each in found if each.outcome is not Outcome.PASSED), found[0])


def _bits_of(award: ProvedAward, anchor: Anchor, authority: Authority, readings: Readings) -> Finding:
    acts = []
    for each in award.entries:
        entry = readings.entry(each.raw)
        act = None if entry is None else act_of(entry.recorded(each.position))
        if act is None:
            return not_checked(BITS, "no_act", "What stands among the acts on the award is none.")
        acts.append(act)
    if not acts:
        return not_checked(BITS, "no_act", "The file has no entry of the award.")
    return check_bits(award.slots, acts, anchor.statement, authority)


def _authority_evidence(file: ProofFile) -> AuthorityEvidence:
    readings = Readings()
    issuers: dict[Did, tuple[Placed, ...]] = {}
    for stream in file.issuers:
        first = readings.entry(stream[0].raw) if stream else None
        if first is not None:
            # Of an issuer with two streams, which no honest log has, nothing is established.
            issuers[first.by] = () if first.by in issuers else _placed(stream)
    return AuthorityEvidence(log=_placed(file.log), issuers=issuers, definitions=_definitions(file))


def _evidence(award: ProvedAward, file: ProofFile, anchor: Anchor, readings: Readings) -> CredentialEvidence:
    opened = list(zip(award.entries, award.facts, award.documents, strict=True))
    return CredentialEvidence(
        code=award.code,
        stream=_placed(award.entries),
        parts={
            entry.position: _parts({Part.DOCUMENT: document, Part.FACTS: facts}) for entry, facts, document in opened
        },
        definitions=_definitions(file),
        head=Head(size=anchor.checkpoint.size, at=anchor.as_of),
        checkpoint=file.checkpoint,
        paths={entry.position: entry.path for entry in award.entries},
        components={
            stream: _evidence(part, file, anchor, readings)
            for part in (file.parts if award is file.award else ())
            if (stream := _stream(part, readings)) is not None
        },
        withheld=_WITHHELD,
        closed=frozenset(entry.position for entry, facts, _ in opened if facts is None),
        undocumented=frozenset(entry.position for entry, _, document in opened if document is None),
        readings=readings,
    )


def _parts(openings: Mapping[Part, Opening | None]) -> dict[Part, PartEvidence]:
    return {part: PartEvidence(opening=each, present=True) for part, each in openings.items() if each is not None}


def _stream(award: ProvedAward, readings: Readings) -> StreamId | None:
    first = readings.entry(award.entries[0].raw) if award.entries else None
    return None if first is None else first.stream


def _placed(entries: Iterable[ProvedEntry]) -> tuple[Placed, ...]:
    return tuple(Placed(position=each.position, raw=each.raw) for each in entries)


def _definitions(file: ProofFile) -> dict[Digest, bytes]:
    return {Digest(sha256(raw).digest()): raw for raw in file.definitions}


def _refused(file: ProofFile, findings: list[Finding], now: datetime) -> Verdict:
    """The verdict where the award was not looked at, since nothing in the file hangs on a checkpoint."""
    whole = complete(findings, _ALL_CHECKS, not_checked)
    return Verdict(
        state=ranked(whole)[0],
        notices=(),
        findings=whole,
        as_of=now,
        known_at=now,
        log=LogView(origin=file.origin, size=0, root=None, position=None, witnesses=0),
        scanned_version=file.version,
    )
