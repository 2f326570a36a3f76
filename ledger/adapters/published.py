"""The last published checkpoint in a file of the home: what a store that lost its tail is held against.

Several processes of one machine may publish into one home. A file is replaced by a larger checkpoint only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.adapters.home import replace_file
from ledger.application.publishing import size_of_note

_Stamp = tuple[int, int, int]  # inode, time of change, length


class PublishedFile:
    """`log/checkpoint` of a home. Any thread and any process may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_name(".lock")
        self._read: tuple[_Stamp | None, int] = (None, 0)

    def note(self) -> bytes | None:
        """What was published last; None where nothing was."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def size(self) -> int:
        """How many entries it covers; read again only after the file has changed."""
        stamp = self._stamp()
        if stamp != self._read[0]:
            note = self.note()
            self._read = (stamp, 0 if note is None else size_of_note(note) or self._read[1])
        return self._read[1]

    def replace(self, note: bytes) -> None:
        """Publish a checkpoint, durably, unless one as large is published."""
        with self._alone():
            before = self.note()
            if before is None or (size_of_note(before) or 0) < (size_of_note(note) or 0):
                replace_file(self._path, note, mode=0o644)

    def _stamp(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  asked at every scan, and a Path takes longer
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
