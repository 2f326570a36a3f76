"""Signs checkpoints over what is recorded, and writes the last one where everybody can read it.

Order: read the new entries back from the store, extend the tree, sign, compare-and-swap the checkpoint row (the point
of no return), then replace the published file. A crash between the last two is mended by the next call.
"""

from collections.abc import Callable, Collection
from threading import Lock

from ledger.application.ports import SignedCheckpoint, StaleDecision, Store
from ledger.domain.authority import Operator
from ledger.errors import LedgerError
from ledger.signing import multikey
from ledger.signing.signer import Signer
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.tlog.note import NoteUnsigned, VerifierKey

_BATCH = 5_000  # entries read at a time


class LogRolledBack(LedgerError):
    """The store holds less than, or something else than, a checkpoint that was published."""


class Publishing:
    """Publishes checkpoints. One caller at a time; the compare-and-swap keeps others correct."""

    def __init__(
        self,
        *,
        store: Store,
        operator: Operator,
        signer: Signer,
        publish: Callable[[bytes], None],
    ) -> None:
        """
        Args:
            signer: the checkpoint key, used for nothing else.
            publish: replaces the published checkpoint, durably.
        """
        self._store = store
        self._operator = operator
        self._signer = signer
        self._publish = publish
        self._one_at_a_time = Lock()  # an older checkpoint must not be put over a newer one
        self._published = 0  # entries under the last checkpoint that this process published

    def publish(self) -> int:
        """Publish a checkpoint over everything recorded; its size. Any thread may call it.

        While another process publishes, its last checkpoint is published here as well.

        Raises:
            LogRolledBack: the store holds less than its last checkpoint.
        """
        with self._one_at_a_time, self._store.publishing() as mine:
            return self._publish_all() if mine else self._copy()

    def copy(self) -> int:
        """Publish here what another process has signed, and sign nothing; its size, 0 where there is none."""
        with self._one_at_a_time:
            return self._copy()

    def _copy(self) -> int:
        with self._store.snapshot() as snapshot:
            last = snapshot.checkpoint()
        return 0 if last is None else self._put(last)

    def _publish_all(self) -> int:
        with self._store.snapshot() as snapshot:
            last = snapshot.checkpoint()
            tree = CompactRange.empty() if last is None else CompactRange.from_bytes(last.compact_range)
            size = snapshot.head().size
            covered = max(tree.size, self._published)
            if size < covered:
                raise LogRolledBack(f"the store holds {size} entries, fewer than its checkpoint of {covered}")
            if last is not None and size == last.size:
                return self._put(last)
            while tree.size < size:
                entries = snapshot.entries(tree.size, min(_BATCH, size - tree.size))
                tree = tree.extended(leaf_hash(each.raw) for each in entries)
        checkpoint = Checkpoint(origin=self._operator.origin, size=tree.size, root=tree.root())
        note = sign_checkpoint(checkpoint, self._signer)
        signed = SignedCheckpoint(size=tree.size, note=note, compact_range=tree.to_bytes())
        try:
            self._store.save_checkpoint(0 if last is None else last.size, signed)
        except StaleDecision:
            return self._publish_all()
        return self._put(signed)

    def _put(self, checkpoint: SignedCheckpoint) -> int:
        self._publish(checkpoint.note)
        self._published = checkpoint.size
        return checkpoint.size


def verifier_key(operator: Operator) -> VerifierKey:
    """The public key of the log, as C2SP signed-note names it."""
    return VerifierKey.of(operator.origin, multikey.decode(operator.checkpoint_key))


def check_same(place: str, operator: Operator, published: bytes | None, keys: Collection[str]) -> None:
    """Pass if what a home keeps is of the ledger of this operator, as far as it keeps anything.

    Args:
        place: where the ledger lies, in words.
        published: the checkpoint that the home published last.
        keys: the ids of the private keys that it keeps.

    Raises:
        LogRolledBack: it is another ledger's.
    """
    own = {operator.event_key, operator.checkpoint_key}
    same = published is not None or not keys or not own.isdisjoint(keys)
    if published is not None:
        try:
            open_checkpoint(published, verifier_key(operator))
        except NoteUnsigned:
            same = False
    if not same:
        raise LogRolledBack(f"{place} holds another ledger than this home, whose keys are others. Nothing is started")


def check_published(store: Store, operator: Operator, published: bytes | None) -> None:
    """Pass if the store holds everything that the published checkpoint covers, unchanged.

    Raises:
        LogRolledBack: it is behind, or its tree has another root.
    """
    if published is None:
        return
    checkpoint = open_checkpoint(published, verifier_key(operator))
    with store.snapshot() as snapshot:
        if snapshot.head().size < checkpoint.size:
            raise LogRolledBack(
                f"the published checkpoint covers {checkpoint.size} entries, the store holds only "
                f"{snapshot.head().size}: an older copy was restored, or the tail was lost. Nothing is started"
            )
        last = snapshot.checkpoint()
        tree = CompactRange.empty() if last is None else CompactRange.from_bytes(last.compact_range)
        if tree.size != checkpoint.size:
            tree = CompactRange.empty()
            while tree.size < checkpoint.size:
                entries = snapshot.entries(tree.size, min(_BATCH, checkpoint.size - tree.size))
                tree = tree.extended(leaf_hash(each.raw) for each in entries)
    if tree.root() != checkpoint.root:
        raise LogRolledBack("the store's history differs from the published checkpoint. Nothing is started")
