"""Binds private bytes to a public entry without saying anything about them."""

import hashlib
from dataclasses import dataclass
from hmac import compare_digest

from ledger.domain.types import Digest
from ledger.domain.values import Part

SALT = 32  # bytes
_PREFIX = b"testamur/commit/v1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens a commitment: the salt and the bytes committed to."""

    salt: bytes  # 32 bytes, secret as long as the content is
    content: bytes


def commitment(part: Part, opening: Opening) -> Digest:
    """SHA-256("testamur/commit/v1\\n" + part + "\\n" + salt + content)."""
    return Digest(hashlib.sha256(_PREFIX + part.encode("ascii") + b"\n" + opening.salt + opening.content).digest())


def opens(part: Part, opening: Opening, committed: Digest) -> bool:
    """Whether `opening` is what the entry committed to."""
    return len(opening.salt) == SALT and compare_digest(commitment(part, opening), committed)
