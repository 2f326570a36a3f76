"""What a batch of events changes, over the rows as a store keeps them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from ledger.domain.types import Position
from projections.family import Cell, Fed, NotApplicable, Parked, Row, Table, View, ViewStoreError
from projections.feed import stream_of

THERE = "there is such a row already"


class Fenced(ViewStoreError):
    """Another worker has moved the view on; nothing was written."""


class ViewStore(Protocol):
    """The tables of one view, as the runner uses them.

    Raises:
        ViewStoreError: from any call; nothing was changed.
    """

    @property
    def batch(self) -> int:
        """How many events are best folded in one transaction, when far behind."""
        ...

    @property
    def far(self) -> bool:
        """Whether asking takes so long that what a batch asks for is better asked at once."""
        ...

    def find_all(self, table: Table, values: Collection[Cell]) -> Mapping[Cell, Row]:
        """The rows that have one of these values in the column `found_by`, by it; asked where it is `far`."""
        ...

    def parked_among(self, streams: Collection[str]) -> Mapping[str, int]:
        """The positions of the first events that are parked of these streams; asked where it is `far`."""
        ...

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        ...

    def find(self, table: Table, value: Cell) -> Row | None:
        """The row that has this value in the column `found_by`."""
        ...

    def where(self, table: Table, column: str, value: Cell) -> Iterable[Row]:
        """Every row that has this value in a column, by key."""
        ...

    def any_parked(self) -> bool:
        """Whether there is a stream of which an event is parked."""
        ...

    def first_parked(self, stream: str) -> int | None:
        """The position of the first event of a stream that is parked."""
        ...

    def save(self, changes: "Changes", *, expected: Position, reached: Position) -> None:
        """Write everything, and move the view from `expected` to `reached`, in one transaction or not at all.

        Raises:
            Fenced: the view is not at `expected`.
            ValuesRefused: the tables cannot hold a row.
        """
        ...


class Changes:
    """What a batch changes, over the rows as saved; the `Tables` that a fold works on."""

    def __init__(self, saved: ViewStore, view: View) -> None:
        self._saved = saved
        self._view = view
        self._found = {each.name: each.place(each.found_by) if each.found_by else 0 for each in view.tables}
        self.added: dict[str, dict[Cell, Row]] = {each.name: {} for each in view.tables}
        self.changed: dict[str, dict[Cell, Row]] = {each.name: {} for each in view.tables}
        self.parked: list[Parked] = []
        self._parked_at: dict[str, int] = {}  # stream -> position of the first event that this batch parks
        self._parked_before = saved.any_parked()
        self._ahead: dict[str, dict[Cell, Row | None]] = {}  # by table: what was looked up for all events at once
        self._parked_ahead: Mapping[str, int | None] = {}  # likewise, by stream

    def look_ahead(self, feds: Iterable[Fed], streams: Collection[str]) -> None:
        """Look up at once what these events are going to ask for; everything else is asked for when it is.

        Args:
            streams: those of the events, and of bytes that are no entry; needed where `any_parked`.
        """
        sought: dict[str, tuple[Table, set[Cell]]] = {}
        for fed in feds:
            seeks = self._view.seeks(fed)
            if seeks is not None:
                sought.setdefault(seeks[0].name, (seeks[0], set()))[1].add(seeks[1])
        for name, (table, values) in sought.items():
            found = self._saved.find_all(table, values)
            self._ahead[name] = {value: found.get(value) for value in values}
        if self._parked_before:
            self._parked_ahead = {**dict.fromkeys(streams), **self._saved.parked_among(streams)}

    def find(self, table: Table, value: Cell) -> Row | None:
        """The row that has this value in the column `found_by`."""
        row = self.added[table.name].get(value) or self.changed[table.name].get(value)
        if row is None and self._ahead:
            ahead = self._ahead.get(table.name, {})
            if value in ahead:
                return ahead[value]
        return row or self._saved.find(table, value)

    def where(self, table: Table, column: str, value: Cell) -> Iterable[Row]:
        """Every row that has this value in a column, by key."""
        place, found = table.place(column), self._found[table.name]
        added, changed = self.added[table.name], self.changed[table.name]
        # No fold changes the column that it asks by, so what is saved under it still stands under it.
        for row in self._saved.where(table, column, value):
            yield changed.get(row[found], row)
        for row in list(added.values()):
            if row[place] == value:
                yield row

    def add(self, table: Table, row: Row) -> None:
        """A new row."""
        added, value = self.added[table.name], row[self._found[table.name]]
        if value in added:
            raise NotApplicable(THERE)
        added[value] = row

    def change(self, table: Table, row: Row) -> None:
        """Another state of a row that is there."""
        added, value = self.added[table.name], row[self._found[table.name]]
        if value in added:
            added[value] = row
        else:
            self.changed[table.name][value] = row

    def adds_what_is_there(self) -> bool:
        """Whether a row that is added is saved already: asked once the tables refused it, not for every row."""
        return any(
            self._saved.find(table, value) is not None
            for table in self._view.tables
            if table.found_by
            for value in self.added[table.name]
        )

    @property
    def any_parked(self) -> bool:
        """Whether an event has to be looked up among the streams that are parked."""
        return self._parked_before or bool(self._parked_at)

    def parked_at(self, stream: str) -> int | None:
        """The first event of the stream that is parked."""
        before: int | None = None
        if stream in self._parked_ahead:
            before = self._parked_ahead[stream]
        elif self._parked_before:
            before = self._saved.first_parked(stream)
        return self._parked_at.get(stream) if before is None else before

    def park(self, position: int, stream: str, reason: str) -> None:
        """Set an event aside."""
        named = stream_of(stream)
        self.parked.append(Parked(view=self._view.name, position=Position(position), stream=named, reason=reason))
        if named is not None:
            self._parked_at.setdefault(str(named), position)
