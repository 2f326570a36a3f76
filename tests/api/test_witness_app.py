"""The witness's application where a client or the disk fails it: what it answers, and that it goes on."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from starlette.types import Message, Scope

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.witness_state import WitnessState
from ledger.testing.faults import FakeClock
from ledger.tlog.witnessing import logs_of
from tests.witnesses import NOW, SampleLog
from verify_api.witness import app as witness_app
from verify_api.witness.app import WitnessApp

LOG = SampleLog()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[WitnessApp]:
    opened = WitnessState.open(tmp_path / "w.db", "w.example", clock=FakeClock(NOW), entropy=SystemEntropy())
    with closing(opened) as state:
        log = structlog.wrap_logger(structlog.testing.CapturingLogger(), processors=[])
        yield WitnessApp(state=state, logs=logs_of([LOG.key]), log=log)


def answers(
    app: WitnessApp, messages: Sequence[Message], kind: str = "http", path: str = "/add-checkpoint"
) -> list[int]:
    """The statuses that were sent for one request of these messages; after them the client says nothing more."""
    waiting, sent = list(messages), list[Message]()

    async def receive() -> Message:
        if not waiting:
            await asyncio.sleep(3_600)
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": kind, "method": "POST", "path": path, "headers": []}
    asyncio.run(app(scope, receive, send))
    return [message["status"] for message in sent if message["type"] == "http.response.start"]


def chunk(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_request_may_come_in_pieces(app: WitnessApp) -> None:
    body = LOG.request(0, 7)
    assert answers(app, [chunk(body[:9], more=True), chunk(b"", more=True), chunk(body[9:])]) == [200]


def test_a_client_that_leaves_in_the_middle_gets_no_answer_and_nothing_is_kept(app: WitnessApp) -> None:
    body = LOG.request(0, 7)
    assert answers(app, [chunk(body[:90], more=True), {"type": "http.disconnect"}]) == []
    assert app.state.latest(LOG.origin) is None
    assert answers(app, [chunk(body)]) == [200]


def test_a_client_that_falls_silent_is_answered_408(app: WitnessApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_app, "_PATIENCE", 0.05)
    assert answers(app, [chunk(LOG.request(0, 7)[:90], more=True)]) == [408]


def test_while_the_state_cannot_be_used_nothing_is_cosigned_and_the_answer_is_503(app: WitnessApp) -> None:
    app.state.close()
    assert answers(app, [chunk(LOG.request(0, 7))]) == [503]
    assert answers(app, [chunk(b"hello")]) == [400]  # what needs no state is answered


def test_what_is_no_http_is_left_alone(app: WitnessApp) -> None:
    assert answers(app, [], kind="lifespan") == []
