"""Two files that hold a signed checkpoint each: the one that is served, and the guard, which lies outside the store.

The guard is what a store that lost its tail is held against: it holds the last note that was signed, also one that no
witness has cosigned yet, and may lie on another disk (TESTAMUR_GUARD_FILE). Several processes of one machine may write
both. Neither ever goes back.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger.adapters.home import replace_file
from ledger.adapters.tile_folder import FolderTiles
from ledger.application.publishing_ports import GuardContradicts, TileStoreUnavailable
from ledger.tlog.checkpoint import size_of_note

_Stamp = tuple[int, int, int]  # inode, time of change, length


class _NoteFile:
    """A signed checkpoint in a file. Any thread and any process may use it."""

    def __init__(self, path: Path, lock: Path, described: str) -> None:
        self._path = path
        self._lock = lock
        self._described = described
        self._read: tuple[_Stamp | None, int] = (None, 0)
        self._known: tuple[_Stamp | None, bytes | None] = (None, None)

    def note(self) -> bytes | None:
        """What was written last; None where nothing was.

        Raises:
            TileStoreUnavailable: it cannot be read; it may be there.
        """
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TileStoreUnavailable(f"{self._described} in {self._path} cannot be read: {error.strerror}") from error

    def known(self) -> bytes | None:
        """What was written last, read again only after the file has changed; None where nothing was.

        Raises:
            TileStoreUnavailable: it cannot be read; it may be there.
        """
        stamp = self._stamp()
        if stamp is None or stamp != self._known[0]:
            self._known = (stamp, self.note())  # a note that is younger than its stamp is read once more
        return self._known[1]

    def size(self) -> int:
        """How many entries it covers; read again only after the file has changed."""
        stamp = self._stamp()
        if stamp != self._read[0]:
            note = self.note()
            self._read = (stamp, 0 if note is None else size_of_note(note) or self._read[1])
        return self._read[1]

    def _stamp(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  asked at every scan, and a Path takes longer
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the one that writes.

        Raises:
            TileStoreUnavailable: it cannot be written; what was there is.
        """
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise TileStoreUnavailable(
                f"{self._described} in {self._path} cannot be written: {error.strerror}"
            ) from error


class PublishedFile(_NoteFile):
    """`log/checkpoint` of a home: what everybody is shown."""

    def __init__(self, path: Path) -> None:
        """Of a file that is made with the first note."""
        super().__init__(path, path.with_name(".lock"), "the published checkpoint")
        # The store keeps the notes of days; whoever begins anew writes those of the last two again.
        self._days = FolderTiles(path.parent, durable=False)

    def serve(self, note: bytes, days: Sequence[tuple[str, bytes]] = ()) -> None:
        """Serve the last notes of some days, and a checkpoint from now on, durably; but none where a larger one is.

        One of the same size takes the place of the other: it has younger cosignatures.
        """
        with self._alone():
            for day, last in days:
                before = self._days.read(f"days/{day}")
                if _covered(before) <= _covered(last) and before != last:
                    self._days.replace(f"days/{day}", last)
            before = self.note()
            if _covered(before) <= _covered(note) and before != note:
                replace_file(self._path, note, mode=0o644)

    def last_day(self) -> str:
        """The last day that has a note; empty where none has."""
        days = self._path.parent / "days"
        try:
            return max((each.name for each in days.iterdir() if not each.name.startswith(".")), default="")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise TileStoreUnavailable(f"{days} cannot be read: {error.strerror}") from error


class GuardFile(_NoteFile):
    """The last signed note, outside the store."""

    def __init__(self, path: Path, *, stays: bool = False) -> None:
        """Of a file that is made with the first note.

        Args:
            stays: whether a guard that was there, and is there no more, is missed, and not made anew.

        Raises:
            TileStoreUnavailable: as `note`.
        """
        super().__init__(path, path.with_name(f"{path.name}.lock"), "the guard")
        self._stays = stays
        self._was_there = stays and self.note() is not None

    def keep(self, note: bytes) -> None:
        """Keep a checkpoint, durably, unless one as large is kept.

        Raises:
            GuardContradicts: the one that is kept says something else of as many entries.
            TileStoreUnavailable: it cannot be written, or it was there, and is there no more.
        """
        self._kept()  # before anything is made in the folder on which a disk is to be mounted
        with self._alone():
            before = self._kept()
            if _covered(before) < _covered(note):
                replace_file(self._path, note, mode=0o644)
                self._was_there = self._stays
            elif before is not None and _covered(before) == _covered(note) and _text(before) != _text(note):
                raise GuardContradicts(
                    f"the guard {self._path} holds another checkpoint over {_covered(note)} entries than is signed now"
                )

    def remove(self) -> None:
        """Take the file away; another guard has what it held.

        Raises:
            TileStoreUnavailable: it cannot be.
        """
        with self._alone():
            self._path.unlink(missing_ok=True)

    def _kept(self) -> bytes | None:
        """What is kept, as `note`; but one that was there stays there."""
        note = self.note()
        if note is None and self._was_there:
            raise TileStoreUnavailable(
                f"the guard {self._path} is not there any more: mount the disk that it lies on. Nothing is published "
                "until it is back"
            )
        return note


def _text(note: bytes) -> bytes:
    """What is signed in a note."""
    return note.rpartition(b"\n\n")[0]


def _covered(note: bytes | None) -> int:
    """How many entries a note says that it covers; -1 for none."""
    return -1 if note is None else size_of_note(note) or 0
