"""The public log as files of a folder: written once, durable when written, never seen half.

A file is made beside its place, under a name that nobody asks for, synced, given its name and the name synced.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from ledger.adapters.home import sync_folder
from ledger.adapters.scratch import kind_swept
from ledger.application.publishing_ports import TileStoreConflict, TileStoreUnavailable

# No segment begins with a dot, so none is `..`, and no path leads to a file that is being made.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,15}")


class FolderTiles:
    """Published files below one folder. Any thread and any process may use it."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Of a folder that is made with the first file.

        Args:
            durable: whether what was written survives a power loss; not needed of a cache, which is checked when read.
        """
        self._folder = folder
        self._durable = durable
        self._kind: str | None = None  # how the names of files that this process makes begin

    def read(self, path: str) -> bytes | None:
        """A file; None where there is none, nor can be."""
        if not _PATH.fullmatch(path):
            return None
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise TileStoreUnavailable(f"the published file {path} cannot be read: {error.strerror}") from error

    def write(self, path: str, content: bytes) -> None:
        """Put a file where none is, or one with the same bytes."""
        with self._putting(path) as place:
            before = self.read(path)
            if before is None:
                before = self._link(place, path, content)
            if before is not None and before != content:
                raise TileStoreConflict(
                    f"the published file {path} is there already, with other bytes than the log has: {place}. It is "
                    "damaged, or it is another history. Nothing was published over it"
                )
            self._sync(place.parent)  # also where the file was there: whoever put it may have been cut off just then

    def replace(self, path: str, content: bytes) -> None:
        """Put a file in place of the one that may be there."""
        with self._putting(path) as place, self._made(content) as made:
            made.replace(place)
            self._sync(place.parent)

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of all files below a folder, sorted."""
        if prefix and not _PATH.fullmatch(prefix):
            return ()
        found: list[str] = []
        try:
            for folder, _, names in os.walk(self._folder / prefix, onerror=_refuse):
                below = Path(folder).relative_to(self._folder)
                found += [(below / name).as_posix() for name in names]
        except OSError as error:
            raise TileStoreUnavailable(f"the published folder {prefix} cannot be read: {error.strerror}") from error
        return sorted(path for path in found if _PATH.fullmatch(path))

    def remove(self, path: str) -> None:
        """Remove a file, if it is there; and its folder with the last one."""
        with self._putting(path, make=False) as place:
            place.unlink(missing_ok=True)
            if place.parent != self._folder:
                # Refused where something lies in it. Another process may be faster to take it away, or to fill it.
                with suppress(OSError):
                    place.parent.rmdir()

    @contextmanager
    def _putting(self, path: str, *, make: bool = True) -> Iterator[Path]:
        """The place of a file, whose folder is there."""
        if not _PATH.fullmatch(path):
            raise TileStoreUnavailable(f"{path[:200]!a} cannot be the path of a published file")
        place = self._folder / path
        try:
            if make and not place.parent.is_dir():
                self._make(place.parent)
            yield place
        except OSError as error:
            raise TileStoreUnavailable(f"the published file {path} cannot be written: {error.strerror}") from error

    def _link(self, place: Path, path: str, content: bytes) -> bytes | None:
        """Give a new file its name; what has it already, if somebody was faster."""
        with self._made(content) as made:
            try:
                try:
                    os.link(made, place)
                except FileNotFoundError:  # another process took the folder away with what was its last file
                    self._make(place.parent)
                    os.link(made, place)
            except FileExistsError:
                return self.read(path)
        return None

    @contextmanager
    def _made(self, content: bytes) -> Iterator[Path]:
        """A new file with no name yet that anybody asks for; gone at the end, unless it got one."""
        self._kind = self._kind or kind_swept(".new-", self._folder)
        descriptor, name = mkstemp(prefix=f"{self._kind}{os.getpid()}-", dir=self._folder)
        made = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
                file.flush()
                if self._durable:
                    os.fsync(file.fileno())
            yield made
        finally:
            made.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        """Make a folder and those it lies in."""
        missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
        for each in reversed(missing):
            each.mkdir(mode=0o755, exist_ok=True)
            self._sync(each.parent)

    def _sync(self, folder: Path) -> None:
        if self._durable:
            sync_folder(folder)


def _refuse(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error
