"""What lies in PostgreSQL is copied into SQLite and back, whole, of one moment, and byte for byte the same."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ledger.adapters.engine import WrongSchema
from ledger.adapters.home import Home
from ledger.adapters.postgres.connections import with_database
from ledger.adapters.postgres.copies import PostgresCopies
from ledger.adapters.postgres.copying import TABLES, copy_to, fill_from
from ledger.adapters.sqlite import vault as vault_file
from ledger.adapters.sqlite.copying import SqliteCopies, contents, reading_copy
from ledger.adapters.sqlite.schema import SCHEMA_VERSION, create
from ledger.application.ports import StoreUnavailable
from ledger.testing import small_ledger

Tables = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A ledger with every type of event, in files; no table is empty."""
    home = small_ledger.make(tmp_path_factory.mktemp("small") / "home")
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        row = ("scope “\N{SNOWMAN}”", bytes(range(256)), b"", f"{7:032x}", 2**53, 3)
        connection.execute("INSERT INTO idempotency VALUES (?,?,?,?,?,?)", row)
        # A clock was set back: the later day was published before the earlier one.
        for size, day in ((2**52, "9999-12-31"), (2**53, "9999-12-30")):
            connection.execute("INSERT INTO published_days VALUES (?,?,?)", (size, day, b"\x00 note \xff"))
        for size, made_at in ((7, "2026-11-21T12:00:00.000Z"), (2**53, "2026-11-21T12:00:00.001Z")):
            signed = (bytes(range(16)), made_at, size, b"\x00 signed \xff")
            connection.execute("INSERT INTO status_credentials VALUES (?,?,?,?)", signed)
    return home


@pytest.fixture
def copy(home: Home, tmp_path: Path) -> Path:
    SqliteCopies(home.database, home.vault).copy_to(tmp_path / "copy.db")
    return tmp_path / "copy.db"


@pytest.fixture
def copies(database_url: str) -> PostgresCopies:
    return PostgresCopies(database_url, with_database(database_url, f"{_name(database_url)}_vault"))


def _name(url: str) -> str:
    with psycopg.connect(url) as connection:
        return connection.info.dbname


def _tables(path: Path) -> Tables:
    with reading_copy(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def _schema(path: Path) -> set[tuple[str, str]]:
    with reading_copy(path) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def test_the_tables_that_are_copied_are_those_of_both_schemas(database_url: str, copy: Path) -> None:
    expected = {table: [name for name, _ in columns] for table, columns in TABLES.items()}
    with reading_copy(copy) as connection:
        there = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        }
    assert there == expected
    fill_from(database_url, copy)
    with psycopg.connect(database_url) as postgres:
        rows = postgres.execute(
            "SELECT table_name, column_name, udt_name FROM information_schema.columns "
            "WHERE table_schema = 'ledger' AND table_name <> 'schema_version' ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    assert found == {table: [tuple(each) for each in columns] for table, columns in TABLES.items()}


def test_a_ledger_that_went_to_postgresql_and_back_is_the_same_in_every_byte(
    database_url: str, copy: Path, tmp_path: Path
) -> None:
    entries = len(_tables(copy)["stored_events"])
    assert entries > 50
    assert fill_from(database_url, copy) == entries
    back = tmp_path / "back.db"
    assert copy_to(database_url, back) == entries
    assert _tables(back) == _tables(copy)
    assert all(rows for name, rows in _tables(back).items()), "a table without rows proves nothing"
    assert contents(back) == contents(copy)
    assert _schema(back) == _schema(copy)
    assert back.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("back")] == ["back.db"]


def test_beside_a_writer_a_copy_is_of_one_moment(database_url: str, tmp_path: Path) -> None:
    create(tmp_path / "empty.db")
    fill_from(database_url, tmp_path / "empty.db")
    stop, begun = threading.Event(), threading.Event()

    def append() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                with connection.transaction():
                    connection.execute("UPDATE ledger.log_head SET size = %s", (number,))
                    connection.execute(
                        "INSERT INTO ledger.stored_events VALUES (%s, gen_random_uuid(), 0, 'x', %s)",
                        (number, b"entry %d" % number),
                    )
                if number == 50:
                    begun.set()

    writer = threading.Thread(target=append)
    writer.start()
    try:
        assert begun.wait(30)
        sizes: list[int] = []
        deadline = time.monotonic() + 30
        while len(sizes) < 5 or (sizes[0] == sizes[-1] and time.monotonic() < deadline):
            number = len(sizes)
            sizes.append(copy_to(database_url, tmp_path / f"{number}.db"))
            assert contents(tmp_path / f"{number}.db").tree.size == sizes[-1]  # dense, and as the head says
    finally:
        stop.set()
        writer.join()
    assert sizes == sorted(sizes)
    assert 50 <= sizes[0] < sizes[-1]


def test_nothing_is_written_over_a_ledger_and_a_ledger_appears_whole_or_not_at_all(
    database_url: str, copies: PostgresCopies, copy: Path
) -> None:
    copies.check_free("ledger")
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        triggers = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE log_head SET size = size + 1")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with pytest.raises(StoreUnavailable, match="at the head of the log"):
            fill_from(database_url, copy)
        copies.check_free("ledger")
        connection.execute("UPDATE log_head SET size = size - 1")
        for (trigger,) in triggers:
            connection.execute(trigger)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copies.fill_from(copy)
    with pytest.raises(WrongSchema, match="holds a ledger already"):
        copies.check_free("ledger")
    with pytest.raises(WrongSchema, match="already holds a ledger"):
        copies.fill_from(copy)


def test_a_copy_that_cannot_be_taken_leaves_no_file(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(WrongSchema, match="holds no ledger"):
        copy_to(database_url, tmp_path / "copy.db")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        copy_to(with_database(database_url, "nowhere"), tmp_path / "copy.db")
    (tmp_path / "there").write_bytes(b"kept")
    with pytest.raises(StoreUnavailable, match="File exists"):
        copy_to(database_url, tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_ledger_that_no_ledger_is_gets_no_backup(database_url: str, copy: Path, tmp_path: Path) -> None:
    fill_from(database_url, copy)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE ledger.names DROP CONSTRAINT names_pkey")
        connection.execute("INSERT INTO ledger.names SELECT * FROM ledger.names")
    with pytest.raises(WrongSchema, match=r"holds what no ledger does.*audit it"):
        copy_to(database_url, tmp_path / "back.db")
    assert not (tmp_path / "back.db").exists()


def test_views_of_a_lost_ledger_do_not_outlive_it(database_url: str, copy: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA views")
        connection.execute("CREATE TABLE views.ahead(position bigint)")
        connection.execute("CREATE TABLE views.version(number bigint)")
        connection.execute("INSERT INTO views.version VALUES (1)")
        connection.execute("CREATE TABLE views.generations(view text, in_use bigint, newest bigint)")
    fill_from(database_url, copy)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('views.ahead')").fetchone() == (None,)


def test_a_schema_of_that_name_that_is_somebody_elses_is_not_removed_by_a_restore(
    database_url: str, copy: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA views")
        connection.execute("CREATE TABLE views.sales(amount bigint)")
    with pytest.raises(WrongSchema, match=r"schema “views” .* not made by this program: rename it"):
        fill_from(database_url, copy)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('views.sales') IS NOT NULL").fetchone() == (True,)
        assert connection.execute("SELECT to_regnamespace('ledger') IS NULL").fetchone() == (True,)


def test_an_older_ledger_is_brought_forward_on_its_way(copies: PostgresCopies, copy: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("DROP TABLE published_days")
        connection.execute("DROP TABLE status_credentials")
        connection.execute("DROP INDEX log_entries")
        connection.execute("DROP TABLE stacks")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    entries = contents(copy).tree.size
    assert copies.fill_from(copy) == entries
    assert copies.copy_to(tmp_path / "back.db") == entries
    assert contents(tmp_path / "back.db").schema_version == SCHEMA_VERSION


def test_a_vault_goes_to_postgresql_and_back(copies: PostgresCopies, home: Home, tmp_path: Path) -> None:
    keys = SqliteCopies(home.database, home.vault).copy_vault_to(tmp_path / "vault.db")
    assert keys > 10
    copies.check_free("vault")  # its database is not even there
    assert copies.fill_vault_from(tmp_path / "vault.db") == keys
    assert copies.copy_vault_to(tmp_path / "back.db") == keys
    assert _tables(tmp_path / "back.db") == _tables(tmp_path / "vault.db")
    with pytest.raises(WrongSchema, match="holds a vault already"):
        copies.check_free("vault")
    with pytest.raises(WrongSchema, match="holds a vault already"):
        copies.fill_vault_from(tmp_path / "vault.db")


def test_an_empty_vault_is_copied_too(copies: PostgresCopies, tmp_path: Path) -> None:
    vault_file.create(tmp_path / "vault.db", b"\x01" * 40)
    assert copies.fill_vault_from(tmp_path / "vault.db") == 0
    assert copies.copy_vault_to(tmp_path / "back.db") == 0
    assert _tables(tmp_path / "back.db") == _tables(tmp_path / "vault.db")
