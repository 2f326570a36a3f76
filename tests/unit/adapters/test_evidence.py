"""Notes that no honest log shows both are kept whole, once, beside the state of an audit."""

from pathlib import Path

from ledger.adapters.evidence import EvidenceFiles
from ledger.audit.public.state import Seen
from ledger.tlog.merkle import EMPTY_ROOT

NOTE = Seen(7, EMPTY_ROOT, b"a signed note\n", kept=False)


def test_note_is_kept_once_and_one_that_was_cut_off_is_made_whole(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path / "audit.state")
    path = Path(files.keep(NOTE))
    assert path.read_bytes() == NOTE.note
    before = path.stat()
    assert files.keep(NOTE) == str(path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    path.write_bytes(NOTE.note[:5])
    assert files.keep(NOTE) == str(path)
    assert path.read_bytes() == NOTE.note
    assert list(tmp_path.iterdir()) == [path]
