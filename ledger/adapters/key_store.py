"""Private signing keys on disk: one encrypted PKCS #8 file per key, named by its key id.

What a key may sign, and since when, stands in the ledger; this store only holds keys and never forgets one by itself.
"""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.adapters.secrets import (
    SecretAlreadyExists,
    SecretFileError,
    SecretMissing,
    read_secret_file,
    write_secret_file,
)
from ledger.domain.types import Kid
from ledger.errors import LedgerError
from ledger.signing.ed25519 import MalformedKey
from ledger.signing.multikey import decode
from ledger.signing.signer import Ed25519Signer, KeyNotHeld, KeyUnreadable, Signer

__all__ = ["KeyAlreadyHeld", "KeyNotHeld", "KeyUnreadable", "PemKeyStore", "UnusablePassphrase"]

_PASSPHRASE_LIMIT: Final = 1023  # bytes; OpenSSL takes no more
_SUFFIX: Final = ".pem"


class KeyAlreadyHeld(LedgerError):
    """The private key of this key id is kept here already; the file was left as it is."""

    def __init__(self, kid: Kid) -> None:
        super().__init__(f"the private key of {kid} is kept here already and was left as it is")
        self.kid = kid


class KeyNotKept(SecretFileError):
    """The system refused to keep a new private key."""


class UnusablePassphrase(LedgerError):
    """No private key can be encrypted under this passphrase."""


class PemKeyStore:
    """Private keys in ``<kid>.pem`` files (0600, encrypted PKCS #8 PEM) of one folder, all under one passphrase.

    Safe for several threads and processes: a key appears whole or not at all, and is never replaced. A key that was
    read once stays in memory as long as the store.
    """

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        """Use `folder`, which may be missing until the first key is created.

        Args:
            folder: its parent must exist.
            passphrase: 1 to 1,023 bytes.

        Raises:
            UnusablePassphrase: it is empty or too long.
        """
        if not 1 <= len(passphrase) <= _PASSPHRASE_LIMIT:
            raise UnusablePassphrase(
                f"the passphrase of a key store has 1 to {_PASSPHRASE_LIMIT} bytes; this one has {len(passphrase)}"
            )
        self._folder = folder
        self._passphrase = passphrase
        self._signers: dict[Kid, Signer] = {}

    def create(self, seed: bytes) -> Signer:
        """Keep a new private key, durably once this returns, and give its signer.

        Args:
            seed: 32 random bytes, RFC 8032 §5.1.5.

        Raises:
            MalformedSeed: the length is another; nothing is kept.
            KeyAlreadyHeld: this very key is kept already; its file is left as it is.
            KeyNotKept: the system refused; `holds` tells whether the key is kept.
        """
        signer = Ed25519Signer(seed)
        pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(self._passphrase)
        )
        try:
            write_secret_file(self._path(signer.kid), pem)
        except SecretAlreadyExists as error:
            raise KeyAlreadyHeld(signer.kid) from error
        except SecretFileError as error:
            cause = error.__cause__  # whoever may add a key need not know where it lies
            reason = cause.strerror if isinstance(cause, OSError) else type(error).__name__
            raise KeyNotKept(f"a new private key cannot be kept now: {reason}") from error
        self._signers[signer.kid] = signer
        return signer

    def signer(self, kid: Kid) -> Signer:
        """The signer of a key that is kept here.

        Raises:
            MalformedKey: `kid` is no key id.
            KeyNotHeld: its private key is not kept here.
            KeyUnreadable: its file is garbled, open to others, under another passphrase or holds another key.
        """
        signer = self._signers.get(kid)
        if signer is None:
            signer = self._signers[kid] = self._load(kid)
        return signer

    def holds(self, kid: Kid) -> bool:
        """Whether a file for this key is kept here; only `signer` tells whether it can be used.

        Raises:
            MalformedKey: `kid` is no key id.
        """
        if kid in self._signers:  # its id was checked; whether its file is still there is asked each time
            return os.path.isfile(f"{self._folder}/{kid}{_SUFFIX}")  # noqa: PTH113 - asked for each command
        return self._path(kid).is_file()

    def kids(self) -> list[Kid]:
        """The ids of all keys kept here, sorted; files of other names are none."""
        return sorted(Kid(path.stem) for path in self._folder.glob(f"*{_SUFFIX}") if _is_kid(path.stem))

    def _path(self, kid: Kid) -> Path:
        # Checked before it becomes part of a path: a key id has no separator and no dot.
        decode(kid)
        return self._folder / f"{kid}{_SUFFIX}"

    def _load(self, kid: Kid) -> Signer:
        path = self._path(kid)
        try:
            pem = read_secret_file(path)
        except SecretMissing as error:
            raise KeyNotHeld(kid) from error
        except SecretFileError as error:
            raise KeyUnreadable(f"the private key of {kid} is not used: {error}") from error
        try:
            key = load_pem_private_key(pem, self._passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the file is not encrypted
            raise KeyUnreadable(
                f"{path} cannot be opened: it is garbled, not encrypted, or under another passphrase than this store's"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnreadable(f"{path} holds a private key that is not of Ed25519")
        signer = Ed25519Signer(key.private_bytes_raw())
        if signer.kid != kid:
            raise KeyUnreadable(f"{path} holds the private key of {signer.kid}; a file's name must be its own key's id")
        return signer


def _is_kid(name: str) -> bool:
    try:
        decode(name)
    except MalformedKey:
        return False
    return True
