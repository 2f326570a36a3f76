"""A full disk: changes are refused so that all is told, scans go on, and writing resumes without a restart."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.holding import check
from tests.crash.load import Load
from tests.crash.served import Served
from tests.crash.stand import PostgresStand, SqliteStand
from tests.postgres import Cluster, temporary_folder

_SIZE = "32m"  # of the disk: room for the home, with write-ahead logs as long as they become
_DATABASE_SIZE = "256m"  # room for a cluster, too
_STATUSES = frozenset({200, 201, 409, 503})


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many megabytes, mounted while the `with` lasts."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    assert made.returncode == 0, f"a small disk needs root, and the right to mount: {made.stderr!r}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    with small_disk(tmp_path / "disk", _SIZE) as folder:
        yield folder


@pytest.fixture
def starved() -> Iterator[tuple[Cluster, Path]]:
    """A running PostgreSQL whose files lie on a small disk, and that disk."""
    with temporary_folder() as folder, small_disk(folder / "disk", _DATABASE_SIZE) as disk:
        cluster = Cluster(disk / "cluster", remove=True)
        try:
            cluster.start()
            yield cluster, disk
        finally:
            cluster.close()


def fill(disk: Path) -> Path:
    """Take all the room that there is; the file that holds it."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def test_full_disk_refuses_changes_answers_scans_and_resumes_when_there_is_room(disk: Path, seed: int) -> None:
    served = Served(SqliteStand(home=disk / "home"))  # what it writes to its log lies on that disk, too
    load = Load(served, seed=seed, allowed=_STATUSES)
    try:
        load.begin(4, each=5)
        load.finish()
        code = next(receipt["code"] for _, receipt in load.outcomes.acknowledged.values())
        for restarted in (False, True):
            _wait_until_published(served)
            ballast = fill(disk)
            _send_until_refused(served, load)
            load.begin(8, each=5)
            load.finish()
            assert load.outcomes.open
            assert served.scan(code) == 200
            missing = served.ready()
            assert missing.status_code == 503
            assert "the recording of changes, which failed last time" in missing.json()["missing"]
            if restarted:
                served.kill()
            ballast.unlink()
            began = time.monotonic()
            if restarted:
                served.start()
            served.wait_until_ready()
            print(f"ready {time.monotonic() - began:.1f} s after there was room, {restarted=}")
            load.settle()
            check(served.stand, load)
            assert _listed(served) == 200
        served.audit(served.checkpoint())
        assert served.stop() == [0]
        published = (served.home / "log" / "checkpoint").read_bytes()
        assert int(published.split(b"\n")[1]) == len(served.stand.events())
        print(f"seed {seed}: {dict(load.outcomes.statuses)}")
    finally:
        served.kill()


def test_full_disk_of_postgresql_refuses_changes_answers_scans_and_resumes_when_there_is_room(
    starved: tuple[Cluster, Path], tmp_path: Path, seed: int
) -> None:
    cluster, disk = starved
    stand = PostgresStand(home=tmp_path / "home", url=cluster.url("testamur"))
    served = Served(stand)
    load = Load(served, seed=seed, allowed=_STATUSES)
    try:
        load.begin(4, each=5)
        load.finish()
        code = next(receipt["code"] for _, receipt in load.outcomes.acknowledged.values())
        _wait_until_published(served)
        ballast = fill(disk)
        _send_until_refused(served, load)
        assert served.scan(code) == 200
        ballast.unlink()
        served.wait_until_ready()
        load.settle()
        check(stand, load)
        served.audit(served.checkpoint())
        assert served.stop() == [0]
        print(f"seed {seed}: {dict(load.outcomes.statuses)}")
    finally:
        served.kill()


def _wait_until_published(served: Served) -> None:
    """Return when a checkpoint covers all that is recorded: nothing is under way that gives room back."""
    deadline = time.monotonic() + 60
    while int(served.checkpoint().split(b"\n")[1]) != len(served.stand.events()):
        assert time.monotonic() < deadline, "what is recorded is not published"
        time.sleep(0.1)


def _listed(served: Served) -> int:
    with served.client() as client:
        return client.get("/credentials").status_code


def _send_until_refused(served: Served, load: Load) -> None:
    """Issue awards until there is no room for one; its sender is told what to do."""
    with served.client() as client:
        request = load.issuing()
        while load.send(client, request) != 503:
            request = load.issuing()
        answer = client.post(request.path, json=request.body, headers={"Idempotency-Key": request.key})
    assert answer.status_code == 503
    told = answer.json()
    says = {
        "outcome-unknown": "send the request again with the same Idempotency-Key",
        "store-unavailable": "nothing was recorded",
    }
    assert says[told["type"].rpartition("#")[2]] in told["detail"]
