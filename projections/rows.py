"""What the views show together: one row per award, and how rows are searched, ordered and paged.

Rows say where an award stands in the issuer's own records. They decide nothing: whether an award is genuine and in
force is for the verification, which reads the log itself.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.domain.types import Did, LearnerId, Position, Seq, StreamId
from ledger.errors import LedgerError

_MARKS = "\u0300"  # no mark that is combined with a letter stands before it


class BadSearch(LedgerError):
    """The search names a status or a place in the list that does not exist."""


class Status(StrEnum):
    """Where an award stands; the last two follow from its dates and are never stored."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    DISOWNED = "disowned"  # made with a key in other hands
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    """One award as its issuer finds it in lists; the facts are those of the current version."""

    credential_id: StreamId
    issuer: Did
    achievement: StreamId
    achievement_version: int
    achievement_slug: str | None  # None where the wording was taken down
    achievement_name: str | None  # as above
    learner: LearnerId
    learner_name: str
    student_number: str
    email: str | None
    result: str | None
    score: str | None  # decimal string
    credit: str | None  # decimal string; of the achievement, as its minutes
    minutes: int | None
    components: int  # how many awards it was built from
    status: Status  # as recorded: never EXPIRED, never NOT_YET_VALID
    version: int  # the current one, from 1; the last that is not disowned
    awarded_on: date
    valid_from: date  # first day in force
    valid_until: date | None  # last day; None: without end
    revision: Seq  # of the stream's last event
    issued_at: datetime
    issued_position: Position  # lists are ordered by it, newest first
    position: Position  # of the last event that this row shows
    shown_position: Position  # of the event that brought the version shown
    parked: bool = False  # later events of the award could not be applied: ask the ledger itself

    @property
    def cursor(self) -> str:
        """Given as `after`, lists what follows this row."""
        return str(self.issued_position)

    def status_on(self, day: date) -> Status:
        """The status with the dates taken into account."""
        if self.status is not Status.IN_FORCE:
            return self.status
        if self.valid_until is not None and self.valid_until < day:
            return Status.EXPIRED
        return Status.NOT_YET_VALID if self.valid_from > day else Status.IN_FORCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to list. Every condition that is given must hold."""

    issuer: Did | None = None
    terms: tuple[str, ...] = ()  # each occurs in the row's search text
    achievement: str | None = None  # id or slug
    status: Status | None = None
    today: date

    @staticmethod
    def of(
        *, issuer: Did | None, query: str | None, achievement: str | None, status: str | None, today: date
    ) -> "Search":
        """A search as people write it.

        Raises:
            BadSearch: there is no such status.
        """
        try:
            wanted = None if status is None else Status(status)
        except ValueError as error:
            raise BadSearch(f"“{status}” is not a status; write one of {', '.join(Status)}") from error
        terms = tuple(folded(query or "").split())
        return Search(issuer=issuer, terms=terms, achievement=achievement, status=wanted, today=today)


def folded(text: str) -> str:
    """`text` as it is compared: without case, accents, other marks and width. May find too much, never too little."""
    if text.isascii():
        return text.lower()  # the same, and most text is
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join([each for each in plain if each < _MARKS or unicodedata.category(each) != "Mn"])


def cursor_position(after: str | None) -> Position | None:
    """The place in the list that a row's `cursor` names.

    Raises:
        BadSearch: it is none.
    """
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= 15):
        raise BadSearch("`after` is not a place in this list: give the cursor of a row, as it was given")
    return Position(int(after))
