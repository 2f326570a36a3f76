"""Reads the entries between two sizes of a log, ties each bundle to the signed root, and hands it to the judge."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeAlias

from ledger.audit.public.bundles import BundleTask, BundleWorkers
from ledger.audit.public.history import NOT_SHOWN, subtrees
from ledger.audit.public.judge import Judge
from ledger.audit.public.log import LogNotReached, LogNotReadable, PublishedLog, read_bundle
from ledger.audit.public.state import AuditState
from ledger.audit.report import Check, Findings, Step
from ledger.domain.types import Origin
from ledger.errors import LedgerError
from ledger.tlog.tile_reader import TileForged, TileReader
from ledger.tlog.tiles import FULL_WIDTH, Bundle, bundles_between

Hiring: TypeAlias = Callable[[int], AbstractContextManager[BundleWorkers]]  # who reads so many entries

_SAVED = 64  # bundles after which everything is kept


class Reading:
    """The way from where an audit ended before to the size of a signed tree."""

    def __init__(self, log: PublishedLog, state: AuditState, judge: Judge, reader: TileReader, origin: Origin) -> None:
        """
        Args:
            reader: of the signed tree, which goes on from what was read before.
        """
        self._log = log
        self._state = state
        self._judge = judge
        self._reader = reader
        self._origin = origin
        self._waiting: deque[tuple[Bundle, tuple[bytes, ...]]] = deque()
        self._failure: LedgerError | None = None

    def run(self, hiring: Hiring, now: Findings, *, saving: bool) -> bool:
        """Read on to the end; whether all of it was there.

        Args:
            now: takes what is wrong with what is shown, which may be another thing tomorrow.
            saving: whether to keep what was judged on the way; else it is put, and the caller says what becomes of it.

        Raises:
            LogNotReached, LogNotReadable: what was judged until then is kept, if `saving`.
            CannotBeAudited, StateNotUsable.
        """
        begin = self._judge.size
        if begin == self._reader.size:
            return True
        try:
            with hiring(self._reader.size - begin) as workers:
                self._read(workers, begin, saving=saving)
        except NOT_SHOWN as error:
            place = self._judge.size + 1
            now.report(Check.TILE, place, f"the log does not show what it signed: {error}", step=Step.PLACE)
            self._keep(saving=saving)
            return False
        except (LogNotReached, LogNotReadable):
            self._keep(saving=saving)
            raise
        # After any other error nothing is kept: it may have come in the middle of a bundle.
        self._keep(saving=saving)
        return True

    def _keep(self, *, saving: bool) -> None:
        self._judge.keep()
        if saving:
            self._state.save()

    def _read(self, workers: BundleWorkers, begin: int, *, saving: bool) -> None:
        for count, read in enumerate(workers.run(self._tasks(begin)), start=1):
            bundle, entries = self._waiting.popleft()
            start = bundle.number * FULL_WIDTH
            if read.subtrees != self._reader.nodes(subtrees(start, start + bundle.width)):
                raise TileForged(f"{bundle.path} does not hold the entries of the tree of {self._reader.size}")
            self._judge.take(read, entries)
            if saving and count % _SAVED == 0:
                self._keep(saving=True)
        if self._failure is not None:
            raise self._failure

    def _tasks(self, begin: int) -> Iterator[BundleTask]:
        end = self._reader.size
        found = self._log.fetch_all(bundle.path for bundle in bundles_between(begin, end))
        for bundle in bundles_between(begin, end):
            try:
                entries = read_bundle(self._log, bundle, next(found))
            except LedgerError as error:
                self._failure = error  # raised when the bundles before it were judged
                return
            self._waiting.append((bundle, entries))
            start = bundle.number * FULL_WIDTH
            known = max(begin - start, 0)
            yield BundleTask(origin=self._origin, first=start, known=known, entries=entries)
