"""What was changed in the file is found: each column in turn, rows added and lost, a view behind or ahead."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger.audit.report import Check
from ledger.audit.source import CannotBeAudited, Column, EntryRow, PartRow
from ledger.domain.types import Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from projections.cells import COLUMNS, ISSUER_COLUMNS, PARKED_COLUMNS
from projections.replay_check import ROW, Difference, compare, view_check
from projections.stores.sqlite import ViewStoreFailed
from tests.unit.projections.world import World, internal, live


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
    stream = world.issue("Parked")
    world.forge.suspend(stream)
    world.feed.hidden.add(world.forge.streams[stream][0])
    return world


def located(found: Sequence[Difference]) -> list[tuple[str, str]]:
    return [(each.table, each.column) for each in found]


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_one_changed_cell_of_a_row_is_found(world: World, tmp_path: Path, column: str) -> None:
    path = live(world, tmp_path / "views.db")
    middle = list(world.rows().values())[1]
    alter(path, f"UPDATE credentials SET {column} = '9' WHERE issued_position = {middle.issued_position}")
    [found] = compare(world.feed, path)
    assert (found.table, found.column, found.credential_id) == ("credentials", column, middle.credential_id)
    assert found.live != found.rebuilt
    assert found.position >= middle.position


@pytest.mark.parametrize("column", ["email", "valid_until", "achievement_slug"])
def test_an_emptied_cell_is_found(world: World, tmp_path: Path, column: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"UPDATE credentials SET {column} = CASE WHEN {column} IS NULL THEN '2030-01-01' END WHERE rowid = 5")
    assert located(compare(world.feed, path)) == [("credentials", column)]


def test_a_cell_of_another_type_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, "UPDATE credentials SET learner_name = CAST(learner_name AS BLOB) WHERE rowid = 5")
    assert located(compare(world.feed, path)) == [("credentials", "learner_name")]


@pytest.mark.parametrize(
    ("table", "column"),
    [*(("issuer_entries", each) for each in ISSUER_COLUMNS[1:]), *(("parked", each) for each in PARKED_COLUMNS[1:])],
)
def test_one_changed_cell_beside_the_rows_is_found(world: World, tmp_path: Path, table: str, column: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"UPDATE {table} SET {column} = '9' WHERE position = (SELECT MAX(position) FROM {table})")
    assert located(compare(world.feed, path)) == [(table, column)]


@pytest.mark.parametrize("table", ["credentials", "issuer_entries", "parked"])
def test_a_lost_row_is_found(world: World, tmp_path: Path, table: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"DELETE FROM {table} WHERE rowid = (SELECT MIN(rowid) FROM {table})")
    [found] = compare(world.feed, path)
    assert (found.table, found.column, found.live) == (table, ROW, None)


@pytest.mark.parametrize("table", ["credentials", "issuer_entries", "parked"])
def test_a_moved_row_is_found_on_both_sides(world: World, tmp_path: Path, table: str) -> None:
    path = live(world, tmp_path / "views.db")
    alter(path, f"UPDATE {table} SET rowid = 900 WHERE rowid = (SELECT MIN(rowid) FROM {table})")
    assert located(compare(world.feed, path)) == [(table, ROW), (table, ROW)]


def test_a_view_behind_the_log_is_compared_where_it_stands(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    world.issue("Later")
    assert compare(world.feed, path) == []


def test_a_view_ahead_of_the_log_is_found(world: World, tmp_path: Path) -> None:
    path = live(world, tmp_path / "views.db")
    world.feed.cut = 6
    tables = {each.table for each in compare(world.feed, path)}
    assert {"tracking", "credentials"} <= tables


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
        kept_open.execute("UPDATE credentials SET email = 'x' WHERE rowid = 5")  # lies in the write-ahead log alone
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("views.db", "views.db-wal"):
        (copy / name).write_bytes(path.with_name(name).read_bytes())
    kept_open.close()
    (copy / "views.db-shm").mkdir()  # SQLite cannot make its index here
    before = {each.name for each in copy.iterdir()}
    assert located(compare(world.feed, copy / "views.db")) == [("credentials", "email")]
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
            yield recorded.position, recorded.stream.hex, recorded.seq, sealed.type, sealed.entry

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
        "UPDATE credentials SET learner_name = 'Mallory' WHERE rowid = 5",
        "DELETE FROM credentials WHERE rowid = 6",
        "UPDATE parked SET position = 77 WHERE position = 9",
    )
    problems = list(view_check(source, source.opened, path)())
    assert {each.check for each in problems} == {Check.VIEW}
    beside = len(world.forge.log) + 1
    assert [each.position for each in problems] == [5, 6, beside, beside]
    assert all(
        each.reason.endswith("; views.db is rebuilt when it is deleted and the server starts") for each in problems
    )
    at, given = "whose last event stands at position", "is not what the events give"
    assert [each.reason.split(";")[0] for each in problems] == [
        f"in the view, learner_name of a row of credentials, {at} 5, {given}",
        f"in the view, a row of credentials, {at} 6, is missing",
        f"in the view, a row of parked, {at} 9, is missing",
        f"in the view, a row of parked, {at} 77, {given}",
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
    alter(path, "UPDATE credentials SET learner_name = 'x', email = 'x', search = 'x', achievement_name = 'x'")
    *listed, last = view_check(source, source.opened, path)()
    assert len(listed) == 10
    assert last.reason.startswith("in the view, 2 more cells or rows differ; views.db is rebuilt")
    assert last.position == len(world.forge.log) + 1


def test_a_view_ahead_of_the_log_blames_no_entry(world: World, tmp_path: Path) -> None:
    source, path = ForgedSource(world), live(world, tmp_path / "views.db")
    alter(
        path,
        "UPDATE tracking SET notification_id = 99 WHERE application_name = 'credential_status'",
        "UPDATE credentials SET email = 'x'",
    )
    assert {each.position for each in view_check(source, source.opened, path)()} == {len(world.forge.log) + 1}
