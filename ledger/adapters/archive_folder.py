"""The files of an archive, which may be a stranger's: regular files within bounds, and nothing that lies elsewhere."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.adapters.bounded_files import FileUnreadable, read_below
from ledger.adapters.tile_folder import FolderTiles
from ledger.application.archive_opening import ArchiveUnreadable
from ledger.application.archiving import LOG
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.audit.public.log import most_bytes
from ledger.errors import LedgerError
from ledger.record.capsule import MAX_CAPSULE

_MOST: Final = MAX_CAPSULE  # bytes of a file that is not the log's; the others are far smaller

_LOCK: Final = ".lock"  # no path of an archive begins with a dot


class ArchiveBusy(LedgerError):
    """Another export works on the archive; nothing was written."""


class ArchiveFolder(FolderTiles):
    """An archive below one folder."""

    def read(self, path: str) -> bytes | None:
        """A file; None where there is none.

        Raises:
            ArchiveUnreadable: it is no file, or longer than any such file of an archive, or cannot be read.
        """
        most = most_bytes(path.removeprefix(LOG)) if path.startswith(LOG) else _MOST
        try:
            content = read_below(self._folder, path, most)
        except FileUnreadable as error:
            raise ArchiveUnreadable(str(error)) from error
        if content is not None and len(content) > most:
            raise ArchiveUnreadable(f"{path} has more than {most:,} bytes: it is no file of an archive")
        return content

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one who writes the archive: of two at once, each would remove the tiles that the other needs.

        Raises:
            ArchiveBusy: another one is at it.
            TileStoreUnavailable: the folder cannot be made or locked.
        """
        lock = self._folder / _LOCK
        try:
            self._make(self._folder)
            descriptor = _locked(lock)
        except BlockingIOError as error:
            raise ArchiveBusy(f"another export works on {self._folder}; wait until it is done") from error
        except OSError as error:
            raise TileStoreUnavailable(f"the archive {self._folder} cannot be locked: {error.strerror}") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # before it is let go: whoever locks it then sees that it is not there
            os.close(descriptor)


def _locked(lock: Path) -> int:
    """The lock, held until it is closed."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(lock, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the one who held it has taken it away; another may have made a new one


def _is_there(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), lock.lstat())
    except FileNotFoundError:
        return False
