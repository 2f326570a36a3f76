"""The Merkle root over the entries, held against every signed checkpoint whose size is reached.

Checkpoints come from three places: the one the auditor kept, which decides, the one the home publishes, and the ones in
the database. Whoever owns the database can remove the last two, and then nothing but the first shows a cut tail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.audit.log_keys import LogKeys
from ledger.audit.report import Check, Findings, Judge, Step
from ledger.audit.source import CheckpointRow, shown
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import SIZE_LIMIT, CompactRange, Hash

KEPT, HOME, DATABASE = "kept", "home", "database"
_NAMES = {KEPT: "the kept checkpoint", HOME: "the checkpoint that the home publishes", DATABASE: "the checkpoint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A signed checkpoint, opened, and where it comes from."""

    source: str  # KEPT, HOME or DATABASE
    checkpoint: Checkpoint
    compact_range: bytes | None  # as stored beside it, in the database

    @property
    def name(self) -> str:
        """How a sentence calls it."""
        return f"{_NAMES[self.source]} of size {self.checkpoint.size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Divergence:
    """A checkpoint whose root the entries do not have, and the last size at which all was well."""

    anchor: Anchor
    good: int


class Roots:
    """Folds leaves into the tree, and compares at each size for which there is a checkpoint."""

    def __init__(
        self,
        found: Findings,
        rows: Iterator[CheckpointRow],
        *,
        keys: LogKeys,
        given: tuple[Anchor, ...],
        end: int,
    ) -> None:
        """Begin with the empty tree.

        Args:
            rows: the checkpoints in the database, by size.
            keys: the log's; without any, no checkpoint in the database is looked at.
            given: the kept checkpoint first, then the one of the home, as far as they could be opened.
            end: how many entries there are in all.
        """
        self.size = 0
        self._found = found
        self._keys = keys
        self._end = end
        self._tree = CompactRange.empty()
        self._given = list(given)
        self._rows = rows
        self._row: Anchor | None = None
        self._last_row: Anchor | None = None
        self._good = 0
        self._diverged: list[_Divergence] = []
        self._next_row()
        self._stop = self._next_stop()

    def extend(self, leaves: Sequence[Hash]) -> None:
        """The leaves of the next entries."""
        begin = 0
        while begin < len(leaves):
            taken = leaves[begin : begin + self._stop - self.size]
            begin += len(taken)
            self.size += len(taken)
            self._tree = self._tree.extended(taken)
            if self.size == self._stop:
                self._compare()

    def finish(self) -> Hash:
        """The root over all leaves; reports every checkpoint beyond them and every root that differs."""
        ahead = [anchor for anchor in self._given if anchor.checkpoint.size > self.size]
        while self._row is not None:  # the first is named, the rest would say the same
            ahead = ahead or [self._row]
            self._next_row()
        for anchor in ahead:
            reason = f"{anchor.name} is ahead of the store, which ends at {self.size}: the tail was cut off"
            self._found.report(Check.CHECKPOINT, self.size + 1, reason, step=Step.CUT)
        for divergence in self._diverged:
            self._report(divergence)
        return self._tree.root()

    def judge(self) -> Judge | None:
        """The checkpoint that counts most: the one kept, else the home's, else the last in the database."""
        best = self._given[0] if self._given else self._last_row
        if best is None:
            return None
        return Judge(source=best.source, size=best.checkpoint.size, root=best.checkpoint.root)

    def _compare(self) -> None:
        root, good = self._tree.root(), self._good
        for anchor in [each for each in self._given if each.checkpoint.size == self.size]:
            if anchor.checkpoint.root != root:
                self._diverged.append(_Divergence(anchor=anchor, good=good))
            else:
                self._good = self.size
        while self._row is not None and self._row.checkpoint.size == self.size:
            self._compare_row(self._row, root, good)
            self._next_row()
        self._stop = self._next_stop()

    def _compare_row(self, anchor: Anchor, root: Hash, good: int) -> None:
        if anchor.checkpoint.root != root:
            if all(each.anchor.source != DATABASE for each in self._diverged):  # all after it differ as well
                self._diverged.append(_Divergence(anchor=anchor, good=good))
            return
        self._good = self.size
        if anchor.compact_range != self._tree.to_bytes():
            reason = f"the hashes stored beside {anchor.name} are not those of the entries"
            self._found.report(Check.CHECKPOINT, self.size, reason, step=Step.PLACE)

    def _report(self, divergence: _Divergence) -> None:
        anchor, low = divergence.anchor, divergence.good + 1
        high = min(each.anchor.checkpoint.size for each in self._diverged if each.good == divergence.good)
        # A problem with an entry in that range is the place, or comes first; else the range is all that is known.
        cause = self._found.first_between(low, high)
        where = f"position {high}" if low == high else f"a position from {low} to {high}"
        reason = f"the entries do not have the root that {anchor.name} signed: {where} was changed, added or removed"
        self._found.report(Check.ROOT, low if cause is None else cause.position, reason)

    def _next_stop(self) -> int:
        """The next size to compare at; beyond any log where there is none."""
        sizes = [SIZE_LIMIT, *(anchor.checkpoint.size for anchor in self._given)]
        if self._row is not None:
            sizes.append(self._row.checkpoint.size)
        return min(size for size in sizes if size > self.size)

    def _next_row(self) -> None:
        """Step to the next checkpoint of the database that can be believed."""
        self._row = None
        if not self._keys:
            return
        for row in self._rows:
            self._row = self._opened(row)
            if self._row is not None:
                self._last_row = self._row
                return

    def _opened(self, row: CheckpointRow) -> Anchor | None:
        size, note, compact_range = row
        place = min(size, self._end + 1) if type(size) is int and size > self.size else self.size + 1
        if type(note) is not bytes or type(compact_range) is not bytes:
            self._found.report(
                Check.CHECKPOINT,
                place,
                f"the checkpoint in the row {shown(size)} is not stored as bytes",
                step=Step.PLACE,
            )
            return None
        try:
            checkpoint = self._keys.open(note)
        except LedgerError as error:
            self._found.report(
                Check.CHECKPOINT,
                place,
                f"the checkpoint in the row {shown(size)} cannot be opened: {error}",
                step=Step.PLACE,
            )
            return None
        if checkpoint.size != size or checkpoint.size <= self.size:
            reason = f"the row {shown(size)} holds a checkpoint of size {checkpoint.size}, which has no place there"
            self._found.report(Check.CHECKPOINT, place, reason, step=Step.PLACE)
            return None
        return Anchor(source=DATABASE, checkpoint=checkpoint, compact_range=compact_range)
