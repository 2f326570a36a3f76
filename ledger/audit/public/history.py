"""Whether two checkpoints are of one history; and if not, where they part."""

from dataclasses import dataclass

from ledger.audit.public.log import LogNotReached, LogNotReadable, PublishedLog
from ledger.audit.public.state import Seen
from ledger.tlog.merkle import CompactRange
from ledger.tlog.proofs import ConsistencyNotProved, Node, check_consistency
from ledger.tlog.tile_reader import TileForged, TileReader
from ledger.tlog.tiles import MalformedTile, TileMissing

NOT_SHOWN = (TileMissing, TileForged, MalformedTile)  # what the log shows is not, or not all of, what it signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """What the log shows now does not go on from what it showed before."""

    reason: str  # a sentence
    first: int  # the first position that may differ
    forked: bool  # two histories were signed; else an older state of the same one is shown, as far as can be seen
    notes: tuple[Seen, Seen]  # the one seen before, and the one shown now


def find_break(old: Seen, new: Seen, reader: TileReader, log: PublishedLog, tree: CompactRange) -> Break | None:
    """What is wrong with showing `new` to somebody who has seen `old`; None if nothing is.

    Args:
        reader: of the tree of `new`.
        tree: the one that was read so far, at most `old`.

    Raises:
        TileMissing, TileForged, MalformedTile: the log does not show what would prove it.
        LogNotReached, LogNotReadable.
    """
    if new.size < old.size:
        return _rolled_back(old, new, log)
    try:
        check_consistency(old.size, old.root, new.size, new.root, reader.consistency(old.size))
    except ConsistencyNotProved:
        first, last = _parting(old, reader, tree)
        where = f"somewhere in the entries from {first} to {last}"
        reason = f"the log signed two histories: one of size {old.size} and one of size {new.size}, which part {where}"
        return Break(reason=reason, first=first, forked=True, notes=(old, new))
    return None


def _rolled_back(old: Seen, new: Seen, log: PublishedLog) -> Break:
    shown = f"the log shows {new.size} entries, and has shown {old.size} before"
    before = TileReader(old.size, old.root, log.fetch)
    try:
        check_consistency(new.size, new.root, old.size, old.root, before.consistency(new.size))
    except ConsistencyNotProved:
        reason = f"{shown}; what it shows is another history than that one, not its beginning"
        return Break(reason=reason, first=1, forked=True, notes=(old, new))
    except NOT_SHOWN:
        reason = f"{shown}; whether it is the beginning of that history cannot be seen any more"
        return Break(reason=reason, first=new.size + 1, forked=False, notes=(old, new))
    reason = f"{shown}: an older state of the same history is shown"
    return Break(reason=reason, first=new.size + 1, forked=False, notes=(old, new))


def _parting(old: Seen, reader: TileReader, tree: CompactRange) -> tuple[int, int]:
    """The positions among which the first that differs is, as far as what was read so far, and is shown, can tell."""
    covered = 0
    for node, before in zip(subtrees(0, tree.size), tree.hashes, strict=True):
        end = (node.index + 1) << node.level
        try:
            if end > reader.size or reader.nodes([node]) != (before,):
                return covered + 1, end
        except (*NOT_SHOWN, LogNotReached, LogNotReadable):  # that they part is proved all the same
            break
        covered = end
    return covered + 1, old.size


def subtrees(first: int, end: int) -> list[Node]:
    """The perfect subtrees that the leaves from `first` to before `end` consist of; `first` begins one that large."""
    nodes = []
    while first < end:
        level = (end - first).bit_length() - 1
        nodes.append(Node(level, first >> level))
        first += 1 << level
    return nodes
