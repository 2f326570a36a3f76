"""Put first on PYTHONPATH, this has a server kill itself at a step of publishing, once a file says at which.

DYING_AT names the file; it holds a number, and is looked for when a publication begins. A step is each write of the
store, each call that gives a file a name, takes one away or makes it durable, and what follows the last of them.
DYING_NOTES names a file to which each publication writes how many steps it had, or the step at which it was killed.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import current_thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_LOW = ("fsync", "link", "mkdir", "replace", "rmdir", "unlink")
_STORE = ("append_last", "save_checkpoint", "save_published")
_THREADS = ("publisher", "committer")  # the committer appends the statement while the publisher waits for it


class _Steps:
    """Counts the steps of the publication that is under way."""

    def __init__(self, at: Path, notes: Path) -> None:
        self._at = at
        self._notes = notes
        self._count: int | None = None  # None while nothing is published
        self._die = 0

    def begin(self) -> None:
        """A publication begins."""
        try:
            self._die = int(self._at.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            self._die = 0
        self._count = 0

    def end(self) -> None:
        """It ends."""
        self.step("end")
        count, self._count = self._count, None
        self._note(f"done {count}")

    def step(self, name: str) -> None:
        """A step begins; perhaps it is the last thing that this process does."""
        if self._count is None or current_thread().name not in _THREADS:
            return
        self._count += 1
        if self._count == self._die:
            self._note(f"killed {name}")
            os.kill(os.getpid(), signal.SIGKILL)

    def _note(self, line: str) -> None:
        descriptor = os.open(self._notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{line}\n".encode("ascii"))
        os.close(descriptor)


def _counted(steps: _Steps, name: str, call: Callable[P, R], *, after: bool) -> Callable[P, R]:
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        steps.step(f"before {name}{_told(args)}")
        answer = call(*args, **kwargs)
        if after:
            steps.step(f"after {name}")
        return answer

    return counted


def _told(args: tuple[object, ...]) -> str:
    """What a call is about, without what differs from run to run."""
    paths = [each for each in args if isinstance(each, str | Path)]
    if not paths:
        return ""
    last = Path(paths[-1])
    return " temporary file" if last.name.startswith(".") else f" {'/'.join(last.parts[-3:])}"


def _install(steps: _Steps) -> None:
    from ledger.adapters.postgres.ledger import PostgresLedger
    from ledger.adapters.sqlite.ledger import SqliteLedger
    from ledger.application.publishing import Publishing

    for name in _LOW:
        setattr(os, name, _counted(steps, name, getattr(os, name), after=False))
    for kind in (SqliteLedger, PostgresLedger):
        for name in _STORE:
            setattr(kind, name, _counted(steps, name, getattr(kind, name), after=True))
    publish = Publishing.publish

    def counted(self: Publishing) -> int:
        steps.begin()
        try:
            return publish(self)
        finally:
            steps.end()

    setattr(Publishing, "publish", counted)  # noqa: B010 - it is no attribute of ours


if "DYING_AT" in os.environ:
    _install(_Steps(Path(os.environ["DYING_AT"]), Path(os.environ["DYING_NOTES"])))
