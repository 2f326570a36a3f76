"""The server is killed while clients change awards: what they were told is there, once, and it comes back at once."""

import os
import random
import time

from tests.crash.holding import check
from tests.crash.load import CLIENTS, Load
from tests.crash.served import Served
from tests.crash.stand import Stand

CYCLES = int(os.environ.get("TESTAMUR_CRASH_CYCLES", "5"))
IN_FLIGHT = CLIENTS // 2
_AUDITED = 10  # cycles from one audit to the next


def test_server_killed_under_load_loses_nothing_acknowledged_and_records_nothing_twice(stand: Stand, seed: int) -> None:
    chance = random.Random(seed)
    served = Served(stand)
    load = Load(served, seed=seed)
    kept = b""
    try:
        for cycle in range(1, CYCLES + 1):
            load.begin()
            time.sleep(chance.uniform(0.05, 0.5))
            kept = served.checkpoint()
            load.wait_for_flight(IN_FLIGHT)
            load.wait_for_commit(within=5)
            time.sleep(chance.choice((0, 0, 0.002, 0.01, 0.05)))
            load.wait_for_flight(1)
            served.kill()
            load.end()
            assert load.outcomes.open, "nothing was under way when the server was killed"
            check(stand, load, settled=False)
            served.start()
            load.settle()
            check(stand, load)
            if cycle % _AUDITED == 0:
                served.audit(kept)
        report = served.audit(kept)
    finally:
        served.kill()
    outcomes = load.outcomes
    print(
        f"seed {seed}, {CYCLES} kills, {CLIENTS} clients: {len(outcomes.acknowledged)} recorded and acknowledged,",
        f"{len(outcomes.refused)} refused, {outcomes.cut} cut off, {outcomes.resent} sent again,",
        f"{outcomes.replayed} of them recorded before, {report['events']} events;",
        f"slowest start {max(served.waits):.1f} s",
    )
    assert outcomes.resent >= CYCLES
    assert outcomes.replayed or CYCLES < 5, "no kill fell between a commit and its answers"
    assert len(served.waits) == 1 + CYCLES
