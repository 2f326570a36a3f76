"""How fast a published log is audited from its files alone, on one core and on two, and what the next run costs.

Every entry is tied to the signed root and asked for its bytes, signature, signer, chain, order and time; both roots of
every statement are computed anew, and everything is remembered in a state. One core is this process alone, two are two
other processes that read bundles for this one. The reference on one core is PyNaCl verifying the signatures of the same
entries and nothing else; on two it is the audit on one. The log lies in a folder: what the network takes is its own.

Rates are per second of processor time, as in `audit.py`. The next run follows with nothing new, and its time is told.

    python scripts/bench/audit_published.py [--events 100000]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

from audit import BAR, MEMORY, TWO, VERIFIED, Signatures
from harness import Result, arguments, conclude, filled_home, peak_memory, table

from ledger.adapters.bundle_workers import bundle_workers
from ledger.adapters.folder_log import FolderLog
from ledger.adapters.home import Home
from ledger.adapters.public_audit_file import open_state
from ledger.audit.public.follow import Asked, audit_published


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one audit took, and the one after it."""

    events: int
    busy: float  # processor seconds in which the work can be done by as many processes
    memory: int  # bytes, the most that this process had resident
    again: float  # processor seconds of the next run, which has nothing to read


def run_once(home: Home, jobs: int) -> Run:
    """Audit it twice with one state, in this process or with several others."""
    with tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder:
        state = Path(folder) / "state"
        began, others = process_time(), _children()
        events = _audit(home, jobs, state)
        own, others = process_time() - began, _children() - others
        memory, began = peak_memory(), process_time()
        if _audit(home, jobs, state) != 0:
            raise SystemExit("the next run read what it had read before")
        again = process_time() - began
    busy = own if jobs == 1 else max((own + others) / jobs, own, others / jobs)
    return Run(events=events, busy=busy, memory=memory, again=again)


def _audit(home: Home, jobs: int, state: Path) -> int:
    """How many entries were read."""
    with open_state(state) as memory:
        report = audit_published(
            FolderLog(home.folder / "log"), memory, Asked(), hiring=partial(bundle_workers, jobs), keep_note=str
        )
    if not report.report.sound:
        raise SystemExit(f"the log is unsound: {report.report.first_bad}")
    return report.read


def _children() -> float:
    """Processor seconds of the children that ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def apart(home: Home, jobs: int) -> Run:
    """The same in a new process, so that its memory can be told."""
    command = [sys.executable, __file__, "--once", str(home.folder), "--jobs", str(jobs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Run(**json.loads(done.stdout))


def main() -> None:
    """Measure, or run one audit for who measures."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--events", type=int, default=100_000, help="how many the ledger holds (default 100000)")
    parser.add_argument("--once", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once is not None:
        print(json.dumps(asdict(run_once(Home(asked.once), asked.jobs))))
        return
    home = filled_home(asked.events, cache=asked.cache)
    signatures = Signatures(home)
    verified = [signatures.rate()]
    ones: list[Run] = []
    twos: list[Run] = []
    for turn in range(asked.rounds):
        for jobs in (1, 2) if turn % 2 == 0 else (2, 1):
            (ones if jobs == 1 else twos).append(apart(home, jobs))
            verified.append(signatures.rate())
    _show(ones, twos, median(verified))


def _show(ones: list[Run], twos: list[Run], verified: float) -> None:
    one, two = (median(each.events / each.busy for each in runs) for runs in (ones, twos))
    memory, again = max(each.memory for each in (*ones, *twos)), median(each.again for each in (*ones, *twos))
    header = ("", "one core", "signatures", "of that", "two cores", "MB", "next run")
    rates = (f"{one:,.0f}/s", f"{verified:,.0f}/s", f"{one / verified:.2f}", f"{two:,.0f}/s")
    table(header, [("published log", *rates, f"{memory / 1e6:.0f}", f"{again * 1e3:.0f} ms")])
    fits = memory <= MEMORY * 10**6
    conclude(
        Result(
            job="audit of a published log, two cores",
            ours=two,
            reference=one,
            unit="events/s",
            bar=f">= {TWO} x",
            met=two / one >= TWO and fits,
        )
    )
    conclude(
        Result(
            job="audit of a published log, one core",
            ours=one,
            reference=verified,
            unit="events/s",
            bar=f">= {BAR:,}/s where {VERIFIED:,} signatures/s verify: >= {BAR / VERIFIED:.2f}",
            met=one / verified >= BAR / VERIFIED and fits,
        )
    )


if __name__ == "__main__":
    main()
