"""A guard that lies outside the home and is not there: nothing is started, until somebody asks for a new one."""

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.command import Command, Ended


@pytest.fixture(params=["sqlite", "postgresql"])
def college(
    request: pytest.FixtureRequest, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """A ledger with one issuer; no guard outside is named yet."""
    monkeypatch.delenv("TESTAMUR_GUARD_FILE", raising=False)
    if request.param == "postgresql":
        monkeypatch.setenv("TESTAMUR_DATABASE_URL", request.getfixturevalue("database_url"))
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    return command


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Another disk, on which the guard is to lie."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def size(note: Path) -> int:
    return int(note.read_text("utf-8").splitlines()[1])


def register(college: Command, name: str) -> Ended:
    return college("issuer", "register", name, "--name", name.title())


def refused(ended: Ended, guard: Path) -> None:
    assert (ended.code, ended.out) == (3, "")
    assert str(guard) in ended.err
    assert "is not there" in ended.err
    assert "mount" in ended.err
    assert "testamur work --once --new-guard" in ended.err
    assert "Traceback" not in ended.err


def test_guard_that_is_gone_ends_every_start_and_is_not_made_anew(
    college: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = disk / "guard"
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(guard))
    assert register(college, "college").code == 0
    disk.rename(tmp_path / "unmounted")
    for arguments in (("work", "--once"), ("serve", "--port", "0"), ("serve", "--port", "0", "--public-only")):
        refused(college(*arguments), guard)
    refused(register(college, "board"), guard)
    assert not disk.exists()
    (tmp_path / "unmounted").rename(disk)
    assert register(college, "board").code == 0
    assert size(guard) == size(tmp_path / "home" / "log" / "checkpoint")


def test_guard_named_for_the_first_time_takes_the_place_of_the_one_in_the_home(
    college: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert register(college, "college").code == 0
    inner, guard = tmp_path / "home" / "checkpoint.guard", disk / "guard"
    before = inner.read_bytes()
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(guard))
    assert college("work", "--once").code == 0
    assert (guard.read_bytes(), inner.exists()) == (before, False)
    guard.unlink()
    refused(college("work", "--once"), guard)
    assert list(disk.iterdir()) == [disk / "guard.lock"]
    assert college("work", "--once", "--new-guard").code == 0
    assert size(guard) == size(tmp_path / "home" / "log" / "checkpoint")
    assert college("work", "--once").code == 0


def test_older_copy_is_held_against_the_guard_in_the_home_before_that_goes(
    college: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "home" / "checkpoint.guard"
    before = inner.read_bytes()
    assert register(college, "college").code == 0
    lines = inner.read_text("utf-8").splitlines()
    lines[1] = str(int(lines[1]) + 1)  # a checkpoint that no key of this log signed
    inner.write_text("\n".join(lines) + "\n", "utf-8")
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(disk / "guard"))
    ended = college("work", "--once")
    assert ended.code != 0
    assert (inner.exists(), (disk / "guard").exists()) == (True, False)
    inner.write_bytes(before)
    assert college("work", "--once").code == 0


def test_guard_of_a_home_that_lost_what_it_served_is_missed_as_well(
    college: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(disk / "guard"))
    assert college("work", "--once").code == 0
    (disk / "guard").unlink()
    shutil.rmtree(tmp_path / "home" / "log")
    refused(college("work", "--once"), disk / "guard")
    served = tmp_path / "home" / "log" / "checkpoint"
    assert college("work", "--once", "--new-guard").code == 0
    assert size(disk / "guard") == size(served)


def test_new_guard_is_refused_where_one_is_or_none_is_named(
    college: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = college("work", "--once", "--new-guard")
    assert (ended.code, ended.out) == (2, "")
    assert "TESTAMUR_GUARD_FILE" in ended.err
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(disk / "guard"))
    assert college("work", "--once").code == 0
    before = (disk / "guard").read_bytes()
    ended = college("serve", "--port", "0", "--new-guard")  # as a service would that was given the option for good
    assert (ended.code, ended.out) == (2, "")
    assert "is there already" in ended.err
    assert (disk / "guard").read_bytes() == before


def test_new_ledger_begins_its_guard_itself(
    command: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(disk / "guard"))
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    assert size(disk / "guard") == size(tmp_path / "home" / "log" / "checkpoint")
    assert register(command, "college").code == 0


def test_older_copy_of_the_whole_home_is_not_started_with_its_guard_away_nor_with_it_back(
    command: Command, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, home = disk / "guard", tmp_path / "home"
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(guard))
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    shutil.copytree(home, tmp_path / "backup")
    assert register(command, "college").code == 0
    shutil.rmtree(home)
    (tmp_path / "backup").rename(home)
    disk.rename(tmp_path / "unmounted")
    refused(register(command, "board"), guard)
    (tmp_path / "unmounted").rename(disk)
    ended = register(command, "board")
    assert ended.code == 3
    assert "an older copy was restored" in ended.err
