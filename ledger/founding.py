"""Makes a new ledger: its home, its keys, its first entry and its first checkpoint."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger.adapters.backup_manifest import Holds
from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import Engine, WrongSchema
from ledger.adapters.fence import Fence
from ledger.adapters.home import (
    BadSettings,
    EngineName,
    Home,
    HomeExists,
    Settings,
    check_base_url,
    host_and_port,
    sync_folder,
)
from ledger.adapters.key_store import PemKeyStore
from ledger.adapters.secrets import MasterKey, write_secret_file
from ledger.adapters.vault import first_epoch
from ledger.application.api_keys import SCOPES, ApiKeys
from ledger.application.draft import milliseconds
from ledger.application.ports import Clock, Proposal
from ledger.bootstrap import WRAPPING, engine_of, passphrase
from ledger.domain import text
from ledger.domain.authority import operator_of
from ledger.domain.codes import stream_id
from ledger.domain.events import LogStarted, Recorded
from ledger.domain.types import Did, Origin, Position, Seq
from ledger.errors import LedgerError
from ledger.publication import publishing_of
from ledger.record.sealing import Sealed, genesis, seal

_REST = (
    "If a home belongs to it, use that home: `testamur init` makes a new ledger. If it is the rest of an init that was "
    "cut off, nobody has its keys, and nothing was recorded in it but its beginning: drop that database, and try again"
)


def init(folder: Path, base_url: str, operator_name: str, *, clock: Clock, database_url: str | None = None) -> str:
    """Make a new ledger in a folder that does not exist or is empty; the operator's API key.

    It appears whole or not at all: it is made beside the folder and renamed, and what was made in a database for it is
    removed again where anything fails.

    Args:
        database_url: of a database in PostgreSQL, else TESTAMUR_DATABASE_URL; without any, files of the folder.

    Raises:
        HomeExists, BadSettings.
        WrongSchema: the database holds a ledger already, or that of the vault a vault.
    """
    base_url = check_base_url(base_url)
    operator_name = _check_operator(operator_name)
    folder = folder.resolve()  # `.` has no name to make another beside
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HomeExists(f"{folder} is not empty; a ledger is made in a folder of its own")
    making = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    home = Home(making, database_url)
    if home.guarded_outside and home.guard.exists():
        raise BadSettings(f"{home.guard} guards another ledger: name a file of its own in TESTAMUR_GUARD_FILE")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    name: EngineName = "sqlite" if home.database_url is None else "postgresql"
    try:
        engine = engine_of(home, name)
        with _undone_if_it_fails(engine) as made:
            secret = _fill(home, engine, made, (base_url, operator_name, name), clock)
            making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        if home.guarded_outside:
            home.guard.unlink(missing_ok=True)
        raise
    sync_folder(folder.parent)
    return secret


@contextmanager
def _undone_if_it_fails(engine: Engine) -> Iterator[list[Holds]]:
    """Two free places; what is listed as made in them is removed again if the block fails."""
    copies = engine.copies()
    for holds in ("ledger", "vault"):
        try:
            copies.check_free(holds)
        except WrongSchema as error:
            raise WrongSchema(f"{error}. {_REST}") from error
    made: list[Holds] = []
    try:
        yield made
    except BaseException:
        for each in made:
            with suppress(LedgerError):  # why it failed is worth more; what stays is named by the next attempt
                copies.discard(each)
        raise


def _check_operator(name: str) -> str:
    cleaned = text.clean(name)
    wrong = text.fault(cleaned, 200)
    if wrong or not cleaned:
        raise BadSettings(f"the name of who runs the service {wrong[1] if wrong else 'is empty; it is needed'}")
    return cleaned


def _fill(home: Home, engine: Engine, made: list[Holds], settings: tuple[str, str, EngineName], clock: Clock) -> str:
    """Make keys, ledger and vault; the operator's API key. Each of the latter two is listed in `made` once it is."""
    base_url, operator_name, name = settings
    entropy = SystemEntropy()
    (home.folder / "secrets").mkdir(mode=0o700)
    home.keys.mkdir(mode=0o700)
    master = _master_key(home)
    keys = PemKeyStore(home.keys, passphrase(master))
    engine.create()
    made.append("ledger")
    engine.create_vault(first_epoch(master.derive(WRAPPING), entropy))
    made.append("vault")
    host = host_and_port(base_url)
    origin = Origin(f"{host}/log")
    home.write_settings(Settings(base_url=base_url, origin=origin, operator=operator_name, registries=(), engine=name))
    first = _first(host, origin, keys, clock)
    fence = Fence()
    store = engine.open(fence)
    try:
        store.append([Proposal(events=(first,), answer=(first.recorded.stream, Seq(0)))])
        _, secret = ApiKeys(store, clock, entropy).create(None, SCOPES, "operator")
        operator = operator_of(first.recorded)
        publishing_of(home, store, store, operator, signer=keys.signer, clock=clock, halt=fence.halt).publish()
    finally:
        store.close()
    write_secret_file(home.operator_key, secret.encode("ascii") + b"\n")
    return secret


def _first(host: str, origin: Origin, keys: PemKeyStore, clock: Clock) -> Sealed:
    """The first entry of a log, signed by new keys."""
    entropy, at = SystemEntropy(), clock.now()
    event_key, checkpoint_key = (keys.create(entropy.bytes(32)) for _ in range(2))
    stream = stream_id(milliseconds(at), entropy.bytes(10))
    recorded = Recorded(
        event=LogStarted(origin=origin, event_key=event_key.kid, checkpoint_key=checkpoint_key.kid),
        stream=stream,
        seq=Seq(0),
        position=Position(1),
        at=at,
        by=Did(f"did:web:{host.replace(':', '%3A')}"),
        kid=event_key.kid,
        commit={},
    )
    return seal(recorded, prev=genesis(origin, stream), signer=event_key)


def _master_key(home: Home) -> MasterKey:
    if "TESTAMUR_MASTER_KEY_FILE" in os.environ and home.master_key.exists():
        return MasterKey.load(home.master_key)
    return MasterKey.create(home.master_key)
