"""A command that is told to end leaves nothing of learners behind; what a killed one left goes with the next."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import Command

# The command itself, standing still at the moment that is named.
_PROGRAM = """
import importlib, sys, time
from verify_api.cli.main import main
module, name = sys.argv[1:3]
def waiting(*_, **__):
    print("there", flush=True)
    time.sleep(60)
setattr(importlib.import_module(module), name, waiting)
sys.argv[1:] = sys.argv[3:]
main()
"""


def _ended_at(moment: tuple[str, str], how: signal.Signals, *arguments: str) -> int:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, *moment, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.send_signal(how)
        return process.wait(60)


def _hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*") if path.name != ".lock")  # that of the keys


@pytest.mark.parametrize("moment", ["write_backup", "missing_keys"])
def test_a_backup_that_is_told_to_end_leaves_no_file(ledger: Command, tmp_path: Path, moment: str) -> None:
    code = _ended_at(("ledger.recovery", moment), signal.SIGTERM, "backup", str(tmp_path / "saved.tar"))
    assert (code, _hidden(tmp_path), (tmp_path / "saved.tar").exists()) == (143, [], False)


def test_a_backup_that_is_told_to_end_while_it_writes_leaves_no_file(ledger: Command, tmp_path: Path) -> None:
    code = _ended_at(("ledger.adapters.backup", "_write"), signal.SIGTERM, "backup", str(tmp_path / "saved.tar"))
    assert (code, _hidden(tmp_path), (tmp_path / "saved.tar").exists()) == (143, [], False)


def test_a_restore_that_is_told_to_end_leaves_no_folder(ledger: Command, tmp_path: Path) -> None:
    saved, new = str(tmp_path / "saved.tar"), tmp_path / "new"
    assert ledger("backup", saved).code == 0
    code = _ended_at(("ledger.recovery", "check_published"), signal.SIGTERM, "restore", saved, "--home", str(new))
    assert (code, _hidden(tmp_path), new.exists()) == (143, [], False)


def test_what_killed_commands_left_goes_with_the_next_one(ledger: Command, tmp_path: Path) -> None:
    saved, new = str(tmp_path / "saved.tar"), tmp_path / "new"
    for moment in (("ledger.adapters.backup", "_write"), ("ledger.recovery", "write_backup")):
        assert _ended_at(moment, signal.SIGKILL, "backup", saved) == -signal.SIGKILL
    assert len(list(tmp_path.glob(".testamur-backup-*"))) == 1  # the second took away what the first had left
    assert ledger("backup", saved).code == 0
    assert _hidden(tmp_path) == []
    moment = ("ledger.recovery", "check_published")
    assert _ended_at(moment, signal.SIGKILL, "restore", saved, "--home", str(new)) == -signal.SIGKILL
    assert _hidden(tmp_path) != []
    assert ledger("restore", saved, "--home", str(new)).code == 0
    assert _hidden(tmp_path) == []


def test_what_a_living_process_works_on_is_left_alone(ledger: Command, tmp_path: Path) -> None:
    program = [sys.executable, "-c", _PROGRAM, "ledger.recovery", "write_backup", "backup", str(tmp_path / "one.tar")]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"there\n"
            working = _hidden(tmp_path)
            assert ledger("backup", str(tmp_path / "two.tar")).code == 0
            assert _hidden(tmp_path) == working != []
        finally:
            process.kill()


def test_an_audit_of_a_database_that_is_told_to_end_leaves_no_copy(
    command: Command, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", database_url)
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    moment = ("ledger.adapters.postgres.audit_source", "open_audit_source")
    assert _ended_at(moment, signal.SIGTERM, "audit") == 143
    assert list((tmp_path / "temporary").iterdir()) == []
