"""What may lie where a file is expected: a pipe that nobody writes to, a device without end, a file without bounds."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

ODD: Final = ("pipe", "device", "huge")

_HUGE: Final = 1 << 40  # bytes; the file is sparse
_SECONDS: Final = 120
_MEMORY: Final = 1 << 30  # bytes that reading it may take beside what the process has


def put(kind: str, place: Path) -> None:
    """Put such a thing in a place, instead of what is there."""
    place.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        with place.open("wb") as file:
            file.truncate(_HUGE)


@contextmanager
def bounded() -> Iterator[None]:
    """What hangs in here fails, and so does what takes memory without bounds, before the machine suffers from it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    before = signal.signal(signal.SIGALRM, _fail)
    signal.alarm(_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _fail(_number: int, _frame: FrameType | None) -> NoReturn:
    raise AssertionError(f"it was still waited for after {_SECONDS} seconds")
