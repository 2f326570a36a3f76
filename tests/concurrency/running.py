"""A real server in a process of its own, for tests that race it and kill it. Stopped by its own process id."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

import httpx

from tests.crash.stand import PostgresStand, SqliteStand, Stand

_FIRST_PORT, _PORTS, _WORKERS = 20_000, 1_000, 12  # below those that a system hands out of its own accord
_ports = count(os.getpid())
PROGRAM = (sys.executable, "-m", "verify_api.cli.main")
DEFINITION = {
    "slug": "wound-care",
    "name": "Wound care",
    "description": "Cleaning, dressing and documenting wounds.",
    "competencies": [{"statement": "Can dress a wound"}],
    "assessments": [{"type": "observed_demonstration"}],
    "grading": {"results": ["Pass", "Pass with distinction"], "score_from": "0", "score_to": "100"},
}


def command(
    home: Path, *arguments: str, check: bool = True, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command on a home."""
    done = subprocess.run(
        [*PROGRAM, "--home", str(home), *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"testamur {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done


def free_port() -> int:
    """A port of the loopback interface that nobody listens on, and that nobody is given until it is used."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    for number in islice(_ports, _PORTS):
        port = _FIRST_PORT + worker * _PORTS + number % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is in use")


class RunningLedger:
    """A home with one issuer and one achievement, and its server."""

    def __init__(self, home: Path, database_url: str | None = None) -> None:
        """
        Args:
            database_url: of a database in PostgreSQL; else the ledger lies in files of the home.
        """
        self.home = home
        self._stand: Stand = SqliteStand(home=home)
        if database_url is not None:
            self._stand = PostgresStand(home=home, url=database_url)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        command(home, "init", "--base-url", f"http://localhost:{self.port}", environment=self._stand.environment)
        self.key = (home / "secrets" / "operator.key").read_text("ascii").strip()
        self.start()
        self.post("/issuers", {"slug": "college", "profile": {"name": "Example College"}})
        self.post("/achievements?issuer=college", DEFINITION)

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        server = [*PROGRAM, "--home", str(self.home), "serve", "--port", str(self.port)]
        environment = {**os.environ, **self._stand.environment}
        self._process = subprocess.Popen(server, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}")
            time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server as an operator would."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, how)
        if self._process is not None:
            self._process.wait(120)
        self._process = None

    def client(self) -> httpx.Client:
        """A client with the operator's key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        # No connection is used twice: one that was idle for seconds is closed by the server while it is taken again.
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, limits=limits)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One changing request that must succeed."""
        with self.client() as client:
            answer = client.post(path, json=body, headers=dict(headers or {}))
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer

    def awards(self) -> int:
        """How many awards the log holds, read from the database beside the server."""
        return sum(each.topic == "credential.issued/1" for each in self._stand.events())

    def recorded(self) -> int:
        """How many entries the log holds, without the statements that publishing adds whenever it comes round."""
        return sum(each.topic != "status.committed/1" for each in self._stand.events())

    def audit(self) -> Mapping[str, object]:
        """The report of the audit on this home, which must be sound."""
        done = command(self.home, "audit", "--json", check=False, environment=self._stand.environment)
        report: Mapping[str, object] = json.loads(done.stdout)
        assert done.returncode == 0, report
        assert report["sound"] is True
        return report


def row(number: object) -> dict[str, str]:
    """An award that can be issued."""
    return {
        "student_number": f"S{number}",
        "full_name": "Amara Okafor",
        "achievement": "wound-care",
        "awarded_on": "2026-01-15",
        "result": "Pass",
    }
