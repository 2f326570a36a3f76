"""Time and randomness of the real world, and the clock that tests may set."""

import os
import secrets
from datetime import UTC, datetime, timedelta
from time import monotonic


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """UTC, whole milliseconds."""
        return whole_milliseconds(datetime.now(UTC))


class UnsafeClock:
    """A clock that starts where it is told and runs on. For tests: whoever sets it decides what is expired."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = monotonic()

    def now(self) -> datetime:
        """UTC, whole milliseconds."""
        return whole_milliseconds(self._start + timedelta(seconds=monotonic() - self._began))


class SystemEntropy:
    """The operating system's randomness."""

    def bytes(self, count: int) -> bytes:
        """Unpredictable bytes."""
        return os.urandom(count)  # as `secrets` does, without its two calls between

    def below(self, limit: int) -> int:
        """An unpredictable whole number, 0 <= n < limit."""
        return secrets.randbelow(limit)


def whole_milliseconds(at: datetime) -> datetime:
    """`at` without what the record cannot hold."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
