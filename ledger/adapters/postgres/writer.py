"""The one writing connection of a process, and what is done when it breaks.

After a lost reply the outcome is unknown, and nothing is believed but what the store says: once the head is locked, no
commit of an earlier connection can still be under way, so an event that is there was recorded with all of its commit,
and one that is not there was not, and can be placed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import sleep

import psycopg
from psycopg.rows import tuple_row

from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes, Placed, Placing
from ledger.adapters.postgres.append import Differs, call, placed_alone, shifted
from ledger.adapters.postgres.connections import Connection, connect, said
from ledger.adapters.postgres.known import read_known
from ledger.adapters.postgres.schema import check
from ledger.application.ports import LedgerBusy, OutcomeUnknown, Proposal, StoreUnavailable

_NOT_IN_TIME = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
_PAUSES = (0.0, 0.1, 0.4)  # seconds before each attempt to commit the same, on a connection made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What was sent to be committed, and what is answered if it was."""

    placed: Sequence[Placed]
    outcomes: Outcomes


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
            StoreUnavailable: there is no connection; nothing was recorded.
            OutcomeUnknown.
        """
        doubtful: list[_Sent] = []
        failure = ""
        for pause in _PAUSES:
            sleep(pause)
            try:
                if self._connection.closed:
                    self._connection = self._connected()
                return self._append(proposals, doubtful)
            except _NOT_IN_TIME as error:
                failure = said(error)
                if not doubtful:
                    raise LedgerBusy(f"the log was locked for too long; nothing was recorded: {failure}") from error
            except StoreUnavailable as error:
                failure = str(error)
                if not doubtful:
                    raise
            except psycopg.Error as error:
                failure = said(error)
                if not self._connection.closed:
                    break  # the server said no, and will say so again
        raise OutcomeUnknown(f"the store failed while recording: {failure}")

    def _append(self, proposals: Sequence[Proposal], doubtful: list[_Sent]) -> Outcomes:
        """One attempt. `doubtful` holds what may have been committed, by this attempt or by one before it."""
        floor = self._fence.floor()
        alone = None if doubtful else placed_alone(proposals)
        if alone is not None:
            placing, outcomes = alone
            doubtful.append(_Sent(placed=placing.placed, outcomes=outcomes))
            try:
                base = call(self._connection, placing.placed, before=0, seen=floor)
            except (Differs, psycopg.errors.UniqueViolation):
                doubtful.clear()
            else:
                self._fence.check(base + placing.size, floor)
                return shifted(outcomes, base)
        return self._append_locked(proposals, doubtful, floor)

    def _append_locked(self, proposals: Sequence[Proposal], doubtful: list[_Sent], floor: int) -> Outcomes:
        """Place upon what the tables hold while the head is locked."""
        with self._connection.transaction():
            known = read_known(self._connection, proposals)
            before = known.size
            self._fence.check(before, floor)
            for sent in doubtful:
                found = self._found(sent)
                if found is not None:
                    return found
            doubtful.clear()
            placing = Placing(known)
            outcomes = placing.place(proposals)
            if placing.placed:
                call(self._connection, placing.placed, before=before, seen=floor)
                doubtful.append(_Sent(placed=placing.placed, outcomes=outcomes))  # from here on, to the end of COMMIT
        self._fence.check(placing.size, floor)
        return outcomes

    def _found(self, sent: _Sent) -> Outcomes | None:
        """What is answered of a commit whose reply was lost; None where it was never made."""
        first = sent.placed[0]
        entry = first.proposal.events[0]
        statement = (
            "SELECT notification_id, state FROM ledger.stored_events "
            "WHERE originator_id = %b AND originator_version = %b"
        )
        with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(statement, (entry.recorded.stream, entry.recorded.seq)).fetchone()
        if row is None or row[1] != entry.entry:
            return None
        return shifted(sent.outcomes, row[0] - first.first)

    def _connected(self) -> Connection:
        connection = connect(self._url, name="testamur writer")
        try:
            check(connection)
        except BaseException:
            connection.close()
            raise
        return connection
