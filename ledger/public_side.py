"""Opens a ledger for the public side alone: scans, and the published log. Nothing is recorded, and nothing signed.

It needs the settings, the master key (which opens what awards say) and the published log; no private key of anybody,
and no API key. On SQLite it stands beside the process that holds the home and shows what that one publishes. On
PostgreSQL it may stand anywhere: it copies what others publish into the folder of its own home.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from ledger.adapters.background import Background, Watch
from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import LedgerStore
from ledger.adapters.fence import Fence
from ledger.adapters.home import Home, Settings
from ledger.adapters.macs import DerivedMacs
from ledger.adapters.private_box import VaultBoxes
from ledger.adapters.secrets import MasterKey
from ledger.application.ports import Clock
from ledger.application.public_documents import PublicDocuments
from ledger.application.published_log import PublishedLog
from ledger.application.scanning import Scanning
from ledger.bootstrap import engine_of, open_vault, read_operator
from ledger.domain.types import Kid
from ledger.publication import Outside, published_log, publisher_of, publishing_of, verification_policy
from ledger.signing.signer import KeyNotHeld, Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSide:
    """What answers the public: it can sign nothing, and write nothing but its copy of the published log."""

    settings: Settings
    scanning: Scanning
    published: PublishedLog
    documents: PublicDocuments
    clock: Clock
    copier: Background | None  # of what others publish, where that does not come into this home by itself
    closing: ExitStack

    def close(self) -> None:
        """Close every file."""
        self.closing.close()


def open_public_side(home: Home, *, clock: Clock, failed: Callable[[Exception], None] = lambda _: None) -> PublicSide:
    """Open the public side of a ledger.

    Args:
        failed: hears of every failure to copy what others publish.

    Raises:
        LogRolledBack: the store is behind a checkpoint that was published, or differs from it.
        LedgerError: the home cannot be read.
    """
    settings, engine, fence = home.settings(), engine_of(home, read_only=True), Fence()
    master = MasterKey.load(home.master_key)
    outside = Outside.of(home)
    with ExitStack() as opened:
        store = engine.open(fence)
        opened.callback(store.close)
        operator = read_operator(store, settings.origin)
        outside.check(store, home, engine.described)
        fence.watch(outside.size)
        home.registries()
        vault, scans = open_vault(home, read_only=True), store.scans()
        opened.callback(vault.close)
        opened.callback(scans.close)
        published = published_log(home)
        scanning = Scanning(
            store=scans,
            published=published,
            boxes=VaultBoxes(vault, SystemEntropy()),
            macs=DerivedMacs.of(master),
            clock=clock,
            policy=verification_policy(home),
        )
        copier = _copier(home, store, fence, clock, failed, opened) if engine.shared else None
        closing = opened.pop_all()
    return PublicSide(
        settings=settings,
        scanning=scanning,
        published=published,
        documents=PublicDocuments(store, operator),
        clock=clock,
        copier=copier,
        closing=closing,
    )


def _copier(
    home: Home, store: LedgerStore, fence: Fence, clock: Clock, failed: Callable[[Exception], None], opened: ExitStack
) -> Background:
    """Copies what others publish, once now and then whenever something was committed."""
    operator = read_operator(store, home.settings().origin)
    publishing = publishing_of(home, store, store, operator, signer=_no_key, clock=clock, halt=fence.halt)
    copier = publisher_of(publishing, publishes=False, failed=failed)
    copier.start()
    opened.callback(copier.close)
    watch = Watch(store.wait, changed=copier.wake, failed=failed)
    opened.callback(watch.close)
    return copier


def _no_key(kid: Kid) -> Signer:
    raise KeyNotHeld(kid)  # whoever copies what others publish asks for none
