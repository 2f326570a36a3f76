"""A published log that lies in a folder: an archive, or a copy that somebody made of one that was served."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.adapters.bounded_files import FileUnreadable, read_below
from ledger.audit.public.log import LogNotReadable, most_bytes
from ledger.tlog.tiles import TileMissing


class FolderLog:
    """A `PublishedLog` in a folder, the one that holds `checkpoint` and `tile`."""

    def __init__(self, folder: Path, *, below: str = "") -> None:
        """Of that folder; nothing is read yet.

        Args:
            below: where in it the log lies, such as `log/`; nothing in a folder that is named leads out of it.
        """
        self.address = str(folder / below)
        self._folder = folder
        self._below = below

    def fetch(self, path: str) -> bytes:
        """The bytes at a path, at most one more than any such file has.

        Raises:
            TileMissing, LogNotReadable.
        """
        most = most_bytes(path)
        try:
            content = read_below(self._folder, self._below + path, most)
        except FileUnreadable as error:
            raise LogNotReadable(str(error)) from error
        if content is None:
            raise TileMissing(f"{self.address} has no {path}")
        return content

    def fetch_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """The bytes at each path, in order; None where there is no such file.

        Raises:
            LogNotReadable.
        """
        for path in paths:
            try:
                yield self.fetch(path)
            except TileMissing:
                yield None
