"""Sixteen write while the log is published again and again: every root that was signed or stated is the obvious one.

The roots are computed from the entries alone, in the slow and obvious way: the tree by the recursive definition of RFC
6962, what a statement states by folding every award and every issuer from the beginning.
"""

import asyncio
import os
import random
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.application.ports import Appended, Caller, ConflictError
from ledger.bootstrap import Ledger, open_ledger
from ledger.domain.credential import CredentialError
from ledger.domain.events import StatusCommitted
from ledger.domain.issuer import IssuerError
from ledger.domain.types import Kid, Position, StreamId
from ledger.domain.values import Reason, Role
from ledger.record.entry import Entry, parse_entry
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.tile_reader import TileReader
from tests.crash.watched import folder_of
from tests.moving import move_to_postgres
from tests.unit.application.office import OPERATOR, ROW, make_home
from tests.unit.verification import statements

ROUNDS = int(os.environ.get("TESTAMUR_PUBLISHING_ROUNDS", "12"))
WRITERS = 16
_KEYS_EVERY = 5  # rounds; every second time the old key is stolen, too


@dataclass
class Writing:
    """Those who write through one open ledger."""

    ledger: Ledger
    seed: str
    awards: list[StreamId] = field(default_factory=list)
    conflicts: int = 0

    @property
    def college(self) -> StreamId:
        """For whom they write."""
        with self.ledger.store.snapshot() as snapshot:
            return dict(snapshot.names("issuer"))["college"]

    async def run(self, writers: int) -> None:
        """Every round, each of them does one thing, all at once."""
        college, chance = self.college, random.Random(self.seed)
        caller = Caller(actor="registrar", issuer=college)
        for number in range(ROUNDS):
            acts = [self._act(caller, college, f"{self.seed}-{number}-{each}", chance) for each in range(writers)]
            if number % _KEYS_EVERY == 1:
                acts.append(self._keys(college, theft=number // _KEYS_EVERY % 2 == 0))
            await asyncio.gather(*map(self._tried, acts))

    async def _tried(self, act: Coroutine[object, object, None]) -> None:
        try:
            await act
        except (ConflictError, CredentialError, IssuerError):  # somebody else was there first
            self.conflicts += 1

    async def _act(self, caller: Caller, college: StreamId, name: str, chance: random.Random) -> None:
        changing, drawn = self.ledger.changing, chance.random()
        if not self.awards or drawn < 0.5:
            row = {**ROW, "student_number": name}
            made: Appended = await self.ledger.issuing.issue(caller, college, row)
            self.awards.append(made.stream)
            return
        award = chance.choice(self.awards[-40:])
        if drawn < 0.65:
            await changing.suspend(caller, award, Reason.OTHER)
        elif drawn < 0.8:
            await changing.reinstate(caller, award)
        elif drawn < 0.9:
            await changing.amend(caller, award, {"full_name": f"Ana {name}"}, Reason.OTHER)
        else:
            await changing.revoke(caller, award, Reason.OTHER)

    async def _keys(self, college: StreamId, *, theft: bool) -> None:
        """A new key, and the end of the old one: retired, or reported as stolen since it was half as old."""
        issuers = self.ledger.issuers
        state = self.ledger.desk.draft().issuer(college)
        old = [each for each in state.keys.values() if each.role is Role.SIGNING and each.retired is None]
        await issuers.add_key(OPERATOR, college, Role.SIGNING)
        for each in old:
            await issuers.retire_key(OPERATOR, college, Kid(each.kid))
            if theft:
                with self.ledger.store.snapshot() as snapshot:
                    middle = (each.added + snapshot.head().size) // 2
                await issuers.report_compromised(OPERATOR, college, Kid(each.kid), Position(middle))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Ledger]]:
    """A ledger in a home, opened once; in PostgreSQL twice, as by two processes."""
    folder = tmp_path / "home"
    make_home(folder)
    url = None
    if request.param == "postgresql":
        url = cast("str", request.getfixturevalue("database_url"))
        move_to_postgres(folder, url)
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(open_ledger(Home(folder, url), clock=SystemClock(), publishes=False)))
            for _ in range(1 if url is None else 2)
        ]


def _publish(ledger: Ledger, stop: Event) -> int:
    count = 0
    while not stop.is_set():
        ledger.publishing.publish()
        count += 1
    return count


def test_sixteen_writers_while_publishing_leave_every_signed_and_stated_root_the_obvious_one(
    ledgers: list[Ledger],
) -> None:
    stop, writing = Event(), [Writing(ledger, f"{number}") for number, ledger in enumerate(ledgers)]
    with ThreadPoolExecutor(4) as pool:
        publishing = [pool.submit(_publish, ledger, stop) for ledger in ledgers]
        try:
            runs = [pool.submit(asyncio.run, each.run(WRITERS // len(ledgers))) for each in writing]
            for each in runs:
                each.result(3_600)
        finally:
            stop.set()
        published = sum(each.result(60) for each in publishing)
    ledgers[0].publishing.publish()
    entries, signed = _recorded(ledgers[0])
    _check_checkpoints(entries, signed)
    stated = _check_statements(entries)
    assert stated[-1] == len(entries)
    assert {each.size for each in signed} <= set(stated)
    now = signed[-1]
    reader = TileReader(now.size, now.root, folder_of(ledgers[0].home.folder))
    assert list(reader.entries(0, now.size)) == [each.raw for each in entries]
    conflicts = sum(each.conflicts for each in writing)
    print(
        f"{ROUNDS} rounds, {WRITERS} writers: {len(entries)} entries, {len(stated)} of them statements, {conflicts}",
        f"conflicts; {len(signed)} checkpoints in {published} publications",
    )
    assert len(signed) > 2


def _recorded(ledger: Ledger) -> tuple[list[Entry], list[Checkpoint]]:
    """Every entry, and every checkpoint that was ever signed."""
    with ledger.store.snapshot() as snapshot:
        entries = [parse_entry(each.raw) for each in snapshot.entries(0, snapshot.head().size)]
    with ledger.engine.audit_source() as source:
        notes = [cast("bytes", note) for _, note, _ in source.checkpoints()]
    return entries, [open_checkpoint(note, ledger.verifier_key) for note in notes]


def _check_checkpoints(entries: list[Entry], signed: list[Checkpoint]) -> None:
    leaves = [leaf_hash(each.raw) for each in entries]

    @cache  # the same subtrees stand in one tree after the other
    def root(first: int, end: int) -> Hash:
        """MTH of RFC 6962 §2.1."""
        if end - first == 1:
            return leaves[first]
        split = first + (1 << (end - first - 1).bit_length() - 1)
        return Hash(sha256(b"\x01" + root(first, split) + root(split, end)).digest())

    for each in signed:
        assert each.root == root(0, each.size), f"the checkpoint over {each.size} entries has another root"


def _check_statements(entries: list[Entry]) -> list[Position]:
    """The positions of all statements, each of which states what is so."""
    placed = [(Position(index), each) for index, each in enumerate(entries, start=1)]
    history, found = [each.recorded(position) for position, each in placed], []
    for position, entry in placed:
        if isinstance(entry.event, StatusCommitted):
            assert entry.event == statements.stated(history[: position - 1]), f"the statement at {position} is wrong"
            found.append(position)
    return found
