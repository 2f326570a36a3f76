"""Makes a new ledger: its home, its keys, its first entry and its first checkpoint."""

import os
import shutil
from pathlib import Path

from ledger.adapters.clock import SystemEntropy
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
from ledger.bootstrap import WRAPPING, engine_of, passphrase, publishing_of
from ledger.domain import text
from ledger.domain.authority import operator_of
from ledger.domain.codes import stream_id
from ledger.domain.events import LogStarted, Recorded
from ledger.domain.types import Did, Origin, Position, Seq
from ledger.record.sealing import genesis, seal


def init(folder: Path, base_url: str, operator_name: str, *, clock: Clock, database_url: str | None = None) -> str:
    """Make a new ledger in a folder that does not exist or is empty; the operator's API key.

    It appears whole or not at all: it is made beside the folder and renamed.

    Args:
        database_url: of a database in PostgreSQL, else TESTAMUR_DATABASE_URL; without any, files of the folder.

    Raises:
        HomeExists, BadSettings.
        WrongSchema: the database holds a ledger already.
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
        secret = _fill(Home(making, database_url), base_url, operator_name, clock)
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
    keys = PemKeyStore(home.keys, passphrase(master))
    event_key, checkpoint_key = (keys.create(entropy.bytes(32)) for _ in range(2))
    name: EngineName = "sqlite" if home.database_url is None else "postgresql"
    engine = engine_of(home, name)
    engine.create()
    engine.create_vault(first_epoch(master.derive(WRAPPING), entropy))
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
    settings = Settings(base_url=base_url, origin=origin, operator=operator_name, registries=(), engine=name)
    home.write_settings(settings)
    store = engine.open(Fence())
    try:
        store.append([Proposal(events=(sealed,), answer=(stream, Seq(0)))])
        _, secret = ApiKeys(store, clock, entropy).create(None, SCOPES, "operator")
        operator = operator_of(recorded)
        publishing_of(home, store, operator, keys).publish()
    finally:
        store.close()
    write_secret_file(home.operator_key, secret.encode("ascii") + b"\n")
    return secret


def _master_key(home: Home) -> MasterKey:
    if "TESTAMUR_MASTER_KEY_FILE" in os.environ and home.master_key.exists():
        return MasterKey.load(home.master_key)
    return MasterKey.create(home.master_key)
