"""The one committer thread: it appends whatever queued while it was busy, and wakes each caller with its own outcome.

New data keys are made durable in the vault before anything sealed with them is appended. No caller hears of an outcome
before the commit is durable.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread

from ledger.adapters.sqlite_ledger import SqliteLedger
from ledger.application.ports import Appended, ConflictError, LedgerHalted, OutcomeUnknown, Proposal, Vault
from ledger.errors import LedgerError

MOST_IN_ONE_COMMIT = 2_000  # proposals

_logger = logging.getLogger(__name__)

_Outcomes = list[Appended | ConflictError]
_Job = tuple[Sequence[Proposal], "Future[_Outcomes]"]


class Committer:
    """Appends from any number of event loops through one thread."""

    def __init__(self, ledger: SqliteLedger, vault: Vault, *, committed: Callable[[], None] = lambda: None) -> None:
        """Start the thread.

        Args:
            committed: called on the thread after each commit; must return at once.
        """
        self._ledger = ledger
        self._vault = vault
        self._committed = committed
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._entrance = Lock()  # so that nothing is queued behind the end of the queue
        self._halted: LedgerHalted | None = None
        self._thread = Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    async def append(self, proposals: Sequence[Proposal]) -> _Outcomes:
        """One outcome per proposal, in their order; a conflict is an outcome, not an exception.

        Raises:
            OutcomeUnknown, LedgerHalted.
        """
        future: Future[_Outcomes] = Future()
        with self._entrance:
            if self._halted is not None:
                raise self._halted
            self._queue.put((proposals, future))
        return await asyncio.wrap_future(future)

    @property
    def halted(self) -> bool:
        """Whether it appends nothing any more."""
        return self._halted is not None

    def close(self) -> None:
        """Append what is queued, then stop. Later calls raise LedgerHalted."""
        with self._entrance:
            if self._halted is None:
                self._halted = LedgerHalted("the ledger is shutting down")
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            job = self._queue.get()
            jobs: list[_Job] = []
            count = 0
            while True:
                if job is None:
                    stopping = True
                    break
                if job[1].set_running_or_notify_cancel():  # from here on the caller cannot take it back
                    jobs.append(job)
                    count += len(job[0])
                if count >= MOST_IN_ONE_COMMIT or self._queue.empty():
                    break
                job = self._queue.get()
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            outcomes = self._append([proposal for proposals, _ in jobs for proposal in proposals])
        except Exception as error:  # noqa: BLE001 - whatever it was, every caller must hear of it
            for _, future in jobs:
                future.set_exception(error if isinstance(error, LedgerError) else _unknown(error))
            return
        start = 0
        for proposals, future in jobs:
            future.set_result(outcomes[start : start + len(proposals)])
            start += len(proposals)
        try:
            self._committed()
        except Exception:
            _logger.exception("committed_callback_failed")  # the commit stands, and the next one must have its thread

    def _append(self, proposals: list[Proposal]) -> _Outcomes:
        try:
            self._vault.flush()
            return self._ledger.append(proposals)
        except LedgerHalted as halted:
            self._halted = halted
            raise


def _unknown(error: Exception) -> OutcomeUnknown:
    unknown = OutcomeUnknown(f"the store failed while recording: {error}")
    unknown.__cause__ = error
    return unknown
