"""The one writing connection of a process, and what is done when it breaks.

After a lost reply the outcome is unknown, and nothing is believed but what the store says: once the head is locked, no
commit of an earlier connection can still be under way, so an event that is there was recorded with all of its commit,
and one that is not there was not, and can be placed anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import sleep

import psycopg
from psycopg.rows import tuple_row

from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes, Placed, Placing, placed_last
from ledger.adapters.postgres.append import Differs, call, placed_alone, shifted
from ledger.adapters.postgres.connections import Connection, gone, lost, said
from ledger.adapters.postgres.known import locked_head, read_known
from ledger.adapters.postgres.schema import connect_to_ledger
from ledger.adapters.postgres.snapshot import PostgresSnapshot
from ledger.application.ports import (
    Appended,
    LedgerBusy,
    LedgerHalted,
    OutcomeUnknown,
    Proposal,
    Snapshot,
    StoreUnavailable,
)
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.sealing import Sealed

_NOT_IN_TIME = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
_PAUSES = (0.0, 0.1, 0.4)  # seconds before each attempt to commit the same, on a connection made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What was sent to be committed, and what is answered if it was."""

    placed: Sequence[Placed]
    outcomes: Outcomes


@dataclass(slots=True)
class _Doubt:
    """What may have been committed although nobody heard of it."""

    earlier: _Sent | None = None  # by an attempt before this one, whose connection was lost
    now: _Sent | None = None  # by this attempt, from before the commit is sent until its reply is here


class Writer:
    """Appends, for one thread at a time."""

    def __init__(self, url: str, fence: Fence) -> None:
        """Connect.

        Raises:
            StoreUnavailable, UnsafeDatabase, WrongSchema.
        """
        self._url = url
        self._fence = fence
        self._connection = self._connected()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        """Append what does not conflict, in one transaction; durable when it returns.

        Raises:
            LedgerHalted: the log has lost its tail.
            LedgerBusy: the head was locked for too long; nothing was recorded.
            StoreUnavailable: there is no connection, or the server refused; nothing was recorded.
            OutcomeUnknown: the connection was lost, and there is none to look with whether anything was recorded.
        """
        return self._tried(lambda doubt: self._append(proposals, doubt))

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        """Append the one entry that `make` makes of the log's end, while it is locked; None if it makes none.

        Raises:
            StaleDecision: it does not follow; nothing was recorded.
            LedgerError: as `append`, and whatever `make` raises, upon which nothing was recorded.
        """
        for outcome in self._tried(lambda doubt: self._append_last(make, doubt)):
            if isinstance(outcome, Appended):
                return outcome.position
        return None

    def _tried(self, attempt: Callable[[_Doubt], Outcomes]) -> Outcomes:
        """What an attempt answers; made again where the connection was lost."""
        doubt = _Doubt()
        failure: Exception | None = None
        for pause in _PAUSES:
            sleep(pause)
            try:
                if gone(self._connection):
                    self._connection = self._connected()
                return attempt(doubt)
            except LedgerHalted:
                raise
            except (psycopg.Error, Differs, LedgerError) as error:
                failure = error
                if self._connection.closed or (isinstance(error, psycopg.Error) and lost(self._connection, error)):
                    doubt.earlier, doubt.now = doubt.now or doubt.earlier, None
                    continue
                doubt.now = None  # the server answered: it has undone what it began
                if doubt.earlier is None:
                    raise _refused(error) from error
        if doubt.earlier is None:
            raise StoreUnavailable(f"the store cannot be reached; nothing was recorded: {_words(failure)}") from failure
        raise OutcomeUnknown(f"the store failed while recording: {_words(failure)}") from failure

    def _append(self, proposals: Sequence[Proposal], doubt: _Doubt) -> Outcomes:
        """One attempt."""
        floor = self._fence.floor()
        alone = None if doubt.earlier else placed_alone(proposals)
        if alone is not None:
            placing, outcomes = alone
            doubt.now = _Sent(placed=placing.placed, outcomes=outcomes)
            try:
                base = call(self._connection, placing.placed, before=0, seen=floor, looked=False)
            except (Differs, psycopg.errors.UniqueViolation):
                doubt.now = None
            else:
                self._fence.check(base + placing.size, floor)
                return shifted(outcomes, base)
        return self._append_locked(proposals, doubt, floor)

    def _append_locked(self, proposals: Sequence[Proposal], doubt: _Doubt, floor: int) -> Outcomes:
        """Place upon what the tables hold while the head is locked."""
        with self._connection.transaction():
            known = read_known(self._connection, proposals)
            before = known.size
            self._fence.check(before, floor)
            found = None if doubt.earlier is None else self._found(doubt.earlier)
            if found is not None:
                return found
            doubt.earlier = None
            placing = Placing(known)
            outcomes = placing.place(proposals)
            if placing.placed:
                call(self._connection, placing.placed, before=before, seen=floor, looked=True)
                doubt.now = _Sent(placed=placing.placed, outcomes=outcomes)  # from here on, to the end of COMMIT
        self._fence.check(placing.size, floor)
        return outcomes

    def _append_last(self, make: Callable[[Snapshot], Sealed | None], doubt: _Doubt) -> Outcomes:
        """One attempt; nothing where nothing was made."""
        floor = self._fence.floor()
        with self._connection.transaction():
            # Nobody appends from here on, so whatever is read of the log afterwards is of one state.
            head = locked_head(self._connection)
            self._fence.check(head.size, floor)
            found = None if doubt.earlier is None else self._found(doubt.earlier)
            if found is not None:
                return found
            doubt.earlier = None
            sealed = make(PostgresSnapshot(self._connection, head))
            if sealed is None:
                return []
            placing, _ = placed_last(lambda proposals: read_known(self._connection, proposals), sealed)
            outcomes: Outcomes = [each.appended for each in placing.placed]
            call(self._connection, placing.placed, before=head.size, seen=floor, looked=True)
            doubt.now = _Sent(placed=placing.placed, outcomes=outcomes)  # from here on, to the end of COMMIT
        self._fence.check(placing.size, floor)
        return outcomes

    def _found(self, sent: _Sent) -> Outcomes | None:
        """What is answered of a commit whose reply was lost; None where it was never made.

        All of its entries stand one after another: a single one could be there by another commit.
        """
        entries = [each for placed in sent.placed for each in placed.proposal.events]
        first = entries[0].recorded
        with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(
                "SELECT notification_id FROM ledger.stored_events WHERE originator_id = %b AND originator_version = %b",
                (first.stream, first.seq),
            ).fetchone()
            if row is None:
                return None
            there = cursor.execute(
                "SELECT state FROM ledger.stored_events WHERE notification_id >= %b AND notification_id < %b "
                "ORDER BY notification_id",
                (row[0], row[0] + len(entries)),
            ).fetchall()
        if [state for (state,) in there] != [each.entry for each in entries]:
            return None
        return shifted(sent.outcomes, row[0] - sent.placed[0].first)

    def _connected(self) -> Connection:
        return connect_to_ledger(self._url, name="testamur writer")


def _refused(error: Exception) -> LedgerError:
    """What is told where the server answered, and nothing was recorded."""
    if isinstance(error, LedgerError):
        return error
    if isinstance(error, _NOT_IN_TIME):
        return LedgerBusy(f"the log was locked for too long; nothing was recorded: {_words(error)}")
    if isinstance(error, Differs):
        return StoreUnavailable(f"the store does not hold together ({error.what}); nothing was recorded")
    return StoreUnavailable(f"the store refused; nothing was recorded: {_words(error)}")


def _words(error: Exception | None) -> str:
    return said(error) if isinstance(error, psycopg.Error) else str(error)
