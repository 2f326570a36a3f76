"""The published log as it is read: what is served, proofs under it, and how everything stood at it.

Needs no key and no store, only the published files and, for statuses, the folds that publishing keeps beside them.
Whatever is given was tied to the root of the served checkpoint; whether its signatures are good is for whoever judges.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from ledger.application.publishing_ports import TileStore
from ledger.application.statements import Fold
from ledger.domain.authority import Operator, operator_of
from ledger.domain.events import StatusCommitted
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.note import signatures
from ledger.tlog.proofs import OutsideTree
from ledger.tlog.tile_reader import TileCache, TileForged, TileReader
from ledger.tlog.tiles import MalformedTile, TileMissing
from ledger.verification.statement import Statuses

_CHECKPOINT = "checkpoint"
_TREES = 8  # that were served last: who began with one ends with it


class PublishedTree:
    """One checkpoint that was served, and everything under it. Any thread may ask."""

    def __init__(self, note: bytes, checkpoint: Checkpoint, reader: TileReader) -> None:
        self.note = note
        self.checkpoint = checkpoint
        self.reader = reader

    @property
    def size(self) -> int:
        """How many entries lie under it."""
        return self.checkpoint.size

    def inclusion(self, index: int) -> tuple[Hash, ...] | None:
        """The proof that a leaf, counted from 0, lies under it; None where it does not, or a tile is damaged."""
        try:
            return self.reader.inclusion(index)
        except (OutsideTree, TileMissing, TileForged, MalformedTile):
            return None

    def entry(self, index: int) -> bytes | None:
        """The entry at a leaf, counted from 0; None where it lies not under it, or a tile is damaged."""
        try:
            return next(self.reader.entries(index, index + 1))
        except (OutsideTree, TileMissing, TileForged, MalformedTile):
            return None


class PublishedLog:
    """The public log of one home. Any thread may ask."""

    def __init__(self, tiles: TileStore, folds: TileStore, served: Callable[[], bytes | None] | None = None) -> None:
        """
        Args:
            tiles: where checkpoint, tiles and entries are published.
            folds: where `ledger.application.statements` keeps what it folded.
            served: the checkpoint there, if there is a quicker way to it.
        """
        self._tiles = tiles
        self._served = served or (lambda: tiles.read(_CHECKPOINT))
        self._folds = folds
        self._cache = TileCache()
        self._trees: OrderedDict[bytes, PublishedTree] = OrderedDict()  # by their notes
        self._statuses: tuple[int, Statuses] | None = None
        self._operator: Operator | None = None
        self._lock = Lock()

    def read(self, path: str) -> bytes | None:
        """A published file, such as `tile/0/x001/234`; None where there is none.

        Raises:
            TileStoreUnavailable: from this and every other method.
        """
        return self._tiles.read(path)

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of all published files below a folder such as `days`, sorted."""
        return self._tiles.list(prefix)

    def checkpoint(self) -> bytes | None:
        """The note that is served; None where none is yet."""
        return self._served()

    @property
    def size(self) -> int:
        """How many entries lie under it."""
        tree = self.tree()
        return 0 if tree is None else tree.size

    def tree(self) -> PublishedTree | None:
        """What is served at this moment, for several questions about one state; None where nothing is."""
        note = self.checkpoint()
        if note is None:
            return None
        with self._lock:
            known = self._trees.get(note)
        if known is not None:
            return known
        try:
            checkpoint = parse_checkpoint(signatures(note)[0])
        except LedgerError:
            return None
        reader = TileReader(checkpoint.size, checkpoint.root, self._fetch, cache=self._cache)
        tree = PublishedTree(note, checkpoint, reader)
        with self._lock:
            self._trees[note] = tree
            if len(self._trees) > _TREES:
                self._trees.popitem(last=False)
        return tree

    def inclusion(self, index: int, size: int) -> tuple[Hash, ...] | None:
        """The proof that a leaf, counted from 0, lies in a tree that is served, or was a moment ago; or None."""
        tree = self._tree_of(size)
        return None if tree is None else tree.inclusion(index)

    def entry(self, index: int) -> bytes | None:
        """A published entry, by its leaf; None where there is none."""
        tree = self.tree()
        return None if tree is None else tree.entry(index)

    def statuses(self, size: int) -> Statuses | None:
        """How everything stood at a tree that is served, or was a moment ago: what its statement follows from.

        They are shared by all who ask, and must be asked by one thread at a time.
        """
        with self._lock:
            if self._statuses is not None and self._statuses[0] == size:
                return self._statuses[1]
        statuses = self.load_statuses(size)
        if statuses is not None:
            with self._lock:
                self._statuses = (size, statuses)
        return statuses

    def load_statuses(self, size: int) -> Statuses | None:
        """As `statuses`, read anew for who asks, and for nobody else."""
        tree, raw = self._tree_of(size), self._folds.read(str(size))
        stated = None if tree is None else tree.entry(size - 1)
        operator = self.operator()
        if raw is None or stated is None or operator is None:
            return None
        event = parse_entry(stated).event
        fold = Fold.loaded(operator, raw, event) if isinstance(event, StatusCommitted) else None
        return None if fold is None else fold.statuses

    def operator(self) -> Operator | None:
        """Whose log it is, by its first entry, unverified; None where nothing is published."""
        if self._operator is None:
            first = self.entry(0)
            self._operator = None if first is None else operator_of(parse_entry(first).recorded(Position(1)))
        return self._operator

    def _tree_of(self, size: int) -> PublishedTree | None:
        now = self.tree()
        with self._lock:
            known = [*self._trees.values(), *(() if now is None else (now,))]
        return next((tree for tree in reversed(known) if tree.size == size), None)

    def _fetch(self, path: str) -> bytes:
        found = self._tiles.read(path)
        if found is None:
            raise TileMissing(f"there is no {path}")
        return found
