"""An older schema is brought forward in one transaction, or not at all; a newer one is left alone."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.migrations import migrate
from ledger.adapters.sqlite.schema import SCHEMA_VERSION, WrongSchema, create, prepare
from ledger.application.ports import SignedCheckpoint, StoreUnavailable
from tests.contracts.scribe import Scribe

_DATA = Path(__file__).parents[2] / "data"


def make_version(number: int, path: Path) -> None:
    """An empty ledger as the program of that version made it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((_DATA / f"ledger-schema-{number}.sql").read_text("utf-8"))
        connection.execute("INSERT INTO log_head VALUES (0, '1970-01-01T00:00:00.000Z')")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    make_version(1, path)
    return path


def _schema(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        return {(kind, name, " ".join((sql or "").split())) for kind, name, sql in rows}


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("number", range(1, SCHEMA_VERSION))
def test_an_older_ledger_has_after_migrating_the_schema_of_a_new_one(tmp_path: Path, number: int) -> None:
    old = tmp_path / "ledger.db"
    make_version(number, old)
    create(tmp_path / "new.db")
    assert migrate(old) == (number, SCHEMA_VERSION)
    assert _schema(old) == _schema(tmp_path / "new.db")
    assert _version(old) == _version(tmp_path / "new.db") == SCHEMA_VERSION


def test_what_an_older_ledger_holds_is_the_same_after_migrating_and_what_it_lacked_works(tmp_path: Path) -> None:
    old, scribe = tmp_path / "ledger.db", Scribe()
    make_version(2, old)
    log = scribe.log(1)
    entries = [log[0], scribe.entry(2, 0), *log[1:]]
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        for index, each in enumerate(entries):
            row = (index + 1, each.recorded.stream.hex, each.recorded.seq, each.type, each.entry)
            connection.execute("INSERT INTO stored_events VALUES (?,?,?,?,?)", row)
        connection.execute("UPDATE log_head SET size = ?, at = '2026-11-21T12:00:00.000Z'", (len(entries),))
        connection.execute("INSERT INTO checkpoints VALUES (3, x'6e6f7465', x'01')")
    assert migrate(old) == (2, SCHEMA_VERSION)
    with closing(SqliteLedger(old)) as store:
        store.save_published("2026-11-21", 3, b"note")
        with store.snapshot() as snapshot:
            assert [each.raw for each in snapshot.entries(0, 9)] == [each.entry for each in entries]
            assert [each.position for each in snapshot.log_entries()] == [1, 4, 5]
            assert snapshot.checkpoint() == SignedCheckpoint(size=3, note=b"note", compact_range=b"\x01")
            assert (snapshot.published(), snapshot.days()) == (b"note", [("2026-11-21", b"note")])


def test_a_version_1_that_was_made_with_the_later_triggers_is_migrated_too(old: Path, tmp_path: Path) -> None:
    create(tmp_path / "new.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as new, closing(sqlite3.connect(old)) as connection:
        for name in ("stored_events_are_not_replaced", "checkpoints_are_only_added"):
            connection.execute(new.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0])
    assert migrate(old) == (1, SCHEMA_VERSION)
    assert _schema(old) == _schema(tmp_path / "new.db")


def test_migrating_again_changes_nothing(old: Path) -> None:
    migrate(old)
    before = old.read_bytes()
    assert migrate(old) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert old.read_bytes()[96:] == before[96:]  # but for the counter of changes at the end of the header


def test_an_older_schema_is_not_opened_and_the_refusal_names_the_command(old: Path) -> None:
    with pytest.raises(
        WrongSchema, match=rf"schema version 1.* works with {SCHEMA_VERSION}: .*backup.*`testamur migrate`"
    ):
        SqliteLedger(old)


_NEWER = f"schema version 7, and this program knows {SCHEMA_VERSION}: install the newer"


def test_a_newer_schema_is_neither_opened_nor_migrated(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    create(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
        with pytest.raises(WrongSchema, match=_NEWER):
            prepare(connection)
    with pytest.raises(WrongSchema, match=_NEWER):
        migrate(path)
    assert _version(path) == 7


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to be taken for one" * 20])
def test_what_is_no_ledger_is_not_migrated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    with pytest.raises(WrongSchema, match="there is no ledger database"):
        migrate(path)
    assert not path.exists()
    path.write_bytes(content)
    with pytest.raises(WrongSchema, match="is not a ledger database"):
        migrate(path)
    assert path.read_bytes() == content


def test_a_migration_that_fails_half_way_leaves_the_old_version(old: Path) -> None:
    before = _schema(old)
    with pytest.raises(StoreUnavailable, match="is as it was"):
        migrate(old, migrations={1: ("CREATE TABLE half(way)", "CREATE TABLE half(again)")})
    assert (_schema(old), _version(old)) == (before, 1)


# Says when the first statement is done, then waits to be killed, or goes on when told to.
_KILLED = """
import sys
from pathlib import Path
from ledger.adapters.sqlite.migrations import MIGRATIONS, migrate

def steps(statements):
    first, *others = statements
    yield first
    yield "CREATE TABLE passing(number)"
    yield "INSERT INTO passing VALUES (1)"
    for _ in range(18):
        yield "INSERT INTO passing SELECT number FROM passing"
    print("half way", flush=True)
    sys.stdin.readline()
    yield "DROP TABLE passing"
    yield from others

print(migrate(Path(sys.argv[1]), migrations={**MIGRATIONS, 1: steps(MIGRATIONS[1])}))
"""


def _migrating(path: Path) -> "subprocess.Popen[str]":
    program = [sys.executable, "-c", _KILLED, str(path)]
    running = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "half way\n"
    return running


def test_killed_in_the_middle_of_migrating_the_old_version_stands_and_can_be_migrated(old: Path) -> None:
    before = _schema(old)
    with _migrating(old) as running:
        running.send_signal(signal.SIGKILL)
        assert running.wait(30) == -signal.SIGKILL
    assert (_schema(old), _version(old)) == (before, 1)
    assert migrate(old) == (1, SCHEMA_VERSION)


def test_killed_after_migrating_the_new_version_stands(old: Path, tmp_path: Path) -> None:
    create(tmp_path / "new.db")
    with _migrating(old) as running:
        assert running.communicate("go on\n", 30)[0] == f"(1, {SCHEMA_VERSION})\n"
    assert (_schema(old), _version(old)) == (_schema(tmp_path / "new.db"), SCHEMA_VERSION)
