"""What every command shares: load, decide, seal, append with guards, and decide again if something changed.

A use case hands `Desk.commit` a function that decides on a fresh `Draft`. The draft remembers every stream it read, so
that the append transaction can refuse a decision made on something that has changed since.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from ledger import canonical
from ledger.application.ports import (
    Appended,
    Appender,
    Boxes,
    Caller,
    Clock,
    Entropy,
    Guard,
    Idempotency,
    IdempotencyMismatch,
    KeyStore,
    LearnerKey,
    Macs,
    Name,
    Proposal,
    SealedPart,
    SlotClaim,
    StaleDecision,
    Store,
    Stream,
    Vault,
    VersionConflict,
)
from ledger.domain import achievement as achievement_rules
from ledger.domain import credential as credential_rules
from ledger.domain import issuer as issuer_rules
from ledger.domain.authority import Operator, check_signer
from ledger.domain.codes import stream_id
from ledger.domain.definition import AchievementDefinition, Profile, read_definition, read_profile
from ledger.domain.events import Event, Recorded
from ledger.domain.types import Did, Digest, Kid, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Part, Role
from ledger.errors import LedgerError
from ledger.record.commitment import SALT, Opening, commitment
from ledger.record.schema import SCHEMA_OF
from ledger.record.sealing import Sealed, chain, genesis, seal
from ledger.signing.signer import Signer
from ledger.verification.evidence import Head

_ATTEMPTS = 4  # the first and three more
_DRAWS = 64  # of a slot: in a list that is half full every second one is free
_EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first


class NoUsableKey(LedgerError):
    """No key of the issuer that may sign this is held here."""


class UnknownDefinition(LedgerError):
    """The wording behind a digest is not in the ledger."""


def latest_day(now: datetime) -> date:
    """The last day that is not in the future somewhere on earth."""
    return (now + _EARLIEST_ZONE).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What has been read of the store, shared by the drafts of one batch."""

    head: Head
    at: datetime  # the recorded time of what is decided on it: the later of the clock and the head's
    loaded: dict[StreamId, Stream | None] = field(default_factory=dict)
    issuers: dict[StreamId, issuer_rules.Issuer] = field(default_factory=dict)
    achievements: dict[StreamId, achievement_rules.Achievement] = field(default_factory=dict)
    lists: dict[StreamId, ListId] = field(default_factory=dict)  # issuer -> the status list that takes its next award


class Draft:
    """One decision in the making: what it read and what it would record."""

    def __init__(self, desk: "Desk", reading: "Reading") -> None:
        head = reading.head
        self._desk = desk
        self._reading = reading
        self._loaded = reading.loaded
        self._lists = reading.lists
        self._read: dict[StreamId, Seq] = {}
        self._ends: dict[StreamId, tuple[Seq, bytes]] = {}
        self._events: list[Sealed] = []
        self._parts: list[SealedPart] = []
        self.at = reading.at
        self._base = head.size
        self.definitions: list[tuple[Digest, bytes]] = []
        self.names: list[Name] = []
        self.slots: list[SlotClaim] = []
        self.short_codes: list[tuple[bytes, StreamId]] = []

    @property
    def position(self) -> Position:
        """Where the next event would stand if nobody else records anything first."""
        return Position(self._base + len(self._events) + 1)

    @property
    def latest_day(self) -> date:
        """The last day that is not in the future."""
        return latest_day(self.at)

    def history(self, stream: StreamId) -> tuple[Recorded, ...]:
        """The recorded events of a stream, which this decision then depends on; none where there is no stream."""
        if stream not in self._loaded:
            self._loaded[stream] = self._desk.store.load(stream)
        folded = self._loaded[stream]
        if folded is None:
            return ()
        recorded = tuple(folded.recorded)
        last = recorded[-1]
        # The stream may have grown after the head was read: a key retired at 9 must not look in force "at 9".
        self._base = max(self._base, last.position)
        self._read.setdefault(stream, last.seq)
        self._ends.setdefault(stream, (last.seq, folded.last))
        return recorded

    def issuer(self, stream: StreamId) -> issuer_rules.Issuer:
        """The issuer of a stream.

        Raises:
            IssuerNotRegistered.
        """
        history = self.history(stream)
        state = self._reading.issuers.get(stream)
        if state is None:
            for recorded in history:
                state = issuer_rules.evolve(state, recorded)
            if state is None:
                raise issuer_rules.IssuerNotRegistered("there is no such issuer")
            self._reading.issuers[stream] = state
        return state

    def achievement(self, stream: StreamId) -> achievement_rules.Achievement:
        """The achievement of a stream.

        Raises:
            AchievementNotDefined.
        """
        history = self.history(stream)
        state = self._reading.achievements.get(stream)
        if state is None:
            for recorded in history:
                state = achievement_rules.evolve(state, recorded)
            if state is None:
                raise achievement_rules.AchievementNotDefined("there is no such achievement")
            self._reading.achievements[stream] = state
        return state

    def credential(self, stream: StreamId, issuer: issuer_rules.Issuer) -> credential_rules.Credential:
        """The award of a stream, with what is known of its issuer's keys.

        Raises:
            CredentialNotIssued.
        """
        state = credential_rules.fold(self.history(stream), issuer.disowns)
        if state is None:
            raise credential_rules.CredentialNotIssued("there is no such award")
        return state

    def claim_slot(self, issuer: StreamId, stream: StreamId, seq: Seq) -> SlotClaim:
        """Claim a random bit of a status list of the issuer that is less than half full, or of a new list."""
        slot = self._slot()
        if issuer not in self._lists:
            with self._desk.store.snapshot() as snapshot:
                self._lists[issuer] = snapshot.status_list(issuer) or ListId(self._desk.entropy.bytes(16))
                for _ in range(_DRAWS):
                    if not snapshot.slot_taken(self._lists[issuer], slot):
                        break
                    slot = self._slot()
        claim = SlotClaim(list=self._lists[issuer], slot=slot, issuer=issuer, stream=stream, seq=seq)
        self.slots.append(claim)
        return claim

    def _slot(self) -> Slot:
        return Slot(self._desk.entropy.below(STATUS_LIST_SLOTS))

    def new_stream(self) -> StreamId:
        """An id for a new stream."""
        return stream_id(milliseconds(self.at), self._desk.entropy.bytes(10))

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
        history = self._loaded.get(stream)
        owner = history.recorded[0].by if history is not None else self._first_by(stream)
        end = self._ends.get(stream)
        seq = Seq(0 if end is None else end[0] + 1)
        openings = {
            part: Opening(salt=self._desk.entropy.bytes(SALT), content=content)
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
        check_signer(recorded, operator=self._desk.operator, issuers=issuers_known, owner=owner)
        prev = genesis(self._desk.operator.origin, stream) if end is None else chain(end[1])
        sealed = seal(recorded, prev=prev, signer=signer)
        if key is not None:
            for part, opening in openings.items():
                box = self._desk.boxes.seal(key, opening, stream=stream, seq=seq, part=part)
                self._parts.append(SealedPart(event=len(self._events), part=part, key_id=key.key_id, box=box))
        self._events.append(sealed)
        self._ends[stream] = (seq, sealed.entry)
        return recorded

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
            idempotency=idempotency,
        )


class Desk:
    """The ports, and the loop that turns a decision into a record."""

    def __init__(
        self,
        *,
        store: Store,
        appender: Appender,
        keys: KeyStore,
        vault: Vault,
        boxes: Boxes,
        macs: Macs,
        clock: Clock,
        entropy: Entropy,
        operator: Operator,
    ) -> None:
        self.store = store
        self.appender = appender
        self.keys = keys
        self.vault = vault
        self.boxes = boxes
        self.macs = macs
        self.clock = clock
        self.entropy = entropy
        self.operator = operator
        self._definition = lru_cache(maxsize=1_000)(self._read_definition)
        self._profile = lru_cache(maxsize=1_000)(self._read_profile)

    def reading(self) -> Reading:
        """The state of the store now, for one draft or for several made at once."""
        with self.store.snapshot() as snapshot:
            head = snapshot.head()
        return Reading(head=head, at=max(self.clock.now(), head.at))

    def draft(self, reading: Reading | None = None) -> Draft:
        """A fresh draft; drafts that share a reading see the same state."""
        return Draft(self, reading or self.reading())

    def idempotency(self, caller: Caller, key: str | None, command: str, fields: canonical.Json) -> Idempotency | None:
        """What tells a repeated request from a new one; None where the caller gave no key."""
        if key is None:
            return None
        scope = "operator" if caller.issuer is None else caller.issuer.hex
        request = self.macs.request(canonical.encode([command, fields]))
        return Idempotency(scope=scope, key=self.macs.idempotency_key(f"key\n{key}"), request=request)

    def replayed(self, idempotency: Idempotency | None) -> Appended | None:
        """What the same request was answered before.

        Raises:
            IdempotencyMismatch: the key was used for another request.
        """
        if idempotency is None:
            return None
        with self.store.snapshot() as snapshot:
            replay = snapshot.replay(idempotency.scope, idempotency.key)
        if replay is None:
            return None
        if replay.request != idempotency.request:
            raise IdempotencyMismatch("this idempotency key was used for another request")
        return replay.appended

    async def commit(
        self, decide: Callable[[Draft], tuple[StreamId, Seq]], *, idempotency: Idempotency | None = None
    ) -> Appended:
        """Decide and append, deciding again on fresh state while something read has changed.

        Raises:
            ConflictError: another command won, or the record kept changing; nothing was recorded.
            OutcomeUnknown, LedgerHalted: from the appender.
            LedgerError: whatever `decide` refuses with.
        """
        for _ in range(_ATTEMPTS):
            replayed = self.replayed(idempotency)
            if replayed is not None:
                return replayed
            draft = self.draft()
            try:
                answer = decide(draft)
            except LedgerError:
                # Refused because the same request was recorded a moment ago? Then it has its answer.
                replayed = self.replayed(idempotency)
                if replayed is not None:
                    return replayed
                raise
            (outcome,) = await self.appender.append([draft.proposal(answer, idempotency)])
            if isinstance(outcome, Appended):
                return outcome
            if not isinstance(outcome, StaleDecision):
                raise outcome
        raise VersionConflict("this record keeps changing under the command; try again")

    def signer(self, issuer: issuer_rules.Issuer, role: Role, position: Position) -> Signer:
        """The newest key of the issuer with this role that is in force, not disowned, and held here.

        Raises:
            NoUsableKey.
        """
        kid = self.usable_key(issuer, role, position)
        if kid is None:
            raise NoUsableKey(f"{issuer.did} has no usable {role} key here; add one with `testamur issuer key add`")
        return self.keys.signer(kid)

    def usable_key(self, issuer: issuer_rules.Issuer, role: Role, position: Position) -> Kid | None:
        """As `signer`, without loading it; None where there is none."""
        usable = [
            record
            for record in issuer.keys.values()
            if issuer.in_force(record.kid, role, position) and not issuer.disowns(record.kid, position)
        ]
        newest_first = sorted(usable, key=lambda record: record.added, reverse=True)
        return next((record.kid for record in newest_first if self.keys.holds(record.kid)), None)

    def definition(self, digest: Digest) -> AchievementDefinition:
        """The definition with this digest.

        Raises:
            UnknownDefinition.
        """
        return self._definition(digest)

    def profile(self, digest: Digest) -> Profile:
        """The profile with this digest.

        Raises:
            UnknownDefinition.
        """
        return self._profile(digest)

    def _read_definition(self, digest: Digest) -> AchievementDefinition:
        return read_definition(canonical.decode(self._wording(digest)))

    def _read_profile(self, digest: Digest) -> Profile:
        return read_profile(canonical.decode(self._wording(digest)))

    def _wording(self, digest: Digest) -> bytes:
        with self.store.snapshot() as snapshot:
            content = snapshot.definition(digest)
        if content is None:
            raise UnknownDefinition("the wording of this definition is not in the ledger any more")
        if sha256(content).digest() != digest:
            raise UnknownDefinition(
                "the wording of this definition was changed in the store; it is not what was signed"
            )
        return content


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)
