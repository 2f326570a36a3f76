"""Ed25519 as this ledger understands it: which public keys are admitted, and which signatures verify.

The arithmetic is libsodium's, through PyNaCl. What this module adds is the check of the point, made both when a key is
admitted and when it is used: an implementation that accepts a key of small order lets the identity point "verify" any
message. How keys are spelled is in `ledger.signing.multikey`, who signs in `ledger.signing.signer`.
"""

from functools import lru_cache
from typing import Final, NewType

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

from ledger.errors import LedgerError

PublicKey = NewType("PublicKey", bytes)  # 32 bytes, RFC 8032 §5.1.2: a canonical point of order L

PUBLIC_KEY_SIZE: Final = 32  # bytes, RFC 8032 §5.1.5
SIGNATURE_SIZE: Final = 64  # bytes, RFC 8032 §5.1.6: R || S


class MalformedKey(LedgerError):
    """These bytes, or this spelling, are no Ed25519 public key that may sign anything here."""


def admit(raw: bytes) -> PublicKey:
    """A public key that is safe to trust: canonical, on the curve, in the main subgroup, not of small order.

    Args:
        raw: 32 bytes, the encoding of RFC 8032 §5.1.2.

    Raises:
        MalformedKey: the length is wrong or the point is not one of those.
    """
    if len(raw) != PUBLIC_KEY_SIZE:
        raise MalformedKey(f"an Ed25519 public key has {PUBLIC_KEY_SIZE} bytes; this one has {len(raw)}")
    if not _is_safe_point(raw):
        raise MalformedKey(
            "these 32 bytes are no Ed25519 public key: the point is not canonical, not on the curve, of small order or "
            "outside the main subgroup; ask for a key made by a standard tool"
        )
    return PublicKey(raw)


def verify(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is the strict Ed25519 signature of `message` under `key`; never raises, whatever the bytes.

    Strict: RFC 8032 §5.1.7 without the cofactor, S < L, R canonical and not of small order, and `key` a point that
    `admit` would admit. The key is checked again here, because its bytes may have come from a file or a database.

    Args:
        key: 32 bytes; any other length verifies nothing.
        message: the exact bytes that were signed.
        signature: 64 bytes, R || S; any other length verifies nothing.
    """
    if len(signature) != SIGNATURE_SIZE or len(key) != PUBLIC_KEY_SIZE or not _is_safe_point(key):
        return False
    try:
        # libsodium refuses S >= L, a small-order or non-canonical R, and a non-canonical key; the vectors pin all that.
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


@lru_cache(maxsize=4096)  # a pure function of the bytes; a ledger has few keys, and a flood of others evicts only
def _is_safe_point(raw: bytes) -> bool:
    """Whether 32 bytes are canonical, on the curve, in the main subgroup and not of small order."""
    return crypto_core_ed25519_is_valid_point(raw)
