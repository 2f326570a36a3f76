"""Rebuild: a view folded anew from a genuine ledger, decoded, applied, stored, indexed, put in place, at several sizes.

    python scripts/bench/rebuild.py [--events 10000 100000 1000000] [--view VIEW] [--rounds N] [--cache FOLDER]
        [--database-url URL]

With a URL the views lie in that PostgreSQL database, in its schema `views`; the server's own time is not counted.

The reference is the eventsourcing library as it comes, replaying events of its own from SQLite and storing nothing: its
ProjectionRunner cannot run on SQLite, which has no subscriptions there. It says how fast the core is at the moment: the
bar was set on one where it replays 89,000 events a second. A line of results is printed for each view.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import harness
from replay import reference_of, theirs

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.home import Home
from ledger.adapters.private_box import VaultBoxes
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.bootstrap import open_vault
from projections.feed import StoreFeed
from projections.members import FAMILY
from projections.stores.postgres_engine import PostgresViews
from projections.views import SqliteViews, Views

_BAR, _BAR_POSTGRES = 60_000, 50_000  # events a second, on a core on which the library replays _THEIR_RATE
_THEIR_RATE = 89_000
_OF_THE_SMALLEST = 0.75  # the rate at the largest size, of that at the smallest
_MOST_MEMORY = 150 * 2**20  # bytes
_REPLAYED = 100_000  # events of the reference
_VIEWS = sorted(view.name for view in FAMILY)


@contextmanager
def views_of(home: Home, url: str | None) -> Iterator[Views]:
    """The views of a closed home, in a file of their own that is removed afterwards, or in a database."""
    with (
        tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder,
        closing(SqliteLedger(home.database)) as store,
        closing(open_vault(home)) as vault,
        closing(
            Views(
                SqliteViews(Path(folder) / "views.db") if url is None else PostgresViews(url),
                StoreFeed(store, VaultBoxes(vault, SystemEntropy())),
                parked=_refuse,
            )
        ) as views,
    ):
        yield views


def _refuse(parked: object) -> None:
    raise SystemExit(f"the ledger is not sound: {parked}")


def measured(view: str, events: int, rounds: int, cache: Path, url: str | None) -> tuple[float, float]:
    """Our rate and the library's, in events per cpu second, in turns."""
    home = harness.filled_home(events, cache=cache)
    own = cache / "rebuild"  # the library names its events by our modules, which are called otherwise in `replay`
    own.mkdir(exist_ok=True)
    ours, reference = [], []
    with views_of(home, url) as views, closing(reference_of(_REPLAYED, own)) as application:
        for _ in range(rounds):
            size = 0

            def rebuild() -> None:
                nonlocal size
                size = views.rebuild(view)

            ours.append(harness.spend(rebuild).cpu / size)
            reference.append(harness.spend(lambda: theirs(application)).cpu / _REPLAYED)
    return 1 / median(ours), 1 / median(reference)


def main() -> int:
    """Measure each size, and print a last line for each view."""
    parser = harness.arguments(__doc__, rounds=3)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes")
    parser.add_argument("--view", choices=_VIEWS, action="append", help="one view; absent: each")
    parser.add_argument("--database-url", metavar="URL", help="a PostgreSQL database; absent: a file")
    given = parser.parse_args()
    for view in given.view or _VIEWS[::-1]:  # the bar is for credential_status, whose line comes last
        rates = {}
        for events in sorted(given.events):
            rounds = given.rounds if events < 1_000_000 else 1
            rates[events] = measured(view, events, rounds, given.cache, given.database_url)
        _conclude(view, rates, _BAR if given.database_url is None else _BAR_POSTGRES)
    return 0


def _conclude(view: str, rates: dict[int, tuple[float, float]], bar: int) -> None:
    rows = []
    for events, (ours, reference) in rates.items():
        told = (f"{ours:,.0f}", f"{reference:,.0f}", f"{ours / reference:.2f}")
        rows.append((f"{events:,}", *told, f"{ours * _THEIR_RATE / reference:,.0f}"))
    print(f"\n{view}")
    harness.table(("events", "per cpu second", "library's replay", "ratio", f"where that makes {_THEIR_RATE:,}"), rows)
    smallest, largest = rates[min(rates)], rates[max(rates)]
    ratios = smallest[0] / smallest[1], largest[0] / largest[1]
    kept = ratios[1] / ratios[0]  # each in terms of the reference beside it, as the core may have become busier
    memory = harness.peak_memory()
    print(f"the largest has {kept:.0%} of the smallest's rate; {memory / 2**20:,.0f} MiB at most, reference included")
    fast = largest[0] >= bar or ratios[1] >= bar / _THEIR_RATE
    harness.conclude(
        harness.Result(
            job=f"rebuild {view}",
            ours=largest[0],
            reference=largest[1],
            unit="events per cpu second",
            bar=f">= {bar:,} events/s where the library replays {_THEIR_RATE:,}, so >= {bar / _THEIR_RATE:.2f} x; "
            f">= {_OF_THE_SMALLEST:.0%} of the rate at {min(rates):,}; <= 150 MiB",
            met=fast and kept >= _OF_THE_SMALLEST and memory <= _MOST_MEMORY,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
