"""Sees every attempt of this process to reach another machine, however it is made: by the interpreter's own audit."""

import sys
from types import TracebackType

_EVENTS = frozenset(("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"))
_watching: list["Outward"] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in _EVENTS and _watching:
        _watching[-1].tried.append(f"{event} {arguments[1:]}")


sys.addaudithook(_audit)  # stays for the life of the process, and does nothing while nobody watches


class Outward:
    """While it is entered, remembers each look-up of a name and each connection."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def __enter__(self) -> "Outward":
        """Begin to watch."""
        _watching.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Watch no longer."""
        _watching.remove(self)
