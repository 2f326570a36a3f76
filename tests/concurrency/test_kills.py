"""The server is killed while it works; what was asked for is there once, and what was acknowledged is there."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import httpx

from tests.concurrency.running import RunningLedger, row

CYCLES = int(os.environ.get("TESTAMUR_KILL_CYCLES", "20"))
CLIENTS = 16
IN_FLIGHT = 8


class Sender:
    """Sends keyed requests from many threads and knows which are under way, answered, and not."""

    def __init__(self, ledger: RunningLedger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._count = 0
        self.under_way: set[str] = set()
        self.answered: dict[str, str] = {}  # key -> credential id
        self.unanswered: set[str] = set()

    def run(self, stop: Event) -> None:
        """Issue one award after another until told to stop or the server is gone."""
        with self._ledger.client() as client:
            while not stop.is_set():
                with self._lock:
                    self._count += 1
                    key = f"kill-{self._count}"
                    self.under_way.add(key)
                gone = not self.send(client, key)
                with self._lock:
                    self.under_way.discard(key)
                if gone:
                    return

    def send(self, client: httpx.Client, key: str) -> bool:
        """Issue the award of one key; whether an answer came."""
        try:
            answer = client.post("/credentials?issuer=college", json=row(key), headers={"Idempotency-Key": key})
        except httpx.TransportError:
            self.unanswered.add(key)
            return False
        assert answer.status_code == 201, answer.text
        self.answered[key] = answer.json()["credential_id"]
        self.unanswered.discard(key)
        return True


def test_killed_again_and_again_nothing_is_lost_and_nothing_is_twice(ledger: RunningLedger) -> None:
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    sender = Sender(ledger)
    resent = 0
    for _ in range(CYCLES):
        stop = Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(sender.run, stop) for _ in range(CLIENTS)]
            time.sleep(chance.uniform(0.05, 0.4))
            while len(sender.under_way) < IN_FLIGHT:
                time.sleep(0.0005)
            ledger.kill()
            stop.set()
            for each in running:
                each.result(60)
        ledger.start()
        with ledger.client() as client:
            for key in sorted(sender.unanswered):
                resent += 1
                assert sender.send(client, key)
    print(f"seed {seed}, {CYCLES} kills, {len(sender.answered)} keys, {resent} sent again")
    assert not sender.unanswered
    assert resent >= CYCLES
    assert len(set(sender.answered.values())) == len(sender.answered)
    assert ledger.awards() == len(sender.answered)
    ledger.audit()
