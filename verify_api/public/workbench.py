"""Where what takes a while is done: a few threads, a short queue, and a limit on how much one client may bring."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from verify_api.public.rate_limit import Limits, RateLimit

T = TypeVar("T")
_THREADS: Final = 2  # a verdict is work of the processor
_QUEUE: Final = 20  # that wait for one of them
_AGAIN: Final = 1  # seconds after which to try again where the queue is full
LIMITS: Final = Limits(client_burst=30, client_per_minute=60, global_burst=200, global_per_minute=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Nothing more is taken at this moment."""

    seconds: int  # after which to try again


class Workbench:
    """Does work for strangers. Asked on the event loop alone."""

    def __init__(self, *, limits: Limits = LIMITS, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Be idle.

        Args:
            limits: on what one client, and everybody, may bring; counted in this process.
            monotonic: seconds that only grow, for those limits.
        """
        self._limit = RateLimit(limits, monotonic=monotonic)
        self._threads: CapacityLimiter | None = None
        self._taken = 0

    def admit(self, address: str | None) -> Busy | None:
        """Whether a client has to wait with what it brings.

        Args:
            address: of the client.
        """
        seconds = self._limit.retry_after(address)
        return None if seconds is None else Busy(seconds=seconds)

    async def do(self, work: Callable[[], T]) -> T | Busy:
        """What `work` returns, done on another thread; or that too much waits already."""
        if self._taken >= _THREADS + _QUEUE:
            return Busy(seconds=_AGAIN)
        if self._threads is None:
            self._threads = CapacityLimiter(_THREADS)  # belongs to the event loop that asks
        self._taken += 1
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._taken -= 1
