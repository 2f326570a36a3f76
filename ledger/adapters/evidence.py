"""Signed notes that no honest log shows both, kept in files of their own, beside the state of an audit."""

from hashlib import sha256
from pathlib import Path

from ledger.adapters.home import replace_file
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
        """Write a note, durably, and say where it is; or why it is nowhere. Nothing whole is ever written over."""
        name = f"{self._stem.name}.evidence-{seen.size}-{sha256(seen.note).hexdigest()[:12]}.checkpoint"
        path = self._stem.with_name(name)
        try:
            if path.exists() and path.read_bytes() == seen.note:
                return str(path)
            # The name holds its digest: what is there else was cut off while it was written.
            replace_file(path, seen.note, mode=0o644)
        except OSError as error:
            return f"{path} (which could not be written: {error.strerror})"
        return str(path)
