"""Bytes and times as documents spell them: multibase base58btc, base64url and `dateTimeStamp`, each with one spelling.

What the bytes mean is decided elsewhere: keys in `ledger.vc.keys`, signatures in `ledger.vc.data_integrity`.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Final

from ledger.vc.reading import DocumentError

_BASE58: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]+")
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_ALPHABET)}
_PAIRS: Final = [one + other for one in _ALPHABET for other in _ALPHABET]
_DIGITS: Final = 10  # that are spelled at a time, in pairs: their number still fits into a machine word
_SEVERAL: Final = 58**_DIGITS
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
# XML Schema 1.1 part 2 §3.4.28 without years beyond four digits, 24:00:00 and what datetime cannot hold.
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,30})?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)", re.ASCII
)


class MalformedSpelling(DocumentError):
    """This text spells no bytes and no time, or not in the one way that is read here."""


def to_multibase(raw: bytes) -> str:
    """`raw` in multibase base58btc (Controlled Identifiers 1.0 §2.4): the letter ``z``, then base58."""
    return "z" + _base58(raw)


def from_multibase(text: str, *, size: int) -> bytes:
    """The bytes that `text` spells in multibase base58btc.

    Args:
        text: from anywhere. It is measured first, since base58 takes quadratic time.
        size: how many bytes it has to spell.

    Raises:
        MalformedSpelling: another base, a character outside the alphabet (blanks too), or another size.
    """
    # 58**1.366 > 256: n bytes take at most 1.366 n characters.
    if not text.startswith("z") or len(text) > 2 + size * 1366 // 1000:
        raise MalformedSpelling(f"{size} bytes are not what this spells in base58btc (multibase z)")
    # Outside the alphabet nothing is decoded; inside, base58 is a bijection: one spelling for each byte string.
    if not _BASE58.fullmatch(text, 1):
        raise MalformedSpelling("there is a character outside base58btc in a multibase value")
    raw = _from_base58(text[1:])
    if len(raw) != size:
        raise MalformedSpelling(f"a multibase value has to spell {size} bytes; this one spells {len(raw)}")
    return raw


def _base58(raw: bytes) -> str:
    """`raw` in base58btc: a zero byte at its beginning is a ``1``, the rest a number. A proof is spelled at every award
    and read at every scan, and digit by digit that took as long as a signature."""
    number, parts = int.from_bytes(raw), []
    while number:
        number, rest = divmod(number, _SEVERAL)
        digits = ""
        for _ in range(_DIGITS // 2):
            rest, pair = divmod(rest, len(_PAIRS))
            digits = _PAIRS[pair] + digits
        parts.append(digits)
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(parts)).lstrip("1")


def _from_base58(text: str) -> bytes:
    """The bytes that `_base58` spells so."""
    number = 0
    for start in range(0, len(text), _DIGITS):
        digits, several = text[start : start + _DIGITS], 0
        for digit in digits:
            several = several * 58 + _VALUES[digit]
        number = number * 58 ** len(digits) + several
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def to_base64url(raw: bytes) -> str:
    """`raw` in base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes that `text` spells in base64url without padding; no other text spells them.

    Raises:
        MalformedSpelling: padding, a character outside the alphabet, a length that no bytes have, or unused bits set.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise MalformedSpelling("this is no base64url without padding")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise MalformedSpelling("this base64url has bits set that belong to no byte")
    return raw


def to_time(moment: datetime) -> str:
    """`moment` as a `dateTimeStamp` in UTC: to the second, or to the millisecond where it has a fraction."""
    spelled = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return spelled.removesuffix("+00:00") + "Z"


def from_time(text: str) -> datetime:
    """The moment that a `dateTimeStamp` names, in UTC; what is finer than a microsecond is cut off.

    Raises:
        MalformedSpelling: another form, no offset, or a day or time that does not exist.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise MalformedSpelling("a time has to be a date, T, a time and an offset or Z: 2026-11-22T12:00:00Z")
    day_and_time, fraction, offset = match.groups()
    try:
        return datetime.fromisoformat(f"{day_and_time}{(fraction or '')[:7]}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:  # 30 February; the first hours of the year 1 with an offset
        raise MalformedSpelling("there is no such day or time") from error
