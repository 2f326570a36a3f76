"""Awards in the order of positions: what may follow in each stream, by whom, and what that does to its standing.

What an act could follow, and who could sign it, is decided with what was known at its position.
"""

from collections import OrderedDict
from datetime import UTC, datetime

from ledger.audit.public.bundles import Award, link_bits, milliseconds, stream_bits
from ledger.audit.public.links import check_link
from ledger.audit.public.slots import SlotUse
from ledger.audit.public.state import AuditState, Follows, Head, NewAct, NewAward
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.domain import credential as credentials
from ledger.domain import events as ev
from ledger.domain.credential import Credential
from ledger.domain.status import Act, act_of
from ledger.domain.types import Did, Digest, Kid, Position, Seq, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import Entry
from ledger.record.sealing import chain
from ledger.verification.statement import Statuses

_MOST_STANDINGS = 4096  # awards whose standing is remembered, so that each of many acts need not fold all before it
_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_SOME_LINK = Digest(bytes(32))
_AWARD_PARTS = len(ev.PARTS[ev.CredentialIssued])


class Awards:
    """Takes the entries of awards in the order of positions, and reports what breaks a chain or a rule."""

    def __init__(self, state: AuditState, registry: Registry, statuses: Statuses, found: Findings) -> None:
        """As far as the log was read."""
        self.committed = 0  # private parts to which the entries taken commit
        self.stacks = 0
        self.slots = SlotUse(state.lists())
        self._state = state
        self._registry = registry
        self._statuses = statuses
        self._found = found
        self._heads: dict[bytes, Head] = {}  # of the streams in the bundle at hand
        self._new: list[NewAward] = []
        self._later: list[NewAct] = []
        self._unput: set[bytes] = set()  # streams of which something was not put into the state yet
        # Who may sign awards, as far as was found and nothing has changed since; such keys are not known as stolen.
        self._good: set[tuple[Did, Kid]] = set()
        self._standings: OrderedDict[bytes, Credential] = OrderedDict()

    def expect(self, streams: set[bytes]) -> None:
        """Look up the streams of the entries that come next."""
        self._heads = dict(self._state.heads(streams))

    def flush(self) -> None:
        """Put what was taken into the state."""
        if self._new:
            self._state.add_awards(self._new)
        if self._later:
            self._state.add_acts(self._later)
        self._new, self._later = [], []
        self._unput.clear()

    def forget(self, event: ev.Event) -> None:
        """What was found out about keys may no longer hold after this event."""
        if isinstance(event, ev.IssuerEvent):
            self._good.clear()
        if isinstance(event, ev.IssuerKeyCompromised):
            self._standings.clear()

    def knows(self, stream: StreamId) -> bool:
        """Whether the stream is an award's."""
        return stream.bytes in self._heads

    def take_plain(self, award: Award, position: Position) -> bool:
        """Take the first entry of an award, if all about it is as it nearly always is; else nothing is done."""
        by, kid, stream = award.by, award.kid, award.stream
        if stream in self._heads or (by, kid) not in self._good or not self.slots.knows(award.list):
            return False
        if self._registry.is_owned(stream.hex()):
            return False
        fault = self.slots.take(award.list, award.slot, by)
        if fault is not None:
            return False  # said when it is taken as any other entry
        self.committed += _AWARD_PARTS
        self.stacks += award.is_stack
        self._statuses.skip(position)  # no bit changes, and its list was begun
        self._heads[stream] = Head(by, Follows(Seq(0), award.head, award.at))
        self._unput.add(stream)
        self._new.append(
            NewAward(stream, position, by, kid, award.list, award.slot, award.is_stack, award.head, award.at)
        )
        return True

    def take(self, entry: Entry, position: Position) -> None:
        """Take any entry of an award."""
        recorded, stream = entry.recorded(position), entry.stream.bytes
        self.committed += len(entry.commit)
        head = self._heads.get(stream)
        follows = None if head is None else head.follows
        check_link(entry, position, follows, self._registry.operator.origin, self._found)
        self._check_signer(recorded, head)
        event, act = entry.event, act_of(recorded)
        if act is None or not isinstance(event, ev.CredentialEvent):
            reason = f"a {entry.type} stands in a stream that began as something else"
            self._found.report(Check.ORDER, position, reason, entry, Step.STREAM)
            return
        if not self._permitted(entry, position, event, head):
            return
        if act.list is not None and act.slot is not None:
            fault = self.slots.take(act.list, act.slot, entry.by)
            if fault is not None:
                self._found.report(Check.SLOT, position, fault, recorded, Step.STREAM)
        self._statuses.take_act(entry.stream, act, first=head is None)
        self._add(entry, position, act, head)

    def _check_signer(self, recorded: ev.Recorded, head: Head | None) -> None:
        """Report unless the key could sign the entry, by what was known at its position."""
        try:
            self._registry.check_award(recorded)
            self._good.add((recorded.by, recorded.kid))
        except LedgerError as error:
            self._found.report(Check.SIGNER, recorded.position, str(error), recorded, Step.SIGNER)
            return
        if head is not None and head.by != recorded.by:
            reason = f"{recorded.by} acts on an award of {head.by}"
            self._found.report(Check.SIGNER, recorded.position, reason, recorded, Step.STREAM)

    def _permitted(self, entry: Entry, position: Position, event: ev.CredentialEvent, head: Head | None) -> bool:
        if isinstance(event, ev.CredentialAwarded):
            self.stacks += isinstance(event, ev.CredentialStacked)
            if link_bits(event.link) != stream_bits(entry.stream.int):
                reason = "the stream is not the one to which the code of this link leads"
                self._found.report(Check.ENTRY, position, reason, entry, Step.ENTRY)
        state = None if head is None else self._standing(entry.stream)
        try:
            credentials.permit(state, event)
        except LedgerError as error:
            self._found.report(Check.ORDER, position, str(error), entry, Step.STREAM)
            return False
        return True

    def _add(self, entry: Entry, position: Position, act: Act, head: Head | None) -> None:
        stream, at = entry.stream.bytes, milliseconds(entry.at)
        follows = Follows(entry.seq, chain(entry.raw), at)
        self._unput.add(stream)
        if head is None and act.list is not None and act.slot is not None:
            self._heads[stream] = Head(entry.by, follows)
            is_stack = isinstance(entry.event, ev.CredentialStacked)
            self._new.append(
                NewAward(stream, position, entry.by, entry.kid, act.list, act.slot, is_stack, follows.prev, at)
            )
        elif head is not None:
            self._heads[stream] = Head(head.by, follows)
            self._later.append(NewAct(stream, entry.by, act, follows))
            self._remember(stream, self._evolved(self._standings.get(stream), entry.stream, entry.seq, act))

    # ---- how an award stands

    def _standing(self, stream: StreamId) -> Credential | None:
        """The award, by all that is known now."""
        known = self._standings.get(stream.bytes)
        if known is not None:
            return known
        if stream.bytes in self._unput:
            self.flush()
        for seq, act in enumerate(self._state.acts([stream]).get(stream, ())):
            known = self._evolved(known, stream, Seq(seq), act)
        self._remember(stream.bytes, known)
        return known

    def _evolved(self, state: Credential | None, stream: StreamId, seq: Seq, act: Act) -> Credential:
        issuer = self._registry.issuers.get(act.by if state is None else state.issuer)
        disowned = issuer is not None and issuer.disowns(act.kid, act.position)
        recorded = ev.Recorded(
            event=_event(act, seq),
            stream=stream,
            seq=seq,
            position=act.position,
            at=_SOME_TIME,  # no rule asks for the time of an act
            by=act.by,
            kid=act.kid,
            commit={},
        )
        return credentials.evolve(state, recorded, disowned=disowned)

    def _remember(self, stream: bytes, state: Credential | None) -> None:
        if state is None:
            return
        self._standings[stream] = state
        self._standings.move_to_end(stream)
        if len(self._standings) > _MOST_STANDINGS:
            self._standings.popitem(last=False)


def _event(act: Act, seq: Seq) -> ev.CredentialEvent:
    """An event of that kind; what no rule asks for stands in it as zeros."""
    if act.list is not None and act.slot is not None:
        if seq == 0:
            return ev.CredentialIssued(link=_SOME_LINK, list=act.list, slot=act.slot)
        return ev.CredentialAmended(list=act.list, slot=act.slot)
    if act.kind == "suspended":
        return ev.CredentialSuspended()
    return ev.CredentialReinstated() if act.kind == "reinstated" else ev.CredentialRevoked()
