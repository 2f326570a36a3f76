"""The link code on a certificate and the short code for typing: random letters that lead to a stream.

Whoever has the link code finds its stream without an index; whoever reads the log cannot find the code.
"""

import hashlib
import re
from uuid import UUID

from ledger.domain.types import Digest, LinkCode, StreamId
from ledger.errors import LedgerError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)  # of 10 bits
_IS_CODE = re.compile(f"[{ALPHABET}ILO]*").fullmatch
_DIGITS = str.maketrans(ALPHABET + "ILO", "0123456789abcdefghijklmnopqrstuv" + "110")  # as `int` reads base 32
_LINK_BYTES = 22
_LINK_CHARACTERS = 36  # 180 bits for 176: the last 4 are zero
_SHORT_BITS = 60
_SHORT_CHARACTERS = 13  # 12 and a check character
_CHECK_MODULUS = 37  # Crockford's; short codes whose check symbol would be one of * ~ $ = U are not drawn


class MalformedCode(LedgerError):
    """These characters are no code of ours; probably a typing error."""


def new_link_code(milliseconds: int, random: bytes) -> LinkCode:
    """A link code made at a time, from 16 random bytes."""
    if len(random) != 16:
        raise MalformedCode("a link code needs 16 random bytes")
    return LinkCode(milliseconds.to_bytes(6) + random)


def link_digest(code: LinkCode) -> Digest:
    """What the log says of the code: SHA-256("testamur/link/v1\\n" + the 22 bytes)."""
    return Digest(hashlib.sha256(b"testamur/link/v1\n" + code).digest())


def stream_of(code: LinkCode) -> StreamId:
    """The stream that the code leads to: its time, then the first 74 bits of its digest."""
    return stream_named(code, link_digest(code))


def stream_named(code: LinkCode, digest: Digest) -> StreamId:
    """As `stream_of`, where the digest of the code was made already."""
    return stream_id(int.from_bytes(code[:6]), digest[:10])


def stream_id(milliseconds: int, random: bytes) -> StreamId:
    """A UUID version 8: 48 bits of time, then the first 74 bits of 10 bytes."""
    bits = int.from_bytes(random) >> 6
    value = milliseconds << 80 | 8 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    return StreamId(UUID(int=value))


def format_link_code(code: LinkCode) -> str:
    """36 characters of upper-case Crockford base32."""
    return _encode(int.from_bytes(code) << 4, _LINK_CHARACTERS)


def parse_link_code(text: str) -> LinkCode:
    """The link code a person or a scanner gave: either case, hyphens and blanks between, I L O read as 1 1 0."""
    value = _decode(_compact(text), _LINK_CHARACTERS)
    if value & 0b1111:
        raise MalformedCode("this is not a code from a certificate: its last character is impossible")
    return LinkCode((value >> 4).to_bytes(_LINK_BYTES))


def new_short_code(random: bytes) -> str | None:
    """12 characters for 60 bits of 8 random bytes, and a check character; None if these bits must be drawn again."""
    value = int.from_bytes(random) & (1 << _SHORT_BITS) - 1
    check = value % _CHECK_MODULUS
    return _encode(value, _SHORT_CHARACTERS - 1) + ALPHABET[check] if check < len(ALPHABET) else None


def parse_short_code(text: str) -> str:
    """The canonical spelling of a short code a person typed; a wrong check character is refused."""
    compact = _compact(text)
    value = _decode(compact, _SHORT_CHARACTERS)
    if (value >> 5) % _CHECK_MODULUS != value & 0b11111:
        raise MalformedCode("this short code has a typing error")
    return _encode(value, _SHORT_CHARACTERS)


def group(code: str) -> str:
    """A code in groups of four, for reading aloud."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def is_short(text: str) -> bool:
    """Whether the text has the length of a short code."""
    return len(_compact(text)) == _SHORT_CHARACTERS


def _compact(text: str) -> str:
    if len(text) > 80:
        raise MalformedCode("this is too long for a code")
    return text.upper().replace("-", "").replace(" ", "")


def _encode(value: int, characters: int) -> str:
    pairs = [_PAIRS[value >> bits & 1023] for bits in range((characters - 1) // 2 * 10, -1, -10)]
    return "".join(pairs)[-characters:]


def _decode(compact: str, characters: int) -> int:
    if len(compact) != characters:
        raise MalformedCode(f"a code has {characters} characters, this has {len(compact)}")
    if not _IS_CODE(compact):
        raise MalformedCode("a code has digits and letters apart from U only")
    return int(compact.translate(_DIGITS), 32)
