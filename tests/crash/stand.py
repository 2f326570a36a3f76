"""Where a ledger under test lies, whatever the engine: how its home is made, and what its tables hold."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import psycopg

from ledger.domain.values import parse_time

_EVENTS = (
    "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events "
    "ORDER BY notification_id"
)
_ANSWERS = "SELECT key, stream, revision, position FROM idempotency"
_HEAD = "SELECT size FROM log_head"
_SEARCH = "-c search_path=ledger"  # the tables are named as SQLite's, in a schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One entry, as the table holds it."""

    position: int
    stream: UUID
    seq: int
    topic: str
    at: datetime

    @classmethod
    def of(cls, position: int, stream: str | UUID, seq: int, topic: str, state: bytes) -> "Logged":
        """The entry of a row."""
        body = json.loads(bytes(state).split(b"\n")[0])
        return cls(position=position, stream=UUID(str(stream)), seq=seq, topic=topic, at=parse_time(body["at"]))


@dataclass(frozen=True, slots=True)
class Answered:
    """What an idempotency key is answered with."""

    stream: UUID
    revision: int
    position: int


class Stand(Protocol):
    """One ledger's place: a home, and the database behind it."""

    @property
    def home(self) -> Path:
        """The folder."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What each command is told besides."""
        ...

    @property
    def workers(self) -> int:
        """How many `testamur work` a server needs beside it."""
        ...

    def events(self) -> Sequence[Logged]:
        """Every entry, by position."""
        ...

    def answers(self) -> Sequence[tuple[bytes, Answered]]:
        """Every row of the table of idempotency keys."""
        ...

    def watching(self) -> AbstractContextManager[Callable[[], int]]:
        """What says, quickly, how many entries are committed by now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteStand:
    """A ledger in files of its home."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int = 0  # the server does their work

    def events(self) -> Sequence[Logged]:
        """Every entry, by position, read beside whoever writes."""
        with closing(self._connected()) as connection:
            rows: list[tuple[int, str, int, str, bytes]] = connection.execute(_EVENTS).fetchall()
        return [Logged.of(*row) for row in rows]

    def answers(self) -> Sequence[tuple[bytes, Answered]]:
        """Every row of the table of idempotency keys."""
        with closing(self._connected()) as connection:
            rows: list[tuple[bytes, str, int, int]] = connection.execute(_ANSWERS).fetchall()
        return [(key, Answered(UUID(stream), revision, position)) for key, stream, revision, position in rows]

    @contextmanager
    def watching(self) -> Iterator[Callable[[], int]]:
        """What says, quickly, how many entries are committed by now."""
        with closing(self._connected()) as connection:
            yield lambda: int(connection.execute(_HEAD).fetchone()[0])

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.home / 'ledger.db'}?mode=ro", uri=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresStand:
    """A ledger in a database of its own, with a home for its keys."""

    home: Path
    url: str
    workers: int = 0  # beside the one that each server has

    @property
    def environment(self) -> Mapping[str, str]:
        """What each command is told besides."""
        return {"TESTAMUR_DATABASE_URL": self.url}

    def events(self) -> Sequence[Logged]:
        """Every entry, by position."""
        with self.connected() as connection:
            rows: list[tuple[int, UUID, int, str, bytes]] = connection.execute(_EVENTS.encode()).fetchall()
        return [Logged.of(*row) for row in rows]

    def answers(self) -> Sequence[tuple[bytes, Answered]]:
        """Every row of the table of idempotency keys."""
        with self.connected() as connection:
            rows: list[tuple[bytes, UUID, int, int]] = connection.execute(_ANSWERS.encode()).fetchall()
        return [(key, Answered(stream, revision, position)) for key, stream, revision, position in rows]

    @contextmanager
    def watching(self) -> Iterator[Callable[[], int]]:
        """What says, quickly, how many entries are committed by now."""
        with self.connected() as connection:

            def size() -> int:
                row = connection.execute(_HEAD.encode()).fetchone()
                assert row is not None
                return int(row[0])

            yield size

    def connected(self) -> psycopg.Connection:
        """A connection beside those of the servers."""
        return psycopg.connect(self.url, autocommit=True, options=_SEARCH)
