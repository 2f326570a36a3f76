"""Reads JSON objects of a closed shape and says everything that is wrong with them at once.

What people hand in (definitions, profiles) gets the whole list of problems; what was recorded is refused at the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from ledger.domain import text
from ledger.domain.values import BadValue, parse_date
from ledger.errors import LedgerError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input: where, a code for programs, a sentence for people."""

    column: str  # the field or column, dotted for nested ones: assessments.0.type
    code: str
    reason: str


class Refused(LedgerError):
    """An input was refused for the problems it lists; nothing changed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.column}: {problem.reason}" for problem in problems))
        self.problems = problems


class Reader:
    """One JSON object, read field by field; every field not asked for is a problem."""

    def __init__(self, value: object, problems: list[Problem], where: str = "") -> None:
        self._problems = problems
        self._where = where
        self._asked: set[str] = set()
        if isinstance(value, Mapping):
            self._value: Mapping[object, object] = value
        else:
            self._value = {}
            self.report("", "wrong_type", "must be an object with named fields")

    def report(self, name: str, code: str, reason: str) -> None:
        """Add a problem with the field `name`."""
        column = ".".join(part for part in (self._where, name) if part)
        self._problems.append(Problem(column=column, code=code, reason=reason))

    def done(self) -> None:
        """Report every field that nobody asked for."""
        for name in self._value:
            if name not in self._asked:
                self.report(str(name)[:80], "unknown_field", "is not a field of this object")

    def _get(self, name: str, *, optional: bool) -> object:
        self._asked.add(name)
        value = self._value.get(name)
        if value is None and not optional:
            self.report(name, "missing", "is needed")
        return value

    def optional_text(self, name: str, longest: int = 200, *, multiline: bool = False) -> str | None:
        """The clean text of `name`; None where it is absent, empty or bad."""
        return self._text(self._get(name, optional=True), name, longest, multiline=multiline) or None

    def text(self, name: str, longest: int = 200, *, multiline: bool = False) -> str:
        """The clean text of `name`, which must not be empty; the empty string after a problem."""
        value = self._get(name, optional=False)
        if value is None:
            return ""
        found = self._text(value, name, longest, multiline=multiline)
        if found == "":
            self.report(name, "missing", "must not be empty")
        return found or ""

    def _text(self, value: object, name: str, longest: int, *, multiline: bool) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self.report(name, "wrong_type", "must be text in quotation marks")
            return None
        cleaned = text.clean(value)
        wrong = text.fault(cleaned, longest, multiline=multiline)
        if wrong:
            self.report(name, *wrong)
            return None
        return cleaned

    def texts(self, name: str, longest: int = 500, most: int = 50, *, least: int = 1) -> tuple[str, ...]:
        """A list of texts, none empty."""
        found = []
        for index, value in enumerate(self._list(name, most, least)):
            each = self._text(value, f"{name}.{index}", longest, multiline=False)
            if each:
                found.append(each)
            elif each == "":
                self.report(f"{name}.{index}", "missing", "must not be empty")
        return tuple(found)

    def _list(self, name: str, most: int, least: int) -> list[object]:
        value = self._get(name, optional=least == 0)
        if value is None:
            return []
        if not isinstance(value, list):
            self.report(name, "wrong_type", "must be a list")
            return []
        if not least <= len(value) <= most:
            self.report(name, "wrong_count", f"must have {least} to {most} members, not {len(value)}")
            return []
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """An optional whole number within bounds."""
        value = self._get(name, optional=True)
        if value is None:
            return None
        if type(value) is not int:
            self.report(name, "wrong_type", "must be a whole number")
            return None
        if not low <= value <= high:
            self.report(name, "out_of_range", f"must lie between {low:,} and {high:,}")
            return None
        return value

    def flag(self, name: str) -> bool:
        """true or false; absent means false."""
        value = self._get(name, optional=True)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.report(name, "wrong_type", "must be true or false")
            return False
        return value

    def member(self, name: str, members: type[E]) -> E | None:
        """An optional member of a closed list."""
        value = self._get(name, optional=True)
        if value is None:
            return None
        try:
            return members(str(value))
        except ValueError:
            self.report(name, "not_allowed", f"must be one of: {', '.join(members)}")
            return None

    def members(self, name: str, members: type[E]) -> tuple[E, ...]:
        """A list of members of a closed list; absent means all of them."""
        values = self._list(name, len(members), 0)
        found = []
        for index, value in enumerate(values):
            try:
                found.append(members(str(value)))
            except ValueError:
                self.report(f"{name}.{index}", "not_allowed", f"must be one of: {', '.join(members)}")
        return tuple(dict.fromkeys(found)) if values else tuple(members)

    def parsed(self, name: str, parse: Callable[[str], T], *, optional: bool = True) -> T | None:
        """What `parse` makes of the text of `name`; its BadValue becomes a problem."""
        value = self._get(name, optional=optional)
        if value is None:
            return None
        if not isinstance(value, str):
            self.report(name, "wrong_type", "must be text in quotation marks")
            return None
        try:
            return parse(value)
        except BadValue as error:
            self.report(name, "malformed", str(error))
            return None

    def day(self, name: str) -> str | None:
        """An optional date, YYYY-MM-DD."""
        found = self.parsed(name, parse_date)
        return found.isoformat() if found else None

    def nested(self, name: str, build: Callable[["Reader"], T]) -> T | None:
        """An optional object, built by `build`, which must leave no field unread."""
        value = self._get(name, optional=True)
        return None if value is None else self._build(value, name, build)

    def objects(self, name: str, build: Callable[["Reader"], T], *, least: int = 0, most: int = 50) -> tuple[T, ...]:
        """A list of objects, each built by `build`."""
        values = self._list(name, most, least)
        return tuple(self._build(value, f"{name}.{index}", build) for index, value in enumerate(values))

    def _build(self, value: object, name: str, build: Callable[["Reader"], T]) -> T:
        where = ".".join(part for part in (self._where, name) if part)
        reader = Reader(value, self._problems, where)
        built = build(reader)
        reader.done()
        return built


def read(value: object, build: Callable[[Reader], T]) -> T:
    """What `build` makes of a JSON object.

    Raises:
        Refused: with every problem found.
    """
    problems: list[Problem] = []
    reader = Reader(value, problems)
    built = build(reader)
    reader.done()
    if problems:
        raise Refused(tuple(problems))
    return built
