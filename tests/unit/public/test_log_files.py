"""The files of the published log: which are served, how long they may be kept, and that nothing else is reached."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ledger.adapters.tile_folder import FolderTiles
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.tiles import TileEdge, bundles_between, encode_bundle
from tests.unit.public.conftest import Service
from tests.unit.public.samples import FakeLog
from verify_api.public.log_files import PublishedFiles
from verify_api.public.log_path import LogPath

ENTRIES = [b"entry %d\n" % number for number in range(1_000)]
NOTE = "verify.college.example/log\n1000\nAAAA\n\n— name sig\n".encode()
FOR_EVER, A_MINUTE = "public, max-age=31536000, immutable", "public, max-age=60"


def publish(log: FakeLog, *sizes: int) -> None:
    """Put what a log of these sizes, one after the other, has published."""
    edge = TileEdge.empty()
    for size in sizes:
        old = edge.size
        for tile, content in edge.extend([leaf_hash(entry) for entry in ENTRIES[old:size]]):
            log.files[tile.path] = content
        for bundle in bundles_between(old, size):
            first = bundle.number * 256
            log.files[bundle.path] = encode_bundle(ENTRIES[first : first + bundle.width])
    log.files["checkpoint"] = NOTE


def asking(path: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": f"/log/{path}", "headers": []})


def test_checkpoint_is_served_as_it_was_signed_and_may_be_kept_for_a_second(client: TestClient, log: FakeLog) -> None:
    nothing = client.get("/log/checkpoint")
    assert (nothing.status_code, nothing.headers["cache-control"]) == (404, "no-store")
    log.files["checkpoint"] = NOTE
    answer = client.get("/log/checkpoint")
    assert (answer.content, answer.headers["content-type"]) == (NOTE, "text/plain; charset=utf-8")
    assert answer.headers["cache-control"] == "public, max-age=1"


def test_every_published_tile_and_bundle_is_served_for_ever(client: TestClient, log: FakeLog) -> None:
    publish(log, 3, 256, 700)
    paths = [path for path in log.files if path.startswith("tile/")]
    assert {"tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/000.p/3", "tile/entries/001"} < set(paths)
    for path in paths:
        answer = client.get(f"/log/{path}")
        assert (answer.status_code, answer.content) == (200, log.files[path])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == FOR_EVER


def test_partial_tile_that_was_cleared_away_is_cut_from_the_full_one(client: TestClient, log: FakeLog) -> None:
    publish(log, 5, 600)
    kept = dict(log.files)
    for path in [path for path in kept if path.endswith(".p/5")]:
        del log.files[path]
        assert client.get(f"/log/{path}").content == kept[path]
    assert client.get("/log/tile/0/001.p/77").content == kept["tile/0/001"][: 77 * 32]
    assert client.get("/log/tile/entries/001.p/1").content == encode_bundle(ENTRIES[256:257])
    assert client.get("/log/tile/0/002.p/87").status_code == 404  # nothing to cut it from


def test_partial_bundle_is_not_cut_from_a_damaged_one(client: TestClient, log: FakeLog) -> None:
    publish(log, 256)
    log.files["tile/entries/000"] = log.files["tile/entries/000"][:-1]
    assert client.get("/log/tile/entries/000.p/5").status_code == 404


@pytest.mark.parametrize(
    ("day", "cache"), [("2026-11-20", FOR_EVER), ("2026-11-21", A_MINUTE), ("2026-11-22", A_MINUTE)]
)
def test_note_of_a_day_may_be_kept_for_ever_once_the_day_is_over_and_a_later_one_has_come(
    client: TestClient, log: FakeLog, day: str, cache: str
) -> None:
    log.files |= {f"days/{day}": NOTE, "days/2026-11-23": NOTE + b"of a clock that went ahead\n"}
    answer = client.get(f"/log/days/{day}")
    assert (answer.content, answer.headers["cache-control"]) == (NOTE, cache)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def asked(files: PublishedFiles, day: str) -> tuple[bytes, str]:
    answer = asyncio.run(files.answer(asking(f"days/{day}"), f"days/{day}"))
    return bytes(answer.body), answer.headers["cache-control"]


def test_note_of_a_day_is_not_kept_for_ever_where_what_came_after_it_may_not_be_here_yet() -> None:
    log, last = FakeLog(), NOTE + b"last\n"
    files = PublishedFiles(log, lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    log.files |= {"days/2026-10-01": NOTE, "days/2026-10-02": NOTE}  # copied until the line went down on that day
    assert asked(files, "2026-10-01") == (NOTE, FOR_EVER)
    assert asked(files, "2026-10-02") == (NOTE, A_MINUTE)
    log.files |= {"days/2026-10-02": last, "days/2026-11-20": NOTE}
    assert asked(files, "2026-10-02") == (last, FOR_EVER)
    assert asked(files, "2026-11-20") == (NOTE, A_MINUTE)


def test_note_that_is_replaced_while_it_is_read_is_not_kept_for_ever() -> None:
    class Moving(FakeLog):
        def read(self, path: str) -> bytes | None:
            content = super().read(path)
            self.files |= {"days/2026-10-02": NOTE + b"last\n", "days/2026-10-03": NOTE}
            return content

    log = Moving()
    log.files["days/2026-10-02"] = NOTE
    files = PublishedFiles(log, lambda: datetime(2026, 11, 21, tzinfo=UTC))
    first, second = (asked(files, "2026-10-02") for _ in range(2))
    assert (first, second) == ((NOTE, A_MINUTE), (NOTE + b"last\n", FOR_EVER))


@pytest.mark.parametrize(("at", "over"), [((22, 0, 9, 59), False), ((22, 0, 10, 0), True)])
def test_day_is_over_when_what_was_signed_before_midnight_has_its_witnesses(
    at: tuple[int, int, int, int], over: bool
) -> None:
    log = FakeLog()
    log.files |= {"days/2026-11-21": NOTE, "days/2026-11-22": NOTE}
    files = PublishedFiles(log, lambda: datetime(2026, 11, *at, tzinfo=UTC))
    assert (asked(files, "2026-11-21")[1] == FOR_EVER) is over


ELSEWHERE = [
    "tile/0/0", "tile/0/000/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/05", "tile/00/000", "tile/8/000",
    "tile/0/x000/000", "tile/0/1000", "tile/0/000.p", "tile/0/000.p/5/", "tile//000", "tile/entries/", "tile/0/-01",
    "tile/entries/000.p/x", "tile/0/000.tmp", "tile/0/%EF%BC%90%EF%BC%90%EF%BC%90", "tile/0/000%00", "tile/0/000%0A",
    "tile/0%2F000", "tile/%30/000", "tile/%2e%2e/checkpoint", "tile/%2e%2e/%2e%2e/secrets/master.key",
    "tile/..%2f..%2fkeys", "days/2026-11-31", "days/2026-1-1", "days/20261121", "days/%2e%2e/checkpoint", "days/%2e%2e",
    "days/2026-11-21%20", "days/2026-11-21/", "checkpoint/", "%63heckpoint", "tile/" + "x000/" * 1_000,
    "tile/0/" + "9" * 300,
]  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_every_other_spelling_is_404_and_reads_no_file(client: TestClient, log: FakeLog, path: str) -> None:
    publish(log, 5, 256)
    log.files |= {"days/2026-11-21": NOTE, "../secrets/master.key": b"secret", "days/..": b"secret"}
    assert client.get(f"/log/{path}").status_code == 404
    assert log.asked == []


@settings(max_examples=150)
@given(
    text=st.text(max_size=40), below=st.sampled_from(["tile/", "tile/0/", "tile/entries/", "days/", "checkpoint", ""])
)
def test_any_path_below_the_log_is_404_and_never_worse(client: TestClient, log: FakeLog, text: str, below: str) -> None:
    path = quote(text.encode("utf-8", "replace"), safe="/").replace(".", "%2E")  # the client resolves “.”
    assert client.get(f"/log/{below}{path}").status_code == 404


def test_file_that_a_client_has_is_not_sent_again(client: TestClient, log: FakeLog) -> None:
    publish(log, 256)
    for path in ("checkpoint", "tile/0/000", "tile/entries/000"):
        first = client.get(f"/log/{path}")
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = client.get(f"/log/{path}", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert again.headers["cache-control"] == first.headers["cache-control"]
        assert client.get(f"/log/{path}", headers={"If-None-Match": '"other"'}).status_code == 200
    tag = client.get("/log/checkpoint").headers["etag"]
    log.files["checkpoint"] = NOTE + b"more\n"
    assert client.get("/log/checkpoint", headers={"If-None-Match": tag}).status_code == 200


def test_files_answer_head_carry_guards_and_may_be_read_by_any_page(client: TestClient, log: FakeLog) -> None:
    publish(log, 256)
    for path in ("checkpoint", "tile/0/000", "tile/entries/000", "days/2020-01-01", "tile/0/999"):
        answer, head = client.get(f"/log/{path}"), client.head(f"/log/{path}")
        assert (head.status_code, head.content) == (answer.status_code, b"")
        assert head.headers == answer.headers
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "set-cookie" not in answer.headers
        assert "content-encoding" not in answer.headers
        assert "vary" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_below_the_log_is_written(client: TestClient, log: FakeLog, method: str) -> None:
    publish(log, 256)
    assert client.request(method, "/log/tile/0/000").status_code == 405
    assert client.request(method, "/log/checkpoint").status_code == 405


def test_folder_is_read_and_nothing_around_it(tmp_path: Path, service: Service) -> None:
    (tmp_path / "log" / "tile" / "0").mkdir(parents=True)
    content = b"".join(sha256(bytes([number])).digest() for number in range(3))
    (tmp_path / "log" / "tile" / "0" / "000.p").mkdir()
    (tmp_path / "log" / "tile" / "0" / "000.p" / "3").write_bytes(content)
    (tmp_path / "master.key").write_text("secret")
    files = PublishedFiles(FolderTiles(tmp_path / "log"), lambda: datetime(2026, 11, 21, tzinfo=UTC))

    def get(path: str) -> Response:
        request = Request({"type": "http", "method": "GET", "path": f"/log/{path}", "headers": []})
        return asyncio.run(files.answer(request, path))

    assert get("tile/0/000.p/3").body == content
    for path in ("tile/0/000.p", "tile/0", "../master.key", "tile/../../master.key", "tile/0/000"):
        assert get(path).status_code == 404


# ---------------------------------------------------------------------------------------------------- the short way


async def framework(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("by the framework", HTTPStatus.IM_A_TEAPOT)(scope, receive, send)


def failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, HTTPStatus.SERVICE_UNAVAILABLE)


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def ask(method: str, path: str, log: FakeLog, sent: list[Message] | None = None) -> tuple[int, Scope]:
    """The status of the answer, and the scope as the request log finds it."""
    messages: list[Message] = [] if sent is None else sent

    async def send(message: Message) -> None:
        messages.append(message)

    scope: Scope = {"type": "http", "method": method, "path": path, "headers": []}
    entrance = LogPath(framework, PublishedFiles(log, lambda: datetime(2026, 11, 21, tzinfo=UTC)), failed)
    asyncio.run(entrance(scope, nothing, send))
    return messages[0]["status"], scope


TAKEN: Sequence[tuple[str, str]] = (
    ("/log/checkpoint", "/log/checkpoint"),
    ("/log/tile/0/000.p/3", "/log/tile/{path:path}"),
    ("/log/tile/entries/000.p/3", "/log/tile/{path:path}"),
    ("/log/days/2026-11-20", "/log/days/{date}"),
)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "called"), TAKEN)
def test_files_are_answered_before_the_framework_is_asked(method: str, path: str, called: str) -> None:
    log = FakeLog()
    publish(log, 3)
    log.files["days/2026-11-20"] = NOTE
    status, scope = ask(method, path, log)
    assert status == HTTPStatus.OK
    assert scope["route"].path == called


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/log/checkpoint"),
        ("OPTIONS", "/log/tile/0/000"),
        *[("GET", path) for path in ("/log", "/log/", "/log/x", "/logs/checkpoint", "/log/checkpoint/x", "/log/tile")],
    ],
)
def test_everything_else_is_left_to_the_framework(method: str, path: str) -> None:
    assert ask(method, path, FakeLog())[0] == HTTPStatus.IM_A_TEAPOT


def test_what_is_no_request_is_left_to_the_framework() -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def send(message: Message) -> None:
        raise AssertionError(message)

    entrance = LogPath(app, PublishedFiles(FakeLog(), lambda: datetime(2026, 11, 21, tzinfo=UTC)), failed)
    asyncio.run(entrance({"type": "lifespan"}, nothing, send))
    assert reached == ["lifespan"]


@pytest.mark.parametrize("path", [path for path, _ in TAKEN])
def test_files_that_cannot_be_read_are_answered_and_a_fault_of_the_program_is_raised_too(path: str) -> None:
    log = FakeLog()
    log.fails = TileStoreUnavailable("the published file cannot be read")
    assert ask("GET", path, log)[0] == HTTPStatus.SERVICE_UNAVAILABLE
    log.fails = ZeroDivisionError()
    sent: list[Message] = []
    with pytest.raises(ZeroDivisionError):
        ask("GET", path, log, sent)
    assert sent[0]["status"] == HTTPStatus.SERVICE_UNAVAILABLE
