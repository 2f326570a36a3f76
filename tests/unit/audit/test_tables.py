"""What stands beside the log: head, definitions, short names, status slots, short codes."""

import sqlite3
from pathlib import Path

import pytest

from ledger.audit.report import Check
from ledger.domain import events as ev
from ledger.testing.forge import Forge
from tests.unit.audit.forged_database import Database, did_of, put
from tests.unit.audit.test_rules import Scene


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("size", 26),
        ("size", 33),
        ("size", 0),
        ("size", None),
        ("size", "x"),
        ("at", "2026-11-21T14:00:00.000Z"),
        ("at", None),
    ],
)
def test_changed_head_is_a_problem(honest: Database, column: str, value: object) -> None:
    honest.loosen("log_head")
    honest.change(f"UPDATE log_head SET {column} = ?", value)
    report = honest.audit()
    assert [(each.position, each.check.value) for each in report.problems] == [(len(honest.forge.log) + 1, "head")]


@pytest.mark.parametrize("statement", ["DELETE FROM log_head", "INSERT INTO log_head SELECT * FROM log_head"])
def test_any_number_of_heads_but_one_is_a_problem(honest: Database, statement: str) -> None:
    honest.change(statement)
    report = honest.audit()
    assert [(each.position, each.check.value) for each in report.problems] == [(len(honest.forge.log) + 1, "head")]


def test_head_of_a_log_that_nobody_signed_is_judged_by_its_size_alone(tmp_path: Path) -> None:
    forge = Forge()
    database = put(forge, tmp_path / "ledger.db")
    database.change("UPDATE stored_events SET state = x'00'")
    assert {each.check.value for each in database.audit().problems} == {"entry", "root"}


# ------------------------------------------------------------------------------------------------------ definitions


def _digest_at(database: Database, position: int) -> bytes:
    event = database.forge.log[position - 1].recorded.event
    if isinstance(event, ev.IssuerRegistered):
        return event.profile
    assert isinstance(event, ev.IssuerProfileChanged | ev.AchievementDefined | ev.AchievementRevised)
    return event.digest


@pytest.mark.parametrize("position", [2, 4, 7, 16, 18])
def test_changed_definition_or_profile_is_located_where_it_was_first_named(honest: Database, position: int) -> None:
    digest = _digest_at(honest, position)
    honest.change("UPDATE definitions SET content = CAST(content || ' ' AS BLOB) WHERE digest = ?", digest)
    assert honest.first() == (position, "definition")


@pytest.mark.parametrize("position", [2, 7])
def test_missing_definition_or_profile_is_located(honest: Database, position: int) -> None:
    honest.change("DELETE FROM definitions WHERE digest = ?", _digest_at(honest, position))
    assert honest.first() == (position, "definition")


def test_definition_stored_as_text_is_located(honest: Database) -> None:
    honest.change("UPDATE definitions SET content = CAST(content AS TEXT) WHERE digest = ?", _digest_at(honest, 7))
    assert honest.first() == (7, "definition")


def test_definition_that_nobody_names_must_be_what_its_digest_says(honest: Database) -> None:
    honest.change("INSERT INTO definitions VALUES (?, x'7b7d')", bytes(32))
    assert honest.first() == (len(honest.forge.log) + 1, "definition")


def test_definition_that_nobody_names_and_nobody_changed_does_no_harm(honest: Database) -> None:
    digest = honest.forge.definition("Never defined")
    honest.change("INSERT INTO definitions VALUES (?, ?)", digest, honest.forge.definitions[digest])
    assert honest.first() is None


def test_profile_in_the_place_of_a_definition_cannot_be_read(tmp_path: Path) -> None:
    scene = Scene()
    digest = scene.forge.profile("college", description="Not a definition")
    stream = scene.forge.new_stream()
    defined = ev.AchievementDefined(digest=digest, version=1)
    database_of = scene.forge.append(defined, stream=stream, by=scene.college, key="college/signing")
    database = put_without_names(scene.forge, tmp_path / "ledger.db")
    report = database.audit()
    assert [(each.position, each.check.value) for each in report.problems] == [(database_of, "definition")]


def test_definition_in_the_place_of_a_profile_cannot_be_read(tmp_path: Path) -> None:
    scene = Scene()
    event = ev.IssuerProfileChanged(digest=scene.forge.definition("Not a profile"), version=2)
    scene.forge.append(event, stream=scene.forge.issuers[scene.college], by=scene.college, key="college/signing")
    assert put(scene.forge, tmp_path / "ledger.db").first() == (scene.next, "definition")


def put_without_names(forge: Forge, path: Path) -> Database:
    """The log in a database; an achievement whose definition cannot be read has no short name."""
    last = forge.log.pop()
    database = put(forge, path, checkpoints=[])
    forge.log.append(last)
    recorded = last.recorded
    row = (recorded.position, recorded.stream.hex, recorded.seq, last.type, last.entry)
    database.change("INSERT INTO stored_events VALUES (?,?,?,?,?)", *row)
    at = recorded.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    database.change("UPDATE log_head SET size = size + 1, at = ?", at)
    return database


# ------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("DELETE FROM names WHERE name = 'board'", 2),
        ("DELETE FROM names WHERE name = 'welding'", 7),
        ("UPDATE names SET name = 'welds' WHERE name = 'welding'", 7),
        ("UPDATE names SET stream = replace(stream, '8', '9') WHERE name = 'college'", 4),
        ("UPDATE names SET scope = 'issuers' WHERE name = 'college'", 4),
        ("INSERT INTO names VALUES ('issuer', 'nobody', '00')", 33),
        ("INSERT INTO names SELECT scope, 'alias', stream FROM names WHERE name = 'welding'", 7),
    ],
)
def test_changed_short_name_is_a_problem(honest: Database, statement: str, position: int) -> None:
    honest.change(statement)
    assert honest.first() == (position, "name")


# ------------------------------------------------------------------------------------------------------------- slots


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("DELETE FROM status_slots WHERE slot = 9", 10),
        ("UPDATE status_slots SET slot = 99 WHERE slot = 9", 10),
        ("UPDATE status_slots SET seq = 5 WHERE slot = 9", 10),
        ("UPDATE status_slots SET stream = 'x' WHERE slot = 9", 10),
        ("UPDATE status_slots SET list = x'00' WHERE slot = 9", 10),
        ("INSERT INTO status_slots VALUES (x'00', 7, 'x', 0)", 33),
        ("UPDATE status_lists SET used = used + 1", 33),
        ("UPDATE status_lists SET issuer = 'x'", 8),
        ("UPDATE status_lists SET list = x'00'", 8),
        ("DELETE FROM status_lists", 8),
        ("INSERT INTO status_lists VALUES (x'00', 'x', 0)", 33),
    ],
)
def test_changed_status_slot_or_list_is_a_problem(honest: Database, statement: str, position: int) -> None:
    honest.change(statement)
    assert honest.first() == (position, "slot")


def test_slot_held_twice_is_a_problem(honest: Database) -> None:
    honest.loosen("status_slots")
    honest.change("INSERT INTO status_slots SELECT * FROM status_slots WHERE slot = 9")
    assert honest.first() == (10, "slot")


def test_status_list_used_by_a_second_issuer_is_located(tmp_path: Path) -> None:
    scene = Scene()
    other = scene.forge.register("other")
    scene.forge.issue(other, scene.forge.award(scene.forge.define(other)))
    database = put(scene.forge, tmp_path / "ledger.db")
    assert [(each.position, each.check.value) for each in database.audit().problems] == [(9, "slot")]


def test_list_of_an_issuer_that_is_none_belongs_to_nobody(tmp_path: Path) -> None:
    forge = Forge()
    college = forge.register("college")
    ref = forge.define(college)
    forge.issue(college, forge.award(ref))
    database = put(forge, tmp_path / "ledger.db")
    database.change("UPDATE stored_events SET state = x'00' WHERE notification_id = 2")
    assert (5, "slot") in [(each.position, each.check.value) for each in database.audit().problems]
    assert did_of(forge, "college") == college


@pytest.mark.parametrize("statement", ["DELETE FROM short_codes", "INSERT INTO short_codes VALUES (x'00', 'x')"])
def test_another_number_of_short_codes_than_of_awards_is_a_problem(honest: Database, statement: str) -> None:
    honest.change(statement)
    assert honest.first() == (33, "short_code")


def test_an_index_that_leaves_an_entry_out_hides_nothing(honest: Database) -> None:
    honest.loosen("stored_events")
    honest.change(
        "CREATE INDEX by_stream ON stored_events(originator_id, originator_version) WHERE notification_id <> 9"
    )
    with sqlite3.connect(honest.path, isolation_level=None) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        whole = "CREATE INDEX by_stream ON stored_events(originator_id, originator_version)"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'by_stream'", (whole,))
    connection.close()
    report = honest.audit()
    # What is looked up by that index, for what the log states, is missed as well: nothing passes for it.
    places = {problem.position for problem in report.problems if problem.check is Check.DATABASE}
    assert places == {report.events + 1}
    assert {problem.check for problem in report.problems} <= {Check.DATABASE, Check.STATEMENT, Check.STATUS_LIST}
    assert "by_stream" in next(each.reason for each in report.problems if each.check is Check.DATABASE)
