"""Exports a ledger to an archive that needs no server: chooses what is read, beside whoever works on the ledger."""

from contextlib import ExitStack
from pathlib import Path

from ledger.adapters.archive_folder import ArchiveFolder
from ledger.adapters.clock import SystemEntropy
from ledger.adapters.fence import Fence
from ledger.adapters.home import Home
from ledger.adapters.private_box import VaultBoxes
from ledger.adapters.tile_folder import FolderTiles
from ledger.application.archiving import Archived, Archiving, NothingPublished, PublishedHead
from ledger.application.publishing_ports import TileStore
from ledger.bootstrap import engine_of, open_vault
from ledger.domain.log import Log, checkpoint_keys
from ledger.publication import published_log
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note import VerifierKey
from ledger.verification.log_keys import establish_log

_DAYS = "days"


def export(home: Home, folder: Path, *, since: bytes | None = None) -> Archived:
    """Bring the archive in `folder` up to what the ledger of `home` has published.

    Args:
        since: a checkpoint of this ledger; only what is not under it is written.

    Raises:
        NothingPublished, ArchiveElsewhere, ArchiveBusy.
        LedgerError: the ledger cannot be read, the archive not be written, or `since` is no checkpoint of this log.
    """
    settings = home.settings()
    with ExitStack() as stack:
        store = engine_of(home).open(Fence())
        stack.callback(store.close)
        vault = open_vault(home)
        stack.callback(vault.close)
        with store.snapshot() as snapshot:
            log = establish_log(snapshot.log_entries())
        kept = None if since is None else _opened(since, log)
        archive = ArchiveFolder(folder)
        stack.enter_context(archive.held())  # before what is published is read: another export may have more otherwise
        head = _published_head(home, log)
        entropy = SystemEntropy()
        archiving = Archiving(
            store=store,
            boxes=VaultBoxes(vault, entropy),
            entropy=entropy,
            operator=log.operator,
            base_url=settings.base_url,
            registries=home.registries(),
        )
        return archiving.export(archive, head, since=kept)


def archive_in(folder: Path) -> TileStore:
    """The files of an archive, whoever made it."""
    return ArchiveFolder(folder)


def _published_head(home: Home, log: Log) -> PublishedHead:
    """What the home has published, which must be whole."""
    published = published_log(home)
    tree = published.tree()
    statuses = None if tree is None else published.statuses(tree.size)
    if tree is None or statuses is None:
        raise NothingPublished(
            f"{home.log} holds no published checkpoint with all that belongs to it: let `testamur work --once` or "
            "`testamur serve` publish first"
        )
    tiles = FolderTiles(home.log)
    days = [(path.removeprefix(f"{_DAYS}/"), tiles.read(path)) for path in sorted(tiles.list(_DAYS))]
    return PublishedHead(
        note=tree.note,
        checkpoint=_opened(tree.note, log),
        keys=_keys(log, tree.size),
        reader=tree.reader,
        statuses=statuses,
        days=[(day, note) for day, note in days if note is not None],
    )


def _keys(log: Log, size: int) -> list[VerifierKey]:
    return [VerifierKey.of(log.operator.origin, multikey.decode(kid)) for kid in checkpoint_keys(log, size)]


def _opened(note: bytes, log: Log) -> Checkpoint:
    """A checkpoint that a key of the log signed, whenever it was in force."""
    return open_checkpoint(note, *[VerifierKey.of(log.operator.origin, multikey.decode(kid)) for kid in log.keys])
