"""A server that is told to stop under load answers what it accepted, publishes everything, and ends well."""

import random
import time

from tests.crash.holding import check, spelling
from tests.crash.load import CLIENTS, Load
from tests.crash.served import Served
from tests.crash.stand import Stand

STOPS = 3


def covered(checkpoint: bytes) -> int:
    """How many entries a checkpoint covers, by its second line."""
    return int(checkpoint.split(b"\n")[1])


def test_server_stopped_under_load_answers_what_it_accepted_and_starts_again_at_once(stand: Stand, seed: int) -> None:
    chance = random.Random(seed)
    served = Served(stand)
    load = Load(served, seed=seed)
    ends: list[int] = []
    published = b""
    try:
        for _ in range(STOPS):
            load.begin()
            time.sleep(chance.uniform(0.1, 0.5))
            load.wait_for_flight(CLIENTS // 2)
            ends += served.stop()
            load.end()
            unanswered = set(map(spelling(stand), load.outcomes.open))
            recorded = {key for key, _ in stand.answers()}
            assert not unanswered & recorded, "something was recorded, and its client never heard of it"
            check(stand, load, settled=False)
            published = (stand.home / "log" / "checkpoint").read_bytes()
            assert covered(published) == len(stand.events())
            served.start()
            load.settle()
            check(stand, load)
        served.audit(published)
    finally:
        served.kill()
    assert ends == [0] * STOPS * (1 + stand.workers)
    print(f"seed {seed}, {STOPS} stops: {len(load.outcomes.acknowledged)} acknowledged, {load.outcomes.cut} cut off")
