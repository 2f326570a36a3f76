"""Signs living awards again whose documents bear the signature of a key that was reported as stolen.

Such a key is no longer in the issuer's DID document, so that other verifiers refuse whatever it signed, also what it
signed before it was stolen. Each such award gets a new version that says the same, with a document by a good key.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from ledger.application.awards import AwardRecord, Awards
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuing import record_award
from ledger.application.ports import Caller
from ledger.domain.award import Act
from ledger.domain.credential import permit
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.issuer import Issuer
from ledger.domain.types import Kid, Position, Seq, StreamId
from ledger.domain.values import Reason
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry

MOST_AT_ONCE = 200  # awards that one call signs again
_TEXT = "Signed again with another key; nothing that it says has changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What signing again would change."""

    keys: tuple[Kid, ...]  # reported as stolen, or brought in by such a key
    awards: int  # living ones whose document one of them signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one call came to."""

    signed: int
    next: Position | None  # where the following call goes on; None at the end


class NothingToSignAgain(LedgerError):
    """The award needs no new signature."""


class Resigning:
    """The job that signs again."""

    def __init__(self, desk: Desk, awards: Awards) -> None:
        self._desk = desk
        self._awards = awards

    def preview(self, caller: Caller, issuer: StreamId) -> Affected:
        """Which keys, and how many awards."""
        draft = self._desk.draft()
        state = draft.issuer(issuer)
        kids = reported(state)
        found = sum(1 for _, stream in self._candidates(state, kids, Position(0)) if self._is_due(caller, stream))
        return Affected(keys=kids, awards=found)

    async def run(self, caller: Caller, issuer: StreamId, after: Position) -> Progress:
        """Sign at most `MOST_AT_ONCE` awards again, whose first entries stand beyond `after`, in order.

        Safe to repeat: an award that was signed again is passed over.

        Raises:
            NoUsableKey: no good key of the issuer is held here.
            ConflictError, OutcomeUnknown, LedgerBusy: what was signed again so far stays; call again.
        """
        state = self._desk.draft().issuer(issuer)
        signed = 0
        for position, stream in self._candidates(state, reported(state), after):
            if not self._is_due(caller, stream):
                continue
            if signed == MOST_AT_ONCE:
                return Progress(signed=signed, next=Position(position - 1))
            try:
                await self._desk.commit(lambda draft, stream=stream: self._again(draft, caller, stream))  # type: ignore[misc]
            except NothingToSignAgain:  # somebody else did it meanwhile
                continue
            signed += 1
        return Progress(signed=signed, next=None)

    def _candidates(
        self, issuer: Issuer, kids: tuple[Kid, ...], after: Position
    ) -> Iterator[tuple[Position, StreamId]]:
        """The first entries of awards that one of these keys could have to do with, in the order of the log."""
        if not kids:
            return
        found = []
        with self._desk.store.snapshot() as snapshot:
            for position, raw in snapshot.states(after):
                entry = parse_entry(raw)
                if isinstance(entry.event, CredentialAwarded) and entry.by == issuer.did:
                    found.append((position, entry.stream))
        yield from found

    def _is_due(self, caller: Caller, stream: StreamId) -> bool:
        draft = self._desk.draft()
        return self._due(draft, self._awards.read(caller, stream, draft))

    def _due(self, draft: Draft, record: AwardRecord) -> bool:
        credential = record.credential
        if credential.disowned or credential.revoked is not None:
            return False
        award, _ = record.version(credential.current.seq)
        if award.valid_until is not None and award.valid_until < _today(draft):
            return False
        kids = reported(record.issuer)
        if credential.current.kid in kids:
            return True
        return any(self._bears(draft, each.stream, credential.current.position, kids) for each in award.components)

    def _bears(self, draft: Draft, component: StreamId, position: Position, kids: tuple[Kid, ...]) -> bool:
        """Whether the document of a component, as it stood at a position, bears the signature of one of these keys."""
        versions = [
            each
            for each in draft.history(component)
            if isinstance(each.event, CredentialAwarded | CredentialAmended) and each.position < position
        ]
        return bool(versions) and versions[-1].kid in kids

    def _again(self, draft: Draft, caller: Caller, stream: StreamId) -> tuple[StreamId, Seq]:
        record = self._awards.read(caller, stream, draft)
        if not self._due(draft, record):
            raise NothingToSignAgain("the award bears the signature of a good key already")
        award, internal = record.version(record.credential.current.seq)
        claim = draft.claim_slot(record.issuer.stream, stream, Seq(record.credential.head + 1))
        event = CredentialAmended(list=claim.list, slot=claim.slot)
        permit(record.credential, event)
        act = Act(reason=Reason.OTHER, mode=None, effective=_today(draft), text=_TEXT)
        key = self._desk.vault.learner(record.issuer.stream, internal.student_number)
        internal = replace(internal, actor=caller.actor, notes=None)
        return stream, record_award(self._desk, draft, record.issuer, event, stream, award, act, internal, key)


def reported(issuer: Issuer) -> tuple[Kid, ...]:
    """The keys that the issuer's DID document does not name any more: what they signed is refused elsewhere."""
    last = Position(2**63 - 1)
    return tuple(kid for kid in issuer.keys if issuer.disowns(kid, last))


def _today(draft: Draft) -> date:
    return draft.at.date()
