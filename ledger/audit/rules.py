"""The second pass of an audit, stream by stream: the bytes and signatures of awards, chains, the order of acts, slots.

It is cut into ranges of streams that any process may take. What an act could follow, and who could sign it, is decided
with what was known at its position: a key reported as stolen later was a good key then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from types import UnionType

from ledger.audit.award import AwardSoFar
from ledger.audit.entries import award_parts, bytes_of, check_entry, read_entry
from ledger.audit.parts import Parts
from ledger.audit.positions import Marks
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Found, Step
from ledger.audit.source import AuditSource, EntryRow, PartOpener
from ledger.audit.stacks import StackKeys
from ledger.audit.tables import SlotClaims, UsedList
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
from ledger.domain.types import Did, Kid, ListId, Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import chain, genesis

_FAMILIES: tuple[type | UnionType, ...] = (CredentialEvent, AchievementEvent, PathwayEvent, IssuerEvent, LogEvent)
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
            parts = Parts(source, opener, self.registry, found)
            rules = StreamRules(self.registry, parts, claims, found)
        signers = None if self.registry is None else Signers(self.registry, found)
        reading = _Reading(signers, found)
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
            keys=StackKeys() if parts is None or parts.stacks is None else parts.stacks.keys,
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

    def check(self, entry: Entry, position: Position) -> None:
        """Report unless the key could sign the entry, by what was known at its position."""
        signer = entry.by, entry.kid
        first, last = self._good.get(signer, (1, 0))
        if first <= position <= last and not self._registry.is_owned(entry.stream):
            return
        recorded = entry.recorded(position)
        try:
            self._registry.check_award(recorded)
        except LedgerError as error:
            self._found.report(Check.SIGNER, position, str(error), recorded, Step.SIGNER)
            return
        if len(self._good) >= _MOST_WINDOWS:
            self._good.clear()
        self._good[signer] = self._registry.era(entry.by, position)


class _Reading:
    """Reads rows into entries, and asks each entry of an award what it can be asked by itself."""

    def __init__(self, signers: Signers | None, found: Findings) -> None:
        self.rows = 0
        self.unsound = Marks()
        self._signers = signers
        self._found = found

    def entries(self, rows: list[EntryRow]) -> list[tuple[Entry, Position]]:
        """Those rows that are entries in the place that they name."""
        good = []
        for row in rows:
            if type(row[0]) is not int or row[0] < 1:
                continue
            self.rows += 1
            position = Position(row[0])
            if award_parts(bytes_of(row)) is None:  # asked in the first pass
                entry = _entry(row)
            else:
                entry = self._award(row, position)
            if entry is not None and (row[1], row[2]) == (entry.stream.hex, entry.seq):
                good.append((entry, position))
        return good

    def _award(self, row: EntryRow, position: Position) -> Entry | None:
        entry = read_entry(row, position, self._found)
        if entry is None or not check_entry(entry, row, position, self._found):
            self.unsound.add(position)
        elif self._signers is not None:
            self._signers.check(entry, position)
        return entry


def _entry(row: EntryRow) -> Entry | None:
    try:
        return parse_entry(bytes_of(row))
    except LedgerError:
        return None


class StreamRules:
    """Takes entries stream by stream, and reports what breaks a chain or a rule."""

    def __init__(self, registry: Registry, parts: Parts, claims: SlotClaims, found: Findings) -> None:
        self._registry = registry
        self._parts = parts
        self._claims = claims
        self._found = found
        self._last: tuple[Entry, Position] | None = None
        self._family: type | UnionType = LogEvent
        self._award = AwardSoFar(None)

    def take(self, entries: list[tuple[Entry, Position]]) -> None:
        """The next entries, some hundred at a time."""
        versions = [entry.event for entry, _ in entries]
        self._claims.fetch(
            (event.list, event.slot) for event in versions if isinstance(event, CredentialAwarded | CredentialAmended)
        )
        self._parts.fetch([position for entry, position in entries if entry.commit])
        for entry, position in entries:
            self._entry(entry, position)

    def _entry(self, entry: Entry, position: Position) -> None:
        last = self._last
        if last is None or last[0].stream != entry.stream:
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
        self._parts.begin()

    def _link(self, entry: Entry, position: Position, last: tuple[Entry, Position] | None) -> None:
        """What ties an entry to the one before it in its stream, or to the beginning of the log."""
        seq, place = (0, 0) if last is None else (last[0].seq + 1, last[1])
        if entry.seq != seq:
            reason = f"the stream goes on with seq {entry.seq}, where {seq} is due"
            self._found.report(Check.SEQ, position, reason, entry, Step.STREAM)
        if position < place:
            reason = f"seq {entry.seq} stands before seq {entry.seq - 1}, which is at position {place}"
            self._found.report(Check.SEQ, position, reason, entry, Step.STREAM)
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
        self._parts.check(entry, position, event, state)
        self._award.add(entry, position)
