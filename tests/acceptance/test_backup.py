"""A backup is taken beside a server at work, the ledger is lost, and comes back; an older one is noticed."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.concurrency.running import PROGRAM, RunningLedger, command, free_port, row


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[RunningLedger]:
    running = RunningLedger(tmp_path / "home")
    try:
        yield running
    finally:
        running.stop()


def _awarding(ledger: RunningLedger, stop: Event, begun: Event, failures: list[str]) -> None:
    with ledger.client() as client:
        number = 0
        while not stop.is_set():
            number += 1
            answer = client.post("/credentials?issuer=college", json=row(number))
            if answer.status_code != 201:
                failures.append(answer.text)
            if number == 20:
                begun.set()


def _size(home: Path) -> int:
    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT size FROM log_head").fetchone()[0])


def _lose(home: Path) -> None:
    for path in home.glob("ledger.db*"):
        path.unlink()


def _audit(home: Path, *arguments: str) -> dict[str, object]:
    done = command(home, "audit", "--json", *arguments, check=False)
    report: dict[str, object] = json.loads(done.stdout)
    assert (done.returncode, report["sound"]) == (0, True), report
    return report


def test_a_backup_taken_while_awards_are_made_is_sound_and_of_one_moment(ledger: RunningLedger, tmp_path: Path) -> None:
    stop, begun, failures = Event(), Event(), list[str]()
    writer = Thread(target=_awarding, args=(ledger, stop, begun, failures))
    writer.start()
    try:
        assert begun.wait(60)
        for number in range(3):
            before = _size(ledger.home)
            said = json.loads(command(ledger.home, "backup", str(tmp_path / f"{number}.tar"), "--json").stdout)
            assert before <= said["entries"] <= _size(ledger.home)
    finally:
        stop.set()
        writer.join()
    assert failures == []
    for number in range(3):
        new = tmp_path / f"new-{number}"
        said = json.loads(command(new, "restore", str(tmp_path / f"{number}.tar"), "--json").stdout)
        report = _audit(new)
        assert report["size"] == said["entries"]
        # By itself it is sound; beneath the checkpoint of the log that went on, what is missing is seen.
        kept = ledger.home / "log" / "checkpoint"
        longer = command(new, "audit", "--checkpoint", str(kept), "--json", check=False)
        assert longer.returncode == 1
        assert json.loads(longer.stdout)["first_bad"]["position"] == said["entries"] + 1


def test_a_lost_ledger_comes_back_with_every_award_and_its_server_goes_on(
    ledger: RunningLedger, tmp_path: Path
) -> None:
    code = ledger.post("/credentials?issuer=college", row(1)).json()["code"]
    command(ledger.home, "backup", str(tmp_path / "saved.tar"))
    ledger.stop()
    _lose(ledger.home)
    done = command(ledger.home, "serve", "--port", str(free_port()), check=False)
    assert done.returncode == 1
    assert "there is no ledger database" in done.stderr
    command(ledger.home, "restore", str(tmp_path / "saved.tar"))
    ledger.start()
    assert httpx.get(f"{ledger.url}/c/{code}.json", timeout=60).json()["award"]["learner"] == "Amara Okafor"
    ledger.post("/credentials?issuer=college", row(2))
    ledger.audit()


def test_an_older_ledger_is_neither_restored_nor_served_beneath_a_newer_checkpoint(
    ledger: RunningLedger, tmp_path: Path
) -> None:
    command(ledger.home, "backup", str(tmp_path / "older.tar"))
    older = tmp_path / "older"
    command(older, "restore", str(tmp_path / "older.tar"))
    ledger.post("/credentials?issuer=college", row(1))
    ledger.stop()
    checkpoint = (ledger.home / "log" / "checkpoint").read_bytes()
    size = int(checkpoint.split(b"\n")[1])
    _lose(ledger.home)
    done = command(ledger.home, "restore", str(tmp_path / "older.tar"), check=False)
    assert done.returncode == 3
    assert f"covers {size} entries" in done.stderr
    assert not (ledger.home / "ledger.db").exists()
    # By hand, as somebody would who has not read why.
    (ledger.home / "ledger.db").write_bytes((older / "ledger.db").read_bytes())
    for arguments in (["serve", "--port", str(free_port())], ["issuer", "list"]):
        done = command(ledger.home, *arguments, check=False)
        assert done.returncode == 3
        assert f"the published checkpoint covers {size} entries" in done.stderr
    assert (ledger.home / "log" / "checkpoint").read_bytes() == checkpoint


def test_a_restore_that_is_killed_leaves_no_half_of_a_ledger(ledger: RunningLedger, tmp_path: Path) -> None:
    command(ledger.home, "backup", str(tmp_path / "saved.tar"))
    ledger.stop()
    _lose(ledger.home)
    for delay in (0.3, 0.6, 0.9, 1.2):
        program = [*PROGRAM, "--home", str(ledger.home), "restore", str(tmp_path / "saved.tar"), "--quiet"]
        with subprocess.Popen(program, stdout=subprocess.DEVNULL) as restoring:
            try:
                restoring.wait(delay)
            except subprocess.TimeoutExpired:
                os.kill(restoring.pid, signal.SIGKILL)
        if (ledger.home / "ledger.db").exists():
            _audit(ledger.home)
            break
    else:
        command(ledger.home, "restore", str(tmp_path / "saved.tar"))
    ledger.start()
    ledger.post("/credentials?issuer=college", row(1))
