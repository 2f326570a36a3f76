"""A registrar's desk for acceptance tests: the command, the server's address, and the pages, nothing from inside.

Every server is a process of its own on a free loopback port, and is stopped by its own process id.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import httpx

from tests.concurrency.running import free_port

CLOCK = "2026-11-21T12:00:00Z"
DATA = Path(__file__).parent.parent / "data"
_PATIENCE = 60  # seconds for a process to start or end, or to answer; nothing is asserted about time
get, post = partial(httpx.get, timeout=_PATIENCE), partial(httpx.post, timeout=_PATIENCE)


class Change(TypedDict):
    kind: str
    reason: str
    public_text: str | None
    effective: str
    recorded: str
    retroactive: bool


class Amendment(TypedDict):
    field: str
    old: str | None
    new: str | None
    on: str


class Recognition(TypedDict):
    status: str
    ended_on: str | None
    recognised_when_issued: bool


class Issuer(TypedDict):
    name: str
    recognition: Recognition


class Credit(TypedDict):
    value: str


class Award(TypedDict):
    name: str
    learner: str
    issuer: Issuer
    credit: Credit | None


class Component(TypedDict):
    url: str
    verdict: str


class Verdict(TypedDict):
    verdict: str
    in_force: bool | None
    notices: list[str]
    award: Award
    change: Change
    amendments: list[Amendment]
    components: list[Component]
    scanned_version: int
    current_version: int


class Receipt(TypedDict):
    credential_id: str
    revision: int
    version: int
    code: str
    short_code: str
    url: str
    position: int


class Proof(TypedDict):
    verificationMethod: str


class Credential(TypedDict):
    id: str
    proof: Proof


class RowProblem(TypedDict):
    row: int
    line: int
    column: str
    code: str
    reason: str


class BatchAnswer(TypedDict):
    issued: int
    already_issued: int
    ready: int
    errors: list[RowProblem]
    warnings: list[RowProblem]


class _Words(HTMLParser):
    """What a page says, without its markup and style."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []
        self.headings: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("h1", "style", "title"):
            self._inside.append(tag)
        if tag == "h1":
            self.headings.append("")
        if tag in ("p", "li", "dt", "dd", "td", "th", "h2", "div"):
            self.all.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if "style" in self._inside or "title" in self._inside:
            return
        if "h1" in self._inside:
            self.headings[-1] += data
        self.all.append(data)


class Desk:
    """One ledger, its command, and its server while it runs."""

    def __init__(self, home: Path, database_url: str | None = None) -> None:
        """
        Args:
            database_url: of an empty database. The server then leaves checkpoints and views to a process beside it, and
                commands are told where it is, or work on the database themselves while none runs.
        """
        self.home = home
        self.url = ""  # where the server listens
        self.database_url = database_url
        self._processes: list[subprocess.Popen[bytes]] = []  # the server first
        self._log = home.with_name(f"{home.name}-server.log")
        self._clock, self._set = CLOCK, time.monotonic()

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, and check how it ended."""
        environment = self._environment(self._now())
        done = subprocess.run(self._command(*arguments), env=environment, capture_output=True, text=True)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def elsewhere(self, *arguments: str, code: int = 0) -> str:
        """What the command prints with --json for somebody who has no home of a ledger at all."""
        command = [sys.executable, "-m", "verify_api.cli.main", *arguments, "--json"]
        environment = {**self._environment(self._now()), "TESTAMUR_HOME": str(self.home.with_name("no-home"))}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command and let it run; whoever starts it ends it."""
        with self._log.open("ab") as log:
            environment = self._environment(self._now())
            return subprocess.Popen(self._command(*arguments), env=environment, stdout=log, stderr=log)

    def text(self, *arguments: str, code: int = 0) -> str:
        """What the command prints as its result, with --json."""
        return self.run(*arguments, "--json", code=code).stdout

    def receipt(self, *arguments: str) -> Receipt:
        """The receipt of a change made by the command."""
        found: Receipt = json.loads(self.text(*arguments))
        return found

    def batch(self, *arguments: str, code: int = 0) -> BatchAnswer:
        """What the command says became of a file."""
        found: BatchAnswer = json.loads(self.text("issue-batch", *arguments, code=code))
        return found

    def serve(self, clock: str = CLOCK) -> str:
        """Start the server, at a time; its address."""
        self._clock, self._set = clock, time.monotonic()
        if self.database_url is None:
            self._processes = [self.start("serve", "--port", "0")]
        else:
            port = free_port()
            self._processes = [self.start("serve", "--no-work", "--port", str(port)), self.start("work")]
            self.url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._processes[0].poll() is None:
            if self.database_url is None:
                self.url = self._announced()
            if self.url and _answers(self.url):
                return self.url
            time.sleep(0.05)
        raise AssertionError(f"no server came up: {self._log.read_text()}")

    @property
    def _operator_key(self) -> str:
        return (self.home / "secrets" / "operator.key").read_text().strip()

    def _announced(self) -> str:
        """Where the server of a home says that it listens, as soon as it does."""
        announced = self.home / "server.json"
        if not announced.exists() or str(self._processes[0].pid) not in (text := announced.read_text()):
            return ""
        url: str = json.loads(text)["url"]
        return url

    def kill(self) -> None:
        """End the server without a warning, as a power cut would."""
        assert self._processes
        for each in self._processes:
            each.kill()
            each.wait()
        self._processes, self.url = [], ""

    def stop(self) -> None:
        """Ask the server to end, if one runs, and wait until it has."""
        for each in self._processes:
            each.terminate()
        for each in self._processes:
            try:
                each.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
        self._processes, self.url = [], ""

    def post(self, path: str, body: Mapping[str, object], **query: str) -> httpx.Response:
        """Send a command to the API with the operator's key; it must be taken."""
        answer = post(f"{self.url}/api/v1{path}", json=body, params=query, headers=self.authorization)
        assert answer.is_success, answer.text
        return answer

    def issue(self, issuer: str, row: Mapping[str, str]) -> Receipt:
        """Award something over the API."""
        found: Receipt = self.post("/credentials", row, issuer=issuer).json()
        return found

    @property
    def authorization(self) -> dict[str, str]:
        """The header with the operator's key."""
        return {"Authorization": f"Bearer {self._operator_key}"}

    def awards(self, issuer: str) -> int:
        """How many awards an issuer has, by its own list."""
        parameters = {"issuer": issuer, "limit": "1"}
        answer = get(f"{self.url}/api/v1/credentials", params=parameters, headers=self.authorization)
        total: int = answer.json()["total"]
        return total

    def scan(self, link: str) -> Verdict:
        """The verdict behind a printed link, as a program sees it."""
        found: Verdict = get(self._here(link), headers={"Accept": "application/json"}).json()
        return found

    def file(self, link: str) -> "Credential":
        """The credential file behind a printed link."""
        answer = get(self._here(link) + "/credential.json")
        assert answer.status_code == httpx.codes.OK, answer.text
        found: Credential = answer.json()
        return found

    def page(self, link: str) -> str:
        """The words on the page behind a printed link, as a person reads them; its heading comes first."""
        answer = get(self._here(link), headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.headers["content-type"].startswith("text/html")
        words = _Words()
        words.feed(answer.text)
        (heading,) = words.headings
        return " ".join([heading.strip(), *"".join(words.all).split()])

    def _here(self, link: str) -> str:
        """The printed link on the port where this server really listens."""
        return self.url + urlsplit(link).path

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "verify_api.cli.main", *arguments, "--home", str(self.home)]

    def _environment(self, clock: str) -> dict[str, str]:
        # Compiled modules are kept, as for a user: without them each command would compile all of them anew.
        dropped = ("TESTAMUR_", "PYTHONDONTWRITEBYTECODE", "COVERAGE_")
        ours = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        place = {} if self.database_url is None else {"TESTAMUR_DATABASE_URL": self.database_url}
        if self.database_url is not None and self.url:
            place |= {"TESTAMUR_URL": self.url, "TESTAMUR_API_KEY": self._operator_key}
        return ours | place | {"TESTAMUR_UNSAFE_CLOCK": clock}

    def _now(self) -> str:
        """What the clocks of processes that run by now show: one that starts has the same time."""
        passed = timedelta(seconds=int(time.monotonic() - self._set))
        return (datetime.fromisoformat(self._clock) + passed).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answers(url: str) -> bool:
    try:
        return get(f"{url}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def open_desk(folder: Path, database_url: str | None) -> Desk:
    """A new ledger with a recognising body that the service goes by, and its server running."""
    desk = Desk(folder / "home", database_url)
    desk.run("init", "--base-url", "http://localhost:8000", "--operator", "Acceptance tests")
    desk.serve()
    body = desk.post("/issuers", {"slug": "board", "profile": {"name": "The Board", "recognising_body": True}}).json()
    settings = desk.home / "testamur.toml"
    text = settings.read_text("utf-8")
    assert "registries = []" in text
    settings.write_text(text.replace("registries = []", f'registries = ["{body["did"]}"]'), "utf-8")
    return desk


def admit(desk: Desk, slug: str, *definitions: Mapping[str, object]) -> None:
    """Register an issuer that the board recognises, with what can be earned there."""
    desk.post("/issuers", {"slug": slug, "profile": {"name": f"College {slug}"}})
    desk.post(f"/issuers/{slug}/recognitions", {"by": "board", "scheme": "colleges", "since": "2020-01-01"})
    for definition in definitions:
        desk.post("/achievements", definition, issuer=slug)


def course(slug: str, name: str, **more: object) -> dict[str, object]:
    """A definition as short as it may be."""
    definition: dict[str, object] = {
        "slug": slug,
        "name": name,
        "description": f"{name}.",
        "competencies": [{"statement": f"Masters {name}."}],
        "assessments": [{"type": "observed_demonstration"}],
        "grading": {"results": ["Pass", "Pass with distinction"], "score_from": "0", "score_to": "100"},
    }
    return definition | more
