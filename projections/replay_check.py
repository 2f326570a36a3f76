"""Rebuilds the credential status view in memory from the events and compares it with `views.db`, cell by cell.

The fold is the one that made the live view, so this finds what was changed, lost or left behind in the file, not an
error in the fold. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ledger.audit.report import Check, Problem
from ledger.audit.source import Column, EntryRow, PartOpener, PartRow
from ledger.domain.events import Recorded
from ledger.domain.types import Digest, Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.verification.evidence import Placed
from projections.cells import COLUMNS, ISSUER_COLUMNS, PARKED_COLUMNS, Cell, issuer_cells, parked_cells, to_cells
from projections.feed import Fed, Feed, FeedFailed, decode, is_award_event, with_openings
from projections.runner import Runner
from projections.stores.memory import MemoryViewStore
from projections.stores.sqlite import ViewStoreFailed
from projections.stores.sqlite_reading import ViewReader, reading

_MOST_TOLD = 10  # differences of a view that an audit lists; all are counted
_REMEDY = "views.db is rebuilt when it is deleted and the server starts"
_TRACKING = "tracking"
ROW = "row"  # in place of a column: the row is missing on one side


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell that is not what the events give. Its values may be personal: never print them in a report."""

    table: str
    credential_id: StreamId | None  # None where the row is no award's
    issued: Position | None  # of the entry that issued the award, as the events give it
    column: str  # `ROW`: there is a row on one side only
    live: Cell
    rebuilt: Cell
    position: Position  # of the last event that the row shows


class Audited(Protocol):
    """What a rebuild reads of a database under audit; see `ledger.audit.source.AuditSource`."""

    def entries(self) -> Iterator[EntryRow]: ...
    def heads(self) -> Sequence[tuple[Column, Column]]: ...
    def definitions(self) -> Iterator[tuple[Column, Column]]: ...
    def parts_at(self, position: int) -> Sequence[PartRow]: ...


def compare(feed: Feed, views: Path) -> list[Difference]:
    """Every difference between the file and what the events give up to the file's own position, by position.

    Raises:
        FeedFailed: the events cannot be read.
        ViewStoreFailed: the file cannot be read.
    """
    with reading(views) as live:
        reached = live.position()
        rebuilt = MemoryViewStore()
        Runner(rebuilt, feed).catch_up(reached)
        found = [
            *_differences(live, "credentials", COLUMNS, [to_cells(each) for each in rebuilt.awards.values()]),
            *_differences(live, "issuer_entries", ISSUER_COLUMNS, [issuer_cells(each) for each in rebuilt.issuers]),
            *_differences(live, "parked", PARKED_COLUMNS, [parked_cells(each) for each in rebuilt.parked]),
        ]
    if rebuilt.position() != reached:
        beyond = Difference(
            table=_TRACKING,
            credential_id=None,
            issued=None,
            column="position",
            live=reached,
            rebuilt=rebuilt.position(),
            position=reached,
        )
        found.append(beyond)
    return sorted(found, key=lambda each: (each.position, each.table))


def view_check(source: Audited, opener: PartOpener, views: Path) -> Callable[[], Iterable[Problem]]:
    """What an audit calls to compare the file with the events that it audits; to be used where there is such a file."""

    def check() -> Iterator[Problem]:
        size = source.heads()[0][0]
        beside = size + 1 if type(size) is int else 1  # where no award's first entry is concerned
        try:
            found = compare(AuditFeed(source, opener), views)
        except (FeedFailed, ViewStoreFailed) as error:
            reason = f"the view could not be compared: {error}"
            yield Problem(position=beside, stream=None, seq=None, check=Check.VIEW, reason=reason)
            return
        ahead = any(each.table == _TRACKING for each in found)  # what it has read is gone: no entry left is to blame
        for each in found[:_MOST_TOLD]:
            stream = None if each.credential_id is None else str(each.credential_id)
            place = beside if ahead or each.issued is None else each.issued
            yield Problem(position=place, stream=stream, seq=None, check=Check.VIEW, reason=_sentence(each))
        if len(found) > _MOST_TOLD:
            reason = f"in the view, {len(found) - _MOST_TOLD} more cells or rows differ; {_REMEDY}"
            yield Problem(position=beside, stream=None, seq=None, check=Check.VIEW, reason=reason)

    return check


def _sentence(difference: Difference) -> str:
    where = f"of {difference.table}, whose last event stands at position {difference.position},"
    if difference.column != ROW:
        return f"in the view, {difference.column} of a row {where} is not what the events give; {_REMEDY}"
    if difference.live is None:
        return f"in the view, a row {where} is missing; {_REMEDY}"
    return f"in the view, a row {where} is not what the events give; {_REMEDY}"


def _differences(
    live: ViewReader, table: str, columns: tuple[str, ...], rebuilt: Sequence[tuple[Cell, ...]]
) -> Iterator[Difference]:
    """Compare a table, whose first column is its key."""
    expected = {cells[0]: cells for cells in rebuilt}
    for cells in live.cells(table):
        wanted = expected.pop(cells[columns[0]], None)
        if wanted is None:
            yield _difference(table, cells, cells, ROW, cells[columns[0]], None)
            continue
        named = dict(zip(columns, wanted, strict=True))
        for column, cell in named.items():
            if cells[column] != cell:
                yield _difference(table, cells, named, column, cells[column], cell)
    for key, wanted in expected.items():
        named = dict(zip(columns, wanted, strict=True))
        yield _difference(table, named, named, ROW, None, key)


def _difference(
    table: str, live: Mapping[str, Cell], rebuilt: Mapping[str, Cell], column: str, was: Cell, gives: Cell
) -> Difference:
    extra = column == ROW and gives is None  # nothing that such a row says can be believed
    issued = None if extra else rebuilt.get("issued_position")
    places = [cell for cell in (live["position"], rebuilt["position"]) if type(cell) is int]
    return Difference(
        table=table,
        credential_id=_stream(rebuilt.get("credential_id")),
        issued=Position(issued) if type(issued) is int else None,
        column=column,
        live=was,
        rebuilt=gives,
        position=Position(max(places, default=0)),
    )


def _stream(cell: Cell) -> StreamId | None:
    try:
        return StreamId(UUID(cell)) if type(cell) is str else None
    except ValueError:
        return None


class AuditFeed:
    """The feed of a database under audit. Read once, from the first entry on."""

    def __init__(self, source: Audited, opener: PartOpener) -> None:
        self._source = source
        self._opener = opener
        self._entries = source.entries()
        self._definitions: dict[Cell, Cell] | None = None

    def size(self) -> int:
        """The last position there is, as the database says."""
        size = self._source.heads()[0][0]
        return size if type(size) is int else 0

    def read(self, after: int, limit: int) -> list[Fed]:
        """The next `limit` entries; `after` is the last one read before."""
        return [self._fed(after + number, row) for number, row in enumerate(islice(self._entries, limit), start=1)]

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest; None where there is none."""
        try:
            if self._definitions is None:
                self._definitions = dict(self._source.definitions())
        except LedgerError as error:
            raise FeedFailed("the definitions of the ledger cannot be read") from error
        content = self._definitions.get(digest)
        return content if type(content) is bytes else None

    def _fed(self, position: int, row: EntryRow) -> Fed:
        raw = row[4] if type(row[4]) is bytes else b""
        fed = decode(Placed(position=Position(position), raw=raw))
        if not is_award_event(fed):
            return fed
        boxes = {
            Part(name): (key_id, box)
            for name, key_id, box in self._source.parts_at(position)
            if name in tuple(Part) and type(key_id) is bytes and type(box) is bytes
        }
        return with_openings(fed, boxes, self._opened)

    def _opened(self, recorded: Recorded, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        try:
            return self._opener(recorded.stream, recorded.seq, part, key_id, box)
        except LedgerError:
            return None  # as the live view was given it; what is wrong is for the audit of parts to say
