"""Makes proposals for tests of stores: sealed entries, chained as they should be, about nothing in particular."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ledger.application.ports import Guard, Idempotency, Name, Proposal, SealedPart, SlotClaim
from ledger.domain.codes import stream_id
from ledger.domain.events import (
    CredentialSuspended,
    Event,
    IssuerProfileChanged,
    LogKeyAdded,
    LogKeyRetired,
    LogStarted,
    Recorded,
    StatusCommitted,
)
from ledger.domain.types import Did, Digest, ListId, Origin, Position, Seq, Slot, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening, commitment
from ledger.record.sealing import Sealed, chain, genesis, seal
from ledger.signing.signer import Ed25519Signer

ORIGIN = Origin("localhost:8000/log")
BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIST = ListId(b"status-list-0001")
OTHER_LIST = ListId(b"status-list-0002")
_SIGNER = Ed25519Signer(bytes(range(32)))
_OTHER = Ed25519Signer(bytes(range(1, 33)))
_DID = Did("did:web:localhost%3A8000:issuers:college")


def stream(number: int) -> StreamId:
    """The same stream for the same number."""
    return stream_id(1_764_000_000_000 + number, number.to_bytes(10))


def guard(number: int, seq: int) -> Guard:
    """That this stream ended with this seq."""
    return Guard(stream=stream(number), seq=Seq(seq))


def name(text: str, number: int, scope: str = "issuer") -> Name:
    """A short name of a stream."""
    return Name(scope=scope, name=text, stream=stream(number))


def claim(slot: int, number: int, *, status_list: ListId = LIST, issuer: int = 900, seq: int = 0) -> SlotClaim:
    """A bit for a version of an award."""
    return SlotClaim(list=status_list, slot=Slot(slot), issuer=stream(issuer), stream=stream(number), seq=Seq(seq))


def idempotency(key: bytes, request: bytes = b"request", scope: str = "college") -> Idempotency:
    """Which request this is."""
    return Idempotency(scope=scope, key=key, request=request)


class Scribe:
    """Remembers the last entry that it made for each stream, recorded or not."""

    def __init__(self) -> None:
        """Know no stream."""
        self._last: dict[tuple[StreamId, int], bytes] = {}

    def entry(
        self,
        number: int,
        seq: int,
        *,
        at: datetime = BEGIN,
        parts: Mapping[Part, Opening] | None = None,
        event: Event | None = None,
    ) -> Sealed:
        """The entry `seq` of a stream; with private parts, or where an event is given, it is another type."""
        event = event or IssuerProfileChanged(digest=Digest(bytes(32)), version=seq + 2)
        if parts is not None:
            event = CredentialSuspended()
        recorded = Recorded(
            event=event,
            stream=stream(number),
            seq=Seq(seq),
            position=Position(1),  # a guess, as every writer's: the store gives it
            at=at,
            by=_DID,
            kid=_SIGNER.kid,
            commit={part: commitment(part, opening) for part, opening in (parts or {}).items()},
        )
        before = self._last.get((stream(number), seq - 1))
        prev = genesis(ORIGIN, stream(number)) if before is None else chain(before)
        sealed = seal(recorded, prev=prev, signer=_SIGNER)
        self._last[stream(number), seq] = sealed.entry
        return sealed

    def log(self, number: int) -> Sequence[Sealed]:
        """A log's own stream: it begins, states how things stand, and adds a key and retires one."""
        events: Sequence[Event] = (
            LogStarted(origin=ORIGIN, event_key=_SIGNER.kid, checkpoint_key=_OTHER.kid),
            StatusCommitted(size=1, lists=0, status=Digest(bytes(32)), authority=Digest(bytes(32))),
            LogKeyAdded(key=_SIGNER.kid, proof=bytes(64)),
            LogKeyRetired(key=_OTHER.kid),
        )
        return [self.entry(number, seq, event=event) for seq, event in enumerate(events)]

    def proposal(self, number: int, seq: int = 0, *, at: datetime = BEGIN) -> Proposal:
        """A proposal of one entry."""
        return Proposal(events=(self.entry(number, seq, at=at),), answer=(stream(number), Seq(seq)))

    def private(self, number: int, seq: int = 0) -> Proposal:
        """A proposal of one entry with two private parts beside it."""
        contents = {part: Opening(salt=bytes(32), content=part.encode()) for part in (Part.FACTS, Part.INTERNAL)}
        parts = tuple(SealedPart(event=0, part=part, key_id=bytes(16), box=part.encode()) for part in contents)
        events = (self.entry(number, seq, parts=contents),)
        return Proposal(events=events, answer=(stream(number), Seq(seq)), parts=parts)

    def keyed(self, number: int, key: bytes, request: bytes = b"request", scope: str = "college") -> Proposal:
        """A proposal with an idempotency key."""
        return replace(self.proposal(number), idempotency=idempotency(key, request, scope))


def later(seconds: float) -> datetime:
    """Seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)
