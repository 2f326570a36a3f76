"""The port behind which a private key lies, the implementation in memory, and the message that proves possession.

Where private keys are kept is an adapter's matter (`ledger.adapters.key_store`); which key may sign what, the domain's.
"""

from typing import Final, NoReturn, Protocol, final

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from ledger.domain.types import Kid
from ledger.errors import LedgerError
from ledger.signing.ed25519 import SIGNATURE_SIZE, PublicKey, admit
from ledger.signing.multikey import encode

SEED_SIZE: Final = 32  # bytes, RFC 8032 §5.1.5: the private key
_POSSESSION: Final = "testamur/possession/v1"


class MalformedSeed(LedgerError):
    """These bytes are no Ed25519 private key."""


class MalformedPossession(LedgerError):
    """A proof of possession cannot be stated unambiguously over these values."""


class KeyNotHeld(LedgerError):
    """The private key of this key id is not kept here, so nothing can be signed with it."""

    def __init__(self, kid: Kid) -> None:
        super().__init__(f"the private key of {kid} is not kept here; sign where it is kept, or add a new key")
        self.kid = kid


class KeyUnreadable(LedgerError):
    """A kept private key cannot be used: wrong passphrase, garbled file, or a file that holds another key."""


class Signer(Protocol):
    """One Ed25519 private key that signs and never shows itself.

    Signing is deterministic (RFC 8032), so repeating a call is safe and gives the same bytes. Calls may come from
    several threads at once. A signer decides nothing: whether its key is in force, and for what, who asks has decided.
    """

    @property
    def public_key(self) -> PublicKey:
        """The public key under which every signature made here verifies."""

    @property
    def kid(self) -> Kid:
        """The Multikey of `public_key`."""

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature of `message`; either all of it or an error, and nothing is recorded."""


@final
class Ed25519Signer:
    """A `Signer` whose key lies in this process's memory."""

    __slots__ = ("_kid", "_public_key", "_secret")

    def __init__(self, seed: bytes) -> None:
        """Expand the key once, so that signing need not.

        Args:
            seed: 32 bytes of the best randomness there is, RFC 8032 §5.1.5.

        Raises:
            MalformedSeed: the length is another.
        """
        if len(seed) != SEED_SIZE:
            raise MalformedSeed(f"an Ed25519 private key has {SEED_SIZE} bytes; this one has {len(seed)}")
        public_key, self._secret = crypto_sign_seed_keypair(seed)
        self._public_key = admit(public_key)
        self._kid = encode(self._public_key)

    @property
    def public_key(self) -> PublicKey:
        """The public key under which every signature made here verifies."""
        return self._public_key

    @property
    def kid(self) -> Kid:
        """The Multikey of `public_key`."""
        return self._kid

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature of `message`."""
        return crypto_sign(message, self._secret)[:SIGNATURE_SIZE]

    def __repr__(self) -> str:
        """Which key this is, and nothing of the private one."""
        return f"Ed25519Signer(kid={self._kid!r})"

    def __reduce__(self) -> NoReturn:
        """Refused: pickling or copying would let the private key travel unseen."""
        raise TypeError("a signer stays in its process and is neither pickled nor copied")


def possession_message(origin: str, stream: str, kid: Kid, role: str) -> bytes:
    """The bytes that a new key signs to prove that who adds it holds it; five lines, no newline at the end.

    Origin, stream, key and role are bound, so that a proof cannot be used in another log, for another issuer or in
    another role.

    Args:
        origin: the log's name, e.g. ``localhost:8000/log``.
        stream: the stream to which the key is added, as a lower-case UUID.
        kid: the new key's Multikey.
        role: ``root`` or ``signing``.

    Raises:
        MalformedPossession: a value is empty, or holds anything but visible ASCII characters; a newline would let one
            message mean two things.
    """
    for name, value in (("origin", origin), ("stream", stream), ("kid", kid), ("role", role)):
        if not value or not all("!" <= character <= "~" for character in value):
            raise MalformedPossession(f"the {name} {value!a} of a proof of possession must be visible ASCII, no space")
    return f"{_POSSESSION}\n{origin}\n{stream}\n{kid}\n{role}".encode("ascii")
