"""`--wait`: a command that changes something ends once it is published, and prints the proof."""

import json
from pathlib import Path

import pytest

from ledger.tlog.proof_file import parse_tlog_proof
from tests.unit.cli.command import Command


def test_issuing_with_wait_prints_the_proof_after_the_receipt(ledger: Command, tmp_path: Path) -> None:
    ended = ledger("issue", str(tmp_path / "award.json"), "--wait", "30")
    assert (ended.code, ended.err) == (0, "")
    receipt, _, proof = ended.out.partition("\n\n")
    assert "issued" in receipt
    assert parse_tlog_proof(proof.encode("utf-8")).index > 0


def test_proof_stands_in_the_receipt_with_json(ledger: Command, tmp_path: Path) -> None:
    issued = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)
    assert "proof" not in issued
    revoked = ledger("revoke", issued["credential_id"], "--reason", "other", "--wait", "30", "--json")
    receipt = json.loads(revoked.out)
    assert parse_tlog_proof(receipt["proof"].encode("utf-8")).index == receipt["position"] - 1


@pytest.mark.parametrize(
    "arguments",
    [("show", "X"), ("issue-batch", "X.csv"), ("api-key", "create"), ("issuer", "list"), ("audit",)],
    ids=" ".join,
)
def test_command_that_states_nothing_in_the_log_cannot_wait(ledger: Command, arguments: tuple[str, ...]) -> None:
    ended = ledger(*arguments, "--wait", "5")
    assert ended.code == 2
    assert "no such option: --wait" in ended.err


def test_waiting_has_an_end(ledger: Command, tmp_path: Path) -> None:
    for seconds in ("0", "61", "for ever"):
        assert ledger("issue", str(tmp_path / "award.json"), "--wait", seconds).code == 2
