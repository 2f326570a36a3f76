"""How often somebody may guess short codes: one token bucket for each client address and one for everybody."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil

_REMEMBERED = 10_000  # client addresses; the longest unseen is forgotten first


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many short codes may be tried."""

    client_burst: int = 10
    client_per_minute: float = 10
    global_burst: int = 100
    global_per_minute: float = 300


class _Bucket:
    """Tokens that come back with time, up to a burst."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, *, burst: int, per_minute: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._tokens = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        return 0 if self._tokens >= 1 else (1 - self._tokens) / self._per_second

    def take(self) -> None:
        """Remove the token that `wait` found."""
        self._tokens -= 1


class RateLimit:
    """Admits or delays tries. Not thread-safe: it is asked on the event loop."""

    def __init__(self, limits: Limits, *, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._everybody = _Bucket(burst=limits.global_burst, per_minute=limits.global_per_minute, now=monotonic())
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def retry_after(self, address: str | None) -> int | None:
        """None if this try is admitted, else the whole seconds after which another may be made.

        Args:
            address: of the client; an IPv6 client is its /64 network, for it has all addresses of that.
        """
        now = self._monotonic()
        client = self._client(_network(address), now)
        wait = max(client.wait(now), self._everybody.wait(now))
        if wait > 0:
            return max(1, ceil(wait))
        client.take()
        self._everybody.take()
        return None

    def _client(self, key: str, now: float) -> _Bucket:
        bucket = self._clients.pop(key, None)
        if bucket is None:
            bucket = _Bucket(burst=self._limits.client_burst, per_minute=self._limits.client_per_minute, now=now)
        self._clients[key] = bucket
        if len(self._clients) > _REMEMBERED:
            self._clients.popitem(last=False)
        return bucket


def _network(address: str | None) -> str:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> 64)
    return str(parsed)
