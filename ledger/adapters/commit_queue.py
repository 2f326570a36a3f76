"""What waits to be committed, in three lanes, and what the next commit takes of them.

What lowers a standing waits before everything else; single commands come next; then the pieces of large batches. Each
lane that waits gets a share of every commit, so no lane can hold up another one for longer than a commit. The threads
and the callers are elsewhere, in `ledger.adapters.committer`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from ledger.application.ports import Appended, ConflictError, LedgerBusy, Proposal
from ledger.domain.events import LOWERING

# Proposals. A commit of so many takes less than 100 ms, the longest that a revocation then stands behind others.
MOST_IN_ONE_COMMIT = 400
# Proposals of each lane. Some seconds of work: who would wait longer is told so at once. They hold about 25 MB.
MOST_WAITING = 4_000
_SHARE = MOST_IN_ONE_COMMIT // 4  # of a lane, while others wait, too

Outcomes = list[Appended | ConflictError]


class Lane(IntEnum):
    """Who waits before whom."""

    LOWERING = 0  # revocations, suspensions, keys and recognitions that end
    SINGLE = 1
    PATIENT = 2  # pieces of batches, each of a caller that sends the next when it has heard of the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one caller sent, and where it waits for its outcomes."""

    proposals: Sequence[Proposal]
    lane: Lane
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcomes]" = field(repr=False)


def lane_of(proposals: Sequence[Proposal], *, patient: bool) -> Lane:
    """The lane of what one caller sends."""
    if any(isinstance(each.recorded.event, LOWERING) for proposal in proposals for each in proposal.events):
        return Lane.LOWERING
    return Lane.PATIENT if patient else Lane.SINGLE


class CommitQueue:
    """The lanes. Not for several threads at once: who shares it holds a lock."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane}
        self._waiting = dict.fromkeys(Lane, 0)  # proposals

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return any(self._lanes.values())

    def put(self, job: Job) -> None:
        """Let a job wait in its lane.

        Raises:
            LedgerBusy: the lane is full; a patient caller is never told so.
        """
        count = len(job.proposals)
        if job.lane is not Lane.PATIENT and self._waiting[job.lane] + count > MOST_WAITING:
            raise LedgerBusy("too much waits to be recorded at this moment; nothing was recorded, send it again")
        self._lanes[job.lane].append(job)
        self._waiting[job.lane] += count

    def take(self) -> list[Job]:
        """The jobs of the next commit: a share of each lane first, then what there is room for, in order of lanes.

        A job is taken whole, so that a commit exceeds MOST_IN_ONE_COMMIT by less than the last job of each lane.
        """
        taken: dict[Lane, list[Job]] = {lane: self._pop(lane, _SHARE) for lane in Lane}
        room = MOST_IN_ONE_COMMIT - sum(len(job.proposals) for jobs in taken.values() for job in jobs)
        for lane in Lane:
            more = self._pop(lane, room)
            taken[lane] += more
            room -= sum(len(job.proposals) for job in more)
        return [job for jobs in taken.values() for job in jobs]

    def _pop(self, lane: Lane, room: int) -> list[Job]:
        """Jobs from the front of a lane until they fill `room`; those whose caller has gone are dropped."""
        jobs, waiting = [], self._lanes[lane]
        while waiting and room > 0:
            job = waiting.popleft()
            self._waiting[lane] -= len(job.proposals)
            if not job.future.cancelled():  # from here on the caller cannot take it back
                jobs.append(job)
                room -= len(job.proposals)
        return jobs
