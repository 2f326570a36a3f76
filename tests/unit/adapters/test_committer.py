"""The committer: every caller gets its own outcome, whoever is cancelled and whatever fails beside it."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from ledger.adapters.commit_queue import MOST_IN_ONE_COMMIT, MOST_WAITING
from ledger.adapters.committer import Committer
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create
from ledger.application.ports import (
    Appended,
    ConflictError,
    LearnerKey,
    LedgerBusy,
    LedgerHalted,
    OutcomeUnknown,
    Proposal,
    StaleDecision,
    StoreUnavailable,
)
from ledger.domain.types import StreamId
from tests.contracts.scribe import Scribe, later

Outcomes = list[Appended | ConflictError]


class NoVault:
    """A vault in which nothing is new; it may fail to flush, or say that keys were lost."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.flushed = 0
        self.lost: frozenset[bytes] = frozenset()  # what the next flush says

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        raise NotImplementedError

    def data_key(self, key_id: bytes) -> bytes | None:
        raise NotImplementedError

    def learners(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[LearnerKey]:
        raise NotImplementedError

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        raise NotImplementedError

    def flush(self) -> frozenset[bytes]:
        self.flushed += 1
        if self.failures:
            raise self.failures.pop()
        lost, self.lost = self.lost, frozenset()
        return lost


class Gate(SqliteLedger):
    """A ledger that stands still at each append until it is let go on, and remembers what was appended together."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.entered, self.open = Event(), Event()
        self.open.set()
        self.batches: list[int] = []

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        self.entered.set()
        assert self.open.wait(60)
        self.batches.append(len(proposals))
        return super().append(proposals)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Gate]:
    create(tmp_path / "ledger.db")
    with closing(Gate(tmp_path / "ledger.db")) as ledger:
        yield ledger


@pytest.fixture
def vault() -> NoVault:
    return NoVault()


@pytest.fixture
def committer(ledger: Gate, vault: NoVault) -> Iterator[Committer]:
    committer = Committer(ledger, vault)
    yield committer
    ledger.open.set()
    committer.close()


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


async def entered(ledger: Gate) -> None:
    """Wait until the committer stands before the ledger."""
    await asyncio.to_thread(ledger.entered.wait, 60)


def positions(outcomes: Sequence[Appended | ConflictError]) -> list[int | None]:
    return [each.position if isinstance(each, Appended) else None for each in outcomes]


def test_each_caller_gets_the_outcomes_of_its_own_proposals(committer: Committer, scribe: Scribe) -> None:
    async def main() -> list[Outcomes]:
        sent = [[scribe.proposal(1), scribe.proposal(2)], [], [scribe.proposal(3), scribe.proposal(1, 5)]]
        return await asyncio.gather(*(committer.append(each) for each in sent))

    assert [positions(each) for each in asyncio.run(main())] == [[1, 2], [], [3, None]]


def test_what_queues_during_a_commit_is_committed_together(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    async def main() -> None:
        ledger.open.clear()
        first = asyncio.create_task(committer.append([scribe.proposal(0)]))
        await entered(ledger)
        others = [asyncio.create_task(committer.append([scribe.proposal(number)])) for number in range(1, 9)]
        await asyncio.sleep(0)
        ledger.open.set()
        await asyncio.gather(first, *others)

    asyncio.run(main())
    assert ledger.batches == [1, 8]


def test_one_commit_takes_a_bounded_number(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    same = scribe.proposal(1, 9)  # refused, so it may be sent often

    async def main() -> None:
        ledger.open.clear()
        jobs = [asyncio.create_task(committer.append([scribe.proposal(0)]))]
        await entered(ledger)
        jobs += [asyncio.create_task(committer.append([same] * (MOST_IN_ONE_COMMIT // 2))) for _ in range(4)]
        await asyncio.sleep(0)
        ledger.open.set()
        await asyncio.gather(*jobs)

    asyncio.run(main())
    assert ledger.batches == [1, MOST_IN_ONE_COMMIT, MOST_IN_ONE_COMMIT]


def test_large_batch_is_committed_piece_by_piece(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    many = [scribe.proposal(number) for number in range(2 * MOST_IN_ONE_COMMIT + 1)]
    outcomes = asyncio.run(committer.append(many, patient=True))
    assert ledger.batches == [MOST_IN_ONE_COMMIT // 2] * 4 + [1]
    assert positions(outcomes) == list(range(1, len(many) + 1))


def test_what_can_be_sent_now_is_committed_together(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    async def client(number: int) -> None:
        for seq in range(3):
            await committer.append([scribe.proposal(number, seq)])

    async def main() -> None:
        await asyncio.gather(*(client(number) for number in range(20)))

    asyncio.run(main())
    assert ledger.batches == [20, 20, 20]


def test_revocation_passes_a_running_batch_and_the_commands_that_wait(
    committer: Committer, ledger: Gate, scribe: Scribe
) -> None:
    order: list[str] = []

    async def send(name: str, proposals: Sequence[Proposal], *, patient: bool = False) -> None:
        await committer.append(proposals, patient=patient)
        order.append(name)

    async def main() -> None:
        ledger.open.clear()
        batch = [scribe.proposal(number) for number in range(3 * MOST_IN_ONE_COMMIT)]
        tasks = [asyncio.create_task(send("batch", batch, patient=True))]
        await entered(ledger)
        singles = [[scribe.proposal(number)] for number in range(5_000, 5_000 + MOST_IN_ONE_COMMIT)]
        tasks += [asyncio.create_task(send("single", each)) for each in singles]
        tasks.append(asyncio.create_task(send("revocation", [scribe.private(9_000)])))
        await asyncio.sleep(0)
        ledger.open.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert order[0] == "revocation"
    assert order[-1] == "batch"
    assert set(order) == {"revocation", "single", "batch"}


def test_of_what_is_committed_together_the_earlier_time_stands_first(
    committer: Committer, ledger: Gate, scribe: Scribe
) -> None:
    """A revocation that passes must not make everything that was decided before it be decided again."""

    async def main() -> list[Outcomes]:
        jobs = [[scribe.proposal(1, at=later(2))], [scribe.proposal(2, at=later(1)), scribe.proposal(3, at=later(3))]]
        return await asyncio.gather(*(committer.append(each) for each in jobs))

    assert [positions(each) for each in asyncio.run(main())] == [[2], [1, 3]]


def test_full_queue_refuses_at_once_and_records_nothing_of_it(
    committer: Committer, ledger: Gate, scribe: Scribe
) -> None:
    same = scribe.proposal(1, 9)  # a conflict, so that it may be sent often

    async def main() -> tuple[list[Outcomes | BaseException], Outcomes]:
        ledger.open.clear()
        jobs = [asyncio.create_task(committer.append([same]))]
        await entered(ledger)
        jobs += [asyncio.create_task(committer.append([same] * 100)) for _ in range(MOST_WAITING // 100)]
        await asyncio.sleep(0)
        with pytest.raises(LedgerBusy):
            await committer.append([scribe.proposal(7)])
        revoked = asyncio.create_task(committer.append([scribe.private(8)]))
        batch = asyncio.create_task(committer.append([scribe.proposal(9)], patient=True))
        await asyncio.sleep(0)
        ledger.open.set()
        return await asyncio.gather(*jobs, return_exceptions=True), [*await revoked, *await batch]

    waited, others = asyncio.run(main())
    assert all(isinstance(each, list) for each in waited)
    assert sorted(each or 0 for each in positions(others)) == [1, 2]
    with ledger.snapshot() as snapshot:
        assert snapshot.head().size == 2


def test_closing_appends_every_lane(ledger: Gate, vault: NoVault, scribe: Scribe) -> None:
    committer = Committer(ledger, vault)

    async def main() -> list[Outcomes]:
        ledger.open.clear()
        first = asyncio.create_task(committer.append([scribe.proposal(0)]))
        await entered(ledger)
        queued = [
            asyncio.create_task(committer.append([scribe.proposal(1)], patient=True)),
            asyncio.create_task(committer.append([scribe.proposal(2)])),
            asyncio.create_task(committer.append([scribe.private(3)])),
        ]
        await asyncio.sleep(0)
        closer = Thread(target=committer.close)
        closer.start()
        ledger.open.set()
        outcomes = await asyncio.gather(first, *queued)
        await asyncio.to_thread(closer.join)
        return outcomes

    assert all(isinstance(each, Appended) for outcomes in asyncio.run(main()) for each in outcomes)


def test_cancelled_caller_stops_nobody_else(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    async def main() -> Outcomes:
        ledger.open.clear()
        running = asyncio.create_task(committer.append([scribe.proposal(1)]))
        await entered(ledger)
        waiting = asyncio.create_task(committer.append([scribe.proposal(2)]))
        other = asyncio.create_task(committer.append([scribe.proposal(3)]))
        await asyncio.sleep(0)
        running.cancel()
        waiting.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        ledger.open.set()
        return [*await other, *await committer.append([scribe.proposal(4)])]

    # The first was in the middle of its commit and is recorded; the second had not begun and is not.
    assert positions(asyncio.run(main())) == [2, 3]


def test_caller_whose_event_loop_is_gone_stops_nobody_else(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    async def leave() -> asyncio.Task[Outcomes]:
        ledger.open.clear()
        task = asyncio.create_task(committer.append([scribe.proposal(1)]))
        await entered(ledger)
        return task

    assert asyncio.run(leave()).cancelled()
    ledger.open.set()
    assert positions(asyncio.run(committer.append([scribe.proposal(2)]))) == [2]


def test_vault_is_flushed_before_every_append(
    committer: Committer, vault: NoVault, ledger: Gate, scribe: Scribe
) -> None:
    asyncio.run(committer.append([scribe.proposal(1)]))
    assert (vault.flushed, ledger.batches) == (1, [1])


def test_vault_that_fails_keeps_everything_out_of_the_log(
    committer: Committer, vault: NoVault, ledger: Gate, scribe: Scribe
) -> None:
    vault.failures.append(sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(OutcomeUnknown, match="disk I/O error"):
        asyncio.run(committer.append([scribe.proposal(1)]))
    assert ledger.batches == []
    assert positions(asyncio.run(committer.append([scribe.proposal(1)]))) == [1]


def test_vault_that_is_away_is_told_as_such_and_nothing_is_appended(
    committer: Committer, vault: NoVault, ledger: Gate, scribe: Scribe
) -> None:
    vault.failures.append(StoreUnavailable("the vault cannot be written"))
    with pytest.raises(StoreUnavailable, match="vault"):
        asyncio.run(committer.append([scribe.proposal(1)]))
    assert ledger.batches == []


def test_part_sealed_under_a_lost_key_keeps_its_proposal_out_and_no_other(
    committer: Committer, vault: NoVault, ledger: Gate, scribe: Scribe
) -> None:
    ours = scribe.private(3)
    first_part, last_part = ours.parts
    ours = replace(ours, parts=(first_part, replace(last_part, key_id=b"lost" * 4)))
    vault.lost = frozenset({b"lost" * 4})
    first = asyncio.run(committer.append([scribe.private(1), ours, scribe.proposal(2)]))
    assert [type(each) for each in first] == [Appended, StaleDecision, Appended]
    assert positions(first) == [1, None, 2]
    assert "another process registered the learner first" in str(first[1])
    # What was decided before the flush and is sent after it: no flush says it again.
    again = asyncio.run(committer.append([ours]))
    assert [type(each) for each in again] == [StaleDecision]
    assert ledger.batches == [2]
    with ledger.snapshot() as snapshot:
        assert snapshot.end(ours.answer[0]) is None


def test_error_of_any_kind_reaches_every_caller_of_that_commit_and_no_later_one(
    committer: Committer, vault: NoVault, ledger: Gate, scribe: Scribe
) -> None:
    async def main() -> list[Outcomes | BaseException]:
        ledger.open.clear()
        jobs = [asyncio.create_task(committer.append([scribe.proposal(0)]))]
        await entered(ledger)
        vault.failures.append(ZeroDivisionError("a bug"))
        jobs += [asyncio.create_task(committer.append([scribe.proposal(number)])) for number in (1, 2)]
        await asyncio.sleep(0)
        ledger.open.set()
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, *failed = asyncio.run(main())
    assert isinstance(first, list)
    assert [type(each) for each in failed] == [OutcomeUnknown, OutcomeUnknown]
    assert positions(asyncio.run(committer.append([scribe.proposal(1)]))) == [2]


def test_ledger_that_halted_halts_the_committer(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    asyncio.run(committer.append([scribe.proposal(1)]))
    ledger.fence.check(99, 0)  # as if 98 more had been committed here, and lost
    for number in (2, 3):
        with pytest.raises(LedgerHalted, match="tail was lost"):
            asyncio.run(committer.append([scribe.proposal(number)]))
    assert ledger.batches == [1, 1]  # the second was not even tried


def test_who_listens_is_told_after_each_commit(ledger: Gate, vault: NoVault, scribe: Scribe) -> None:
    told: list[int] = []

    def committed() -> None:
        with ledger.snapshot() as snapshot:
            told.append(snapshot.head().size)

    committer = Committer(ledger, vault, committed=committed)
    for number in (1, 2):
        asyncio.run(committer.append([scribe.proposal(number)]))
    committer.close()
    assert told == [1, 2]


def test_listener_that_fails_stops_nothing(
    ledger: Gate, vault: NoVault, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    def committed() -> None:
        raise RuntimeError("Event loop is closed")

    committer = Committer(ledger, vault, committed=committed)
    for number in (1, 2):
        assert positions(asyncio.run(committer.append([scribe.proposal(number)]))) == [number]
    committer.close()
    assert [record.message for record in caplog.records] == ["committed_callback_failed"] * 2


def test_closing_appends_what_is_queued_and_nothing_after(committer: Committer, ledger: Gate, scribe: Scribe) -> None:
    async def main() -> Outcomes:
        ledger.open.clear()
        first = asyncio.create_task(committer.append([scribe.proposal(1)]))
        await entered(ledger)
        queued = asyncio.create_task(committer.append([scribe.proposal(2)]))
        await asyncio.sleep(0)
        closing_thread = Thread(target=committer.close)
        closing_thread.start()
        ledger.open.set()
        outcomes = [*await first, *await queued]
        await asyncio.to_thread(closing_thread.join)
        with pytest.raises(LedgerHalted, match="shutting down"):
            await committer.append([scribe.proposal(3)])
        return outcomes

    assert positions(asyncio.run(main())) == [1, 2]
    committer.close()  # again: nothing happens


def test_nobody_waits_for_ever_whose_command_meets_the_closing(ledger: Gate, vault: NoVault, scribe: Scribe) -> None:
    for start in range(0, 200, 10):
        committer = Committer(ledger, vault)

        async def main(committer: Committer = committer, start: int = start) -> list[Outcomes | BaseException]:
            closer = Thread(target=committer.close)
            jobs = [asyncio.create_task(committer.append([scribe.proposal(start + each)])) for each in range(5)]
            closer.start()
            jobs += [asyncio.create_task(committer.append([scribe.proposal(start + each)])) for each in range(5, 10)]
            async with asyncio.timeout(60):
                return await asyncio.gather(*jobs, return_exceptions=True)

        answers = asyncio.run(main())
        assert all(isinstance(each, list | LedgerHalted) for each in answers)
