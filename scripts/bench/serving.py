"""Real server processes for the benchmarks of scans, and clients that ask them over loopback.

    python scripts/bench/serving.py home FOLDER     # serves a ledger, as `testamur serve` does
    python scripts/bench/serving.py anew FOLDER     # the same, and keeps no answer
    python scripts/bench/serving.py fixed FILE      # the same server software, the same request log, fixed bytes

Either prints its address on the first line and serves until it is told to stop.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, perf_counter_ns, sleep

from databases import add_engine, job_on, server_of
from harness import Result, arguments, conclude, copied_home, cpu_of, filled_home, table
from nacl.signing import SigningKey
from starlette.types import Receive, Scope, Send

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.application.awards import open_parts
from ledger.bootstrap import open_ledger
from ledger.domain.award import AwardInternal
from ledger.domain.codes import format_link_code
from ledger.domain.types import Seq
from ledger.domain.values import Part
from ledger.record.entry import parse_entry
from ledger.record.private_parts import read_internal
from ledger.signing import ed25519
from ledger.verification.verdict import State
from verify_api.public.kept import KeptAnswers
from verify_api.request_log import RequestLog
from verify_api.server import listen, logger, run, serve, url_of

CONNECTIONS = 32
_EVENTS = 10_000
_AWARDS = 1_500  # asked for in turn, so that no award is met again while anything of it could be remembered
_AGAIN = 100  # that are asked for again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One benchmark of scans."""

    name: str
    accept: str
    bar: float  # microseconds of server processor time
    proof: bytes  # stands in every answer
    kept: bool = False  # whether a few awards are scanned again and again, and answers may be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server process."""

    pid: int
    port: int


def codes_of(home: Home, most: int) -> list[str]:
    """Link codes of awards of one event each that are valid, read out of their private parts."""
    ledger = open_ledger(home, clock=SystemClock())
    found: list[str] = []
    try:
        scanning = ledger.scanning()
        with ledger.store.snapshot() as snapshot:
            for placed in snapshot.entries(0, _EVENTS):
                entry = parse_entry(placed.raw)
                if entry.type != "credential.issued/1" or snapshot.end(entry.stream) != 0:
                    continue
                parts = open_parts(snapshot, ledger.boxes, entry.stream, {placed.position: Seq(0)})
                opening = parts[placed.position][Part.INTERNAL].opening
                internal = None if opening is None else read_internal(opening.content)
                if isinstance(internal, AwardInternal):
                    found.append(format_link_code(internal.code))
                if len(found) == most:
                    break
        return [code for code in found if scanning.scan(code, 1).state in (State.VALID, State.ISSUER_UNRECOGNISED)]
    finally:
        ledger.close()


@contextmanager
def server(*what: str) -> Iterator[Running]:
    """A server process of this script."""
    command = [sys.executable, __file__, *what]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None  # noqa: S101  it was asked for
        address = process.stdout.readline().strip()
        running = Running(pid=process.pid, port=int(address.rsplit(":", 1)[1]))
        _await_rest(running)
        yield running
    finally:
        process.terminate()
        process.wait()


def _await_rest(running: Running) -> None:
    """Wait until the server has brought its views up to date, which it does beside its first answers."""
    used = -1.0
    while (now := cpu_of(running.pid)) - used > 0.02:
        used = now
        sleep(0.5)


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, accept: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._rest = f" HTTP/1.1\r\nHost: bench\r\nAccept: {accept}\r\n\r\n".encode("ascii")

    def get(self, path: str) -> bytes:
        """The whole answer, head and body."""
        self._socket.sendall(b"GET " + path.encode("ascii") + self._rest)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < _length(answer):
            more = self._socket.recv(1 << 16)
            if not more:
                raise SystemExit("the server hung up")
            answer += more
        return answer

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _length(answer: bytes) -> int:
    head, _, _ = answer.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length: ")
    return len(head) + 4 + int(length.partition(b"\r\n")[0])


def cost(running: Running, job: Job, paths: Sequence[str]) -> float:
    """Microseconds of the server's processor time for each of these requests, made one after another."""
    with closing(Client(running.port, job.accept)) as client:
        client.get(paths[0])
        before = cpu_of(running.pid)
        for path in paths:
            answer = client.get(path)
            if not answer.startswith(b"HTTP/1.1 200") or job.proof not in answer:
                raise SystemExit(f"an unexpected answer: {answer[:200]!r}")
        return (cpu_of(running.pid) - before) / len(paths) * 1e6


def latencies(running: Running, job: Job, paths: Sequence[str]) -> tuple[float, float, float]:
    """p50 and p99 in milliseconds, and answers a second, at `CONNECTIONS` connections that ask without a pause."""
    took: list[float] = []
    waiting = iter(paths)

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for path in waiting:
            began = perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: {job.accept}\r\n\r\n".encode("ascii"))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head) - len(head))
            took.append((perf_counter() - began) * 1e3)
        writer.close()
        await writer.wait_closed()

    async def everybody() -> None:
        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))

    began = perf_counter()
    asyncio.run(everybody())
    seconds = perf_counter() - began
    return median(took), quantiles(took, n=100)[98], len(took) / seconds


def verification() -> float:
    """Microseconds that one Ed25519 verification takes here now: what other machines can be compared by."""
    key = SigningKey(bytes(32))
    message, public = bytes(700), ed25519.admit(bytes(key.verify_key))
    signature = key.sign(message).signature
    took = []
    for _ in range(200):
        began = perf_counter_ns()
        ed25519.verify(public, message, signature)
        took.append((perf_counter_ns() - began) / 1e3)
    return median(took)


def measure(job: Job, doc: str | None) -> None:
    """Run one benchmark of scans and print what came of it."""
    parser = arguments(doc)
    add_engine(parser)
    asked = parser.parse_args()
    job = replace(job, name=job_on(job.name, asked.engine))
    filled = filled_home(_EVENTS, cache=asked.cache)
    with server_of(asked.engine) as database, copied_home(filled, server=database) as home:
        paths = [f"/c/{code}" for code in codes_of(home, _AWARDS)]
        if job.kept:
            paths = paths[:_AGAIN] * (len(paths) // _AGAIN)
        fixed = home.folder / "fixed.json"
        with server("home" if job.kept else "anew", str(home.folder)) as ours:
            with closing(Client(ours.port, job.accept)) as client:
                head, _, body = client.get(paths[0]).partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode("ascii").split("\r\n")[1:]]
            fixed.write_text(json.dumps({"headers": headers, "body": body.decode("utf-8")}), "utf-8")
            with server("fixed", str(fixed)) as reference:
                _compare(job, asked.rounds, ours, reference, paths)


def _compare(job: Job, rounds: int, ours: Running, reference: Running, paths: Sequence[str]) -> None:
    spent: tuple[list[float], list[float]] = ([], [])
    unit = []
    for turn in range(-1, rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            used = cost((ours, reference)[side], job, paths)
            if turn >= 0:
                spent[side].append(used)
        unit.append(verification())
    mine, theirs, one = median(spent[0]), median(spent[1]), median(unit)
    rows = []
    for name, running, used in (("a scan", ours, mine), ("fixed bytes", reference, theirs)):
        p50, p99, rate = latencies(running, job, [*paths, *paths])
        rows.append((name, f"{used:.0f} us", f"{p50:.1f} ms", f"{p99:.1f} ms", f"{rate:,.0f} /s"))
    table(("", "server processor time", f"p50 at {CONNECTIONS}", "p99", "answers"), rows)
    print(
        f"{len(set(paths)):,} awards in turn; "
        f"one Ed25519 verification takes {one:.0f} us here: a scan is {mine / one:.1f}"
    )
    conclude(
        Result(
            job=job.name,
            ours=mine,
            reference=theirs,
            unit="us of server processor time a scan",
            bar=f"<= {job.bar:.0f} us",
            met=mine <= job.bar,
        )
    )


# -------------------------------------------------------------------------------------------------- the server's side


def _serve_fixed(file: Path) -> None:
    kept = json.loads(file.read_text("utf-8"))
    dropped = ("date", "server", "content-length")
    body = kept["body"].encode("utf-8")
    headers = [(name.encode(), value.encode()) for name, value in kept["headers"] if name.lower() not in dropped]
    headers.append((b"content-length", str(len(body)).encode("ascii")))

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with closing(listen("127.0.0.1", 0)) as listening:
        print(url_of(listening), flush=True)
        run(RequestLog(app, logger()), listening)


def main() -> None:
    """Serve what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["home", "anew", "fixed"])
    parser.add_argument("path", type=Path)
    asked = parser.parse_args()
    if asked.what == "fixed":
        _serve_fixed(asked.path)
    else:
        if asked.what == "anew":
            setattr(KeptAnswers, "keep", lambda *_: None)  # noqa: B010  mypy lets no method be assigned
        serve(
            Home(asked.path), host="127.0.0.1", port=0, clock=SystemClock(), started=lambda url: print(url, flush=True)
        )


if __name__ == "__main__":
    main()
