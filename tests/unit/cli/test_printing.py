"""What a command prints: to nobody, to a full disk, in an encoding that has not every name, and in another's words."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.cli.command import ROW, Command
from verify_api.cli.main import run
from verify_api.cli.output import Output, escaped

_NAME = "Zoë Şahin 李"


def _process(*arguments: str, to: str | int, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code and messages of the command as a process of its own, whose results go to the file or descriptor."""
    out = os.open(to, os.O_WRONLY | os.O_CREAT) if isinstance(to, str) else to
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "verify_api.cli.main", *arguments],
            stdout=out,
            stderr=subprocess.PIPE,
            env=os.environ | (env or {}),
            check=False,
            timeout=60,
        )
    finally:
        os.close(out)
    return ended.returncode, ended.stderr.decode("utf-8")


def _closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.fixture
def named(ledger: Command, tmp_path: Path) -> Command:
    """A ledger, and a learner whose name not every encoding has."""
    (tmp_path / "award.json").write_text(json.dumps(ROW | {"full_name": _NAME}))
    return ledger


@pytest.mark.parametrize("form", [(), ("--json",), ("--wait", "1")])
def test_an_award_whose_receipt_cannot_be_printed_is_told_to_be_recorded(
    named: Command, tmp_path: Path, form: tuple[str, ...]
) -> None:
    code, said = _process("issue", str(tmp_path / "award.json"), *form, to="/dev/full")
    (award,) = json.loads(named("list", "--json").out)["credentials"]
    assert code == 3
    told = said.splitlines()[-1]
    assert told.startswith("testamur: it is recorded, at position ")
    assert f"credential id {award['credential_id']}" in told
    assert told.endswith("cannot be printed: No space left on device")
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["issuer", "list"], ["--help"], ["--version"]])
def test_an_answer_that_cannot_be_printed_is_one_sentence_and_exit_code_3(
    ledger: Command, arguments: list[str]
) -> None:
    code, said = _process(*arguments, "--quiet" if "list" in arguments else "--help", to="/dev/full")
    assert code == 3
    assert said.startswith("testamur: ")
    assert said.endswith("cannot be printed: No space left on device\n")
    assert len(said.splitlines()) == 1


def test_a_refusal_that_cannot_be_printed_is_still_told(ledger: Command, tmp_path: Path) -> None:
    (tmp_path / "award.json").write_text(json.dumps(ROW | {"achievement": "nonsense"}))
    code, said = _process("issue", str(tmp_path / "award.json"), "--json", to="/dev/full")
    assert code == 3
    assert "nonsense" in said
    assert "recorded, at" not in said


def test_a_reader_that_has_gone_ends_the_command_without_a_word(named: Command, tmp_path: Path) -> None:
    for arguments in (["list", "--quiet"], ["issue", str(tmp_path / "award.json")], ["--help"]):
        assert _process(*arguments, to=_closed_pipe()) == (141, "")
    assert json.loads(named("list", "--json").out)["total"] == 1


def test_messages_that_cannot_be_written_change_nothing(named: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("student_number,full_name,achievement,awarded_on\nS-1,A Kim,menus,2026-01-10\n")
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "verify_api.cli.main", "issue-batch", str(tmp_path / "rows.csv")],
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"1 issued")


def test_rows_that_cannot_be_printed_leave_the_links_of_those_that_were_issued(ledger: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "student_number,full_name,achievement,awarded_on\nS-1,A Kim,menus,2026-01-10\nS-2,B Kim,none,2026-01-10\n"
    )
    arguments = ["issue-batch", str(tmp_path / "rows.csv"), "--skip-bad", "--out", str(tmp_path / "out.csv")]
    code, said = _process(*arguments, "--quiet", to="/dev/full")
    assert code == 3
    assert said.startswith("testamur: 1 issued, 0 already issued, 1 error, 0 warnings, but ")
    assert "S-1" in (tmp_path / "out.csv").read_text()


def test_a_name_that_the_encoding_has_not_is_printed_with_escapes(named: Command, tmp_path: Path) -> None:
    assert named("issue", str(tmp_path / "award.json")).code == 0
    out = tmp_path / "out"
    for encoding, shown in (("ascii", r"Zo\xeb \u015eahin \u674e"), ("latin-1", r"Zoë \u015eahin \u674e")):
        env = {"PYTHONIOENCODING": encoding}
        assert _process("list", to=str(out), env=env) == (0, "1 of 1\n")
        assert shown in out.read_text(encoding)
        out.unlink()
        assert _process("list", "--json", to=str(out), env=env)[0] == 0
        (award,) = json.loads(out.read_text(encoding))["credentials"]
        assert award["full_name"] == _NAME
        out.unlink()


def test_a_signed_note_keeps_its_bytes_whatever_the_encoding(ledger: Command, tmp_path: Path) -> None:
    note = json.loads(ledger("log", "checkpoint", "--json").out)["checkpoint"]
    assert "\u2014" in note
    for encoding in ("ascii", "latin-1"):
        _process("log", "checkpoint", to=str(tmp_path / encoding), env={"PYTHONIOENCODING": encoding})
        assert (tmp_path / encoding).read_bytes() == note.encode("utf-8")


def test_a_command_without_standard_output_says_so(
    ledger: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert run(["log", "vkey"]) == 3
    assert "standard output is closed" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", None)
    assert run(["log", "vkey"]) == 3


# ---- words of others

_CLEARS = "\x1b[2J\x1b[Hvalid"  # clears the screen and writes at its top
_WORDS = (
    _CLEARS,
    "\x9b2J",
    "a\nvalid: Valid",
    "a\rb",
    "\x07",
    "\x7f",
    "\u202eabc",
    "\u2066a\u2069",
    "\u2028a",
    "\ud800",
)


@pytest.mark.parametrize("words", _WORDS)
def test_words_of_others_command_no_terminal(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False, quiet=False)
    output.result({}, [words])
    output.event({}, words)
    output.table({}, ("heading",), [[words]])
    output.say(words)
    output.warn(words)
    assert run(["show", words]) != 0
    said = capsys.readouterr()
    found = {each for each in said.out + said.err if not each.isprintable()}
    assert found == {"\n"}
    assert len(said.out.splitlines()) == 4
    assert said.out.splitlines()[0] == escaped(words)


def test_what_is_escaped_is_told_apart_from_its_neighbours() -> None:
    assert escaped("a\x1b\x9b\n\u202e\u2028b") == r"a\x1b\x9b\n\u202e\u2028b"


@pytest.mark.parametrize("name", ["Zoë 李", "می\u200cخواهم", "क्\u200dष", "👩\u200d🎓", "a\u00a0b"])
def test_names_that_need_what_is_not_seen_are_printed_as_they_are(name: str) -> None:
    assert escaped(name) == name


def test_json_is_printed_as_it_was_told(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True, quiet=False).result({"name": "\u202e\x1bZoë"}, [])
    assert capsys.readouterr().out == '{"name": "\u202e\\u001bZoë"}\n'
