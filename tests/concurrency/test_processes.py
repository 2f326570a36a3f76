"""Two servers and two workers on one database: what one has done, the others know; what one loses, the others go on."""

import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier, Event

import httpx
import pytest

from ledger.tlog.checkpoint import open_checkpoint
from tests.concurrency.fleet import Fleet, Watcher, environment, eventually
from tests.concurrency.running import DEFINITION, PROGRAM, free_port, row
from tests.postgres import Server, temporary_database

PATHWAY = {
    "slug": "specialist",
    "name": "Specialist",
    "description": "Both of two.",
    "competencies": [{"statement": "Can do all of it"}],
    "rule": {"all_of": ["dressing", "charting"]},
}
_ADVISORY = """SELECT l.granted FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (l.classid, l.objid) IN (SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)
ORDER BY a.backend_start"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> Iterator[Fleet]:
    with temporary_database(postgres_server) as url:
        running = Fleet(tmp_path_factory.mktemp("fleet") / "home", url)
        watcher = Watcher(running)
        watcher.start()
        try:
            yield running
            _assert_one_line(running, watcher)
        finally:
            watcher.stop()
            running.kill()


def _assert_one_line(fleet: Fleet, watcher: Watcher) -> None:
    """Every checkpoint that anybody was given is of the one log, and no server went back."""
    watcher.stop()
    roots = fleet.roots()
    for seen in watcher.seen.values():
        heads = [open_checkpoint(note, fleet.vkey) for note in seen]
        assert [head.root for head in heads] == [roots[head.size] for head in heads]
        sizes = [head.size for head in heads]
        assert sizes == sorted(set(sizes))
        assert len(sizes) > 3


def _student(fleet: Fleet, number: str, **changed: str) -> dict[str, str]:
    """An award of one of the servers."""
    return fleet.post(0, "/credentials?issuer=college", {**row(number), **changed})


def test_an_award_made_through_one_server_is_scanned_listed_and_stacked_through_the_other_at_once(fleet: Fleet) -> None:
    for slug in ("dressing", "charting"):
        fleet.post(1, "/achievements?issuer=college", {**DEFINITION, "slug": slug})
    fleet.post(1, "/pathways?issuer=college", PATHWAY)
    parts = [_student(fleet, "stacked", achievement=slug) for slug in ("dressing", "charting")]
    for part in parts:
        scanned = fleet.public(1, f"/c/{part['code']}")
        assert (scanned.status_code, scanned.json()["in_force"]) == (200, True)
    listed = fleet.ask(1, "GET", "/credentials?issuer=college&limit=2").json()
    assert {each["credential_id"] for each in listed["credentials"]} == {part["credential_id"] for part in parts}
    body = {"student_number": "Sstacked", "pathway": "specialist", "components": [part["code"] for part in parts]}
    whole = fleet.post(1, "/stacks?issuer=college", body)
    assert len(fleet.public(0, f"/c/{whole['code']}").json()["components"]) == 2
    revoked = fleet.ask(0, "POST", f"/credentials/{parts[0]['credential_id']}/revoke", {"reason": "issued_in_error"})
    assert revoked.status_code == 200
    scanned = fleet.public(1, f"/c/{whole['code']}").json()
    assert "component_review" in scanned["notices"]
    assert [part["verdict"] for part in scanned["components"]].count("revoked") == 1


def test_one_key_sent_to_both_servers_at_the_same_moment_makes_one_award(fleet: Fleet) -> None:
    before, gate = fleet.recorded(), Barrier(2)

    def issue(server: int, number: int) -> httpx.Response:
        gate.wait(30)
        headers = {"Idempotency-Key": f"same-{number}"}
        return fleet.ask(server, "POST", "/credentials?issuer=college", row(f"same-{number}"), headers=headers)

    with ThreadPoolExecutor(2) as pool:
        for number in range(10):
            first, second = pool.map(issue, (0, 1), (number, number))
            assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
            assert first.json() == second.json()
    assert fleet.recorded() == before + 10


def test_an_api_key_that_was_revoked_at_one_server_is_refused_by_the_other_at_once(fleet: Fleet) -> None:
    for number in range(3):
        made = fleet.post(number % 2, "/api-keys", {"issuer": "college", "scopes": ["read"], "label": "test"})
        other, path = 1 - number % 2, "/credentials?limit=1"
        assert fleet.ask(other, "GET", path, key=made["key"]).status_code == 200
        assert fleet.ask(number % 2, "DELETE", f"/api-keys/{made['id']}").is_success
        assert fleet.ask(other, "GET", path, key=made["key"]).status_code == 401


def test_a_signing_key_that_was_retired_at_one_server_signs_nothing_more_at_the_other(fleet: Fleet) -> None:
    stop, seen = Event(), list[httpx.Response]()

    def issue() -> None:
        while not stop.is_set():
            seen.append(fleet.ask(1, "POST", "/credentials?issuer=college", row(f"turn-{len(seen)}")))

    def reached(enough: int) -> bool:
        return len(seen) >= enough

    with ThreadPoolExecutor(1) as pool:
        issuing = pool.submit(issue)
        try:
            for _ in range(4):
                keys = fleet.ask(0, "GET", "/issuers/college/keys").json()["keys"]
                (old,) = [key["kid"] for key in keys if key["role"] == "signing" and key["retired"] is None]
                fleet.post(0, "/issuers/college/keys", {"role": "signing"})
                fleet.post(0, f"/issuers/college/keys/{old}/retire", {})
                enough = len(seen) + 3
                eventually(partial(reached, enough), "awards", fleet.servers, fleet.log)
        finally:
            stop.set()
        issuing.result(60)
    assert {answer.status_code for answer in seen} == {201}
    audited = fleet.command("audit", "--json")  # which knows from which key on each signed
    assert audited.returncode == 0, audited.stdout


def test_of_two_workers_one_folds_a_view_while_the_other_waits_and_goes_on_when_it_is_killed(fleet: Fleet) -> None:
    eventually(lambda: fleet.folded() == fleet.size(), "folding", fleet.workers, fleet.log)
    with fleet.connected() as connection, connection.cursor() as cursor:
        with connection.transaction():
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'views' AND tablename ~ '^credential'")
            for (table,) in cursor.fetchall():
                cursor.execute(f"LOCK TABLE views.{table} IN SHARE MODE".encode())  # readers pass, nobody folds
            _student(fleet, "waiting")

            holds: list[bool] = []  # of each worker; one look, since who waits too long for a table tries anew

            def one_waits() -> bool:
                with fleet.connected() as other:
                    holds[:] = [bool(granted) for (granted,) in other.execute(_ADVISORY.encode()).fetchall()]
                return sorted(holds) == [False, True]

            eventually(one_waits, "one works, one waits", fleet.workers, fleet.log)
            at_work = fleet.workers.pop(holds.index(True))  # who was started first, connected first
            at_work.kill()
            at_work.wait()
        (left,) = fleet.workers
        eventually(lambda: fleet.folded() == fleet.signed() == fleet.size(), "going on", (left,), fleet.log)
    fleet.start()


def test_status_lists_are_signed_by_the_workers_and_answered_by_every_server(fleet: Fleet) -> None:
    _student(fleet, "listed")
    eventually(lambda: bool(fleet.lists()), "a signed status list", fleet.workers, fleet.log)
    (name,) = fleet.lists()
    path = f"/status/college/{urlsafe_b64encode(name).decode().rstrip('=')}"
    answers = [fleet.public(server, path) for server in (0, 1)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"].endswith(path)
    assert fleet.public(1, "/issuers/college/did.json").status_code == 200


def test_work_is_done_once_where_no_worker_runs(fleet: Fleet) -> None:
    assert fleet.stop(fleet.workers) == [0, 0]
    _student(fleet, "once")
    assert fleet.signed() < fleet.size()
    assert fleet.folded() < fleet.size()
    done = fleet.command("work", "--once")
    assert done.returncode == 0, done.stderr
    assert fleet.signed() == fleet.folded() == fleet.size()
    fleet.start()


def test_every_process_ends_with_0_when_it_is_asked_to_and_others_do_not_mind(fleet: Fleet) -> None:
    first = [fleet.servers.pop(0)]
    assert fleet.stop(first) == [0]
    assert fleet.ask(1, "POST", "/credentials?issuer=college", row("alone")).status_code == 201
    assert fleet.stop(fleet.servers) == [0]
    assert fleet.stop(fleet.workers) == [0, 0]
    fleet.start()


def test_a_ledger_is_not_opened_where_it_does_not_lie(fleet: Fleet, tmp_path: Path) -> None:
    def run(home: Path, url: str | None, *arguments: str) -> tuple[int, str]:
        line = [*PROGRAM, "--home", str(home), *arguments]
        done = subprocess.run(line, env=environment(url), capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    files = tmp_path / "files"
    assert run(files, None, "init", "--base-url", "http://localhost:8000")[0] == 0
    serve = ("serve", "--port", str(free_port()))
    for home, url, arguments, told in (
        (files, fleet.database_url, serve, "lies in files, and a database was named: unset TESTAMUR_DATABASE_URL"),
        (fleet.home, None, serve, "lies in PostgreSQL: set TESTAMUR_DATABASE_URL to say where"),
        (fleet.home, None, ("work",), "lies in PostgreSQL: set TESTAMUR_DATABASE_URL to say where"),
        (files, None, ("work",), "of a ledger in files the server does this work"),
        (files, None, (*serve, "--no-work"), "of a ledger in files the one server does all the work"),
    ):
        code, said = run(home, url, *arguments)
        assert (code, told in said) == (2, True), (arguments, said)
        assert len(said.splitlines()) == 1
    code, said = run(files, None, "work", "--once")
    assert (code, [line for line in said.splitlines() if '"event":"unguarded"' not in line]) == (0, [])
