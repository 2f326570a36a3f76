"""The page of standards names files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "standards.md"


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:ledger|verify_api|tests|scripts)/[\w/.-]+\.py)`", PAGE.read_text())
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_clause_has_code_and_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and "`" in line]
    assert [row for row in rows if not re.search(r"`(?:tests|scripts)/", row)] == []
