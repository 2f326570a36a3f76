"""Folds the log and states how it stands: `status.committed`, the last entry of every tree that is published.

What is folded is kept beside the log, per published size, and believed only where it comes to what the log itself
states there. Without it the log is folded once from its beginning.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

from ledger.application.ports import Clock, LastAppender, Snapshot, Store
from ledger.application.publishing_ports import TileStore
from ledger.domain.authority import Operator, check_signer
from ledger.domain.events import Recorded, StatusCommitted
from ledger.domain.log import Log, permit
from ledger.domain.status import Act
from ledger.domain.types import Kid, Position, Seq, StreamId
from ledger.errors import LedgerError
from ledger.record.decoding import decode
from ledger.record.entry import parse_entry
from ledger.record.sealing import Sealed, chain, seal
from ledger.signing.signer import Signer
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import establish_log
from ledger.verification.statement import Statuses
from ledger.verification.stored_acts import stored_act

_CHUNK = 2_000  # entries folded at a time
_QUICK = 200  # entries that are folded while others wait to append
_ATTEMPTS = 10  # to catch up with what is recorded meanwhile, before others have to wait for it
_DIGEST = 32  # bytes, before what is kept
_LENGTH = 2  # bytes that say how long the compact range is, in what is kept
_LONG = b'"type":"issuer.key_compromised/'  # what it disowns has to be searched in the whole log


def is_statement(placed: Placed | None) -> bool:
    """Whether an entry of the log's own stream is a `status.committed`."""
    return placed is not None and isinstance(parse_entry(placed.raw).event, StatusCommitted)


class LogKeys:
    """What the log's own stream says of its keys; verified again only when it has grown by more than statements."""

    def __init__(self) -> None:
        self._known: tuple[tuple[Placed, ...], Log] | None = None

    def log(self, snapshot: Snapshot) -> Log:
        """The log as a snapshot shows it, but for its last statement.

        Raises:
            LogUnestablished.
        """
        entries = snapshot.log_entries()
        if self._known is None or self._known[0] != entries:
            self._known = (entries, establish_log(entries))
        return self._known[1]


class Fold:
    """The first entries of the log, folded: their tree, and how every award and key then stands."""

    def __init__(self, operator: Operator) -> None:
        """Of no entries."""
        self._snapshot: Snapshot | None = None  # where history is read, while something is folded
        self._operator = operator
        self.tree = CompactRange.empty()
        self.statuses = Statuses(operator, self._history, self._signed_by)

    @property
    def size(self) -> int:
        """How many entries were folded."""
        return self.tree.size

    def take(self, snapshot: Snapshot, size: int) -> None:
        """Fold what is recorded beyond, up to the first `size` entries, and look up all that it touches."""
        self._snapshot = snapshot
        try:
            while self.size < size:
                placed = snapshot.entries(self.size, min(_CHUNK, size - self.size))
                self.statuses.take_stored(placed)
                self.tree = self.tree.extended(leaf_hash(each.raw) for each in placed)
            self.statuses.settle()
        finally:
            self._snapshot = None

    def to_bytes(self) -> bytes:
        """What is kept of it, under a digest: it may be damaged when it is read."""
        tree = self.tree.to_bytes()
        content = len(tree).to_bytes(_LENGTH, "big") + tree + self.statuses.to_bytes()
        return sha256(content).digest() + content

    @classmethod
    def loaded(cls, operator: Operator, raw: bytes, stated: StatusCommitted) -> "Fold | None":
        """What was kept of the entries of which this statement is the last; None where it comes to anything else."""
        fold, content = cls(operator), raw[_DIGEST:]
        if not _is_whole(raw):
            return None
        end = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
        try:
            fold.tree = CompactRange.from_bytes(content[_LENGTH:end])
            fold.statuses = Statuses.from_bytes(content[end:], operator, fold._history, fold._signed_by)
        except LedgerError:
            return None
        found = fold.statuses.statement()
        if not fold.size == found.size == stated.size + 1:
            return None
        same = (found.lists, found.status, found.authority) == (stated.lists, stated.status, stated.authority)
        return fold if same else None

    def _history(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        return {stream: [act for act in map(stored_act, self._read().stream(stream)) if act] for stream in streams}

    def _signed_by(self, kid: Kid, position: Position) -> Iterable[StreamId]:
        spelled, found = kid.encode("ascii"), dict[StreamId, None]()
        for place, raw in self._read().states(position - 1):
            if spelled in raw and decode(raw).kid == kid and stored_act(Placed(position=place, raw=raw)):
                found[parse_entry(raw).stream] = None
        return found

    def _read(self) -> Snapshot:
        if self._snapshot is None:
            raise RuntimeError("nothing is looked up but while something is folded")
        return self._snapshot


class Statements:
    """States how the log stands, and keeps what that follows from. Not for several threads at once."""

    def __init__(
        self,
        *,
        store: Store,
        last: LastAppender,
        operator: Operator,
        signer: Callable[[Kid], Signer],
        clock: Clock,
        kept: TileStore,
    ) -> None:
        """
        Args:
            signer: of the operator's event key.
            kept: where folds are kept, by size; a cache.
        """
        self._store = store
        self._last = last
        self._operator = operator
        self._signer = signer
        self._clock = clock
        self._kept = kept
        self._keys = LogKeys()
        self._fold: Fold | None = None

    def log(self, snapshot: Snapshot) -> Log:
        """The log's own stream as a snapshot shows it, but for its statements."""
        return self._keys.log(snapshot)

    def state(self) -> tuple[int, CompactRange]:
        """How many entries there are up to the last statement, and their tree; states everything that is recorded.

        Nothing is appended where the last entry is a statement already.

        Raises:
            LedgerError: as `LastAppender.append_last`; or the store cannot be read.
        """
        attempts, size = 0, 0
        while True:
            with self._store.snapshot() as snapshot:
                size = size or snapshot.head().size
                fold = self._folded(snapshot, size)
                if is_statement(snapshot.entries(size - 1, 1)[0]):
                    return size, fold.tree
            attempts += 1
            size = self._append(fold, patient=attempts > _ATTEMPTS) or 0

    def keep(self, size: int) -> None:
        """Keep what is folded up to a size, unless it is kept already, undamaged."""
        kept = self._kept.read(str(size))
        if kept is not None and _is_whole(kept):
            return
        if self._fold is None or self._fold.size < size:
            with self._store.snapshot() as snapshot:
                self._folded(snapshot, size)
        if self._fold is not None and self._fold.size == size:
            self._kept.replace(str(size), self._fold.to_bytes())

    def sizes(self) -> list[int]:
        """Of which sizes something is kept, ascending."""
        return sorted(int(name) for name in self._kept.list("") if name.isdecimal())

    def forget(self, size: int) -> None:
        """Keep no longer what was folded up to that size."""
        self._kept.remove(str(size))

    def drop(self) -> None:
        """Fold anew from the beginning: what was folded did not come to what is recorded."""
        self._fold = None
        for size in self.sizes():
            self.forget(size)

    def _folded(self, snapshot: Snapshot, size: int) -> Fold:
        """The fold of at least `size` entries."""
        fold = self._fold or self._loaded(snapshot, size)
        self._fold = None  # if it is cut off in the middle, nothing is known of it
        fold.take(snapshot, size)
        self._fold = fold
        return fold

    def _loaded(self, snapshot: Snapshot, most: int) -> Fold:
        """What is kept of as many entries as possible, but not of more than `most`."""
        for size in reversed(self.sizes()):
            raw = self._kept.read(str(size)) if size <= most else None
            stated = None if raw is None else parse_entry(snapshot.entries(size - 1, 1)[0].raw).event
            if raw is not None and isinstance(stated, StatusCommitted):
                fold = Fold.loaded(self._operator, raw, stated)
                if fold is not None and fold.size == size:
                    return fold
        return Fold(self._operator)

    def _append(self, fold: Fold, *, patient: bool) -> Position | None:
        """Append a statement; None if there was one by then, or too much has been recorded meanwhile."""

        def make(snapshot: Snapshot) -> Sealed | None:
            head = snapshot.head()
            rest = snapshot.entries(fold.size, _QUICK + 1)
            if not patient and (len(rest) > _QUICK or any(_LONG in each.raw for each in rest)):
                return None
            folded = self._folded(snapshot, head.size)
            end = snapshot.last(self._operator.stream)
            if end is None or (end.position == head.size and is_statement(end)):
                return None
            return self._sealed(folded.statuses.statement(), snapshot, end)

        return self._last.append_last(make)

    def _sealed(self, statement: StatusCommitted, snapshot: Snapshot, end: Placed) -> Sealed:
        head, operator = snapshot.head(), self._operator
        recorded = Recorded(
            event=statement,
            stream=operator.stream,
            seq=Seq(parse_entry(end.raw).seq + 1),
            position=Position(head.size + 1),
            at=max(self._clock.now(), head.at),
            by=operator.did,
            kid=operator.event_key,
            commit={},
        )
        permit(self.log(snapshot), statement, at=recorded.position)
        check_signer(recorded, operator=operator, issuers={}, owner=operator.did)
        return seal(recorded, prev=chain(end.raw), signer=self._signer(operator.event_key))


def _is_whole(kept: bytes) -> bool:
    """Whether it is what was kept: no power loss cut it off, and nothing damaged it."""
    return sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]
