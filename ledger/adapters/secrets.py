"""Secrets on disk: files that only their owner reads, and the master key from which the other keys are derived.

Private signing keys are in `ledger.adapters.key_store`, which writes its files with the helpers below.
"""

import base64
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, Self, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.errors import LedgerError

MASTER_KEY_SIZE: Final = 32  # bytes
DERIVED_KEY_SIZE: Final = 32  # bytes
SECRET_FILE_LIMIT: Final = 65_536  # bytes; keys and passphrases are far smaller
_SECRET_MODE: Final = 0o600
_DERIVE: Final = b"testamur/derive/v1\n"


class SecretFileError(LedgerError):
    """A secret file could not be read, written or trusted."""


class SecretMissing(SecretFileError):
    """There is no such secret file."""


class SecretAlreadyExists(SecretFileError):
    """A secret file of that name exists and was left as it is."""


class SecretExposed(SecretFileError):
    """The secret file may be read or written by somebody other than its owner."""


class MalformedSecret(SecretFileError):
    """The secret file, or the bytes given for one, are not what they should be."""


@final
class MasterKey:
    """32 random bytes from which keys for separate purposes are derived; it never shows itself."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Hold a master key.

        Args:
            key: 32 random bytes.

        Raises:
            MalformedSecret: the length is another.
        """
        if len(key) != MASTER_KEY_SIZE:
            raise MalformedSecret(f"a master key has {MASTER_KEY_SIZE} bytes; this one has {len(key)}")
        self._key = key

    @classmethod
    def create(cls, path: Path, *, random_bytes: Callable[[int], bytes] = os.urandom) -> Self:
        """A new master key, durable in a new file when this returns: mode 0600, one line of base64url without padding.

        Raises:
            SecretAlreadyExists: the file exists and is left as it is; losing a master key loses what it encrypts.
            SecretFileError: it could not be written; whether the file exists must be looked up.
        """
        master = cls(random_bytes(MASTER_KEY_SIZE))
        write_secret_file(path, master._spelling())
        return master

    @classmethod
    def load(cls, path: Path) -> Self:
        """The master key that `create` left in this file.

        Raises:
            SecretMissing, SecretExposed, MalformedSecret: there is none, or it may not be trusted.
        """
        content = read_secret_file(path)
        fault = f"{path} holds no master key: it must be one line of 43 base64url characters; bring back the backup"
        try:
            master = cls(base64.urlsafe_b64decode(content.rstrip(b"\n") + b"="))
        except (ValueError, MalformedSecret) as error:  # ValueError: a number of characters that base64 cannot have
            raise MalformedSecret(fault) from error
        # One key has one spelling: the decoder skips what it does not know, and 32 bytes leave two bits over.
        if master._spelling() != content:
            raise MalformedSecret(fault)
        return master

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, always the same; they tell nothing of the master key or of other purposes.

        HKDF-SHA256 (RFC 5869) without salt, info = ``testamur/derive/v1``, newline, purpose in UTF-8.
        """
        info = _DERIVE + purpose.encode("utf-8")
        return HKDF(algorithm=SHA256(), length=DERIVED_KEY_SIZE, salt=None, info=info).derive(self._key)

    def __repr__(self) -> str:
        """That this is a master key, and nothing of it."""
        return "MasterKey(...)"

    def __reduce__(self) -> NoReturn:
        """Refused: pickling or copying would let the key travel unseen."""
        raise TypeError("a master key stays in its process and is neither pickled nor copied")

    def _spelling(self) -> bytes:
        return base64.urlsafe_b64encode(self._key).rstrip(b"=") + b"\n"


def read_secret_file(path: Path) -> bytes:
    """The whole content of a regular file that nobody but its owner may read or write.

    Raises:
        SecretMissing: there is no such file.
        SecretExposed: group or others have any right to it.
        MalformedSecret: it is no regular file, or longer than 65,536 bytes.
        SecretFileError: the system refused to read it.
    """
    try:
        # Not blocking: a named pipe in the file's place must not hang the service.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            _check_kind(path, os.fstat(file.fileno()).st_mode)
            content = file.read(SECRET_FILE_LIMIT + 1)
    except FileNotFoundError as error:
        raise SecretMissing(f"there is no secret file {path}; bring it back from the backup") from error
    except OSError as error:
        raise SecretFileError(f"the secret file {path} cannot be read: {error.strerror}") from error
    if len(content) > SECRET_FILE_LIMIT:
        raise MalformedSecret(f"the secret file {path} is longer than {SECRET_FILE_LIMIT} bytes")
    return content


def write_secret_file(path: Path, content: bytes) -> None:
    """Create a file of mode 0600, all of it or nothing, durable once this returns; its folder (0700) if it is missing.

    Exclusive across processes: of several writers of one name exactly one succeeds. A reader never sees half a file. A
    writer killed half way leaves a hidden ``.*.tmp`` file at most.

    Raises:
        SecretAlreadyExists: there is such a file, and it is left as it is.
        MalformedSecret: more than 65,536 bytes were given; nothing is written.
        SecretFileError: the system refused; whether the file exists must be looked up.
    """
    if len(content) > SECRET_FILE_LIMIT:
        raise MalformedSecret(
            f"a secret file holds at most {SECRET_FILE_LIMIT} bytes; {path} would have {len(content)}"
        )
    try:
        _ensure_folder(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")  # O_EXCL, 0600
        temporary = Path(name)
        try:
            _fill(descriptor, content)
            path.hardlink_to(temporary)  # unlike a rename it never replaces: the O_EXCL of a finished file
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise SecretAlreadyExists(f"the secret file {path} exists already and was left as it is") from error
    except OSError as error:
        raise SecretFileError(f"the secret file {path} cannot be written: {error.strerror}") from error


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise MalformedSecret(f"{path} is no regular file, so no secret is read from it")
    if stat.S_IMODE(mode) & 0o077:
        raise SecretExposed(
            f"{path} has mode {stat.S_IMODE(mode):04o}, so others than its owner may reach the secret; "
            f"find out who did, then: chmod 600 {path}"
        )


def _ensure_folder(folder: Path) -> None:
    """The folder exists, and if it was made here its name is durable."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    _sync_folder(folder.parent)


def _fill(descriptor: int, content: bytes) -> None:
    """Write and sync the whole content, then close."""
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _SECRET_MODE)  # the umask may have taken even the owner's rights
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
