"""What the use cases need of the world, as contracts. `ledger.adapters` fills them; `ledger.testing` fakes them.

What only publishing needs is in `ledger.application.publishing_ports`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger.domain.events import Recorded
from ledger.domain.types import Digest, Kid, LearnerId, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.sealing import Sealed
from ledger.signing.signer import Signer
from ledger.verification.evidence import Head, Placed


class ConflictError(LedgerError):
    """The command lost against another one, or against itself; nothing changed."""


class StaleDecision(ConflictError):
    """Something the decision was made on has changed since: decide again."""


class TimeHasPassed(StaleDecision):
    """Something of a later time was recorded first; nothing else stands against the decision."""


class VersionConflict(ConflictError):
    """The record is not at the revision the caller named, or kept changing."""


class NameTaken(ConflictError):
    """The short name is in use."""


class AlreadyStacked(ConflictError):
    """The learner has the award of this version of the pathway for these components."""


class IdempotencyMismatch(ConflictError):
    """The idempotency key was used for another request."""


class OutcomeUnknown(LedgerError):
    """Whether the command was recorded is not known: ask again with the same idempotency key."""


class LedgerBusy(LedgerError):
    """Too much waits to be recorded already: this command was not queued, and nothing was recorded. Send it again."""


class StoreUnavailable(LedgerError):
    """The store cannot be read now; nothing was asked of it that could change anything."""


class LedgerHalted(LedgerError):
    """This process has seen entries that the store no longer holds, or is shutting down: it does nothing more."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """UTC, whole milliseconds."""
        ...


class Entropy(Protocol):
    """The only source of randomness."""

    def bytes(self, count: int) -> bytes:
        """Unpredictable bytes."""
        ...

    def below(self, limit: int) -> int:
        """An unpredictable whole number, 0 <= n < limit."""
        ...


class KeyStore(Protocol):
    """Private keys, found by their Multikey."""

    def create(self, seed: bytes) -> Signer:
        """Keep a new key; durable when it returns."""
        ...

    def signer(self, kid: Kid) -> Signer:
        """What signs with the key, or KeyNotHeld."""
        ...

    def holds(self, kid: Kid) -> bool:
        """Whether the key is here."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerKey:
    """One learner record of one issuer, and the key to what is private about it."""

    learner: LearnerId
    key_id: bytes  # 16 random bytes that stand beside each part
    data_key: bytes  # 32 bytes, secret


class Vault(Protocol):
    """Data keys, one per learner record. What is destroyed here can be read nowhere."""

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        """The key of a learner record, made at its first use. A new one is durable after `flush` only.

        Raises:
            StoreUnavailable: from this and every other method; nothing has changed.
        """
        ...

    def learners(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[LearnerKey]:
        """The keys of many learner records, in their order, found in one look-up; otherwise as `learner`."""
        ...

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        """Look for many learner records at once, so that the next call for each of them need not look; makes none."""
        ...

    def flush(self) -> frozenset[bytes]:
        """Make every new key durable; the ids of those that lost. Called before anything sealed with one is appended.

        A key is lost if another process registered its learner first: what is sealed with it must never be appended,
        and `learner` gives the other process's key from now on. A flush that failed may be repeated.
        """
        ...

    def data_key(self, key_id: bytes) -> bytes | None:
        """The key with this id; None where there is none, any more or yet."""
        ...


class Boxes(Protocol):
    """Encrypts private parts and opens them."""

    def seal(self, key: LearnerKey, opening: Opening, *, stream: StreamId, seq: Seq, part: Part) -> bytes:
        """The box that stands beside the entry."""
        ...

    def open(self, key_id: bytes, box: bytes, *, stream: StreamId, seq: Seq, part: Part) -> Opening | None:
        """What the box holds; None where its key is gone or the box is damaged."""
        ...


class Macs(Protocol):
    """Keyed digests, for what must be found again and not be guessed."""

    def idempotency_key(self, key: str) -> bytes:
        """32 bytes."""
        ...

    def request(self, canonical: bytes) -> bytes:
        """32 bytes that tell one request from another."""
        ...

    def short_code(self, code: str) -> bytes:
        """32 bytes."""
        ...

    def stack(self, canonical: bytes) -> bytes:
        """32 bytes that tell one set of components of one learner's pathway from another."""
        ...


class Stream(Protocol):
    """One stream as folded by the store's repository."""

    @property
    def recorded(self) -> Sequence[Recorded]:
        """Every event, in the order of seq."""
        ...

    @property
    def last(self) -> bytes:
        """The last entry, which the next one is chained to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A stream that a decision read, and the seq it then ended with."""

    stream: StreamId
    seq: Seq


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """A private part of one of a proposal's events."""

    event: int  # index in `Proposal.events`
    part: Part
    key_id: bytes
    box: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A short name and what it stands for."""

    scope: str  # `issuer`, or `achievement/<issuer's stream>`
    name: str
    stream: StreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotClaim:
    """A bit of a status list for one version of an award."""

    list: ListId
    slot: Slot
    issuer: StreamId
    stream: StreamId
    seq: Seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """Which request this is, so that sending it again changes nothing."""

    scope: str  # the issuer's stream, or `operator`
    key: bytes
    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Everything one command would record, to be appended whole or not at all."""

    events: tuple[Sealed, ...]
    answer: tuple[StreamId, Seq]  # the stream and revision that the caller is told
    guards: tuple[Guard, ...] = ()
    parts: tuple[SealedPart, ...] = ()
    definitions: tuple[tuple[Digest, bytes], ...] = ()
    names: tuple[Name, ...] = ()
    slots: tuple[SlotClaim, ...] = ()
    short_codes: tuple[tuple[bytes, StreamId], ...] = ()
    stacks: tuple[tuple[bytes, StreamId], ...] = ()  # MAC of learner, pathway version and components -> its award
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a proposal."""

    stream: StreamId
    revision: Seq
    position: Position  # of the event with that revision
    replayed: bool  # recorded by an earlier command with the same idempotency key


class Appender(Protocol):
    """The one way to record anything.

    When a call returns, what it answers is durable. Each proposal is appended whole or not at all; of proposals that
    conflict exactly one is appended. After OutcomeUnknown either may be true; the same idempotency key tells which.
    """

    async def append(self, proposals: Sequence[Proposal], *, patient: bool = False) -> list[Appended | ConflictError]:
        """One outcome per proposal, in their order; a conflict is an outcome, not an exception.

        What lowers a standing is appended before what waits already, apart from a share that keeps the rest moving.

        Args:
            patient: wait however much is queued; for a caller that sends many one after the other.

        Raises:
            LedgerBusy: too much is queued; nothing was, and nothing is, recorded of this.
            OutcomeUnknown: the store failed while committing.
            LedgerHalted: this process appends nothing any more.
        """
        ...


class LastAppender(Protocol):
    """Appends an entry that states something of the very log that it ends."""

    def append_last(self, make: "Callable[[Snapshot], Sealed | None]") -> Position | None:
        """Append the one entry that `make` makes of the log's end, and its position; None if it makes none.

        `make` is called under the lock of the head: what its snapshot shows is exactly what the entry follows, and
        nobody appends meanwhile, so it must be quick. It may be called again, where a connection was lost before
        anything was recorded. Durable when it returns. Blocks; for any thread but the one that appends.

        Raises:
            StaleDecision: seq or time of the entry do not follow; nothing was recorded.
            LedgerBusy, StoreUnavailable: nothing was recorded.
            OutcomeUnknown: the store failed; whether the entry was recorded must be read from it.
            LedgerHalted: this process appends nothing any more.
            LedgerError: whatever `make` raises; nothing was recorded.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A private part as it lies in the store."""

    part: Part
    key_id: bytes
    box: bytes


class Snapshot(Protocol):
    """Reads that all see the same state of the store."""

    def head(self) -> Head: ...
    def entries(self, after: int, limit: int) -> list[Placed]: ...

    def states(self, after: int, limit: int = -1) -> Iterator[tuple[Position, bytes]]:
        """Position and bytes of at most `limit` entries beyond `after` (-1: all), in order, streamed.

        For replaying: whatever the length of the log, one entry is held at a time. Taken while the snapshot lasts.
        """
        ...

    def stream(self, stream: StreamId) -> tuple[Placed, ...]: ...

    def last(self, stream: StreamId) -> Placed | None:
        """The last entry of a stream, found without reading the others; None where there is no such stream."""
        ...

    def log_entries(self) -> tuple[Placed, ...]:
        """The entries of the log's own stream but for `status.committed`, in order.

        They are few, and found by their types: how many statements there are makes no difference.
        """
        ...

    def published(self) -> bytes | None:
        """The last published note, with its cosignatures; None where there is none."""
        ...

    def days(self, after: str = "") -> list[tuple[str, bytes]]:
        """The UTC days (YYYY-MM-DD) later than `after`, in order, each with the last note published on it."""
        ...

    def end(self, stream: StreamId) -> Seq | None: ...
    def parts(self, positions: Sequence[Position]) -> Mapping[Position, tuple[StoredPart, ...]]: ...
    def boxes(self, first: int, last: int, wanted: Sequence[Part]) -> list[tuple[Position, Part, bytes, bytes]]: ...
    def definition(self, digest: Digest) -> bytes | None: ...
    def name(self, scope: str, name: str) -> StreamId | None: ...
    def names(self, scope: str) -> list[tuple[str, StreamId]]: ...
    def short_code(self, mac: bytes) -> StreamId | None: ...
    def stack(self, mac: bytes) -> StreamId | None: ...
    def replay(self, scope: str, key: bytes) -> "Replay | None": ...
    def replays(self, keys: Sequence[Idempotency]) -> "Mapping[tuple[str, bytes], Replay]": ...
    def status_list(self, issuer: StreamId) -> ListId | None: ...
    def slots_taken(self, status_list: ListId, slots: Sequence[Slot]) -> frozenset[Slot]: ...
    def checkpoint(self) -> "SignedCheckpoint | None": ...

    def issuer_of_list(self, status_list: ListId) -> StreamId | None:
        """Whose a status list is; None where there is none."""
        ...

    def status_lists(self) -> "list[StatusListState]":
        """Every status list that a version of an award has a slot in, by its name."""
        ...

    def status_credential(self, status_list: ListId, at: datetime | None = None) -> "StatusCredential | None":
        """The last credential that was kept of a status list; None where there is none.

        Args:
            at: the last that was made by then; None: of all.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusListState:
    """A status list, whose it is, and when it was last signed."""

    list: ListId
    issuer: StreamId
    made_at: datetime | None  # of the last credential kept; None where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCredential:
    """A status list as it was signed for everybody's software: kept for ever."""

    list: ListId
    made_at: datetime
    size: int  # of the published log whose last statement it follows from
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What an idempotency key answered before."""

    request: bytes
    appended: Appended


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint and the compact range it was made from."""

    size: int
    note: bytes
    compact_range: bytes


class Store(Protocol):
    """The reading side of the ledger's database."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One consistent view of everything."""
        ...

    def load(self, stream: StreamId) -> Stream | None:
        """A stream, folded; None where there is no such stream."""
        ...

    def save_checkpoint(self, previous: int, checkpoint: SignedCheckpoint) -> None:
        """Compare-and-swap: keep `checkpoint` if `previous` is still the size of the last; else StaleDecision."""
        ...

    def save_published(self, day: str, size: int, note: bytes) -> None:
        """Keep a note that is published, as the last of that UTC day (YYYY-MM-DD); durable when it returns.

        One of the same size as the last may take its place, with more cosignatures, say.

        Raises:
            StaleDecision: a larger one was published; nothing has changed.
        """
        ...

    def save_status_credential(self, previous: datetime | None, credential: StatusCredential) -> None:
        """Compare-and-swap: keep a signed status list for ever; durable when it returns.

        Args:
            previous: when the last one of that list was made; None where there must be none yet.

        Raises:
            StaleDecision: the last one is another, or was made later, or of a larger log; nothing has changed.
        """
        ...

    def publishing(self) -> AbstractContextManager[bool]:
        """Whether this process is the one that publishes while the `with` lasts; another one may be at it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what they may."""

    actor: str  # recorded in `internal`: what the issuer sees as "who did it"
    issuer: StreamId | None  # None: the operator
    scopes: frozenset[str] = field(default_factory=frozenset)
