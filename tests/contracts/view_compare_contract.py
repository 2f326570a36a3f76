"""What a comparison with the events finds, wherever views are kept: each column in turn, rows added and lost, and more.

An engine's test class inherits `CompareContract` and provides the fixture `tables`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from ledger.audit.report import Check
from ledger.audit.source import CannotBeAudited, Column, EntryRow, PartRow
from ledger.domain.award import Component
from ledger.domain.types import Digest, Origin, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from projections.replay_check import ROW, Difference, view_check
from projections.stores.tables import all_tables
from projections.views import FAMILY
from tests.contracts.view_tables import ViewTables
from tests.unit.projections.world import World, internal

DIGEST = Digest(bytes(32))


def changed_world() -> World:
    """A log with something in every table of every view."""
    world = World()
    for number in range(3):
        world.issue(f"Learner {number}", internal(f"A-{number}", "a@example.org"))
    part = Component(origin=Origin("localhost:8000/log"), stream=StreamId(UUID(int=8)), seq=Seq(0), entry=DIGEST)
    world.forge.issue(world.college, replace(world.forge.award(world.welding, "Stacked"), components=(part,) * 3))
    parked = world.issue("Parked in the wallet")
    world.feed.hidden.add(world.forge.streams[parked][0])
    world.feed.bytes[world.forge.suspend(parked)] = b"unreadable"
    return world


def located(found: Sequence[Difference]) -> list[tuple[str, str]]:
    return [(each.table, each.column) for each in found]


TABLES = [table for view in FAMILY for table in all_tables(view)]
KEYS = {table.name: table.key for table in TABLES}
CELLS = [(table.name, column.name) for table in TABLES for column in table.columns[1:]]


class ForgedSource:
    """The tables of a forged log, as far as a view is rebuilt from them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.broken = False

    def entries(self) -> Iterator[EntryRow]:
        for sealed in self.world.forge.log:
            recorded = sealed.recorded
            raw = self.world.feed.bytes.get(recorded.position, sealed.entry)
            yield recorded.position, recorded.stream.hex, recorded.seq, sealed.type, raw

    def heads(self) -> Sequence[tuple[Column, Column]]:
        return [(len(self.world.forge.log), "2026-11-21T14:00:00.000Z")]

    def definitions(self) -> Iterator[tuple[Column, Column]]:
        if self.broken:
            raise CannotBeAudited("the definitions are gone")
        yield from self.world.forge.definitions.items()

    def parts_at(self, position: int) -> Sequence[PartRow]:
        if position in self.world.feed.hidden:
            return [("facts", b"unknown key", b""), ("internal", 7, 7), ("something", b"", b"")]
        return [(part.value, position.to_bytes(4), b"") for part in self.world.forge.openings[Position(position)]]

    def opened(self, stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        if key_id == b"unknown key":
            raise LedgerError("cannot be opened")
        return self.world.forge.openings[Position(int.from_bytes(key_id))][part]


class CompareContract:
    """Whatever was changed in the tables is found."""

    @pytest.fixture
    def world(self) -> World:
        return changed_world()

    @pytest.mark.parametrize(("table", "column"), CELLS)
    def test_one_changed_cell_of_any_table_of_any_view_is_found(
        self, world: World, tables: ViewTables, table: str, column: str
    ) -> None:
        tables.fold(world)
        middle = (
            f"(SELECT {KEYS[table]} FROM {{{table}}} ORDER BY 1 LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM {{{table}}}))"
        )
        tables.run(f"UPDATE {{{table}}} SET {column} = '9' WHERE {KEYS[table]} = {middle}")
        [found] = tables.compared(world)
        assert (found.table, found.column) == (table, column)
        assert found.view == next(view.name for view in FAMILY for each in all_tables(view) if each.name == table)
        assert found.live != found.rebuilt

    def test_what_differs_is_located_by_award_and_position(self, world: World, tables: ViewTables) -> None:
        tables.fold(world)
        middle = list(world.rows().values())[1]
        for table in ("wallet", "credential_status"):
            tables.run(f"UPDATE {{{table}}} SET seq = 9 WHERE credential_id = '{middle.credential_id}'")
        for found, personal in zip(tables.compared(world), (False, False), strict=True):
            assert (found.credential_id, found.begun) == (middle.credential_id, middle.issued_position)
            assert found.position == middle.position
            assert (found.live, found.rebuilt, found.personal) == (9, 0, personal)

    @pytest.mark.parametrize("column", ["email", "valid_until", "achievement_slug"])
    def test_an_emptied_cell_is_found(self, world: World, tables: ViewTables, column: str) -> None:
        tables.fold(world)
        tables.run(
            f"UPDATE {{wallet}} SET {column} = CASE WHEN {column} IS NULL THEN '2030-01-01' END WHERE position = 5"
        )
        [found] = tables.compared(world)
        assert (found.table, found.column, found.personal) == ("wallet", column, True)

    @pytest.mark.parametrize("table", [each.name for each in TABLES])
    def test_a_lost_row_is_found(self, world: World, tables: ViewTables, table: str) -> None:
        tables.fold(world)
        tables.run(f"DELETE FROM {{{table}}} WHERE {KEYS[table]} = (SELECT MIN({KEYS[table]}) FROM {{{table}}})")
        [found] = tables.compared(world)
        assert (found.table, found.column, found.live) == (table, ROW, None)

    @pytest.mark.parametrize("table", [each.name for each in TABLES])
    def test_a_moved_row_is_found_on_both_sides(self, world: World, tables: ViewTables, table: str) -> None:
        tables.fold(world)
        key = KEYS[table]
        tables.run(f"UPDATE {{{table}}} SET {key} = 900000 WHERE {key} = (SELECT MIN({key}) FROM {{{table}}})")
        assert located(tables.compared(world)) == [(table, ROW), (table, ROW)]

    def test_a_view_behind_the_log_is_compared_where_it_stands(self, world: World, tables: ViewTables) -> None:
        tables.fold(world)
        world.issue("Later")
        assert tables.compared(world) == []

    def test_a_view_ahead_of_the_log_is_found(self, world: World, tables: ViewTables) -> None:
        tables.fold(world)
        world.feed.cut = 6
        found = {each.table for each in tables.compared(world)}
        assert {"tracking", "credential_status", "wallet"} <= found

    def test_tracking_moved_on_is_found(self, world: World, tables: ViewTables) -> None:
        tables.fold(world)
        statement = "UPDATE {credential_status_tracking} SET notification_id = 99 WHERE application_name = "
        tables.run(f"{statement}'credential_status'")
        [found] = tables.compared(world)
        assert (found.table, found.live, found.rebuilt) == ("tracking", 99, len(world.forge.log))

    def test_an_audit_finds_a_sound_view_sound(self, world: World, tables: ViewTables) -> None:
        source = ForgedSource(world)
        tables.fold(world)
        assert list(view_check(source, source.opened, tables.place)()) == []

    def test_an_audit_is_told_what_differs_where_the_award_was_issued_and_without_values(
        self, world: World, tables: ViewTables
    ) -> None:
        source = ForgedSource(world)
        tables.fold(world)
        tables.run(
            "UPDATE {wallet} SET learner_name = 'Mallory' WHERE position = 5",
            "DELETE FROM {credential_status} WHERE issued_position = 6",
            "UPDATE {wallet_parked} SET position = 77 WHERE position = 9",
        )
        problems = list(view_check(source, source.opened, tables.place)())
        assert {each.check for each in problems} == {Check.VIEW}
        beside = len(world.forge.log) + 1
        assert [each.position for each in problems] == [5, beside, beside, 6]
        assert all(each.reason.endswith("; `testamur projections rebuild` makes it anew") for each in problems)
        at, given = "whose last event stands at position", "is not what the events give"
        assert [each.reason.split(";")[0] for each in problems] == [
            f"in the view wallet, learner_name of a row of wallet, {at} 5, {given}",
            f"in the view wallet, a row of wallet_parked, {at} 9, is missing",
            f"in the view wallet, a row of wallet_parked, {at} 77, {given}",
            f"in the view credential_status, a row of credential_status, {at} 6, is missing",
        ]
        assert problems[0].stream == str(next(iter(world.rows())))

    def test_an_audit_lists_ten_differences_of_a_view_and_counts_the_rest(
        self, world: World, tables: ViewTables
    ) -> None:
        source = ForgedSource(world)
        tables.fold(world)
        tables.run("UPDATE {wallet} SET learner_name = 'x', email = 'x', search = 'x'")
        *listed, last = view_check(source, source.opened, tables.place)()
        assert len(listed) == 10
        assert last.reason.startswith("in the views, 2 more cells or rows differ; `testamur projections rebuild`")
        assert last.position == len(world.forge.log) + 1

    def test_a_view_ahead_of_the_log_blames_no_entry(self, world: World, tables: ViewTables) -> None:
        source = ForgedSource(world)
        tables.fold(world)
        tables.run(
            "UPDATE {credential_status_tracking} SET notification_id = 99 WHERE application_name = 'credential_status'",
            "UPDATE {credential_status} SET revision = 9",
        )
        assert {each.position for each in view_check(source, source.opened, tables.place)()} == {
            len(world.forge.log) + 1
        }
