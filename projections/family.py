"""What every view is made of: tables described as data, and a pure fold from events to their rows.

One runner, one store, one comparison serve all views, because each view says here what it has and what it does. A fold
reads rows and events and nothing else, so folding the same history again gives the same rows, cell by cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from ledger.domain.types import Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.decoding import Decoded

Cell: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[Cell, ...]  # in the order of a table's columns; its first cell is its key


class NotApplicable(LedgerError):
    """The event cannot be applied to what the view holds. The message quotes nothing of the record."""


class ValuesRefused(NotApplicable):
    """The tables cannot hold what one of the events says."""


class ViewStoreError(LedgerError):
    """A view's own tables could not be read or written; it says nothing about any event."""


class DamagedRow(ViewStoreError):
    """A table holds what no fold puts there: rebuild the view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a view's table."""

    name: str
    kind: str  # as SQL says it
    personal: bool = False  # its values are never told by a comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a view. Its first column is a position, or made of one: rows are appended in their order."""

    name: str
    columns: tuple[Column, ...]
    found_by: str | None = None  # a unique column by which a fold finds a row again; indexed from the beginning
    asked_by: tuple[str, ...] = ()  # columns by which a fold asks for rows; indexed from the beginning too
    indexes: tuple[tuple[str, ...], ...] = ()  # for readers; made after the rows, where a view is rebuilt

    @property
    def key(self) -> str:
        """The name of the first column."""
        return self.columns[0].name

    def place(self, column: str) -> int:
        """Where a column stands in a row."""
        return [each.name for each in self.columns].index(column)


def columns(spelled: str, *, personal: str = "") -> tuple[Column, ...]:
    """Columns as one writes them in SQL, `name KIND, name KIND ...`; `personal` names some of them."""
    hidden = personal.split()
    split = [each.split(maxsplit=1) for each in spelled.split(",")]
    return tuple(Column(name=name, kind=kind.strip(), personal=name in hidden) for name, kind in split)


class Fed(NamedTuple):  # a tuple, as `Decoded` is: a rebuild makes one for each event
    """One entry of the log as a view is given it, read without being verified: verifying is for scans and audits."""

    position: int
    raw: bytes
    entry: Decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """An event that a view could not apply; it waits for a rebuild."""

    view: str
    position: Position
    stream: StreamId | None  # None where the entry's bytes do not say it
    reason: str  # a sentence; quotes nothing of the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What a version of an achievement is called, and what it counts."""

    slug: str
    name: str
    credit: str | None  # decimal string
    minutes: int | None


class Titles(Protocol):
    """What achievements are called."""

    def __call__(self, digest: str) -> Title | None:
        """The title of the wording with this digest, in base64url; None where the wording was taken down.

        Raises:
            LedgerError: the wording is not the one with this digest, or cannot be read.
        """
        ...


class Tables(Protocol):
    """The rows of a view as its fold reads and changes them."""

    def find(self, table: Table, value: Cell) -> Row | None:
        """The row that has this value in the column `found_by`."""
        ...

    def where(self, table: Table, column: str, value: Cell) -> Iterable[Row]:
        """Every row that has this value in a column, by key."""
        ...

    def add(self, table: Table, row: Row) -> None:
        """A new row."""
        ...

    def change(self, table: Table, row: Row) -> None:
        """Another state of a row that is there."""
        ...


class Fold(Protocol):
    """Folds events, in the order of positions, into the rows of one view."""

    def apply(self, tables: Tables, fed: Fed, openings: Mapping[Part, Opening]) -> None:
        """Change the rows by one event.

        Raises:
            LedgerError: the event does not follow what the view holds, or cannot be read; no row was changed.
        """
        ...


class View(Protocol):
    """One member of the family."""

    @property
    def name(self) -> str:
        """In its tracking, in commands, and the beginning of its tables' names."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """Without the one for what is parked, which every view has."""
        ...

    def takes(self, wire: str) -> bool:
        """Whether events of this wire type can change a row."""
        ...

    @property
    def opens(self) -> frozenset[str]:
        """The wire types whose private parts it needs."""
        ...

    def seeks(self, fed: Fed) -> tuple[Table, Cell] | None:
        """What the fold is going to ask `Tables.find` for, as far as the event alone says it; a hint, no more."""
        ...

    def fold(self, titles: Titles) -> Fold:
        """A fold that has seen nothing yet; it may keep what it read of the rows, as long as nobody else writes."""
        ...
