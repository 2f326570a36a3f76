"""One commit on PostgreSQL: a call of `ledger.append` with what was placed, as typed arrays.

What conflicts is decided in `ledger.adapters.placing`: first upon what the proposals themselves suppose, which the
function then compares with the tables, under the lock; only where that fails, upon what is read there.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias, cast
from uuid import UUID

from psycopg.rows import tuple_row

from ledger.adapters.placing import Known, Outcomes, Placed, Placing, used_slots
from ledger.adapters.postgres.connections import Connection
from ledger.application.ports import Appended, Proposal
from ledger.domain.types import ListId, Position, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, format_time

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_Parameter: TypeAlias = int | str | Sequence[int] | Sequence[str] | Sequence[bytes] | Sequence[UUID]
_TYPES = (
    ("bigint", "text", "text", "uuid[]", "bigint[]", "bytea[]", "uuid[]", "bigint"),  # what is supposed
    ("uuid[]", "bigint[]", "text[]", "bytea[]"),  # events
    ("bigint[]", "text[]", "bytea[]", "bytea[]"),  # private parts
    ("bytea[]", "bytea[]", "text[]", "text[]", "uuid[]"),  # definitions, names
    ("bigint[]", "bytea[]", "bigint[]", "uuid[]", "bigint[]"),  # lists and slots
    ("bytea[]", "uuid[]", "bytea[]", "uuid[]"),  # stacks, short codes
    ("text[]", "bytea[]", "bytea[]", "uuid[]", "bigint[]", "bigint[]"),  # idempotency keys
)
_ARGUMENTS = ", ".join(f"%b::{each}" for row in _TYPES for each in row)
_CALL = f"SELECT base, differs FROM ledger.append({_ARGUMENTS})".encode()  # noqa: S608 - our own words


class Differs(Exception):
    """The store is not as the batch supposes; nothing was done."""

    def __init__(self, what: str, size: int) -> None:
        super().__init__(what)
        self.what = what
        self.size = size


def supposed_ends(proposals: Sequence[Proposal]) -> dict[StreamId, int]:
    """The last seq that each stream must have for these proposals to follow, one after the other."""
    ends: dict[StreamId, int] = {}
    for proposal in proposals:
        for sealed in proposal.events:
            ends.setdefault(sealed.recorded.stream, sealed.recorded.seq - 1)
        for guard in proposal.guards:
            ends.setdefault(guard.stream, guard.seq)
    return ends


def placed_alone(proposals: Sequence[Proposal]) -> tuple[Placing, Outcomes] | None:
    """The proposals placed upon what they suppose, in a log that begins with them.

    None where one conflicts with another or repeats it, or where they use several lists of one issuer: whether it may
    have a second one is for the tables to say.
    """
    lists: dict[StreamId, ListId] = {}
    for claim in (each for proposal in proposals for each in proposal.slots):
        if lists.setdefault(claim.issuer, claim.list) != claim.list:
            return None
    there = {each: (issuer, 0) for issuer, each in lists.items()}
    placing = Placing(Known(size=0, at=_NEVER, ends=supposed_ends(proposals), lists=there))
    outcomes = placing.place(proposals)
    return (placing, outcomes) if len(placing.placed) == len(proposals) else None


def shifted(outcomes: Outcomes, base: int) -> Outcomes:
    """The outcomes with positions counted from `base`."""
    return [
        Appended(
            stream=each.stream, revision=each.revision, position=Position(base + each.position), replayed=each.replayed
        )
        if isinstance(each, Appended)
        else each
        for each in outcomes
    ]


def call(connection: Connection, placed: Sequence[Placed], *, before: int, seen: int) -> int:
    """Append what was placed, in the open transaction or one of its own; the position before the first.

    Args:
        before: the position before the first, by which they were placed.
        seen: the fewest entries that the log may hold.

    Raises:
        Differs: the store is not as these proposals suppose.
        psycopg.Error: it refused; a name, slot, code, stack or key that is there already violates a constraint.
    """
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        row = cursor.execute(_CALL, _parameters(placed, before, seen), prepare=True).fetchone()
    if row is None or row[1] is not None:
        raise Differs("store" if row is None else row[1], 0 if row is None else row[0])
    return int(row[0])


def _parameters(placed: Sequence[Placed], before: int, seen: int) -> list[_Parameter]:
    proposals = [each.proposal for each in placed]
    events = [each for proposal in proposals for each in proposal.events]
    times = [each.recorded.at for each in events]
    ends, used = supposed_ends(proposals), used_slots(placed)
    claims = [each for proposal in proposals for each in proposal.slots]
    parts = [(each.first - before + part.event, part) for each in placed for part in each.proposal.parts]
    return [
        seen,
        format_time(min(times)),
        format_time(max(times)),
        list(ends),
        list(ends.values()),
        [status_list for status_list, _ in used],
        [issuer for _, issuer in used],
        STATUS_LIST_SLOTS // 2,
        [each.recorded.stream for each in events],
        [each.recorded.seq for each in events],
        [each.type for each in events],
        [each.entry for each in events],
        [event for event, _ in parts],
        [part.part.value for _, part in parts],
        [part.key_id for _, part in parts],
        [part.box for _, part in parts],
        *_columns([each for proposal in proposals for each in proposal.definitions], 2),
        *_columns([(each.scope, each.name, each.stream) for proposal in proposals for each in proposal.names], 3),
        list(used.values()),
        [each.list for each in claims],
        [each.slot for each in claims],
        [each.stream for each in claims],
        [each.seq for each in claims],
        *_columns([each for proposal in proposals for each in proposal.stacks], 2),
        *_columns([each for proposal in proposals for each in proposal.short_codes], 2),
        *_keys(placed, before),
    ]


def _columns(rows: Sequence[tuple[bytes | str | UUID | int, ...]], width: int) -> list[_Parameter]:
    """Rows as columns, also where there are none."""
    return [cast("_Parameter", [row[place] for row in rows]) for place in range(width)]


def _keys(placed: Sequence[Placed], before: int) -> list[_Parameter]:
    """What each idempotency key answers from now on."""
    rows = [
        (key.scope, key.key, key.request, each.appended.stream, each.appended.revision, each.appended.position - before)
        for each in placed
        if (key := each.proposal.idempotency) is not None
    ]
    return _columns(rows, 6)
