"""Reads what a registrar asks for: one award, as the columns of a CSV row, and says everything that is wrong with it.

One reading serves the CSV file, the JSON of the API and `amend`: the same award is refused for the same reasons.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from ledger.domain import text
from ledger.domain.award import AchievementRef, Award, AwardInternal
from ledger.domain.definition import AchievementDefinition
from ledger.domain.reading import Problem, Refused
from ledger.domain.spelling import decimal_text, e_mail, language_tag, web_address
from ledger.domain.values import BadValue, Route, parse_date

T = TypeVar("T")

COLUMNS = (
    "student_number",
    "full_name",
    "achievement",
    "awarded_on",
    "email",
    "result",
    "score",
    "route",
    "assessor",
    "language",
    "evidence_url",
    "valid_from",
    "valid_until",
)
NEEDED = COLUMNS[:4]
FIXED = ("student_number", "achievement")  # these never change; an award to another learner is another award
NEVER_AWARDED_BEFORE = date(1900, 1, 1)
_LONGEST: Mapping[str, int] = {"student_number": 64, "full_name": 200, "result": 100, "assessor": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRequest:
    """One award as a registrar asks for it: a row of a CSV file, read and found clean."""

    student_number: str
    full_name: str
    awarded_on: date
    email: str | None
    result: str | None
    score: str | None
    route: Route | None
    assessor: str | None
    language: str | None
    evidence_url: str | None
    valid_from: date | None
    valid_until: date | None

    def award(self, achievement: AchievementRef, definition: AchievementDefinition) -> Award:
        """The facts this request asks to record."""
        return Award(
            achievement=achievement,
            name=self.full_name,
            language=self.language or definition.language,
            awarded_on=self.awarded_on,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            result=self.result,
            score=self.score,
            route=self.route,
            assessor=self.assessor,
            evidence=self.evidence_url,
        )


def read_request(row: Mapping[str, str], definition: AchievementDefinition, latest: date) -> AwardRequest:
    """The award that `row` asks for. Absent and empty columns mean the same.

    Args:
        row: column -> text; `achievement` has been resolved to `definition` already.
        latest: the last day that counts as "not in the future".

    Raises:
        Refused: with every problem of the row.
    """
    request, cells = _read(row)
    _check_grading(definition, request, cells)
    _check_dates(request, cells, latest)
    if cells.problems:
        raise Refused(tuple(cells.problems))
    return request


def student_number_of(row: Mapping[str, str]) -> str | None:
    """Whom a row awards, if that cell can be read."""
    return _Cells(row).get("student_number")


def row_faults(row: Mapping[str, str], latest: date) -> tuple[Problem, ...]:
    """What is wrong with a row whatever it awards; for one whose achievement is not known."""
    request, cells = _read(row)
    _check_dates(request, cells, latest)
    return tuple(each for each in cells.problems if each.column != "achievement")


def _read(row: Mapping[str, str]) -> "tuple[AwardRequest, _Cells]":
    cells = _Cells(row)
    for column in NEEDED:
        if cells.get(column) is None and not cells.faulty(column):
            cells.report(column, "missing", "is empty; it is needed")
    request = AwardRequest(
        student_number=cells.get("student_number") or "",
        full_name=cells.name("full_name"),
        awarded_on=cells.day("awarded_on") or NEVER_AWARDED_BEFORE,
        email=cells.parsed("email", e_mail),
        result=cells.get("result"),
        score=cells.parsed("score", decimal_text),
        route=cells.route("route"),
        assessor=cells.get("assessor"),
        language=cells.parsed("language", language_tag),
        evidence_url=cells.parsed("evidence_url", web_address),
        valid_from=cells.day("valid_from"),
        valid_until=cells.day("valid_until"),
    )
    return request, cells


def _check_grading(definition: AchievementDefinition, request: AwardRequest, cells: "_Cells") -> None:
    grading = definition.grading
    if request.result is not None and request.result not in grading.results:
        cells.report(
            "result", "not_allowed", f"“{request.result}” does not earn this award: {_or(grading.results)} does"
        )
    if request.score is not None:
        score, low, high = Decimal(request.score), Decimal(grading.score_from or 0), grading.score_to
        if score < low or (high is not None and score > Decimal(high)):
            cells.report("score", "out_of_range", f"{score} is outside the scale {low} to {high or 'any'}")
        elif grading.pass_mark is not None and score < Decimal(grading.pass_mark):
            cells.report("score", "below_pass_mark", f"{score} is below the pass mark {grading.pass_mark}")
    if request.route is not None and request.route not in definition.routes:
        cells.report("route", "not_allowed", f"this achievement is not awarded by the route “{request.route}”")


def _check_dates(request: AwardRequest, cells: "_Cells", latest: date) -> None:
    if request.awarded_on > latest:
        cells.report("awarded_on", "in_the_future", f"{request.awarded_on} is in the future")
    if request.awarded_on < NEVER_AWARDED_BEFORE:
        cells.report("awarded_on", "out_of_range", f"{request.awarded_on} is before {NEVER_AWARDED_BEFORE}")
    begins = request.valid_from or request.awarded_on
    if request.valid_from is not None and request.valid_from < request.awarded_on:
        cells.report("valid_from", "dates_reversed", "lies before the day of the award")
    if request.valid_until is not None and request.valid_until < begins:
        cells.report("valid_until", "dates_reversed", f"lies before the first day of validity, {begins}")


def _or(words: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


class _Cells:
    """The cells of one row, cleaned; collects what is wrong with them."""

    def __init__(self, row: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._clean: dict[str, str] = {}
        self._faulty: set[str] = set()
        for column in row:
            if column not in COLUMNS:
                self.report(column[:80], "unknown_column", f"is not a column; the columns are {', '.join(COLUMNS)}")
        for column in COLUMNS:
            given = row.get(column)
            if not given:
                continue
            cleaned = text.clean(given)
            wrong = text.fault(cleaned, _LONGEST.get(column, 500))
            if wrong:
                self.report(column, *wrong)
            elif cleaned:
                self._clean[column] = cleaned

    def report(self, column: str, code: str, reason: str) -> None:
        self.problems.append(Problem(column=column, code=code, reason=reason))
        self._faulty.add(column)

    def faulty(self, column: str) -> bool:
        return column in self._faulty

    def get(self, column: str) -> str | None:
        return self._clean.get(column)

    def name(self, column: str) -> str:
        """A person's name: `=HYPERLINK(…)` is odd but has letters, so it is for the registrar to judge."""
        found = self.get(column)
        if found is not None and not text.has_letter(found):
            self.report(column, "malformed", "has no letter in it")
        return found or ""

    def parsed(self, column: str, parse: Callable[[str], T]) -> T | None:
        found = self.get(column)
        if found is None:
            return None
        try:
            return parse(found)
        except BadValue as error:
            self.report(column, "malformed", str(error))
            return None

    def day(self, column: str) -> date | None:
        return self.parsed(column, parse_date)

    def route(self, column: str) -> Route | None:
        found = self.get(column)
        if found is None:
            return None
        if found not in tuple(Route):
            self.report(column, "not_allowed", f"“{found[:40]}” is not a route: write {_or(tuple(Route))}")
            return None
        return Route(found)


def request_row(award: Award, internal: AwardInternal) -> dict[str, str]:
    """The row that would ask for this award, for `amend` to change and read again."""
    values: dict[str, object] = {
        "student_number": internal.student_number,
        "full_name": award.name,
        "awarded_on": award.awarded_on,
        "email": internal.email,
        "result": award.result,
        "score": award.score,
        "route": award.route,
        "assessor": award.assessor,
        "language": award.language,
        "evidence_url": award.evidence,
        "valid_from": award.valid_from,
        "valid_until": award.valid_until,
    }
    return {column: str(value) for column, value in values.items() if value is not None}
