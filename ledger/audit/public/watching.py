"""What an issuer is told of a log: every event in its name, and whatever was acknowledged to it and is not so.

A receipt says where a change stands. What is published without one, or acknowledged and not published, is an alarm; so
is every event of the issuer's keys, until the issuer says that it knows.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import TypeAlias

from ledger.audit.public.follow import PublicReport
from ledger.audit.public.log import LogNotReached, LogNotReadable
from ledger.audit.public.state import AuditState
from ledger.audit.public.watched import Alarm, AlarmKind, Happened, Place, Receipt, WatchState
from ledger.domain import events as ev
from ledger.domain.types import Did, Position, Seq, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.tlog.cosignature import CLOCKS_DIFFER

PUBLISHED_WITHIN = timedelta(seconds=60)  # of being acknowledged; also what a receipt may come later than its entry
_FIRST_KEY = SCHEMA_OF[ev.IssuerKeyAdded].wire
COSIGNED_WITHIN = timedelta(hours=3)  # an unchanged checkpoint is cosigned anew each hour


class IssuerUnknown(LedgerError):
    """The log has no such issuer."""


Proving: TypeAlias = Callable[[Receipt], str | None]


class Watch:
    """Looks at one issuer, in a state that an audit has just brought up to date."""

    def __init__(
        self, audit: AuditState, memory: WatchState, issuer: Did, *, proving: Proving, with_receipts: bool
    ) -> None:
        """
        Args:
            proving: what is wrong with the proof of a receipt, in words; None where nothing is. May raise
                LogNotReached or LogNotReadable.
            with_receipts: whether the issuer keeps receipts of all its changes.
        """
        self._audit = audit
        self._memory = memory
        self._issuer = issuer
        self._proving = proving
        self._with_receipts = with_receipts
        self.unproved: LedgerError | None = None  # why some proof could not be checked this time

    def events(self, now: datetime) -> Iterator[tuple[Happened, bool | None]]:
        """The events that were not told before, in order; with receipts, whether there is one.

        What was told, and what waits for a receipt from now on, is in the state when the last of them was taken.

        Raises:
            IssuerUnknown: there is no such issuer, and nothing says that there should be.
        """
        stream, (told, compared) = self._stream(), self._memory.told(self._issuer)
        if stream is None:
            return
        after = min(told, compared) if self._with_receipts else told
        others = (_happened(position, raw, self._issuer, stream) for position, raw in self._audit.others(after))
        own = (happened for happened in others if happened is not None)
        for happened in merge(own, self._memory.entries_of(self._issuer, after)):
            known, position = self._is_known(happened), happened.position
            if happened.about_keys is not None:
                waits = position > told
            else:  # also what was told before anybody kept receipts
                waits = self._with_receipts and position > compared and happened.by == self._issuer
            if waits and not known:
                self._memory.open(self._issuer, happened, now)
            if position > told:
                yield happened, known
        size = Position(self._size())
        self._memory.tell(self._issuer, size, size if self._with_receipts else compared)

    def alarms(self, report: PublicReport | None, now: datetime) -> Iterator[Alarm]:
        """What somebody should look at, whether or not it was told before.

        Args:
            report: of the audit; None where the log was not read to its end. Then the clock tells, and what was read.
        """
        if report is not None:
            yield from _of_log(report, now)
        yield from self._unacknowledged(now)
        yield from self._unpublished(now, asking=report is not None)

    def acknowledge(self, positions: Iterable[int]) -> None:
        """The issuer knows of the events at these positions."""
        self._memory.close(self._issuer, [Position(position) for position in positions])

    def _size(self) -> int:
        progress = self._audit.progress()
        return 0 if progress is None else progress.size

    def _stream(self) -> StreamId | None:
        """The issuer's own stream; None where the log has none."""
        known = self._memory.stream_of(self._issuer)
        if known is not None:
            return known
        for _, raw in self._audit.others():
            entry = parse_entry(raw)
            if isinstance(entry.event, ev.IssuerRegistered) and entry.by == self._issuer:
                self._memory.begin(self._issuer, entry.stream)
                return entry.stream
        if next(iter(self._memory.pending(self._issuer)), None) is None:
            raise IssuerUnknown(f"the log has no issuer {self._issuer}")
        return None

    def _is_known(self, happened: Happened) -> bool | None:
        """Whether there is a receipt of an event; None where nobody keeps any."""
        return self._has_receipt(happened) if self._with_receipts else None

    def _has_receipt(self, happened: Happened) -> bool:
        """Whether what happened was asked for; of keys only where the receipt says that just this was."""
        stream, seq = happened.stream, happened.seq
        if any(_is_of(receipt, happened) for receipt in self._memory.receipts(self._issuer, stream, seq)):
            return True
        # One command registers an issuer and adds its first key, and its receipt is of the second.
        if seq != 0 or stream != self._memory.stream_of(self._issuer):
            return False
        return any(receipt.act == _FIRST_KEY for receipt in self._memory.receipts(self._issuer, stream, Seq(1)))

    # ---- alarms

    def _unacknowledged(self, now: datetime) -> Iterator[Alarm]:
        """Events that wait in vain."""
        closed = []
        for happened, since in self._memory.opened(self._issuer):
            position, stream, seq, wire, by, kid, at, about_keys = happened
            if self._has_receipt(happened):
                closed.append(position)
            elif about_keys is not None:
                yield Alarm(AlarmKind.KEY, f"at position {position} {by} {about_keys}", position, stream, seq)
            # The receipt of what was just done may still be on its way. `at` is the operator's word, and counts only
            # where it makes the entry older.
            elif now - min(at, since) > PUBLISHED_WITHIN:
                reason = (
                    f"at position {position} stands a {wire} in the issuer's name, by the key {kid}, without a receipt"
                )
                yield Alarm(AlarmKind.UNKNOWN, reason, position, stream, seq)
        self._memory.close(self._issuer, closed)

    def _unpublished(self, now: datetime, *, asking: bool) -> Iterator[Alarm]:
        """Receipts of what the log does not show as they say.

        Args:
            asking: whether the log can be asked for what proofs are held against.
        """
        settled, size = [], self._size()
        for receipt in self._memory.pending(self._issuer):
            place = self._place_of(receipt)
            if place is None or place.position != receipt.position:
                yield from _misplaced(receipt, place, size, now)
            elif receipt.act not in (None, place.type):
                yield _moved(receipt, f"was acknowledged as {receipt.act}, and is a {place.type}")
            elif self._was_given_before(receipt):
                yield _moved(receipt, f"was acknowledged twice, to two requests for a {receipt.act}")
            elif receipt.proof is None:
                settled.append(receipt)
            elif asking:
                try:
                    fault = self._proving(receipt)
                except (LogNotReached, LogNotReadable) as error:  # the others are judged all the same
                    self.unproved = error
                    continue
                if fault is None:
                    settled.append(receipt)
                else:
                    said = "but the receipt was given for something else"
                    yield _moved(receipt, f"stands at position {place.position}, {said}: {fault}")
        self._memory.settle(self._issuer, settled)

    def _was_given_before(self, receipt: Receipt) -> bool:
        """Whether another request was answered with the same entry."""
        others = {each.asked for each in self._memory.receipts(self._issuer, receipt.stream, receipt.seq)}
        return receipt.asked is not None and bool(others - {None, receipt.asked})

    def _place_of(self, receipt: Receipt) -> Place | None:
        """Where the log has the entry of which a receipt speaks."""
        place = self._memory.place_of(receipt.stream, receipt.seq)
        if place is not None:
            return place
        found = next(self._audit.others(receipt.position - 1), None)
        if found is None or found[0] != receipt.position:
            return None
        entry = parse_entry(found[1])
        if (entry.stream, entry.seq) != (receipt.stream, receipt.seq):
            return None
        return Place(receipt.position, entry.type)


def _is_of(receipt: Receipt, happened: Happened) -> bool:
    """Whether a receipt of this place is of what happened there."""
    if happened.about_keys is None:
        return receipt.act in (None, happened.type)
    # Who registers an issuer is not told which key was the first one.
    return receipt.act == happened.type and (receipt.kid is None or receipt.kid in happened.about_keys.split())


def _misplaced(receipt: Receipt, place: Place | None, size: int, now: datetime) -> Iterator[Alarm]:
    """What is wrong with a change that is not, or not yet, where its receipt says."""
    said = f"was acknowledged at position {receipt.position}"
    if place is not None:
        yield _moved(receipt, f"{said} and is published at position {place.position}")
    elif receipt.position <= size:
        yield _moved(receipt, f"{said}, where another entry is published")
    elif now - receipt.since > PUBLISHED_WITHIN:
        waited = int((now - receipt.since).total_seconds())
        yield _alarm(AlarmKind.WITHHELD, receipt, f"{said} {waited} s ago, and is not published")


def _moved(receipt: Receipt, said: str) -> Alarm:
    return _alarm(AlarmKind.MOVED, receipt, said)


def _alarm(kind: AlarmKind, receipt: Receipt, said: str) -> Alarm:
    reason = f"entry {receipt.seq} of stream {receipt.stream} {said}"
    return Alarm(kind, reason, receipt.position, receipt.stream, receipt.seq)


def _of_log(report: PublicReport, now: datetime) -> Iterator[Alarm]:
    """What is wrong with the log as a whole."""
    problem = report.report.first_bad
    if problem is not None:
        reason = f"the log is not sound: position {problem.position}: {problem.check}: {problem.reason}"
        yield Alarm(AlarmKind.UNSOUND, reason, problem.position)
    agreement = report.agreement
    if agreement is not None and agreement.as_of is not None:
        last = datetime.fromtimestamp(agreement.as_of, UTC)
        if last - now > timedelta(seconds=CLOCKS_DIFFER):
            reason = f"the witnesses vouch for what is shown as of {last.isoformat()}, a time that has not come: their "
            reason += "clocks or this one are wrong, and nothing tells how old the checkpoint is"
            yield Alarm(AlarmKind.STALE, reason)
        elif now - last > COSIGNED_WITHIN:
            reason = f"the witnesses vouch for what is shown as of {last.isoformat()} alone: an old checkpoint is shown"
            yield Alarm(AlarmKind.STALE, reason)


def _happened(position: Position, raw: bytes, issuer: Did, own: StreamId) -> Happened | None:
    """An entry that is no award's, if it is the issuer's or in its stream."""
    entry = parse_entry(raw)
    if entry.by != issuer and entry.stream != own:
        return None
    about_keys = _about_keys(entry.event) if isinstance(entry.event, ev.IssuerEvent) else None
    return Happened(position, entry.stream, entry.seq, entry.type, entry.by, entry.kid, entry.at, about_keys)


def _about_keys(event: ev.IssuerEvent) -> str | None:
    """What an event does to an issuer's keys; None for one that does nothing to them."""
    match event:
        case ev.IssuerRegistered():
            return f"registered the issuer with the root key {event.root}"
        case ev.IssuerKeyAdded():
            said = f"added the {event.role} key {event.key}"
        case ev.IssuerKeyRetired():
            said = f"retired the key {event.key}"
        case ev.IssuerKeyCompromised():
            said = f"reported the key {event.key} as stolen from position {event.from_position} on"
        case _:
            return None
    return f"{said} in the issuer's stead" if event.recovery else said
