"""Whether a store holds everything that was published: asked before anything is started on it.

A note outside the store, in the published folder or in the guard, was signed by the log. If the store is behind it, or
holds something else, an older copy was restored or the tail was lost, and going on would give positions a second time.
"""

from collections.abc import Collection, Iterable

from ledger.application.ports import Snapshot, Store
from ledger.domain.authority import Operator
from ledger.domain.log import Log, checkpoint_keys
from ledger.errors import LedgerError
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, size_of_note
from ledger.tlog.merkle import CompactRange, Hash, leaf_hash
from ledger.tlog.note import NoteUnsigned, VerifierKey

_BATCH = 5_000  # entries read at a time


class LogRolledBack(LedgerError):
    """The store holds less than, or something else than, a checkpoint that was published."""


def verifier_key(operator: Operator) -> VerifierKey:
    """The public key with which the log began, as C2SP signed-note names it."""
    return VerifierKey.of(operator.origin, multikey.decode(operator.checkpoint_key))


def verifier_keys(log: Log, size: int | None = None) -> tuple[VerifierKey, ...]:
    """The public keys that sign checkpoints over so many entries, oldest first; or that ever signed any."""
    kids = log.keys if size is None else checkpoint_keys(log, size)
    return tuple(VerifierKey.of(log.operator.origin, multikey.decode(kid)) for kid in kids)


def open_published(note: bytes, log: Log) -> Checkpoint:
    """The checkpoint in a note that a key of the log signed which signed checkpoints of its size.

    Raises:
        LedgerError: as `open_checkpoint`.
    """
    keys = verifier_keys(log, size_of_note(note) or 0)
    return open_checkpoint(note, *keys)


def check_same(place: str, log: Log, notes: Iterable[bytes], keys: Collection[str]) -> None:
    """Pass if what a home keeps is of the ledger whose log this is, as far as it keeps anything.

    Args:
        place: where the ledger lies, in words.
        notes: the checkpoints that the home keeps.
        keys: the ids of the private keys that it keeps.

    Raises:
        LogRolledBack: it is another ledger's.
    """
    kept = list(notes)
    same = bool(kept) or not keys or not {log.operator.event_key, *log.keys}.isdisjoint(keys)
    for note in kept:
        try:
            open_checkpoint(note, *verifier_keys(log))
        except NoteUnsigned:
            # Also a key of this log which the store does not know any more: then it lost the entry that brought it.
            same = False
    if not same:
        raise LogRolledBack(f"{place} holds another ledger than this home, whose keys are others. Nothing is started")


def check_published(store: Store, log: Log, note: bytes) -> None:
    """Pass if the store holds everything that a checkpoint outside it covers, unchanged.

    Args:
        log: as the store tells of itself.

    Raises:
        LogRolledBack: it is behind, or its tree has another root.
    """
    with store.snapshot() as snapshot:
        head, claimed = snapshot.head().size, size_of_note(note) or 0
        checkpoint = open_checkpoint(note, *(verifier_keys(log) if claimed > head else verifier_keys(log, claimed)))
        if head < checkpoint.size:
            raise LogRolledBack(
                f"the published checkpoint covers {checkpoint.size} entries, the store holds only "
                f"{head}: an older copy was restored, or the tail was lost. Nothing is started"
            )
        root = _root(snapshot, checkpoint.size)
    if root != checkpoint.root:
        raise LogRolledBack("the store's history differs from the published checkpoint. Nothing is started")


def _root(snapshot: Snapshot, size: int) -> Hash:
    """The root over the first entries, from the range that was signed last where it is of this size."""
    last = snapshot.checkpoint()
    tree = CompactRange.empty() if last is None else CompactRange.from_bytes(last.compact_range)
    if tree.size != size:
        tree = CompactRange.empty()
        while tree.size < size:
            entries = snapshot.entries(tree.size, min(_BATCH, size - tree.size))
            tree = tree.extended(leaf_hash(each.raw) for each in entries)
    return tree.root()
