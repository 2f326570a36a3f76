"""The short way to a scan: what it takes, what it hands on, and what becomes of a failure."""

import asyncio
from http import HTTPStatus

import pytest
from fastapi import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ledger.application.ports import StoreUnavailable
from ledger.verification.verdict import Verdict
from tests.unit.public.samples import CODE_TEXT, SITE, FakeScanner
from verify_api.public.routes import PublicRoutes
from verify_api.public.scan_path import ScanPath


class Failing(FakeScanner):
    """Fails at every scan."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def scan(self, code_text: str, version: int | None) -> Verdict:
        raise self.error


async def framework(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("by the framework", HTTPStatus.IM_A_TEAPOT)(scope, receive, send)


def failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, HTTPStatus.SERVICE_UNAVAILABLE)


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def ask(method: str, path: str, scanner: FakeScanner | None = None) -> tuple[int, Scope]:
    """The status of the answer, and the scope as the request log finds it."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": method, "path": path, "headers": []}
    entrance = ScanPath(framework, PublicRoutes.of(scanner or FakeScanner(), SITE), failed)
    try:
        asyncio.run(entrance(scope, nothing, send))
    finally:
        scope["answer"] = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], scope


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "called"),
    [
        (f"/c/{CODE_TEXT}", "/c/{code}"),
        (f"/C/{CODE_TEXT}", "/C/{code}"),
        (f"/c/{CODE_TEXT}/1", "/c/{path:path}"),
        (f"/C/{CODE_TEXT}/qr.svg", "/C/{path:path}"),
    ],
)
def test_what_stands_below_c_is_answered_and_named_without_its_code(method: str, path: str, called: str) -> None:
    status, scope = ask(method, path)
    assert status == HTTPStatus.OK
    assert scope["route"].path == called


@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"/c/{CODE_TEXT}"), ("GET", "/c"), ("GET", "/health/live"), ("OPTIONS", "/c/x")]
)
def test_everything_else_is_left_to_the_framework(method: str, path: str) -> None:
    assert ask(method, path)[0] == HTTPStatus.IM_A_TEAPOT


def test_what_is_no_request_is_left_to_the_framework() -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(ScanPath(app, PublicRoutes.of(FakeScanner(), SITE), failed)({"type": "lifespan"}, nothing, send))
    assert reached == ["lifespan"]


def test_store_that_cannot_be_read_is_answered_and_goes_no_further() -> None:
    status, scope = ask("GET", f"/c/{CODE_TEXT}", Failing(StoreUnavailable("the store cannot be read")))
    assert (status, scope["answer"]) == (HTTPStatus.SERVICE_UNAVAILABLE, b"StoreUnavailable")


def test_fault_of_the_program_is_answered_and_raised_for_the_log() -> None:
    with pytest.raises(ZeroDivisionError):
        ask("GET", f"/c/{CODE_TEXT}", Failing(ZeroDivisionError()))
