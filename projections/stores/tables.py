"""The tables that a store keeps for a view: its own, and one for what could not be applied."""

from projections.family import Parked, Row, Table, View, columns


def parked_table(view: View) -> Table:
    """Where a view keeps what it could not apply."""
    return Table(
        name=f"{view.name}_parked",
        columns=columns("position INTEGER PRIMARY KEY, stream TEXT, reason TEXT NOT NULL"),
        asked_by=("stream",),
    )


def all_tables(view: View) -> tuple[Table, ...]:
    """Every table of a view."""
    return (*view.tables, parked_table(view))


def parked_row(parked: Parked) -> Row:
    """The row of a parked event."""
    return parked.position, None if parked.stream is None else str(parked.stream), parked.reason
