"""A published log that lies in a folder: an archive, or a copy that somebody made of one that was served."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.audit.public.log import LogNotReadable, most_bytes
from ledger.tlog.tiles import TileMissing


class FolderLog:
    """A `PublishedLog` in a folder, the one that holds `checkpoint` and `tile`."""

    def __init__(self, folder: Path) -> None:
        """Of that folder; nothing is read yet."""
        self.address = str(folder)
        self._folder = folder

    def fetch(self, path: str) -> bytes:
        """The bytes at a path, at most one more than any such file has.

        Raises:
            TileMissing, LogNotReadable.
        """
        most = most_bytes(path)
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise TileMissing(f"{self._folder} has no {path}") from error
        except OSError as error:
            raise LogNotReadable(f"{path} in {self._folder} cannot be read: {error.strerror}") from error

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
