"""Signed notes that no honest log shows both, kept in files of their own, beside the state of an audit."""

import os
from hashlib import sha256
from pathlib import Path

from ledger.audit.public.state import Seen


class EvidenceFiles:
    """Writes each note once, byte for byte as it was signed, under a name that tells its size."""

    def __init__(self, beside: Path | None) -> None:
        """
        Args:
            beside: the state whose name the files begin with; None: they go into the current folder.
        """
        self._stem = Path("testamur-audit") if beside is None else beside

    def keep(self, seen: Seen) -> str:
        """Write a note, durably, and say where it is; or why it is nowhere. It is never written over anything."""
        name = f"{self._stem.name}.evidence-{seen.size}-{sha256(seen.note).hexdigest()[:12]}.checkpoint"
        path = self._stem.with_name(name)
        try:
            with path.open("xb") as file:
                file.write(seen.note)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return str(path)  # the name holds its digest
        except OSError as error:
            return f"{path} (which could not be written: {error.strerror})"
        return str(path)
