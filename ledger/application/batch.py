"""Issues the rows of a CSV file: every row is checked before the first is issued, and no row is ever issued twice.

A row's idempotency key is issuer, achievement, student number and date awarded; its request is the row's cells. So the
same file completes what was interrupted, and a row that changed under the same key is reported instead of issued again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ledger.application.batch_check import FileCheck, ReadyRow, RowAward, RowProblem
from ledger.application.csv_rows import read_rows
from ledger.application.desk import Desk
from ledger.application.draft import Codes, Reading
from ledger.application.issuing import Issuing, Offer
from ledger.application.ports import Appended, Caller, ConflictError, Proposal, StaleDecision, VersionConflict
from ledger.domain.reading import Refused
from ledger.domain.types import StreamId

CHUNK = 200  # rows in one commit
_ROUNDS = 40  # how often a row that lost against something is decided again; in half a status list half the rows lose

R = TypeVar("R")
Progress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of a file."""

    rows: int
    ready: int  # rows that could be issued
    errors: tuple[RowProblem, ...]
    warnings: tuple[RowProblem, ...]
    awards: tuple[RowAward, ...]  # issued now and before, by row; of a dry run those issued before
    dry_run: bool

    @property
    def issued(self) -> int:
        """Rows that this run issued."""
        return sum(1 for award in self.awards if not award.appended.replayed)

    @property
    def already_issued(self) -> int:
        """Rows that an earlier run issued."""
        return len(self.awards) - self.issued


class BatchRefused(Refused):
    """Rows are bad, and nothing was issued; carries the whole report."""

    def __init__(self, report: BatchReport) -> None:
        super().__init__(tuple(each.problem for each in report.errors))
        self.report = report

    def __str__(self) -> str:
        bad = len({each.row for each in self.report.errors})
        return f"{bad} of {self.report.rows} rows cannot be issued, so nothing was: correct them, or skip bad rows"


class Batch:
    """The command that issues a file."""

    def __init__(self, desk: Desk, issuing: Issuing) -> None:
        self._desk = desk
        self._issuing = issuing

    async def issue(
        self,
        caller: Caller,
        issuer: StreamId,
        raw: bytes,
        *,
        dry_run: bool = False,
        skip_bad: bool = False,
        progress: Progress | None = None,
    ) -> BatchReport:
        """Issue every row of a CSV file that was not issued before.

        Args:
            progress: awaited with (rows done, rows to do) before the first and after each commit.

        Raises:
            UnreadableFile: the file as a whole.
            BatchRefused: a row is bad and `skip_bad` was not given; nothing was issued.
            OutcomeUnknown, LedgerHalted: some rows may be issued; issuing the file again completes the rest.
        """
        rows = read_rows(raw)
        check = FileCheck(self._desk, self._issuing, issuer)
        for chunk in _chunks(rows):
            check.rows(chunk)
            await asyncio.sleep(0)  # a large file must not keep everybody else waiting
        report = _report(len(rows), check, check.before, dry_run=dry_run)
        if dry_run:
            return report
        if report.errors and not skip_bad:
            raise BatchRefused(report)
        issued = await self._issue_all(caller, issuer, check.ready, progress)
        return _report(len(rows), check, [*check.before, *issued], dry_run=False)

    async def _issue_all(
        self, caller: Caller, issuer: StreamId, ready: Sequence[ReadyRow], progress: Progress | None
    ) -> list[RowAward]:
        waiting = _shuffled(ready, self._desk.entropy.below)  # neighbours in the file are not neighbours in the log
        done: list[RowAward] = []
        for _ in range(_ROUNDS):
            lost: list[ReadyRow] = []
            for chunk in _chunks(waiting):
                if progress is not None:
                    await progress(len(done), len(ready))
                for row, outcome, codes in await self._append(caller, issuer, chunk):
                    if isinstance(outcome, Appended):
                        made = None if outcome.replayed else codes
                        done.append(RowAward(row=row.row.number, appended=outcome, codes=made))
                    elif isinstance(outcome, StaleDecision):
                        lost.append(row)
                    else:
                        raise outcome
            if not lost:
                if progress is not None:
                    await progress(len(done), len(ready))
                return done
            waiting = lost
        raise VersionConflict("rows kept losing against other changes; issue the file again to complete it")

    async def _append(
        self, caller: Caller, issuer: StreamId, chunk: Sequence[ReadyRow]
    ) -> list[tuple[ReadyRow, Appended | ConflictError, Codes]]:
        with self._desk.store.snapshot() as snapshot:
            proposals, codes = self._decide(caller, issuer, chunk, self._desk.reading(snapshot))
        outcomes = await self._desk.appender.append(proposals, patient=True)
        return list(zip(chunk, outcomes, codes, strict=True))

    def _decide(
        self, caller: Caller, issuer: StreamId, chunk: Sequence[ReadyRow], reading: Reading
    ) -> tuple[list[Proposal], list[Codes]]:
        """One proposal for each row, all made on the same reading, and the codes of their awards."""
        offers: dict[str, Offer] = {}
        proposals, codes = [], []
        # All keys in one look-up; each row then finds its own in memory.
        self._desk.vault.learners(issuer, [row.request.student_number for row in chunk])
        for row in chunk:
            draft = self._desk.draft(reading)
            offer = offers.get(row.achievement)
            if offer is None:
                offer = offers[row.achievement] = self._issuing.offer(draft, issuer, row.achievement)
            draft.achievement(offer.achievement.stream)
            answer = self._issuing.draft_award(draft, draft.issuer(issuer), offer, row.request, caller)
            proposals.append(draft.proposal(answer, row.idempotency))
            codes.append(draft.codes[answer[0]])
        return proposals, codes


def _report(rows: int, check: FileCheck, awards: Sequence[RowAward], *, dry_run: bool) -> BatchReport:
    return BatchReport(
        rows=rows,
        ready=len(check.ready),
        errors=tuple(check.errors),
        warnings=tuple(check.warnings),
        awards=tuple(sorted(awards, key=lambda award: award.row)),
        dry_run=dry_run,
    )


def _chunks(rows: Sequence[R]) -> Iterator[Sequence[R]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _shuffled(rows: Sequence[ReadyRow], below: Callable[[int], int]) -> list[ReadyRow]:
    """Fisher-Yates."""
    mixed = list(rows)
    for last in range(len(mixed) - 1, 0, -1):
        other = below(last + 1)
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed
