"""docs/spec/proof-file.md says what the code does: the members of a file, the checks, and why each refuses."""

import json
import re
from pathlib import Path

from ledger.verification import proof_check, proof_log_check, proof_status_check
from ledger.verification.proof_check import FILE_CHECKS
from tests.unit.verification.test_proof_file import RAW

PAGE = (Path(__file__).parents[3] / "docs" / "spec" / "proof-file.md").read_text("utf-8")
ROWS = [re.split(r" ?\| ?", line)[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
_REASON = re.compile(r"(?:failed|not_checked)\(\s*(?:\"\w+\"|[A-Z]+|check), \"(\w+)\"")


def test_every_member_of_a_file_has_its_row() -> None:
    members = [row[0].strip("`") for row in ROWS if len(row) == 2]
    assert sorted(members) == sorted(json.loads(RAW))


def test_every_check_has_its_row_in_their_order_with_every_reason_to_refuse() -> None:
    checks = {row[0].strip("`"): row[2] for row in ROWS if len(row) == 3}
    assert tuple(checks) == FILE_CHECKS
    named = {reason for told in checks.values() for reason in re.findall(r"`(\w+)`", told)}
    sources = [
        Path(str(module.__file__)).read_text("utf-8") for module in (proof_check, proof_log_check, proof_status_check)
    ]
    used = {reason for source in sources for reason in _REASON.findall(source)}
    assert used - {"not_reached"} == named
