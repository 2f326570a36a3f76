"""A standby that lagged is promoted: what was acknowledged is gone, every process sees it, and nothing goes on."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg
import pytest

from tests.concurrency.running import DEFINITION, PROGRAM, free_port, row
from tests.postgres import Cluster, temporary_folder

BEHIND = 100  # events, at least
_SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Two servers and a worker on one ledger, and the database they think they speak to."""

    home: Path
    environment: Mapping[str, str]
    primary: Cluster
    servers: Mapping[int, "subprocess.Popen[bytes]"]  # by port
    worker: "subprocess.Popen[bytes]"
    key: str

    def post(self, port: int, path: str, body: object) -> httpx.Response:
        """Ask one of the servers to change something."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.post(f"http://127.0.0.1:{port}/api/v1{path}", json=body, headers=headers, timeout=60)

    def get(self, port: int, path: str) -> httpx.Response:
        """Ask one of the servers something that anybody may ask."""
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Accept": "application/json"}, timeout=60)

    def size(self) -> int:
        """How many entries the database holds that answers at the address."""
        with psycopg.connect(self.primary.url("ledger")) as connection:
            found = connection.execute("SELECT size FROM ledger.log_head").fetchone()
        assert found is not None
        return int(found[0])

    def signed(self) -> int:
        """The size of the last checkpoint in that database."""
        with psycopg.connect(self.primary.url("ledger")) as connection:
            found = connection.execute("SELECT MAX(size) FROM ledger.checkpoints").fetchone()
        assert found is not None
        return int(found[0])


def eventually(*, said: str, check: Callable[[], bool]) -> None:
    """Wait until `check()` is true."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        primary = stack.enter_context(closing(Cluster(folder / "a", remove=True)))
        primary.start()
        home = tmp_path / "home"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TESTAMUR_")}
        environment = {**kept, "TESTAMUR_DATABASE_URL": primary.url("ledger"), "TESTAMUR_HOME": str(home)}
        program = [*PROGRAM]
        subprocess.run([*program, "init", "--base-url", "http://localhost:8000"], env=environment, check=True)

        def begun(*arguments: str) -> "subprocess.Popen[bytes]":
            log = stack.enter_context(tmp_path.joinpath(f"{arguments[0]}.log").open("ab"))
            process = subprocess.Popen([*program, *arguments], env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        ports = (free_port(), free_port())
        servers = {port: begun("serve", "--no-work", "--port", str(port)) for port in ports}
        made = Fleet(
            home=home,
            environment=environment,
            primary=primary,
            servers=servers,
            worker=begun("work"),
            key=(home / "secrets" / "operator.key").read_text("ascii").strip(),
        )
        for port in ports:
            eventually(said="a server was not ready", check=partial(_ready, made, port))
        profile = {"slug": "college", "profile": {"name": "Example College"}}
        for path, body in (("/issuers", profile), ("/achievements?issuer=college", DEFINITION)):
            answer = made.post(ports[0], path, body)
            assert answer.is_success, answer.text
        yield made


def _ready(fleet: Fleet, port: int) -> bool:
    with suppress(httpx.TransportError):
        return fleet.get(port, "/health/ready").status_code == 200
    return False


def _caught_up(standby: Cluster, primary: Cluster) -> bool:
    with psycopg.connect(primary.url(), autocommit=True) as leading, psycopg.connect(standby.url()) as following:
        written = leading.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert written is not None
        found = following.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written).fetchone()
    return bool(found is not None and found[0])


def test_promoted_standby_that_lagged_halts_every_process_and_gets_no_new_checkpoint(fleet: Fleet) -> None:
    ports = list(fleet.servers)
    statuses: list[int] = []
    with ExitStack() as stack:
        standby = stack.enter_context(
            closing(fleet.primary.base_backup(fleet.primary.folder.with_name("b"), standby=True))
        )
        standby.start()
        awarded = fleet.post(ports[0], "/credentials?issuer=college", row(0))
        assert awarded.status_code == 201, awarded.text
        code = awarded.json()["code"]
        # What is published is followed by nothing until somebody asks for something: not by a statement either.
        eventually(said="the award was not published", check=lambda: _published(fleet) == fleet.size())
        eventually(said="the standby did not catch up", check=lambda: _caught_up(standby, fleet.primary))
        standby.stop()
        kept = fleet.size()

        over, number = Event(), iter(range(1, 1_000_000))

        def load(port: int) -> None:
            while not over.is_set():
                with suppress(httpx.TransportError):
                    statuses.append(fleet.post(port, "/credentials?issuer=college", row(next(number))).status_code)

        clients = [Thread(target=load, args=(port,)) for port in ports for _ in range(3)]
        for each in clients:
            each.start()
        stack.callback(over.set)
        eventually(said="the load came to nothing", check=lambda: fleet.size() >= kept + BEHIND)
        lost = fleet.size() - kept
        eventually(said="nothing was published", check=lambda: _published(fleet) > kept)

        fleet.primary.stop("immediate")
        standby.start()
        standby.promote()
        (fleet.primary.folder / _SOCKET).symlink_to(standby.folder / _SOCKET)  # the address moves to the new server

        fleet.worker.wait(60)
        said = fleet.home.with_name("work.log").read_text("utf-8")
        assert fleet.worker.returncode == 3, said
        assert "its tail was lost" in said
        assert _published(fleet) > kept  # the worker may have put in place at its end what the lost server had signed
        published = (fleet.home / "log" / "checkpoint").read_bytes()
        for port in ports:
            eventually(said="a server did not halt", check=partial(_halted, fleet, port))
        over.set()
        for each in clients:
            each.join()
        for port in ports:
            assert fleet.get(port, f"/c/{code}").status_code == 503  # the revocations of the tail are gone, too
            assert fleet.get(port, "/health/ready").status_code == 503
            assert fleet.servers[port].poll() is None
        assert (fleet.size(), fleet.signed() <= kept) == (kept, True)
        assert (fleet.home / "log" / "checkpoint").read_bytes() == published
        assert set(statuses) <= {201, 409, 503}
        again = subprocess.run(
            [*PROGRAM, "serve", "--port", str(free_port())],
            env=dict(fleet.environment),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert again.returncode == 3, again.stderr
        assert "Nothing is started" in again.stderr
        print(f"{lost} events behind, {statuses.count(201)} acknowledged; every process halted")


def _published(fleet: Fleet) -> int:
    path = fleet.home / "log" / "checkpoint"
    return int(path.read_bytes().split(b"\n")[1]) if path.exists() else 0


def _halted(fleet: Fleet, port: int) -> bool:
    answer = fleet.post(port, "/credentials?issuer=college", row(999_999))
    return answer.status_code == 503 and json.loads(answer.content)["type"].endswith("ledger-halted")
