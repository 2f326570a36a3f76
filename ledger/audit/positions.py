"""The first pass of an audit, in the order of positions: places, leaves, times, and which private parts stand where.

It is cut into ranges that any process may take; what a range cannot know of those before it, it hands back. Awards are
read no further here than these four need. All other entries are handed back whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import cast

from ledger.audit.entries import award_parts, bytes_of
from ledger.audit.report import Check, Findings, Found, Step
from ledger.audit.source import AuditSource, Column, EntryRow, PartOpener, shown
from ledger.domain.types import Position
from ledger.domain.values import format_time, parse_time
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.tlog.merkle import HASH_BYTES, Hash, leaf_hash

RANGE = 4096  # rows of one range: their leaves are held until the tree has taken them
_AT = slice(7, 31)  # a canonical entry begins with {"at":"2026-11-21T14:03:00.000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What one range of positions came to."""

    first: int  # positions of the first and of the last row; 0 where there is none
    last: int
    stream: Column  # originator id of the first row
    leaves: bytes  # hashes, one after the other
    times: tuple[bytes, bytes]  # the earliest and the latest that entries begin with
    in_order: bool  # no entry begins with an earlier time than one before it in this range
    others: tuple[EntryRow, ...]  # the rows that are no entry of an award
    parts: int  # how many private parts were seen
    found: Found

    def hashes(self) -> Sequence[Hash]:
        """The leaves, one by one."""
        return [Hash(self.leaves[at : at + HASH_BYTES]) for at in range(0, len(self.leaves), HASH_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTask:
    """The rows of one range of positions."""

    after: int
    last: int

    def run(self, source: AuditSource, opener: PartOpener | None) -> Range:
        """Read them all."""
        del opener  # which parts there are can be seen without a key
        found = Findings()
        rows = [row for row in source.entries(self.after, self.last) if type(row[0]) is int]
        places = [cast("int", row[0]) for row in rows]
        for before, place in pairwise(places):
            if place != before + 1:
                check_place(place, before + 1, found)
        raws = [bytes_of(row) for row in rows]
        committed = [award_parts(raw) for raw in raws]
        names = PartNames(source.part_names(self.after or None, self.last), self.after, found)
        for place, raw, parts in zip(places, raws, committed, strict=True):
            stored = names.take(place)
            if stored != (parts or []):
                names.compare(place, stored, raw)
        names.finish()
        times = [raw[_AT] for raw in raws]
        return Range(
            first=places[0] if places else 0,
            last=places[-1] if places else 0,
            stream=rows[0][1] if rows else None,
            leaves=b"".join([leaf_hash(raw) for raw in raws]),
            times=(min(times, default=b""), max(times, default=b"")),
            in_order=times == sorted(times),
            others=tuple(row for row, parts in zip(rows, committed, strict=True) if parts is None),
            parts=names.count,
            found=found.found(),
        )


def ranges(places: Sequence[int]) -> Iterator[RangeTask]:
    """Ranges that end at these positions."""
    after = 0
    for last in places:
        if last > after:  # many rows may stand at one position
            yield RangeTask(after=after, last=last)
        after = last


def check_place(place: int, due: int, found: Findings) -> None:
    """Report unless a row stands at the position that is due."""
    if place > due:
        reason = f"the entry at position {due} is missing: the next one is at {place}"
        found.report(Check.POSITION, due, reason, step=Step.PLACE)
    if place < due:
        found.report(Check.POSITION, place, f"two entries stand at position {place}", step=Step.PLACE)


class PartNames:
    """Which parts the database holds beside the entries of a range."""

    def __init__(self, rows: Iterator[tuple[Column, Column]], after: int, found: Findings) -> None:
        self.count = 0
        self._found = found
        self._names: dict[int, list[Column]] = {}
        place = after
        for position, name in rows:
            self.count += 1
            if type(position) is int:
                place = position
                self._names.setdefault(place, []).append(name)
                continue
            reason = f"the private part {shown(name)} stands at no position, but {shown(position)}"
            found.report(Check.PARTS, max(place, 1), reason, step=Step.NAMES)

    def take(self, position: int) -> list[Column]:
        """The names of the parts at a position; asked for again, there are none left."""
        return self._names.pop(position, [])

    def compare(self, position: int, names: list[Column], raw: bytes) -> None:
        """Report parts that are missing beside an entry, and parts that it does not commit to."""
        try:
            recorded = parse_entry(raw).recorded(Position(position))
        except LedgerError:
            return  # reported where entries are read
        committed = sorted(part.value for part in recorded.commit)
        if names != committed:
            reason = f"the entry commits to {_listed(committed)}, and beside it stands {_listed(names)}"
            self._found.report(Check.PARTS, position, reason, recorded, Step.NAMES)

    def finish(self) -> None:
        """Report every part that stands where no entry of the range is."""
        for place, names in self._names.items():
            for name in names:
                reason = f"the private part {shown(name)} stands where no entry is"
                self._found.report(Check.PARTS, place, reason, step=Step.NAMES)


def parts_beyond(rows: Iterator[tuple[Column, Column]], last: int, size: int, found: Findings) -> int:
    """Report every part beyond the last entry; how many there are."""
    count, before = 0, last
    for place, name in rows:
        count += 1
        if type(place) is int:
            before = place
            reason = f"the private part {shown(name)} stands at position {place}, beyond the last entry"
            found.report(Check.PARTS, size + 1, reason, step=Step.NAMES)
            continue
        reason = f"the private part {shown(name)} stands at no position, but {shown(place)}"
        found.report(Check.PARTS, max(before, 1), reason, step=Step.NAMES)
    return count


def _listed(names: "list[str] | list[Column]") -> str:
    return ", ".join(name if isinstance(name, str) else ascii(name) for name in names) or "nothing"


class Marks:
    """A set of positions in few bytes, however many they are."""

    def __init__(self) -> None:
        self._words: dict[int, int] = {}

    def add(self, position: int) -> None:
        """Mark one."""
        self._words[position >> 9] = self._words.get(position >> 9, 0) | 1 << (position & 511)

    def update(self, other: "Marks") -> None:
        """Mark all that the other has."""
        for word, bits in other._words.items():
            self._words[word] = self._words.get(word, 0) | bits

    def __contains__(self, position: int) -> bool:
        """Whether it is marked."""
        return bool(self._words.get(position >> 9, 0) >> (position & 511) & 1)

    def __bool__(self) -> bool:
        """Whether any is marked."""
        return bool(self._words)


class Times:
    """The times of the entries, which never go back. Where one could, the entries are read again, one by one."""

    def __init__(self) -> None:
        self._latest = b""
        self._in_order = True

    def add(self, done: Range) -> None:
        """The next range."""
        earliest, latest = done.times
        self._in_order = self._in_order and done.in_order and earliest >= self._latest
        self._latest = max(self._latest, latest)

    def finish(self, source: AuditSource, last: int, unsound: Marks, found: Findings) -> datetime | None:
        """The latest time of an entry; reports every entry that is older than one before it.

        Args:
            unsound: the positions of entries that are none, or are not signed: what they say is nobody's statement.
        """
        if self._in_order and not unsound:
            return parse_time(self._latest.decode("ascii")) if self._latest else None
        latest: datetime | None = None
        for row in source.entries(0, last):
            place = row[0]
            if type(place) is not int or place in unsound:
                continue
            raw = bytes_of(row)
            at = parse_time(raw[_AT].decode("ascii"))
            if latest is not None and at < latest:
                reason = f"{format_time(at)} is before {format_time(latest)}, the time of an entry before it"
                found.report(Check.TIME, place, reason, parse_entry(raw), Step.TIME)
            latest = at if latest is None else max(latest, at)
        return latest
