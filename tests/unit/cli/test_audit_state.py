"""`testamur audit --home --state`: what an audit of the database saw, the next one holds the history against."""

import json
import shutil
from pathlib import Path

import pytest

from tests.unit.audit.public.serving import folder, serving
from tests.unit.cli.command import ROW, Command


def issue(command: Command, student: str, home: Path) -> None:
    """One more award of the ledger in that home."""
    row = home.with_name("row.json")
    row.write_text(json.dumps(ROW | {"student_number": student}))
    assert command("issue", str(row), "--home", str(home)).code == 0


@pytest.fixture
def home(ledger: Command, tmp_path: Path) -> Path:
    """A ledger that was audited once, with tmp_path/state; tmp_path/older is a copy of it from before."""
    home = tmp_path / "home"
    shutil.copytree(home, tmp_path / "older")
    issue(ledger, "S-1", home)
    said = ledger("audit", "--home", str(home), "--state", str(tmp_path / "state"), "--json")
    assert (said.code, json.loads(said.out)["checkpoint"]["source"]) == (0, "home")
    return home


def test_ledger_that_went_on_is_sound_and_held_against_what_was_seen(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    issue(ledger, "S-2", home)
    said = ledger("audit", "--home", str(home), "--state", str(tmp_path / "state"), "--json")
    report = json.loads(said.out)
    assert (said.code, report["checkpoint"]["source"]) == (0, "kept")
    assert "whether the log goes on" not in {each["what"] for each in report["not_checked"]}
    again = json.loads(ledger("audit", "--home", str(home), "--state", str(tmp_path / "state"), "--json").out)
    assert again["checkpoint"]["size"] == again["size"]


def test_older_copy_that_was_restored_is_found(ledger: Command, home: Path, tmp_path: Path) -> None:
    said = ledger("audit", "--home", str(tmp_path / "older"), "--state", str(tmp_path / "state"))
    assert said.code == 1
    assert "the tail was cut off" in said.out
    assert ledger("audit", "--home", str(home), "--state", str(tmp_path / "state")).code == 0


def test_copy_that_went_on_otherwise_is_found(ledger: Command, home: Path, tmp_path: Path) -> None:
    for student in ("S-7", "S-8", "S-9"):
        issue(ledger, student, tmp_path / "older")
    database = tmp_path / "older" / "ledger.db"
    for where in (("--home", str(tmp_path / "older")), ("--database", str(database))):
        said = ledger("audit", *where, "--state", str(tmp_path / "state"))
        assert said.code == 1
        assert "do not have the root" in said.out


def test_checkpoint_that_is_given_counts_beside_the_one_that_was_seen(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    note = (home / "log" / "checkpoint").read_bytes()
    issue(ledger, "S-2", home)
    (tmp_path / "kept").write_bytes((home / "log" / "checkpoint").read_bytes())
    older = tmp_path / "restored"
    shutil.copytree(tmp_path / "older", older)
    arguments = ("--state", str(tmp_path / "state"), "--checkpoint", str(tmp_path / "kept"), "--json")
    assert ledger("audit", "--home", str(home), *arguments).code == 0
    report = json.loads(ledger("audit", "--home", str(older), *arguments).out)
    assert report["checkpoint"]["size"] == int((tmp_path / "kept").read_text().split("\n")[1])
    assert report["problem_count"] == 2
    assert note != (tmp_path / "kept").read_bytes()


def test_state_of_another_log_is_refused(ledger: Command, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert ledger("init", "--base-url", "http://localhost:9000", "--home", str(other), "--quiet").code == 0
    said = ledger("audit", "--home", str(other), "--state", str(tmp_path / "state"))
    assert (said.code, said.out) == (2, "")
    assert "a state of its own" in said.err


def test_one_state_serves_the_audit_of_the_database_and_that_of_the_log(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "state"))
    vkey = json.loads(ledger("log", "vkey", "--json").out)["vkey"]
    assert ledger("audit", "--home", str(home), *state, "--vkey", vkey).code == 0
    with serving(folder(home / "log")) as served:
        said = ledger("audit", "--url", served.url, *state, "--json")
        unknown = {each["what"] for each in json.loads(said.out)["not_checked"]}
        assert (said.code, "whether this is the log it claims to be" in unknown) == (0, False)
        issue(ledger, "S-2", home)
        assert ledger("audit", "--url", served.url, *state).code == 0
        served.answer = folder(tmp_path / "older" / "log")
        assert ledger("audit", "--url", served.url, *state).code == 1
    assert ledger("audit", "--home", str(tmp_path / "older"), *state).code == 1


def test_unsound_ledger_is_not_remembered(ledger: Command, home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "bad")
    (tmp_path / "bad" / "log" / "checkpoint").write_bytes(b"nonsense")
    state = ("--state", str(tmp_path / "fresh"))
    assert ledger("audit", "--home", str(tmp_path / "bad"), *state).code == 1
    said = ledger("audit", "--home", str(home), *state, "--json")
    assert json.loads(said.out)["checkpoint"]["source"] == "home"
