"""Cosignatures: what a witness adds to a checkpoint (c2sp.org/tlog-cosignature, Ed25519, type 0x04).

A cosignature of time T says: as of T, the largest consistent tree of this log that the witness had seen is this one.
Whose cosignatures are enough is in `ledger.tlog.policy`; when a witness may make one, in `ledger.tlog.witnessing`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.errors import LedgerError
from ledger.signing.ed25519 import verify
from ledger.signing.signer import Signer
from ledger.tlog.note import (
    MAX_SIGNATURES,
    MalformedNote,
    NamedKey,
    SignatureLine,
    by_name_and_id,
    refuse_oversize,
    signatures,
)

# 9999-12-31T23:59:59Z. The specification allows 2**63 - 1 and lets verifiers refuse what lies in the future; no
# witness cosigns after this second, and every time up to it is a date.
MAX_TIME: Final = 253_402_300_799
# Seconds by which honest clocks may differ. A time that is further ahead has not come, and if it counted, it would hide
# for years how old a checkpoint is; the specification lets verifiers refuse it.
CLOCKS_DIFFER: Final = 300
_TIME_BYTES: Final = 8  # big endian, before the signature


def latest_by(now: datetime) -> int:
    """The last second, in Unix time, that a cosignature may have by a clock that says `now`, which has a time zone."""
    return int(now.timestamp()) + CLOCKS_DIFFER


class CosignatureInvalid(LedgerError):
    """A signature line claims a known witness, and that witness did not cosign this text at any possible time."""


class CosignatureTimeImpossible(LedgerError):
    """A time at which nothing can be cosigned."""


class CosignerKey(NamedKey):
    """A witness's key, with which it cosigns checkpoints: type 0x04."""

    __slots__ = ()
    KIND = b"\x04"

    def __str__(self) -> str:
        """The one spelling of this key, as policy files hold it."""
        return self.to_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """That a witness cosigned the text at hand, and when by its own clock."""

    key: CosignerKey
    at: int  # Unix seconds, 0 < at <= MAX_TIME


def cosign(text: str, signer: Signer, name: str, at: int) -> bytes:
    """The signature line, newline included, by which a witness cosigns the text of a checkpoint.

    Whoever calls this promises that no larger tree of this log was seen by `at`, and none that contradicts it, ever.

    Args:
        text: of a note, its final newline included.
        signer: the witness's key, used for nothing else and under no other name, since the name is not signed.
        at: Unix seconds, 0 < at <= MAX_TIME.

    Raises:
        MalformedVerifierKey: `name` cannot name a key.
        CosignatureTimeImpossible: `at` is out of its bounds. Nothing was signed.
    """
    key = CosignerKey.of(name, signer.public_key)
    if not 0 < at <= MAX_TIME:
        raise CosignatureTimeImpossible(f"nothing is cosigned at {at} seconds after 1970; look at the clock")
    signature = at.to_bytes(_TIME_BYTES, "big") + signer.sign(_message(text, at))
    return SignatureLine(name=key.name, key_id=key.key_id, signature=signature).to_text().encode("utf-8")


def cosignatures(note: bytes, keys: Iterable[CosignerKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of `keys` on a note, verified, in the order of its lines; those of other keys are ignored.

    Who signed the note as such, the log, is for `open_checkpoint` to see.

    Raises:
        MalformedNote: `note` is no signed note.
        CosignatureInvalid: a line with name and id of one of `keys` does not verify; the whole note is refused.
        AmbiguousVerifierKeys: two of `keys` differ, yet share name and id.
    """
    known = by_name_and_id(keys)
    text, lines = signatures(note)
    found: dict[Cosignature, None] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is not None:
            found[Cosignature(key=key, at=_verified(text, line, key))] = None
    return tuple(found)


def with_lines(note: bytes, lines: bytes) -> bytes:
    """`note` with more signature lines, none of them verified; one by name and key id of an older takes its place.

    Raises:
        MalformedNote: `note` is no note, `lines` are no signature lines, or there would be too many.
    """
    text, before = signatures(note)
    same, more = signatures(text.encode("utf-8") + b"\n" + lines)
    if same != text:
        raise MalformedNote("signature lines have no blank line between them")
    merged = {(line.name, line.key_id): line for line in (*before, *more)}
    if len(merged) > MAX_SIGNATURES:
        raise MalformedNote(f"a note has at most {MAX_SIGNATURES} signature lines, and this one would have more")
    raw = "".join([text, "\n", *(line.to_text() for line in merged.values())]).encode("utf-8")
    refuse_oversize(len(raw))
    return raw


def _message(text: str, at: int) -> bytes:
    # "a header line and a timestamp line, followed by the whole note body of the cosigned checkpoint"
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _verified(text: str, line: SignatureLine, key: CosignerKey) -> int:
    """The time of a cosignature that `key` made."""
    at = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    if 0 < at <= MAX_TIME and verify(key.public_key, _message(text, at), line.signature[_TIME_BYTES:]):
        return at
    raise CosignatureInvalid(f"the cosignature by {key.name!a}, key id {key.key_id.hex()}, does not verify")
