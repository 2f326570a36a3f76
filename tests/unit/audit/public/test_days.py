"""The last note of each day that is over is of the same history as what is shown now, and asked for once."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.audit.public import days
from ledger.audit.public.log import LogNotReached, LogNotReadable, most_bytes
from ledger.errors import LedgerError
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.tiles import TileMissing
from tests.unit.audit.public.site import Auditor, Log, publish, told
from tests.unit.audit.public.test_follow import Counting


class Week(Log):
    """A log that is published on some days of a week, in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.notes: dict[str, bytes] = {}
        self.fill(3)
        for day in range(4):
            self.day(2 if day == 1 else 1)

    def day(self, later: int = 1) -> None:
        """Publish, so many days later."""
        self.fill(1)
        self.state()
        publish(self, self.folder)
        self.note(self.log[-1].recorded.at.date().isoformat(), self.checkpoint())
        self.at += timedelta(days=later)

    def note(self, day: str, note: bytes) -> None:
        """Put a note for a day."""
        place = self.folder / "days" / day
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(note)


@pytest.fixture
def week(tmp_path: Path) -> Week:
    """Published on 21, 22, 24 and 25 November, in tmp_path/log."""
    return Week(tmp_path / "log")


def asked(log: Counting) -> list[str]:
    """The days that were found."""
    return [path for path in log.fetched if path.startswith("days/")]


def test_days_that_are_over_are_asked_for_once(week: Week, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")
    first = Counting(tmp_path / "log")
    assert told(auditor.audit(first)) == []
    assert [path for path in asked(first) if (tmp_path / "log" / path).exists()] == [
        "days/2026-11-21",
        "days/2026-11-22",
        "days/2026-11-24",
    ]
    week.day()
    second = Counting(tmp_path / "log")
    assert told(auditor.audit(second)) == []
    assert asked(second) == ["days/2026-11-25"]
    third = Counting(tmp_path / "log")
    assert told(auditor.audit(third)) == []
    assert asked(third) == []


def test_note_of_another_history_is_evidence_and_condemns_the_log_for_good(week: Week, tmp_path: Path) -> None:
    other = week.fork()
    del other.log[-3:]
    other.append(week.log[0].recorded.event, stream=week.new_stream(), by=week.log[0].recorded.by, key="operator")
    week.note("2026-11-24", other.checkpoint())
    auditor = Auditor(tmp_path / "state")
    report = auditor.audit(tmp_path / "log")
    assert told(report) == [(len(other.log), "history")]
    assert "2026-11-24" in report.report.problems[0].reason
    assert set(auditor.evidence.values()) == {other.checkpoint(), week.checkpoint()}
    (tmp_path / "log" / "days" / "2026-11-24").unlink()
    for _ in range(2):
        again = auditor.audit(tmp_path / "log")
        assert [each.reason for each in again.report.problems] == [report.report.problems[0].reason]
        week.day()
    with auditor.opened() as state:
        assert list(state.unheld()) == []


def test_note_that_is_ahead_of_the_log_is_evidence_and_held_once_the_log_is_longer(week: Week, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")
    week.at += timedelta(seconds=1)
    note = _longer(week)
    week.at -= timedelta(seconds=1)
    week.note("2026-11-24", note)
    assert [check for _, check in told(auditor.audit(tmp_path / "log"))] == ["history"]
    assert note in auditor.evidence.values()
    (tmp_path / "log" / "days" / "2026-11-24").unlink()
    week.day()
    week.day()
    assert "two histories" in auditor.audit(tmp_path / "log").report.problems[0].reason


def test_note_of_a_day_that_the_log_does_not_prove_is_held_another_day(week: Week, tmp_path: Path) -> None:
    class Withholding(Counting):
        def fetch(self, path: str) -> bytes:
            if path.startswith("tile/0/"):
                raise failure
            return super().fetch(path)

    auditor = Auditor(tmp_path / "state")
    other = week.fork()
    other.at += timedelta(seconds=1)
    other.fill(1)
    week.day()
    auditor.audit(tmp_path / "log")
    week.note("2026-11-25", other.checkpoint())
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        connection.execute("UPDATE days SET day = '2026-11-25'")
        connection.commit()
    failure: LedgerError = LogNotReached("503")
    with pytest.raises(LogNotReached):
        auditor.audit(Withholding(tmp_path / "log"))
    (tmp_path / "log" / "days" / "2026-11-25").unlink()
    failure = TileMissing("hidden")
    assert [check for _, check in told(auditor.audit(Withholding(tmp_path / "log")))] == ["tile"]
    assert "two histories" in auditor.audit(tmp_path / "log").report.problems[0].reason


def _longer(week: Week) -> bytes:
    other = week.fork()
    other.fill(1)
    other.state()
    return other.checkpoint()


@pytest.mark.parametrize(
    ("note", "check"),
    [
        (lambda _: b"noise", "checkpoint"),
        (lambda week: week.checkpoint(key="stranger"), "checkpoint"),
        (lambda week: week.checkpoint(3), "history"),  # less than the day before
        (_longer, "history"),
    ],
)
def test_note_that_does_not_belong_to_its_day_is_found(week: Week, tmp_path: Path, note: object, check: str) -> None:
    assert callable(note)
    week.note("2026-11-24", note(week))
    assert [each for _, each in told(Auditor(None).audit(tmp_path / "log"))] == [check]


def test_log_that_says_to_be_old_makes_nobody_ask_for_ever(
    week: Week, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "_MOST", 2)
    auditor = Auditor(tmp_path / "state")
    first = Counting(tmp_path / "log")
    auditor.audit(first)
    assert asked(first) == ["days/2026-11-21", "days/2026-11-22"]
    second = Counting(tmp_path / "log")
    auditor.audit(second)
    assert asked(second) == ["days/2026-11-23", "days/2026-11-24"]


@pytest.mark.parametrize("day", ["2026-11-21", "2026-02-29", "2026-11-21/..", "..", ""])
def test_day_is_a_day_of_the_calendar(day: str) -> None:
    if day == "2026-11-21":
        assert most_bytes(f"days/{day}") == MAX_NOTE_BYTES
    else:
        with pytest.raises(LogNotReadable):
            most_bytes(f"days/{day}")
