"""Private parts as they lie in the store: compressed, then encrypted under the learner's data key.

    nonce(12) ‖ AES-256-GCM(data key, nonce, salt(32) ‖ zlib(bytes), "testamur/private/v1\\n" + stream + seq + part)

What the box opens to is believed only after its commitment was checked (`ledger.record.commitment`).
"""

import zlib
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.application.ports import Entropy, LearnerKey, Vault
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import SALT, Opening

NONCE = 12  # bytes
_WINDOW = 12  # bits: 4 KiB
_TABLES = 6  # of 9: with the window 48 KiB of memory; with less, a signed document takes half as long again
_SHORT = 1 << 10  # bytes: what is shorter is not worth compressing
MAX_PART = 1 << 20  # bytes of a part: more is refused before it is inflated


class BoxUnreadable(LedgerError):
    """The box was not sealed with this key for this place, or is damaged."""


class PartTooLarge(LedgerError):
    """The part is longer than any that is opened; nothing was sealed."""


def seal_box(data_key: bytes, opening: Opening, nonce: bytes, *, stream: StreamId, seq: Seq, part: Part) -> bytes:
    """The box for one part of one entry.

    Raises:
        PartTooLarge: it could not be opened again.
    """
    if len(opening.content) > MAX_PART:
        raise PartTooLarge(f"the part {part} has {len(opening.content):,} bytes; at most {MAX_PART:,} are kept")
    plain = opening.salt + _compressed(opening.content)
    return nonce + _cipher(data_key).encrypt(nonce, plain, _place(stream, seq, part))


def open_box(data_key: bytes, box: bytes, *, stream: StreamId, seq: Seq, part: Part) -> Opening:
    """What the box holds.

    Raises:
        BoxUnreadable: another key, another place, a damaged box or one that inflates beyond MAX_PART.
    """
    try:
        plain = _cipher(data_key).decrypt(box[:NONCE], box[NONCE:], _place(stream, seq, part))
        packed = plain[SALT:]
        content = packed[7:-4]
        if len(content) < _SHORT and _stored(content) == packed:  # a short part needs no inflater
            return Opening(salt=plain[:SALT], content=content)
        inflater = zlib.decompressobj()
        content = inflater.decompress(packed, MAX_PART + 1)
    except (InvalidTag, ValueError, zlib.error) as error:
        raise BoxUnreadable("the private part cannot be opened with its learner's key") from error
    if not inflater.eof or inflater.unused_data or len(content) > MAX_PART:
        raise BoxUnreadable("the private part is not whole, or too large")
    return Opening(salt=plain[:SALT], content=content)


def _compressed(content: bytes) -> bytes:
    """zlib (RFC 1950). A part has a few hundred bytes: to save a hundred of them takes ten times as long as the cipher.

    A short one is therefore one stored block (RFC 1951 §3.2.4), which every inflater reads. Of a longer one, tables for
    a window of 32 KiB would take most of the time.
    """
    if len(content) < _SHORT:
        return _stored(content)
    deflater = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _TABLES)
    return deflater.compress(content) + deflater.flush()


def _stored(content: bytes) -> bytes:
    length = len(content)
    header = b"\x78\x01\x01" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
    return header + content + zlib.adler32(content).to_bytes(4, "big")


def _place(stream: StreamId, seq: Seq, part: Part) -> bytes:
    return f"testamur/private/v1\n{stream}\n{seq}\n{part}".encode("ascii")


@lru_cache(maxsize=4096)
def _cipher(data_key: bytes) -> AESGCM:
    return AESGCM(data_key)


class VaultBoxes:
    """Boxes whose keys lie in a vault."""

    def __init__(self, vault: Vault, entropy: Entropy) -> None:
        self._vault = vault
        self._entropy = entropy

    def seal(self, key: LearnerKey, opening: Opening, *, stream: StreamId, seq: Seq, part: Part) -> bytes:
        """The box that stands beside the entry."""
        return seal_box(key.data_key, opening, self._entropy.bytes(NONCE), stream=stream, seq=seq, part=part)

    def open(self, key_id: bytes, box: bytes, *, stream: StreamId, seq: Seq, part: Part) -> Opening | None:
        """What the box holds; None where its key is gone or the box is damaged."""
        data_key = self._vault.data_key(key_id)
        if data_key is None:
            return None
        try:
            return open_box(data_key, box, stream=stream, seq=seq, part=part)
        except BoxUnreadable:
            return None
