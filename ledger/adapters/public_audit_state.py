"""What a public audit remembers, in one SQLite file: a few hundred bytes for each award, so that memory stays flat.

Between two saves everything stands in one transaction. The file is locked for as long as it is open, since two audits
that read on from one place would each write what the other has.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from ledger.adapters.public_audit_queries import ACTS, HEADS, SIGNED, Value, batches
from ledger.audit.public.state import (
    Follows,
    Head,
    Identity,
    NewAct,
    NewAward,
    Progress,
    Seen,
    StateNotUsable,
)
from ledger.audit.report import Check, Found, Problem
from ledger.domain.status import Act, ActKind
from ledger.domain.types import Did, Kid, ListId, Origin, Position, Seq, Slot, StreamId
from ledger.tlog.merkle import CompactRange, Hash, MalformedRange

_Row = tuple[Value, ...]


class SqliteAuditState:
    """The `AuditState` behind one connection, which is inside a transaction whenever nobody calls."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """On a database with its tables, locked."""
        self._connection = connection
        self._signers: dict[tuple[Did, Kid], int] = {}
        self._lists: dict[ListId, int] = {}
        self._run("BEGIN")

    def save(self) -> None:
        """Keep everything that was put, durably."""
        self._run("COMMIT")
        self._run("BEGIN")

    def undo(self) -> None:
        """Forget what was put since the last `save`."""
        self._run("ROLLBACK")
        self._signers.clear()
        self._lists.clear()
        self._run("BEGIN")

    # ---- the log and its checkpoints

    def identity(self) -> Identity | None:
        """Of which log it is; None for a new state."""
        row = self._row("SELECT origin, first, pinned FROM identity")
        if row is None:
            return None
        origin, first, pinned = cast("tuple[Origin, Hash, int]", row)
        return Identity(origin=origin, first=first, pinned=bool(pinned))

    def identify(self, identity: Identity) -> None:
        """Say of which log it is, or that its key was given now."""
        values = (identity.origin, identity.first, identity.pinned)
        self._run("INSERT OR REPLACE INTO identity VALUES (1, ?, ?, ?)", *values)

    def strangers(self) -> Sequence[str]:
        """The keys that were given as the log's and are none of it, while nobody gave one that is."""
        return [cast("str", key) for (key,) in self._rows("SELECT key FROM strangers ORDER BY key")]

    def meet(self, strangers: Iterable[str]) -> None:
        """Remember such keys, in place of those that were remembered before."""
        self._run("DELETE FROM strangers")
        self._many("INSERT OR IGNORE INTO strangers VALUES (?)", [(key,) for key in strangers])

    def seen(self) -> Sequence[Seen]:
        """Every checkpoint that was seen, by size."""
        rows = cast("list[tuple[int, Hash, bytes, int]]", self._rows("SELECT * FROM seen ORDER BY size, root"))
        return [Seen(size, root, note, bool(kept)) for size, root, note, kept in rows]

    def see(self, checkpoint: Seen) -> None:
        """Remember a checkpoint; of one with the same size and root the note is replaced."""
        self._run("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", *checkpoint)
        self.drop(checkpoint)

    def unheld(self) -> Sequence[Seen]:
        """The signed notes that were shown and not yet held against the log, by size."""
        rows = cast("list[tuple[int, Hash, bytes]]", self._rows("SELECT * FROM unheld ORDER BY size, root"))
        return [Seen(size, root, note, kept=False) for size, root, note in rows]

    def suspect(self, note: Seen) -> None:
        """Remember a signed note, unless it was seen: until it is held against the log, and `see` or `drop` says so."""
        if self._row("SELECT 1 FROM seen WHERE size = ? AND root = ?", note.size, note.root) is None:
            self._run("INSERT OR IGNORE INTO unheld VALUES (?, ?, ?)", note.size, note.root, note.note)

    def drop(self, note: Seen) -> None:
        """A note that was remembered until now need not be held against the log any more."""
        self._run("DELETE FROM unheld WHERE size = ? AND root = ?", note.size, note.root)

    def forks(self) -> Sequence[str]:
        """What was found out about forks, in sentences, oldest first."""
        return [cast("str", told) for (told,) in self._rows("SELECT told FROM forks ORDER BY number")]

    def condemn(self, fork: str) -> None:
        """Remember a fork for good."""
        self._run("INSERT OR IGNORE INTO forks (told) VALUES (?)", fork)

    # ---- how far it was read

    def progress(self) -> Progress | None:
        """How far the log was read; None where nothing was."""
        row = self._row("SELECT * FROM progress")
        if row is None:
            return None
        tree, seq, prev, at = cast("tuple[bytes, Seq, bytes | None, int]", row[1:5])
        statement, stated, latest, latest_at = cast("tuple[Position | None, int, Position | None, int]", row[5:9])
        try:
            return Progress(
                tree=CompactRange.from_bytes(tree),
                log=Follows(seq, prev, at) if type(prev) is bytes else None,
                statement=None if statement is None else (statement, stated),
                latest=None if latest is None else (latest, latest_at),
                committed=cast("int", row[9]),
                stacks=cast("int", row[10]),
            )
        except MalformedRange as error:
            raise StateNotUsable(f"the state is damaged: {error}") from error

    def statuses(self) -> bytes:
        """What `advance` was last given; empty where nothing was."""
        row = self._row("SELECT statuses FROM progress")
        return b"" if row is None else cast("bytes", row[0])

    def advance(self, progress: Progress, statuses: bytes) -> None:
        """Say how far the log was read."""
        values = (
            progress.tree.to_bytes(),
            *(progress.log or (None, None, None)),
            *(progress.statement or (None, None)),
            *(progress.latest or (None, None)),
            progress.committed,
            progress.stacks,
            statuses,
        )
        self._run("INSERT OR REPLACE INTO progress VALUES (1,?,?,?,?,?,?,?,?,?,?,?)", *values)

    def day(self) -> str:
        """The last day (YYYY-MM-DD) whose note was held against the log; empty where none was."""
        row = self._row("SELECT day FROM days")
        return "" if row is None else cast("str", row[0])

    def see_day(self, day: str) -> None:
        """The notes up to that day were held against the log."""
        self._run("INSERT OR REPLACE INTO days VALUES (1, ?)", day)

    def problems(self) -> Found:
        """What was found wrong with entries, in all runs."""
        row = self._row("SELECT count FROM found")
        rows = self._rows("SELECT position, step, report, stream, seq, what, reason FROM problems ORDER BY number")
        kept = tuple(_kept(each) for each in rows)
        return Found(kept=kept, count=0 if row is None else cast("int", row[0]))

    def find(self, found: Found) -> None:
        """Remember what was found wrong, in place of what was remembered before."""
        self._run("DELETE FROM problems")
        self._run("INSERT OR REPLACE INTO found VALUES (1, ?)", found.count)
        insert = "INSERT INTO problems (position, step, report, stream, seq, what, reason) VALUES (?,?,?,?,?,?,?)"
        self._many(
            insert,
            [
                (position, step, number, each.stream, each.seq, each.check.value, each.reason)
                for position, step, number, each in found.kept
            ],
        )

    # ---- entries

    def others(self, after: int = 0) -> Iterator[tuple[Position, bytes]]:
        """The entries that are no award's, statements left out, from the position after that one on."""
        rows = self._some("SELECT position, entry FROM others WHERE position > ? ORDER BY position", after)
        return cast("Iterator[tuple[Position, bytes]]", rows)

    def add_others(self, entries: Iterable[tuple[Position, bytes]]) -> None:
        """Keep such entries whole."""
        self._many("INSERT INTO others VALUES (?, ?)", entries)

    def heads(self, streams: Collection[bytes]) -> Mapping[bytes, Head]:
        """Those of these streams that are an award's."""
        found: dict[bytes, Head] = {}
        for some in batches(list(streams)):
            rows = cast("list[tuple[bytes, Did, Seq, bytes, int]]", self._rows(HEADS[len(some)], *some))
            found.update({stream: Head(by, Follows(seq, prev, at)) for stream, by, seq, prev, at in rows})
        return found

    def acts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        """What happened in these streams of awards, each in its order."""
        found: dict[StreamId, list[Act]] = {}
        for some in batches([stream.bytes for stream in streams]):
            for stream, *what in self._rows(ACTS[len(some)], *some):
                act = Act(*cast("tuple[Position, Did, Kid, ActKind, ListId | None, Slot | None]", what))
                found.setdefault(StreamId(UUID(bytes=cast("bytes", stream))), []).append(act)
        return found

    def signed_by(self, kid: Kid, position: Position) -> Iterator[StreamId]:
        """The streams of awards with an entry that the key signed at that position or later, each at least once."""
        for (stream,) in self._some(SIGNED, kid, position):  # a stolen key may have signed a million
            yield StreamId(UUID(bytes=cast("bytes", stream)))

    def add_awards(self, awards: Iterable[NewAward]) -> None:
        """Keep the beginnings of streams."""
        rows = [
            (
                each.stream,
                each.position,
                self._signer(each.by, each.kid),
                self._list(each.list),
                each.slot,
                each.is_stack,
                each.at,
                each.prev,
                each.at,
            )
            for each in awards
        ]
        self._many("INSERT INTO awards VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)", rows)

    def add_acts(self, acts: Iterable[NewAct]) -> None:
        """Keep what follows in streams that are known."""
        heads, rows = [], []
        for stream, _, act, follows in acts:
            status_list = None if act.list is None else self._list(act.list)
            signer = self._signer(act.by, act.kid)
            rows.append((stream, follows.seq, act.position, signer, act.kind, status_list, act.slot, follows.at))
            heads.append((*follows, stream))
        self._many("INSERT INTO acts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._many("UPDATE awards SET seq = ?, prev = ?, last_at = ? WHERE stream = ?", heads)

    def lists(self) -> Iterator[tuple[ListId, Did, bytes]]:
        """Every status list, whose it is, and 16,384 bytes with a bit for each slot that is taken."""
        rows = self._rows("SELECT list, by, taken FROM lists WHERE by IS NOT NULL ORDER BY id")
        return cast("Iterator[tuple[ListId, Did, bytes]]", iter(rows))

    def put_lists(self, lists: Iterable[tuple[ListId, Did, bytes]]) -> None:
        """Keep status lists, new or changed."""
        rows = [(by, taken, self._list(status_list)) for status_list, by, taken in lists]
        self._many("UPDATE lists SET by = ?, taken = ? WHERE id = ?", rows)

    # ---- inside

    def _signer(self, by: Did, kid: Kid) -> int:
        known = self._signers.get((by, kid))
        if known is None:
            self._run("INSERT OR IGNORE INTO signers (by, kid) VALUES (?, ?)", by, kid)
            row = self._row("SELECT id FROM signers WHERE kid = ? AND by = ?", kid, by)
            known = self._signers[by, kid] = cast("tuple[int]", row)[0]
        return known

    def _list(self, status_list: ListId) -> int:
        known = self._lists.get(status_list)
        if known is None:
            self._run("INSERT OR IGNORE INTO lists (list) VALUES (?)", status_list)
            row = self._row("SELECT id FROM lists WHERE list = ?", status_list)
            known = self._lists[status_list] = cast("tuple[int]", row)[0]
        return known

    def _run(self, statement: str, *values: Value) -> None:
        with failing():
            self._connection.execute(statement, values)

    def _many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        with failing():
            self._connection.executemany(statement, rows)

    def _rows(self, statement: str, *values: Value) -> list[_Row]:
        with failing():
            return self._connection.execute(statement, values).fetchall()

    def _some(self, statement: str, *values: Value) -> Iterator[_Row]:
        """The rows, one at a time: nothing that they come from may change before the last one."""
        with failing():
            yield from self._connection.execute(statement, values)

    def _row(self, statement: str, *values: Value) -> _Row | None:
        rows = self._rows(statement, *values)
        return rows[0] if rows else None


@contextmanager
def failing() -> Iterator[None]:
    """What SQLite raises becomes an error of this ledger."""
    try:
        yield
    except sqlite3.Error as error:
        raise StateNotUsable(f"the state cannot be read or written: {error}") from error


def _kept(row: _Row) -> tuple[int, int, int, Problem]:
    position, step, number, stream, seq, what, reason = cast("tuple[int, int, int, str, int, str, str]", row)
    try:
        check = Check(what)
    except ValueError as error:
        raise StateNotUsable(f"the state is damaged: {error}") from error
    return (
        position,
        step,
        number,
        Problem(position=position, stream=stream, seq=seq, check=check, reason=reason),
    )
