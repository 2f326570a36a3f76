"""The one place that chooses implementations: makes a home, and opens the ledger in it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.background import Background
from ledger.adapters.clock import SystemClock, SystemEntropy, UnsafeClock
from ledger.adapters.committer import Committer
from ledger.adapters.home import (
    BadSettings,
    Home,
    HomeExists,
    Settings,
    check_base_url,
    host_and_port,
    replace_file,
    sync_folder,
)
from ledger.adapters.key_store import PemKeyStore
from ledger.adapters.macs import DerivedMacs
from ledger.adapters.private_box import VaultBoxes
from ledger.adapters.secrets import MasterKey, write_secret_file
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.scans import ScanStore
from ledger.adapters.sqlite.schema import create
from ledger.adapters.sqlite.vault import SqliteVaultRows
from ledger.adapters.sqlite.vault import create as create_vault
from ledger.adapters.vault import KeyVault, VaultOpener, first_epoch
from ledger.application.achievements import Achievements, Pathways
from ledger.application.api_keys import SCOPES, ApiKeys
from ledger.application.awards import Awards
from ledger.application.batch import Batch
from ledger.application.changing import Changing
from ledger.application.desk import Desk
from ledger.application.draft import milliseconds
from ledger.application.issuers import Issuers
from ledger.application.issuing import Issuing
from ledger.application.ports import Clock, Proposal
from ledger.application.publishing import LogRolledBack, Publishing, check_published, verifier_key
from ledger.application.scanning import Scanning
from ledger.application.stacking import Stacking
from ledger.domain import text
from ledger.domain.authority import Operator, operator_of
from ledger.domain.codes import stream_id
from ledger.domain.events import LogStarted, Recorded
from ledger.domain.types import Did, Origin, Position, Seq
from ledger.domain.values import BadValue, parse_time
from ledger.record.entry import parse_entry
from ledger.record.sealing import genesis, seal, signature_is_good
from ledger.tlog.note import VerifierKey
from ledger.verification.evidence import Policy

_PUBLISHING = 1.0  # seconds between two checkpoints, at least
_WRAPPING, _LOOKUP, _IDEMPOTENCY, _SHORT_CODES, _KEYS = ("vault", "lookup", "idempotency", "short-codes", "pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An open ledger: its use cases, over the files of one home."""

    home: Home
    settings: Settings
    operator: Operator
    desk: Desk
    store: SqliteLedger
    scans: ScanStore
    issuers: Issuers
    achievements: Achievements
    pathways: Pathways
    stacking: Stacking
    issuing: Issuing
    batch: Batch
    awards: Awards
    changing: Changing
    api_keys: ApiKeys
    publishing: Publishing
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
        """Verdicts, by the recognising bodies that the settings name now."""
        return Scanning(
            store=self.scans,
            boxes=self.boxes,
            macs=self.macs,
            clock=self.clock,
            policy=lambda: Policy(registries=self.home.registries()),
        )

    def close(self) -> None:
        """Append what is queued, publish what is due, close the files."""
        with ExitStack() as stack:  # each is closed even if one before it fails
            stack.callback(self.store.close)
            stack.callback(self.scans.close)
            stack.callback(self.vault.close)
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


def init(folder: Path, base_url: str, operator_name: str, *, clock: Clock) -> str:
    """Make a new ledger in a folder that does not exist or is empty; the operator's API key.

    It appears whole or not at all: it is made beside the folder and renamed.

    Raises:
        HomeExists, BadSettings.
    """
    base_url = check_base_url(base_url)
    operator_name = _check_operator(operator_name)
    folder = folder.resolve()  # `.` has no name to make another beside
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HomeExists(f"{folder} is not empty; a ledger is made in a folder of its own")
    making = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    try:
        secret = _fill(Home(making), base_url, operator_name, clock)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    sync_folder(folder.parent)
    return secret


def _check_operator(name: str) -> str:
    cleaned = text.clean(name)
    wrong = text.fault(cleaned, 200)
    if wrong or not cleaned:
        raise BadSettings(f"the name of who runs the service {wrong[1] if wrong else 'is empty; it is needed'}")
    return cleaned


def _fill(home: Home, base_url: str, operator_name: str, clock: Clock) -> str:
    entropy = SystemEntropy()
    (home.folder / "secrets").mkdir(mode=0o700)
    home.keys.mkdir(mode=0o700)
    master = _master_key(home)
    keys = PemKeyStore(home.keys, _passphrase(master))
    event_key, checkpoint_key = (keys.create(entropy.bytes(32)) for _ in range(2))
    create(home.database)
    create_vault(home.vault, first_epoch(master.derive(_WRAPPING), entropy))
    host = host_and_port(base_url)
    origin = Origin(f"{host}/log")
    at = clock.now()
    started = LogStarted(origin=origin, event_key=event_key.kid, checkpoint_key=checkpoint_key.kid)
    stream = stream_id(milliseconds(at), entropy.bytes(10))
    recorded = Recorded(
        event=started,
        stream=stream,
        seq=Seq(0),
        position=Position(1),
        at=at,
        by=Did(f"did:web:{host.replace(':', '%3A')}"),
        kid=event_key.kid,
        commit={},
    )
    sealed = seal(recorded, prev=genesis(origin, stream), signer=event_key)
    home.write_settings(Settings(base_url=base_url, origin=origin, operator=operator_name, registries=()))
    store = SqliteLedger(home.database)
    try:
        store.append([Proposal(events=(sealed,), answer=(stream, Seq(0)))])
        _, secret = ApiKeys(store, clock, entropy).create(None, SCOPES, "operator")
        operator = operator_of(recorded)
        _publishing(home, store, operator, keys).publish()
    finally:
        store.close()
    write_secret_file(home.operator_key, secret.encode("ascii") + b"\n")
    return secret


def _master_key(home: Home) -> MasterKey:
    if "TESTAMUR_MASTER_KEY_FILE" in os.environ and home.master_key.exists():
        return MasterKey.load(home.master_key)
    return MasterKey.create(home.master_key)


def _passphrase(master: MasterKey) -> bytes:
    return master.derive(_KEYS).hex().encode("ascii")


def _publishing(home: Home, store: SqliteLedger, operator: Operator, keys: PemKeyStore) -> Publishing:
    return Publishing(
        store=store,
        operator=operator,
        signer=keys.signer(operator.checkpoint_key),
        publish=lambda note: replace_file(home.checkpoint, note, mode=0o644),
    )


def open_vault(home: Home) -> KeyVault:
    """The vault of a home, opened with its master key.

    Raises:
        LedgerError: one of them is missing or cannot be read, or they do not belong together.
    """
    master = MasterKey.load(home.master_key)
    wrapping_key, lookup_key = master.derive(_WRAPPING), master.derive(_LOOKUP)
    rows = SqliteVaultRows(home.vault)
    return KeyVault(rows, wrapping_key=wrapping_key, lookup_key=lookup_key, entropy=SystemEntropy())


@contextmanager
def open_parts(home: Home) -> Iterator[VaultOpener]:
    """What opens the private parts of a home for an audit.

    Raises:
        LedgerError: as `open_vault`.
    """
    with closing(open_vault(home)) as vault:
        yield VaultOpener(vault)


def read_operator(store: SqliteLedger, origin: Origin) -> Operator:
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
) -> Ledger:
    """Open the ledger of a home that this process holds.

    Args:
        committed: called after each commit, on the committer's thread; must return at once.
        failed: hears of every failure to publish.

    Raises:
        LogRolledBack: the store is behind a checkpoint that was published, or differs from it.
        LedgerError: the home cannot be read.
    """
    settings = home.settings()
    entropy = SystemEntropy()
    master = MasterKey.load(home.master_key)
    store = SqliteLedger(home.database)
    try:
        operator = read_operator(store, settings.origin)
        check_published(store, operator, home.checkpoint.read_bytes() if home.checkpoint.exists() else None)
        keys = PemKeyStore(home.keys, _passphrase(master))
        publishing = _publishing(home, store, operator, keys)
        home.registries()
        vault, scans = open_vault(home), ScanStore(store)
    except BaseException:
        store.close()
        raise
    macs = DerivedMacs(idempotency=master.derive(_IDEMPOTENCY), short_codes=master.derive(_SHORT_CODES))
    publisher = Background(publishing.publish, name="publisher", interval=_PUBLISHING, failed=failed)

    def after_commit() -> None:
        publisher.wake()
        committed()

    committer = Committer(store, vault, committed=after_commit)
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
    )
    publisher.start()
    issuing, awards = Issuing(desk), Awards(desk)
    return Ledger(
        home=home,
        settings=settings,
        operator=operator,
        desk=desk,
        store=store,
        scans=scans,
        issuers=Issuers(desk),
        achievements=Achievements(desk),
        pathways=Pathways(desk),
        stacking=Stacking(desk, issuing, awards),
        issuing=issuing,
        batch=Batch(desk, issuing),
        awards=awards,
        changing=Changing(desk, awards),
        api_keys=ApiKeys(store, clock, entropy),
        publishing=publishing,
        vault=vault,
        boxes=boxes,
        macs=macs,
        clock=clock,
        committer=committer,
        publisher=publisher,
    )
