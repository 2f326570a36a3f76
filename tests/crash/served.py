"""A ledger served by processes of its own, which tests kill, stop, trace and starve. Ended by their own ids."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.concurrency.running import DEFINITION, PROGRAM, free_port
from tests.crash.stand import Stand

# How long a started server may take until it answers. What the proofs state is made with 5; elsewhere other tests run
# at the same moment, on few cores.
READY_WITHIN = float(os.environ.get("TESTAMUR_READY_SECONDS", "60"))


class Served:
    """A home with one issuer and one achievement, and its processes."""

    def __init__(self, stand: Stand, *, environment: Mapping[str, str] | None = None):
        """Make the ledger and start it.

        Args:
            environment: of the server alone; it counts from the next start if it is changed.
        """
        self.stand = stand
        self.home = stand.home
        self.log = stand.home.with_name(f"{stand.home.name}.log")
        self.environment = dict(environment or {})
        self.waits: list[float] = []  # seconds from each start until the server was ready
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self.command("init", "--base-url", f"http://localhost:{self.port}")
        self.key = (self.home / "secrets" / "operator.key").read_text("ascii").strip()
        try:
            self.start()
            self._furnish()
        except BaseException:
            self.kill()
            raise

    def _furnish(self) -> None:
        with self.client() as client:
            profile = {"slug": "college", "profile": {"name": "Example College"}}
            for path, body in (("/issuers", profile), ("/achievements?issuer=college", DEFINITION)):
                answer = client.post(path, json=body)
                assert answer.is_success, answer.text

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command on this home to its end."""
        line = [*PROGRAM, "--home", str(self.home), *arguments]
        done = subprocess.run(line, env=self._environment(), capture_output=True, text=True, timeout=300, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"testamur {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TESTAMUR_")}
        return kept | dict(self.stand.environment)

    def start(self, *, within: float = READY_WITHIN) -> None:
        """Start the server, and a worker where one is needed, and wait until it is ready."""
        program = [*PROGRAM, "--home", str(self.home)]
        environment = self._environment() | self.environment
        began = time.monotonic()
        with self.log.open("ab") as log:
            serve = [*program, "serve", "--port", str(self.port)]
            self.server = subprocess.Popen(serve, stdout=log, stderr=log, env=environment)
            for _ in range(self.stand.workers):
                self._workers.append(subprocess.Popen([*program, "work"], stdout=log, stderr=log, env=environment))
        self.wait_until_ready(within=within)
        self.waits.append(time.monotonic() - began)

    def wait_until_ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until nothing is missing."""
        said = "nothing"
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{self.url}/health/ready", timeout=5)
                if answer.status_code == 200:
                    return
                said = answer.text
            except httpx.TransportError as error:
                said = repr(error)
            if self.server is None or self.server.poll() is not None:
                raise AssertionError(f"the server has ended: {self.said()}")
            time.sleep(0.02)
        raise AssertionError(f"the server was not ready within {within} s; it said {said}")

    def said(self) -> str:
        """The end of what the processes wrote."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join([line for line in lines if '"event":"request"' not in line][-20:])

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self.server is not None
        return self.server.pid

    def kill(self) -> None:
        """End the processes as a crash would."""
        for each in (self.server, *self._workers):
            if each is not None and each.poll() is None:
                os.kill(each.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> list[int]:
        """End the processes as an operator would; how each ended."""
        running = [each for each in (self.server, *self._workers) if each is not None]
        for each in running:
            if each.poll() is None:
                os.kill(each.pid, signal.SIGTERM)
        ends = [each.wait(60) for each in running]
        self._reap()
        return ends

    def _reap(self) -> None:
        for each in (self.server, *self._workers):
            if each is not None:
                each.wait(30)
        self.server = None
        self._workers.clear()

    def client(self) -> httpx.Client:
        """A client with the operator's key, for one thread."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    def ready(self) -> httpx.Response:
        """What the server says about being ready."""
        return httpx.get(f"{self.url}/health/ready", timeout=30)

    def scan(self, code: str) -> int:
        """The status that a scan is answered with."""
        return httpx.get(f"{self.url}/c/{code}", headers={"Accept": "application/json"}, timeout=30).status_code

    def checkpoint(self) -> bytes:
        """The checkpoint as anybody is given it."""
        answer = httpx.get(f"{self.url}/log/checkpoint", timeout=30)
        assert answer.status_code == 200
        return answer.content

    def audit(self, kept: bytes | None = None) -> Mapping[str, object]:
        """The report of the audit, which must be sound.

        Args:
            kept: a checkpoint that somebody kept.
        """
        arguments = ["audit", "--json"]
        if kept is not None:
            path: Path = self.home.with_name(f"{self.home.name}.checkpoint")
            path.write_bytes(kept)
            arguments += ["--checkpoint", str(path)]
        done = self.command(*arguments, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        report: Mapping[str, object] = json.loads(done.stdout)
        assert report["sound"] is True
        return report
