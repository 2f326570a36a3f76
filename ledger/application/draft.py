"""One decision in the making: what it read, what it would record, sealed and guarded.

A draft remembers every stream it read, so that the append transaction can refuse a decision made on something that has
changed since. How a draft is appended, and made again, is decided in `ledger.application.desk`.
"""

from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ledger.application.folding import Folds
from ledger.application.ports import (
    Boxes,
    Entropy,
    Guard,
    Idempotency,
    LearnerKey,
    Name,
    Proposal,
    SealedPart,
    SlotClaim,
    Snapshot,
    Store,
    Stream,
)
from ledger.domain import achievement as achievement_rules
from ledger.domain import issuer as issuer_rules
from ledger.domain.authority import Operator, check_signer
from ledger.domain.codes import stream_id
from ledger.domain.events import Event, Recorded
from ledger.domain.types import Did, Digest, LinkCode, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Part, Role
from ledger.record.commitment import SALT, Opening, commitment
from ledger.record.entry import parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.record.sealing import Sealed, chain, genesis, seal
from ledger.signing.signer import Signer
from ledger.verification.evidence import Head, Placed

_DRAWS = (1, 8, 64)  # slots drawn at a time: in a list that is half full every second one is free
_EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first


def latest_day(now: datetime) -> date:
    """The last day that is not in the future somewhere on earth."""
    return (now + _EARLIEST_ZONE).date()


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """How the learner's certificate names an award."""

    code: LinkCode
    short_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What has been read of the store, shared by the drafts of one batch."""

    snapshot: Snapshot | None = None  # where the rest is read, if it is open for as long as the drafts are made
    head: Head
    at: datetime  # the recorded time of what is decided on it: the later of the clock and the head's
    loaded: dict[StreamId, Stream | None] = field(default_factory=dict)
    lists: dict[StreamId, ListId] = field(default_factory=dict)  # issuer -> the status list that takes its next award
    named: dict[tuple[StreamId, str], StreamId | None] = field(default_factory=dict)  # achievements of an issuer
    drawn: dict[ListId, set[Slot]] = field(default_factory=dict)  # bits drawn by its drafts
    free: dict[ListId, deque[Slot]] = field(default_factory=dict)  # those of them that no award has, nor a draft
    signers: dict[tuple[StreamId, Role, Position], Signer] = field(default_factory=dict)  # of an issuer, for a position


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What a draft is made with."""

    store: Store
    boxes: Boxes
    entropy: Entropy
    operator: Operator
    issuers: Folds[issuer_rules.Issuer]
    achievements: Folds[achievement_rules.Achievement]


class Draft:
    """One decision in the making: what it read and what it would record."""

    def __init__(self, instruments: Instruments, reading: Reading) -> None:
        head = reading.head
        self._with = instruments
        self._reading = reading
        self._loaded = reading.loaded
        self._lists = reading.lists
        self.signers = reading.signers
        self.named = reading.named
        self._read: dict[StreamId, Seq] = {}
        self._ends: dict[StreamId, tuple[Seq, bytes]] = {}
        self._events: list[Sealed] = []
        self._parts: list[SealedPart] = []
        self.at = reading.at
        self._base = head.size
        self.definitions: list[tuple[Digest, bytes]] = []
        self.names: list[Name] = []
        self.slots: list[SlotClaim] = []
        self.codes: dict[StreamId, Codes] = {}  # of the awards in it
        self.short_codes: list[tuple[bytes, StreamId]] = []
        self.stacks: list[tuple[bytes, StreamId]] = []

    @property
    def position(self) -> Position:
        """Where the next event would stand if nobody else records anything first."""
        return Position(self._base + len(self._events) + 1)

    @property
    def latest_day(self) -> date:
        """The last day that is not in the future."""
        return latest_day(self.at)

    def look(self) -> AbstractContextManager[Snapshot]:
        """What the draft is made on, for another look: all that is read of it must be guarded by the proposal."""
        snapshot = self._reading.snapshot
        return self._with.store.snapshot() if snapshot is None else nullcontext(snapshot)

    def history(self, stream: StreamId) -> tuple[Recorded, ...]:
        """The recorded events of a stream, which this decision then depends on; none where there is no stream."""
        if stream not in self._loaded:
            self._loaded[stream] = self._with.store.load(stream)
        folded = self._loaded[stream]
        if folded is None:
            return ()
        recorded = tuple(folded.recorded)
        last = recorded[-1]
        # The stream may have grown after the head was read: a key retired at 9 must not look in force "at 9".
        self._base = max(self._base, last.position)
        # Another process, with a clock of its own, may have recorded it after the head was read.
        self.at = max(self.at, last.at)
        self._read.setdefault(stream, last.seq)
        self._ends.setdefault(stream, (last.seq, folded.last))
        return recorded

    def follow(self, stream: StreamId, last: Placed) -> None:
        """Let what is recorded next in a stream follow its last entry; the others before it are not read."""
        entry = parse_entry(last.raw)
        self._base = max(self._base, last.position)
        self.at = max(self.at, entry.at)
        self._ends.setdefault(stream, (entry.seq, last.raw))

    def end(self, stream: StreamId) -> tuple[Seq, bytes]:
        """The seq and the bytes of the last entry of a stream that this decision has read."""
        return self._ends[stream]

    def issuer(self, stream: StreamId) -> issuer_rules.Issuer:
        """The issuer of a stream.

        Raises:
            IssuerNotRegistered.
        """
        state = self._with.issuers.state(stream, self.history(stream))
        if state is None:
            raise issuer_rules.IssuerNotRegistered("there is no such issuer")
        return state

    def achievement(self, stream: StreamId) -> achievement_rules.Achievement:
        """The achievement of a stream.

        Raises:
            AchievementNotDefined.
        """
        state = self._with.achievements.state(stream, self.history(stream))
        if state is None:
            raise achievement_rules.AchievementNotDefined("there is no such achievement")
        return state

    def claim_slot(self, issuer: StreamId, stream: StreamId, seq: Seq) -> SlotClaim:
        """Claim a random bit of a status list of the issuer that is less than half full, or of a new list."""
        with self.look() as snapshot:
            if issuer not in self._lists:
                self._lists[issuer] = snapshot.status_list(issuer) or ListId(self._with.entropy.bytes(16))
            slot = self._free_slot(snapshot, self._lists[issuer])
        claim = SlotClaim(list=self._lists[issuer], slot=slot, issuer=issuer, stream=stream, seq=seq)
        self.slots.append(claim)
        return claim

    def _free_slot(self, snapshot: Snapshot, status_list: ListId) -> Slot:
        """A random bit that no award has, nor another draft of the same reading; after many draws whichever it is.

        They are drawn ahead, the more of them the more were used, so that many drafts look for theirs in one go.
        """
        reading = self._reading
        free = reading.free.setdefault(status_list, deque())
        for _ in _DRAWS:
            if free:
                return free.popleft()
            drawn = reading.drawn.setdefault(status_list, set())
            count = next((each for each in _DRAWS if each > len(drawn)), _DRAWS[-1])
            slots = [slot for slot in dict.fromkeys(self._slot() for _ in range(count)) if slot not in drawn]
            drawn.update(slots)
            taken = snapshot.slots_taken(status_list, slots)
            free.extend(slot for slot in slots if slot not in taken)
        return free.popleft() if free else self._slot()

    def _slot(self) -> Slot:
        return Slot(self._with.entropy.below(STATUS_LIST_SLOTS))

    def new_stream(self) -> StreamId:
        """An id for a new stream."""
        return stream_id(milliseconds(self.at), self._with.entropy.bytes(10))

    def record(
        self,
        event: Event,
        *,
        stream: StreamId,
        by: Did,
        signer: Signer,
        issuers_known: Mapping[Did, issuer_rules.Issuer],
        parts: Mapping[Part, bytes] | None = None,
        key: LearnerKey | None = None,
    ) -> Recorded:
        """Seal `event` as the next of `stream`, after the signer table has let it pass.

        Args:
            parts, key: the private parts that its type commits to, and the learner's key for them.
        """
        end = self._ends.get(stream)
        seq = Seq(0 if end is None else end[0] + 1)
        openings = {
            part: Opening(salt=self._with.entropy.bytes(SALT), content=content)
            for part, content in (parts or {}).items()
        }
        recorded = Recorded(
            event=event,
            stream=stream,
            seq=seq,
            position=self.position,
            at=self.at,
            by=by,
            kid=signer.kid,
            commit={part: commitment(part, openings[part]) for part in SCHEMA_OF[type(event)].parts},
        )
        check_signer(recorded, operator=self._with.operator, issuers=issuers_known, owner=self._owner(stream))
        prev = genesis(self._with.operator.origin, stream) if end is None else chain(end[1])
        sealed = seal(recorded, prev=prev, signer=signer)
        if key is not None:
            self._box(recorded, openings, key)
        self._events.append(sealed)
        self._ends[stream] = (seq, sealed.entry)
        return recorded

    def _box(self, recorded: Recorded, openings: Mapping[Part, Opening], key: LearnerKey) -> None:
        """Encrypt the private parts of the next event."""
        for part, opening in openings.items():
            box = self._with.boxes.seal(key, opening, stream=recorded.stream, seq=recorded.seq, part=part)
            self._parts.append(SealedPart(event=len(self._events), part=part, key_id=key.key_id, box=box))

    def _owner(self, stream: StreamId) -> Did | None:
        """Who stated the first event of a stream; None where there is none yet."""
        history = self._loaded.get(stream)
        return history.recorded[0].by if history is not None else self._first_by(stream)

    def _first_by(self, stream: StreamId) -> Did | None:
        return next((each.recorded.by for each in self._events if each.recorded.stream == stream), None)

    def proposal(self, answer: tuple[StreamId, Seq], idempotency: Idempotency | None) -> Proposal:
        """Everything this draft would record, guarded by every other stream it read."""
        written = {each.recorded.stream for each in self._events}
        guards = tuple(Guard(stream=stream, seq=seq) for stream, seq in self._read.items() if stream not in written)
        return Proposal(
            events=tuple(self._events),
            answer=answer,
            guards=guards,
            parts=tuple(self._parts),
            definitions=tuple(self.definitions),
            names=tuple(self.names),
            slots=tuple(self.slots),
            short_codes=tuple(self.short_codes),
            stacks=tuple(self.stacks),
            idempotency=idempotency,
        )
