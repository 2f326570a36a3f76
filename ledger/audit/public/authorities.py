"""Entries that are no award's, in the order of positions: the log's own, issuers and what they offer.

They are few beside awards, so they are kept whole and folded anew at the beginning of each run.
"""

from types import UnionType

from ledger.audit.public.bundles import milliseconds
from ledger.audit.public.links import check_link, followed_by
from ledger.audit.public.state import AuditState, Follows
from ledger.audit.public.times import Bracket
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.domain import events as ev
from ledger.domain import log as logs
from ledger.domain.authority import Operator, check_signer
from ledger.domain.types import Position, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import possession_is_proved
from ledger.verification.statement import Statuses

_FAMILIES: tuple[type | UnionType, ...] = (ev.AchievementEvent, ev.PathwayEvent, ev.IssuerEvent, ev.LogEvent)


class Authorities:
    """Takes every entry that is no award's, and tells who may sign what."""

    def __init__(self, state: AuditState, operator: Operator, found: Findings) -> None:
        """As far as the log was read; what is wrong with that is reported once more."""
        self.log: logs.Log | None = None
        self.registry = Registry(operator, found)
        self._state = state
        self._found = found
        self._follows: dict[StreamId, Follows] = {}
        self._families: dict[StreamId, type | UnionType] = {}
        self._new: list[tuple[Position, bytes]] = []
        for position, raw in state.others():
            self._fold(parse_entry(raw), position)
        progress = state.progress()
        if progress is not None and progress.log is not None:  # statements are not kept
            self._follows[operator.stream] = progress.log
        self._new = []

    @property
    def log_follows(self) -> Follows | None:
        """The end of the log's own stream."""
        return self._follows.get(self.registry.operator.stream)

    def knows(self, stream: StreamId) -> bool:
        """Whether the stream began as something else than an award."""
        return stream in self._families

    def take(self, entry: Entry, position: Position) -> bool:
        """The next entry that is no award's, or that stands in a stream that is none; whether it counts."""
        origin = self.registry.operator.origin
        check_link(entry, position, self._follows.get(entry.stream), origin, self._found)
        return self._fold(entry, position)

    def flush(self) -> None:
        """Put what was taken into the state."""
        self._state.add_others(self._new)
        self._new = []

    def _fold(self, entry: Entry, position: Position) -> bool:
        self._follows[entry.stream] = followed_by(entry)
        event = entry.event
        if not isinstance(event, ev.StatusCommitted):
            self._new.append((position, entry.raw))
        own = next((family for family in _FAMILIES if isinstance(event, family)), ev.CredentialEvent)
        family = self._families.setdefault(entry.stream, own)
        if family is not own:
            reason = f"a {entry.type} stands in a stream that began as something else"
            self._found.report(Check.ORDER, position, reason, entry, Step.STREAM)
            return False
        if isinstance(event, ev.LogEvent):
            self._of_log(entry.recorded(position), event)
            return True
        return self.registry.admit(entry.recorded(position))

    def _of_log(self, recorded: ev.Recorded, event: ev.LogEvent) -> None:
        operator, position = self.registry.operator, recorded.position
        try:
            check_signer(recorded, operator=operator, issuers={}, owner=operator.did)
        except LedgerError as error:
            self._found.report(Check.SIGNER, position, str(error), recorded, Step.SIGNER)
            return
        try:
            logs.permit(self.log, event, at=position)
        except LedgerError as error:
            self._found.report(Check.ORDER, position, str(error), recorded, Step.STREAM)
            return
        if not possession_is_proved(operator.origin, recorded):
            reason = "the checkpoint key added did not sign for its own admission to this log"
            self._found.report(Check.POSSESSION, position, reason, recorded, Step.SIGNER)
            return
        self.log = logs.evolve(self.log, recorded)


def check_statement(
    entry: Entry, position: Position, said: ev.StatusCommitted, statuses: Statuses, bracket: Bracket, found: Findings
) -> None:
    """Hold a statement against what follows from the entries before it, all of which were taken."""
    statuses.skip(position - 1)
    due = statuses.statement()
    for name, wrong in (
        ("lists, of which there are", (said.lists, due.lists)),
        ("statuses", (said.status, due.status)),
        ("keys and recognitions", (said.authority, due.authority)),
    ):
        if wrong[0] != wrong[1]:
            reason = f"the statement does not say of {name} what follows from the entries before it"
            found.report(Check.STATEMENT, position, reason, entry, Step.STREAM)
    bracket.close(position, milliseconds(entry.at))
