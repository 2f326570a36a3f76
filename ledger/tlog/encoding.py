"""Base64 (RFC 4648 §4), decimals and lines of hashes, with one spelling for each value."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from ledger.tlog.merkle import HASH_BYTES, SIZE_LIMIT, Hash

MAX_PROOF: Final = 63  # hashes: no proof in a tree below 2**63 leaves is longer
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def to_base64(raw: bytes) -> str:
    """The one spelling of `raw`: standard alphabet, with padding, without line breaks."""
    return b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes | None:
    """The bytes of which `text` is the one spelling, or None if there are none."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    # RFC 4648 §3.5: decoders may ignore set bits in the padding of the last digit; here such a text is refused.
    return raw if to_base64(raw) == text else None


def from_decimal(text: str) -> int | None:
    """The number below 2**63 of which `text` is the one spelling, in ASCII digits without leading zero; or None."""
    number = int(text) if _DECIMAL.fullmatch(text) else SIZE_LIMIT
    return number if number < SIZE_LIMIT else None


def from_hash_lines(lines: Sequence[str]) -> tuple[Hash, ...] | None:
    """The hashes of a proof that has one on each line, at most 63, each in its one spelling; or None."""
    hashes = [from_base64(line) for line in lines[: MAX_PROOF + 1]]
    found = tuple(Hash(each) for each in hashes if each is not None and len(each) == HASH_BYTES)
    return found if len(found) == len(lines) <= MAX_PROOF else None
