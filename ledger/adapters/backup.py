"""The file that a backup is: one uncompressed tar, whose first member says what the others are.

Only what a backup holds is ever read from one: members in the order of that list, of the sizes and digests in it. A
file that says anything else is refused, whatever made it: a tar can name any path, any size and any kind of file.
"""

import os
import tarfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ledger.adapters.backup_manifest import Holds, MalformedManifest, Manifest, Member, parse_manifest
from ledger.adapters.bounded_files import FileUnreadable, open_named
from ledger.adapters.home import sync_folder
from ledger.errors import LedgerError

_LIST = "backup.json"
_LONGEST_LIST = 16 * 1024 * 1024  # bytes: some hundred thousand keys
_PIECE = 1024 * 1024
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.DIRTYPE: "a folder",
}


class BadBackup(LedgerError):
    """The file is not a backup, or not a whole one, or was changed; nothing of it is used."""


class BackupFailed(LedgerError):
    """The system did not let a backup be written, or be read."""


class BackupExists(LedgerError):
    """There is something in the place where a backup, or what is restored from it, should go."""


def digested(files: Iterable[tuple[str, Path]]) -> tuple[Member, ...]:
    """Files as the members that they will be.

    Raises:
        BackupFailed: one cannot be read.
    """
    return tuple(_digested(name, path) for name, path in files)


def _digested(name: str, path: Path) -> Member:
    digest, size = sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read: {error.strerror}") from error
    return Member(name=name, bytes=size, sha256=digest.hexdigest())


def write_backup(file: Path, manifest: Manifest, files: Sequence[Path], *, within: Path | None = None) -> int:
    """Write a backup of these files, which the manifest lists in their order; its size.

    It appears whole, durable, and for its owner alone.

    Args:
        within: a folder of the same file system in which it is made; that of `file` if None.

    Raises:
        BackupExists: there is such a file; it is left as it is.
        BackupFailed: the system refused, or a file changed meanwhile.
    """
    making = (within or file.parent) / f".{file.name}.{os.getpid()}.new"
    try:
        making.unlink(missing_ok=True)
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as tar:
                _write(tar, manifest, files)
                tar.flush()
                os.fsync(tar.fileno())
                size = tar.tell()
        except BaseException:
            making.unlink(missing_ok=True)
            raise
        put_in_place(making, file)
    except FileExistsError as error:
        raise BackupExists(f"there is {file} already; a backup replaces nothing") from error
    except OSError as error:
        raise BackupFailed(f"{file} cannot be written: {error.strerror}") from error
    return size


def put_in_place(making: Path, place: Path) -> None:
    """Give a finished file its name, durably, if nothing has that name yet; `making` is gone in any case.

    Raises:
        FileExistsError: something has.
        OSError: the system refused.
    """
    try:
        place.hardlink_to(making)  # unlike a rename it never replaces
    finally:
        making.unlink()
    sync_folder(place.parent)


def _write(tar: BinaryIO, manifest: Manifest, files: Sequence[Path]) -> None:
    listed = manifest.to_bytes()
    tar.write(_header(_LIST, len(listed), manifest.made))
    tar.write(listed + _padding(len(listed)))
    for member, path in zip(manifest.files, files, strict=True):
        tar.write(_header(member.name, member.bytes, manifest.made))
        with path.open("rb") as source:
            left = member.bytes
            while left and (piece := source.read(min(_PIECE, left))):
                tar.write(piece)
                left -= len(piece)
            if left or source.read(1):
                raise BackupFailed(f"{path} changed while it was written; try again")
        tar.write(_padding(member.bytes))
    tar.write(bytes(2 * tarfile.BLOCKSIZE))


def _header(name: str, size: int, made: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(made.timestamp())
    return info.tobuf(tarfile.GNU_FORMAT)  # it can say more than 8 GiB


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def read_backup(file: Path, folder: Path, holds: Holds) -> Manifest:
    """Put what a backup holds into an empty folder of one's own; what it says of itself.

    Nothing outside `folder` is written, and never more than `file` is long.

    Raises:
        BadBackup: it is not a backup of that, or not exactly what its list says.
        BackupFailed: it cannot be read, or the folder cannot be written.
    """
    try:
        with open_named(file) as tar:
            reading = _Reading(tar, file)
            manifest = _parse(reading.listed(), file, holds)
            for member in manifest.files:
                reading.extract(member, folder / member.name)
            reading.end()
            return manifest
    except FileUnreadable as error:
        raise BackupFailed(str(error)) from error
    except OSError as error:
        raise BackupFailed(f"{file} cannot be read, or {folder} cannot be written: {error.strerror}") from error


class _Reading:
    """Reads one tar from its beginning to its end, believing nothing it says before it is checked."""

    def __init__(self, tar: BinaryIO, file: Path) -> None:
        self._tar = tar
        self._file = file
        self._length = os.fstat(tar.fileno()).st_size
        self._seen: set[str] = set()

    def listed(self) -> bytes:
        """The content of the first member, which must be the list."""
        size = self._member(_LIST)
        if size > _LONGEST_LIST:
            raise self._bad(f"its list has {size} bytes, more than any backup needs")
        content = self._tar.read(size)
        self._pad(size)
        return content

    def extract(self, member: Member, place: Path) -> None:
        """Write the next member, which must be this one, into a new file."""
        size = self._member(member.name)
        if size != member.bytes:
            raise self._bad(f"{member.name} has {size} bytes in it, and {member.bytes} in its list")
        place.parent.mkdir(mode=0o700, exist_ok=True)
        digest = sha256()
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            left = size
            while left and (piece := self._tar.read(min(_PIECE, left))):
                digest.update(piece)
                target.write(piece)
                left -= len(piece)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != member.sha256:
            raise self._bad(f"{member.name} is not what was backed up: it was changed or damaged since")
        self._pad(size)

    def end(self) -> None:
        """Pass if nothing follows but the end that every tar has."""
        info = self._header()
        if info is not None:
            self._check(info, None)
        while piece := self._tar.read(_PIECE):
            if piece.count(0) != len(piece):
                raise self._bad("something stands behind its end")

    def _member(self, name: str) -> int:
        """The size of the next member, which must be a plain file of this name, all of it there."""
        info = self._header()
        if info is None:
            raise self._bad(f"it ends before {name}, which should come next")
        self._check(info, name)
        self._seen.add(name)
        if info.size > self._length - self._tar.tell():
            raise self._bad(f"it says that {name} has {info.size} bytes, and ends before: only a part of it is here")
        return info.size

    def _header(self) -> tarfile.TarInfo | None:
        block = self._tar.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE:
            raise self._bad("it ends in the middle: only a part of it is here")
        if not any(block):
            return None
        try:
            # One header by itself: the library's reader would follow others to any name, size and kind of file.
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise self._bad("it is not a tar as `testamur backup` writes them, or it is damaged") from error

    def _check(self, info: tarfile.TarInfo, expected: str | None) -> None:
        """Refuse whatever is not the plain file that comes next, and say what it is."""
        name = ascii(info.name)[:100]
        if info.type != tarfile.REGTYPE:
            kind = _KINDS.get(info.type, "something unusual")
            raise self._bad(f"it holds {kind} under the name {name}, and a backup holds plain files only")
        if info.name.startswith("/"):
            raise self._bad(f"it names the absolute path {name}")
        if ".." in info.name.split("/"):
            raise self._bad(f"it names {name}, a path that leads out of its folder")
        if info.name in self._seen:
            raise self._bad(f"it holds {name} twice")
        if info.name != expected:
            raise self._bad(
                f"it holds {name}" + (f" where {expected} should be" if expected else ", which it does not list")
            )

    def _pad(self, size: int) -> None:
        if self._tar.read(-size % tarfile.BLOCKSIZE) != _padding(size):
            raise self._bad("it is not a tar as `testamur backup` writes them, or it is damaged")

    def _bad(self, what: str) -> BadBackup:
        return BadBackup(f"{self._file} is not used: {what}")


def _parse(raw: bytes, file: Path, holds: Holds) -> Manifest:
    try:
        manifest = parse_manifest(raw)
    except MalformedManifest as error:
        raise BadBackup(f"{file} is not used: its list cannot be read: {error}") from error
    if manifest.holds != holds:
        hint = "restore it with --vault" if manifest.holds == "vault" else "restore it without --vault"
        raise BadBackup(f"{file} is a backup of the {manifest.holds}: {hint}")
    return manifest
