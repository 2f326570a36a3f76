"""The entry that ends the log is appended between two commits: it waits for one, and nobody waits long for it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event, Thread, current_thread
from time import monotonic, sleep

import pytest

from ledger.adapters.commit_queue import MOST_IN_ONE_COMMIT, Job
from ledger.adapters.committer import Committer
from ledger.adapters.placing import Outcomes
from ledger.adapters.sqlite.schema import create
from ledger.application.ports import LedgerHalted, OutcomeUnknown, Proposal, Snapshot, StaleDecision, StoreUnavailable
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.sealing import Sealed
from ledger.testing.faults import FailingConnection
from tests.contracts.last_contract import statement
from tests.contracts.scribe import Scribe
from tests.unit.adapters.test_committer import Gate, NoVault, entered, positions

_PATIENCE = 60  # seconds until a test gives up


class Written(Gate):
    """A ledger that writes down what it did: how many were appended, or `last`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.order: list[int | str] = []

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        outcomes = super().append(proposals)
        self.order.append(len(proposals))
        return outcomes

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        position = super().append_last(make)
        self.order.append("last")
        return position


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Written]:
    create(tmp_path / "ledger.db")
    with closing(Written(tmp_path / "ledger.db")) as ledger:
        yield ledger


@pytest.fixture
def vault() -> NoVault:
    return NoVault()


@pytest.fixture
def told() -> list[str]:
    """The names of the threads on which it was told that something was committed."""
    return []


@pytest.fixture
def committer(ledger: Written, vault: NoVault, told: list[str]) -> Iterator[Committer]:
    committer = Committer(ledger, vault, committed=lambda: told.append(current_thread().name))
    yield committer
    ledger.open.set()
    committer.close()


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def waits(committer: Committer) -> None:
    """Until an entry waits to be the last."""
    deadline = monotonic() + _PATIENCE
    while committer._last is None:
        assert monotonic() < deadline, "nobody waits"
        sleep(0.001)


def test_last_entry_is_appended_by_the_thread_that_commits_and_who_listens_is_told(
    committer: Committer, scribe: Scribe, told: list[str]
) -> None:
    threads: list[str] = []

    def make(snapshot: Snapshot) -> Sealed:
        threads.append(current_thread().name)
        return statement(scribe)(snapshot)

    assert committer.append_last(make) == 1
    assert positions(asyncio.run(committer.append([scribe.proposal(1)]))) == [2]
    assert committer.append_last(make) == 3
    committer.close()
    assert threads == ["committer"] * 2
    assert told == ["committer"] * 3


def test_nobody_is_told_of_an_entry_that_was_not_made(committer: Committer, ledger: Written, told: list[str]) -> None:
    assert committer.append_last(lambda _: None) is None
    committer.close()
    assert (ledger.order, told) == (["last"], [])


def test_last_entry_waits_for_one_commit_although_several_are_queued(
    committer: Committer, ledger: Written, scribe: Scribe
) -> None:
    async def main() -> None:
        ledger.open.clear()
        same = scribe.proposal(1, 9)  # a conflict, so that it may be sent often
        batches = [asyncio.create_task(committer.append([same]))]
        await entered(ledger)
        batches += [asyncio.create_task(committer.append([same] * (MOST_IN_ONE_COMMIT // 2))) for _ in range(12)]
        last = asyncio.create_task(asyncio.to_thread(committer.append_last, statement(scribe)))
        await asyncio.to_thread(waits, committer)
        ledger.open.set()
        await asyncio.gather(last, *batches)

    asyncio.run(main())
    # After the commit that ran, and one that began together with it.
    assert ledger.order == [1, MOST_IN_ONE_COMMIT, "last", *[MOST_IN_ONE_COMMIT] * 5]


def test_commands_are_committed_between_two_last_entries_however_many_are_wanted(
    committer: Committer, ledger: Written, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, begun = Event(), [0]
    put = committer._queue.put

    def counted(job: Job) -> None:
        begun[0] = len(ledger.order)
        put(job)

    monkeypatch.setattr(committer._queue, "put", counted)

    def state() -> None:
        own = Scribe()
        while not stop.is_set():
            committer.append_last(statement(own))

    with ThreadPoolExecutor(4) as pool:
        stating = [pool.submit(state) for _ in range(4)]
        try:
            for number in range(30):
                assert len(positions(asyncio.run(committer.append([scribe.proposal(number)])))) == 1
                # After the one that ran when the command was queued.
                assert ledger.order[begun[0] :].index(1) <= 1
        finally:
            stop.set()
        for each in stating:
            each.result(_PATIENCE)
    assert ledger.order.count("last") > 4


def test_what_lowers_a_standing_passes_the_last_entry_that_waits(
    committer: Committer, ledger: Written, scribe: Scribe
) -> None:
    async def main() -> tuple[list[int | None], Position | None]:
        ledger.open.clear()
        running = asyncio.create_task(committer.append([scribe.proposal(0)]))
        await entered(ledger)
        last = asyncio.create_task(asyncio.to_thread(committer.append_last, statement(scribe)))
        await asyncio.to_thread(waits, committer)
        revoked = asyncio.create_task(committer.append([scribe.private(1)]))
        await asyncio.sleep(0)
        ledger.open.set()
        await running
        return positions(await revoked), await last

    assert asyncio.run(main()) == ([2], 3)


@pytest.mark.parametrize("error", [StaleDecision("of mine"), ValueError("a fault of ours")])
def test_what_making_raises_reaches_the_caller_alone(
    committer: Committer, ledger: Written, scribe: Scribe, error: Exception, told: list[str]
) -> None:
    def make(_: Snapshot) -> Sealed:
        raise error

    with pytest.raises(type(error)) as raised:
        committer.append_last(make)
    assert raised.value is error
    assert (committer.failing, committer.halted, told) == (False, False, [])
    assert positions(asyncio.run(committer.append([scribe.proposal(1)]))) == [1]
    assert committer.append_last(statement(scribe)) == 2


def test_lost_tail_that_a_last_entry_finds_halts_the_committer(
    committer: Committer, ledger: Written, scribe: Scribe
) -> None:
    ledger.fence.check(99, 0)
    made: list[Snapshot] = []
    for _ in range(2):
        with pytest.raises(LedgerHalted, match="tail was lost"):
            committer.append_last(statement(scribe, made))
        assert committer.halted
    with pytest.raises(LedgerHalted):
        asyncio.run(committer.append([scribe.proposal(1)]))
    assert (made, ledger.order) == ([], [])


def test_committer_that_halted_makes_no_last_entry(committer: Committer, ledger: Written, scribe: Scribe) -> None:
    ledger.fence.check(99, 0)
    with pytest.raises(LedgerHalted):
        asyncio.run(committer.append([scribe.proposal(1)]))
    with pytest.raises(LedgerHalted):
        committer.append_last(statement(scribe))


def test_store_that_fails_at_a_last_entry_is_said_to_fail_until_it_takes_a_commit_again(
    committer: Committer, ledger: Written, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Event()
    tried = ledger.try_writing

    def try_writing() -> None:
        if not writing.is_set():
            raise OutcomeUnknown("not yet")
        tried()

    monkeypatch.setattr(ledger, "try_writing", try_writing)
    monkeypatch.setattr(ledger, "_writer", FailingConnection(ledger._writer, "COMMIT", after=False))
    with pytest.raises(OutcomeUnknown):
        committer.append_last(statement(scribe))
    assert committer.failing
    writing.set()
    well(committer)
    assert committer.append_last(statement(Scribe())) == 1


def well(committer: Committer) -> None:
    """Until it says that the store is well."""
    deadline = monotonic() + _PATIENCE
    while committer.failing:
        assert monotonic() < deadline, "it is said to fail for ever"
        sleep(0.005)


def test_last_entry_does_not_say_that_the_vault_is_well(committer: Committer, vault: NoVault, scribe: Scribe) -> None:
    vault.failures += [StoreUnavailable("the vault is away")] * 1_000
    with pytest.raises(StoreUnavailable):
        asyncio.run(committer.append([scribe.proposal(1)]))
    assert committer.append_last(statement(scribe)) == 1
    assert committer.failing
    vault.failures.clear()
    well(committer)


def test_last_entries_that_fail_again_and_again_do_not_keep_a_well_store_from_saying_so(
    committer: Committer, vault: NoVault, scribe: Scribe
) -> None:
    def make(_: Snapshot) -> Sealed:
        raise LedgerError("nothing to do with the store")

    vault.failures.append(StoreUnavailable("the vault was away"))
    with pytest.raises(StoreUnavailable):
        asyncio.run(committer.append([scribe.proposal(1)]))
    deadline = monotonic() + _PATIENCE
    while committer.failing:
        assert monotonic() < deadline, "it is said to fail for ever"
        with pytest.raises(LedgerError):
            committer.append_last(make)


def test_closing_appends_the_last_entry_that_waits_behind_everything_that_does(
    ledger: Written, vault: NoVault, scribe: Scribe
) -> None:
    committer = Committer(ledger, vault)

    async def main() -> tuple[list[int | None], Position | None]:
        ledger.open.clear()
        running = asyncio.create_task(committer.append([scribe.proposal(1)]))
        await entered(ledger)
        queued = asyncio.create_task(committer.append([scribe.proposal(2)]))
        last = asyncio.create_task(asyncio.to_thread(committer.append_last, statement(scribe)))
        await asyncio.to_thread(waits, committer)
        closer = Thread(target=committer.close)
        closer.start()
        ledger.open.set()
        outcomes = [*await running, *await queued]
        await asyncio.to_thread(closer.join, _PATIENCE)
        return positions(outcomes), await last

    assert asyncio.run(main()) == ([1, 2], 3)


def test_after_closing_the_last_entry_is_appended_by_who_asks(
    committer: Committer, scribe: Scribe, told: list[str]
) -> None:
    asyncio.run(committer.append([scribe.proposal(1)]))
    committer.close()
    assert committer.append_last(statement(scribe)) == 2
    assert told == ["committer", current_thread().name]
    with pytest.raises(LedgerHalted, match="shutting down"):
        asyncio.run(committer.append([scribe.proposal(2)]))


def test_nobody_waits_for_ever_whose_last_entry_meets_the_closing(
    ledger: Written, vault: NoVault, scribe: Scribe
) -> None:
    for _ in range(50):
        committer = Committer(ledger, vault)
        with ThreadPoolExecutor(4) as pool:
            stating = [pool.submit(committer.append_last, statement(Scribe())) for _ in range(3)]
            closing_thread = pool.submit(committer.close)
            closing_thread.result(_PATIENCE)
            assert all(each.result(_PATIENCE) for each in stating)
    with ledger.snapshot() as snapshot:
        assert snapshot.head().size == 150
