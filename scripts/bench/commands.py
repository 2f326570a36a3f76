"""Single durable commands of 64 clients in one process, beside the library's `save` as it comes.

Ours: awards with private parts, decided, sealed, encrypted, appended and acknowledged one by one. The reference: one
event of one aggregate a `save`, by an Application of the `eventsourcing` library with its own recorder, in 64 threads,
and again in the number of threads that suits it best. Both on SQLite, a file each, WAL and synchronous=FULL; or both
on PostgreSQL, a database each of one server, synchronous_commit and fsync on.

    python scripts/bench/commands.py [--engine postgresql] [--rounds 3] [--commands 1500] [--threads 1 2 4 8]
"""

import asyncio
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import cast
from uuid import UUID

from databases import Server, add_engine, job_on, library_environment, server_of, temporary_database
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder
from harness import Result, arguments, conclude, table, throwaway_home

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.application.ports import Caller
from ledger.bootstrap import Ledger, open_ledger
from ledger.domain.types import StreamId

CLIENTS = 64
_REFERENCE = 640  # saves in a round; it is slower
_number = count(1)


class Noted(Aggregate):
    """An aggregate of the library with one event, about as much as our entry says."""

    def __init__(self, note: str) -> None:
        self.note = note


class Run:
    """What one run took."""

    def __init__(self, commands: int, wall: float, cpu: float, latencies: Sequence[float]) -> None:
        self.rate = commands / wall
        self.cpu = cpu / commands * 1e6  # microseconds of processor time a command
        self.p50 = median(latencies) * 1e3
        self.p99 = quantiles(latencies, n=100)[98] * 1e3


def issue(ledger: Ledger, issuer: StreamId, commands: int) -> Run:
    """Issue awards, `CLIENTS` coroutines that each wait for one before they ask for the next."""
    took: list[float] = []
    todo = iter(range(commands))
    caller = Caller(actor="bench", issuer=issuer)

    async def client() -> None:
        for _ in todo:
            number = next(_number)
            row = {
                "student_number": f"S-{number:07}",
                "full_name": "Amara Okafor",
                "achievement": "wound-care",
                "awarded_on": "2026-01-05",
                "email": f"s{number}@learners.example",
            }
            began = perf_counter()
            await ledger.issuing.issue(caller, issuer, row, idempotency_key=f"bench-{number}")
            took.append(perf_counter() - began)

    async def everybody() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    wall, cpu = perf_counter(), process_time()
    asyncio.run(everybody())
    return Run(commands, perf_counter() - wall, process_time() - cpu, took)


def save(application: Application[UUID], threads: int, commands: int) -> Run:
    """Save aggregates with the library, in threads."""
    took: list[float] = []

    def one(number: int) -> None:
        began = perf_counter()
        application.save(Noted(f"S-{number:07} Amara Okafor wound-care 2026-01-05 s{number}@learners.example " * 8))
        took.append(perf_counter() - began)

    with ThreadPoolExecutor(threads) as pool:
        wall, cpu = perf_counter(), process_time()
        list(pool.map(one, range(commands)))
        return Run(commands, perf_counter() - wall, process_time() - cpu, took)


@contextmanager
def library(server: Server | None) -> Iterator[Application[UUID]]:
    """The library's application over an empty store of the same kind as ours."""
    with ExitStack() as stack:
        if server is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="testamur-bench-"))
            environment = {
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": str(Path(folder) / "library.db"),
                "SQLITE_LOCK_TIMEOUT": "60",
            }
        else:
            environment = library_environment(stack.enter_context(temporary_database(server)))
        yield stack.enter_context(closing(Application[UUID](env=environment)))


def measure(asked: Namespace, home: Home, server: Server | None) -> dict[str, list[Run]]:
    """Every side in turns, each `--rounds` times after one turn that is not counted."""
    ledger = open_ledger(home, clock=SystemClock())
    with library(server) as application:
        try:
            _check_durable(application, ledger)
            with ledger.store.snapshot() as snapshot:
                issuer = snapshot.names("issuer")[0][1]
            sides: dict[str, Callable[[], Run]] = {"ours": partial(issue, ledger, issuer, asked.commands)}
            for threads in sorted({*asked.threads, CLIENTS}):
                sides[f"library, {threads} threads"] = partial(save, application, threads, _REFERENCE)
            found: dict[str, list[Run]] = {name: [] for name in sides}
            for turn in range(-1, asked.rounds):
                for name in sides if turn % 2 else reversed(sides):
                    run = sides[name]()
                    if turn >= 0:
                        found[name].append(run)
            return found
        finally:
            ledger.close()


def _check_durable(application: Application[UUID], ledger: Ledger) -> None:
    """Both acknowledge what is on the disk, or the comparison is none."""
    recorder, store = application.recorder, ledger.store
    if isinstance(recorder, PostgresApplicationRecorder) and isinstance(store, PostgresLedger):
        with recorder.datastore.get_connection() as connection:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                found = connection.execute(f"SHOW {name}").fetchone()
                if found is None or found[name] != "on":
                    raise SystemExit(f"the library's {name} is {found}: it must be on, as ours must be to be opened")
        return
    theirs, ours = [], []
    for name in ("journal_mode", "synchronous"):
        with cast("SQLiteApplicationRecorder", recorder).datastore.transaction(commit=False) as cursor:
            cursor.execute(f"PRAGMA {name}")
            theirs.append(cursor.fetchone()[0])
        with closing(cast("SqliteLedger", store).datastore.connect()) as file:
            ours.append(file.execute(f"PRAGMA {name}").fetchone()[0])
    if ours != ["wal", 2] or theirs != ours:
        raise SystemExit(f"ours is {ours}, the library's {theirs}: both must be wal and 2 (FULL)")


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=3)
    add_engine(parser)
    parser.add_argument("--commands", type=int, default=1_500, help="commands of ours in a round")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2, 4, 8], help="thread counts of the library")
    asked = parser.parse_args()
    with server_of(asked.engine) as server, throwaway_home(server=server) as home:
        found = measure(asked, home, server)
    rows, rates = [], {}
    for name, runs in found.items():
        rates[name] = median(run.rate for run in runs)
        numbers = (f"{median(getattr(run, each) for run in runs):,.1f}" for each in ("cpu", "p50", "p99"))
        rows.append((name, f"{rates[name]:,.0f}", *numbers))
    table(("", "commands/s", "us cpu each", "p50 ms", "p99 ms"), rows)
    best = max((name for name in rates if name != "ours"), key=lambda name: rates[name])
    many = rates[f"library, {CLIENTS} threads"]
    print(f"{rates['ours'] / many:.2f} x the library in {CLIENTS} threads; {rates['ours'] / rates[best]:.2f} x {best}")
    bars = (3, 4) if asked.engine == "sqlite" else (7, 10)
    for name, reference, bar in (("commands_best", rates[best], bars[0]), ("commands", many, bars[1])):
        job = job_on(name, asked.engine)
        met = rates["ours"] >= bar * reference
        conclude(
            Result(job=job, ours=rates["ours"], reference=reference, unit="commands/s", bar=f">= {bar} x", met=met)
        )


if __name__ == "__main__":
    main()
