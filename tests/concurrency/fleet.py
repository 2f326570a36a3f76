"""Two servers that do no work, and two workers, on one ledger in PostgreSQL; each ended by its own process id."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg

from ledger.tlog.merkle import CompactRange, Hash, leaf_hash
from ledger.tlog.note import VerifierKey
from tests.concurrency.running import DEFINITION, PROGRAM, free_port

_PATIENCE = 60  # seconds that a process may take; nothing is asserted about time
_TRACKING = "SELECT tablename FROM pg_tables WHERE schemaname = 'views' AND tablename ~ '^credential_status_tracking'"
_ENTRIES = "SELECT state FROM ledger.stored_events ORDER BY notification_id"


class Fleet:
    """The processes, and what can be seen of them from outside."""

    def __init__(self, home: Path, database_url: str) -> None:
        """Make the ledger, with one issuer and one achievement, and start them all."""
        self.home = home
        self.database_url = database_url
        self.log = home.with_name("fleet.log")
        self.ports = (free_port(), free_port())
        self.servers: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        made = self.command("init", "--base-url", f"http://localhost:{self.ports[0]}", "--json")
        assert made.returncode == 0, made.stderr
        self.vkey = VerifierKey.parse(json.loads(made.stdout)["log_vkey"])
        self.key = (home / "secrets" / "operator.key").read_text("ascii").strip()
        try:
            self.start()
            self.post(0, "/issuers", {"slug": "college", "profile": {"name": "Example College"}})
            self.post(1, "/achievements?issuer=college", DEFINITION)
        except BaseException:
            self.kill()
            raise

    # ------------------------------------------------------------------------------------------------ processes

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command beside them, to its end."""
        return subprocess.run(
            [*PROGRAM, "--home", str(self.home), *arguments],
            env=environment(self.database_url),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def start(self) -> None:
        """Start what does not run: two servers, then two workers one after the other."""
        for port in self.ports[len(self.servers) :]:
            self.servers.append(self._begin("serve", "--no-work", "--port", str(port)))
        for port, server in zip(self.ports, self.servers, strict=True):
            eventually(partial(_is_ready, port), f"server {port}", (server,), self.log)
        for _ in range(2 - len(self.workers)):
            self.start_worker()

    def start_worker(self) -> None:
        """One more worker, at work when this returns."""
        said = self._at_work()
        self.workers.append(self._begin("work"))
        eventually(lambda: self._at_work() > said, "a worker", self.workers[-1:], self.log)

    def _at_work(self) -> int:
        return self.log.read_bytes().count(b'"event":"working"')

    def _begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        line = [*PROGRAM, "--home", str(self.home), *arguments]
        with self.log.open("ab") as log:
            return subprocess.Popen(line, env=environment(self.database_url), stdout=log, stderr=log)

    def kill(self) -> None:
        """End every process without a warning."""
        for each in (*self.servers, *self.workers):
            each.kill()
            each.wait()
        self.servers, self.workers = [], []

    def stop(self, processes: list[subprocess.Popen[bytes]]) -> list[int]:
        """End some of them as an operator would; how each ended."""
        for each in processes:
            os.kill(each.pid, signal.SIGTERM)
        ends = [each.wait(_PATIENCE) for each in processes]
        processes.clear()
        return ends

    # ------------------------------------------------------------------------------------------------- requests

    def ask(
        self,
        server: int,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask one of the servers, with the operator's key or another."""
        url = f"http://127.0.0.1:{self.ports[server]}/api/v1{path}"
        sent = {"Authorization": f"Bearer {key or self.key}", **(headers or {})}
        return httpx.request(method, url, json=body, headers=sent, timeout=_PATIENCE)

    def post(self, server: int, path: str, body: object = None) -> dict[str, str]:
        """What one of the servers answers to a change that it takes."""
        answer = self.ask(server, "POST", path, body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        told: dict[str, str] = answer.json()
        return told

    def public(self, server: int, path: str) -> httpx.Response:
        """What anybody is answered."""
        url = f"http://127.0.0.1:{self.ports[server]}{path}"
        return httpx.get(url, headers={"Accept": "application/json"}, timeout=_PATIENCE)

    # ------------------------------------------------------------------------------------------- in the database

    def connected(self) -> psycopg.Connection:
        """A connection beside those of the processes."""
        return psycopg.connect(self.database_url, autocommit=True)

    def size(self) -> int:
        """How many entries there are."""
        return self._number("SELECT size FROM ledger.log_head")

    def recorded(self) -> int:
        """How many of them are no statements, which publishing adds whenever it comes round."""
        return self._number("SELECT COUNT(*) FROM ledger.stored_events WHERE topic <> 'status.committed/1'")

    def signed(self) -> int:
        """How many of them the last checkpoint covers."""
        return self._number("SELECT MAX(size) FROM ledger.checkpoints")

    def lists(self) -> list[bytes]:
        """The status lists that were signed for other software."""
        with self.connected() as connection:
            found = connection.execute("SELECT DISTINCT list FROM ledger.status_credentials").fetchall()
        return [bytes(name) for (name,) in found]

    def folded(self) -> int:
        """The last position that the view of awards shows."""
        with self.connected() as connection:
            found = connection.execute(_TRACKING).fetchall()
        tables = [str(name) for (name,) in found]
        return max((self._number(f"SELECT MAX(notification_id) FROM views.{name}") for name in tables), default=0)

    def roots(self) -> list[Hash]:
        """The root of the log at every size, computed from its entries."""
        tree, roots = CompactRange.empty(), [CompactRange.empty().root()]
        with self.connected() as connection:
            for (state,) in connection.execute(_ENTRIES.encode()).fetchall():
                tree = tree.extended([leaf_hash(bytes(state))])
                roots.append(tree.root())
        return roots

    def _number(self, statement: str) -> int:
        with self.connected() as connection:
            found = connection.execute(statement.encode()).fetchone()
        return int(found[0]) if found and found[0] is not None else 0


class Watcher(Thread):
    """Reads the checkpoint from every server, again and again, and keeps what it was given in its order."""

    def __init__(self, fleet: Fleet) -> None:
        """Not started yet."""
        super().__init__(daemon=True)
        self.seen: dict[int, list[bytes]] = {0: [], 1: []}
        self._fleet = fleet
        self._told = Event()

    def run(self) -> None:
        """Until told to stop."""
        while not self._told.is_set():
            for server, seen in self.seen.items():
                try:
                    answer = self._fleet.public(server, "/log/checkpoint")
                except httpx.TransportError:
                    continue  # it is being stopped, or started
                if answer.status_code == 200 and seen[-1:] != [answer.content]:
                    seen.append(answer.content)
            self._told.wait(0.05)

    def stop(self) -> None:
        """And wait until it has."""
        self._told.set()
        self.join(_PATIENCE)


def environment(database_url: str | None) -> dict[str, str]:
    """What a process is told: where its ledger lies, and nothing that was meant for another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TESTAMUR_")}
    return kept | ({} if database_url is None else {"TESTAMUR_DATABASE_URL": database_url})


def eventually(
    check: Callable[[], bool],
    what: str,
    running: Sequence["subprocess.Popen[bytes]"],
    log: Path,
) -> None:
    """Wait until `check()` holds, as long as these processes run."""
    deadline = time.monotonic() + _PATIENCE
    while not check():
        ended = [each.returncode for each in running if each.poll() is not None]
        said = log.read_text("utf-8", "replace")[-2_000:]
        assert not ended, f"{what}: ended with {ended}; {said}"
        assert time.monotonic() < deadline, f"{what}: did not happen; {said}"
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
