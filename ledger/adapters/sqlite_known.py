"""What the store holds of everything that some proposals touch: read in a few statements, then kept up in memory.

A commit of several hundred proposals asks for thousands of ends, keys, names and slots; one statement for each would
cost more than inserting them. It is read under the write lock, so nothing of it can change but by what is placed.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from ledger.application.ports import Appended, Idempotency, Name, Proposal, Replay, SlotClaim
from ledger.domain.types import ListId, Position, Seq, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS

_AT_ONCE = 500  # keys in one statement


class Known:
    """Ends of streams, answers to idempotency keys, names, slots, lists and short codes, as of what was placed last."""

    def __init__(self, connection: sqlite3.Connection, proposals: Sequence[Proposal]) -> None:
        """Read what `proposals` touch, inside the transaction that is open on `connection`."""
        streams = {each.recorded.stream for proposal in proposals for each in proposal.events}
        streams |= {guard.stream for proposal in proposals for guard in proposal.guards}
        self.ends = read_ends(connection, streams)
        keys = [proposal.idempotency for proposal in proposals if proposal.idempotency is not None]
        self.replays = read_replays(connection, keys)
        self._names = _read_names(connection, [name for proposal in proposals for name in proposal.names])
        claims = [claim for proposal in proposals for claim in proposal.slots]
        self._slots = _read_slots(connection, claims)
        self._lists = _read_lists(connection) if claims else {}
        stacks = [mac for proposal in proposals for mac, _ in proposal.stacks]
        self._stacks = {row[0] for row in _found(connection, "SELECT mac FROM stacks WHERE mac IN ({})", stacks)}
        codes = [mac for proposal in proposals for mac, _ in proposal.short_codes]
        self._codes = {row[0] for row in _found(connection, "SELECT mac FROM short_codes WHERE mac IN ({})", codes)}

    def has_name(self, name: Name) -> bool:
        """Whether the name is taken in its scope."""
        return (name.scope, name.name) in self._names

    def has_slot(self, claim: SlotClaim) -> bool:
        """Whether the bit is given."""
        return (claim.list, claim.slot) in self._slots

    def has_stack(self, mac: bytes) -> bool:
        """Whether the learner has this award for the same components."""
        return mac in self._stacks

    def has_short_code(self, mac: bytes) -> bool:
        """Whether the short code is given."""
        return mac in self._codes

    def has_list_beside(self, claim: SlotClaim) -> bool:
        """Whether the claim would begin a list although the issuer has one with room."""
        if claim.list in self._lists:
            return False
        owned = (used for issuer, used in self._lists.values() if issuer == claim.issuer.hex)
        return any(used < STATUS_LIST_SLOTS // 2 for used in owned)

    def place(self, proposal: Proposal, appended: Appended) -> None:
        """Know what this proposal brings, too."""
        for sealed in proposal.events:
            self.ends[sealed.recorded.stream] = sealed.recorded.seq
        self._names.update((name.scope, name.name) for name in proposal.names)
        for claim in proposal.slots:
            self._slots.add((claim.list, claim.slot))
            issuer, used = self._lists.get(claim.list, (claim.issuer.hex, 0))
            self._lists[claim.list] = (issuer, used + 1)
        self._stacks.update(mac for mac, _ in proposal.stacks)
        self._codes.update(mac for mac, _ in proposal.short_codes)
        key = proposal.idempotency
        if key is not None:
            again = Appended(
                stream=appended.stream, revision=appended.revision, position=appended.position, replayed=True
            )
            self.replays[key.scope, key.key] = Replay(request=key.request, appended=again)


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


def _read_lists(connection: sqlite3.Connection) -> dict[ListId, tuple[str, int]]:
    """Every list with its issuer and how much of it is used: one row for 65,536 awards."""
    rows = connection.execute("SELECT list, issuer, used FROM status_lists")
    return {ListId(bytes(row[0])): (row[1], row[2]) for row in rows}


def _found(
    connection: sqlite3.Connection, statement: str, keys: Iterable[bytes | int], *before: str | bytes
) -> Iterator[sqlite3.Row]:
    """The rows of `statement` with its braces filled by parameters, for any number of keys."""
    wanted = list(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        yield from connection.execute(statement.format(",".join("?" * len(some))), (*before, *some))
