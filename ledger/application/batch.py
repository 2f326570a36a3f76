"""Issues the rows of a CSV file: every row is checked before the first is issued, and no row is ever issued twice.

A row's idempotency key is issuer, achievement, student number and date awarded; its request is the row's cells. So the
same file completes what was interrupted, and a row that changed under the same key is reported instead of issued again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger import canonical
from ledger.application.csv_rows import Row, read_rows
from ledger.application.desk import Desk, Draft, Reading
from ledger.application.issuing import Issuing, Offer, resolve_achievement, unknown_achievement
from ledger.application.ports import Appended, Caller, ConflictError, Idempotency, StaleDecision, VersionConflict
from ledger.domain import text
from ledger.domain.achievement import AchievementIsRetired
from ledger.domain.award_request import AwardRequest, read_request
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import StreamId

CHUNK = 200  # rows in one commit
_ROUNDS = 40  # how often a row that lost against something is decided again; in half a status list half the rows lose

Progress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """Something wrong, or odd, with one row."""

    row: int  # from 1, without the header
    line: int  # of the file
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAward:
    """The award of one row, issued now or by an earlier run."""

    row: int
    appended: Appended


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    row: Row
    request: AwardRequest
    achievement: str
    idempotency: Idempotency


class _Check:
    """The check of a whole file: what is ready, what was issued before, what is wrong, what is odd."""

    def __init__(self, desk: Desk, issuing: Issuing, issuer: StreamId) -> None:
        self._desk = desk
        self._issuing = issuing
        self._issuer = issuer
        self._draft = desk.draft()
        self._offers: dict[str, Offer | Problem] = {}
        self._streams: dict[str, StreamId | None] = {}
        self._keys: dict[bytes, int] = {}
        self._emails: dict[str, tuple[str, int]] = {}
        self.ready: list[_Ready] = []
        self.before: list[RowAward] = []
        self.errors: list[RowProblem] = []
        self.warnings: list[RowProblem] = []

    def row(self, row: Row) -> None:
        """Look at one row."""
        if row.fault is not None:
            self._wrong(row, Problem(column="", code="wrong_cells", reason=row.fault))
            return
        cells = {column: cell for column, value in row.cells.items() if (cell := text.clean(value))}
        self._odd(row, cells)
        idempotency = self._idempotency(cells)
        if self._issued_before(row, idempotency):
            return
        problems: list[Problem] = []
        name = cells.get("achievement", "")
        offer = self._offer(name)
        request = None
        if isinstance(offer, Problem):
            problems.append(offer)
        else:
            try:
                request = read_request(row.cells, offer.definition, self._draft.latest_day)
            except Refused as refused:
                problems.extend(refused.problems)
        for problem in problems:
            self._wrong(row, problem)
        if request is not None:
            self._accept(row, request, name, idempotency)

    def _accept(self, row: Row, request: AwardRequest, name: str, idempotency: Idempotency) -> None:
        if self._is_first(row, idempotency):
            self.ready.append(_Ready(row=row, request=request, achievement=name, idempotency=idempotency))

    def _issued_before(self, row: Row, idempotency: Idempotency) -> bool:
        with self._desk.store.snapshot() as snapshot:
            replay = snapshot.replay(idempotency.scope, idempotency.key)
        if replay is None:
            return False
        if replay.request != idempotency.request:
            reason = "is already issued with other details; use amend to change it"
            self._wrong(row, Problem(column="student_number", code="already_issued", reason=reason))
        elif self._is_first(row, idempotency):
            self.before.append(RowAward(row=row.number, appended=replay.appended))
        return True

    def _is_first(self, row: Row, idempotency: Idempotency) -> bool:
        """Whether no good row before it asks for the same award; else that is what is wrong with it."""
        first = self._keys.setdefault(idempotency.key, row.number)
        if first != row.number:
            reason = f"repeats row {first}: the same student number, achievement and date"
            self._wrong(row, Problem(column="student_number", code="repeated_row", reason=reason))
        return first == row.number

    def _idempotency(self, cells: dict[str, str]) -> Idempotency:
        name = cells.get("achievement", "")
        if name not in self._streams:
            with self._desk.store.snapshot() as snapshot:
                self._streams[name] = resolve_achievement(snapshot, self._issuer, name)
        parts: canonical.Json = [
            str(self._streams[name]),
            cells.get("student_number", ""),
            cells.get("awarded_on", ""),
        ]
        key = self._desk.macs.idempotency_key("row\n" + canonical.encode(parts).decode("utf-8"))
        fields: canonical.Json = dict(cells)
        request = self._desk.macs.request(canonical.encode(["credential.issue.row", fields]))
        return Idempotency(scope=self._issuer.hex, key=key, request=request)

    def _offer(self, name: str) -> Offer | Problem:
        if name not in self._offers:
            self._offers[name] = self._look_up(name)
        return self._offers[name]

    def _look_up(self, name: str) -> Offer | Problem:
        if not name:
            return unknown_achievement(name)
        try:
            return self._issuing.offer(self._draft, self._issuer, name)
        except Refused as refused:
            return refused.problems[0]
        except AchievementIsRetired as retired:
            return Problem(column="achievement", code="retired", reason=str(retired))

    def _odd(self, row: Row, cells: dict[str, str]) -> None:
        name = cells.get("full_name", "")
        if text.looks_like_formula(name):
            reason = "looks like a spreadsheet formula; check that it is a name"
            self._warn(row, Problem(column="full_name", code="formula", reason=reason))
        email, student = cells.get("email", "").lower(), cells.get("student_number", "")
        if email:
            other, first = self._emails.setdefault(email, (student, row.number))
            if other != student:
                reason = f"is also the address of another student number, in row {first}"
                self._warn(row, Problem(column="email", code="repeated_email", reason=reason))

    def _wrong(self, row: Row, problem: Problem) -> None:
        self.errors.append(RowProblem(row=row.number, line=row.line, problem=problem))

    def _warn(self, row: Row, problem: Problem) -> None:
        self.warnings.append(RowProblem(row=row.number, line=row.line, problem=problem))


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
        check = _Check(self._desk, self._issuing, issuer)
        for row in rows:
            check.row(row)
            if row.number % CHUNK == 0:
                await asyncio.sleep(0)  # a large file must not keep everybody else waiting
        report = BatchReport(
            rows=len(rows),
            ready=len(check.ready),
            errors=tuple(check.errors),
            warnings=tuple(check.warnings),
            awards=tuple(check.before),
            dry_run=dry_run,
        )
        if dry_run:
            return report
        if report.errors and not skip_bad:
            raise BatchRefused(report)
        issued = await self._issue_all(caller, issuer, check.ready, progress)
        awards = sorted([*check.before, *issued], key=lambda award: award.row)
        return BatchReport(
            rows=report.rows,
            ready=report.ready,
            errors=report.errors,
            warnings=report.warnings,
            awards=tuple(awards),
            dry_run=False,
        )

    async def _issue_all(
        self, caller: Caller, issuer: StreamId, ready: Sequence[_Ready], progress: Progress | None
    ) -> list[RowAward]:
        waiting = _shuffled(ready, self._desk.entropy.below)  # neighbours in the file are not neighbours in the log
        done: list[RowAward] = []
        for _ in range(_ROUNDS):
            lost: list[_Ready] = []
            for chunk in _chunks(waiting):
                if progress is not None:
                    await progress(len(done), len(ready))
                for row, outcome in zip(chunk, await self._append(caller, issuer, chunk), strict=True):
                    if isinstance(outcome, Appended):
                        done.append(RowAward(row=row.row.number, appended=outcome))
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
        self, caller: Caller, issuer: StreamId, chunk: Sequence[_Ready]
    ) -> list[Appended | ConflictError]:
        reading: Reading = self._desk.reading()
        offers: dict[str, Offer] = {}
        proposals = []
        for row in chunk:
            draft: Draft = self._desk.draft(reading)
            offer = offers.get(row.achievement)
            if offer is None:
                offer = offers[row.achievement] = self._issuing.offer(draft, issuer, row.achievement)
            draft.achievement(offer.achievement.stream)
            answer = self._issuing.draft_award(draft, draft.issuer(issuer), offer, row.request, caller)
            proposals.append(draft.proposal(answer, row.idempotency))
        return await self._desk.appender.append(proposals)


def _chunks(rows: Sequence[_Ready]) -> Iterator[Sequence[_Ready]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _shuffled(rows: Sequence[_Ready], below: Callable[[int], int]) -> list[_Ready]:
    """Fisher-Yates."""
    mixed = list(rows)
    for last in range(len(mixed) - 1, 0, -1):
        other = below(last + 1)
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed
