"""What a process asked of the system, read from a trace of strace: which answers left before which syncs.

Lines are the clock. strace writes a call's end before it lets the caller go on, so what a thread did because of a call
that ended stands in a later line, in whichever thread it was done.
"""

import ast
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = "write,writev,sendto,sendmsg,read,recvfrom,recvmsg,pwrite64,pwritev,fsync,fdatasync,openat,close"
_LONGEST = 1 << 24  # bytes shown of what is written: PostgreSQL writes up to a whole segment of its log at once
_LINE = re.compile(r"(\d+) +\d+\.\d+ (.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_CALL = re.compile(r"(\w+)\(\d+<(.*?)>(?:\(deleted\))?(?=[,) ])(.*)\) += (-?\d+)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_UNFINISHED = " <unfinished ...>"
READS = ("read", "recvfrom", "recvmsg")
SYNCS = ("fsync", "fdatasync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on a descriptor."""

    name: str
    target: str  # a file's path, or the two ends of a connection
    data: bytes
    offset: int  # in a file, of what is written there; else 0
    result: int
    begun: int  # line
    ended: int  # line


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request over a connection, and what was sent in answer."""

    head: bytes
    begun: int  # line in which its first bytes had been read
    answer: bytearray = field(default_factory=bytearray)
    answered: int | None = None  # line in which the first byte of the answer left


@contextmanager
def traced(pids: Callable[[], Sequence[int]], path: Path) -> Iterator[None]:
    """Trace running processes, and all that they start, into a file, as long as the `with` lasts.

    What begins to run while strace attaches itself could escape it, and whatever that process wrote and synced would
    be missing from the trace: the `with` begins when every thread of every process is traced.

    Args:
        pids: the processes to be traced, asked for again until none is missing.
    """
    program = shutil.which("strace")
    assert program, "strace is not installed, and without it nothing is proved (Debian: apt-get install strace)"
    line = [program, "-f", "-yy", "-ttt", "-s", str(_LONGEST), "-e", f"trace={_CALLS}", "-e", "signal=none"]
    for _attempt in range(3):
        attached = [part for pid in pids() for part in ("-p", str(pid))]
        with path.with_name("strace.said").open("wb") as said:
            tracer = subprocess.Popen([*line, *attached, "-o", str(path)], stderr=said)
        if _all_traced(pids, tracer):
            break
        _let_go(tracer)
    else:
        raise AssertionError(
            f"strace did not attach to each process: {path.with_name('strace.said').read_text()[-500:]!r}; "
            "a container needs the right to trace"
        )
    try:
        yield
    finally:
        _let_go(tracer)


def _all_traced(pids: Callable[[], Sequence[int]], tracer: "subprocess.Popen[bytes]") -> bool:
    """Whether each thread of each process is traced, after waiting for it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and tracer.poll() is None:
        if {_tracer(task) for pid in pids() for task in Path(f"/proc/{pid}/task").glob("*")} <= {tracer.pid, None}:
            return True
        time.sleep(0.05)
    return False


def _tracer(task: Path) -> int | None:
    """The process that traces a thread, 0 for none; None where the thread has ended."""
    try:
        status = (task / "status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(r"^TracerPid:\t(\d+)$", status, re.MULTILINE)
    assert found is not None, "this system does not say who traces a thread"
    return int(found[1])


def _let_go(tracer: "subprocess.Popen[bytes]") -> None:
    if tracer.poll() is None:
        os.kill(tracer.pid, signal.SIGINT)  # it lets go of what it traces
        tracer.wait(timeout=60)


def read_trace(lines: Iterable[str]) -> list[Call]:
    """Every call on a descriptor that came to its end, in the order of their ends."""
    calls: list[Call] = []
    waiting: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        pid, text = found.groups()
        begun = number
        if text.endswith(_UNFINISHED):
            waiting[pid] = (number, text.removesuffix(_UNFINISHED))
            continue
        resumed = _RESUMED.match(text)
        if resumed is not None:
            begun, before = waiting.pop(pid, (number, ""))
            text = before + resumed[1]
        call = _CALL.match(text)
        if call is not None:
            name, target, arguments, result = call.groups()
            data = b"".join(_bytes(each) for each in _STRING.findall(arguments))
            offset = int(arguments.rpartition(",")[2]) if name == "pwrite64" else 0
            # What strace cuts off would seem to have been written later: a commit of many is in one long write.
            assert name != "pwrite64" or len(data) == int(result), f"only {len(data)} of {result} bytes were traced"
            calls.append(
                Call(name=name, target=target, data=data, offset=offset, result=int(result), begun=begun, ended=number)
            )
    return calls


def _bytes(shown: str) -> bytes:
    """The bytes of a string as strace shows it: C's escapes, which are Python's, too."""
    value = ast.literal_eval(f'b"{shown}"')
    assert isinstance(value, bytes)
    return value


def exchanges(calls: Sequence[Call]) -> list[Exchange]:
    """Every POST and its answer; one after the other on each connection."""
    found: list[Exchange] = []
    current: dict[str, Exchange | None] = {}
    for call in calls:
        if not call.target.startswith("TCP:") or call.result <= 0:
            continue
        if call.name in READS:
            if re.match(rb"[A-Z]+ /", call.data):
                current[call.target] = None
                if call.data.startswith(b"POST "):
                    exchange = current[call.target] = Exchange(head=call.data, begun=call.ended)
                    found.append(exchange)
            continue
        answering = current.get(call.target)
        if answering is not None:
            answering.answer += call.data
            answering.answered = call.begun if answering.answered is None else answering.answered
    return found
