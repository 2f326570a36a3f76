"""What was changed in the file is found: each column in turn, rows added and lost, a view behind or ahead."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from ledger.audit.report import Check
from ledger.audit.source import CannotBeAudited, Column, EntryRow, PartRow
from ledger.domain.award import Component
from ledger.domain.types import Digest, Origin, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from projections.replay_check import ROW, Difference, compare, view_check
from projections.stores.sqlite import ViewStoreFailed, all_tables
from projections.views import FAMILY
from tests.unit.projections.world import World, internal, live

DIGEST = Digest(bytes(32))


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.fixture
def world() -> World:
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
CELLS = [(table.name, column.name) for table in TABLES for column in table.columns[1:]]


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_one_changed_cell_of_any_table_of_any_view_is_found(
    world: World, tmp_path: Path, table: str, column: str
) -> None:
    path = live(world, tmp_path / "views.db")
    middle = f"(SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM {table}))"
    alter(path, f"UPDATE {table} SET {column} = '9' WHERE rowid = {middle}")
    [found] = compare(world.feed, path)
    assert (found.table, found.column) == (table, column)
    assert found.view == next(view.name for view in FAMILY for each in all_tables(view) if each.name == table)
    assert found.live != found.rebuilt


def test_what_differs_is_located_by_award_and_position(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    middle = list(world.rows().values())[1]
    for table in ("wallet", "credential_status"):
        alter(path, f"UPDATE {table} SET seq = 9 WHERE credential_id = '{middle.credential_id}'")
    for found, personal in zip(compare(world.feed, path), (False, False), strict=True):
        assert (found.credential_id, found.begun) == (middle.credential_id, middle.issued_position)
        assert found.position == middle.position
        assert (found.live, found.rebuilt, found.personal) == (9, 0, personal)


@pytest.mark.parametrize("column", ["email", "valid_until", "achievement_slug"])
def test_an_emptied_cell_is_found(world: World, tmp_path: Path, column: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"UPDATE wallet SET {column} = CASE WHEN {column} IS NULL THEN '2030-01-01' END WHERE rowid = 5")
    [found] = compare(world.feed, path)
    assert (found.table, found.column, found.personal) == ("wallet", column, True)


def test_a_cell_of_another_type_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, "UPDATE wallet SET learner_name = CAST(learner_name AS BLOB) WHERE rowid = 5")
    assert located(compare(world.feed, path)) == [("wallet", "learner_name")]


def test_a_whole_number_kept_as_another_kind_of_number_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, "UPDATE credential_status SET key = CAST(key AS REAL) WHERE rowid = 5")
    [found] = compare(world.feed, path)
    assert (found.table, found.column, found.live) == ("credential_status", "key", found.rebuilt)
    assert (type(found.live), type(found.rebuilt)) == (float, int)


@pytest.mark.parametrize("table", [each.name for each in TABLES])
def test_a_lost_row_is_found(world: World, tmp_path: Path, table: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"DELETE FROM {table} WHERE rowid = (SELECT MIN(rowid) FROM {table})")
    [found] = compare(world.feed, path)
    assert (found.table, found.column, found.live) == (table, ROW, None)


@pytest.mark.parametrize("table", [each.name for each in TABLES])
def test_a_moved_row_is_found_on_both_sides(world: World, tmp_path: Path, table: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"UPDATE {table} SET rowid = 900000 WHERE rowid = (SELECT MIN(rowid) FROM {table})")
    assert located(compare(world.feed, path)) == [(table, ROW), (table, ROW)]


def test_a_view_behind_the_log_is_compared_where_it_stands(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    world.issue("Later")
    assert compare(world.feed, path) == []


def test_a_view_ahead_of_the_log_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    world.feed.cut = 6
    tables = {each.table for each in compare(world.feed, path)}
    assert {"tracking", "credential_status", "wallet"} <= tables


def test_tracking_moved_on_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, "UPDATE tracking SET notification_id = 99 WHERE application_name = 'credential_status'")
    [found] = compare(world.feed, path)
    assert (found.table, found.live, found.rebuilt) == ("tracking", 99, len(world.forge.log))


def test_comparing_changes_and_makes_nothing(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    before = path.read_bytes()
    compare(world.feed, path)
    assert path.read_bytes() == before
    with pytest.raises(ViewStoreFailed):
        compare(world.feed, tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()


def test_a_file_whose_folder_takes_no_new_file_is_compared_with_its_write_ahead_log(
    world: World, tmp_path: Path
) -> None:
    path = live(world, tmp_path / "views.db")
    kept_open = sqlite3.connect(path)
    with kept_open:
        kept_open.execute("UPDATE wallet SET email = 'x' WHERE rowid = 5")  # lies in the write-ahead log alone
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("views.db", "views.db-wal"):
        (copy / name).write_bytes(path.with_name(name).read_bytes())
    kept_open.close()
    (copy / "views.db-shm").mkdir()  # SQLite cannot make its index here
    before = {each.name for each in copy.iterdir()}
    assert located(compare(world.feed, copy / "views.db")) == [("wallet", "email")]
    assert {each.name for each in copy.iterdir()} == before


def test_a_file_of_another_version_is_not_compared(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, "PRAGMA user_version = 9")
    with pytest.raises(ViewStoreFailed, match="version 9"):
        compare(world.feed, path)


# ---- as an audit calls it


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


def test_an_audit_finds_a_sound_view_sound(world: World, tmp_path: Path) -> None:
    source = ForgedSource(world)
    assert list(view_check(source, source.opened, live(world, tmp_path / "views.db"))()) == []


def test_an_audit_is_told_what_differs_where_the_award_was_issued_and_without_values(
    world: World, tmp_path: Path
) -> None:
    source, path = ForgedSource(world), live(world, tmp_path / "views.db")
    alter(
        path,
        "UPDATE wallet SET learner_name = 'Mallory' WHERE rowid = 5",
        "DELETE FROM credential_status WHERE rowid = 6",
        "UPDATE wallet_parked SET position = 77 WHERE position = 9",
    )
    problems = list(view_check(source, source.opened, path)())
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


def test_an_audit_hears_that_the_view_or_the_definitions_cannot_be_read(world: World, tmp_path: Path) -> None:
    source, path = ForgedSource(world), live(world, tmp_path / "views.db")
    source.broken = True
    [problem] = view_check(source, source.opened, path)()
    assert "could not be compared" in problem.reason
    source.broken = False
    path.write_bytes(b"no database at all, however long one reads on in it" * 100)
    [problem] = view_check(source, source.opened, path)()
    assert (problem.position, problem.check) == (len(world.forge.log) + 1, Check.VIEW)


def test_an_audit_lists_ten_differences_of_a_view_and_counts_the_rest(world: World, tmp_path: Path) -> None:
    source, path = ForgedSource(world), live(world, tmp_path / "views.db")
    alter(path, "UPDATE wallet SET learner_name = 'x', email = 'x', search = 'x'")
    *listed, last = view_check(source, source.opened, path)()
    assert len(listed) == 10
    assert last.reason.startswith("in the views, 2 more cells or rows differ; `testamur projections rebuild`")
    assert last.position == len(world.forge.log) + 1


def test_a_view_ahead_of_the_log_blames_no_entry(world: World, tmp_path: Path) -> None:
    source, path = ForgedSource(world), live(world, tmp_path / "views.db")
    alter(
        path,
        "UPDATE tracking SET notification_id = 99 WHERE application_name = 'credential_status'",
        "UPDATE credential_status SET revision = 9",
    )
    assert {each.position for each in view_check(source, source.opened, path)()} == {len(world.forge.log) + 1}
