"""The second pass of an audit, stream by stream: chains, the order of acts on each award, and its status slots.

What an act could follow is decided with what was known at its position: a key reported as stolen later was a good key
then. Who signed each entry was asked in the first pass (`ledger.audit.registry`).
"""

from dataclasses import dataclass, field
from types import UnionType

from ledger.audit.parts import Parts
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings
from ledger.audit.source import AuditSource
from ledger.audit.tables import Slots
from ledger.domain import credential as credentials
from ledger.domain.credential import Credential
from ledger.domain.events import AchievementEvent, CredentialEvent, IssuerEvent, LogEvent, PathwayEvent, Recorded
from ledger.domain.issuer import Issuer
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import chain, genesis

_FAMILIES: tuple[type | UnionType, ...] = (CredentialEvent, AchievementEvent, PathwayEvent, IssuerEvent, LogEvent)


@dataclass(slots=True, kw_only=True)
class _Award:
    """One award's stream as far as it was read."""

    issuer: Issuer | None
    history: list[Recorded] = field(default_factory=list)
    state: Credential | None = None
    reports: int = 0  # of stolen keys, that the state takes into account


class StreamRules:
    """Takes every entry, stream by stream, and reports what breaks a chain or a rule."""

    def __init__(self, source: AuditSource, registry: Registry, parts: Parts, slots: Slots, found: Findings) -> None:
        self._source = source
        self._registry = registry
        self._parts = parts
        self._slots = slots
        self._found = found
        self._last: tuple[Entry, Position] | None = None
        self._family: type | UnionType = LogEvent
        self._award = _Award(issuer=None)

    def run(self) -> None:
        """Read every row. Those that the first pass found to be no entry, or in another's place, are left out."""
        for position, originator, version, _, state in self._source.entries_by_stream():
            if type(position) is not int or position < 1 or type(state) is not bytes:
                continue
            try:
                entry = parse_entry(state)
            except LedgerError:
                continue
            if (originator, version) == (entry.stream.hex, entry.seq):
                self._entry(entry, Position(position))

    def _entry(self, entry: Entry, position: Position) -> None:
        recorded = entry.recorded(position)
        last = self._last
        if last is None or last[0].stream != entry.stream:
            self._begin(recorded)
            last = None
        self._link(entry, recorded, last)
        self._last = (entry, position)
        event = recorded.event
        if not isinstance(event, self._family):
            reason = f"a {entry.type} stands in a stream that began as something else"
            self._found.report(Check.ORDER, position, reason, recorded)
            return
        if isinstance(event, CredentialEvent):
            self._act(recorded, event)

    def _begin(self, recorded: Recorded) -> None:
        self._family = next(family for family in _FAMILIES if isinstance(recorded.event, family))
        self._award = _Award(issuer=self._registry.issuers.get(recorded.by))
        self._parts.begin()

    def _link(self, entry: Entry, recorded: Recorded, last: tuple[Entry, Position] | None) -> None:
        """What ties an entry to the one before it in its stream, or to the beginning of the log."""
        position = recorded.position
        seq, place = (0, 0) if last is None else (last[0].seq + 1, last[1])
        if entry.seq != seq:
            reason = f"the stream goes on with seq {entry.seq}, where {seq} is due"
            self._found.report(Check.SEQ, position, reason, recorded)
        if position < place:
            reason = f"seq {entry.seq} stands before seq {entry.seq - 1}, which is at position {place}"
            self._found.report(Check.SEQ, position, reason, recorded)
        prev = genesis(self._registry.operator.origin, entry.stream) if last is None else chain(last[0].raw)
        if entry.prev != prev:
            before = "this log" if last is None else f"the entry at position {place}"
            self._found.report(Check.CHAIN, position, f"the entry does not follow {before}: prev differs", recorded)

    def _act(self, recorded: Recorded, event: CredentialEvent) -> None:
        award, position = self._award, recorded.position
        self._recall(award, position)
        state = award.state
        if state is not None and recorded.by != state.issuer:
            reason = f"{recorded.by} acts on an award of {state.issuer}"
            self._found.report(Check.SIGNER, position, reason, recorded)
        try:
            credentials.permit(state, event)
        except LedgerError as error:
            self._found.report(Check.ORDER, position, str(error), recorded)
            return
        self._slots.claim(recorded, event)
        self._parts.check(recorded, event, state)
        award.history.append(recorded)
        award.state = credentials.evolve(state, recorded, disowned=_disowned(award.issuer, recorded, position))

    def _recall(self, award: _Award, position: Position) -> None:
        """Fold anew if a key was reported as stolen since the last act: what it signed no longer counts."""
        if award.issuer is None:
            return
        reports = sum(report.known_at < position for report in award.issuer.reported())
        if reports != award.reports:
            award.reports = reports
            award.state = None
            for recorded in award.history:
                disowned = _disowned(award.issuer, recorded, position)
                award.state = credentials.evolve(award.state, recorded, disowned=disowned)


def _disowned(issuer: Issuer | None, recorded: Recorded, known_before: Position) -> bool:
    return issuer is not None and issuer.disowns(recorded.kid, recorded.position, known_before=known_before)
