"""What does it cost to publish 1,000 new events, beside its signatures? And how long do others wait for it?

Awards are appended to ledgers of 10^4 and 10^5 events in turns, and then published: the statement, every entry read
back and hashed, tiles and entries written, the checkpoint served. Ours is the processor time of that in the largest
ledger, without the two signatures; the reference is the same in the smallest. The second line is the time for which
the lock of the head is held meanwhile: ours at the largest ledger, the reference at the smallest, wall time.

    python scripts/bench/publishing.py [--engine postgresql] [--rounds 7] [--rows 1000] [--events 10000 100000]
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import perf_counter

from append_growth import append
from databases import add_engine, job_on, server_of
from harness import Result, arguments, conclude, copied_home, filled_home, spend, table

from ledger.adapters.clock import SystemClock
from ledger.application.ports import Snapshot
from ledger.bootstrap import Ledger, open_ledger
from ledger.domain.types import Position
from ledger.record.sealing import Sealed

_BAR_MS = 50.0
_SIGNATURES = 2  # of the statement and of the checkpoint
_SIGNED = 500  # to learn what one costs


@dataclass(slots=True)
class Measured:
    """What publishing took in one ledger, in seconds."""

    cpu: list[float] = field(default_factory=list)  # beside signatures
    wall: list[float] = field(default_factory=list)
    locked: list[float] = field(default_factory=list)


def signatures(ledger: Ledger) -> float:
    """The processor time of the signatures of one publication."""
    signer = ledger.desk.keys.signer(ledger.operator.event_key)
    spent = spend(lambda: [signer.sign(b"%d" % number * 60) for number in range(_SIGNED)])
    return spent.cpu / _SIGNED * _SIGNATURES


def watch_lock(ledger: Ledger, held: list[float]) -> None:
    """Note how long each statement keeps others from appending."""
    append_last = ledger.store.append_last

    def timed(make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        begun = perf_counter()
        position = append_last(make)
        held.append(perf_counter() - begun)
        return position

    vars(ledger.store)["append_last"] = timed


def publish(ledger: Ledger, rows: int) -> None:
    """Publish, and make sure that what was recorded is served."""
    before = ledger.published.size
    if ledger.publishing.publish() < before + rows:
        raise SystemExit("not everything was published")


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=7)
    parser.add_argument("--rows", type=int, default=1_000, help="awards in a round")
    parser.add_argument("--events", type=int, nargs="*", default=[10_000, 100_000], help="events there are already")
    add_engine(parser)
    asked = parser.parse_args()
    found = {events: Measured() for events in sorted(asked.events)}
    with ExitStack() as stack:
        server = stack.enter_context(server_of(asked.engine))
        ledgers = {}
        for events, measured in found.items():
            home = stack.enter_context(copied_home(filled_home(events, cache=asked.cache), server=server))
            # It would publish by itself; here it does when it is told to.
            ledgers[events] = open_ledger(home, clock=SystemClock(), publishes=False)
            stack.callback(ledgers[events].close)
            ledgers[events].publishing.publish()
            watch_lock(ledgers[events], measured.locked)
        for turn in range(-1, asked.rounds):
            for events, ledger in ledgers.items():
                append(ledger, asked.rows)
                spent, signing = spend(partial(publish, ledger, asked.rows)), signatures(ledger)
                if turn >= 0:
                    found[events].cpu.append(spent.cpu - signing)
                    found[events].wall.append(spent.wall)
    rows = [
        (f"{events:,}", *(f"{median(each) * 1e3:.1f} ms" for each in (taken.cpu, taken.wall, taken.locked)))
        for events, taken in found.items()
    ]
    table(("events there are", "processor, beside signatures", "wall", "lock held"), rows)
    small, large = found[min(found)], found[max(found)]
    ours = median(large.cpu) * 1e3 * 1_000 / asked.rows
    conclude(
        Result(
            job=job_on("publishing", asked.engine),
            ours=ours,
            reference=median(small.cpu) * 1e3 * 1_000 / asked.rows,
            unit="ms of processor time for 1,000 events",
            bar=f"< {_BAR_MS:.0f} ms",
            met=ours < _BAR_MS,
        )
    )
    conclude(
        Result(
            job=job_on("publishing_lock", asked.engine),
            ours=median(large.locked) * 1e3,
            reference=median(small.locked) * 1e3,
            unit="ms",
            bar="<= 2 x",
            met=median(large.locked) <= 2 * median(small.locked),
        )
    )


if __name__ == "__main__":
    main()
