"""The times of entries over all streams: between two statements they lie as the specification says.

Several processes may record at once, so a time may lie before one that was recorded earlier; not more than 60 seconds
before the last `status.committed` before it, and never after the next. Within a stream no time goes back, which is
asked where streams are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.audit.entries import bytes_of, is_statement
from ledger.audit.marks import Marks
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource
from ledger.domain.values import BadValue, format_time, parse_time
from ledger.record.entry import parse_entry

AT = slice(7, 31)  # a canonical entry begins with {"at":"2026-11-21T14:03:00.000Z"
SLACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The earliest and the latest of some times, as entries spell them; both empty where there are none."""

    earliest: bytes
    latest: bytes

    def joined(self, other: "Span") -> "Span":
        """Of both together."""
        if not self.latest or not other.latest:
            return self if self.latest else other
        return Span(earliest=min(self.earliest, other.earliest), latest=max(self.latest, other.latest))


NO_TIME = Span(earliest=b"", latest=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTimes:
    """The times of a range of entries, as far as those before and after it may ask."""

    before: Span  # of the entries before its first statement; of all, where it has none
    first: bytes  # time of its first statement; empty where it has none
    last: bytes  # time of its last statement
    after: Span  # of the entries behind that one
    in_order: bool  # all between its statements are as they must be


def span_of(times: Sequence[bytes]) -> Span:
    """The earliest and the latest of these times."""
    return Span(earliest=min(times), latest=max(times)) if times else NO_TIME


def range_times(times: Sequence[bytes], statements: Sequence[int]) -> RangeTimes:
    """What the times of a range come to.

    Args:
        statements: the indexes of the entries that are statements.
    """
    if not statements:
        return RangeTimes(before=span_of(times), first=b"", last=b"", after=NO_TIME, in_order=True)
    in_order, last = True, statements[0]
    for index in statements[1:]:
        in_order = in_order and _fits(times[last], span_of(times[last + 1 : index + 1]), times[index])
        last = index
    return RangeTimes(
        before=span_of(times[: statements[0]]),
        first=times[statements[0]],
        last=times[last],
        after=span_of(times[last + 1 :]),
        in_order=in_order,
    )


def _fits(before: bytes, span: Span, after: bytes) -> bool:
    """Whether entries between two statements have times that they may have; either statement may be missing."""
    if span.latest > after and after:
        return False
    if not span.latest or span.earliest >= before:
        return True
    try:
        return _time(span.earliest) >= _time(before) - SLACK
    except (BadValue, OverflowError, UnicodeDecodeError):
        return False


def _time(spelled: bytes) -> datetime:
    return parse_time(spelled.decode("ascii"))


class Times:
    """Takes ranges in their order. Where a time could be wrong, the entries are read again, one by one."""

    def __init__(self) -> None:
        """No range yet."""
        self._statement = b""  # time of the last one
        self._since = NO_TIME  # of the entries behind it
        self._latest = b""
        self._in_order = True

    def add(self, done: RangeTimes) -> None:
        """The next range."""
        span = self._since.joined(done.before)
        self._latest = max(self._latest, span.latest, done.first, done.last, done.after.latest)
        self._in_order = self._in_order and done.in_order and _fits(self._statement, span, done.first)
        self._since = span
        if done.first:
            self._in_order = self._in_order and _fits(
                self._statement, Span(earliest=done.first, latest=done.first), b""
            )
            self._statement, self._since = done.last, done.after

    def finish(self, source: AuditSource, last: int, unsound: Marks, found: Findings) -> datetime | None:
        """The latest time of an entry; reports every time that is not as it must be.

        Args:
            unsound: the positions of entries that are none, or are not signed: what they say is nobody's statement.
        """
        in_order = self._in_order and _fits(self._statement, self._since, b"")
        if in_order and not unsound:
            return _time(self._latest) if self._latest else None
        return _report(_sound(source, last, unsound), found)


def _sound(source: AuditSource, last: int, unsound: Marks) -> Iterator[tuple[int, datetime, bytes]]:
    """Position, time and bytes of every entry that is one."""
    for row in source.entries(0, last):
        if type(row[0]) is int and row[0] not in unsound:
            raw = bytes_of(row)
            yield row[0], _time(raw[AT]), raw


def _report(entries: Iterator[tuple[int, datetime, bytes]], found: Findings) -> datetime | None:
    """The latest time; reports every entry that is too old, and every statement older than what it speaks of."""
    latest: datetime | None = None
    statement: datetime | None = None
    since: tuple[datetime, int] | None = None  # the latest time behind that statement, and where it stands
    for place, at, raw in entries:
        if statement is not None and at < statement - SLACK:
            reason = f"{format_time(at)} is more than 60 s before {format_time(statement)}, the time of the statement"
            found.report(Check.TIME, place, f"{reason} before it", parse_entry(raw), Step.TIME)
        latest = at if latest is None else max(latest, at)
        if not is_statement(raw):
            since = (at, place) if since is None or at > since[0] else since
            continue
        if since is not None and at < since[0]:
            # Who states anything knows all that was recorded before.
            reason = (
                f"{format_time(at)} is before {format_time(since[0])}, the time of the entry at position {since[1]}"
            )
            found.report(Check.TIME, place, f"{reason}, of which the statement speaks", parse_entry(raw), Step.TIME)
        statement, since = at, None
    return latest
