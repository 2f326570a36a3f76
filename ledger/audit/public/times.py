"""The times of entries: in the log they lie between two statements, in a stream they never go back."""

from ledger.audit.report import Check, Findings, Step
from ledger.domain.types import Position

_BEFORE_STATEMENT = 60_000  # milliseconds by which an entry may be older than the last statement before it


class Bracket:
    """What holds the times of entries between statements. All times are milliseconds since 1970."""

    def __init__(
        self, statement: tuple[Position, int] | None, latest: tuple[Position, int] | None, found: Findings
    ) -> None:
        """
        Args:
            statement: the last one, and its time.
            latest: of the entries after it, the one with the latest time.
        """
        self.statement = statement
        self.latest = latest
        self._found = found
        self._earliest = 0 if statement is None else statement[1] - _BEFORE_STATEMENT
        self._latest = -1 if latest is None else latest[1]

    def take(self, position: Position, at: int) -> None:
        """The next entry."""
        if at < self._earliest:
            reason = "the entry says a time more than 60 s before that of the last statement before it"
            self._found.report(Check.TIME, position, reason, step=Step.TIME)
        if at > self._latest:
            self._latest = at
            self.latest = position, at

    def close(self, position: Position, at: int) -> None:
        """The next entry, which is a statement."""
        if self.latest is not None and self.latest[1] > at:
            reason = f"the entry says a later time than the next statement, which is at position {position}"
            self._found.report(Check.TIME, self.latest[0], reason, step=Step.TIME)
        self.statement, self.latest = (position, at), None
        self._earliest, self._latest = at - _BEFORE_STATEMENT, -1
