"""Publishes the log: states how it stands, signs it, writes it where everybody can read it, has it witnessed.

Order: append the statement that ends the tree; read every new entry back and hash it again; sign; compare-and-swap the
checkpoint's row (the point of no return); guard; tiles and entries; witnesses; keep the cosigned note in the store;
replace the served checkpoint. Whatever was cut off, the next call completes it with the same code; so does a process
that signs nothing and brings its own folder up to what others published. What each step is, is elsewhere: `statements`,
`tiling`, `published_check`.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock

from ledger.application.ports import Clock, LastAppender, LedgerHalted, SignedCheckpoint, StaleDecision, Store
from ledger.application.published_check import LogRolledBack, check_published, open_published
from ledger.application.publishing_ports import (
    CheckpointGuard,
    GuardContradicts,
    KeepsEvidence,
    Served,
    TileStore,
    WitnessAhead,
    Witnessing,
)
from ledger.application.statements import Statements, is_statement
from ledger.application.tiling import LogDiffers, Tiling
from ledger.domain.authority import Operator
from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.types import Kid
from ledger.errors import LedgerError
from ledger.signing.signer import Signer
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.note import signatures
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import TileMissing


class QuorumMissing(LedgerError):
    """Too few witnesses vouch for the last checkpoint: the one before is served on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Everything outside the store that publishing writes."""

    tiles: TileStore
    served: Served
    guard: CheckpointGuard
    folds: TileStore  # a cache
    evidence: KeepsEvidence


class Publishing:
    """Publishes checkpoints. One caller at a time; the compare-and-swap keeps others correct."""

    def __init__(
        self,
        *,
        store: Store,
        last: LastAppender,
        operator: Operator,
        signer: Callable[[Kid], Signer],
        clock: Clock,
        places: Places,
        witnessing: Witnessing,
        halt: Callable[[str], LedgerHalted],
    ) -> None:
        """
        Args:
            signer: what signs with a key of the operator; asked by whoever publishes, and not by who copies.
            halt: stops everything that this process does with the store, for the reason given.
        """
        self._store = store
        self._signer = signer
        self._clock = clock
        self._places = places
        self._witnessing = witnessing
        self._halt = halt
        self._operator = operator
        self._statements = Statements(
            store=store, last=last, operator=operator, signer=signer, clock=clock, kept=places.folds
        )
        self._tiling = Tiling(store=store, tiles=places.tiles, served=self._served)
        self._one_at_a_time = Lock()  # an older checkpoint must not be put over a newer one
        self._note: bytes | None = None  # that this process served last
        self._size = 0  # entries under it
        self._too_few = 0  # entries under the checkpoint that too few vouched for

    def publish(self) -> int:
        """Publish a checkpoint over everything recorded; the size of what is served then. Any thread may call it.

        While another process publishes, its last checkpoint is published here as well.

        Raises:
            LogRolledBack: the store holds less than its last checkpoint.
            LedgerHalted: so does it, or it gives other entries than were recorded; or this process did halt before.
            QuorumMissing: too few witnesses cosigned it, and the one before is served on.
            LedgerError: something cannot be reached; the next call goes on from there.
        """
        with self._one_at_a_time, self._store.publishing() as mine:
            self._bring()
            if mine:
                self._sign_and_serve()
            return self._size

    def copy(self) -> int:
        """Publish here what another process has signed, and sign nothing; its size, 0 where there is none."""
        with self._one_at_a_time:
            self._bring()
            return self._size

    def close(self) -> None:
        """Close connections; whoever publishes has stopped."""
        self._witnessing.close()

    def _sign_and_serve(self) -> None:
        with self._store.snapshot() as snapshot:
            signed, head = snapshot.checkpoint(), snapshot.head().size
            stated = is_statement(snapshot.entries(head - 1, 1)[0])
        if head < max(self._size, 0 if signed is None else signed.size):
            raise LogRolledBack(f"the store holds {head} entries, fewer than its checkpoint")
        if signed is not None and not self._witnessing.heard:
            # A witness that saw more than this store holds, or something else, is heard before anything is signed.
            if not self._witnessing.due(self._clock.now()):
                raise self._quorum_missing(signed)
            self._serve(signed)
            if not self._witnessing.heard:
                raise QuorumMissing(
                    "nothing new is signed: since this process began too few witnesses have cosigned, or one says that "
                    f"it has seen more and does not show it; the checkpoint over {self._size} entries is served on"
                )
        if signed is None or not stated or signed.size < head:
            signed = self._signed(signed)
        if self._witnessing.due(self._clock.now()) or signed.size > max(self._size, self._too_few):
            self._serve(signed)
        elif signed.size > self._size:
            raise self._quorum_missing(signed)

    def _signed(self, before: SignedCheckpoint | None) -> SignedCheckpoint:
        """The checkpoint over everything recorded, in the store and in the guard."""
        while True:
            size, tree = self._statements.state()
            if self._read_back(size) != tree.root():
                raise self._differs(size)
            signed = SignedCheckpoint(size=size, note=self._sign(size, tree.root()), compact_range=tree.to_bytes())
            self._statements.keep(size)
            try:
                self._store.save_checkpoint(0 if before is None else before.size, signed)
            except StaleDecision:
                with self._store.snapshot() as snapshot:
                    before = snapshot.checkpoint()
                if before is not None and before.size >= size:
                    return before
            else:
                for between in self._statements.sizes():
                    if self._size < between < size:  # signed, and never served
                        self._statements.forget(between)
                return signed

    def _read_back(self, size: int) -> Hash:
        try:
            return self._tiling.grow(size)
        except LogDiffers as error:
            raise self._differs(size) from error

    def _log(self) -> Log:
        with self._store.snapshot() as snapshot:
            return self._statements.log(snapshot)

    def _sign(self, size: int, root: Hash) -> bytes:
        kids = checkpoint_keys(self._log(), size)
        checkpoint = Checkpoint(origin=self._operator.origin, size=size, root=root)
        return sign_checkpoint(checkpoint, *[self._signer(kid) for kid in kids])

    def _differs(self, size: int) -> LedgerError:
        """What was folded is not what is read back: folding it anew tells whether the store is to blame."""
        self._statements.drop()
        return self._halt(
            f"the first {size} entries, read back from the store, are not those that were recorded: nothing is signed. "
            "`testamur audit` tells more"
        )

    # ---- where everybody can read it

    def _serve(self, signed: SignedCheckpoint) -> None:
        """Guard, tiles, witnesses, store, checkpoint: of what was signed."""
        checkpoint = parse_checkpoint(signatures(signed.note)[0])
        self._guard(signed.note)
        self._write(checkpoint)
        cosigned = self._gathered(signed, checkpoint)
        if not self._witnessing.reached(cosigned):
            self._too_few = signed.size
            raise self._quorum_missing(signed)
        with self._store.snapshot() as snapshot:
            day = max(self._clock.now(), snapshot.head().at).date().isoformat()
        with suppress(StaleDecision):  # another process was faster, with a larger one
            self._store.save_published(day, signed.size, cosigned)
        self._bring()

    def _gathered(self, signed: SignedCheckpoint, checkpoint: Checkpoint) -> bytes:
        """The note with cosignatures: those that it has, and those that are to be had."""
        note = self._note if self._note is not None and self._size == signed.size else signed.note
        try:
            return self._witnessing.gather(
                note, lambda old: self._prove(checkpoint, old), lambda shown: open_published(shown, self._log())
            )
        except WitnessAhead as error:
            try:
                check_published(self._store, self._log(), error.shown)
            except LogRolledBack as differs:
                kept = " and ".join(self._places.evidence(each) for each in (error.shown, signed.note))
                raise self._halt(
                    f"{error}. The store does not hold what it covers: an older copy was restored, the tail was "
                    f"lost, or two histories exist. Both are kept: {kept}. Nothing is published and nothing recorded "
                    "any more"
                ) from differs
            return error.note  # another process has published meanwhile

    def _quorum_missing(self, signed: SignedCheckpoint) -> QuorumMissing:
        return QuorumMissing(
            f"too few witnesses vouch for the checkpoint over {signed.size} entries; the one over {self._size} is "
            "served on, and they are asked again"
        )

    def _prove(self, checkpoint: Checkpoint, old: int) -> tuple[Hash, ...]:
        return TileReader(checkpoint.size, checkpoint.root, self._fetch).consistency(old)

    def _fetch(self, path: str) -> bytes:
        found = self._places.tiles.read(path)
        if found is None:
            raise TileMissing(f"there is no {path}")
        return found

    def _guard(self, note: bytes) -> None:
        try:
            self._places.guard.keep(note)
        except GuardContradicts as error:
            raise self._halt(f"{error}. Nothing is published and nothing recorded any more") from error

    def _write(self, checkpoint: Checkpoint) -> None:
        try:
            self._tiling.write(checkpoint)
        except LogDiffers as error:
            raise self._halt(str(error)) from error

    # ---- what is published, brought to where this process shows it

    def _bring(self) -> None:
        """Serve what the store says is published, with all that belongs to it."""
        with self._store.snapshot() as snapshot:
            note, log = snapshot.published(), self._statements.log(snapshot)
            if note is None or note == self._note:
                return
            days = snapshot.days(_day_before(self._places.served.last_day()))
        checkpoint = open_published(note, log)
        if checkpoint.size > self._size and note != self._places.served.note():
            self._guard(note)
            self._write(checkpoint)
        if checkpoint.size > self._size:
            self._statements.keep(checkpoint.size)  # proofs need it, and it may have been lost since
        self._places.served.serve(note, days)
        before, self._note, self._size = self._size, note, checkpoint.size
        self._clean(before, checkpoint.size)

    def _clean(self, before: int, size: int) -> None:
        """Remove what only older checkpoints needed; the last but one is being read by somebody, perhaps."""
        older = [each for each in self._statements.sizes() if each < size]
        self._tiling.clean(size, older)
        for each in older:
            if each != before:
                self._statements.forget(each)

    def _served(self) -> Checkpoint | None:
        """What is served, by its own word; its tiles are held against what is signed next."""
        note = self._places.served.note()
        try:
            return None if note is None else parse_checkpoint(signatures(note)[0])
        except LedgerError:
            return None  # damaged since the start: the next one takes its place


def _day_before(day: str) -> str:
    """The notes of this day may have changed since; those of the days before are as they were."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat() if day else ""
