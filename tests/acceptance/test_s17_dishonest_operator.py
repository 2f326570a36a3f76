"""S17: a dishonest operator edits, reorders, deletes, back-dates, forks, rolls back; who kept a checkpoint notices."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest

from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.note import VerifierKey
from tests.acceptance.desk import Desk, Receipt, admit, course, get, open_desk

ROW = {"full_name": "Noor Haddad", "achievement": "one", "awarded_on": "2026-03-01", "result": "Pass"}
COLUMNS = "notification_id, originator_id, originator_version, topic, state"


class Bad(TypedDict):
    position: int


class Report(TypedDict):
    sound: bool
    size: int
    first_bad: Bad
    evidence: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A ledger that was honest until now, and what its auditor has kept."""

    home: Path  # as it stands
    earlier: Path  # as it stood before its last entries
    awards: list[Receipt]  # all but the last were there then
    vkey: str
    state: Path
    checkpoint: Path  # of now


def _published(desk: Desk, receipt: Receipt) -> None:
    """Wait until an entry lies under the published checkpoint."""
    for _ in range(600):
        if int(get(f"{desk.url}/log/checkpoint").text.split("\n")[1]) >= receipt["position"]:
            return
        time.sleep(0.1)
    raise AssertionError("not published")


def _audit(desk: Desk, served: Served, code: int) -> Report:
    """What the auditor finds who reads the log over the network, and remembers."""
    told = desk.elsewhere("audit", "--url", desk.url, "--state", str(served.state), "--vkey", served.vkey, code=code)
    found: Report = json.loads(told)
    return found


@pytest.fixture
def served(tmp_path: Path) -> Served:
    desk = open_desk(tmp_path / "desk", None)
    try:
        admit(desk, "college", course("one", "First"))
        awards: list[Receipt] = []
        for number in range(3):  # each under a checkpoint of its own: of awards under one, a swap is known as a range
            awards.append(desk.issue("college", {**ROW, "student_number": f"S-{number}"}))
            _published(desk, awards[-1])
        desk.stop()
        earlier = shutil.copytree(desk.home, tmp_path / "earlier")
        desk.serve()
        awards.append(desk.issue("college", {**ROW, "student_number": "S-3"}))
        awards.append(desk.receipt("revoke", awards[0]["code"], "--reason", "other"))
        _published(desk, awards[-1])
        kept = Served(
            home=desk.home,
            earlier=earlier,
            awards=awards,
            vkey=desk.run("log", "vkey").stdout.splitlines()[-1],
            state=tmp_path / "auditor.state",
            checkpoint=tmp_path / "kept",
        )
        assert _audit(desk, kept, 0)["sound"] is True
        kept.checkpoint.write_text(get(f"{desk.url}/log/checkpoint").text)
    finally:
        desk.stop()
    return kept


def _edit(connection: sqlite3.Connection, first: int, second: int) -> int:
    """Another link is put into an award; its signature is left."""
    ((raw,),) = connection.execute("SELECT state FROM stored_events WHERE notification_id = ?", [first]).fetchall()
    place = raw.index(b'"link":"') + 8
    changed = raw[:place] + (b"A" if raw[place : place + 1] != b"A" else b"B") + raw[place + 1 :]
    connection.execute("UPDATE stored_events SET state = ? WHERE notification_id = ?", [changed, first])
    return first


def _reorder(connection: sqlite3.Connection, first: int, second: int) -> int:
    """Two awards change places."""
    for old, new in ((first, -1), (second, first), (-1, second)):
        connection.execute("UPDATE stored_events SET notification_id = ? WHERE notification_id = ?", [new, old])
        connection.execute("UPDATE private_parts SET position = ? WHERE position = ?", [new, old])
    return first


def _delete(connection: sqlite3.Connection, first: int, second: int) -> int:
    """An award is taken out, and everything after it moves up."""
    ((size,),) = connection.execute("SELECT MAX(notification_id) FROM stored_events").fetchall()
    for table, column in (("stored_events", "notification_id"), ("private_parts", "position")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", [second])
        for position in range(second + 1, size + 1):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [position - 1, position])
    connection.execute("UPDATE log_head SET size = size - 1")
    return second


def _back_date(connection: sqlite3.Connection, first: int, second: int) -> int:
    """An award claims to have been recorded a year earlier."""
    ((raw,),) = connection.execute("SELECT state FROM stored_events WHERE notification_id = ?", [second]).fetchall()
    changed = raw.replace(b'{"at":"2026', b'{"at":"2025', 1)
    assert changed != raw
    connection.execute("UPDATE stored_events SET state = ? WHERE notification_id = ?", [changed, second])
    return second


@pytest.mark.parametrize("trick", [_edit, _reorder, _delete, _back_date])
def test_who_changes_what_was_recorded_is_told_the_first_bad_position(
    served: Served, trick: Callable[[sqlite3.Connection, int, int], int]
) -> None:
    with closing(sqlite3.connect(served.home / "ledger.db")) as connection:
        triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        bad = trick(connection, served.awards[1]["position"], served.awards[2]["position"])
        connection.commit()
    desk = Desk(served.home)
    found: Report = json.loads(desk.text("audit", "--checkpoint", str(served.checkpoint), code=1))
    assert (found["sound"], found["first_bad"]["position"]) == (False, bad)
    assert f"position {bad}" in desk.run("audit", "--checkpoint", str(served.checkpoint), code=1).stdout


@pytest.fixture
def dishonest(served: Served) -> Iterator[Desk]:
    """Everything is put back as it was, guard and published log included: nothing of the home knows better."""
    desk = Desk(served.earlier)
    desk.serve()
    try:
        yield desk
    finally:
        desk.stop()


def test_log_that_was_rolled_back_is_found_and_both_notes_are_kept(served: Served, dishonest: Desk) -> None:
    found = _audit(dishonest, served, 1)
    assert found["sound"] is False
    _evidence(found, served)


def test_log_that_was_forked_is_found_and_both_notes_are_kept(served: Served, dishonest: Desk) -> None:
    instead = [dishonest.issue("college", {**ROW, "student_number": f"F-{number}"}) for number in range(6)]
    _published(dishonest, instead[-1])
    found = _audit(dishonest, served, 1)
    assert found["sound"] is False
    _evidence(found, served)
    again = _audit(dishonest, served, 1)  # what was seen once is not forgotten
    assert again["sound"] is False


def _evidence(found: Report, served: Served) -> None:
    """Two notes that the log itself signed, of which no honest log signs both."""
    key = VerifierKey.parse(served.vkey)
    kept = [open_checkpoint(Path(place).read_bytes(), key) for place in found["evidence"]]
    assert len(kept) == 2
    assert kept[0] != kept[1]
