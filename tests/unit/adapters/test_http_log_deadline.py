"""A server that keeps whoever reads a log waiting is given up: each file has its time, and all of them together."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest

from ledger.adapters.http_log import HttpLog
from ledger.audit.public.log import LogNotReached
from tests.unit.audit.public.serving import Answer, serving

_PAUSE, _PIECES = 0.02, 150  # seconds, and how often: then the server hangs up, and a test that waited for it ends
DRIPS = {
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "content": (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"a"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
}


@contextmanager
def dripping(first: bytes, piece: bytes) -> Iterator[str]:
    """The address of a server that never goes silent, and never says all."""
    over = Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first)
            for _ in range(_PIECES):
                connection.sendall(piece)
                if over.wait(_PAUSE):
                    return

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=serve, args=(listening,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS.keys())
def test_server_that_drips_is_given_up_whatever_it_drips(drip: tuple[bytes, bytes]) -> None:
    with dripping(*drip) as url, HttpLog(url, longest=0.3) as log:
        with pytest.raises(LogNotReached, match="takes more than"):
            log.fetch("checkpoint")
        with pytest.raises(LogNotReached, match="takes more than"):
            list(log.fetch_all(["checkpoint"] * 5))


def _slow(pause: float) -> Callable[[str], Answer]:
    def answer(_: str) -> Answer:
        time.sleep(pause)
        return Answer(body=b"note")

    return answer


def test_all_files_together_have_their_time_too() -> None:
    with serving(_slow(0.02)) as served, HttpLog(served.url) as log:
        log.allow(0.5)
        with pytest.raises(LogNotReached, match="within"):
            list(log.fetch_all(["checkpoint"] * 200))
        with pytest.raises(LogNotReached, match="within"):
            log.fetch("tile/0/000")
        assert "/log/tile/0/000" not in served.asked
        log.allow(30)
        assert log.fetch("checkpoint") == b"note"


def test_request_that_was_given_up_takes_no_connection_from_the_next() -> None:
    over = Event()

    def answer(_: str) -> Answer:
        over.wait(60)
        return Answer(body=b"note")

    with serving(answer) as served, HttpLog(served.url, longest=0.2) as log:
        for _ in range(6):
            with pytest.raises(LogNotReached):
                log.fetch("checkpoint")
        over.set()
        log._longest = 60.0  # whoever finds no connection free gives up long before
        assert [log.fetch("checkpoint") for _ in range(6)] == [b"note"] * 6
