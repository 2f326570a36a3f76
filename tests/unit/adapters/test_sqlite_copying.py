"""A copy of a database is of one moment, whoever writes meanwhile, and lies in one file."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.adapters.sqlite.copying import SqliteCopies, contents, copy_to, fill_from, refuse_what_runs
from ledger.adapters.sqlite.schema import SCHEMA_VERSION, WrongSchema, create, prepare
from ledger.application.ports import StoreUnavailable
from ledger.tlog.merkle import CompactRange, leaf_hash

# Appends entry after entry, each in a commit of its own, until it is told to stop.
_WRITER = """
import sqlite3, sys, uuid
from ledger.adapters.sqlite.schema import prepare
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
prepare(connection)
connection.execute("PRAGMA synchronous = OFF")
number = 0
while True:
    number += 1
    connection.execute("BEGIN IMMEDIATE")
    row = (number, uuid.uuid4().hex, b"%d " % number * 100)
    connection.execute("INSERT INTO stored_events VALUES (?,?,0,'x',?)", row)
    connection.execute("UPDATE log_head SET size = ?", (number,))
    connection.execute("COMMIT")
    if number == 300:
        print("begun", flush=True)
"""


@contextmanager
def _written(path: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "begun\n"
            yield
        finally:
            writer.kill()


def _size(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT size FROM log_head").fetchone()[0])


def _filled(path: Path, entries: int) -> None:
    create(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for number in range(1, entries + 1):
            row = (number, f"{number:032x}", 0, "x", b"entry %d" % number)
            connection.execute("INSERT INTO stored_events VALUES (?,?,?,?,?)", row)
        connection.execute("UPDATE log_head SET size = ?", (entries,))
        connection.execute("COMMIT")


def _tree(entries: int) -> CompactRange:
    return CompactRange.empty().extended(leaf_hash(b"entry %d" % number) for number in range(1, entries + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_beside_a_writer_that_never_rests_each_copy_is_whole_and_of_one_moment(path: Path, tmp_path: Path) -> None:
    create(path)
    with _written(path):
        for number in range(10):
            copy = tmp_path / f"copy-{number}.db"
            before = _size(path)
            size = copy_to(path, copy)
            after = _size(path)
            held = contents(copy)
            assert before <= size <= after
            assert held.tree.size == size  # dense, and as the head says
        deadline = time.monotonic() + 30
        while _size(path) <= 300 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert _size(path) > 300
    assert not list(tmp_path.glob("copy-*-wal"))


def test_a_commit_that_lies_in_the_write_ahead_log_alone_is_in_the_copy(path: Path, tmp_path: Path) -> None:
    create(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection)
        connection.execute("INSERT INTO stored_events VALUES (1,?,0,'x',x'00')", (f"{1:032x}",))
        connection.execute("UPDATE log_head SET size = 1")
        assert path.with_name("ledger.db-wal").stat().st_size
        assert copy_to(path, tmp_path / "copy.db") == 1
    copy = tmp_path / "copy.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        prepare(connection)  # a ledger as any other: write-ahead log, full synchronisation
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_nothing_is_written_over_a_file_and_a_copy_that_fails_leaves_none(path: Path, tmp_path: Path) -> None:
    _filled(path, 3)
    (tmp_path / "there").write_bytes(b"kept")
    with pytest.raises(StoreUnavailable, match="File exists"):
        copy_to(path, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"kept"
    with pytest.raises(StoreUnavailable, match="there is no database"):
        copy_to(tmp_path / "none.db", tmp_path / "copy.db")
    (tmp_path / "text.db").write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(StoreUnavailable, match="cannot be copied"):
        copy_to(tmp_path / "text.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_the_contents_of_a_copy_are_its_tree_and_that_of_its_beginning(path: Path) -> None:
    _filled(path, 21)
    for before in (0, 1, 13, 21):
        held = contents(path, before=before)
        assert (held.schema_version, held.first) == (SCHEMA_VERSION, b"entry 1")
        assert held.tree == _tree(21)
        assert held.before == _tree(before)
    assert contents(path, before=22).before is None


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM stored_events WHERE notification_id = 2",
        "DELETE FROM stored_events WHERE notification_id = 5",
        "UPDATE stored_events SET notification_id = 9 WHERE notification_id = 5",
        "UPDATE stored_events SET state = 'text' WHERE notification_id = 3",
        "UPDATE log_head SET size = 4",
        "DELETE FROM log_head",
    ],
)
def test_contents_that_are_no_dense_log_are_refused(path: Path, change: str) -> None:
    _filled(path, 5)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(WrongSchema, match="audit it"):
        contents(path)


def test_contents_of_what_is_no_ledger_are_refused(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(WrongSchema, match="is not a ledger's database"):
        contents(path)
    path.write_bytes(os.urandom(9_000))
    with pytest.raises(WrongSchema, match="cannot be read as a ledger's database"):
        contents(path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW names2 AS SELECT * FROM names",
        "CREATE TRIGGER quiet BEFORE INSERT ON names BEGIN DELETE FROM names; END",
        "CREATE VIRTUAL TABLE search USING fts5(word)",
    ],
)
def test_a_database_that_does_more_than_hold_rows_is_refused(path: Path, statement: str) -> None:
    create(path)
    refuse_what_runs(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(WrongSchema, match="which no ledger has"):
        refuse_what_runs(path)


def test_a_ledger_made_from_a_copy_is_the_same_and_replaces_none(path: Path, tmp_path: Path) -> None:
    _filled(path, 4)
    target = tmp_path / "new" / "ledger.db"
    target.parent.mkdir()
    assert fill_from(target, path) == 4
    assert contents(target) == contents(path)
    assert [each.name for each in target.parent.iterdir()] == ["ledger.db"]
    with pytest.raises(WrongSchema, match="nothing is written over it"):
        fill_from(target, path)


def test_a_write_ahead_log_of_a_lost_ledger_is_not_taken_for_the_new_ones(path: Path, tmp_path: Path) -> None:
    _filled(path, 4)
    target = tmp_path / "new" / "ledger.db"
    target.parent.mkdir()
    log = target.with_name("ledger.db-wal")
    log.write_bytes(b"the last commits")
    with pytest.raises(WrongSchema, match="it may be needed"):
        SqliteCopies(target, target.with_name("vault.db")).check_free("ledger")
    with pytest.raises(WrongSchema, match="it may be needed"):
        fill_from(target, path)
    assert [each.name for each in target.parent.iterdir()] == ["ledger.db-wal"]
    log.write_bytes(b"")
    target.with_name("ledger.db-shm").write_bytes(b"an index of nothing")
    assert fill_from(target, path) == 4
    assert [each.name for each in target.parent.iterdir()] == ["ledger.db"]
