"""What PostgreSQL holds of everything that some proposals touch: one statement for each table."""

from collections.abc import Sequence

from psycopg.rows import tuple_row

from ledger.adapters.placing import Known, Touched
from ledger.adapters.postgres.connections import Connection
from ledger.application.ports import Appended, Idempotency, Proposal, Replay, StoreUnavailable
from ledger.domain.types import ListId, Position, Seq, StreamId
from ledger.domain.values import parse_time
from ledger.verification.evidence import Head


def read_known(connection: Connection, proposals: Sequence[Proposal]) -> Known:
    """What the tables hold of everything that `proposals` touch; locks the head until the open transaction ends."""
    # A statement of its own, and the first: those that follow see all that was committed while it waited.
    head = locked_head(connection)
    touched = Touched.by(proposals)
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        names = cursor.execute(
            "SELECT n.scope, n.name FROM ledger.names n JOIN unnest(%b::text[], %b::text[]) AS t(scope, name) "
            "USING (scope, name)",
            ([each.scope for each in touched.names], [each.name for each in touched.names]),
        ).fetchall()
        slots = cursor.execute(
            "SELECT s.list, s.slot FROM ledger.status_slots s JOIN unnest(%b::bytea[], %b::bigint[]) AS t(list, slot) "
            "USING (list, slot)",
            ([each.list for each in touched.claims], [each.slot for each in touched.claims]),
        ).fetchall()
        lists = cursor.execute(
            "SELECT list, issuer, used FROM ledger.status_lists "
            "WHERE issuer = ANY(%b::uuid[]) OR list = ANY(%b::bytea[])",
            ([each.issuer for each in touched.claims], [each.list for each in touched.claims]),
        ).fetchall()
        stacks = cursor.execute(
            "SELECT mac FROM ledger.stacks WHERE mac = ANY(%b::bytea[])", (list(touched.stacks),)
        ).fetchall()
        codes = cursor.execute(
            "SELECT mac FROM ledger.short_codes WHERE mac = ANY(%b::bytea[])", (list(touched.short_codes),)
        ).fetchall()
    return Known(
        size=head.size,
        at=head.at,
        ends=read_ends(connection, touched.streams),
        replays=read_replays(connection, touched.keys),
        names={(scope, name) for scope, name in names},
        slots={(ListId(each), slot) for each, slot in slots},
        lists={ListId(each): (StreamId(issuer), used) for each, issuer, used in lists},
        stacks={mac for (mac,) in stacks},
        short_codes={mac for (mac,) in codes},
    )


def locked_head(connection: Connection) -> Head:
    """The head, which nobody else moves until the open transaction ends."""
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT size, at FROM ledger.log_head FOR UPDATE").fetchone()
    if row is None:
        raise StoreUnavailable("the store cannot be read: the log has no head")
    return Head(size=row[0], at=parse_time(row[1]))


def read_ends(connection: Connection, streams: Sequence[StreamId]) -> dict[StreamId, int]:
    """The last seq of each stream; -1 where there is no such stream."""
    statement = (
        "SELECT t.stream, (SELECT MAX(e.originator_version) FROM ledger.stored_events e "
        "WHERE e.originator_id = t.stream) FROM unnest(%b::uuid[]) AS t(stream)"
    )
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement, (list(streams),), prepare=True).fetchall()
    return {StreamId(stream): -1 if end is None else end for stream, end in rows}


def read_replays(connection: Connection, keys: Sequence[Idempotency]) -> dict[tuple[str, bytes], Replay]:
    """What these keys answered before, by scope and key."""
    statement = (
        "SELECT i.scope, i.key, i.request, i.stream, i.revision, i.position FROM ledger.idempotency i "
        "JOIN unnest(%b::text[], %b::bytea[]) AS t(scope, key) USING (scope, key)"
    )
    if not keys:
        return {}
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        asked = ([each.scope for each in keys], [each.key for each in keys])
        rows = cursor.execute(statement, asked, prepare=True).fetchall()
    return {
        (scope, key): Replay(
            request=request,
            appended=Appended(
                stream=StreamId(stream), revision=Seq(revision), position=Position(position), replayed=True
            ),
        )
        for scope, key, request, stream, revision, position in rows
    }
