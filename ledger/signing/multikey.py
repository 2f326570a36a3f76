"""Multikey: the one text spelling of an Ed25519 public key, ``z6Mk...``, which is also its `Kid`.

W3C Controlled Identifiers 1.0 §2.2.2: the letter ``z`` (multibase base58btc), then base58btc of the multicodec prefix
``0xed 0x01`` and the 32 bytes of the key. Prefix and length leave room for 48 characters exactly.
"""

from functools import lru_cache
from typing import Final

from base58 import b58decode, b58encode

from ledger.domain.types import Kid
from ledger.signing.ed25519 import MalformedKey, PublicKey, admit

KID_LENGTH: Final = 48  # characters
_MULTICODEC_ED25519: Final = b"\xed\x01"  # varint of 0xed, ed25519-pub
_SHOWN: Final = 60  # characters of a refused spelling that a message repeats


@lru_cache(maxsize=4096)
def encode(key: PublicKey) -> Kid:
    """The Multikey of `key`: 48 ASCII characters that `decode` gives back as the same bytes."""
    return Kid("z" + b58encode(_MULTICODEC_ED25519 + key).decode("ascii"))


@lru_cache(maxsize=4096)  # base58 costs more than the signature it names; a flood of other texts evicts only
def decode(text: str) -> PublicKey:
    """The key that `text` spells, checked as `admit` does; each key has exactly one spelling.

    Args:
        text: a Multikey, 48 ASCII characters. It may come from anywhere: it is measured before it is decoded, since
            base58 takes quadratic time.

    Raises:
        MalformedKey: the text is no Multikey of an Ed25519 key, or the key is one that may not be trusted.
    """
    if len(text) != KID_LENGTH or not text.startswith("z"):
        raise MalformedKey(
            f"{_shown(text)} is no Ed25519 Multikey: that is 'z6Mk' and {KID_LENGTH - 4} more characters of base58"
        )
    try:
        raw = b58decode(text[1:])
    except ValueError as error:  # a character outside the alphabet, or outside ASCII (UnicodeEncodeError)
        raise MalformedKey(f"{_shown(text)} is no Ed25519 Multikey: it has a character outside base58btc") from error
    # One key has one spelling: the library drops white space at the end, so what it read must give the same text.
    if b58encode(raw).decode("ascii") != text[1:]:
        raise MalformedKey(f"{_shown(text)} is no Ed25519 Multikey: there is white space in it")
    if not raw.startswith(_MULTICODEC_ED25519):
        raise MalformedKey(f"{_shown(text)} is no Ed25519 Multikey: its multicodec prefix is not 0xed01")
    return admit(raw[len(_MULTICODEC_ED25519) :])


def _shown(text: str) -> str:
    """A refused spelling as a message may repeat it: escaped to ASCII and short."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
