"""Checks a CSV file of awards before any row is issued: what is ready, issued before, wrong, or odd."""

from dataclasses import dataclass

from ledger import canonical
from ledger.application.csv_rows import Row
from ledger.application.desk import Desk
from ledger.application.issuing import Issuing, Offer, resolve_achievement, unknown_achievement
from ledger.application.ports import Appended, Idempotency
from ledger.domain import text
from ledger.domain.achievement import AchievementIsRetired, WordingIsDisowned
from ledger.domain.award_request import AwardRequest, read_request
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import StreamId


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
class ReadyRow:
    row: Row
    request: AwardRequest
    achievement: str
    idempotency: Idempotency


class FileCheck:
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
        self.ready: list[ReadyRow] = []
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
            self.ready.append(ReadyRow(row=row, request=request, achievement=name, idempotency=idempotency))

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
        except WordingIsDisowned as disowned:
            return Problem(column="achievement", code="disowned", reason=str(disowned))

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
