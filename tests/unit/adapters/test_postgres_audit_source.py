"""The audit of a ledger in PostgreSQL: sound where its file is, and every change by its owner is found and located."""

import random
import re
from pathlib import Path

import psycopg
import pytest

from ledger.adapters.audit_workers import Database, no_parts, processes
from ledger.adapters.postgres.audit_source import copy_as_it_lies, open_copied_source
from ledger.adapters.postgres.connections import with_database
from ledger.adapters.postgres.copying import fill_from
from ledger.adapters.postgres.schema import STATEMENTS
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.sqlite.copying import SqliteCopies, reading_copy
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport, Check
from ledger.audit.source import AuditSource, CannotBeAudited
from ledger.audit.work import Workers
from ledger.testing.tampering import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A small ledger in a home, the log's key, and a checkpoint kept elsewhere."""
    return Bench(tmp_path_factory.mktemp("bench"), random.Random(4))


@pytest.fixture(scope="module")
def copy(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("copy") / "copy.db"
    SqliteCopies(bench.home.database, bench.home.vault).copy_to(path)
    return path


@pytest.fixture
def url(database_url: str, copy: Path) -> str:
    """The same ledger in PostgreSQL."""
    fill_from(database_url, copy)
    return database_url


def _tamper(url: str, *statements: str, parameters: tuple[object, ...] = ()) -> None:
    """Change it as somebody who owns the server can: no trigger is asked."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement, parameters)


def _audit(url: str, bench: Bench, *, kept: bool = True, jobs: int = 1) -> AuditReport:
    with open_copied_source(url) as source:
        if jobs == 1:
            return _judged(source, bench, kept, None)
        with processes(jobs, Database(path=source.path, opening=no_parts)) as several:
            return _judged(source, bench, kept, several)


def _judged(source: AuditSource, bench: Bench, kept: bool, workers: Workers | None) -> AuditReport:
    return audit(
        source,
        vkey=bench.vkey,
        kept_checkpoint=bench.kept if kept else None,
        own_checkpoint=None,
        opener=None,
        view_check=None,
        workers=workers,
        timer=lambda: 0.0,
    )


def _first(report: AuditReport) -> tuple[int, Check]:
    assert report.sound is False
    assert report.first_bad is not None
    return report.first_bad.position, report.first_bad.check


def _guards(report: AuditReport) -> str:
    return next((each.why for each in report.not_checked if each.what.startswith("guards")), "")


def test_an_untouched_ledger_is_as_sound_as_the_file_it_came_from_with_the_same_report(
    url: str, bench: Bench, copy: Path
) -> None:
    with open_audit_source(copy) as source:
        of_the_file = _judged(source, bench, True, None)
    assert of_the_file.sound
    assert _audit(url, bench) == of_the_file
    assert _audit(url, bench, jobs=2) == of_the_file
    assert _guards(of_the_file) == ""


def test_a_copy_as_it_lies_holds_every_row_and_constrains_none(url: str, copy: Path, tmp_path: Path) -> None:
    assert copy_as_it_lies(url, tmp_path / "lies.db") == []
    with reading_copy(copy) as made, reading_copy(tmp_path / "lies.db") as lies:
        tables = [name for (name,) in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert len(tables) == 14
        for table in tables:
            rows = [sorted(each.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for each in (made, lies)]
            assert rows[0] == rows[1]


@pytest.mark.parametrize("size", [1, 2, 9999])
def test_a_status_list_that_nobody_signed_is_found(url: str, bench: Bench, size: int) -> None:
    forged = "INSERT INTO ledger.status_credentials VALUES (%b, '2026-11-21T12:00:00.000Z', %s, %b)"
    _tamper(url, forged, parameters=(bytes(16), size, b"{}"))
    report = _audit(url, bench)
    assert [each.check for each in report.problems] == [Check.STATUS_LIST]


@pytest.mark.parametrize("position", [1, 2, 17, 40])
def test_a_byte_of_an_entry_that_was_changed_is_found_at_its_position(url: str, bench: Bench, position: int) -> None:
    raw = bytearray(bench.rows[position - 1][4])
    raw[len(raw) // 2] ^= 1
    changed = "UPDATE ledger.stored_events SET state = %s WHERE notification_id = %s"
    _tamper(url, changed, parameters=(bytes(raw), position))
    report = _audit(url, bench)
    assert _first(report)[0] == position
    assert _guards(report) == ""  # triggers that were passed by are all there


def test_a_tail_that_was_cut_off_is_found_with_a_checkpoint_kept_elsewhere(url: str, bench: Bench) -> None:
    left = bench.size - 3
    _tamper(
        url,
        f"DELETE FROM ledger.stored_events WHERE notification_id > {left}",
        f"DELETE FROM ledger.private_parts WHERE position > {left}",
        f"DELETE FROM ledger.checkpoints WHERE size > {left}",
        f"UPDATE ledger.log_head SET size = {left}",
    )
    assert _first(_audit(url, bench))[0] == left + 1


def test_a_tail_that_was_cut_off_beneath_its_head_is_found_without_one(url: str, bench: Bench) -> None:
    _tamper(url, f"DELETE FROM ledger.stored_events WHERE notification_id > {bench.size - 2}")
    assert _first(_audit(url, bench, kept=False))[0] == bench.size - 1


def test_two_entries_that_changed_places_are_found_at_the_first(url: str, bench: Bench) -> None:
    swap = "UPDATE ledger.stored_events SET notification_id = {} WHERE notification_id = {}"
    _tamper(url, swap.format(1000, 20), swap.format(20, 25), swap.format(25, 1000))
    assert _first(_audit(url, bench))[0] == 20


def test_a_gap_is_found_where_the_entry_is_missing(url: str, bench: Bench) -> None:
    _tamper(url, "DELETE FROM ledger.stored_events WHERE notification_id = 30")
    assert _first(_audit(url, bench, kept=False))[0] == 30


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_entries_at_one_position_arrive_both_and_are_found(url: str, bench: Bench, jobs: int) -> None:
    _tamper(
        url,
        "ALTER TABLE ledger.stored_events DROP CONSTRAINT stored_events_pkey",
        "INSERT INTO ledger.stored_events SELECT 12, gen_random_uuid(), originator_version, topic, state "
        "FROM ledger.stored_events WHERE notification_id = 12",
    )
    report = _audit(url, bench, jobs=jobs)
    assert _first(report)[0] == 12
    assert report.events == bench.size + 1
    assert "constraint PRIMARY KEY (notification_id) of stored_events" in _guards(report)


def test_an_entry_without_a_position_arrives_and_is_found(url: str, bench: Bench) -> None:
    _tamper(
        url,
        "ALTER TABLE ledger.stored_events DROP CONSTRAINT stored_events_pkey",
        "ALTER TABLE ledger.stored_events ALTER COLUMN notification_id DROP NOT NULL",
        "INSERT INTO ledger.stored_events SELECT NULL, gen_random_uuid(), originator_version, topic, state "
        "FROM ledger.stored_events WHERE notification_id = 12",
    )
    assert _first(_audit(url, bench))[1] is Check.POSITION
    with open_copied_source(url) as source:
        assert source.entry_count() == bench.size + 1


def test_a_doubled_private_part_a_second_head_and_a_changed_checkpoint_are_found(url: str, bench: Bench) -> None:
    _tamper(
        url,
        "ALTER TABLE ledger.private_parts DROP CONSTRAINT private_parts_pkey",
        "INSERT INTO ledger.private_parts SELECT * FROM ledger.private_parts WHERE position = 20",
    )
    assert _first(_audit(url, bench))[0] == 20
    _tamper(url, "DROP INDEX ledger.log_head_is_one_row", "INSERT INTO ledger.log_head SELECT * FROM ledger.log_head")
    report = _audit(url, bench)
    assert {problem.position for problem in report.problems} >= {20}
    assert len(report.problems) > 1
    assert "index log_head_is_one_row" in _guards(report)


def test_a_checkpoint_that_was_changed_is_found(url: str, bench: Bench) -> None:
    _tamper(url, "UPDATE ledger.checkpoints SET note = note || 'x'::bytea WHERE size = 9")
    assert _first(_audit(url, bench))[0] == 9


def test_every_guard_that_is_gone_is_named(url: str, bench: Bench) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in STATEMENTS:
            trigger = re.match(r"CREATE TRIGGER (\w+)[^;]*? ON (ledger\.\w+)", statement)
            if trigger is None:
                continue
            name, table = trigger.groups()
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
            assert _guards(_audit(url, bench)) == f"missing or changed: trigger {name}"
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
        connection.execute("ALTER TABLE ledger.stored_events DISABLE TRIGGER ALL")
        assert _guards(_audit(url, bench)).count("trigger stored_events") == 4
        connection.execute("ALTER TABLE ledger.stored_events ENABLE TRIGGER ALL")
        connection.execute(
            "CREATE OR REPLACE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
        )
        assert _guards(_audit(url, bench)) == "missing or changed: function refuse"
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE connamespace = 'ledger'::regnamespace AND contype <> 'n'"
        ).fetchall()
        assert len(constraints) == 17
        for table, name in constraints:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        assert _guards(_audit(url, bench)).count("constraint ") == 17


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["DROP TABLE ledger.stacks"], "has no table ledger.stacks"),
        (
            ["ALTER TABLE ledger.names RENAME TO hidden", "CREATE VIEW ledger.names AS SELECT * FROM ledger.hidden"],
            "has no table ledger.names",
        ),
        (["CREATE TABLE ledger.more() INHERITS (ledger.stored_events)"], "has no table ledger.stored_events"),
        (["ALTER TABLE ledger.names ENABLE ROW LEVEL SECURITY"], "has no table ledger.names"),
        (
            ["ALTER TABLE ledger.private_parts ALTER COLUMN position TYPE numeric"],
            "the column position of ledger.private_parts",
        ),
        (["DROP SCHEMA ledger CASCADE"], "has no table ledger.stored_events"),
    ],
)
def test_what_shows_other_rows_than_it_holds_is_not_audited(
    url: str, bench: Bench, statements: list[str], sentence: str
) -> None:
    _tamper(url, *statements)
    with pytest.raises(CannotBeAudited, match=sentence):
        _audit(url, bench)


def test_a_function_of_the_owner_does_not_speak_for_the_server(url: str, bench: Bench) -> None:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    _tamper(
        url,
        "CREATE SCHEMA liar",
        "CREATE FUNCTION liar.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass'",
        f"ALTER DATABASE {name} SET search_path = liar, pg_catalog",
    )
    assert _audit(url, bench).sound


def test_a_database_that_is_not_there_is_not_audited(database_url: str, bench: Bench) -> None:
    with pytest.raises(CannotBeAudited, match="cannot be reached"):
        _audit(with_database(database_url, "nowhere"), bench)


def test_a_copy_leaves_nothing_behind(url: str) -> None:
    with open_copied_source(url) as source:
        folder = source.path.parent
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
