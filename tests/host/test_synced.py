"""No answer of a server under load leaves before the file that holds what it speaks of was synced."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.crash.holding import check
from tests.crash.load import Load
from tests.crash.served import Served
from tests.crash.stand import Stand
from tests.host.synced import acknowledged, early_answers, sqlite_commits
from tests.host.trace import Call, read_trace, traced

CLIENTS = 64
EACH = int(os.environ.get("TESTAMUR_TRACED_REQUESTS", "3"))  # requests of each client
CARELESS = Path(__file__).parent / "careless"


def first_keys(home: Path) -> Mapping[int, bytes]:
    """The id of the data key of each award's first entry, by position; each award is of another learner."""
    statement = (
        "SELECT DISTINCT position, key_id FROM private_parts JOIN stored_events ON notification_id = position "
        "WHERE originator_version = 0"
    )
    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as connection:
        return dict(connection.execute(statement).fetchall())


def test_every_answer_of_64_clients_leaves_after_the_sync_of_what_it_speaks_of(stand: Stand, seed: int) -> None:
    served = Served(stand)
    try:
        load = Load(served, seed=seed)
        lines = _traced_load(served, load, EACH)
        check(stand, load)
    finally:
        served.kill()
    calls = read_trace(lines)
    ledger, vault = sqlite_commits(calls, "ledger.db-wal"), sqlite_commits(calls, "vault.db-wal")
    keys = first_keys(stand.home)
    found = acknowledged(calls)
    print(
        f"seed {seed}, {CLIENTS} clients: {len(found)} answers of 2xx in {len(ledger)} commits of the ledger, "
        f"{len(vault)} of the vault; {len(calls)} calls"
    )
    assert len(found) == len(load.outcomes.acknowledged)
    assert early_answers(calls, ledger, vault, keys) == []
    # The same trace, had the program not synced the one file or the other, or had it answered first.
    for wal, condemned in (("ledger.db-wal", len(found)), ("vault.db-wal", len(keys))):
        doctored = [line for line in lines if not ("fdatasync" in line and wal in line)]
        assert len(_early(read_trace(doctored), keys)) == condemned
    assert len(_early(_answers_first(calls), keys)) == len(found)


def test_server_whose_database_does_not_sync_is_caught(stand: Stand, seed: int) -> None:
    served = Served(stand, environment={"PYTHONPATH": f"{CARELESS}{os.pathsep}{Path.cwd()}"})
    try:
        load = Load(served, seed=seed)
        calls = read_trace(_traced_load(served, load, 1, clients=4))
    finally:
        served.kill()
    assert len(_early(calls, first_keys(stand.home))) == len(acknowledged(calls)) == 4


def _traced_load(served: Served, load: Load, each: int, clients: int = CLIENTS) -> list[str]:
    path = served.home.with_name("trace")
    with traced([served.pid], path):
        load.begin(clients, each=each)
        load.finish()
    return path.read_text("ascii").splitlines()


def _early(calls: list[Call], keys: Mapping[int, bytes]) -> list[str]:
    return early_answers(calls, sqlite_commits(calls, "ledger.db-wal"), sqlite_commits(calls, "vault.db-wal"), keys)


def _answers_first(calls: list[Call]) -> list[Call]:
    """The calls as if every sync had been late by the whole length of the trace."""
    late = calls[-1].ended + 1
    return [
        Call(name=each.name, target=each.target, data=each.data, result=each.result, begun=late, ended=late)
        if each.name == "fdatasync"
        else each
        for each in calls
    ]
