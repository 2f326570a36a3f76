"""What recording costs by itself: sealed proposals of 64 clients, appended and acknowledged one by one.

Ours: an entry with two private parts and a status slot each, sealed before the clock starts, through the committer. The
reference is that of `commands`: one event of one aggregate a `save` of the eventsourcing library, in 64 threads and in
the number of threads that suits it best. What deciding and sealing cost beside it, `commands` tells.

    python scripts/bench/appends.py [--engine postgresql] [--rounds 3] [--commands 2000] [--threads 1 2 4 8]
"""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from statistics import median
from time import perf_counter, process_time

from commands import CLIENTS, Run, library, save
from databases import Server, add_engine, job_on, server_of
from harness import Result, arguments, conclude, table, throwaway_home

from ledger.adapters.committer import Committer
from ledger.adapters.fence import Fence
from ledger.application.ports import Proposal
from ledger.bootstrap import engine_of, open_vault
from tests.contracts.scribe import Scribe, claim

_COLUMNS = ("cpu", "p50", "p99")
_SAVES = 500  # of the reference in a round; it is slower
_number = count(1_000)


@contextmanager
def committer_of(server: Server | None) -> Iterator[Committer]:
    """A committer over a new ledger."""
    with throwaway_home(server=server) as home, closing(open_vault(home)) as vault:
        store = engine_of(home).open(Fence())
        with closing(store), closing(Committer(store, vault)) as committer:
            yield committer


def prepared(scribe: Scribe, commands: int) -> list[Proposal]:
    """Sealed proposals about new streams, as clocks tell the time that this ledger begins with."""
    numbers = [next(_number) for _ in range(commands)]
    return [replace(scribe.private(number), slots=(claim(number, number),)) for number in numbers]


def append(committer: Committer, proposals: Sequence[Proposal]) -> Run:
    """Append them, `CLIENTS` coroutines that each wait for one before they send the next."""
    took: list[float] = []
    todo = iter(proposals)

    async def client() -> None:
        for proposal in todo:
            began = perf_counter()
            (outcome,) = await committer.append([proposal])
            took.append(perf_counter() - began)
            if isinstance(outcome, Exception):
                raise SystemExit(f"a proposal was refused: {outcome}")

    async def everybody() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    wall, cpu = perf_counter(), process_time()
    asyncio.run(everybody())
    return Run(len(proposals), perf_counter() - wall, process_time() - cpu, took)


def measure(asked: Namespace) -> dict[str, list[Run]]:
    """Every side in turns, each `--rounds` times after one turn that is not counted."""
    scribe = Scribe()
    with server_of(asked.engine) as server, committer_of(server) as committer, library(server) as application:
        sides: dict[str, Callable[[], Run]] = {}
        for threads in sorted({*asked.threads, CLIENTS}):
            sides[f"library, {threads} threads"] = partial(save, application, threads, _SAVES)
        found: dict[str, list[Run]] = {name: [] for name in ("ours", *sides)}
        for turn in range(-1, asked.rounds):
            sides["ours"] = partial(append, committer, prepared(scribe, asked.commands))
            for name in found if turn % 2 else reversed(found):
                run = sides[name]()
                if turn >= 0:
                    found[name].append(run)
        return found


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=3)
    add_engine(parser)
    parser.add_argument("--commands", type=int, default=2_000, help="proposals of ours in a round")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2, 4, 8], help="thread counts of the library")
    asked = parser.parse_args()
    found = measure(asked)
    rates = {name: median(run.rate for run in runs) for name, runs in found.items()}
    rows = [
        (name, f"{rates[name]:,.0f}", *(f"{median(getattr(run, each) for run in runs):,.1f}" for each in _COLUMNS))
        for name, runs in found.items()
    ]
    table(("", "appends/s", "us cpu each", "p50 ms", "p99 ms"), rows)
    best = max((rate for name, rate in rates.items() if name != "ours"), default=0.0)
    bars = (3, 4) if asked.engine == "sqlite" else (7, 10)
    for name, reference, bar in (
        ("appends_best", best, bars[0]),
        ("appends", rates[f"library, {CLIENTS} threads"], bars[1]),
    ):
        ours, met = rates["ours"], rates["ours"] >= bar * reference
        job = job_on(name, asked.engine)
        conclude(Result(job=job, ours=ours, reference=reference, unit="appends/s", bar=f">= {bar} x", met=met))


if __name__ == "__main__":
    main()
