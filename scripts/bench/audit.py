"""How fast a ledger is audited, on one core and on two, with the private parts and without.

Every entry's bytes, columns, signature, signer, chain and leaf are checked, the order of acts, the slots and what the
tables hold; with the private parts also commitments, facts and internal parts. One core is this process alone, two are
two other processes that this one hands work to. The reference on one core is PyNaCl verifying the signatures of the
same entries and nothing else, which no audit with a signature per event can beat; on two it is the audit on one.

Rates are per second of processor time. For two cores that is the time in which the work could be done by two: that of
the busier process, or half of what all used, whichever is more; what the clock said stands beside it, and says more
where the machine has nothing else to do. Each audit runs in a process of its own, so that its memory can be told.

    python scripts/bench/audit.py [--events 100000] [--public]

Prints the table of both ways, and one line for two cores and one for one core: with the private parts closed, since
SPEED's bar is for signatures, chain, tree and rules.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from harness import Result, arguments, conclude, cpu_of, filled_home, table
from nacl.bindings import crypto_sign_open

from ledger.adapters.audit_workers import Database, no_parts, processes
from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.audit.replay import audit
from ledger.bootstrap import open_parts
from ledger.record.entry import parse_entry
from ledger.signing import multikey

BAR = 15_000  # events per second on one core of a machine that verifies so many signatures:
VERIFIED = 22_200
TWO = 1.8
MEMORY = 150  # MB
_SIGNATURES = 8_000  # verified as the reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one audit took."""

    events: int
    wall: float  # seconds
    busy: float  # processor seconds in which the work can be done by as many processes
    memory: int  # bytes, the most that one process had resident
    together: int  # bytes, the most that all had, each counted whole


def run_once(home: Home, jobs: int, *, public: bool) -> Run:
    """Audit it, in this process or in several others."""
    began, cpu = perf_counter(), process_time()
    with ExitStack() as stack:
        source = stack.enter_context(open_audit_source(home.database))
        opener = None if public else stack.enter_context(open_parts(home))
        several = None
        if jobs > 1:
            opening = no_parts if public else partial(open_parts, home)
            several = stack.enter_context(processes(jobs, Database(path=source.path, opening=opening)))
        report = audit(
            source,
            vkey=None,
            kept_checkpoint=home.checkpoint.read_bytes(),
            own_checkpoint=None,
            opener=opener,
            view_check=None,
            workers=several,
        )
        pids = [] if several is None else several.pids
        others = [cpu_of(pid) for pid in pids]
        resident = [_resident(pid) for pid in ("self", *map(str, pids))]
    if not report.sound:
        raise SystemExit(f"the ledger is unsound: {report.first_bad}")
    own = process_time() - cpu
    wall = perf_counter() - began
    busy = max([(own + sum(others)) / jobs, *others]) if others else own
    return Run(events=report.events, wall=wall, busy=busy, memory=max(resident), together=sum(resident))


def _resident(pid: str) -> int:
    """The most bytes that a process has had resident; unlike the usage of resources, not its parent's as well."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def apart(home: Home, jobs: int, *, public: bool) -> Run:
    """The same in a new process."""
    command = [sys.executable, __file__, "--once", str(home.folder), "--jobs", str(jobs)]
    done = subprocess.run(command + ["--public"] * public, stdout=subprocess.PIPE, check=True)
    return Run(**json.loads(done.stdout))


class Signatures:
    """Some entries' signatures, ready to be verified."""

    def __init__(self, home: Home) -> None:
        with closing(sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT state FROM stored_events LIMIT ?", (_SIGNATURES,)).fetchall()
        entries = [parse_entry(raw) for (raw,) in rows]
        self._signed = [
            (entry.signature + b"testamur/event/v1\n" + entry.body, multikey.decode(entry.kid)) for entry in entries
        ]

    def rate(self) -> float:
        """Verified per second of processor time."""
        began = process_time()
        for signed, key in self._signed:
            crypto_sign_open(signed, key)
        return len(self._signed) / (process_time() - began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The medians of one way."""

    one: float  # events per second
    two: float
    verified: float  # signatures per second
    ratio: float  # of two to one, by processor time
    by_clock: float  # and as the clock said
    memory: tuple[int, int]  # bytes of the largest process, on one core and on two
    together: int  # bytes of all on two


def measure(home: Home, rounds: int, *, public: bool) -> Measured:
    """One core and two in turns, with the reference around them."""
    signatures = Signatures(home)
    verified = [signatures.rate()]
    ones: list[Run] = []
    twos: list[Run] = []
    for turn in range(rounds):
        for jobs in (1, 2) if turn % 2 == 0 else (2, 1):
            (ones if jobs == 1 else twos).append(apart(home, jobs, public=public))
            verified.append(signatures.rate())
    one, two = (median(each.events / each.busy for each in runs) for runs in (ones, twos))
    return Measured(
        one=one,
        two=two,
        verified=median(verified),
        ratio=median(a.busy / b.busy for a, b in zip(ones, twos, strict=True)),
        by_clock=median(a.wall / b.wall for a, b in zip(ones, twos, strict=True)),
        memory=(max(each.memory for each in ones), max(each.memory for each in twos)),
        together=max(each.together for each in twos),
    )


def show(found: dict[str, Measured]) -> None:
    """The table of both ways."""
    header = (
        "",
        "one core",
        "signatures",
        "of that",
        "two cores",
        "two/one",
        "by clock",
        "MB one",
        "MB two",
        "together",
    )
    rows = [
        (
            name,
            f"{each.one:,.0f}/s",
            f"{each.verified:,.0f}/s",
            f"{each.one / each.verified:.2f}",
            f"{each.two:,.0f}/s",
            f"{each.ratio:.2f}",
            f"{each.by_clock:.2f}",
            *(f"{size / 1e6:.0f}" for size in (*each.memory, each.together)),
        )
        for name, each in found.items()
    ]
    table(header, rows)


def main() -> None:
    """Measure, or run one audit for who measures."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--events", type=int, default=100_000, help="how many the ledger holds (default 100000)")
    parser.add_argument("--public", action="store_true", help="only without the private parts")
    parser.add_argument("--once", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once is not None:
        print(json.dumps(asdict(run_once(Home(asked.once), asked.jobs, public=asked.public))))
        return
    home = filled_home(asked.events, cache=asked.cache)
    found = {"public": measure(home, asked.rounds, public=True)}
    if not asked.public:
        found["with private parts"] = measure(home, asked.rounds, public=False)
    show(found)
    public = found["public"]
    fits = all(each.memory[1] <= MEMORY * 10**6 for each in found.values())
    two = Result(
        job="audit, two cores",
        ours=public.two,
        reference=public.one,
        unit="events/s",
        bar=f">= {TWO} x",
        met=public.ratio >= TWO and fits,
        ratio=public.ratio,
    )
    one = Result(
        job="audit, one core",
        ours=public.one,
        reference=public.verified,
        unit="events/s",
        bar=f">= {BAR:,}/s where {VERIFIED:,} signatures/s verify: >= {BAR / VERIFIED:.2f}",
        met=public.one / public.verified >= BAR / VERIFIED and fits,
    )
    conclude(two)
    conclude(one)


if __name__ == "__main__":
    main()
