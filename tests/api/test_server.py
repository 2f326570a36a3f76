"""The server as a process: it holds the home, says where it listens, logs no code, and stops in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home, HomeBusy
from ledger.domain.types import Did
from ledger.founding import init
from tests.api.conftest import DEFINITION, Api
from verify_api.app import create_app
from verify_api.request_log import RequestLog
from verify_api.server import CannotListen, logger, serve

_SERVE = """
import sys
from pathlib import Path
from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from verify_api.server import serve
serve(Home(Path(sys.argv[1])), host="127.0.0.1", port=0, clock=SystemClock())
"""


@dataclass(frozen=True)
class Running:
    """A server process."""

    home: Home
    process: "subprocess.Popen[str]"
    url: str
    key: str

    def stop(self, how: signal.Signals) -> tuple[int, list[dict[str, object]]]:
        """Its exit code and the events it logged."""
        self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(line) for line in errors.splitlines()]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "home"
    key = init(folder, "http://localhost:8000", "Test operator", clock=SystemClock())
    home = Home(folder)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        server = home.server()
        while server is None:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
            server = home.server()
        assert server.pid == process.pid
        yield Running(home, process, server.url, key)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stopped_server_has_published_everything_and_leaves_no_server_json(
    running: Running, how: signal.Signals
) -> None:
    with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {running.key}"}, timeout=60) as client:
        made = client.post("/api/v1/issuers", json={"slug": "college", "profile": {"name": "College"}})
        assert made.status_code == 201
        client.post("/api/v1/achievements", json=DEFINITION)
        row = {
            "student_number": "S-1",
            "full_name": "Zoé Okafor",
            "achievement": "wound-care",
            "awarded_on": "2026-01-01",
        }
        receipt = client.post("/api/v1/credentials", json=row).json()
        code = receipt["code"]
        assert client.get(f"/c/{code}").status_code == 200
        assert client.get(f"/c/{code}/qr.png").status_code == 200
        assert client.get(f"/api/v1/credentials/{code}").status_code == 200
        assert client.get("/c/NOTHING").status_code == 404
        assert client.get(f"/{code}").status_code == 404
    with pytest.raises(HomeBusy, match=running.url):
        running.home.hold().__enter__()
    status, logged = running.stop(how)
    assert status == 0
    (warned,) = [each for each in logged if each["level"] == "warning"]
    assert warned["event"] == "unguarded"
    assert "a restored backup of the whole home" in str(warned["consequence"])
    assert running.home.server() is None
    assert not running.home.held()
    statement = receipt["position"] + 1  # which every published tree ends in
    assert running.home.checkpoint.read_text().split("\n")[1] == str(statement)
    text = json.dumps(logged)
    assert code not in text
    assert "Okafor" not in text
    requests = [(each["method"], each["route"], each["status"]) for each in logged if each["event"] == "request"]
    assert ("GET", "/c/{code}", 200) in requests
    assert ("GET", "/api/v1/credentials/{credential_id}", 200) in requests
    assert ("GET", "-", 404) in requests
    assert [each["event"] for each in logged if each["event"] != "request"] == [
        "unguarded",
        "serving",
        "stopping",
        "stopped",
    ]


def test_killed_server_leaves_a_home_that_opens_again(running: Running) -> None:
    running.process.kill()
    running.process.communicate()
    with running.home.hold():
        assert running.home.server() is None


def test_ten_megabytes_are_refused_in_words_and_the_server_goes_on(running: Running) -> None:
    headers = {"Authorization": f"Bearer {running.key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as client:
        refused = client.post("/api/v1/credentials", content=b" " * (10 << 20))
        assert (refused.status_code, refused.json()["status"]) == (413, 413)
        assert client.get("/health/live").status_code == 200


def test_taken_port_is_a_clear_refusal_and_frees_the_home(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    init(folder, "http://localhost:8000", "Test operator", clock=SystemClock())
    home = Home(folder)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotListen, match=r"cannot listen on 127\.0\.0\.1"),
    ):
        serve(home, host="127.0.0.1", port=taken.getsockname()[1], clock=SystemClock())
    assert not home.held()


def test_failing_request_is_logged_by_its_place_and_never_by_its_message() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("secret of S-1")

    with structlog.testing.capture_logs() as logged:
        client = TestClient(RequestLog(broken, structlog.get_logger()), raise_server_exceptions=False)
        assert client.get("/c/SECRET").status_code == 500
    assert [each["event"] for each in logged] == ["request failed", "request"]
    assert logged[0]["error"] == "RuntimeError"
    assert "test_server.py" in logged[0]["where"]
    assert "secret" not in str(logged).lower()


def test_log_line_that_is_not_utf8_is_written_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logger().warning("half a character: \ud800", error=ValueError("kept"))
    written = json.loads(capsys.readouterr().err)
    assert (written["event"], written["level"]) == ("half a character: \ud800", "warning")
    assert "kept" in written["error"]


def test_app_answers_in_process_as_the_server_does(api: Api) -> None:
    with TestClient(create_app(api.services)) as client:
        assert client.get("/health/ready").json() == {"status": "ok"}
        assert client.get("/log/checkpoint").text.startswith("localhost:8000/log\n")


def test_page_names_the_registries_of_the_settings(api: Api) -> None:
    home, before = api.services.ledger.home, api.services.ledger.home.settings()
    board = Did(api.get("/issuers/board", key=api.operator).json()["did"])
    home.write_settings(replace(before, registries=(board, Did("did:web:elsewhere.example:issuers:gone"))))
    try:
        with TestClient(create_app(api.services)) as client:
            page = client.get(f"/c/{api.issue()['code']}", headers={"Accept": "text/html"})
    finally:
        home.write_settings(before)
    assert "Board" in page.text
