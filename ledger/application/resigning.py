"""Signs living awards again whose documents bear the signature of a key that was reported as stolen.

Such a key is no longer in the issuer's DID document, so that other verifiers refuse whatever it signed, also what it
signed before it was stolen. Each such award gets a new version that says the same, with a document by a good key.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date

from ledger.application.awards import AwardRecord, Awards
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuing import record_award
from ledger.application.ports import Caller
from ledger.domain.award import Act
from ledger.domain.credential import permit
from ledger.domain.events import CredentialAmended, CredentialAwarded, CredentialStacked
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Kid, Position, Seq, StreamId
from ledger.domain.values import Reason
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry

MOST_AT_ONCE = 200  # awards that one call signs again
_PIECE = 1_000  # entries that are read at a time
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

    async def preview(self, caller: Caller, issuer: StreamId) -> Affected:
        """Which keys, and how many awards."""
        state = self._desk.draft().issuer(issuer)
        due = {stream async for _, stream in self._candidates(state, Position(0)) if self._is_due(caller, stream)}
        return Affected(keys=reported(state), awards=len(due))

    async def run(self, caller: Caller, issuer: StreamId, after: Position) -> Progress:
        """Sign at most `MOST_AT_ONCE` awards again, whose entries stand beyond `after`, in the order of the log.

        Safe to repeat: an award that was signed again is passed over.

        Raises:
            NoUsableKey: no good key of the issuer is held here.
            ConflictError, OutcomeUnknown, LedgerBusy: what was signed again so far stays; call again.
        """
        state = self._desk.draft().issuer(issuer)
        signed = 0
        async for position, stream in self._candidates(state, after):
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

    async def _candidates(self, issuer: Issuer, after: Position) -> AsyncIterator[tuple[Position, StreamId]]:
        """Entries of awards that a reported key could have to do with; it signed them, or they were built from others.

        Read piece by piece: a long log must not keep everybody else waiting.
        """
        kids = frozenset(reported(issuer))
        while kids:
            found, last = self._piece(issuer.did, kids, after)
            for each in found:
                yield each
                await asyncio.sleep(0)
            if last == after:
                return
            after = last
            await asyncio.sleep(0)

    def _piece(
        self, did: Did, kids: frozenset[Kid], after: Position
    ) -> tuple[list[tuple[Position, StreamId]], Position]:
        found, last = [], after
        with self._desk.store.snapshot() as snapshot:
            for position, raw in snapshot.states(after, _PIECE):
                entry, last = parse_entry(raw), position
                signed = isinstance(entry.event, CredentialAwarded | CredentialAmended) and entry.kid in kids
                if entry.by == did and (signed or isinstance(entry.event, CredentialStacked)):
                    found.append((position, entry.stream))
        return found, last

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
        return any(self._bears(draft, record, each.stream, kids) for each in award.components)

    def _bears(self, draft: Draft, stack: AwardRecord, component: StreamId, kids: tuple[Kid, ...]) -> bool:
        """Whether the document of a component that the stack's document holds bears the signature of one of these keys.

        It is that of the version that counted by what was known when the stack's document was made.
        """
        made = stack.credential.current.position
        versions = [
            each
            for each in draft.history(component)
            if isinstance(each.event, CredentialAwarded | CredentialAmended)
            and each.position < made
            and not stack.issuer.disowns(each.kid, each.position, known_before=made)
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
    return tuple(kid for kid in issuer.keys if issuer.is_stolen(kid))


def _today(draft: Draft) -> date:
    return draft.at.date()
