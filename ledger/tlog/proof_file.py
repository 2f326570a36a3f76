"""Proof files: one entry, its place, and the checkpoint it lies under, in one text (c2sp.org/tlog-proof).

What the entry means, and which logs and witnesses are to be believed, is for whoever checks.
"""

from dataclasses import dataclass
from typing import Final

from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.encoding import MAX_PROOF, from_base64, from_decimal, from_hash_lines, to_base64
from ledger.tlog.merkle import HASH_BYTES, SIZE_LIMIT, Hash, leaf_hash
from ledger.tlog.note import MAX_NOTE_BYTES, VerifierKey
from ledger.tlog.proofs import check_inclusion

MAX_EXTRA_BYTES: Final = 64 * 1024
_HEADER: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "
# Header, extra in base64, index, path and blank line before the checkpoint.
MAX_TLOG_PROOF_BYTES: Final = 128 * 1024 + MAX_NOTE_BYTES


class MalformedTlogProof(LedgerError):
    """Bytes that are no proof file, or values that make none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A claim that some entry stands at a place of a log; nothing of it is verified.

    Raises:
        MalformedTlogProof: a value is out of its bounds.
    """

    index: int  # of the leaf, from 0, below 2**63
    path: tuple[Hash, ...]  # from the leaf's sibling up; at most 63
    checkpoint: bytes  # the signed note, cosignatures included; not opened here
    extra: bytes | None = None  # what an application adds; signed by nobody

    def __post_init__(self) -> None:
        if not 0 <= self.index < SIZE_LIMIT:
            raise MalformedTlogProof(f"a leaf's index is from 0 to 2**63 - 2, not {self.index}")
        if len(self.path) > MAX_PROOF or any(len(each) != HASH_BYTES for each in self.path):
            raise MalformedTlogProof(f"a path has at most {MAX_PROOF} hashes of {HASH_BYTES} bytes")
        if not 0 < len(self.checkpoint) <= MAX_NOTE_BYTES:
            raise MalformedTlogProof(f"the checkpoint of a proof has 1 to {MAX_NOTE_BYTES} bytes")
        if self.extra is not None and not 0 < len(self.extra) <= MAX_EXTRA_BYTES:
            raise MalformedTlogProof(f"the extra data of a proof, if there are any, have 1 to {MAX_EXTRA_BYTES} bytes")

    def to_bytes(self) -> bytes:
        """The one spelling of this proof."""
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(_EXTRA + to_base64(self.extra))
        lines += [f"{_INDEX}{self.index}", *(to_base64(each) for each in self.path), "", ""]
        return "\n".join(lines).encode("ascii") + self.checkpoint

    def check(self, entry: bytes, *keys: VerifierKey) -> Checkpoint:
        """The checkpoint under which `entry` is proved to lie at `index`, signed by one of `keys`.

        Which witnesses agree is for a policy to say, of `checkpoint`.

        Raises:
            MalformedNote, NoteSignatureInvalid, NoteUnsigned, MalformedCheckpoint, CheckpointOriginMismatch,
            AmbiguousVerifierKeys: as `open_checkpoint`.
            InclusionNotProved: the entry is not shown to lie there.
        """
        checkpoint = open_checkpoint(self.checkpoint, *keys)
        check_inclusion(leaf_hash(entry), self.index, checkpoint.size, checkpoint.root, self.path)
        return checkpoint


def parse_tlog_proof(raw: bytes) -> TlogProof:
    """The proof of which `raw` is the one spelling.

    Raises:
        MalformedTlogProof: it is none.
    """
    if len(raw) > MAX_TLOG_PROOF_BYTES:
        raise MalformedTlogProof(f"a proof has at most {MAX_TLOG_PROOF_BYTES} bytes, and this one has {len(raw)}")
    head, blank, checkpoint = raw.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not blank or lines.pop(0) != _HEADER:
        raise MalformedTlogProof(f"a proof begins with the line {_HEADER}, and has a blank line before its checkpoint")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = from_base64(lines.pop(0).removeprefix(_EXTRA))
        if extra is None:
            raise MalformedTlogProof("the extra data of the proof are not base64 in its one spelling")
    if not lines or not lines[0].startswith(_INDEX):
        raise MalformedTlogProof("the proof does not say the index of its leaf where it has to")
    index = from_decimal(lines.pop(0).removeprefix(_INDEX))
    if index is None:
        raise MalformedTlogProof("the index is not a decimal number below 2**63 without sign, space or leading zero")
    path = from_hash_lines(lines)
    if path is None:
        raise MalformedTlogProof(f"the path of the proof is not at most {MAX_PROOF} lines of base64 of 32 bytes each")
    return TlogProof(index=index, path=path, checkpoint=checkpoint, extra=extra)
