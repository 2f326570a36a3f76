"""`testamur witness` beside serving: its key, the evidence it kept, and wrong ways to start it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.witness_state import Evidence, WitnessState
from ledger.testing.faults import FakeClock
from ledger.tlog.cosignature import CosignerKey, cosignatures
from ledger.tlog.witnessing import Submission, admit, logs_of
from tests.unit.cli.command import Command
from tests.witnesses import NOW, SampleLog

LOG = SampleLog()
VKEY = LOG.key.to_text()


def _forked(path: Path) -> CosignerKey:
    """A state that has seen two histories of one log; its witness's key."""
    told: list[Evidence] = []
    with closing(WitnessState.open(path, "w.example", clock=FakeClock(NOW), entropy=SystemEntropy())) as state:
        for body in (LOG.request(0, 9), LOG.request(9, 20, fork=True)):
            found = admit(body, logs_of([LOG.key]))
            assert isinstance(found, Submission)
            state.add(found, told.append)
        assert len(told) == 1
        return state.key


def test_the_key_is_made_and_printed_and_stays(command: Command, tmp_path: Path) -> None:
    state = str(tmp_path / "w.db")
    first = command("witness", "--state", state, "--name", "w.example", "--vkey")
    assert (first.code, first.err) == (0, "")
    assert CosignerKey.parse(first.out.strip()).name == "w.example"
    assert command("witness", "--state", state, "--vkey", "--log", VKEY).out == first.out
    document = json.loads(command("--json", "witness", "--state", state, "--vkey").out)
    assert document == {"name": "w.example", "vkey": first.out.strip()}


def test_both_notes_of_a_contradiction_are_printed_and_it_ends_with_1(command: Command, tmp_path: Path) -> None:
    key = _forked(tmp_path / "w.db")
    shown = command("witness", "--state", str(tmp_path / "w.db"), "--evidence")
    assert shown.code == 1
    assert "2027-03-01T09:00:00.000Z log.example/a contradicts itself" in shown.out
    assert LOG.note(9).decode() in shown.out
    assert LOG.note(20, fork=True).decode() in shown.out
    document = json.loads(command("--json", "witness", "--state", str(tmp_path / "w.db"), "--evidence").out)
    (found,) = document["evidence"]
    assert found["request"].encode() == LOG.request(9, 20, fork=True)
    assert len(cosignatures(found["seen"].encode(), [key])) == 1


def test_where_no_log_contradicts_itself_it_says_so(command: Command, tmp_path: Path) -> None:
    state = str(tmp_path / "w.db")
    command("witness", "--state", state, "--name", "w.example", "--vkey")
    shown = command("witness", "--state", state, "--evidence")
    assert (shown.code, shown.out) == (0, "no log has contradicted itself\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "w"], "say where to listen with --listen HOST:PORT, or ask for --vkey"),
        (["--name", "w", "--listen", "127.0.0.1:0"], "name at least one log with --log"),
        (["--listen", "127.0.0.1:0", "--log", VKEY], "No such file"),
        (["--name", "a b", "--vkey"], "--name: 'a b' cannot name a key"),
        (["--name", "w", "--vkey", "--log", "x"], "--log: a verifier key is spelled"),
        *[
            (["--name", "w", "--log", VKEY, "--listen", each], "--listen takes HOST:PORT")
            for each in ("8001", ":8001", "::1:8001", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "h:\u0661")
        ],
        (["--name", "w", "--log", VKEY, "--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1 port 1"),
    ],
)
def test_a_wrong_start_ends_with_2_and_a_sentence(
    command: Command, tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = command("witness", "--state", str(tmp_path / "w.db"), *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert ended.out == ""


def test_a_state_of_another_witness_is_refused(command: Command, tmp_path: Path) -> None:
    state = str(tmp_path / "w.db")
    command("witness", "--state", state, "--name", "w.example", "--vkey")
    ended = command("witness", "--state", state, "--name", "other", "--vkey")
    assert ended.code == 2
    assert "is the state of the witness w.example, not of other" in ended.err
