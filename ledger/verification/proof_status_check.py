"""Checks what a proof file shows by the roots of the statement: lines of keys and recognitions, bits of versions.

Entries that were left out of a file cannot be seen in it. They are seen here: a line says all that the log knew of a
key or a recognition, a bit whether anything stands against a version, and both have to agree with the entries given.
"""

from collections.abc import Collection, Sequence

from ledger.domain.events import StatusCommitted
from ledger.domain.issuer import Recognition
from ledger.domain.status import Act, bits
from ledger.verification.authority_check import Authority
from ledger.verification.authority_lines import (
    AuthorityProof,
    KeyLine,
    RecognitionLine,
    check_authority_line,
    key_line,
    recognition_line,
)
from ledger.verification.findings import failed, not_checked, passed
from ledger.verification.proof_file import ProofFile, ProvedSlot
from ledger.verification.status_lists import SlotProof, StatusNotProved, check_slot
from ledger.verification.verdict import Finding, State

KEYS, RECOGNITIONS, BITS = "key_lines", "recognition_lines", "bits"

_AGREES = {
    KEYS: "Of the keys concerned the log knew, at the statement, just what the entries in the file say.",
    RECOGNITIONS: "Of the recognitions that could count the log knew just what the entries in the file say.",
}

Line = KeyLine | RecognitionLine


def check_lines(file: ProofFile, statement: StatusCommitted, authority: Authority) -> list[Finding]:
    """Whether the log knew, at the statement, just what the entries given say: of every key, of every recognition.

    Of a recognition by a body whose entries are not in the file nothing is known, and it does not count.
    """
    proved: set[Line] = set()
    for each in file.authority:
        proof = AuthorityProof(line=each.line, number=each.index, size=file.authority_size, path=each.path)
        try:
            proved.add(check_authority_line(proof, statement))
        except StatusNotProved:
            detail = "A line about a key or a recognition is none of those that the statement was made over."
            return [failed(KEYS, "line_not_proved", detail)]
    issuers = authority.issuers.values()
    keys = [key_line(issuer, key) for issuer in issuers for key in issuer.keys.values()]
    recognitions = [
        recognition_line(issuer, each) for issuer in issuers for each in issuer.recognitions if _counts(each, authority)
    ]
    return [_compare(KEYS, keys, proved), _compare(RECOGNITIONS, recognitions, proved)]


def _counts(recognition: Recognition, authority: Authority) -> bool:
    body = authority.issuers.get(recognition.by)
    return body is not None and not body.disowns(recognition.kid, recognition.position)


def _compare(check: str, expected: Sequence[Line], proved: Collection[Line]) -> Finding:
    missing = [line for line in expected if line not in proved]
    if not missing:
        return passed(check, _AGREES[check])
    about = {_subject(line) for line in proved}
    if any(_subject(line) in about for line in missing):
        detail = "The log knew something else than the entries in the file say: some were left out."
        return failed(check, "line_differs", detail)
    return not_checked(check, "line_missing", "The file does not show all that the log knew.")


def _subject(line: Line) -> tuple[str, ...]:
    """What a line is about; what it says of that may differ."""
    if isinstance(line, KeyLine):
        return line.by, line.kid
    return line.by, line.issuer, line.scheme, line.since.isoformat()


def check_bits(
    slots: Sequence[ProvedSlot], acts: Sequence[Act], statement: StatusCommitted, authority: Authority
) -> Finding:
    """Whether the bit of each version of an award is what the acts given come to.

    Args:
        acts: all that the file has of one award, in their order; the first is what issued it.
    """
    issuer = authority.issuers.get(acts[0].by)
    if issuer is None:
        return not_checked(BITS, "issuer_unestablished", "Whether a key of the issuer is disowned is not known.")
    expected = bits(acts, issuer.disowns)
    places = [(act.list, act.slot) for act in acts if act.list is not None and act.slot is not None]
    if len(places) != len(slots):
        return not_checked(BITS, "slot_missing", "The file does not show the bit of each version of the award.")
    for (name, slot), given in zip(places, slots, strict=True):
        proof = SlotProof(
            list=name,
            slot=slot,
            chunk=given.chunk,
            chunk_path=given.path,
            number=given.list_index,
            list_path=given.list_path,
        )
        try:
            found = check_slot(proof, statement)
        except StatusNotProved:
            detail = "The part of a status list in the file is not the one that the statement was made over."
            return failed(BITS, "slot_not_proved", detail)
        if found and not expected[name, slot]:
            detail = "The log says not to rely on the award, and the file does not show the act that is the reason."
            return failed(BITS, "act_left_out", detail)
        if expected[name, slot] and not found:
            detail = "The log says to rely on what its own entries say not to rely on."
            return failed(BITS, "bit_clear", detail, makes=State.LOG_INCONSISTENT)
    return passed(BITS, "The log says of each version of the award just what the entries in the file come to.")
