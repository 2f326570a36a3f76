"""What SQLite holds of everything that some proposals touch, read in a few statements.

A commit of several hundred proposals asks for thousands of ends, keys, names and slots; one statement for each would
cost more than inserting them. It is read under the write lock, so nothing of it can change but by what is placed.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from ledger.adapters.placing import Known, Touched
from ledger.application.ports import Appended, Idempotency, Name, Proposal, Replay, SlotClaim
from ledger.domain.types import ListId, Position, Seq, StreamId
from ledger.domain.values import parse_time

_AT_ONCE = 500  # keys in one statement


def read_known(connection: sqlite3.Connection, proposals: Sequence[Proposal]) -> Known:
    """What the tables hold of everything that `proposals` touch, inside the transaction open on `connection`."""
    size, at = connection.execute("SELECT size, at FROM log_head").fetchone()
    touched = Touched.by(proposals)
    stacks = _found(connection, "SELECT mac FROM stacks WHERE mac IN ({})", touched.stacks)
    codes = _found(connection, "SELECT mac FROM short_codes WHERE mac IN ({})", touched.short_codes)
    return Known(
        size=size,
        at=parse_time(at),
        ends=read_ends(connection, touched.streams),
        replays=read_replays(connection, touched.keys),
        names=_read_names(connection, touched.names),
        slots=_read_slots(connection, touched.claims),
        lists=_read_lists(connection) if touched.claims else {},
        stacks={row[0] for row in stacks},
        short_codes={row[0] for row in codes},
    )


def read_ends(connection: sqlite3.Connection, streams: Iterable[StreamId]) -> dict[StreamId, int]:
    """The last seq of each stream; -1 where there is no such stream."""
    by_hex = {stream.hex: stream for stream in streams}
    rows = connection.execute(
        "SELECT value, (SELECT MAX(originator_version) FROM stored_events WHERE originator_id = value) "
        "FROM json_each(?)",
        (json.dumps(list(by_hex)),),
    )
    return {by_hex[row[0]]: -1 if row[1] is None else row[1] for row in rows}


def read_replays(connection: sqlite3.Connection, keys: Iterable[Idempotency]) -> dict[tuple[str, bytes], Replay]:
    """What these keys answered before, by scope and key."""
    scopes: dict[str, set[bytes]] = {}
    for key in keys:
        scopes.setdefault(key.scope, set()).add(key.key)
    statement = "SELECT key, request, stream, revision, position FROM idempotency WHERE scope = ? AND key IN ({})"
    return {
        (scope, bytes(row[0])): Replay(
            request=bytes(row[1]),
            appended=Appended(
                stream=StreamId(UUID(row[2])), revision=Seq(row[3]), position=Position(row[4]), replayed=True
            ),
        )
        for scope, wanted in scopes.items()
        for row in _found(connection, statement, wanted, scope)
    }


def _read_names(connection: sqlite3.Connection, names: Iterable[Name]) -> set[tuple[str, str]]:
    statement = "SELECT 1 FROM names WHERE scope = ? AND name = ?"
    wanted = {(name.scope, name.name) for name in names}
    return {each for each in wanted if connection.execute(statement, each).fetchone() is not None}


def _read_slots(connection: sqlite3.Connection, claims: Iterable[SlotClaim]) -> set[tuple[ListId, int]]:
    lists: dict[ListId, set[int]] = {}
    for claim in claims:
        lists.setdefault(claim.list, set()).add(claim.slot)
    statement = "SELECT slot FROM status_slots WHERE list = ? AND slot IN ({})"
    return {(each, row[0]) for each, slots in lists.items() for row in _found(connection, statement, slots, each)}


def _read_lists(connection: sqlite3.Connection) -> dict[ListId, tuple[StreamId, int]]:
    """Every list with its issuer and how much of it is used: one row for 65,536 awards."""
    rows = connection.execute("SELECT list, issuer, used FROM status_lists")
    return {ListId(bytes(row[0])): (StreamId(UUID(row[1])), row[2]) for row in rows}


def _found(
    connection: sqlite3.Connection, statement: str, keys: Iterable[bytes | int], *before: str | bytes
) -> Iterator[sqlite3.Row]:
    """The rows of `statement` with its braces filled by parameters, for any number of keys."""
    wanted = list(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        yield from connection.execute(statement.format(",".join("?" * len(some))), (*before, *some))
