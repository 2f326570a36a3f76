"""Fakes that fail, change something or look at the chosen moment: clocks, connections, appenders, stores, vaults."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from ledger.adapters.clock import SystemEntropy
from ledger.application.ports import Appended, Appender, ConflictError, LearnerKey, Proposal, Store, Stream, Vault
from ledger.domain.types import StreamId


class FakeClock:
    """A clock that stands still until a test sets it."""

    def __init__(self, at: datetime) -> None:
        """Show `at`, in UTC with whole milliseconds."""
        self.at = at

    def now(self) -> datetime:
        """What it was set to."""
        return self.at


class ScriptedEntropy(SystemEntropy):
    """Real randomness, apart from the whole numbers and bytes that a test says come first."""

    def __init__(self, *, numbers: Sequence[int] = (), strings: Sequence[bytes] = ()) -> None:
        """Give these first; a string only where its length is the one asked for."""
        self.numbers = list(numbers)
        self.strings = list(strings)

    def bytes(self, count: int) -> bytes:
        """The next string of the script if it has this length, else real randomness."""
        if self.strings and len(self.strings[0]) == count:
            return self.strings.pop(0)
        return super().bytes(count)

    def below(self, limit: int) -> int:
        """The next number of the script, else a real one."""
        return self.numbers.pop(0) if self.numbers else super().below(limit)


class FailingConnection:
    """A connection whose next statement of some kind fails, before it takes effect or after."""

    def __init__(self, connection: sqlite3.Connection, statement: str, *, after: bool) -> None:
        """Fail once at a statement that begins so.

        Args:
            after: the statement takes effect, and only its reply is lost.
        """
        self._connection = connection
        self._statement = statement
        self._after = after
        self.failed = False

    def execute(self, statement: str, parameters: Sequence[str | bytes | int | None] = ()) -> sqlite3.Cursor:
        """As the connection's, or `sqlite3.OperationalError`."""
        if self.failed or not statement.startswith(self._statement):
            return self._connection.execute(statement, parameters)
        self.failed = True
        if self._after:
            self._connection.execute(statement, parameters)
        raise sqlite3.OperationalError("disk I/O error (made by a test)")

    def __getattr__(self, name: str) -> object:
        """Everything else is the connection's own."""
        return getattr(self._connection, name)


class InterveningAppender:
    """An appender before which other things happen: one intervention before each of the first calls."""

    def __init__(self, inner: Appender, interventions: Sequence[Callable[[], Awaitable[object]]]) -> None:
        """Pass everything on to `inner`, after the next of `interventions`, which may itself append or raise."""
        self._inner = inner
        self._interventions = list(interventions)
        self._intervening = False
        self.calls: list[Sequence[Proposal]] = []

    async def append(self, proposals: Sequence[Proposal], *, patient: bool = False) -> list[Appended | ConflictError]:
        """As `inner` answers."""
        self.calls.append(proposals)
        if self._interventions and not self._intervening:
            self._intervening = True
            try:
                await self._interventions.pop(0)()
            finally:
                self._intervening = False
        return await self._inner.append(proposals, patient=patient)


class InterveningStore:
    """A store in which something changes just before a stream is loaded for the first time."""

    def __init__(self, inner: Store, stream: StreamId, intervention: Callable[[], object]) -> None:
        """Call `intervention` once, before the first load of `stream`."""
        self._inner = inner
        self._stream = stream
        self._interventions = [intervention]
        self.snapshot = inner.snapshot
        self.save_checkpoint = inner.save_checkpoint
        self.save_published = inner.save_published
        self.save_status_credential = inner.save_status_credential
        self.publishing = inner.publishing

    def load(self, stream: StreamId) -> Stream | None:
        """As `inner` answers after the intervention."""
        if stream == self._stream and self._interventions:
            self._interventions.pop()()
        return self._inner.load(stream)


class SpyVault:
    """A vault that writes down what is asked of it, in a list that others may write in too."""

    def __init__(self, inner: Vault, calls: list[str]) -> None:
        """Pass everything on to `inner`."""
        self._inner = inner
        self._calls = calls

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        """As `inner` answers."""
        return self._inner.learner(issuer, student_number)

    def learners(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[LearnerKey]:
        """As `inner` answers."""
        return self._inner.learners(issuer, student_numbers)

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        """As `inner` does."""
        self._inner.seek(issuer, student_numbers)

    def flush(self) -> frozenset[bytes]:
        """As `inner`; noted when it is done."""
        lost = self._inner.flush()
        self._calls.append("vault flushed")
        return lost

    def data_key(self, key_id: bytes) -> bytes | None:
        """As `inner` answers."""
        return self._inner.data_key(key_id)


def durable_key_ids(vault: Path) -> set[bytes]:
    """The ids of the data keys that another process would find in this vault now."""
    connection = sqlite3.connect(f"{vault.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return {bytes(row[0]) for row in connection.execute("SELECT key_id FROM data_keys")}
    finally:
        connection.close()
