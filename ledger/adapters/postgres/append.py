"""One commit on PostgreSQL: a call of `ledger.append` with what was placed, as typed arrays.

What conflicts is decided in `ledger.adapters.placing`: first upon what the proposals themselves suppose, which the
function then compares with the tables, under the lock; only where that fails, upon what is read there.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from psycopg.rows import tuple_row

from ledger.adapters.placing import Known, Outcomes, Placed, Placing, used_slots
from ledger.adapters.postgres.connections import Connection
from ledger.adapters.postgres.typed import BigInts, Blobs, Texts, Uuids, bigints, blobs, texts, uuids
from ledger.application.ports import Appended, Proposal
from ledger.domain.types import ListId, Position, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, format_time

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_Parameter: TypeAlias = int | str | BigInts | Blobs | Texts | Uuids
A = TypeVar("A")
B = TypeVar("B")
_TYPES = (
    ("bigint", "text", "text", "uuid[]", "bigint[]"),  # what is supposed
    ("bytea[]", "uuid[]", "bigint[]", "bigint"),  # lists
    ("uuid[]", "bigint[]", "text[]", "bytea[]"),  # events
    ("bigint[]", "text[]", "bytea[]", "bytea[]"),  # private parts
    ("bytea[]", "bytea[]", "text[]", "text[]", "uuid[]"),  # definitions, names
    ("bytea[]", "bigint[]", "uuid[]", "bigint[]"),  # slots
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
    have a second one is for the tables to say. So is whose a list is that two issuers use.
    """
    lists: dict[StreamId, ListId] = {}
    for claim in (each for proposal in proposals for each in proposal.slots):
        if lists.setdefault(claim.issuer, claim.list) != claim.list:
            return None
    if len(set(lists.values())) < len(lists):
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


def call(connection: Connection, placed: Sequence[Placed], *, before: int, seen: int, looked: bool) -> int:
    """Append what was placed, in the open transaction or one of its own; the position before the first.

    Args:
        before: the position before the first, by which they were placed.
        seen: the fewest entries that the log may hold.
        looked: they were placed upon what the tables hold, so that lists begun by them need no other look.

    Raises:
        Differs: the store is not as these proposals suppose.
        psycopg.Error: it refused; a name, slot, code, stack or key that is there already violates a constraint.
    """
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        most_used = 0 if looked else STATUS_LIST_SLOTS // 2
        row = cursor.execute(_CALL, _parameters(placed, before, seen, most_used), prepare=True).fetchone()
    if row is None or row[1] is not None:
        raise Differs("store" if row is None else row[1], 0 if row is None else row[0])
    return int(row[0])


def _parameters(placed: Sequence[Placed], before: int, seen: int, most_used: int) -> list[_Parameter]:
    proposals = [each.proposal for each in placed]
    events = [each for proposal in proposals for each in proposal.events]
    times = [each.recorded.at for each in events]
    ends = supposed_ends(proposals)
    claims = [each for proposal in proposals for each in proposal.slots]
    parts = [(each.first - before + part.event, part) for each in placed for part in each.proposal.parts]
    return [
        seen,
        format_time(min(times)),
        format_time(max(times)),
        uuids(list(ends)),
        bigints(list(ends.values())),
        *_lists(placed),
        most_used,
        uuids([each.recorded.stream for each in events]),
        bigints([each.recorded.seq for each in events]),
        texts([each.type for each in events]),
        blobs([each.entry for each in events]),
        bigints([event for event, _ in parts]),
        texts([part.part.value for _, part in parts]),
        blobs([part.key_id for _, part in parts]),
        blobs([part.box for _, part in parts]),
        *_pairs([each for proposal in proposals for each in proposal.definitions], blobs, blobs),
        *_names(proposals),
        blobs([each.list for each in claims]),
        bigints([each.slot for each in claims]),
        uuids([each.stream for each in claims]),
        bigints([each.seq for each in claims]),
        *_pairs([each for proposal in proposals for each in proposal.stacks], blobs, uuids),
        *_pairs([each for proposal in proposals for each in proposal.short_codes], blobs, uuids),
        *_keys(placed, before),
    ]


def _pairs(
    rows: Sequence[tuple[A, B]],
    first: Callable[[Sequence[A]], _Parameter],
    second: Callable[[Sequence[B]], _Parameter],
) -> list[_Parameter]:
    return [first([row[0] for row in rows]), second([row[1] for row in rows])]


def _lists(placed: Sequence[Placed]) -> list[_Parameter]:
    """Which lists of which issuers are used, each once, and by how many slots."""
    used: dict[ListId, tuple[StreamId, int]] = {}
    for (status_list, issuer), count in used_slots(placed).items():
        first, before = used.get(status_list, (issuer, 0))
        used[status_list] = (first, before + count)
    return [
        blobs(list(used)),
        uuids([issuer for issuer, _ in used.values()]),
        bigints([count for _, count in used.values()]),
    ]


def _names(proposals: Sequence[Proposal]) -> list[_Parameter]:
    names = [each for proposal in proposals for each in proposal.names]
    return [
        texts([each.scope for each in names]),
        texts([each.name for each in names]),
        uuids([each.stream for each in names]),
    ]


def _keys(placed: Sequence[Placed], before: int) -> list[_Parameter]:
    """What each idempotency key answers from now on."""
    keyed = [(each.proposal.idempotency, each.appended) for each in placed if each.proposal.idempotency is not None]
    keys, answers = [key for key, _ in keyed], [answer for _, answer in keyed]
    return [
        texts([key.scope for key in keys]),
        blobs([key.key for key in keys]),
        blobs([key.request for key in keys]),
        uuids([answer.stream for answer in answers]),
        bigints([answer.revision for answer in answers]),
        bigints([answer.position - before for answer in answers]),
    ]
