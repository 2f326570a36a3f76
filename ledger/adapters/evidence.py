"""Signed notes that no honest log shows both, kept in files of their own, beside the state of an audit."""

from hashlib import sha256
from pathlib import Path

from ledger.adapters.home import replace_file
from ledger.audit.public.state import Seen
from ledger.tlog.checkpoint import size_of_note


class EvidenceFiles:
    """Writes each note once, byte for byte as it was signed, under a name that tells its size."""

    def __init__(self, beside: Path | None) -> None:
        """
        Args:
            beside: the state whose name the files begin with; None: they go into the current folder.
        """
        self._stem = Path("testamur-audit") if beside is None else beside

    def keep(self, seen: Seen) -> str:
        """Write a note, as `keep_note`."""
        return self.keep_note(seen.note)

    def keep_note(self, note: bytes) -> str:
        """Write a note, durably, and say where it is; or why it is nowhere. Nothing whole is ever written over."""
        name = f"{self._stem.name}.evidence-{size_of_note(note) or 0}-{sha256(note).hexdigest()[:12]}.checkpoint"
        path = self._stem.with_name(name)
        try:
            if path.exists() and path.read_bytes() == note:
                return str(path)
            # The name holds its digest: what is there else was cut off while it was written.
            replace_file(path, note, mode=0o644)
        except OSError as error:
            return f"{path} (which could not be written: {error.strerror})"
        return str(path)
