"""The audit as a whole: a sound log, tampering with rows, keys and checkpoints, and what it says it could not check."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.audit.report import MOST_PROBLEMS, AuditReport, Check, NotChecked, Problem, to_json
from ledger.audit.source import CannotBeAudited
from ledger.domain.codes import stream_id
from ledger.record.encoding import to_text
from ledger.testing.forge import Forge, How
from ledger.tlog.note import VerifierKey
from tests.unit.audit.forged_database import Database, everything, open_fake_box, place_of, put, put_everything

GUARDS = "guards against accidental change"
SIZE = len(everything().log)


def bound(report: AuditReport) -> list[NotChecked]:
    """What was not checked of all that the log binds."""
    return [each for each in report.not_checked if each.what not in ("digests of short codes", GUARDS)]


def test_honest_log_is_sound_and_nothing_is_left_unchecked(honest: Database) -> None:
    report = honest.audit(own=honest.forge.checkpoint(20))
    assert (report.sound, report.problems, bound(report)) == (True, (), [])
    assert (report.events, report.size, report.first_bad) == (SIZE, SIZE, None)
    assert report.checkpoint is not None
    assert (report.checkpoint.source, report.checkpoint.size) == ("kept", SIZE)
    assert report.root == report.checkpoint.root


def test_checkpoint_of_the_home_judges_where_none_was_kept(honest: Database) -> None:
    judge = honest.audit(kept=None, own=honest.forge.checkpoint(20)).checkpoint
    assert judge is not None
    assert (judge.source, judge.size) == ("home", 20)


def test_last_checkpoint_in_the_database_judges_where_there_is_no_other(honest: Database) -> None:
    judge = honest.audit(kept=None).checkpoint
    assert judge is not None
    assert (judge.source, judge.size) == ("database", SIZE)


def test_no_checkpoint_anywhere_leaves_no_judge(honest: Database) -> None:
    honest.change("DELETE FROM checkpoints")
    report = honest.audit(kept=None)
    assert report.sound
    assert report.checkpoint is None
    assert to_json(report)["checkpoint"] is None


# --------------------------------------------------------------------------------------------------- what was not given


def test_without_a_kept_checkpoint_the_cut_tail_is_said_not_to_be_noticed(honest: Database) -> None:
    (left,) = bound(honest.audit(kept=None))
    assert (left.what, left.count) == ("whether the log goes on", 1)
    assert "cut off" in left.why


def test_entries_beyond_the_kept_checkpoint_are_counted(honest: Database) -> None:
    (left,) = bound(honest.audit(kept=honest.forge.checkpoint(SIZE - 3)))
    assert (left.what, left.count) == ("whether the newest entries may change", 3)


def test_without_a_key_the_databases_own_is_believed_and_that_is_said(honest: Database) -> None:
    report = honest.audit(vkey=None)
    assert report.sound
    assert [left.what for left in bound(report)] == ["whether this is the log it claims to be"]


def test_without_an_opener_the_private_parts_are_counted(honest: Database) -> None:
    (left,) = bound(honest.audit(opener=None))
    count = sqlite3.connect(honest.path).execute("SELECT COUNT(*) FROM private_parts").fetchone()[0]
    assert (left.what, left.count) == ("private parts", count)


def test_without_a_view_check_the_views_are_not_checked(honest: Database) -> None:
    (left,) = bound(honest.audit(views=None))
    assert left == NotChecked(what="views", count=1, why=left.why)


def test_problem_of_a_view_is_a_problem_of_the_audit(honest: Database) -> None:
    problem = Problem(position=8, stream="s", seq=0, check=Check.VIEW, reason="the view differs")
    report = honest.audit(views=lambda: [problem])
    assert report.problems == (problem,)
    assert not report.sound


# ------------------------------------------------------------------------------------------- rows of the database


@pytest.mark.parametrize("position", [1, 2, 7, 8, 13, SIZE])
@pytest.mark.parametrize("place", [0, 40, -2])
def test_flipped_byte_of_an_entry_is_located(honest: Database, position: int, place: int) -> None:
    raw = bytearray(honest.forge.log[position - 1].entry)
    raw[place] ^= 1
    honest.change("UPDATE stored_events SET state = ? WHERE notification_id = ?", bytes(raw), position)
    first = honest.first()
    assert first is not None
    assert first[0] == position


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("originator_id", "0" * 32),
        ("originator_id", b"0" * 32),
        ("originator_version", 77),
        ("originator_version", "zero"),
        ("originator_version", None),
        ("topic", "credential.revoked/1"),
        ("topic", None),
        ("state", "text"),
        ("state", None),
        ("state", 7.5),
    ],
)
def test_changed_column_is_located(honest: Database, column: str, value: object) -> None:
    honest.loosen("stored_events")
    honest.change(f"UPDATE stored_events SET {column} = ? WHERE notification_id = 9", value)
    assert honest.first() == (9, "columns")


def test_seq_stored_as_another_type_is_a_problem(honest: Database) -> None:
    honest.loosen("stored_events")
    honest.change("UPDATE stored_events SET originator_version = 0.0 WHERE notification_id = 9")
    assert honest.first() == (9, "columns")


@pytest.mark.parametrize("position", [1, 5, SIZE])
def test_position_moved_away_is_located(honest: Database, position: int) -> None:
    honest.change("UPDATE stored_events SET notification_id = 1009 WHERE notification_id = ?", position)
    first = honest.first()
    assert first is not None
    assert first[0] == position


@pytest.mark.parametrize("elsewhere", [-3, 0, None, "nine", 9.5, b"9"])
def test_row_at_no_position_is_located_where_it_is_missing(honest: Database, elsewhere: object) -> None:
    honest.loosen("stored_events")
    honest.change("UPDATE stored_events SET notification_id = ? WHERE notification_id = 9", elsewhere)
    report = honest.audit()
    assert place_of(report) == (9, "position")
    assert any(problem.position == SIZE and problem.check is Check.POSITION for problem in report.problems)


def test_only_a_row_at_no_position_added_is_a_problem(honest: Database) -> None:
    honest.change("INSERT INTO stored_events SELECT 0, ?, 0, topic, state FROM stored_events LIMIT 1", "f" * 32)
    assert honest.first() == (SIZE + 1, "position")


def test_two_rows_at_one_position_are_a_problem(honest: Database) -> None:
    honest.loosen("stored_events")
    honest.change("INSERT INTO stored_events SELECT * FROM stored_events WHERE notification_id = 9")
    report = honest.audit()
    assert report.first_bad is not None
    assert (report.first_bad.position, report.events) == (9, SIZE + 1)
    assert any(problem.check is Check.POSITION for problem in report.problems)
    assert any(problem.check is Check.SEQ for problem in report.problems)


@pytest.mark.parametrize("position", range(1, SIZE))
def test_adjacent_entries_exchanged_are_located(honest: Database, position: int) -> None:
    honest.change("DROP TABLE private_parts")
    honest.change("CREATE TABLE private_parts(position, part, key_id, box)")
    honest.change("UPDATE stored_events SET notification_id = -1 WHERE notification_id = ?", position)
    honest.change("UPDATE stored_events SET notification_id = ? WHERE notification_id = ?", position, position + 1)
    honest.change("UPDATE stored_events SET notification_id = ? WHERE notification_id = -1", position + 1)
    roots = [each for each in honest.audit(opener=None).problems if each.check is Check.ROOT]
    assert {each.position for each in roots} == {position}


@pytest.mark.parametrize("position", [1, 2, 8, 22, SIZE])
def test_deleted_entry_with_positions_and_head_corrected_is_located(honest: Database, position: int) -> None:
    honest.change("DELETE FROM stored_events WHERE notification_id = ?", position)
    honest.change("UPDATE stored_events SET notification_id = -notification_id WHERE notification_id > ?", position)
    honest.change("UPDATE stored_events SET notification_id = -notification_id - 1 WHERE notification_id < 0")
    latest = "2026-11-21T14:00:25.000Z" if position == SIZE else "2026-11-21T14:00:26.000Z"
    honest.change("UPDATE log_head SET size = ?, at = ?", SIZE - 1, latest)
    first = honest.first()
    assert first is not None
    assert first[0] == position


def test_unsigned_entry_is_located_and_states_nothing(tmp_path: Path) -> None:
    forge = Forge()
    college = forge.register("college")
    forge.add_key(college, "college/next", how=How(key="thief", named="college/root"))
    ref = forge.define(college)
    forge.issue(college, forge.award(ref), how=How(key="college/next"))
    report = put(forge, tmp_path / "ledger.db").audit()
    assert [(each.position, each.check.value) for each in report.problems] == [(4, "signature"), (6, "signer")]


# ---------------------------------------------------------------------------------------------- the log's beginning


def test_log_without_entries_is_unsound(honest: Database) -> None:
    for table in ("stored_events", "checkpoints", "private_parts", "definitions", "names", "status_slots"):
        honest.change(f"DELETE FROM {table}")
    honest.change("UPDATE log_head SET size = 0, at = '1970-01-01T00:00:00.000Z'")
    report = honest.audit(vkey=None)
    assert place_of(report) == (1, "log")
    assert report.problem_count == 1
    assert "the kept checkpoint" in [left.what for left in report.not_checked]


def test_log_that_begins_with_something_else_is_unsound_and_says_what_it_left_out(honest: Database) -> None:
    honest.change("DELETE FROM stored_events WHERE notification_id = 1")
    report = honest.audit(vkey=None, own=honest.forge.checkpoint(3))
    assert place_of(report) == (1, "log")
    assert "signers, chains, rules and private parts" in [left.what for left in report.not_checked]


def test_log_started_signed_by_another_key_names_nobody(tmp_path: Path) -> None:
    forge = Forge(how=How(key="thief", named="operator"))
    forge.register("college")
    report = put(forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (1, "signature")
    assert "signers, chains, rules and private parts" in [left.what for left in report.not_checked]


@pytest.mark.parametrize("state", ["text", b"not an entry"])
def test_first_entry_that_is_none_is_located(honest: Database, state: object) -> None:
    honest.loosen("stored_events")
    honest.change("UPDATE stored_events SET state = ? WHERE notification_id = 1", state)
    first = honest.first()
    assert first is not None
    assert first[0] == 1


def test_another_log_than_that_of_the_key_is_unsound(honest: Database) -> None:
    other = VerifierKey.of("other.example/log", honest.vkey.public_key)
    assert honest.first(vkey=other, kept=None) == (1, "log")


# ---------------------------------------------------------------------------------------------------- checkpoints


def test_cut_tail_is_found_by_the_kept_checkpoint_which_is_named(honest: Database) -> None:
    _cut(honest, SIZE - 3)
    first = honest.audit().first_bad
    assert first is not None
    assert (first.position, first.check) == (SIZE - 2, Check.CHECKPOINT)
    assert f"checkpoint of size {SIZE} is ahead of the store, which ends at {SIZE - 3}" in first.reason


def test_cut_tail_is_found_by_the_checkpoint_of_the_home(honest: Database) -> None:
    _cut(honest, SIZE - 1)
    first = honest.audit(kept=None, own=honest.forge.checkpoint()).first_bad
    assert first is not None
    assert (first.position, first.check) == (SIZE, Check.CHECKPOINT)


def test_cut_tail_is_found_by_a_checkpoint_left_in_the_database(honest: Database) -> None:
    _cut(honest, SIZE - 3, checkpoints=False)
    report = honest.audit(kept=None)
    assert place_of(report) == (SIZE - 2, "checkpoint")
    ahead = [problem for problem in report.problems if "ahead" in problem.reason]
    assert len(ahead) == 1


def _cut(database: Database, size: int, *, checkpoints: bool = True) -> None:
    """What an attacker does who knows the tables, apart from those that he forgets."""
    database.change("DELETE FROM stored_events WHERE notification_id > ?", size)
    at = database.forge.log[size - 1].recorded.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    database.change("UPDATE log_head SET size = ?, at = ?", size, at)
    if checkpoints:
        database.change("DELETE FROM checkpoints WHERE size > ?", size)


@pytest.mark.parametrize("source", ["kept", "own"])
def test_given_checkpoint_with_another_root_is_a_problem_with_its_range(honest: Database, source: str) -> None:
    fork = everything()
    fork.log[19:] = fork.log[20:]
    forked = fork.checkpoint(22)
    report = honest.audit(kept=forked if source == "kept" else None, own=forked if source == "own" else None)
    first = report.first_bad
    assert first is not None
    assert (first.position, first.check, report.problem_count) == (22, Check.ROOT, 1)


def test_kept_checkpoint_that_differs_names_the_range_after_the_last_good_one(tmp_path: Path) -> None:
    fork = everything()
    fork.log[19:] = fork.log[20:]
    first = put(everything(), tmp_path / "ledger.db", checkpoints=[10]).audit(kept=fork.checkpoint(22)).first_bad
    assert first is not None
    assert (first.position, first.check) == (11, Check.ROOT)
    assert "from 11 to 22" in first.reason


def test_good_kept_checkpoint_narrows_the_range_of_a_bad_one(tmp_path: Path) -> None:
    fork = everything()
    fork.log[19:] = fork.log[20:]
    database = put(everything(), tmp_path / "ledger.db", checkpoints=[])
    first = database.audit(kept=database.forge.checkpoint(15), own=fork.checkpoint(22)).first_bad
    assert first is not None
    assert (first.position, first.check) == (16, Check.ROOT)


def test_changed_entry_under_few_checkpoints_is_located_by_itself(tmp_path: Path) -> None:
    database = put(everything(), tmp_path / "ledger.db", checkpoints=[SIZE])
    raw = database.forge.log[12].entry.replace(b"0", b"1", 1)
    database.change("UPDATE stored_events SET state = ? WHERE notification_id = 13", raw)
    report = database.audit()
    assert report.first_bad is not None
    assert report.first_bad.position == 13
    assert {problem.position for problem in report.problems if problem.check is Check.ROOT} == {13}


def test_database_whose_checkpoints_differ_is_reported_once(honest: Database) -> None:
    honest.change("UPDATE stored_events SET state = ? WHERE notification_id = 27", honest.forge.log[21].entry)
    roots = [problem for problem in honest.audit(kept=None).problems if problem.check is Check.ROOT]
    assert [problem.position for problem in roots] == [27]
    fork = everything()
    fork.log[19:] = fork.log[20:]
    for size in (21, 22):
        honest.change("UPDATE checkpoints SET note = ? WHERE size = ?", fork.checkpoint(size), size)
    roots = [problem for problem in honest.audit(kept=None).problems if problem.check is Check.ROOT]
    assert [problem.position for problem in roots] == [21]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("note", b"no note"),
        ("note", "text"),
        ("note", None),
        ("compact_range", "text"),
        ("compact_range", b""),
        ("compact_range", bytes(40)),
    ],
)
def test_changed_checkpoint_in_the_database_is_located(honest: Database, column: str, value: object) -> None:
    honest.loosen("checkpoints")
    honest.change(f"UPDATE checkpoints SET {column} = ? WHERE size = 12", value)
    assert honest.first() == (12, "checkpoint")


@pytest.mark.parametrize("size", [12.5, "twelve", 900, 11, -4])
def test_checkpoint_in_the_row_of_another_size_is_a_problem(honest: Database, size: object) -> None:
    honest.loosen("checkpoints")
    honest.change("UPDATE checkpoints SET size = ? WHERE size = 12", size)
    first = honest.first()
    assert first is not None
    assert first[1] == "checkpoint"


def test_checkpoint_of_size_nought_in_the_database_has_no_place(honest: Database) -> None:
    honest.change("INSERT INTO checkpoints VALUES (0, ?, ?)", honest.forge.checkpoint(0), bytes(8))
    assert honest.first() == (1, "checkpoint")


def test_checkpoint_of_a_stranger_in_the_database_is_a_problem(honest: Database) -> None:
    honest.change("UPDATE checkpoints SET note = ? WHERE size = 12", honest.forge.checkpoint(12, key="thief"))
    assert honest.first() == (12, "checkpoint")


def test_checkpoint_of_the_home_that_cannot_be_opened_is_a_problem(honest: Database) -> None:
    assert honest.first(own=b"torn") == (SIZE + 1, "checkpoint")


def test_kept_checkpoint_that_is_none_cannot_be_audited_against(honest: Database) -> None:
    with pytest.raises(CannotBeAudited, match="file with the kept checkpoint"):
        honest.audit(kept=b"torn")


def test_kept_checkpoint_of_another_key_than_the_one_given_is_refused(honest: Database) -> None:
    with pytest.raises(CannotBeAudited, match="do not belong together"):
        honest.audit(kept=honest.forge.checkpoint(key="thief"))


def test_kept_checkpoint_not_of_the_key_that_the_database_names_is_a_problem(honest: Database) -> None:
    assert honest.first(vkey=None, kept=honest.forge.checkpoint(key="thief")) == (1, "checkpoint")


def test_checkpoints_many_entries_apart_are_compared(tmp_path: Path) -> None:
    """Leaves are folded in batches between checkpoints."""
    forge = Forge()
    college = forge.register("college")
    for number in range(6):
        forge.change_profile(college, version=number + 2, description=f"Welders, {number}")
    database = put(forge, tmp_path / "ledger.db", checkpoints=[2, 9])
    assert database.first(kept=forge.checkpoint(5)) is None
    database.change("UPDATE checkpoints SET note = ? WHERE size = 9", everything().checkpoint(9))
    assert database.first(kept=forge.checkpoint(5)) == (6, "root")


# ------------------------------------------------------------------------------------------------------- the report


def test_more_problems_than_a_report_lists_are_counted(honest: Database) -> None:
    problems = [
        Problem(position=place, stream=None, seq=None, check=Check.VIEW, reason="differs")
        for place in range(500, 0, -1)
    ]
    report = honest.audit(views=lambda: problems)
    assert report.problem_count == 500
    assert [problem.position for problem in report.problems] == list(range(1, MOST_PROBLEMS + 1))


def test_report_as_json_names_the_first_bad_position(honest: Database) -> None:
    honest.change("UPDATE stored_events SET topic = 'x' WHERE notification_id = 9")
    report = honest.audit(opener=None)
    value = to_json(report)
    recorded = honest.forge.log[8].recorded
    assert value["first_bad"] == {
        "position": 9,
        "stream": str(recorded.stream),
        "seq": 0,
        "check": "columns",
        "reason": report.problems[0].reason,
    }
    assert value["problems"] == [value["first_bad"], *value["problems"][1:]]  # type: ignore[index,misc]
    assert (value["sound"], value["events"], value["size"], value["problem_count"]) == (
        False,
        SIZE,
        SIZE,
        report.problem_count,
    )
    assert value["root"] == to_text(report.root)
    assert value["checkpoint"] == {"source": "kept", "size": SIZE, "root": value["root"]}
    assert value["seconds"] == "0.000"
    assert value["not_checked"] == [
        {"what": each.what, "count": each.count, "why": each.why} for each in report.not_checked
    ]


def test_sound_report_as_json_has_no_bad_position(honest: Database) -> None:
    assert to_json(honest.audit())["first_bad"] is None


# --------------------------------------------------------------------------------------------- anything in any column

_TABLES = {
    "stored_events": ("notification_id", "originator_id", "originator_version", "topic", "state"),
    "log_head": ("size", "at"),
    "private_parts": ("position", "part", "key_id", "box"),
    "definitions": ("digest", "content"),
    "names": ("scope", "name", "stream"),
    "status_lists": ("list", "issuer", "used"),
    "status_slots": ("list", "slot", "stream", "seq"),
    "checkpoints": ("size", "note", "compact_range"),
    "status_credentials": ("list", "made_at", "size", "raw"),
}
_STATEMENTS = (28, 30, 32)  # a signed list may follow from another of these just as well
_LOOSE = {(table, column) for table, columns in _TABLES.items() for column in columns}
_anything = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """An honest database whose tables take anything."""
    database = put_everything(tmp_path_factory.mktemp("loose") / "ledger.db")
    for table in _TABLES:
        database.loosen(table)
    assert database.audit().sound
    return database


@pytest.mark.parametrize(("table", "column"), sorted(_LOOSE))
@settings(max_examples=6)
@given(value=_anything, row=st.integers(0, 40))
def test_no_value_in_any_column_is_raised_over(
    loose: Database, table: str, column: str, value: object, row: int
) -> None:
    assume((table, column) != ("status_credentials", "size") or value not in _STATEMENTS)
    with sqlite3.connect(loose.path, isolation_level=None) as connection:
        chosen = connection.execute(f"SELECT rowid, {column} FROM {table} LIMIT 1 OFFSET ?", (row,)).fetchone()
        if chosen is not None and value != chosen[1]:  # 0.0 in the place of 0 changes nothing
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, chosen[0]))
            try:
                assert not loose.audit().sound
            finally:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (chosen[1], chosen[0]))
    connection.close()


def test_text_that_is_not_utf8_is_reported(honest: Database) -> None:
    honest.change("UPDATE stored_events SET topic = CAST(x'ff' AS TEXT) WHERE notification_id = 9")
    assert honest.first() == (9, "columns")


def test_missing_table_cannot_be_audited(honest: Database) -> None:
    honest.change("DROP TABLE checkpoints")
    with pytest.raises(CannotBeAudited, match="no such table"):
        honest.audit()


def test_streams_are_named_by_what_the_entry_says(tmp_path: Path) -> None:
    forge = Forge()
    forge.register("college", how=How(stated=stream_id(1, bytes(10))))
    first = put(forge, tmp_path / "ledger.db").audit(opener=open_fake_box).first_bad
    assert first is not None
    assert (first.position, first.check, first.stream) == (2, Check.COLUMNS, str(stream_id(1, bytes(10))))


# --------------------------------------------------------------------------------------- what the log does not bind


def test_rows_that_the_log_does_not_bind_are_counted(honest: Database) -> None:
    honest.change("INSERT INTO idempotency VALUES ('s', x'00', x'00', 'x', 0, 1)")
    honest.change("INSERT INTO api_keys VALUES ('k', x'00', NULL, '', '', '', NULL)")
    report = honest.audit()
    counted = {each.what: each.count for each in report.not_checked if each.what != GUARDS}
    assert report.sound
    assert counted == {"idempotency keys": 1, "API keys": 1, "digests of short codes": 5}


def test_missing_or_hollow_trigger_is_said_and_the_history_stays_sound(honest: Database) -> None:
    assert GUARDS not in [each.what for each in honest.audit().not_checked]
    with closing(sqlite3.connect(honest.path)) as connection:
        connection.execute("DROP TRIGGER log_head_is_one_row")
        connection.execute("DROP TRIGGER stored_events_are_not_deleted")
        connection.execute(
            "CREATE TRIGGER stored_events_are_not_deleted BEFORE DELETE ON stored_events WHEN 0 BEGIN SELECT 1; END"
        )
    report = honest.audit()
    (left,) = (each for each in report.not_checked if each.what == GUARDS)
    assert report.sound
    assert left.count == 2
    assert left.why == "missing or changed: trigger stored_events_are_not_deleted, trigger log_head_is_one_row"


def test_cut_tail_comes_before_whatever_else_is_wrong_beyond_the_end(honest: Database) -> None:
    size = 18  # an award was issued after it: slots, short codes and lists say so
    honest.change("DELETE FROM stored_events WHERE notification_id > ?", size)
    first, *others = honest.audit().problems
    assert "the tail was cut off" in first.reason
    assert (first.position, first.check.value) == (size + 1, "checkpoint")
    assert {each.position for each in others} == {size + 1}
    assert {"slot", "short_code", "parts", "head"} <= {each.check.value for each in others}


def test_bytes_of_a_table_are_told_in_base64url(honest: Database) -> None:
    honest.change("INSERT INTO status_lists VALUES (x'fbff00', 'x', 0)")
    (problem,) = honest.audit().problems
    assert problem.reason == "the table of status lists has -_8A, which no entry names"
