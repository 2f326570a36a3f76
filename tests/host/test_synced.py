"""No answer of a server under load leaves before the file that holds what it speaks of was synced."""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.rows import tuple_row

from tests.crash.holding import check
from tests.crash.load import ISSUED, Load
from tests.crash.served import Served
from tests.crash.stand import PostgresStand, SqliteStand
from tests.host.synced import acknowledged, early_answers, sqlite_commits, sqlite_keyed, sqlite_recorded
from tests.host.synced_postgres import by_position, postgres_commits
from tests.host.trace import Call, read_trace, traced
from tests.postgres import Cluster

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


def test_every_answer_of_64_clients_leaves_after_the_sync_of_what_it_speaks_of(tmp_path: Path, seed: int) -> None:
    stand = SqliteStand(home=tmp_path / "home")
    served = Served(stand)
    try:
        load = Load(served, seed=seed)
        lines = _traced_load(served, load, lambda: [served.pid], EACH)
        check(stand, load)
    finally:
        served.kill()
    calls, events, keys = read_trace(lines), stand.events(), first_keys(stand.home)

    def early(seen: list[Call]) -> list[str]:
        return early_answers(seen, sqlite_recorded(seen, events), sqlite_keyed(seen, keys))

    found = acknowledged(calls)
    commits = len(sqlite_commits(calls, "ledger.db-wal"))
    print(f"seed {seed}, {CLIENTS} clients: {len(found)} answers of 2xx, {commits} commits, {len(calls)} calls traced")
    assert len(found) == len(load.outcomes.acknowledged)
    assert early(calls) == []
    # The same trace, had the program not synced the one file or the other, or only later.
    for wal, condemned in (("ledger.db-wal", len(found)), ("vault.db-wal", len(keys))):
        assert (
            len(early([each for each in calls if not (each.name == "fdatasync" and wal in each.target)])) == condemned
        )
    assert len(early(_synced_late(calls))) == len(found)


def test_server_whose_database_does_not_sync_is_caught(tmp_path: Path, seed: int) -> None:
    stand = SqliteStand(home=tmp_path / "home")
    served = Served(stand, environment={"PYTHONPATH": f"{CARELESS}{os.pathsep}{Path.cwd()}"})
    try:
        load = Load(served, seed=seed)
        calls = read_trace(_traced_load(served, load, lambda: [served.pid], 1, clients=4))
    finally:
        served.kill()
    keys = sqlite_keyed(calls, first_keys(stand.home))
    early = early_answers(calls, sqlite_recorded(calls, stand.events()), keys)
    # The first request issues an award; who is late may change it in a way that is refused.
    assert len(early) == len(acknowledged(calls)) == len(load.outcomes.acknowledged) >= 1
    assert sum(load.outcomes.statuses.values()) == 4


def test_every_answer_on_postgresql_leaves_after_the_sync_of_the_log_that_holds_its_commit(
    own_cluster: Cluster, tmp_path: Path, seed: int
) -> None:
    stand = PostgresStand(home=tmp_path / "home", url=own_cluster.url("testamur"))
    served = Served(stand)
    try:
        load = Load(served, seed=seed)
        calls = read_trace(_traced_load(served, load, lambda: [*_processes(own_cluster), served.pid], EACH))
        check(stand, load)
        recorded, keyed = _transactions(own_cluster)
    finally:
        served.kill()

    def early(seen: list[Call]) -> list[str]:
        commits = postgres_commits(seen, [*recorded.values(), *keyed.values()])
        keys = {position: commits.get(xid) for position, xid in keyed.items()}
        return early_answers(seen, by_position(commits, recorded), keys)

    found = acknowledged(calls)
    commits = len(set(recorded.values()))
    print(f"seed {seed}, {CLIENTS} clients: {len(found)} answers of 2xx, {commits} commits, {len(calls)} calls traced")
    assert len(found) == len(load.outcomes.acknowledged)
    assert len(keyed) == sum(request.topic == ISSUED for request, _ in load.outcomes.acknowledged.values())
    assert early(calls) == []
    # The same trace, had PostgreSQL not synced its log, or only later; with `fsync` off no connection is accepted.
    unsynced = [each for each in calls if not (each.name == "fdatasync" and "/pg_wal/" in each.target)]
    assert len(early(unsynced)) == len(early(_synced_late(calls))) == len(found)


def _transactions(cluster: Cluster) -> tuple[dict[int, int], dict[int, int]]:
    """The transaction of each entry, and of the data key of each first entry of a learner, by position."""
    with psycopg.connect(cluster.url("testamur"), row_factory=tuple_row) as ledger:
        entries = ledger.execute("SELECT notification_id, xmin::text FROM ledger.stored_events").fetchall()
        parts = ledger.execute("SELECT key_id, min(position) FROM ledger.private_parts GROUP BY key_id").fetchall()
    with psycopg.connect(cluster.url("testamur_vault"), row_factory=tuple_row) as vault:
        keys: dict[bytes, str] = dict(vault.execute("SELECT key_id, xmin::text FROM vault.data_keys").fetchall())
    return {position: int(xid) for position, xid in entries}, {position: int(keys[key]) for key, position in parts}


def _processes(cluster: Cluster) -> list[int]:
    """All processes of a server."""
    assert cluster.pid is not None
    children = Path(f"/proc/{cluster.pid}/task/{cluster.pid}/children").read_text("ascii").split()
    return [cluster.pid, *map(int, children)]


def _traced_load(
    served: Served, load: Load, pids: Callable[[], Sequence[int]], each: int, clients: int = CLIENTS
) -> list[str]:
    path = served.home.with_name("trace")
    with traced(pids, path):
        load.begin(clients, each=each)
        load.finish()
    return path.read_text("ascii").splitlines()


def _synced_late(calls: list[Call]) -> list[Call]:
    """The calls as if every sync had been late by the whole length of the trace."""
    late = calls[-1].ended + 1
    return [replace(each, begun=late, ended=late) if each.name == "fdatasync" else each for each in calls]
