"""The benchmark of proofs: its synthetic logs are genuine ones, made once, and each of its jobs ends in its line."""

import json
from pathlib import Path

import proofs
import pytest

from ledger.tlog.merkle import CompactRange
from ledger.tlog.proofs import check_inclusion


def test_a_synthetic_log_is_made_once_and_every_proof_in_it_holds(tmp_path: Path) -> None:
    log = proofs.Log(600, tmp_path)
    assert log.root == CompactRange.empty().extended(map(proofs.leaf, range(600))).root()
    for index in (0, 255, 256, 599):
        check_inclusion(proofs.leaf(index), index, 600, log.root, log.reader().inclusion(index))
    made = log.folder.stat().st_mtime_ns
    assert proofs.Log(600, tmp_path).root == log.root
    assert log.folder.stat().st_mtime_ns == made
    assert [each.name for each in tmp_path.iterdir()] == [log.folder.name]


def test_both_jobs_end_in_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["proofs.py", "--rounds", "1", "--sizes", "300", "700", "--cache", str(tmp_path)]
    monkeypatch.setattr("sys.argv", given)
    proofs.main()
    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["job"] for line in printed[-2:]] == ["inclusion_proof", "tile_growth"]
    assert any(line.startswith("700  ") for line in printed)
