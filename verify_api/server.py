"""Serves a home in the foreground until it is told to stop: one process, one home, loopback unless told otherwise.

The access log names the route's template, never the path: a link code is a capability and must not lie in a log.
"""

import asyncio
import io
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Event
from types import FrameType
from typing import TextIO, cast

import orjson
import structlog
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.adapters.home import Home
from ledger.application.ports import Clock
from ledger.bootstrap import engine_of
from ledger.errors import LedgerError
from ledger.public_side import open_public_side
from ledger.publication import unnoticed
from verify_api.app import create_app, create_public_app
from verify_api.request_log import RequestLog, where
from verify_api.services import open_services

_GRACE = 20  # seconds that requests get to end after a signal
_HALTED = 0.2  # seconds between two looks whether the work has come to an end by itself


class CannotListen(LedgerError):
    """The address cannot be listened on."""


class _Lines(io.TextIOBase):
    """Standard error, for lines that may be lost: nothing stops because the disk that takes them is full."""

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what waits, if it can be."""
        with suppress(OSError):
            sys.stderr.flush()


def logger() -> structlog.typing.FilteringBoundLogger:
    """Writes one JSON line per event to stderr."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(cast("TextIO", _Lines())),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_spelled),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return made.bind()  # once, and not at every line


def _spelled(event: dict[str, object], *, default: Callable[[object], object]) -> str:
    try:
        return orjson.dumps(event, default=default).decode("utf-8")
    except TypeError:  # what is not UTF-8, such as a lone surrogate
        return json.dumps(event, default=default)


@dataclass(slots=True)
class Closing:
    """Ends each connection with its answer, once the server is to end.

    uvicorn sees to those that are open in that moment; one that is just being accepted would be kept open, and a busy
    client go on with it until everything is cut off.
    """

    app: ASGIApp
    ending: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""

        async def sent(message: Message) -> None:
            if self.ending and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self.app(scope, receive, sent)


class _Server(uvicorn.Server):
    """Ends by returning, not by dying of the signal it was sent, so that what is open can be closed."""

    def __init__(self, config: uvicorn.Config, closing: Closing) -> None:
        super().__init__(config)
        self._told = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._told.ending = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully on SIGINT and SIGTERM, at once on the second."""
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def serve(
    home: Home,
    *,
    host: str,
    port: int,
    clock: Clock,
    works: bool = True,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a home until SIGTERM or SIGINT; then end requests, append what is queued, publish the checkpoint.

    Args:
        port: 0 for any free one.
        works: whether checkpoints are signed and views folded here, too; else `work` does it in other processes.
        started: told the server's address when it listens.

    Raises:
        HomeBusy: another process works on the home.
        CannotListen.
        LedgerError: the home cannot be opened.
    """
    log = logger()
    shared = engine_of(home).shared
    with home.hold(shared=shared), closing(listen(host, port)) as listening:
        url = url_of(listening)
        if not home.checkpoint.exists():
            log.warning("no published checkpoint", consequence="a restored older database cannot be noticed")
        _warn(log, home)
        opened = open_services(
            home, clock=clock, failed=lambda error: _failed(log, error), following=works, publishes=works
        )
        with closing(opened) as services:
            app = RequestLog(create_app(services), log)
            # Of several servers none is the one that commands on this machine must speak to.
            with nullcontext() if shared else home.announce(url):
                log.info("serving", url=url)
                started(url)
                run(app, listening)
                log.info("stopping")
        log.info("stopped")


def serve_public(
    home: Home, *, host: str, port: int, clock: Clock, started: Callable[[str], None] = lambda _: None
) -> None:
    """Answer the public routes alone, with no key that signs, until SIGTERM or SIGINT.

    A ledger in files is read beside the process that holds the home; on PostgreSQL the home is shared.

    Raises:
        HomeBusy: another process works on the home, and shares it with nobody.
        CannotListen.
        LedgerError: the home cannot be opened.
    """
    log = logger()
    shared = engine_of(home).shared
    with home.hold(shared=True) if shared else nullcontext(), closing(listen(host, port)) as listening:
        opened = open_public_side(home, clock=clock, failed=lambda error: _failed(log, error))
        with closing(opened) as side:
            url = url_of(listening)
            app = RequestLog(create_public_app(side), log)
            log.info("serving the public side", url=url)
            started(url)
            run(app, listening)
            log.info("stopping")
        log.info("stopped")


def work(home: Home, *, clock: Clock, once: bool, stopping: Event, started: Callable[[], None] = lambda: None) -> None:
    """Sign checkpoints and fold views, and answer nobody; until `stopping` is set.

    Args:
        once: do what is due, and return.

    Raises:
        HomeBusy: another process works on the home, and the engine is not for several.
        LedgerHalted: the store lost entries that were committed.
        LedgerError: the home cannot be opened; or, with `once`, the work cannot be done.
    """
    log = logger()
    with home.hold(shared=engine_of(home).shared):
        _warn(log, home)
        opened = open_services(home, clock=clock, failed=lambda error: _failed(log, error), following=not once)
        with closing(opened) as services:
            if once:
                services.ledger.publishing.publish()
                services.signing.work()
                services.views.catch_up()
                return
            log.info("working")
            started()
            fence = services.ledger.fence
            while fence.halted is None and not stopping.wait(_HALTED):
                pass
            log.info("stopping")
        if fence.halted is not None:
            raise fence.halted
        log.info("stopped")


def run(app: ASGIApp, listening: socket.socket) -> None:
    """Answer on a listening socket until SIGTERM or SIGINT; then end the requests that were begun."""
    closing_app = Closing(app)
    config = uvicorn.Config(
        closing_app,
        access_log=False,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:  # uvloop where it is installed
        runner.run(_Server(config, closing_app).serve(sockets=[listening]))


def _warn(log: structlog.typing.FilteringBoundLogger, home: Home) -> None:
    """Say what nobody would notice with the settings there are."""
    told = unnoticed(home)
    if told is not None:
        log.warning("unguarded", consequence=told)


def _failed(log: structlog.typing.FilteringBoundLogger, error: Exception) -> None:
    told = str(error) if isinstance(error, LedgerError) else ""
    log.error("background work failed", error=type(error).__name__, where=where(error), detail=told)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, on any free port for port 0.

    Raises:
        CannotListen.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError, UnicodeError) as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error}") from error
    # Head and body of an answer are two writes: without this the second waits 40 ms for the first to be acknowledged.
    # What is accepted inherits it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a client on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        address = ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
