"""Ledgers made for benchmarks are genuine, and rounds are taken in turns."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import harness
import pytest
import replay
from filling import begin, fill, fill_by_use_cases

from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.vault import VaultOpener
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport
from ledger.bootstrap import open_vault
from projections.replay_check import view_check
from projections.views import SqliteViews

BEGUN = 13  # log.started; of three issuers each a registration, a signing key and two achievements
STATEMENTS = "stored_events WHERE topic = 'status.committed/1'"  # one for each publication, however often that was


def _audit(home: Home) -> AuditReport:
    with open_audit_source(home.database) as source, closing(open_vault(home)) as vault:
        opener = VaultOpener(vault)
        return audit(
            source,
            vkey=None,
            kept_checkpoint=None,
            own_checkpoint=home.checkpoint.read_bytes(),
            opener=opener,
            view_check=view_check(source, opener, SqliteViews(home.views)) if home.views.is_file() else None,
        )


def _count(home: Home, what: str) -> int:
    with closing(sqlite3.connect(home.database)) as connection:
        (count,) = connection.execute(f"SELECT COUNT(*) FROM {what}").fetchone()
    return int(count)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Enough for several batches of each issuer, and for changes of changes."""
    home = begin(tmp_path_factory.mktemp("filled") / "home")
    fill(home, 2_450, chunk=100)
    return home


def test_ledger_filled_fast_is_sound_and_holds_every_act_on_awards(filled: Home) -> None:
    report = _audit(filled)
    assert report.problems == ()
    assert report.events - _count(filled, STATEMENTS) == 2_450 + BEGUN
    with closing(sqlite3.connect(filled.database)) as connection:
        counted = dict(connection.execute("SELECT topic, COUNT(*) FROM stored_events GROUP BY topic").fetchall())
    acts = ("amended", "suspended", "reinstated", "revoked")
    changed = [counted[f"credential.{act}/1"] for act in acts]
    assert all(changed)
    assert 0.01 < sum(changed) / 2_450 < 0.1
    assert counted["credential.issued/1"] == _count(filled, "idempotency") == _count(filled, "short_codes")


def test_ledger_filled_fast_goes_on_as_any_other(filled: Home) -> None:
    with harness.copied_home(filled) as home:
        fill_by_use_cases(home, 40)
        report = _audit(home)
        assert report.problems == ()
        assert report.events - _count(home, STATEMENTS) == 2_450 + BEGUN + 40
    assert not home.folder.exists()


def test_ledger_filled_by_the_use_cases_is_sound() -> None:
    with harness.throwaway_home(60) as home:
        report = _audit(home)
        assert (report.problems, report.events) == ((), _count(home, "stored_events"))
        assert report.events - _count(home, STATEMENTS) == 60 + BEGUN
        assert _count(home, "status_slots") > _count(home, "short_codes") > 40
    assert not home.folder.exists()


def test_filled_ledger_is_made_once_and_kept(tmp_path: Path) -> None:
    first = harness.filled_home(30, cache=tmp_path, processes=1)
    written = first.database.stat().st_mtime_ns
    again = harness.filled_home(30, cache=tmp_path, processes=1)
    assert (again.folder, again.database.stat().st_mtime_ns) == (first.folder, written)
    assert [each.name for each in tmp_path.iterdir()] == [first.folder.name]
    assert _audit(again).problems == ()


def test_rounds_are_taken_in_turns_and_the_warm_up_is_not_counted() -> None:
    ran: list[str] = []
    compared = harness.interleaved(
        lambda: ran.append("ours"),
        lambda: ran.append("reference"),
        rounds=3,
        before=(lambda: ran.append("<"), lambda: ran.append(">")),
    )
    turns = ["".join(ran[start : start + 4]) for start in range(0, len(ran), 4)]
    assert turns == [
        ">reference<ours",
        "<ours>reference",
        ">reference<ours",
        "<ours>reference",
    ]
    assert len(compared.ours) == len(compared.reference) == 3


def test_median_is_taken_of_each_measure_alone() -> None:
    spent = harness.Spent(wall=3.0, cpu=1.0), harness.Spent(wall=1.0, cpu=9.0), harness.Spent(wall=2.0, cpu=2.0)
    compared = harness.Comparison(ours=spent, reference=spent[:1])
    assert (compared.cpu, compared.wall) == ((2.0, 1.0), (2.0, 3.0))


def test_last_line_is_one_object_with_the_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    harness.table(("job", "s"), (("a", "1.5"), ("longer", "10")))
    harness.conclude(harness.Result(job="j", ours=6.0, reference=1.5, unit="events/s", bar=">= 4 x", met=True))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["job       s", "------  ---", "a       1.5", "longer   10"]
    assert json.loads(lines[-1]) == {
        "job": "j",
        "ours": 6.0,
        "reference": 1.5,
        "unit": "events/s",
        "ratio": 4.0,
        "bar": ">= 4 x",
        "met": True,
    }


def test_replay_folds_what_was_recorded_however_it_is_read(filled: Home) -> None:
    folded, strictly = replay.ours(filled), replay.ours_strictly(filled)
    assert (folded.types, folded.standing) == (strictly.types, strictly.standing)
    assert sum(folded.types.values()) == _count(filled, "stored_events")
    assert len(folded.standing) == folded.types["credential.issued/1"]
    assert {"in force", "suspended", "revoked"} == set(folded.standing.values())
    suspended = sum(standing == "suspended" for standing in folded.standing.values())
    assert suspended == folded.types["credential.suspended/1"] - folded.types["credential.reinstated/1"]


def test_reference_replays_as_many_events_as_it_was_asked_for(tmp_path: Path) -> None:
    with closing(replay.reference_of(50, tmp_path)) as application:
        assert sum(replay.theirs(application).types.values()) == 50
    with closing(replay.reference_of(50, tmp_path)) as application:
        assert set(replay.theirs(application).standing.values()) == {"in force", "suspended", "revoked"}
