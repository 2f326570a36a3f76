"""Reads files that somebody else made, or that a person named: never more than is worth reading, never what is no file.

A named pipe would be waited for, a device has no end. So what was opened is looked at before anything of it is read.
"""

import errno
import os
import re
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, Final

from ledger.errors import LedgerError

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY
_AT_ONCE: Final = _FLAGS | os.O_NONBLOCK  # opening a pipe does not wait for a writer
# What this process was given open, such as the pipe that a shell makes of <(command): its writer is there.
_GIVEN: Final = re.compile(r"/dev/(?:stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+")


class FileUnreadable(LedgerError):
    """A file that is there, or was named, cannot be read, or is no file."""


def read_named(path: Path, most: int) -> bytes:
    """The bytes of a file that a person named, at most one more than `most`, so that what is longer shows.

    Raises:
        FileUnreadable: there is none, or it cannot be read, or is none.
    """
    given = _GIVEN.fullmatch(str(path)) is not None
    try:
        return _read(os.open(path, _FLAGS if given else _AT_ONCE), str(path), most, given=given)
    except OSError as error:
        raise _unreadable(path, error) from error


def open_named(path: Path) -> BinaryIO:
    """A file that a person named, to be read by and by.

    Raises:
        FileUnreadable: there is none, or it cannot be read, or is none.
    """
    try:
        return _checked(os.open(path, _AT_ONCE), str(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def read_below(folder: Path, path: str, most: int) -> bytes | None:
    """The bytes of the file at a path below a folder, at most one more than `most`; None where there is no such file.

    Below the folder no link is followed: a folder that a stranger handed over leads nowhere else.

    Raises:
        FileUnreadable: it cannot be read, or is no file.
    """
    names = path.split("/")
    if not {"", ".", ".."}.isdisjoint(names):
        return None
    try:
        descriptor = os.open(folder, _FLAGS | os.O_DIRECTORY)
        for name in names:
            descriptor = _step(descriptor, name)
        return _read(descriptor, str(folder / path), most)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(folder / path, error) from error


def _step(folder: int, name: str) -> int:
    """What has this name in an open folder, opened; the folder is closed."""
    try:
        return os.open(name, _AT_ONCE | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _read(descriptor: int, path: str, most: int, *, given: bool = False) -> bytes:
    """Read what was opened, if it is a file, and close it."""
    with _checked(descriptor, path, given=given) as file:
        return file.read(most + 1)


def _checked(descriptor: int, path: str, *, given: bool = False) -> BinaryIO:
    """What was opened, if it is a file; else it is closed.

    Args:
        given: whether it may be a pipe or a device, which somebody opened for this process.
    """
    try:
        kind = os.fstat(descriptor).st_mode
        if S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not given and not S_ISREG(kind):
            raise FileUnreadable(f"{path} cannot be read: it is a pipe or a device, and no file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _unreadable(path: Path, error: OSError) -> FileUnreadable:
    link = error.errno == errno.ELOOP
    return FileUnreadable(
        f"{path} cannot be read: {'it is a link, and no link is followed here' if link else error.strerror}"
    )
