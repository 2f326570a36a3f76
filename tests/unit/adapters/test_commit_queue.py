"""The commit queue: who goes first, how much may wait, and that nobody is left standing."""

import asyncio
from collections.abc import Iterator

import pytest

from ledger.adapters.commit_queue import MOST_IN_ONE_COMMIT, MOST_WAITING, CommitQueue, Job, Lane, lane_of
from ledger.application.ports import LedgerBusy, Proposal
from tests.contracts.scribe import Scribe

SCRIBE = Scribe()
RAISING = SCRIBE.proposal(1)
LOWERING = SCRIBE.private(2)  # a suspension


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def queue() -> CommitQueue:
    return CommitQueue()


def job(loop: asyncio.AbstractEventLoop, lane: Lane, count: int = 1) -> Job:
    proposal = LOWERING if lane is Lane.LOWERING else RAISING
    return Job(proposals=[proposal] * count, lane=lane, loop=loop, future=loop.create_future())


def lanes(jobs: list[Job]) -> list[Lane]:
    return [each.lane for each in jobs]


def size(jobs: list[Job]) -> int:
    return sum(len(each.proposals) for each in jobs)


@pytest.mark.parametrize(
    ("proposals", "patient", "lane"),
    [
        ([RAISING], False, Lane.SINGLE),
        ([RAISING], True, Lane.PATIENT),
        ([LOWERING], False, Lane.LOWERING),
        ([RAISING, LOWERING], True, Lane.LOWERING),
        ([], False, Lane.SINGLE),
    ],
)
def test_what_lowers_a_standing_has_a_lane_of_its_own(proposals: list[Proposal], patient: bool, lane: Lane) -> None:
    assert lane_of(proposals, patient=patient) is lane


def test_revocation_passes_everything_that_waits(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    for _ in range(3):
        queue.put(job(loop, Lane.PATIENT, 200))
    for _ in range(MOST_IN_ONE_COMMIT):
        queue.put(job(loop, Lane.SINGLE))
    queue.put(job(loop, Lane.LOWERING))
    assert queue.take()[0].lane is Lane.LOWERING


@pytest.mark.parametrize("flood", list(Lane))
def test_every_lane_moves_whichever_is_flooded(
    loop: asyncio.AbstractEventLoop, queue: CommitQueue, flood: Lane
) -> None:
    for _ in range(MOST_WAITING):
        queue.put(job(loop, flood))
    for lane in Lane:
        if lane is not flood:
            queue.put(job(loop, lane))
    assert set(lanes(queue.take())) == set(Lane)


def test_commit_is_filled_with_what_there_is(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    for _ in range(2 * MOST_IN_ONE_COMMIT):
        queue.put(job(loop, Lane.SINGLE))
    assert size(queue.take()) == MOST_IN_ONE_COMMIT
    assert size(queue.take()) == MOST_IN_ONE_COMMIT
    assert not queue
    assert queue.take() == []


def test_commit_is_bounded_however_large_the_jobs_are(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    for lane in Lane:
        for _ in range(10):
            queue.put(job(loop, lane, 200))
    while queue:
        assert size(queue.take()) < MOST_IN_ONE_COMMIT + 3 * 200


def test_each_lane_keeps_its_order(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    sent = [job(loop, lane) for _ in range(300) for lane in Lane]
    for each in sent:
        queue.put(each)
    taken: list[Job] = []
    while queue:
        taken += queue.take()
    for lane in Lane:
        futures = [each.future for each in taken if each.lane is lane]
        assert futures == [each.future for each in sent if each.lane is lane]


def test_full_lane_refuses_and_the_others_do_not(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    for _ in range(MOST_WAITING):
        queue.put(job(loop, Lane.SINGLE))
    with pytest.raises(LedgerBusy, match="nothing was recorded"):
        queue.put(job(loop, Lane.SINGLE))
    queue.put(job(loop, Lane.LOWERING))
    queue.put(job(loop, Lane.PATIENT, 200))
    taken = queue.take()
    queue.put(job(loop, Lane.SINGLE))  # there is room again
    assert set(lanes(taken)) == set(Lane)


def test_bound_counts_proposals_and_not_jobs(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    queue.put(job(loop, Lane.LOWERING, MOST_WAITING - 1))
    with pytest.raises(LedgerBusy):
        queue.put(job(loop, Lane.LOWERING, 2))
    queue.put(job(loop, Lane.LOWERING, 1))


def test_patient_caller_is_never_refused(loop: asyncio.AbstractEventLoop, queue: CommitQueue) -> None:
    for _ in range(MOST_WAITING // 200 + 5):
        queue.put(job(loop, Lane.PATIENT, 200))
    assert size(queue.take()) == MOST_IN_ONE_COMMIT


def test_job_whose_caller_has_gone_is_dropped_and_gives_its_room_back(
    loop: asyncio.AbstractEventLoop, queue: CommitQueue
) -> None:
    gone, stays = job(loop, Lane.SINGLE, MOST_WAITING - 1), job(loop, Lane.SINGLE)
    queue.put(gone)
    queue.put(stays)
    gone.future.cancel()
    assert queue.take() == [stays]
    queue.put(job(loop, Lane.SINGLE, MOST_WAITING))
