"""The HTTP API inside this process."""

import asyncio
from collections.abc import Iterator
from threading import Event

import httpx
import pytest

from verify_api.cli.embedded import EmbeddedTransport, Message, Receive, Send


class _Application:
    """Answers by path, and tells what it saw."""

    def __init__(self) -> None:
        self.cancelled = Event()
        self.go_on = Event()
        self.was_read = False  # the first piece, before the second was sent
        self.loops: set[int] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.loops.add(id(asyncio.get_running_loop()))
        request = await receive()
        start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"x-method", b"POST")]}
        match scope["path"]:
            case "/echo":
                await send(start)
                query = scope["query_string"]
                assert isinstance(query, bytes)
                body = request["body"]
                assert isinstance(body, bytes)
                await send({"type": "http.response.body", "body": body + b"?" + query})
            case "/stream":
                await send(start)
                await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
                self.was_read = await asyncio.to_thread(self.go_on.wait, 60)
                await send({"type": "http.response.body", "body": b"second\n"})
            case "/endless":
                await send(start)
                await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
                try:
                    await receive()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "/breaks":
                await send(start)
                await send({"type": "http.response.body", "body": b"half", "more_body": True})
                raise RuntimeError("broke")
            case _:
                raise RuntimeError("failed")


@pytest.fixture
def application() -> _Application:
    return _Application()


@pytest.fixture
def client(application: _Application) -> Iterator[httpx.Client]:
    with httpx.Client(base_url="http://here.invalid", transport=EmbeddedTransport(application)) as opened:
        yield opened


def test_a_request_reaches_the_application_whole_and_its_answer_comes_back(
    client: httpx.Client, application: _Application
) -> None:
    answers = [client.post("/echo?a=1&b=%20", content="Zoé".encode()) for _ in range(3)]
    assert {answer.content for answer in answers} == {"Zoé?a=1&b=%20".encode()}
    assert answers[0].headers["x-method"] == "POST"
    assert len(application.loops) == 1


def test_the_pieces_of_an_answer_arrive_as_they_are_sent(client: httpx.Client, application: _Application) -> None:
    with client.stream("POST", "/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        application.go_on.set()
        assert list(lines) == ["second"]
    assert application.was_read


def test_an_answer_that_nobody_reads_to_its_end_is_cancelled(client: httpx.Client, application: _Application) -> None:
    with client.stream("POST", "/endless") as answer:
        assert next(answer.iter_lines()) == "first"
    assert application.cancelled.wait(60)


def test_an_application_that_fails_is_not_taken_for_one_that_answered(client: httpx.Client) -> None:
    with pytest.raises(RuntimeError, match="failed"):
        client.post("/fails")
    with pytest.raises(RuntimeError, match="broke"):
        client.post("/breaks")


def test_closing_ends_what_still_runs(application: _Application) -> None:
    transport = EmbeddedTransport(application)
    answer = transport.handle_request(httpx.Request("POST", "http://here.invalid/endless"))
    assert answer.status_code == 200
    transport.close()
    assert application.cancelled.is_set()
