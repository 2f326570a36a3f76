"""No file that attacks the verifier is ever valid, or costs much, or makes it ask anybody anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from ledger.verification.verdict import State
from tests.api.outward import Outward
from tests.unit.application.hostile import RAW, files, judge

FILES = dict(files())
_SHOWN = {
    "status list of another issuer",
    "status list on this machine",
    "status index out of range",
}  # signed, and open


def test_what_they_were_made_of_is_good() -> None:
    assert judge(RAW) is State.ISSUER_UNRECOGNISED


@pytest.mark.parametrize("name", FILES)
def test_attack_is_refused_or_left_unchecked_and_leads_nowhere(name: str) -> None:
    with Outward() as outward:
        state = judge(FILES[name])
    assert outward.tried == []
    if name in _SHOWN:
        assert state is State.STATUS_UNAVAILABLE
    else:
        assert state in (None, State.SIGNATURE_INVALID, State.NOT_CHECKED)


def test_all_of_them_together_need_less_memory_than_one_may() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.unit.application.hostile"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=300)
    assert int(ended.stdout) < 64 << 20
