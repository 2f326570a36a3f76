"""Does appending slow down as history grows? Awards from a file, appended to ledgers of 10^4 and 10^5 events in turns.

Ours is the rate at the largest ledger, the reference the rate at the smallest, in awards per second of this process's
processor time.

    python scripts/bench/append_growth.py [--engine postgresql] [--rounds 3] [--rows 1000] [--events 10000 100000]
"""

import asyncio
from contextlib import ExitStack
from functools import partial
from itertools import count
from statistics import median

from databases import add_engine, job_on, server_of
from harness import Result, arguments, conclude, copied_home, filled_home, spend, table

from ledger.adapters.clock import SystemClock
from ledger.application.ports import Caller
from ledger.bootstrap import Ledger, open_ledger

_OPERATOR = Caller(actor="bench", issuer=None)
_number = count(1)


def append(ledger: Ledger, rows: int) -> None:
    """Issue a file of awards to new learners of one issuer."""
    lines = [f"X-{next(_number):07},Amara Okafor,wound-care,2026-01-05" for _ in range(rows)]
    raw = "\n".join(["student_number,full_name,achievement,awarded_on", *lines]).encode("utf-8")
    with ledger.store.snapshot() as snapshot:
        issuer = snapshot.names("issuer")[0][1]
    report = asyncio.run(ledger.batch.issue(_OPERATOR, issuer, raw))
    if report.issued != rows:
        raise SystemExit(f"only {report.issued} of {rows} rows were issued")


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--rows", type=int, default=1_000, help="awards in a round")
    parser.add_argument("--events", type=int, nargs="*", default=[10_000, 100_000], help="events there are already")
    add_engine(parser)
    asked = parser.parse_args()
    rates: dict[int, list[float]] = {events: [] for events in sorted(asked.events)}
    with ExitStack() as stack:
        server = stack.enter_context(server_of(asked.engine))
        ledgers = {}
        for events in rates:
            home = stack.enter_context(copied_home(filled_home(events, cache=asked.cache), server=server))
            ledgers[events] = open_ledger(home, clock=SystemClock())
            stack.callback(ledgers[events].close)
        for turn in range(-1, asked.rounds):
            for events in rates if turn % 2 else reversed(rates):
                spent = spend(partial(append, ledgers[events], asked.rows))
                if turn >= 0:
                    rates[events].append(asked.rows / spent.cpu)
    found = {events: median(each) for events, each in rates.items()}
    table(("events there are", "awards per cpu second"), [(f"{n:,}", f"{rate:,.0f}") for n, rate in found.items()])
    small, large = min(found), max(found)
    met = found[large] >= 0.85 * found[small]
    conclude(
        Result(
            job=job_on("append_growth", asked.engine),
            ours=found[large],
            reference=found[small],
            unit="awards per cpu second",
            bar=">= 0.85 x",
            met=met,
        )
    )


if __name__ == "__main__":
    main()
