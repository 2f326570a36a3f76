"""Replay: every entry read by our own cursor, decoded and folded to the standing of each stream, against the library.

    python scripts/bench/replay.py [--engine postgresql] [--events N] [--rounds N] [--cache FOLDER]

Ours is a genuine ledger of N events of awards; the reference is the eventsourcing library as it comes, replaying as
many events of a small award aggregate of its own from SQLite, in pages of 1,000 notifications, through its mapper. Both
fold to the same two things: how many events of each type there are, and the standing of each stream.
"""

import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from uuid import UUID

import harness
from databases import add_engine, job_on, server_of
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from ledger.adapters.fence import Fence
from ledger.adapters.home import Home
from ledger.bootstrap import engine_of
from ledger.record.decoding import decode
from ledger.record.entry import parse_entry

Library = Application[UUID]
_BAR = 150_000  # events a second, on a core on which the reference makes _THEIR_RATE: a busy one slows both
_THEIR_RATE = 89_000
_PAGE = 1_000
_SAVED = 500  # aggregates in one commit of the reference
_CHANGED = 20  # one in so many is changed, as in our ledger
_STANDING = {
    "credential.issued/1": "in force",
    "credential.stacked/1": "in force",
    "credential.amended/1": "in force",
    "credential.suspended/1": "suspended",
    "credential.reinstated/1": "in force",
    "credential.revoked/1": "revoked",
}
_THEIRS = {"Issued": "in force", "Suspended": "suspended", "Revoked": "revoked"}


class Folded:
    """What a replay arrives at."""

    def __init__(self) -> None:
        self.types: dict[str, int] = {}
        self.standing: dict[str, str] = {}

    def apply(self, stream: str, kind: str, after: str | None) -> None:
        """Count the event, and let it set the standing of its stream."""
        self.types[kind] = self.types.get(kind, 0) + 1
        if after is not None:
            self.standing[stream] = after


class Award(Aggregate):
    """The reference's award."""

    @event("Issued")
    def __init__(self, link: str, status_list: str, slot: int) -> None:
        self.link, self.status_list, self.slot = link, status_list, slot
        self.standing = "in force"

    @event("Suspended")
    def suspend(self) -> None:
        """Put it on hold."""
        self.standing = "suspended"

    @event("Revoked")
    def revoke(self) -> None:
        """Withdraw it."""
        self.standing = "revoked"


def ours(home: Home) -> Folded:
    """Replay our ledger."""
    folded = Folded()
    with closing(engine_of(home).open(Fence())) as store, store.snapshot() as snapshot:
        for _, raw in snapshot.states(0):
            entry = decode(raw)
            folded.apply(entry.stream, entry.type, _STANDING.get(entry.type))
    return folded


def ours_strictly(home: Home) -> Folded:
    """The same with the reading that verification uses, without signatures."""
    folded = Folded()
    with closing(engine_of(home).open(Fence())) as store, store.snapshot() as snapshot:
        for _, raw in snapshot.states(0):
            entry = parse_entry(raw)
            folded.apply(str(entry.stream), entry.type, _STANDING.get(entry.type))
    return folded


def theirs(application: Library) -> Folded:
    """Replay the reference."""
    folded, start = Folded(), 1
    while page := application.recorder.select_notifications(start, _PAGE):
        for notification in page:
            said = application.mapper.to_domain_event(notification)
            kind = type(said).__name__
            folded.apply(str(said.originator_id), kind, _THEIRS.get(kind))
        start = page[-1].id + 1
    return folded


def reference_of(events: int, cache: Path) -> Library:
    """The library's application over a database with so many events, made at the first call and then kept."""
    kept = cache / f"eventsourcing-{events}"
    if not kept.exists():
        with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as folder:
            with closing(_application(Path(folder) / "events.db")) as application:
                _fill(application, events)
            shutil.copytree(folder, kept)
    return _application(kept / "events.db")


def _application(path: Path) -> Library:
    return Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})


def _fill(application: Library, events: int) -> None:
    saved, waiting = 0, []
    while saved < events:
        award = Award(link="0" * 43, status_list="0" * 22, slot=saved % 131_072)
        if saved % _CHANGED == 0 and saved + 1 < events:
            award.suspend() if saved % (2 * _CHANGED) else award.revoke()
        saved += len(award.pending_events)
        waiting.append(award)
        if len(waiting) == _SAVED or saved == events:
            application.save(*waiting)
            waiting = []


def main() -> int:
    """Compare, and print the last line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="events to replay (default 100,000)")
    add_engine(parser)
    given = parser.parse_args()
    filled = harness.filled_home(given.events, cache=given.cache)
    with (
        server_of(given.engine) as server,
        harness.copied_home(filled, server=server) as home,
        closing(reference_of(given.events, given.cache)) as application,
    ):
        folded = ours(home), theirs(application)
        counts = [sum(each.types.values()) for each in folded]
        print(f"ours: {counts[0]:,} events, {len(folded[0].standing):,} awards; the reference: {counts[1]:,} events\n")
        compared = harness.interleaved(lambda: ours(home), lambda: theirs(application), rounds=given.rounds)
        strictly = harness.spend(lambda: ours_strictly(home)).cpu
    harness.show(compared, count=given.events, unit="events", names=("ours", "eventsourcing, as it comes"))
    print(f"\nread strictly, signatures not verified: {counts[0] / strictly:,.0f} events per cpu second")
    rates = counts[0] / compared.cpu[0], counts[1] / compared.cpu[1]
    harness.conclude(
        harness.Result(
            job=job_on("replay", given.engine),
            ours=rates[0],
            reference=rates[1],
            unit="events per cpu second",
            bar=f">= {_BAR:,} events/s where the reference makes {_THEIR_RATE:,}, so >= {_BAR / _THEIR_RATE:.2f} x",
            met=rates[0] >= _BAR or rates[0] / rates[1] >= _BAR / _THEIR_RATE,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
