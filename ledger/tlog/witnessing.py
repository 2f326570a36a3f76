"""What a log asks of a witness, what the witness answers, and what it must refuse (c2sp.org/tlog-witness).

Pure: who keeps what was seen, durably and one request at a time, and who speaks HTTP, is elsewhere
(`ledger.adapters.witness_state`, `ledger.adapters.witnesses`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint, CheckpointOriginMismatch, MalformedCheckpoint, open_checkpoint
from ledger.tlog.cosignature import CosignerKey, cosignatures
from ledger.tlog.encoding import MAX_PROOF, from_decimal, from_hash_lines, to_base64
from ledger.tlog.merkle import EMPTY_ROOT, SIZE_LIMIT, Hash, node_hash
from ledger.tlog.note import (
    MAX_NOTE_BYTES,
    MalformedNote,
    NoteSignatureInvalid,
    NoteUnsigned,
    VerifierKey,
    by_name_and_id,
    signatures,
)
from ledger.tlog.proofs import ConsistencyNotProved, check_consistency

_OLD: Final = "old "
MAX_REQUEST_BYTES: Final = 4 * 1024 + MAX_NOTE_BYTES  # old size and 63 hashes before the note
MAX_ANSWER_BYTES: Final = MAX_NOTE_BYTES
SIZE_TYPE: Final = "text/x.tlog.size"  # Content-Type of a 409

BAD_REQUEST: Final = 400
NOT_SIGNED: Final = 403
UNKNOWN_LOG: Final = 404
OTHER_SIZE: Final = 409
NOT_CONSISTENT: Final = 422


class MalformedAddCheckpoint(LedgerError):
    """Bytes that are no request to add a checkpoint, or values that make none."""


class MalformedWitnessAnswer(LedgerError):
    """What a witness answered is not what its status promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """The request of a log: cosign this note, which continues the tree of `old` leaves that you saw last.

    Raises:
        MalformedAddCheckpoint: a value is out of its bounds.
    """

    old: int  # 0 <= old < 2**63
    path: tuple[Hash, ...]  # consistency from `old` to the note's size; at most 63; empty where `old` is 0
    note: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.old < SIZE_LIMIT or len(self.path) > MAX_PROOF or len(self.note) > MAX_NOTE_BYTES:
            raise MalformedAddCheckpoint(
                f"a request has an old size below 2**63, at most {MAX_PROOF} hashes and a note of at most "
                f"{MAX_NOTE_BYTES} bytes"
            )

    def to_bytes(self) -> bytes:
        """The body of the request."""
        lines = [f"{_OLD}{self.old}", *(to_base64(each) for each in self.path), "", ""]
        return "\n".join(lines).encode("ascii") + self.note


def parse_add_checkpoint(raw: bytes) -> AddCheckpoint:
    """The request that `raw` spells; its note is not opened.

    Raises:
        MalformedAddCheckpoint: it is none.
    """
    head, blank, note = raw.partition(b"\n\n")
    first, *lines = head.decode("ascii", "replace").split("\n")
    old = from_decimal(first.removeprefix(_OLD)) if first.startswith(_OLD) else None
    path = from_hash_lines(lines)
    if not blank or old is None or path is None:
        raise MalformedAddCheckpoint(
            f"a request is a line `old` with a size, at most {MAX_PROOF} lines of base64 of 32 bytes, a blank line and "
            "a checkpoint"
        )
    return AddCheckpoint(old=old, path=path, note=note)


# ------------------------------------------------------------------------------------------------- what a witness does


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The largest tree of a log that a witness has cosigned."""

    size: int
    root: Hash


NOTHING_SEEN: Final = Seen(size=0, root=EMPTY_ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A request whose checkpoint a known log did sign."""

    checkpoint: Checkpoint
    text: str  # what a witness would cosign
    old: int
    path: tuple[Hash, ...]
    note: bytes  # the text with the lines of the log's known keys alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a witness does not cosign."""

    status: int  # of HTTP
    reason: str
    size: int | None = None  # of the tree seen last, with OTHER_SIZE
    # The log signed this checkpoint and the one seen last, and both cannot be true.
    contradiction: bool = False


def logs_of(keys: Iterable[VerifierKey]) -> Mapping[str, tuple[VerifierKey, ...]]:
    """The keys of each log by its origin, which is their name; a log has several while one follows another.

    Raises:
        AmbiguousVerifierKeys: two of them differ, yet share name and id.
    """
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for key in by_name_and_id(keys).values():
        logs[key.name] = (*logs.get(key.name, ()), key)
    return logs


def admit(raw: bytes, logs: Mapping[str, Collection[VerifierKey]]) -> Submission | Refused:
    """The request in `raw`, if it can be read and one of the logs known here signed it; asks for no state.

    Args:
        logs: the keys of each origin, which is also the name of each of its keys.
    """
    try:
        request = parse_add_checkpoint(raw)
        text, lines = signatures(request.note)
    except (MalformedAddCheckpoint, MalformedNote) as error:
        return Refused(status=BAD_REQUEST, reason=str(error))
    origin, *rest = text.split("\n")
    if origin not in logs:
        return Refused(status=UNKNOWN_LOG, reason=f"the log {origin[:200]!a} is not known here")
    # "A checkpoint of size zero MUST have the root hash of the empty tree", and no other has it.
    empty = (rest[:1] == ["0"], rest[1:2] == [to_base64(EMPTY_ROOT)])
    try:
        checkpoint = open_checkpoint(request.note, *logs[origin])
    except (NoteUnsigned, NoteSignatureInvalid) as error:
        return Refused(status=NOT_SIGNED, reason=str(error))
    except (MalformedCheckpoint, CheckpointOriginMismatch) as error:
        return Refused(status=BAD_REQUEST if empty[0] == empty[1] else NOT_CONSISTENT, reason=str(error))
    if request.old > checkpoint.size:
        return Refused(
            status=BAD_REQUEST, reason=f"the old size {request.old} is larger than the new one, {checkpoint.size}"
        )
    known = {(key.name, key.key_id) for key in logs[origin]}
    own = "".join(line.to_text() for line in lines if (line.name, line.key_id) in known)
    note = f"{text}\n{own}".encode()
    return Submission(checkpoint=checkpoint, text=text, old=request.old, path=request.path, note=note)


def decide(submission: Submission, seen: Seen) -> Refused | None:
    """Whether a witness that has seen `seen` must refuse; None: it has to keep the new tree, then may cosign it.

    Keeping what was seen and this decision are one step: two requests that are decided on the same `seen` would let the
    second roll back the first.
    """
    new = submission.checkpoint
    contradiction = _contradicts(submission, seen)
    if submission.old == seen.size == new.size and contradiction:
        # Whatever proof was sent: to the specification another root of one size is a conflict, as another size is.
        reason = f"another tree of {seen.size} leaves was seen"
        return Refused(status=OTHER_SIZE, reason=reason, size=seen.size, contradiction=True)
    if submission.old != seen.size:
        return Refused(
            status=OTHER_SIZE, reason=f"the tree seen last has {seen.size} leaves, not {submission.old}",
            size=seen.size, contradiction=contradiction,
        )  # fmt: skip
    try:
        check_consistency(seen.size, seen.root, new.size, new.root, submission.path)
    except ConsistencyNotProved as error:
        return Refused(status=NOT_CONSISTENT, reason=str(error), contradiction=contradiction)
    return None


def _contradicts(submission: Submission, seen: Seen) -> bool:
    """Whether the log signed what cannot be true together with `seen`; a proof that is merely wrong shows nothing."""
    new = submission.checkpoint
    if new.size == seen.size:
        return new.root != seen.root
    if submission.old != seen.size:
        return False
    beginning = beginning_of(seen.size, new, submission.path)
    return beginning is not None and beginning != seen.root


def beginning_of(old: int, new: Checkpoint, path: tuple[Hash, ...]) -> Hash | None:
    """The root that the first `old` leaves of the tree `new` have, where a consistency proof has and shows it.

    A proof from a power of two holds only what was added, so it does not show that root; None then, and where `path`
    does not lead to the root of `new`. Otherwise nobody can make two `path`s that show different roots.
    """
    if not 0 < old < new.size or not path:
        return None
    # RFC 9162 §2.1.4.2, steps 3 to 6, for the older root alone; the RFC's own names.
    fn, sn, fr = old - 1, new.size - 1, path[0]
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    for c in path[1:]:
        if fn & 1 or fn == sn:
            fr = node_hash(c, fr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    try:
        check_consistency(old, fr, new.size, new.root, path)
    except ConsistencyNotProved:
        return None
    return fr


# --------------------------------------------------------------------------------------------------- what a log reads


def parse_size(body: bytes) -> int:
    """The size of the tree that a witness saw last, from its answer 409.

    Raises:
        MalformedWitnessAnswer: it is none.
    """
    text = body.decode("ascii", "replace")
    size = from_decimal(text.removesuffix("\n")) if text.endswith("\n") else None
    if size is None:
        raise MalformedWitnessAnswer("the witness says that it saw another size, and does not spell it")
    return size


def cosignature_in(note: bytes, body: bytes, key: CosignerKey) -> bytes:
    """The signature line of a witness from its answer 200, verified; lines of other keys are left out.

    Raises:
        MalformedNote: `note` is no signed note.
        MalformedWitnessAnswer: `body` has no signature lines, or none of `key`.
        CosignatureInvalid: it has one of `key` that does not verify.
    """
    text, _ = signatures(note)
    answer = text.encode("utf-8") + b"\n" + body
    try:
        same, lines = signatures(answer)
    except MalformedNote as error:
        raise MalformedWitnessAnswer(f"the witness answered no signature lines: {error}") from error
    own = [line for line in lines if (line.name, line.key_id) == (key.name, key.key_id)]
    if same != text or not own:
        raise MalformedWitnessAnswer("the witness answered without a line of its own key")
    cosignatures(answer, [key])
    return own[-1].to_text().encode("utf-8")
