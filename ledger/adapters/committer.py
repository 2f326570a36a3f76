"""The one committer thread: it appends whatever queued while it was busy, and wakes each caller with its own outcome.

New data keys are made durable in the vault before anything sealed with them is appended; where another process was
faster to register a learner, what was sealed with the key of this one is not appended, and has to be decided again. No
caller hears of an outcome before the commit is durable. Who goes first, and how much may wait, is decided in
`ledger.adapters.commit_queue`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Lock, Thread

from ledger.adapters.background import RETRY
from ledger.adapters.commit_queue import MOST_IN_ONE_COMMIT, CommitQueue, Job, Outcomes, lane_of
from ledger.adapters.engine import LedgerStore
from ledger.application.ports import (
    LedgerHalted,
    OutcomeUnknown,
    Proposal,
    Snapshot,
    StaleDecision,
    StoreUnavailable,
    Vault,
)
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.sealing import Sealed

_PIECE = MOST_IN_ONE_COMMIT // 2  # of what one caller sends: it never fills a commit alone while others wait

Make = Callable[[Snapshot], Sealed | None]

_logger = logging.getLogger(__name__)


class Committer:
    """Appends from any number of event loops through one thread."""

    def __init__(self, ledger: LedgerStore, vault: Vault, *, committed: Callable[[], None] = lambda: None) -> None:
        """Start the thread.

        Args:
            committed: called after each commit, on the thread that made it; must return at once.
        """
        self._ledger = ledger
        self._vault = vault
        self._committed = committed
        self._queue = CommitQueue()
        self._changed = Condition()  # guards what follows, and that nothing is queued behind the end of the queue
        self._wanted = False  # whether a commit shall begin
        self._lost: set[bytes] = set()  # ids of data keys that another process was faster than; a race each, so few
        self._calling: set[asyncio.AbstractEventLoop] = set()  # loops that are about to say so
        self._halted: LedgerHalted | None = None
        self._failing = False
        self._closing = False
        self._ended = False  # the thread appends nothing any more
        self._one_last = Lock()  # so that at most one entry waits to be the last
        self._last: tuple[Make, Future[Position | None]] | None = None
        self._thread = Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    async def append(self, proposals: Sequence[Proposal], *, patient: bool = False) -> Outcomes:
        """One outcome per proposal, in their order; a conflict is an outcome, not an exception.

        Raises:
            LedgerBusy, OutcomeUnknown, LedgerHalted.
        """
        outcomes: Outcomes = []
        for start in range(0, len(proposals), _PIECE):
            outcomes += await self._send(proposals[start : start + _PIECE], patient=patient)
        return outcomes

    async def _send(self, proposals: Sequence[Proposal], *, patient: bool) -> Outcomes:
        loop = asyncio.get_running_loop()
        lane = lane_of(proposals, patient=patient)
        job = Job(proposals=proposals, lane=lane, loop=loop, future=loop.create_future())
        with self._changed:
            if self._halted is not None:
                raise self._halted
            self._queue.put(job)
            first = loop not in self._calling
            self._calling.add(loop)
        if first:
            # Whoever can run now, runs before this: what they send is committed together, not one after the other.
            loop.call_soon(self._begin, loop)
        return await job.future

    def append_last(self, make: Make) -> Position | None:
        """Append the one entry that `make` makes of the log's end, between two commits; None if it makes none.

        It waits for no more than one commit, and holds up none for longer than it takes itself; of several that call
        at once, one waits and the others stand behind it. After `close` it is done on the thread that calls, so that
        whoever closes can state what was recorded at last.

        Raises:
            LedgerError: as `LastAppender` says.
        """
        with self._one_last:
            done: Future[Position | None] = Future()
            with self._changed:
                if self._halted is not None and not self._closing:
                    raise self._halted
                ended = self._ended
                if not ended:
                    self._last = (make, done)
                    self._changed.notify()
            if ended:
                self._append_last(make, done)
            return done.result()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._changed:
            self._calling.discard(loop)
            self._wanted = True
            self._changed.notify()

    @property
    def halted(self) -> bool:
        """Whether it appends nothing any more."""
        return self._halted is not None

    @property
    def failing(self) -> bool:
        """Whether the store failed at the last commit. It is tried again and again, so it says when it is well."""
        return self._failing

    def close(self) -> None:
        """Append what is queued, then stop. Later calls raise LedgerHalted."""
        with self._changed:
            if self._halted is None:
                self._halted = LedgerHalted("the ledger is shutting down")
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, RETRY if self._failing else None)
                if self._closing and not self._queue and self._last is None:
                    self._ended = True
                    return
                jobs = self._queue.take()
                self._wanted = bool(self._queue)
                last, self._last = self._last, None
            if jobs:
                self._commit(jobs)
            if last is not None:  # after the commit, so that what lowers a standing passes it
                self._append_last(*last)
            if not jobs and self._failing:
                self._try_again()

    def _has_work(self) -> bool:
        return self._wanted or self._closing or self._last is not None

    def _try_again(self) -> None:
        """Find out whether the store takes a commit by now; nobody may send one while it is said to be failing."""
        try:
            self._flush()
            self._ledger.try_writing()
            self._failing = False
        except Exception:  # noqa: BLE001 - as at the last commit; it is tried again
            _logger.info("store_still_failing")

    def _commit(self, jobs: list[Job]) -> None:
        try:
            outcomes = self._append([proposal for job in jobs for proposal in job.proposals])
        except Exception as error:  # noqa: BLE001 - whatever it was, every caller must hear of it
            told_all = error if isinstance(error, LedgerError) else _unknown(error)
            self._failing = isinstance(told_all, (OutcomeUnknown, StoreUnavailable))
            _tell([(job, told_all) for job in jobs])
            return
        self._failing = False
        told: list[tuple[Job, Outcomes | LedgerError]] = []
        start = 0
        for job in jobs:
            end = start + len(job.proposals)
            told.append((job, outcomes[start:end]))
            start = end
        _tell(told)
        self._tell_of_commit()

    def _append_last(self, make: Make, done: "Future[Position | None]") -> None:
        try:
            position = self._ledger.append_last(make)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the caller must hear of it
            if isinstance(error, LedgerHalted):
                self._halted = error
            # A success does not say the opposite: it is not known whether the vault takes new keys.
            self._failing = self._failing or isinstance(error, (OutcomeUnknown, StoreUnavailable))
            done.set_exception(error)
            return
        done.set_result(position)
        if position is not None:
            self._tell_of_commit()

    def _tell_of_commit(self) -> None:
        try:
            self._committed()
        except Exception:
            _logger.exception("committed_callback_failed")  # the commit stands, and the next one must have its thread

    def _append(self, proposals: list[Proposal]) -> Outcomes:
        # In the order of their times: no time in the log is before an earlier one, and of what is committed together
        # nothing shall have to be decided again for that. The sort is stable, so equal times stay in order of lanes.
        order = sorted(range(len(proposals)), key=lambda index: proposals[index].events[0].recorded.at)
        try:
            self._flush()
            order = [index for index in order if not self._is_lost(proposals[index])]
            appended = self._ledger.append([proposals[index] for index in order]) if order else []
        except LedgerHalted as halted:
            self._halted = halted
            raise
        outcomes = dict(zip(order, appended, strict=True))
        return [outcomes[index] if index in outcomes else _registered_elsewhere() for index in range(len(proposals))]

    def _flush(self) -> None:
        """Make new data keys durable.

        Raises:
            StoreUnavailable: they are not, and nothing was appended.
        """
        try:
            self._lost |= self._vault.flush()
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}; nothing was recorded, send it again") from error

    def _is_lost(self, proposal: Proposal) -> bool:
        """Whether a part is sealed under a key that the vault does not hold: nobody could open it later."""
        return bool(self._lost) and any(part.key_id in self._lost for part in proposal.parts)


def _tell(told: Sequence[tuple[Job, Outcomes | LedgerError]]) -> None:
    """Wake the callers, those of one event loop all at once."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Job, Outcomes | LedgerError]]] = {}
    for job, outcome in told:
        loops.setdefault(job.loop, []).append((job, outcome))
    for loop, of_loop in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver, of_loop)
        except RuntimeError:  # the loop is closed, and nobody waits there any more
            _logger.info("callers_gone", extra={"jobs": len(of_loop)})


def _deliver(told: Sequence[tuple[Job, Outcomes | LedgerError]]) -> None:
    for job, outcome in told:
        if job.future.done():  # cancelled while it was committed
            continue
        if isinstance(outcome, LedgerError):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)


def _registered_elsewhere() -> StaleDecision:
    return StaleDecision("another process registered the learner first")


def _unknown(error: Exception) -> OutcomeUnknown:
    unknown = OutcomeUnknown(f"the store failed while recording: {error}")
    unknown.__cause__ = error
    return unknown
