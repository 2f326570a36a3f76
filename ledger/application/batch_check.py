"""Checks a CSV file of awards before any row is issued: what is ready, issued before, wrong, or odd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger import canonical
from ledger.application.awards import Receipt, fresh_receipt
from ledger.application.csv_rows import Row
from ledger.application.desk import Desk
from ledger.application.draft import Codes
from ledger.application.issuing import Issuing, Offer, resolve_achievement, unknown_achievement
from ledger.application.ports import Appended, Idempotency, Replay
from ledger.domain import text
from ledger.domain.achievement import AchievementIsRetired, WordingIsDisowned
from ledger.domain.award_request import AwardRequest, read_request, row_faults
from ledger.domain.credential import Credential, CredentialNotIssued, fold
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
    codes: Codes | None = None  # of an award that this run made; None where an earlier run did

    @property
    def receipt(self) -> Receipt | None:
        """The receipt of an award that this run made; that of an earlier one is read back."""
        return None if self.codes is None else fresh_receipt(self.appended, self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRow:
    """A row that can be issued."""

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

    def rows(self, rows: Sequence[Row]) -> None:
        """Look at some rows, the next ones of the file."""
        read = [(row, *self._read(row)) for row in rows if row.fault is None]
        with self._desk.store.snapshot() as snapshot:
            replays = snapshot.replays([idempotency for _, _, idempotency in read])
        readings = {row.number: (cells, idempotency) for row, cells, idempotency in read}
        for row in rows:
            if row.fault is not None:
                self._wrong(row, Problem(column="", code="wrong_cells", reason=row.fault))
                continue
            cells, idempotency = readings[row.number]
            self._odd(row, cells)
            replay = replays.get((idempotency.scope, idempotency.key))
            idempotency, earlier = self._earlier(cells, idempotency, replay)
            if earlier is None:
                self._new(row, cells, idempotency)
            else:
                self._issued_before(row, idempotency, *earlier)

    def _read(self, row: Row) -> tuple[dict[str, str], Idempotency]:
        cells = {column: cell for column, value in row.cells.items() if (cell := text.clean(value))}
        return cells, self._idempotency(cells)

    def _new(self, row: Row, cells: dict[str, str], idempotency: Idempotency) -> None:
        name = cells.get("achievement", "")
        offer, latest = self._offer(name), self._draft.latest_day
        if isinstance(offer, Problem):
            for problem in (offer, *row_faults(row.cells, latest)):
                self._wrong(row, problem)
            return
        try:
            request = read_request(cells, offer.definition, latest)
        except Refused as refused:
            for problem in refused.problems:
                self._wrong(row, problem)
            return
        self._accept(row, request, name, idempotency)

    def _accept(self, row: Row, request: AwardRequest, name: str, idempotency: Idempotency) -> None:
        if self._is_first(row, idempotency):
            self.ready.append(ReadyRow(row=row, request=request, achievement=name, idempotency=idempotency))

    def _earlier(
        self, cells: Mapping[str, str], idempotency: Idempotency, replay: Replay | None
    ) -> tuple[Idempotency, tuple[Replay, Credential] | None]:
        """The key of the row, and the award that was issued by it; one signed with a stolen key does not count."""
        while replay is not None:
            credential = self._credential(replay)
            if not credential.disowned:
                return idempotency, (replay, credential)
            idempotency = self._idempotency(cells, instead_of=replay.appended.stream)
            with self._desk.store.snapshot() as snapshot:
                replay = snapshot.replay(idempotency.scope, idempotency.key)
        return idempotency, None

    def _credential(self, replay: Replay) -> Credential:
        folded = self._desk.store.load(replay.appended.stream)
        found = None if folded is None else fold(folded.recorded, self._draft.issuer(self._issuer).disowns)
        if found is None:
            raise CredentialNotIssued("a row of this file is on record as issued, and its award is not")
        return found

    def _issued_before(self, row: Row, idempotency: Idempotency, replay: Replay, credential: Credential) -> None:
        revoked = credential.revoked is not None
        if replay.request != idempotency.request:
            reason = "is already issued with other details; use amend to change it"
            if revoked:
                reason = "was issued with other details and revoked since; issue the new award by itself, not by a file"
            self._wrong(row, Problem(column="student_number", code="already_issued", reason=reason))
        elif self._is_first(row, idempotency):
            self.before.append(RowAward(row=row.number, appended=replay.appended))
            if revoked:
                reason = "is already issued, and revoked since; to award it again, issue it by itself, not by a file"
                self._warn(row, Problem(column="student_number", code="revoked", reason=reason))

    def _is_first(self, row: Row, idempotency: Idempotency) -> bool:
        """Whether no good row before it asks for the same award; else that is what is wrong with it."""
        first = self._keys.setdefault(idempotency.key, row.number)
        if first != row.number:
            reason = f"repeats row {first}: the same student number, achievement and date"
            self._wrong(row, Problem(column="student_number", code="repeated_row", reason=reason))
        return first == row.number

    def _idempotency(self, cells: Mapping[str, str], *, instead_of: StreamId | None = None) -> Idempotency:
        name = cells.get("achievement", "")
        if name not in self._streams:
            with self._desk.store.snapshot() as snapshot:
                self._streams[name] = resolve_achievement(snapshot, self._issuer, name)
        parts: canonical.Json = [
            str(self._streams[name]),
            cells.get("student_number", ""),
            cells.get("awarded_on", ""),
            *([] if instead_of is None else [str(instead_of)]),
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
