"""What a comparison does with the file; what it finds on every engine is in `tests/contracts`."""

import sqlite3
from pathlib import Path

import pytest

from ledger.audit.report import Check
from projections.replay_check import compare, view_check
from projections.stores.engine import ViewStoreFailed
from projections.views import SqliteViews
from tests.contracts.view_compare_contract import ForgedSource, changed_world, located
from tests.unit.projections.world import World, live


@pytest.fixture
def world() -> World:
    return changed_world()


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_cell_of_another_type_is_found(world: World, tmp_path: Path) -> None:
    place = live(world, tmp_path / "views.db")
    alter(place.path, "UPDATE wallet SET learner_name = CAST(learner_name AS BLOB) WHERE rowid = 5")
    assert located(compare(world.feed, place)) == [("wallet", "learner_name")]


def test_a_whole_number_kept_as_another_kind_of_number_is_found(world: World, tmp_path: Path) -> None:
    place = live(world, tmp_path / "views.db")
    alter(place.path, "UPDATE credential_status SET key = CAST(key AS REAL) WHERE rowid = 5")
    [found] = compare(world.feed, place)
    assert (found.table, found.column, found.live) == ("credential_status", "key", found.rebuilt)
    assert (type(found.live), type(found.rebuilt)) == (float, int)


def test_comparing_changes_and_makes_nothing(world: World, tmp_path: Path) -> None:
    place = live(world, tmp_path / "views.db")
    before = place.path.read_bytes()
    compare(world.feed, place)
    assert place.path.read_bytes() == before
    with pytest.raises(ViewStoreFailed):
        compare(world.feed, SqliteViews(tmp_path / "other.db"))
    assert not (tmp_path / "other.db").exists()


def test_a_file_whose_folder_takes_no_new_file_is_compared_with_its_write_ahead_log(
    world: World, tmp_path: Path
) -> None:
    place = live(world, tmp_path / "views.db")
    kept_open = sqlite3.connect(place.path)
    with kept_open:
        kept_open.execute("UPDATE wallet SET email = 'x' WHERE rowid = 5")  # lies in the write-ahead log alone
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("views.db", "views.db-wal"):
        (copy / name).write_bytes(place.path.with_name(name).read_bytes())
    kept_open.close()
    (copy / "views.db-shm").mkdir()  # SQLite cannot make its index here
    before = {each.name for each in copy.iterdir()}
    assert located(compare(world.feed, SqliteViews(copy / "views.db"))) == [("wallet", "email")]
    assert {each.name for each in copy.iterdir()} == before


def test_a_file_of_another_version_is_not_compared(world: World, tmp_path: Path) -> None:
    place = live(world, tmp_path / "views.db")
    alter(place.path, "PRAGMA user_version = 9")
    with pytest.raises(ViewStoreFailed, match="version 9"):
        compare(world.feed, place)


# ---- as an audit calls it


def test_an_audit_hears_that_the_view_or_the_definitions_cannot_be_read(world: World, tmp_path: Path) -> None:
    source, place = ForgedSource(world), live(world, tmp_path / "views.db")
    source.broken = True
    [problem] = view_check(source, source.opened, place)()
    assert "could not be compared" in problem.reason
    source.broken = False
    place.path.write_bytes(b"no database at all, however long one reads on in it" * 100)
    [problem] = view_check(source, source.opened, place)()
    assert (problem.position, problem.check) == (len(world.forge.log) + 1, Check.VIEW)
