"""The one place that chooses implementations: makes a home, and opens the ledger in it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.background import Background
from ledger.adapters.clock import SystemClock, SystemEntropy, UnsafeClock
from ledger.adapters.committer import Committer
from ledger.adapters.engine import Engine, LedgerStore, ScanSource
from ledger.adapters.fence import Fence
from ledger.adapters.home import (
    BadSettings,
    EngineName,
    Home,
    Settings,
)
from ledger.adapters.key_store import PemKeyStore
from ledger.adapters.macs import DerivedMacs
from ledger.adapters.private_box import VaultBoxes
from ledger.adapters.secrets import MasterKey
from ledger.adapters.sqlite.engine import SqliteEngine
from ledger.adapters.vault import KeyVault, VaultOpener
from ledger.application.achievements import Achievements, Pathways
from ledger.application.api_keys import ApiKeys
from ledger.application.awards import Awards
from ledger.application.batch import Batch
from ledger.application.changing import Changing
from ledger.application.desk import Desk
from ledger.application.issuers import Issuers
from ledger.application.issuing import Issuing
from ledger.application.log_keys import CheckpointKeys
from ledger.application.ports import Clock, Store
from ledger.application.published_check import LogRolledBack, verifier_key
from ledger.application.published_log import PublishedLog
from ledger.application.publishing import Publishing
from ledger.application.resigning import Resigning
from ledger.application.scanning import Scanning
from ledger.application.stacking import Stacking
from ledger.domain.authority import Operator, operator_of
from ledger.domain.types import Origin
from ledger.domain.values import BadValue, parse_time
from ledger.publication import (
    Outside,
    check_keys,
    published_log,
    publisher_of,
    publishing_of,
    verification_policy,
    witnessing_of,
)
from ledger.record.entry import parse_entry
from ledger.record.sealing import signature_is_good
from ledger.tlog.note import VerifierKey

WRAPPING, _LOOKUP, _KEYS = ("vault", "lookup", "pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An open ledger: its use cases, over the files of one home."""

    home: Home
    settings: Settings
    operator: Operator
    desk: Desk
    engine: Engine
    store: LedgerStore
    scans: ScanSource
    fence: Fence
    issuers: Issuers
    achievements: Achievements
    pathways: Pathways
    stacking: Stacking
    issuing: Issuing
    batch: Batch
    awards: Awards
    changing: Changing
    resigning: Resigning
    api_keys: ApiKeys
    checkpoint_keys: CheckpointKeys
    publishing: Publishing
    published: PublishedLog
    vault: KeyVault
    boxes: VaultBoxes
    macs: DerivedMacs
    clock: Clock
    committer: Committer
    publisher: Background

    @property
    def verifier_key(self) -> VerifierKey:
        """The log's public key."""
        return verifier_key(self.operator)

    def scanning(self) -> Scanning:
        """Verdicts, by the recognising bodies that the settings name now, and what is published in the home."""
        return Scanning(
            store=self.scans,
            published=self.published,
            boxes=self.boxes,
            macs=self.macs,
            clock=self.clock,
            policy=verification_policy(self.home),
        )

    def close(self) -> None:
        """Append what is queued, publish what is due, close the files."""
        with ExitStack() as stack:  # each is closed even if one before it fails
            stack.callback(self.store.close)
            stack.callback(self.scans.close)
            stack.callback(self.vault.close)
            stack.callback(self.publishing.close)
            stack.callback(self.publisher.close)
            stack.callback(self.committer.close)


def clock_from_environment() -> Clock:
    """The machine's clock, or the one that TESTAMUR_UNSAFE_CLOCK sets, with a warning."""
    start = os.environ.get("TESTAMUR_UNSAFE_CLOCK")
    if not start:
        return SystemClock()
    print(f"warning: TESTAMUR_UNSAFE_CLOCK is set; this process believes it is {start}", file=sys.stderr)  # noqa: T201
    try:
        return UnsafeClock(parse_time(start if "." in start else start.replace("Z", ".000Z")))
    except BadValue as error:
        raise BadSettings(f"TESTAMUR_UNSAFE_CLOCK: {error}") from error


def passphrase(master: MasterKey) -> bytes:
    """Of the files with private keys."""
    return master.derive(_KEYS).hex().encode("ascii")


def engine_of(home: Home, name: EngineName | None = None, *, read_only: bool = False) -> Engine:
    """Where the ledger of a home lies.

    Args:
        name: of the engine; None: as the settings say.
        read_only: whether ledger and vault are opened for reading alone.

    Raises:
        BadSettings: it lies in a database that was not named, or in files while one was named.
        HomeMissing, BadDatabaseUrl.
    """
    name = name or home.settings().engine
    if name == "sqlite":
        if home.database_url is not None:
            raise BadSettings(
                f"the ledger in {home.folder} lies in files, and a database was named: unset TESTAMUR_DATABASE_URL"
            )
        return SqliteEngine(home.database, home.vault, read_only=read_only)
    if home.database_url is None:
        raise BadSettings(f"the ledger of {home.folder} lies in PostgreSQL: set TESTAMUR_DATABASE_URL to say where")
    from ledger.adapters.postgres.engine import PostgresEngine  # its client takes a while to load

    vault_url = os.environ.get("TESTAMUR_VAULT_DATABASE_URL") or None
    return PostgresEngine(home.database_url, vault_url, read_only=read_only)


def engine_at(place: str) -> Engine:
    """Where a ledger without its home lies: a file, or a PostgreSQL database by its URL.

    Raises:
        BadDatabaseUrl.
    """
    if place.startswith(("postgresql:", "postgres:")):
        from ledger.adapters.postgres.engine import PostgresEngine

        return PostgresEngine(place)
    return SqliteEngine(Path(place), Path(place).with_name("vault.db"))


def open_vault(home: Home, *, read_only: bool = False) -> KeyVault:
    """The vault of a home, opened with its master key.

    Raises:
        LedgerError: one of them is missing or cannot be read, or they do not belong together.
    """
    master = MasterKey.load(home.master_key)
    wrapping_key, lookup_key = master.derive(WRAPPING), master.derive(_LOOKUP)
    return KeyVault(
        engine_of(home, read_only=read_only).open_vault(),
        wrapping_key=wrapping_key,
        lookup_key=lookup_key,
        entropy=SystemEntropy(),
    )


@contextmanager
def open_parts(home: Home) -> Iterator[VaultOpener]:
    """What opens the private parts of a home for an audit.

    Raises:
        LedgerError: as `open_vault`.
    """
    with closing(open_vault(home)) as vault:
        yield VaultOpener(vault)


def read_operator(store: Store, origin: Origin) -> Operator:
    """The operator that the log's first entry names.

    Raises:
        LogRolledBack: the log has no beginning, or is another log than the settings say.
    """
    with store.snapshot() as snapshot:
        first = snapshot.entries(0, 1)
    if not first:
        raise LogRolledBack("the ledger holds no entries at all: it is not the one that was initialised here")
    entry = parse_entry(first[0].raw)
    operator = operator_of(entry.recorded(first[0].position))
    if not signature_is_good(entry) or operator.origin != origin:
        raise LogRolledBack(f"the ledger is not that of {origin}, which the settings name")
    return operator


def open_ledger(
    home: Home,
    *,
    clock: Clock,
    committed: Callable[[], None] = lambda: None,
    failed: Callable[[Exception], None] = lambda _: None,
    publishes: bool = True,
) -> Ledger:
    """Open the ledger of a home that this process holds.

    Args:
        committed: called after each commit, on the committer's thread; must return at once.
        failed: hears of every failure to publish.
        publishes: whether it signs checkpoints; if not, it only puts those of others in its home.

    Raises:
        LogRolledBack: the store is behind a checkpoint that was published, or differs from it.
        LedgerError: the home cannot be read.
    """
    settings = home.settings()
    entropy = SystemEntropy()
    master = MasterKey.load(home.master_key)
    engine = engine_of(home)
    outside = Outside.of(home)
    fence = Fence()  # what was published is compared once, by its tree, and from then on by its size
    store = engine.open(fence)
    try:
        operator = read_operator(store, settings.origin)
        log = outside.check(store, home, engine.described)
        outside.begin()
        fence.watch(outside.size)
        keys = PemKeyStore(home.keys, passphrase(master))
        if publishes:
            check_keys(log, keys)
        witnessing = witnessing_of(clock, failed)
        home.registries()
        vault, scans = open_vault(home), store.scans()
    except BaseException:
        store.close()
        raise
    macs = DerivedMacs.of(master)

    def after_commit() -> None:
        publisher.wake()
        committed()

    committer = Committer(store, vault, committed=after_commit)
    publishing = publishing_of(
        home, store, committer, operator, signer=keys.signer, clock=clock, halt=fence.halt, witnessing=witnessing
    )
    publisher = publisher_of(publishing, publishes=publishes, failed=failed)
    boxes = VaultBoxes(vault, entropy)
    desk = Desk(
        store=store,
        appender=committer,
        keys=keys,
        vault=vault,
        boxes=boxes,
        macs=macs,
        clock=clock,
        entropy=entropy,
        operator=operator,
        base_url=settings.base_url,
    )
    publisher.start()
    issuing, awards = Issuing(desk), Awards(desk)
    return Ledger(
        home=home,
        settings=settings,
        operator=operator,
        desk=desk,
        engine=engine,
        store=store,
        scans=scans,
        fence=fence,
        issuers=Issuers(desk),
        achievements=Achievements(desk),
        pathways=Pathways(desk),
        stacking=Stacking(desk, issuing, awards),
        issuing=issuing,
        batch=Batch(desk, issuing),
        awards=awards,
        changing=Changing(desk, awards),
        resigning=Resigning(desk, awards),
        api_keys=ApiKeys(store, clock, entropy),
        checkpoint_keys=CheckpointKeys(desk),
        publishing=publishing,
        published=published_log(home),
        vault=vault,
        boxes=boxes,
        macs=macs,
        clock=clock,
        committer=committer,
        publisher=publisher,
    )
