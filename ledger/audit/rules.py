"""The second pass of an audit, stream by stream: the bytes and signatures of awards, chains, the order of acts, slots.

It is cut into ranges of streams that any process may take. What an act could follow, and who could sign it, is decided
with what was known at its position: a key reported as stolen later was a good key then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from types import UnionType
from typing import TypeAlias

from ledger.audit.award import AwardSoFar
from ledger.audit.entries import award_parts, bytes_of, check_entry, read_entry
from ledger.audit.first import FirstEntry, hex_of, read_first
from ledger.audit.marks import Marks
from ledger.audit.parts import Parts
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Found, Step
from ledger.audit.source import AuditSource, Column, EntryRow, PartOpener
from ledger.audit.stacks import StackKeys
from ledger.audit.tables import SlotClaims, UsedList
from ledger.audit.times import AT
from ledger.domain import credential as credentials
from ledger.domain.events import (
    AchievementEvent,
    CredentialAmended,
    CredentialAwarded,
    CredentialEvent,
    IssuerEvent,
    LogEvent,
    PathwayEvent,
)
from ledger.domain.types import Did, Kid, ListId, Origin, Position
from ledger.domain.values import format_time
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import chain, genesis

_FAMILIES: tuple[type | UnionType, ...] = (CredentialEvent, AchievementEvent, PathwayEvent, IssuerEvent, LogEvent)
Read: TypeAlias = tuple[Entry | FirstEntry, Position]
_BATCH = 256  # rows whose parts and slots are read in one go
_MOST_WINDOWS = 4096  # signers whose last good range is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What a range of streams came to."""

    rows: int
    unsound: Marks  # positions of awards' entries that are none, or that nobody signed
    issued: int
    stacked: int  # of those
    keys: StackKeys
    lists: Mapping[ListId, UsedList]
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsTask:
    """The streams of one range, as far as they stand at or before a position."""

    registry: Registry | None  # None where the log has no good beginning: then entries are judged by themselves alone
    last: int
    low: str | None
    high: str | None

    def run(self, source: AuditSource, opener: PartOpener | None) -> Streams:
        """Read every row of the range."""
        found = Findings()
        claims = SlotClaims(source, found)
        parts = rules = None
        if self.registry is not None:
            parts = None if opener is None else Parts(source, opener, self.registry, found)
            rules = StreamRules(self.registry, parts, claims, found)
        signers = None if self.registry is None else Signers(self.registry, found)
        # Where private parts are opened, all that an entry says is needed, and its reading is the smaller part of it.
        quick = None if opener is not None or self.registry is None else self.registry.operator.origin
        reading = _Reading(signers, found, quick)
        rows = source.entries_by_stream(self.last, self.low, self.high)
        while batch := list(islice(rows, _BATCH)):
            entries = reading.entries(batch)
            if rules is not None:
                rules.take(entries)
        return Streams(
            rows=reading.rows,
            unsound=reading.unsound,
            issued=claims.issued,
            stacked=claims.stacked,
            keys=StackKeys() if parts is None else parts.stacks.keys,
            lists=claims.lists(),
            found=found.found(),
        )


class Signers:
    """Whether the keys that signed awards could sign them where they stand."""

    def __init__(self, registry: Registry, found: Findings) -> None:
        self._registry = registry
        self._found = found
        # What is known of an issuer only changes at its own entries. Between two of them a key is good or is not, since
        # neither its term nor a report reaches beyond what is known: the last range in which it was good is kept.
        self._good: dict[tuple[Did, Kid], tuple[int, int]] = {}

    def are_known(self, by: Did, kid: Kid, position: Position) -> bool:
        """Whether the key was found to be good in a range around this position."""
        first, last = self._good.get((by, kid), (1, 0))
        return first <= position <= last

    def is_owned(self, stream: str) -> bool:
        """Whether the stream, in hexadecimal, is an issuer's, an achievement's or the log's."""
        return self._registry.is_owned(stream)

    def check(self, entry: Entry, position: Position) -> None:
        """Report unless the key could sign the entry, by what was known at its position."""
        if self.are_known(entry.by, entry.kid, position) and not self.is_owned(entry.stream.hex):
            return
        recorded = entry.recorded(position)
        try:
            self._registry.check_award(recorded)
        except LedgerError as error:
            self._found.report(Check.SIGNER, position, str(error), recorded, Step.SIGNER)
            return
        if len(self._good) >= _MOST_WINDOWS:
            self._good.clear()
        self._good[entry.by, entry.kid] = self._registry.era(entry.by, position)


class _Reading:
    """Reads rows into entries, and asks each entry of an award what it can be asked by itself."""

    def __init__(self, signers: Signers | None, found: Findings, quick: Origin | None) -> None:
        self.rows = 0
        self.unsound = Marks()
        self._signers = signers
        self._found = found
        self._quick = quick  # the log's origin, where first entries may be read by their shape
        self._stream: Column = None  # of the row before

    def entries(self, rows: list[EntryRow]) -> list[Read]:
        """Those rows that are entries in the place that they name."""
        good: list[Read] = []
        for row in rows:
            if type(row[0]) is not int or row[0] < 1:
                continue
            self.rows += 1
            position = Position(row[0])
            begins, self._stream = row[1] != self._stream, row[1]
            first = self._first(row, position) if begins and self._quick is not None else None
            if first is not None:
                good.append((first, position))
                continue
            if award_parts(bytes_of(row)) is None:  # asked in the first pass
                entry = _entry(row)
            else:
                entry = self._award(row, position)
            if entry is not None and (row[1], row[2]) == (entry.stream.hex, entry.seq):
                good.append((entry, position))
        return good

    def _first(self, row: EntryRow, position: Position) -> FirstEntry | None:
        """The first entry of an award in which all is well that it can be asked by itself; None for any other."""
        _, originator, version, topic, state = row
        first = read_first(state) if type(state) is bytes else None
        if first is None or self._signers is None or self._quick is None:
            return None
        if (originator, version, topic) != (first.hex, 0, first.type) or type(version) is not int:
            return None
        if not self._signers.are_known(first.by, first.kid, position) or self._signers.is_owned(first.hex):
            return None
        return first if first.begins(self._quick) and first.is_signed() else None

    def _award(self, row: EntryRow, position: Position) -> Entry | None:
        entry = read_entry(row, position, self._found)
        if entry is None or not check_entry(entry, row, position, self._found):
            self.unsound.add(position)
        elif self._signers is not None:
            self._signers.check(entry, position)
        return entry


def _slot(entry: Entry | FirstEntry) -> tuple[ListId, int] | None:
    """The slot that a version of an award names."""
    if isinstance(entry, FirstEntry):
        return entry.list, entry.slot
    event = entry.event
    return (event.list, event.slot) if isinstance(event, CredentialAwarded | CredentialAmended) else None


def _entry(row: EntryRow) -> Entry | None:
    try:
        return parse_entry(bytes_of(row))
    except LedgerError:
        return None


class StreamRules:
    """Takes entries stream by stream, and reports what breaks a chain or a rule."""

    def __init__(self, registry: Registry, parts: Parts | None, claims: SlotClaims, found: Findings) -> None:
        self._registry = registry
        self._parts = parts
        self._claims = claims
        self._found = found
        self._last: Read | None = None
        self._family: type | UnionType = LogEvent
        self._award = AwardSoFar(None)

    def take(self, entries: list[Read]) -> None:
        """The next entries, some hundred at a time."""
        self._claims.fetch(slot for entry, _ in entries if (slot := _slot(entry)) is not None)
        if self._parts is not None:
            self._parts.fetch([position for entry, position in entries if isinstance(entry, Entry) and entry.commit])
        for entry, position in entries:
            if isinstance(entry, Entry):
                self._entry(entry, position)
            else:
                self._first(entry, position)

    def _first(self, first: FirstEntry, position: Position) -> None:
        """The first entry of an award that was found to be good by itself: nothing is left to ask but its slot."""
        self._family = CredentialEvent
        self._award = AwardSoFar(self._registry.issuers.get(first.by))
        self._claims.claim_first(first, position)
        self._award.add(first, position)
        self._last = first, position

    def _entry(self, entry: Entry, position: Position) -> None:
        last = self._last
        if last is None or hex_of(last[0]) != entry.stream.hex:
            self._begin(entry)
            last = None
        self._link(entry, position, last)
        self._last = (entry, position)
        event = entry.event
        if not isinstance(event, self._family):
            reason = f"a {entry.type} stands in a stream that began as something else"
            self._found.report(Check.ORDER, position, reason, entry, Step.STREAM)
        elif isinstance(event, CredentialEvent):
            self._act(entry, position, event)

    def _begin(self, entry: Entry) -> None:
        self._family = next(family for family in _FAMILIES if isinstance(entry.event, family))
        self._award = AwardSoFar(self._registry.issuers.get(entry.by))
        if self._parts is not None:
            self._parts.begin()

    def _link(self, entry: Entry, position: Position, last: Read | None) -> None:
        """What ties an entry to the one before it in its stream, or to the beginning of the log."""
        seq, place = (0, 0) if last is None else (last[0].seq + 1, last[1])
        if entry.seq != seq:
            reason = f"the stream goes on with seq {entry.seq}, where {seq} is due"
            self._found.report(Check.SEQ, position, reason, entry, Step.STREAM)
        if position < place:
            reason = f"seq {entry.seq} stands before seq {entry.seq - 1}, which is at position {place}"
            self._found.report(Check.SEQ, position, reason, entry, Step.STREAM)
        elif last is not None and entry.raw[AT] < last[0].raw[AT]:
            reason = f"{format_time(entry.at)} is before the time of the entry before it in its stream, at {place}"
            self._found.report(Check.TIME, position, reason, entry, Step.TIME)
        prev = genesis(self._registry.operator.origin, entry.stream) if last is None else chain(last[0].raw)
        if entry.prev != prev:
            before = "this log" if last is None else f"the entry at position {place}"
            reason = f"the entry does not follow {before}: prev differs"
            self._found.report(Check.CHAIN, position, reason, entry, Step.STREAM)

    def _act(self, entry: Entry, position: Position, event: CredentialEvent) -> None:
        state = self._award.known(position)
        if state is not None and entry.by != state.issuer:
            reason = f"{entry.by} acts on an award of {state.issuer}"
            self._found.report(Check.SIGNER, position, reason, entry, Step.STREAM)
        try:
            credentials.permit(state, event)
        except LedgerError as error:
            self._found.report(Check.ORDER, position, str(error), entry, Step.STREAM)
            return
        if isinstance(event, CredentialAwarded | CredentialAmended):
            self._claims.claim(entry, position, event)
        if self._parts is not None:
            self._parts.check(entry, position, event, state)
        self._award.add(entry, position)
