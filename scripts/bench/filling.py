"""Fills a ledger with many genuine awards, some of them changed later, much faster than the use cases would.

What is written is what the ledger would write: signed documents and entries, chains, commitments, boxes under the
learners' keys, status slots, short codes, idempotency rows, the head and a checkpoint; an audit of it is sound. What is
left out is deciding: nothing is read back, no request is checked, and many events share a transaction. Entries are
sealed by worker processes, in chunks, and stored by this one, in order.
"""

import asyncio
import multiprocessing
import os
import random
import sqlite3
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sealing_awards import Batch, Filled, Office, Standing, prepare, seal_batch

from ledger.adapters.clock import UnsafeClock
from ledger.adapters.home import Home
from ledger.adapters.macs import DerivedMacs
from ledger.adapters.vault import KeyVault
from ledger.application.ports import Caller, LearnerKey
from ledger.bootstrap import Ledger, open_ledger, open_vault
from ledger.domain.types import ListId, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Reason, Role, format_time, slug
from ledger.founding import init

FORMAT = "ledger-4"  # of what is kept in a cache: another name makes every ledger anew
_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_OPERATOR = Caller(actor="operator", issuer=None)
_CHUNK = 1_000  # events
_AWARDS_OF_A_LEARNER = 4
_CHANGES = 20  # one event in so many changes an award
_SUBJECTS = ("wound-care", "infection-control")
_INSERTS = (
    "INSERT INTO stored_events VALUES (?,?,?,?,?)",
    "INSERT INTO private_parts VALUES (?,?,?,?)",
    "INSERT INTO status_slots VALUES (?,?,?,?)",
    "INSERT INTO status_lists VALUES (?,?,?) ON CONFLICT(list) DO UPDATE SET used = used + excluded.used",
    "INSERT INTO short_codes VALUES (?,?)",
    "INSERT INTO idempotency VALUES (?,?,?,?,?,?)",
)


def begin(folder: Path, database_url: str | None = None) -> Home:
    """A closed home in a new folder, with three issuers and two achievements of each: 13 entries.

    Args:
        database_url: where its ledger is to lie; None: in files of the folder.
    """
    clock = UnsafeClock(_START)
    init(folder, "http://localhost:8000", "Example Operator", clock=clock, database_url=database_url)
    home = Home(folder, database_url)
    ledger = open_ledger(home, clock=clock)
    try:
        asyncio.run(_establish(ledger))
    finally:
        ledger.close()
    return home


async def _establish(ledger: Ledger) -> None:
    for name in ("north-college", "south-college", "east-college"):
        profile = {"name": name.replace("-", " ").title()}
        issuer = (await ledger.issuers.register(_OPERATOR, slug(name), profile)).stream
        for subject in _SUBJECTS:
            definition = {
                "slug": subject,
                "name": subject.replace("-", " ").capitalize(),
                "description": "What is learned in a term of evening classes and at work.",
                "competencies": [{"statement": "Can do it at work"}],
                "assessments": [{"type": "examination"}],
            }
            await ledger.achievements.define(issuer, definition)


def fill(home: Home, events: int, *, processes: int = 2, chunk: int = _CHUNK) -> None:
    """Append `events` events of awards to a home that `begin` made, and publish a checkpoint over them.

    Args:
        chunk: events that are sealed together, all of one issuer.
    """
    offices, macs = _offices(home)
    prepare(offices, macs)  # the workers are forked, so that keys reach them without being spelled out
    with (
        closing(open_vault(home)) as vault,
        closing(sqlite3.connect(home.database, isolation_level=None)) as connection,
        ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool,
    ):
        # Nothing here must survive a crash: a ledger that was not finished is thrown away.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        planner = _Planner(offices, vault)
        sealing: deque[Future[Filled]] = deque()
        for batch in planner.batches(events, chunk):
            sealing.append(pool.submit(seal_batch, batch))
            while len(sealing) > 2 * processes:
                planner.take(_store(connection, sealing.popleft().result()))
        for future in sealing:
            _store(connection, future.result())
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    failures: list[Exception] = []
    open_ledger(home, clock=UnsafeClock(_START), failed=failures.append).close()  # which publishes what is due
    if failures:
        raise failures[0]


def _offices(home: Home) -> tuple[tuple[Office, ...], DerivedMacs]:
    """What is needed to award in the name of every issuer of the home."""
    ledger = open_ledger(home, clock=UnsafeClock(_START))
    try:
        with ledger.store.snapshot() as snapshot:
            issuers = snapshot.names("issuer")
            achievements = [snapshot.names(f"achievement/{stream.hex}") for _, stream in issuers]
        draft = ledger.desk.draft()
        offices = []
        for (name, stream), offered in zip(issuers, achievements, strict=True):
            issuer = draft.issuer(stream)
            offers = [ledger.issuing.offer(draft, stream, subject) for subject, _ in offered]
            offices.append(
                Office(
                    stream=stream,
                    did=issuer.did,
                    slug=slug(name),
                    origin=ledger.operator.origin,
                    base_url=ledger.settings.base_url,
                    signer=ledger.desk.signer(issuer, Role.SIGNING, draft.position),
                    profile=ledger.desk.documents.profile(issuer.profile),
                    achievements=tuple((offer.ref, offer.definition) for offer in offers),
                )
            )
        return tuple(offices), ledger.macs
    finally:
        ledger.close()


class _Planner:
    """Decides who is awarded, which slots are used and what is changed; the same plan for every ledger of a size."""

    def __init__(self, offices: tuple[Office, ...], vault: KeyVault) -> None:
        self._draw = random.Random(2026)
        self._vault = vault
        self._offices = offices
        self._slots = [self._claims() for _ in offices]
        self._learners: list[list[tuple[LearnerKey, str]]] = [[] for _ in offices]
        self._count = 0
        self._standing: list[list[Standing]] = [[] for _ in offices]

    def batches(self, events: int, chunk: int) -> Iterator[Batch]:
        """Batches of `events` events in all, each of one issuer; changes act on awards of batches taken before."""
        for index, done in enumerate(range(0, events, chunk)):
            place = index % len(self._offices)
            count = min(chunk, events - done)
            standing = self._standing[place]
            changed = min(count // _CHANGES, len(standing))
            changes = [standing.pop(self._draw.randrange(len(standing))) for _ in range(changed)]
            learners = tuple(self._learner(place) for _ in range(count - changed))
            self._vault.flush()
            yield Batch(
                office=place,
                at=_START + timedelta(hours=1, milliseconds=20 * done),
                learners=learners,
                changes=tuple(changes),
                claims=tuple(next(self._slots[place]) for _ in range(count)),
                first=done,
                seed=self._draw.getrandbits(64),
            )

    def take(self, filled: Filled) -> None:
        """Let later batches change the awards of this one."""
        self._standing[filled.office].extend(filled.standing)

    def _learner(self, place: int) -> tuple[LearnerKey, str]:
        """Mostly one who has been awarded something before."""
        known = self._learners[place]
        self._count += 1
        if known and self._draw.randrange(_AWARDS_OF_A_LEARNER):
            return self._draw.choice(known)
        number = f"S-{self._count:07}"
        known.append((self._vault.learner(self._offices[place].stream, number), number))
        return known[-1]

    def _claims(self) -> Iterator[tuple[ListId, Slot]]:
        """Every status list is used half, as the ledger does."""
        while True:
            status_list = ListId(os.urandom(16))
            for slot in self._draw.sample(range(STATUS_LIST_SLOTS), STATUS_LIST_SLOTS // 2):
                yield status_list, Slot(slot)


def _store(connection: sqlite3.Connection, filled: Filled) -> Filled:
    """Insert a batch at the head, with everything beside it."""
    connection.execute("BEGIN IMMEDIATE")
    (size,) = connection.execute("SELECT size FROM log_head").fetchone()
    run = connection.executemany
    entries, parts, slots, lists, codes, idempotency = _INSERTS
    run(entries, [(size + 1 + index, *entry) for index, entry in enumerate(filled.entries)])
    run(parts, [(size + 1 + index, *part) for index, *part in filled.parts])
    run(slots, filled.slots)
    run(lists, filled.lists)
    run(codes, filled.short_codes)
    run(idempotency, [(*known, 0, size + 1 + index) for index, *known in filled.idempotency])
    connection.execute("UPDATE log_head SET size = ?, at = ?", (size + len(filled.entries), format_time(filled.at)))
    connection.execute("COMMIT")
    return filled


def fill_by_use_cases(home: Home, events: int) -> None:
    """Append `events` events of awards by the ledger's own commands, each durable on its own: for a few thousand."""
    ledger = open_ledger(home, clock=UnsafeClock(_START + timedelta(hours=1)))
    try:
        asyncio.run(_award_and_change(ledger, events))
    finally:
        ledger.close()


async def _award_and_change(ledger: Ledger, events: int) -> None:
    draw = random.Random(2026)
    with ledger.store.snapshot() as snapshot:
        issuers = [stream for _, stream in snapshot.names("issuer")]
    standing: list[StreamId] = []
    for number in range(events):
        if standing and number % _CHANGES == _CHANGES - 1:
            await _change(ledger, standing.pop(draw.randrange(len(standing))), draw.randrange(3))
            continue
        row = {
            "student_number": f"S-{number // _AWARDS_OF_A_LEARNER:07}",
            "full_name": f"Ada Example {number // _AWARDS_OF_A_LEARNER}",
            "achievement": _SUBJECTS[number % 2],
            "awarded_on": "2026-01-02",
            "result": "Pass",
        }
        standing.append((await ledger.issuing.issue(_OPERATOR, issuers[number % len(issuers)], row)).stream)


async def _change(ledger: Ledger, award: StreamId, kind: int) -> None:
    if kind == 0:
        await ledger.changing.amend(_OPERATOR, award, {"full_name": "Ada Newname"}, Reason.OTHER)
    elif kind == 1:
        await ledger.changing.suspend(_OPERATOR, award, Reason.ASSESSMENT_INTEGRITY)
    else:
        await ledger.changing.revoke(_OPERATOR, award, Reason.ISSUED_IN_ERROR)
