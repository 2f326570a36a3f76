"""A socket between a client and PostgreSQL that loses a request before it arrives, or a reply after it was sent."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.postgres import temporary_folder

When = Literal["before", "after"]
_READY = b"Z\x00\x00\x00\x05"  # ReadyForQuery: the server has done what it was asked


@dataclass(kw_only=True)
class Cut:
    """One loss to come."""

    needle: bytes  # in the request
    when: When
    meanwhile: Callable[[], None] = lambda: None  # run after the loss, before the client notices
    away: bool = False  # nobody is let in afterwards, until `back`
    after: int = 0  # or until so many were turned away
    done: Event = field(default_factory=Event)


class Wire:
    """What clients connect to: `url`."""

    def __init__(self, url: str, folder: Path) -> None:
        """Listen in `folder`; `url` is the server's."""
        found = conninfo_to_dict(url)
        self._host, self._port = str(found.get("host") or "localhost"), int(found.get("port") or 5432)
        self.url = make_conninfo(url, host=str(folder), port=5432)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._cut: Cut | None = None
        self._away = False
        self._turned_away = 0
        self._patience = 0
        Thread(target=self._accept, daemon=True).start()

    def lose(
        self,
        needle: bytes,
        when: When,
        *,
        meanwhile: Callable[[], None] = lambda: None,
        away: bool = False,
        after: int = 0,
    ) -> Cut:
        """Lose the next request of a writer with these bytes, or the reply to it."""
        self._cut = Cut(needle=needle, when=when, meanwhile=meanwhile, away=away, after=after)
        return self._cut

    def back(self) -> None:
        """Let clients in again."""
        self._away = False

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._away:
                    self._turned_away += 1
                    if self._patience and self._turned_away >= self._patience:
                        self._away = False
                    client.close()  # last: whoever is told so may let clients in again at once
                    continue
                server = self._connect()
                state = _Connection(client=client, server=server)
                Thread(target=self._requests, args=(state,), daemon=True).start()
                Thread(target=self._replies, args=(state,), daemon=True).start()

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _requests(self, connection: "_Connection") -> None:
        writer = None
        while data := connection.read(connection.client):
            writer = b"testamur writer" in data if writer is None else writer
            cut = self._cut
            if writer and cut is not None and cut.needle in data:
                self._cut, connection.cut = None, cut
                if cut.when == "before":
                    self._end(connection, cut)
                    return
            with suppress(OSError):
                connection.server.sendall(data)
        connection.hang_up()

    def _replies(self, connection: "_Connection") -> None:
        while data := connection.read(connection.server):
            cut = connection.cut
            if cut is None:
                with suppress(OSError):
                    connection.client.sendall(data)
            elif cut.when == "after" and data[-6:-1] == _READY:
                self._end(connection, cut)
                return
        if connection.cut is None:
            connection.hang_up()

    def _end(self, connection: "_Connection", cut: Cut) -> None:
        with suppress(OSError):
            connection.server.shutdown(socket.SHUT_RDWR)  # closing it would leave the other thread waiting for it
        cut.meanwhile()
        self._away, self._turned_away, self._patience = cut.away, 0, cut.after
        connection.hang_up()
        cut.done.set()


@dataclass(kw_only=True)
class _Connection:
    client: socket.socket
    server: socket.socket
    cut: Cut | None = None

    def read(self, end: socket.socket) -> bytes:
        try:
            return end.recv(1 << 20)
        except OSError:
            return b""

    def hang_up(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def wire(url: str) -> Iterator[Wire]:
    """A wire to the server at `url`."""
    with temporary_folder() as folder:
        between = Wire(url, folder)
        try:
            yield between
        finally:
            between.close()
