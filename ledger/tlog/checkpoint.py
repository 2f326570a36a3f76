"""Checkpoints: the signed head of a log's tree (c2sp.org/tlog-checkpoint).

A checkpoint here is one of a log of this ledger: its origin is also the name of its key, and it has no extension lines.
How notes are signed and opened is in `ledger.tlog.note`; when to sign, and that no two contradict, is for the caller.
"""

import re
from dataclasses import dataclass
from typing import Final

from ledger.errors import LedgerError
from ledger.signing.signer import Signer
from ledger.tlog.cosignature import with_lines
from ledger.tlog.encoding import from_base64, to_base64
from ledger.tlog.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_LIMIT, Hash
from ledger.tlog.note import VerifierKey, is_key_name, open_note, sign_note

_LINES: Final = 3  # origin, size, root
# The specification: "the ASCII decimal representation of the number of leaves in the tree, with no leading zeroes".
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class MalformedCheckpoint(LedgerError):
    """A text that is no checkpoint of a log like ours, or values that make none."""


class CheckpointOriginMismatch(LedgerError):
    """A checkpoint that its key did sign, but for a log of another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a log's tree: all its leaves, in their order, under one root.

    Raises:
        MalformedCheckpoint: a value is out of its bounds.
    """

    origin: str  # the log's name and its key's: not empty; no space of any kind, plus or control character
    size: int  # number of leaves, 0 <= size < 2**63
    root: Hash  # 32 bytes, RFC 6962 §2.1; EMPTY_ROOT if and only if size is 0

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            raise MalformedCheckpoint(
                f"{self.origin!a} cannot be an origin: it is not empty and has no space, plus or control character"
            )
        if not 0 <= self.size < SIZE_LIMIT:
            raise MalformedCheckpoint(f"the size of a log is from 0 to 2**63 - 1, not {self.size}")
        if len(self.root) != HASH_BYTES:
            raise MalformedCheckpoint(f"the root of a log has {HASH_BYTES} bytes, not {len(self.root)}")
        if (self.size == 0) != (self.root == EMPTY_ROOT):
            raise MalformedCheckpoint(f"a log of size {self.size} cannot have the root {self.root.hex()}")

    def to_text(self) -> str:
        """The one spelling of this checkpoint, which is the text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of which `text` is the one spelling.

    Extension lines, which the specification allows and advises against, are refused: no log of this ledger writes any,
    so one that carries them is not ours, and what they say would be signed without being understood.

    Raises:
        MalformedCheckpoint: `text` is not what `to_text` makes of any checkpoint.
    """
    if not text.endswith("\n") or text.count("\n") < _LINES:
        raise MalformedCheckpoint("a checkpoint has three lines, each with its newline: origin, size and root")
    origin, size, root, *extensions = text.removesuffix("\n").split("\n")
    if extensions:
        raise MalformedCheckpoint(
            "a checkpoint of this ledger has no extension lines, and this one goes on after the root"
        )
    # One tree head has one spelling: refuse "+7", "007", " 7" and digits of other scripts.
    if not _SIZE.fullmatch(size):
        raise MalformedCheckpoint(f"the size {size[:32]!a} is not a decimal number without sign, space or leading zero")
    digest = from_base64(root)
    if digest is None:
        raise MalformedCheckpoint(f"the root {root[:64]!a} is not base64 in its one spelling")
    return Checkpoint(origin=origin, size=int(size), root=Hash(digest))


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, *others: Signer) -> bytes:
    """The signed note of `checkpoint`, under its origin as the name of every key, one line for each in this order.

    Whoever calls this promises that the log never signed a checkpoint inconsistent with this one.

    Args:
        others: more keys of this log, while one follows another.

    Raises:
        MalformedNote: the origin is too long for a note. Nothing was signed, or nothing of it can be used.
    """
    text = checkpoint.to_text()
    note = sign_note(text, signer, checkpoint.origin)
    for other in others:
        lines = sign_note(text, other, checkpoint.origin).removeprefix(text.encode("utf-8") + b"\n")
        note = with_lines(note, lines)
    return note


def open_checkpoint(raw: bytes, *keys: VerifierKey) -> Checkpoint:
    """The checkpoint in `raw`, which at least one of `keys` signed for the log of its own name.

    Several keys are those of one log while one follows another, or those of several logs. Signatures of other keys,
    such as witnesses', are ignored.

    Raises:
        MalformedNote: `raw` is no signed note.
        NoteSignatureInvalid: a line with name and id of one of `keys` does not verify, whatever the others say.
        NoteUnsigned: none of `keys` signed it.
        MalformedCheckpoint: they signed something that is no checkpoint.
        CheckpointOriginMismatch: one signed a checkpoint of a log of another name than its own.
        AmbiguousVerifierKeys: two of `keys` differ, yet share name and id.
    """
    opened = open_note(raw, keys)
    checkpoint = parse_checkpoint(opened.text)
    # "The log's key name in its signature line SHOULD match the origin line." For a log of this ledger it must.
    for key in opened.signed_by:
        if checkpoint.origin != key.name:
            raise CheckpointOriginMismatch(
                f"this is a checkpoint of {checkpoint.origin!a}, and the key given is that of {key.name!a}"
            )
    return checkpoint


def size_of_note(note: bytes) -> int | None:
    """How many leaves a checkpoint says that it covers, unverified; None where it does not say it."""
    lines = note.split(b"\n", 2)
    size = lines[1].decode("ascii", "replace") if len(lines) == 3 else ""
    return int(size) if _SIZE.fullmatch(size) else None
