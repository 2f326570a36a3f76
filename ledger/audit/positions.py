"""The first pass of an audit, in the order of positions: places, leaves, times, and which private parts stand where.

It is cut into ranges that any process may take; what a range cannot know of those before it, it hands back. Awards are
read no further here than these four need, and where their standing changes. All other entries, and the few acts that
change it, are handed back read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from ledger.audit.entries import award_parts, bytes_of, check_entry, is_statement, read_entry
from ledger.audit.report import Check, Findings, Found, Step
from ledger.audit.source import AuditSource, Column, EntryRow, PartOpener, shown
from ledger.audit.statements import Taken, acts_of
from ledger.audit.times import AT, RangeTimes, range_times
from ledger.domain.events import Recorded
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.tlog.merkle import HASH_BYTES, Hash, leaf_hash

RANGE = 4096  # rows of one range: their leaves are held until the tree has taken them


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What one range of positions came to."""

    first: int  # positions of the first and of the last row; 0 where there is none
    last: int
    stream: Column  # originator id of the first row
    leaves: bytes  # hashes, one after the other
    times: RangeTimes
    others: tuple[Recorded | int, ...]  # entries that are no award's; the position alone of what is none, or unsigned
    acts: tuple[Taken, ...]  # that change how awards stand
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
        stating = [index for index, raw in enumerate(raws) if is_statement(raw)]
        others = [row for row, raw, parts in zip(rows, raws, committed, strict=True) if parts is None]
        return Range(
            first=places[0] if places else 0,
            last=places[-1] if places else 0,
            stream=rows[0][1] if rows else None,
            leaves=b"".join([leaf_hash(raw) for raw in raws]),
            times=range_times([raw[AT] for raw in raws], stating),
            others=tuple(_read(row, found) for row in others),
            acts=acts_of((place, raw) for place, raw, parts in zip(places, raws, committed, strict=True) if parts),
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


def _read(row: EntryRow, found: Findings) -> Recorded | int:
    """What an entry says that is no award's; its position alone where it is none, or nobody signed it."""
    position = Position(cast("int", row[0]))
    entry = read_entry(row, position, found)
    if entry is None or not check_entry(entry, row, position, found):
        return position
    return entry.recorded(position)


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
