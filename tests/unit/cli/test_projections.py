"""`testamur projections`: on a real ledger, with a poison event planted in its middle, and with a cell changed."""

import json
import sqlite3
from pathlib import Path

from projections.members import FAMILY
from projections.stores.tables import all_tables
from tests.unit.cli.command import ROW, Command


def altered(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def issued(ledger: Command, folder: Path, number: str) -> str:
    """A new award's id."""
    file = folder / f"{number}.json"
    file.write_text(json.dumps({**ROW, "student_number": number}))
    receipt: dict[str, str] = json.loads(ledger("issue", str(file), "--json").out)
    return receipt["credential_id"]


def poisoned(home: Path, position: int) -> None:
    """The entry's first brace is gone."""
    trigger = "stored_events_are_not_updated"
    statement = f"SELECT sql FROM sqlite_master WHERE name = '{trigger}'"
    connection = sqlite3.connect(home / "ledger.db")
    [(again,)] = connection.execute(statement).fetchall()
    connection.close()
    change = f"UPDATE stored_events SET state = CAST(SUBSTR(state, 2) AS BLOB) WHERE notification_id = {position}"
    altered(home / "ledger.db", f"DROP TRIGGER {trigger}", change, again)


def test_views_of_a_sound_ledger_are_told_rebuilt_and_equal(ledger: Command, tmp_path: Path) -> None:
    issued(ledger, tmp_path, "S-1")
    status = ledger("projections", "status")
    assert status.code == 0
    assert [line.split(":")[0] for line in status.out.splitlines()] == ["credential_status", "wallet"]
    told = json.loads(ledger("projections", "status", "--json").out)["views"]
    assert {(each["lag"], each["parked_total"]) for each in told} == {(0, 0)}
    assert len({each["position"] for each in told}) == 1
    assert ledger("projections", "rebuild").code == ledger("projections", "rebuild", "wallet").code == 0
    diff = json.loads(ledger("projections", "diff", "--json").out)
    assert diff["equal"]
    assert [each["total"] for each in diff["views"]] == [0, 0]
    assert ledger("projections", "diff", "nonsense").code == 2
    assert ledger("projections", "rebuild", "nonsense").code == 2


def test_a_poison_event_in_the_middle_of_a_ledger_parks_its_stream_alone(ledger: Command, tmp_path: Path) -> None:
    home = tmp_path / "home"
    before, bad = issued(ledger, tmp_path, "S-1"), issued(ledger, tmp_path, "S-2")
    position = json.loads(ledger("suspend", bad, "--reason", "other", "--json").out)["position"]
    after = issued(ledger, tmp_path, "S-3")
    follows = json.loads(ledger("reinstate", bad, "--json").out)["position"]
    poisoned(home, position)
    rebuilt = ledger("projections", "rebuild", "--json")
    assert rebuilt.code == 1
    status = ledger("projections", "status", "--json")
    assert status.code == 1
    views = {each["view"]: each for each in json.loads(status.out)["views"]}
    parked = {name: [(each["position"], each["stream"]) for each in view["parked"]] for name, view in views.items()}
    assert parked == {"credential_status": [(position, bad), (follows, bad)], "wallet": [(position, bad)]}
    assert all(each["lag"] == 0 for each in views.values())
    listed = {each["credential_id"] for each in json.loads(ledger("list", "--json").out)["credentials"]}
    assert listed == {before, bad, after}
    told = ledger("projections", "status").out
    assert f"position {position}: stream {bad}: the bytes are not an entry" in told
    assert f"it follows the event at position {position}" in told
    assert ledger("projections", "diff").code == 0  # parked, and so it is when folded anew


def test_diff_finds_one_changed_cell_of_any_table_and_a_rebuild_mends_it(ledger: Command, tmp_path: Path) -> None:
    issued(ledger, tmp_path, "S-1")
    assert ledger("projections", "status").code == 0  # folds what is about to be changed
    tables = [table for view in FAMILY for table in all_tables(view)]
    statements = {}
    for table in tables:
        if table.name.endswith(("_parked", "_components")):  # nothing is parked or stacked here: a row too many
            statements[table.name] = f"INSERT INTO {table.name} VALUES ({','.join('9' for _ in table.columns)})"
        else:
            last = f"(SELECT MAX(rowid) FROM {table.name})"
            statements[table.name] = f"UPDATE {table.name} SET {table.columns[-1].name} = 'zzz' WHERE rowid = {last}"
    altered(tmp_path / "home" / "views.db", *statements.values())
    found = ledger("projections", "diff", "--json")
    assert found.code == 1
    told = {each["table"]: each for view in json.loads(found.out)["views"] for each in view["differences"]}
    assert {name: each["column"] for name, each in told.items()} == {
        "wallet": "search",
        "wallet_components": "row",
        "wallet_parked": "row",
        "credential_status": "acts",
        "credential_status_issuers": "entry",
        "credential_status_parked": "row",
    }
    assert (told["credential_status"]["live"], told["credential_status"]["rebuilt"]) == ("zzz", "[]")
    assert (told["wallet"]["personal"], told["wallet"]["live"], told["wallet"]["rebuilt"]) == (True, None, None)
    text = ledger("projections", "diff", "wallet")
    assert text.code == 1
    assert "search differs" in text.out
    assert "wallet_parked, row 9, is not what the events give" in text.out
    assert ledger("projections", "rebuild").code == 0
    assert ledger("projections", "diff").code == 0
