"""A web server on loopback that shows a folder, or whatever else a test wants it to answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says to one request."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Served:
    """A server that runs: what it is asked, and where it is."""

    answer: Callable[[str], Answer | None]  # None: the connection is closed without a word
    url: str = ""
    asked: list[str] = field(default_factory=list)  # paths, in order
    cookies: list[str] = field(default_factory=list)  # that were brought along
    accepted: list[str | None] = field(default_factory=list)  # in what form: `Accept-Encoding` of each


class _Handler(BaseHTTPRequestHandler):
    served: Served
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the test says."""
        self.served.asked.append(self.path)
        self.served.cookies += self.headers.get_all("Cookie", [])
        self.served.accepted.append(self.headers["Accept-Encoding"])
        answer = self.served.answer(self.path)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        try:
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:  # who asked has heard enough
            self.close_connection = True

    def do_POST(self) -> None:
        """The same, whatever was sent."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(answer: Callable[[str], Answer | None]) -> Iterator[Served]:
    """A server that answers so; `answer` may be put anew while it runs."""
    served = Served(answer=answer)
    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def folder(path: Path) -> Callable[[str], Answer]:
    """Answers with the files of the folder that is `log` to the outside."""

    def answer(asked: str) -> Answer:
        place = path / asked.removeprefix("/log/")
        return Answer(body=place.read_bytes()) if place.is_file() else Answer(status=404, body=b"not here\n")

    return answer
