"""The base of `ledger.testing.forge`: a log in memory that takes any event from anybody, and what a verifier gets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ledger.domain import events as ev
from ledger.domain.authority import operator_of
from ledger.domain.codes import stream_id
from ledger.domain.status import Act, act_of
from ledger.domain.types import Did, Digest, Kid, LinkCode, Origin, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening, commitment
from ledger.record.sealing import CHECKPOINT_ROLE, Sealed, chain, genesis, seal
from ledger.signing.ed25519 import PublicKey
from ledger.signing.signer import Ed25519Signer, possession_message
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import CompactRange, Hash, leaf_hash
from ledger.tlog.proofs import inclusion_path, node_reader
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, Head, PartEvidence, Placed
from ledger.verification.statement import Statuses

OPERATOR = Did("did:web:localhost%3A8000")
ORIGIN = Origin("localhost:8000/log")
BEGIN = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an entry departs from the honest one; None and empty leave it as it should be."""

    key: str | None = None  # name of the key that signs and is named as `kid`
    named: str | None = None  # name of the key in `kid`, where another one signs
    by: Did | None = None
    at: datetime | None = None
    seq: int | None = None
    prev: bytes | None = None
    stated: StreamId | None = None  # the stream that the entry names, where it stands in another
    parts: Mapping[Part, bytes] = field(default_factory=dict)  # contents, committed to instead of the honest ones


HONEST = How()


class Liar:
    """A signer that names one key and signs with another."""

    def __init__(self, named: Ed25519Signer, signs: Ed25519Signer) -> None:
        """Of two keys, which may be the same one."""
        self._named, self._signs = named, signs

    @property
    def public_key(self) -> PublicKey:
        """Of the key named."""
        return self._named.public_key

    @property
    def kid(self) -> Kid:
        """Of the key named."""
        return self._named.kid

    def sign(self, message: bytes) -> bytes:
        """The signature of the other key."""
        return self._signs.sign(message)


class ForgedLog:
    """The log so far: every key has a name that makes it, and every entry its place in `log` and in `streams`."""

    def __init__(self, *, origin: Origin = ORIGIN, how: How = HONEST) -> None:
        """A log with its first entry; `how` says what is wrong with that one."""
        self.origin = origin
        self.at = BEGIN
        self._draws = 0
        self.log: list[Sealed] = []
        self.streams: dict[StreamId, list[Position]] = {}
        self.openings: dict[Position, dict[Part, Opening]] = {}
        self.definitions: dict[Digest, bytes] = {}
        self.codes: dict[StreamId, LinkCode] = {}
        self.issuers: dict[Did, StreamId] = {}
        # Keys that sign checkpoints, by name: since which position, and from which on no more.
        self.signers: dict[str, tuple[Position, Position | None]] = {"operator/checkpoint": (Position(1), None)}
        self.operator_stream = self.new_stream()
        started = ev.LogStarted(
            origin=origin, event_key=self.kid("operator"), checkpoint_key=self.kid("operator/checkpoint")
        )
        self.append(started, stream=self.operator_stream, by=OPERATOR, key="operator", how=how)

    # ---- keys, streams, any event

    def key(self, name: str) -> Ed25519Signer:
        """The key of that name; it need not be anybody's."""
        return Ed25519Signer(sha256(b"forge\n" + name.encode()).digest())

    def kid(self, name: str) -> Kid:
        """The Multikey of the key of that name."""
        return self.key(name).kid

    def new_stream(self) -> StreamId:
        """The id of a stream that has no entry yet."""
        return stream_id(self._milliseconds(), self._drawn(10))

    def append(
        self,
        event: ev.Event,
        *,
        stream: StreamId,
        by: Did,
        key: str,
        parts: Mapping[Part, bytes] | None = None,
        how: How = HONEST,
    ) -> Position:
        """Record any event in any stream, signed by the key of that name, whether or not that is allowed."""
        position = Position(len(self.log) + 1)
        places = self.streams.setdefault(stream, [])
        origin_or_last = chain(self.log[places[-1] - 1].entry) if places else genesis(self.origin, stream)
        signs = self.key(how.key or key)
        named = self.key(how.named) if how.named else signs
        contents = {**(parts or {}), **how.parts}
        openings = {part: Opening(salt=_salt(position, part), content=raw) for part, raw in contents.items()}
        recorded = ev.Recorded(
            event=event,
            stream=how.stated or stream,
            seq=Seq(len(places) if how.seq is None else how.seq),
            position=position,
            at=how.at or self.at,
            by=how.by or by,
            kid=named.kid,
            commit={part: commitment(part, opening) for part, opening in openings.items()},
        )
        prev = origin_or_last if how.prev is None else Digest(how.prev)
        self.log.append(seal(recorded, prev=prev, signer=Liar(named, signs)))
        places.append(position)
        self.openings[position] = openings
        self.at += timedelta(seconds=1)
        return position

    # ---- what the log says of itself

    def of_log(self, event: ev.LogEvent, how: How = HONEST) -> Position:
        """An entry in the log's own stream, by the operator's event key."""
        return self.append(event, stream=self.operator_stream, by=OPERATOR, key="operator", how=how)

    def add_checkpoint_key(self, name: str, how: How = HONEST, *, prover: str | None = None) -> Position:
        """The key of that name signs checkpoints; `prover` names the key that proves possession, if not itself."""
        message = possession_message(self.origin, str(self.operator_stream), self.kid(name), CHECKPOINT_ROLE)
        self.signers[name] = (
            self.of_log(ev.LogKeyAdded(key=self.kid(name), proof=self.key(prover or name).sign(message)), how),
            None,
        )
        return self.signers[name][0]

    def retire_checkpoint_key(self, name: str, how: How = HONEST) -> Position:
        """The key of that name signs no checkpoint from here on."""
        position = self.of_log(ev.LogKeyRetired(key=self.kid(name)), how)
        self.signers[name] = self.signers[name][0], position
        return position

    def due(self) -> ev.StatusCommitted:
        """What is to be stated after the entries so far."""
        statuses = Statuses(operator_of(self.log[0].recorded), self._acts, self._signed_by)
        statuses.take(sealed.recorded for sealed in self.log)
        return statuses.statement()

    def state(self, stated: ev.StatusCommitted | None = None, how: How = HONEST) -> Position:
        """A statement: of what is due, unless told otherwise."""
        return self.of_log(stated or self.due(), how)

    def keep(self, raw: bytes) -> Digest:
        """The digest of a wording that is now among the definitions, whatever it says."""
        digest = Digest(sha256(raw).digest())
        self.definitions[digest] = raw
        return digest

    # ---- what a verifier is given

    def placed(self, stream: StreamId) -> tuple[Placed, ...]:
        """The stream's entries and their positions."""
        return tuple(Placed(position=place, raw=self.log[place - 1].entry) for place in self.streams.get(stream, []))

    def head(self) -> Head:
        """The end of the log."""
        return Head(size=len(self.log), at=self.log[-1].recorded.at)

    def checkpoint(self, size: int | None = None, *, key: str | None = None, name: str | None = None) -> bytes:
        """A signed checkpoint over the first `size` entries, all by default; `name` is another log's origin.

        Args:
            key: who signs it; None: every key that is to.
        """
        covered = self.log[:size]
        tree = CompactRange.empty().extended(leaf_hash(sealed.entry) for sealed in covered)
        checkpoint = Checkpoint(origin=name or self.origin, size=len(covered), root=tree.root())
        every = [
            each
            for each, (added, retired) in self.signers.items()
            if added <= max(checkpoint.size, 1) and (retired is None or retired > checkpoint.size)
        ]
        return sign_checkpoint(checkpoint, *map(self.key, every if key is None else [key]))

    def authority(self, *only: Did) -> AuthorityEvidence:
        """The log's own entries and the streams of these issuers, all by default."""
        streams = {did: self.placed(stream) for did, stream in self.issuers.items() if not only or did in only}
        log = self.placed(self.operator_stream)
        return AuthorityEvidence(log=log, issuers=streams, definitions=dict(self.definitions))

    def paths(self, placed: Iterable[Placed], size: int) -> dict[Position, tuple[Hash, ...]]:
        """The proof of each of these entries that a tree of `size` has."""
        read = node_reader([leaf_hash(sealed.entry) for sealed in self.log[:size]])
        covered = [each.position for each in placed if each.position <= size]
        return {position: inclusion_path(position - 1, size, read) for position in covered}

    def evidence(self, stream: StreamId, *, scanned: bool = True, size: int | None = None) -> CredentialEvidence:
        """All that the store has on an award, under a checkpoint over the whole log; by its id if not `scanned`.

        Args:
            size: of the checkpoint, where it does not cover the whole log.
        """
        placed, size = self.placed(stream), len(self.log) if size is None else size
        return CredentialEvidence(
            code=self.codes[stream] if scanned else None,
            stream=placed,
            parts={
                each.position: {
                    part: PartEvidence(opening=opening, present=True)
                    for part, opening in self.openings[each.position].items()
                }
                for each in placed
            },
            definitions=dict(self.definitions),
            head=self.head(),
            checkpoint=self.checkpoint(size),
            paths=self.paths(placed, size),
        )

    # ---- inside

    def _acts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        acts = {stream: [act_of(self.log[place - 1].recorded) for place in self.streams[stream]] for stream in streams}
        return {stream: [act for act in each if act is not None] for stream, each in acts.items()}

    def _signed_by(self, kid: Kid, position: Position) -> Iterable[StreamId]:
        recorded = (sealed.recorded for sealed in self.log[position - 1 :])
        return [each.stream for each in recorded if each.kid == kid and act_of(each) is not None]

    def _milliseconds(self) -> int:
        return int(self.at.timestamp() * 1000)

    def _drawn(self, length: int) -> bytes:
        self._draws += 1
        return sha256(f"draw {self._draws}".encode()).digest()[:length]


def _salt(position: Position, part: Part) -> bytes:
    return sha256(f"salt {position} {part}".encode()).digest()
