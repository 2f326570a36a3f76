"""Clients that issue, amend, suspend, reinstate and revoke, each request under a key of its own.

A request without an answer, or with one that says the outcome is unknown, is sent again under the same key until it is
known; so in the end each key stands for exactly one event, or for none.
"""

import random
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypedDict

import httpx

from tests.concurrency.running import row
from tests.crash.served import Served

CLIENTS = 16
_REASON = "issued_in_error"
_PAUSE = 0.1  # seconds until a request is sent again
_SETTLING = 120  # seconds within which every outcome must be known
ISSUED = "credential.issued/1"
TOPICS: Mapping[str, str] = {
    "amend": "credential.amended/1",
    "suspend": "credential.suspended/1",
    "reinstate": "credential.reinstated/1",
    "revoke": "credential.revoked/1",
}
_WEIGHTS = {"amend": 6, "suspend": 3, "reinstate": 2, "revoke": 1}


class Receipt(TypedDict):
    """What a change is answered with."""

    credential_id: str
    revision: int
    position: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command under its key."""

    key: str
    path: str
    body: Mapping[str, object]
    topic: str  # of the event that it records


@dataclass(slots=True)
class Outcomes:
    """What is known of every request. Shared by the clients: each key is one client's."""

    acknowledged: dict[str, tuple[Request, Receipt]] = field(default_factory=dict)
    refused: dict[str, Request] = field(default_factory=dict)  # 409: nothing was recorded
    open: dict[str, Request] = field(default_factory=dict)  # sent, and no outcome heard
    statuses: Counter[int] = field(default_factory=Counter)
    cut: int = 0  # requests whose connection broke
    resent: int = 0
    replayed: int = 0  # of those, how many had been recorded before, and nobody had heard of it


class Load:
    """The clients. They run between `begin` and `end`; `settle` learns every outcome."""

    def __init__(
        self,
        served: Served,
        *,
        seed: int,
        allowed: frozenset[int] = frozenset({200, 201, 409}),
        persistent: bool = False,
    ) -> None:
        """
        Args:
            allowed: the statuses that may be met; 503 leaves a request open.
            persistent: whether a client sends a request again, after 503, before it goes on with another.
        """
        self.seed = seed
        self.outcomes = Outcomes()
        self.under_way: set[str] = set()
        self._served = served
        self._allowed = allowed
        self._persistent = persistent
        self._awards: list[str] = []
        self._count = 0
        self._lock = Lock()
        self._stop = Event()
        self._pool: ThreadPoolExecutor | None = None
        self._running: list[Future[None]] = []

    def begin(self, clients: int = CLIENTS, *, each: int | None = None) -> None:
        """Start the clients.

        Args:
            each: how many requests a client sends; none means until it is told to stop or its connection breaks.
        """
        self._stop.clear()
        self._pool = ThreadPoolExecutor(clients)
        self._running = [self._pool.submit(self._run, number, each) for number in range(clients)]

    def wait_for_flight(self, count: int) -> None:
        """Return at a moment at which so many requests are under way."""
        deadline = time.monotonic() + 60
        while len(self.under_way) < count:
            assert time.monotonic() < deadline, "the clients do not keep so many requests under way"
            time.sleep(0.0005)

    def wait_for_commit(self, *, within: float) -> None:
        """Return as soon as something is committed, most likely before anybody is told; or when the time is up."""
        deadline = time.monotonic() + within
        with self._served.stand.watching() as size:
            before = size()
            while size() == before and time.monotonic() < deadline:
                pass

    def end(self) -> None:
        """Stop the clients and wait for them."""
        self._stop.set()
        self.finish()

    def finish(self) -> None:
        """Wait for clients that end by themselves."""
        assert self._pool is not None
        for each in self._running:
            each.result(300)
        self._pool.shutdown()

    def settle(self) -> None:
        """Send every open request again, under its key, until its outcome is known."""
        deadline = time.monotonic() + _SETTLING
        with self._served.client() as client:
            for request in list(self.outcomes.open.values()):
                while request.key in self.outcomes.open:
                    assert time.monotonic() < deadline, f"the outcome of {request.key} stays unknown"
                    self.outcomes.resent += 1
                    if self.send(client, request) in (None, 503):
                        time.sleep(_PAUSE)

    def _run(self, number: int, each: int | None) -> None:
        chance = random.Random(f"{self.seed}/{self._count}/{number}")
        with self._served.client() as client:
            sent = 0
            while not self._stop.is_set() and sent != each:
                request = self._next(chance)
                sent += 1
                self.under_way.add(request.key)
                try:
                    status = self.send(client, request)
                    while status == 503 and self._persistent and not self._stop.is_set():
                        time.sleep(_PAUSE)
                        self.outcomes.resent += 1
                        status = self.send(client, request)
                    if status is None:
                        return
                finally:
                    self.under_way.discard(request.key)

    def issuing(self) -> Request:
        """The next request: an award to a new learner."""
        key, _ = self._new_key()
        return Request(key=key, path="/credentials?issuer=college", body={**row(key)}, topic=ISSUED)

    def _new_key(self) -> tuple[str, int]:
        with self._lock:
            self._count += 1
            return f"{self.seed}-{self._count}", self._count

    def _next(self, chance: random.Random) -> Request:
        if not self._awards or chance.random() < 0.4:
            return self.issuing()
        key, count = self._new_key()
        # Mostly young awards: an old one is revoked by now.
        award = self._awards[-1 - min(int(chance.expovariate(0.1)), len(self._awards) - 1)]
        act = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        bodies: Mapping[str, Mapping[str, object]] = {
            "amend": {"values": {"full_name": f"Amara {count}"}, "reason": _REASON},
            "reinstate": {},
        }
        body = bodies.get(act, {"reason": _REASON})
        return Request(key=key, path=f"/credentials/{award}/{act}", body=body, topic=TOPICS[act])

    def send(self, client: httpx.Client, request: Request) -> int | None:
        """Send one request; the status, or None where the connection broke."""
        outcomes = self.outcomes
        outcomes.open[request.key] = request
        try:
            answer = client.post(request.path, json=request.body, headers={"Idempotency-Key": request.key})
        except httpx.TransportError:
            outcomes.cut += 1
            return None
        with self._lock:
            outcomes.statuses[answer.status_code] += 1
        assert answer.status_code in self._allowed, f"{request}: {answer.status_code} {answer.text}"
        if answer.is_success:
            receipt: Receipt = answer.json()
            outcomes.acknowledged[request.key] = (request, receipt)
            outcomes.replayed += "Idempotent-Replayed" in answer.headers
            if request.topic == ISSUED:
                self._awards.append(receipt["credential_id"])
        elif answer.status_code == 409:
            outcomes.refused[request.key] = request
        else:
            return answer.status_code
        outcomes.open.pop(request.key)
        return answer.status_code
