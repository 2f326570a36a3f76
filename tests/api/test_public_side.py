"""The public app answers every public route in a process that holds no key and cannot write; a server can be one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.adapters.postgres.connections import with_database
from ledger.adapters.secrets import SecretMissing
from ledger.application.ports import Appended
from ledger.application.published_check import LogRolledBack
from ledger.domain.codes import format_link_code
from ledger.domain.values import Reason
from ledger.public_side import open_public_side
from ledger.record.encoding import to_text
from ledger.testing.faults import FakeClock
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.verification.verdict import State
from tests.concurrency.running import PROGRAM, free_port
from tests.moving import move_to_postgres
from tests.unit.application.office import NOON, OPERATOR, Office, make_home, open_office, run
from verify_api.services import status_signing

_ROOT = Path(__file__).parents[2]
_SECONDS = 60  # until a test gives up


@dataclass(frozen=True)
class Stand:
    """A ledger that somebody holds, with one award; and a home without any key, in which others read it."""

    office: Office
    public: Path
    url: str | None
    award: Appended
    code: str
    short: str
    list: str  # the status list that it is in

    def environment(self) -> dict[str, str]:
        """Of a process that reads it, by the clock of the holder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TESTAMUR_")}
        database = {} if self.url is None else {"TESTAMUR_DATABASE_URL": self.url}
        return {
            **kept,
            **database,
            "PYTHONPATH": str(_ROOT),
            "TESTAMUR_UNSAFE_CLOCK": NOON.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """In files the public home leads to the holder's files, but for the keys; beside PostgreSQL it has no files."""
    holder, public = tmp_path / "holder", tmp_path / "public"
    make_home(holder)
    url = None
    if request.param == "postgresql":
        url = str(request.getfixturevalue("database_url"))
        move_to_postgres(holder, url)
    office = open_office(holder, database_url=url)
    with closing(office.ledger):
        award = run(office.issue())
        receipt = office.ledger.awards.receipt(OPERATOR, award)
        office.ledger.publishing.publish()
        assert status_signing(office.ledger, office.failures.append).work() == 1
        with office.ledger.store.snapshot() as snapshot:
            (signed,) = snapshot.status_lists()
        (public / "secrets").mkdir(mode=0o700, parents=True)
        for each in ("testamur.toml", "secrets/master.key"):
            shutil.copy(holder / each, public / each)
        for each in ("ledger.db", "vault.db", "log", "statements") if url is None else ():
            (public / each).symlink_to(holder / each)
        yield Stand(
            office, public, url, award, format_link_code(receipt.code), receipt.short_code, to_text(signed.list)
        )


def test_every_public_route_is_answered_in_a_process_without_any_key(stand: Stand) -> None:
    arguments = [str(stand.public), stand.url or "", stand.code, stand.short, stand.list]
    done = subprocess.run(
        [sys.executable, "-m", "tests.api.public_alone", *arguments],
        cwd=_ROOT,
        env=stand.environment(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["held"], told["keys_opened"], told["failures"]) == ([], [], [])
    assert not list(stand.public.rglob("*.pem"))
    assert (told["place"]["outcome"], told["place"]["reason"]) == ("passed", "ok")
    answers: dict[str, int] = told["answers"]
    assert {
        "GET /", "POST /c", "GET /c/{code}", "GET /C/{code}", "GET /c/{code}/{version}", "GET /c/{code}/proof",
        "GET /log/checkpoint", "HEAD /log/checkpoint", "GET /log/tile/{path:path}", "GET /log/days/{date}",
        "GET /status/{slug}/{status_list}", "HEAD /status/{slug}/{status_list}", "GET /issuers/{slug}/did.json",
        "HEAD /issuers/{slug}/did.json", "GET /.well-known/did.json", "HEAD /.well-known/did.json",
        "GET /verify", "POST /verify", "POST /vc/credentials/verify", "POST /vc/presentations/verify",
        "GET /health/live", "GET /health/ready", "GET /openapi.json", "GET /docs",
    } <= answers.keys()  # fmt: skip
    assert not [route for route in answers if "/api/" in route or "/console" in route]
    elsewhere = {"GET /c/{path:path}", "HEAD /c/{path:path}", "GET /C/{path:path}", "HEAD /C/{path:path}"}  # no code
    refused = {**dict.fromkeys(elsewhere, 404), "POST /vc/presentations/verify": 400}  # nobody signed the presentation
    assert {route: status for route, status in answers.items() if status != 200} == refused


@contextmanager
def serving(stand: Stand) -> Iterator[httpx.Client]:
    """A server of the public side alone, which ends well when it is told to."""
    port = free_port()
    command = [*PROGRAM, "--home", str(stand.public), "serve", "--public-only", "--port", str(port)]
    log = stand.public.with_name("server.log")  # a pipe that nobody reads would be full one day
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=_ROOT, env=stand.environment(), stderr=file)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_SECONDS) as client:
            until(lambda: process.poll() is not None or answers(client, "/health/ready"))
            yield client
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_SECONDS)
        assert process.returncode == 0, log.read_text()
        assert "background work failed" not in log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def answers(client: httpx.Client, path: str) -> bool:
    """Whether there is an answer, and a good one."""
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def until(true: Callable[[], bool]) -> None:
    """Return as soon as it is true."""
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def test_server_of_the_public_side_shows_at_once_what_others_record_and_soon_what_they_publish(stand: Stand) -> None:
    with serving(stand) as client:

        def state() -> str:
            return str(client.get(f"/c/{stand.code}.json").json()["verdict"])

        assert state() == "valid"
        before = client.get("/log/checkpoint").text
        run(stand.office.ledger.changing.revoke(stand.office.registrar, stand.award.stream, Reason.OTHER))
        assert state() == "revoked"
        stand.office.ledger.publishing.publish()
        until(lambda: client.get("/log/checkpoint").text != before)
        log = client.get(f"/c/{stand.code}.json").json()["log"]
        assert log["size"] == stand.office.size()
        tile = client.get(f"/log/tile/0/000.p/{log['size']}")
        assert (tile.status_code, len(tile.content)) == (200, 32 * log["size"])
        for path in ("/api/v1/issuers", "/console", "/api/v1/credentials"):
            assert client.get(path).status_code == 404


def test_store_that_is_behind_a_published_checkpoint_is_not_shown(stand: Stand) -> None:
    ledger = stand.office.ledger
    ahead = Checkpoint(origin=ledger.operator.origin, size=stand.office.size() + 1, root=Hash(bytes(32)))
    note = sign_checkpoint(ahead, ledger.desk.keys.signer(ledger.operator.checkpoint_key))
    (stand.public / "checkpoint.guard").write_bytes(note)
    with pytest.raises(LogRolledBack):
        open_public_side(Home(stand.public, stand.url), clock=SystemClock())


@pytest.mark.parametrize("stand", ["postgresql"], indirect=True)
def test_database_user_who_may_only_select_is_enough(stand: Stand) -> None:
    assert stand.url is not None
    parts, name = urlsplit(stand.url), f"reader_{uuid4().hex}"
    mine = parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()
    places = {"ledger": stand.url, "vault": with_database(stand.url, f"{parts.path[1:]}_vault")}
    granted = sql.SQL(
        "GRANT USAGE ON SCHEMA {schema} TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}"
    )
    user = sql.Identifier(name)
    with ExitStack() as stack:
        server = stack.enter_context(psycopg.connect(stand.url, autocommit=True))
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
        stack.callback(server.execute, sql.SQL("DROP ROLE {}").format(user))
        for schema, url in places.items():
            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
            connection.execute(granted.format(schema=sql.Identifier(schema), name=user))
            stack.callback(connection.execute, sql.SQL("DROP OWNED BY {}").format(user))
        with closing(open_public_side(Home(stand.public, mine), clock=FakeClock(NOON))) as side:
            until(lambda: side.scanning.checkpoint() is not None)
            assert side.scanning.scan(stand.code, 1).state is State.VALID
            assert side.copier is not None
            assert not side.copier.failing


def test_public_side_cannot_be_opened_without_the_key_to_what_awards_say(stand: Stand) -> None:
    (stand.public / "secrets" / "master.key").unlink()
    with pytest.raises(SecretMissing):
        open_public_side(Home(stand.public, stand.url), clock=SystemClock())
