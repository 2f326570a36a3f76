"""The files of an archive, which may be a stranger's: regular files within bounds, and nothing that lies elsewhere."""

from typing import Final

from ledger.adapters.bounded_files import FileUnreadable, read_below
from ledger.adapters.tile_folder import FolderTiles
from ledger.application.archive_opening import ArchiveUnreadable
from ledger.application.archiving import LOG
from ledger.audit.public.log import most_bytes
from ledger.record.capsule import MAX_CAPSULE

_MOST: Final = MAX_CAPSULE  # bytes of a file that is not the log's; the others are far smaller


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
