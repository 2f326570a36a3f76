"""Folds each view anew from the events, beside, and compares it with the live one, cell by cell.

The fold is the one that made the live view, so this finds what was changed, lost or left behind in its tables, not an
error in the fold. Nothing is written; what does not fit into memory lies in a file without a name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from ledger.audit.report import Check, Problem
from ledger.audit.source import Column, EntryRow, PartOpener, PartRow
from ledger.domain.types import Digest, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from projections.family import Cell, Fed, Row, Table, View, ViewStoreError
from projections.feed import OPENED, Feed, FeedFailed, Openings, stream_of
from projections.members import FAMILY
from projections.runner import Runner
from projections.stores.reading import ViewReader
from projections.stores.sqlite import in_memory
from projections.stores.sqlite_reading import SqliteRows
from projections.stores.tables import all_tables

MOST_TOLD = 10  # differences that an audit lists; all are counted
TRACKING = "tracking"
ROW = "row"  # in place of a column: the row is missing on one side
_REMEDY = "`testamur projections rebuild` makes it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell that is not what the events give. Values of a personal column are never printed."""

    view: str
    table: str
    key: Cell  # of the row: its first cell
    credential_id: StreamId | None  # None where the row is no award's
    begun: Position | None  # of the entry that the row begins with, as the events give it
    column: str  # `ROW`: there is a row on one side only
    personal: bool
    live: Cell
    rebuilt: Cell
    position: Position  # of the last event that the row shows


class Audited(Protocol):
    """What a rebuild reads of a database under audit; see `ledger.audit.source.AuditSource`."""

    def entries(self) -> Iterator[EntryRow]: ...
    def heads(self) -> Sequence[tuple[Column, Column]]: ...
    def definitions(self) -> Iterator[tuple[Column, Column]]: ...
    def parts_at(self, position: int) -> Sequence[PartRow]: ...


class Readable(Protocol):
    """Where views can be read; see `projections.stores.engine.Place`."""

    def reading(self, views: Sequence[View]) -> AbstractContextManager[ViewReader]: ...


class ReadBefore:
    """Views as they stood at an earlier moment: so they show nothing that a ledger read later does not hold."""

    def __init__(self, reader: ViewReader) -> None:
        self._reader = reader

    @contextmanager
    def reading(self, views: Sequence[View]) -> Iterator[ViewReader]:  # noqa: ARG002 - all of them were opened
        """The tables as they stood then."""
        yield self._reader


def differences(feed: Feed, views: Readable, family: Sequence[View] = FAMILY) -> Iterator[Difference]:
    """Every difference between the tables and what the events give up to each view's own position.

    View by view: first whether it has read more than there is, then its tables, by key.

    Raises:
        FeedFailed: the events cannot be read.
        ViewStoreError: the tables cannot be read.
    """
    with views.reading(family) as live:
        for view in family:
            yield from _of_view(feed, live, view)


def compare(feed: Feed, views: Readable, family: Sequence[View] = FAMILY) -> list[Difference]:
    """All of `differences` at once."""
    return list(differences(feed, views, family))


def _of_view(feed: Feed, live: ViewReader, view: View) -> Iterator[Difference]:
    reached = live.position(view.name)
    rebuilt = in_memory(view)
    with closing(rebuilt.connection):
        Runner(rebuilt, feed, view).catch_up(reached)
        come = rebuilt.position()
        if come != reached:
            yield Difference(
                view=view.name,
                table=TRACKING,
                key=view.name,
                credential_id=None,
                begun=None,
                column="position",
                personal=False,
                live=reached,
                rebuilt=come,
                position=reached,
            )
        again = ViewReader(SqliteRows(rebuilt.connection))
        for table in all_tables(view):
            yield from _differences(view, table, live.cells(table), again.cells(table))


def _differences(view: View, table: Table, live: Iterator[Row], rebuilt: Iterator[Row]) -> Iterator[Difference]:
    """Compare the rows of a table, both in the order of their keys, holding one of each."""
    was, gives = next(live, None), next(rebuilt, None)
    while was is not None or gives is not None:
        if gives is None or (was is not None and _key(was) < _key(gives)):
            yield _difference(view, table, ROW, was, None)
            was = next(live, None)
        elif was is None or _key(gives) < _key(was):
            yield _difference(view, table, ROW, None, gives)
            gives = next(rebuilt, None)
        else:
            for column, cell, given in zip(table.columns, was, gives, strict=True):
                # Of another type is different: Python holds 1 and 1.0 for equal, SQLite keeps them apart.
                if cell != given or type(cell) is not type(given):
                    yield _difference(view, table, column.name, was, gives)
            was, gives = next(live, None), next(rebuilt, None)


def _key(row: Row) -> int:
    return row[0] if type(row[0]) is int else 0  # a primary key of these tables holds nothing but whole numbers


def _difference(view: View, table: Table, column: str, was: Row | None, gives: Row | None) -> Difference:
    named = {each.name: place for place, each in enumerate(table.columns)}
    told = gives or was or ()  # where there is one side only, and it is the live one's, nothing it says can be believed
    stream = told[named["credential_id"]] if gives is not None and "credential_id" in named else None
    whole = column == ROW
    return Difference(
        view=view.name,
        table=table.name,
        key=told[0],
        credential_id=_stream(stream),
        begun=_begun(table, gives),
        column=column,
        personal=not whole and table.columns[named[column]].personal,
        live=None if was is None else was[0] if whole else was[named[column]],
        rebuilt=None if gives is None else gives[0] if whole else gives[named[column]],
        position=_last(table, was, gives),
    )


def _begun(table: Table, gives: Row | None) -> Position | None:
    """The position of the award's entry that the row was made of."""
    names = [each.name for each in table.columns]
    if gives is None or "credential_id" not in names:
        return None
    cell = gives[0] if "issued_position" in names else gives[names.index("position")]
    return Position(cell) if type(cell) is int else None


def _last(table: Table, *rows: Row | None) -> Position:
    place = table.place("position")
    cells = [row[place] for row in rows if row is not None]
    return Position(max((cell for cell in cells if type(cell) is int), default=0))


def _stream(cell: Cell) -> StreamId | None:
    return stream_of(cell) if type(cell) is str else None


def view_check(source: Audited, opener: PartOpener, views: Readable) -> Callable[[], Iterable[Problem]]:
    """What an audit calls to compare the views with the events that it audits; to be used where there are any."""

    def check() -> Iterator[Problem]:
        size = source.heads()[0][0]
        beside = size + 1 if type(size) is int else 1  # where no award's first entry is concerned
        told, ahead = 0, set()
        try:
            for each in differences(AuditFeed(source, opener), views):
                told += 1
                if each.table == TRACKING:
                    ahead.add(each.view)  # what it has read is gone: no entry is to blame
                if told <= MOST_TOLD:
                    stream = None if each.credential_id is None else str(each.credential_id)
                    place = beside if each.view in ahead or each.begun is None else each.begun
                    reason = f"{sentence(each)}; {_REMEDY}"
                    yield Problem(position=place, stream=stream, seq=None, check=Check.VIEW, reason=reason)
        except (FeedFailed, ViewStoreError) as error:
            reason = f"the views could not be compared: {error}"
            yield Problem(position=beside, stream=None, seq=None, check=Check.VIEW, reason=reason)
        if told > MOST_TOLD:
            reason = f"in the views, {told - MOST_TOLD} more cells or rows differ; {_REMEDY}"
            yield Problem(position=beside, stream=None, seq=None, check=Check.VIEW, reason=reason)

    return check


def sentence(difference: Difference) -> str:
    """What differs, without any value."""
    where = f"of {difference.table}, whose last event stands at position {difference.position},"
    in_view = f"in the view {difference.view},"
    if difference.column != ROW:
        return f"{in_view} {difference.column} of a row {where} is not what the events give"
    if difference.live is None:
        return f"{in_view} a row {where} is missing"
    return f"{in_view} a row {where} is not what the events give"


class AuditFeed:
    """The feed of a database under audit. Each view reads it from the first entry on, in order."""

    def __init__(self, source: Audited, opener: PartOpener) -> None:
        self._source = source
        self._opener = opener
        self._entries: Iterator[EntryRow] = iter(())
        self._definitions: dict[Cell, Cell] | None = None

    def size(self) -> int:
        """The last position there is, as the database says."""
        size = self._source.heads()[0][0]
        return size if type(size) is int else 0

    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The next `limit` entries; `after` is the last one read before, or 0 to begin again."""
        if after == 0:
            self._entries = self._source.entries()
        rows = enumerate(islice(self._entries, limit), start=after + 1)
        return [(position, row[4] if type(row[4]) is bytes else b"") for position, row in rows]

    def openings(self, events: Sequence[Fed]) -> Openings:
        """What the private parts of these events hold, as far as they can be opened."""
        return {fed.position: dict(self._opened(fed)) for fed in events}

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest; None where there is none."""
        try:
            if self._definitions is None:
                self._definitions = dict(self._source.definitions())
        except LedgerError as error:
            raise FeedFailed("the definitions of the ledger cannot be read") from error
        content = self._definitions.get(digest)
        return content if type(content) is bytes else None

    def _opened(self, fed: Fed) -> Iterator[tuple[Part, Opening]]:
        stream = stream_of(fed.entry.stream)
        for name, key_id, box in self._source.parts_at(fed.position):
            if name in OPENED and stream is not None and type(key_id) is bytes and type(box) is bytes:
                part = Part(name)
                try:
                    opening = self._opener(stream, Seq(fed.entry.seq), part, key_id, box)
                except LedgerError:
                    continue  # as the live view was given it; what is wrong is for the audit of parts to say
                if opening is not None:
                    yield part, opening
