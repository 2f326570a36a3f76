"""PostgreSQL goes down under a running server, or drops its connections: clients are told so, and nothing is lost."""

import os
import random
import time
from pathlib import Path
from threading import Event, Thread

import psycopg

from tests.crash.holding import check
from tests.crash.load import CLIENTS, Load
from tests.crash.served import Served
from tests.crash.stand import PostgresStand
from tests.postgres import Cluster

CYCLES = int(os.environ.get("TESTAMUR_CRASH_CYCLES", "5"))
SECONDS = float(os.environ.get("TESTAMUR_TERMINATE_SECONDS", "5"))
STATUSES = frozenset({200, 201, 409, 503})
_AUDITED = 10  # cycles from one audit to the next


def made(cluster: Cluster, folder: Path) -> PostgresStand:
    """A place for a ledger in a database of the cluster that does not exist yet."""
    return PostgresStand(home=folder / "home", url=cluster.url("testamur"))


def test_database_stopped_in_the_middle_of_everything_loses_nothing_acknowledged(
    own_cluster: Cluster, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    stand = made(own_cluster, tmp_path)
    served = Served(stand)
    load = Load(served, seed=seed, allowed=STATUSES, persistent=True)
    waits: list[float] = []
    try:
        for cycle in range(1, CYCLES + 1):
            load.begin()
            time.sleep(chance.uniform(0.1, 0.5))
            kept = served.checkpoint()
            load.wait_for_flight(CLIENTS // 2)
            own_cluster.stop("immediate")
            assert served.ready().status_code == 503
            own_cluster.start()
            began = time.monotonic()
            served.wait_until_ready()
            waits.append(time.monotonic() - began)
            time.sleep(chance.uniform(0.0, 0.3))
            load.end()
            load.settle()
            check(stand, load)
            if cycle % _AUDITED == 0:
                served.audit(kept)
        report = served.audit(served.checkpoint())
        assert served.stop() == [0]
    finally:
        served.kill()
    outcomes = load.outcomes
    print(
        f"seed {seed}, {CYCLES} crashes of PostgreSQL, {CLIENTS} clients: {len(outcomes.acknowledged)} recorded and",
        f"acknowledged, {len(outcomes.refused)} refused, {outcomes.statuses[503]} times 503, {outcomes.resent} sent",
        f"again, {outcomes.replayed} of them recorded before, {report['events']} events;",
        f"slowest to be ready again {max(waits):.1f} s",
    )
    assert outcomes.cut == 0
    assert outcomes.statuses[503]


def test_connections_that_the_database_drops_at_random_lose_nothing(
    own_cluster: Cluster, tmp_path: Path, seed: int
) -> None:
    stand = made(own_cluster, tmp_path)
    served = Served(stand)
    load = Load(served, seed=seed, allowed=STATUSES, persistent=True)
    stop = Event()
    dropped: list[str] = []
    dropping = Thread(target=_drop, args=(own_cluster, random.Random(seed), stop, dropped))
    try:
        load.begin()
        dropping.start()
        time.sleep(SECONDS)
        stop.set()
        dropping.join()
        load.end()
        load.settle()
        check(stand, load)
        served.wait_until_ready()
        report = served.audit(served.checkpoint())
        assert served.stop() == [0]
    finally:
        stop.set()
        served.kill()
    outcomes = load.outcomes
    names = {name: dropped.count(name) for name in sorted(set(dropped))}
    print(
        f"seed {seed}, {SECONDS:.0f} s, {CLIENTS} clients, dropped {names}: {dict(outcomes.statuses)}, "
        f"{len(outcomes.acknowledged)} acknowledged, {outcomes.replayed} replayed, {report['events']} events"
    )
    assert outcomes.cut == 0
    assert dropped


def _drop(cluster: Cluster, chance: random.Random, stop: Event, dropped: list[str]) -> None:
    """End connections to the ledger and its vault, one after the other; tell which."""
    statement = "SELECT pid, application_name FROM pg_stat_activity WHERE starts_with(datname, 'testamur')"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        while not stop.wait(chance.uniform(0.005, 0.08)):
            found = connection.execute(statement).fetchall()
            if found:
                pid, name = chance.choice(found)
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
                dropped.append(str(name))
