"""A signed note is kept before anything else is asked for: who hides what would condemn it is condemned later."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.audit.public.follow import Asked
from ledger.audit.public.log import LogNotReached
from ledger.domain.types import Origin
from tests.unit.audit.public.site import Auditor, Log, publish, told
from tests.unit.audit.public.test_follow import Counting, grown


@pytest.fixture
def log() -> Log:
    """A log with a college and ten awards."""
    forge = Log()
    forge.fill(10)
    forge.state()
    return forge


@pytest.fixture
def fork(log: Log) -> Log:
    """The same log, which goes on for itself."""
    other = log.fork()
    other.at += timedelta(seconds=500)
    return other


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    """Somebody with a state."""
    return Auditor(tmp_path / "state")


def shown(folder: Path, log: Log, note: bytes) -> Path:
    """The tiles of a log, with another checkpoint."""
    publish(log, folder, note=note)
    return folder


def hidden(folder: Path, note: bytes) -> Path:
    """A checkpoint, and not one tile."""
    folder.mkdir()
    (folder / "checkpoint").write_bytes(note)
    return folder


def unheld(auditor: Auditor) -> list[bytes]:
    """The notes that wait to be held against the log."""
    with auditor.opened() as state:
        return [each.note for each in state.unheld()]


def condemned(auditor: Auditor) -> int:
    """How many forks the state knows."""
    with auditor.opened() as state:
        return len(state.forks())


def test_smaller_fork_whose_proof_was_not_shown_is_proved_when_the_honest_log_is_shown_again(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    assert auditor.audit(tmp_path / "log").report.sound
    publish(grown(fork, 5), tmp_path / "fork")
    assert "cannot be seen any more" in auditor.audit(tmp_path / "fork").report.problems[0].reason
    publish(grown(log, 20), tmp_path / "log")
    report = auditor.audit(tmp_path / "log")
    assert "two histories" in report.report.problems[0].reason
    assert set(auditor.evidence.values()) >= {fork.checkpoint(), log.checkpoint()}
    assert condemned(auditor) == 1
    for _ in range(2):  # for good
        publish(grown(log, 20), tmp_path / "log")
        report = auditor.audit(tmp_path / "log")
        assert [check for _, check in told(report)] == ["history"]
        assert report.report.events == len(log.log)


@pytest.mark.parametrize("hiding", ["another tree's tiles", "no tiles", "a server that fails"])
def test_larger_fork_whose_tiles_are_not_shown_is_evidence_and_proved_later(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path, hiding: str
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    note = grown(fork, 60).checkpoint()
    if hiding == "a server that fails":

        class Failing(Counting):
            def fetch(self, path: str) -> bytes:
                if path != "checkpoint":
                    raise LogNotReached("503")
                return super().fetch(path)

        with pytest.raises(LogNotReached):
            auditor.audit(Failing(hidden(tmp_path / "fork", note)))
    else:
        folder = hidden(tmp_path / "fork", note) if hiding == "no tiles" else shown(tmp_path / "fork", log, note)
        report = auditor.audit(folder)
        assert [check for _, check in told(report)] == ["tile"]
        assert list(auditor.evidence.values()) == [note]
        assert report.evidence == tuple(auditor.evidence)
        assert report.evidence[0] in report.report.problems[0].reason
    assert unheld(auditor) == [note]
    smaller = auditor.audit(tmp_path / "log")  # the log has shown more than that
    assert [check for _, check in told(smaller)] == ["history"]
    assert condemned(auditor) == 0
    publish(grown(log, 90), tmp_path / "log")
    report = auditor.audit(tmp_path / "log")
    assert [check for _, check in told(report)] == ["history"]
    assert "two histories" in report.report.problems[0].reason
    assert set(auditor.evidence.values()) >= {note, log.checkpoint()}
    assert condemned(auditor) == 1
    assert unheld(auditor) == [log.checkpoint()]  # held in the next run
    assert auditor.audit(tmp_path / "log").report.events == len(log.log)
    assert unheld(auditor) == []


def test_honest_note_whose_tiles_came_late_is_held_and_forgotten_about(
    log: Log, auditor: Auditor, tmp_path: Path
) -> None:
    publish(log, tmp_path / "log")
    auditor.audit(tmp_path / "log")
    note = grown(log, 60).checkpoint()
    assert not auditor.audit(hidden(tmp_path / "late", note)).report.sound
    publish(grown(log, 30), tmp_path / "log")
    report = auditor.audit(tmp_path / "log")
    assert (report.report.sound, report.report.events) == (True, len(log.log))
    assert unheld(auditor) == []
    with auditor.opened() as state:
        assert note in [each.note for each in state.seen()]


def test_fork_of_the_same_size_is_proved_without_any_tile(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    report = auditor.audit(hidden(tmp_path / "fork", grown(fork, 20).checkpoint()))
    assert [check for _, check in told(report)] == ["history"]
    assert set(auditor.evidence.values()) == {log.checkpoint(), fork.checkpoint()}
    assert condemned(auditor) == 1
    assert unheld(auditor) == []


def test_two_notes_of_one_size_without_any_tile_are_a_fork(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path
) -> None:
    publish(log, tmp_path / "log")
    auditor.audit(tmp_path / "log")
    notes = [grown(each, 20).checkpoint() for each in (log, fork)]
    for number, note in enumerate(notes):
        auditor.audit(hidden(tmp_path / str(number), note))
    assert condemned(auditor) == 1
    assert set(auditor.evidence.values()) == set(notes)


def test_first_note_under_a_key_that_was_given_is_kept_before_the_log_is_asked_who_it_is(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path
) -> None:
    auditor.asked = Asked(keys=(log.vkey(),))
    note = grown(fork, 5).checkpoint()
    auditor.audit(hidden(tmp_path / "fork", note))
    assert unheld(auditor) == [note]
    publish(grown(log, 60), tmp_path / "log")
    report = auditor.audit(tmp_path / "log")
    assert "two histories" in report.report.problems[0].reason
    assert condemned(auditor) == 1


def test_note_that_still_cannot_be_held_waits_on(log: Log, fork: Log, auditor: Auditor, tmp_path: Path) -> None:
    publish(grown(log, 300), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    note = grown(fork, 100).checkpoint()
    auditor.audit(hidden(tmp_path / "fork", note))
    publish(grown(log, 30), tmp_path / "log")
    needed = tmp_path / "log" / "tile" / "0" / "000"  # to prove what is smaller than 256, and nothing else
    tile = needed.read_bytes()
    needed.unlink()
    assert [check for _, check in told(auditor.audit(tmp_path / "log"))] == ["tile"]
    assert set(unheld(auditor)) == {note, log.checkpoint()}
    needed.write_bytes(tile)
    assert [check for _, check in told(auditor.audit(tmp_path / "log"))] == ["history"]
    assert condemned(auditor) == 1


def test_note_of_another_log_that_was_shown_first_says_nothing_of_this_one(
    log: Log, auditor: Auditor, tmp_path: Path
) -> None:
    other = Log(origin=Origin("other.example/log"))
    other.fill(90)
    auditor.asked = Asked(keys=(log.vkey(), other.vkey()))
    auditor.audit(hidden(tmp_path / "other", other.checkpoint()))
    publish(log, tmp_path / "log")
    assert auditor.audit(tmp_path / "log").report.sound


def test_note_that_nobody_known_signed_is_not_kept(log: Log, fork: Log, auditor: Auditor, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    auditor.audit(tmp_path / "log")
    auditor.audit(hidden(tmp_path / "fork", grown(fork, 5).checkpoint(key="thief")))
    assert (unheld(auditor), auditor.evidence) == ([], {})
    assert auditor.audit(tmp_path / "log").report.sound


class Once(Counting):
    """A log that answers with another checkpoint the first time, and may fail the second time."""

    def __init__(self, folder: Path, note: bytes, *, fails: bool = False) -> None:
        super().__init__(folder)
        self._note = note
        self._fails = fails

    def fetch(self, path: str) -> bytes:
        """As the folder's."""
        first = "checkpoint" not in self.fetched
        if self._fails and not first:
            raise LogNotReached("503")
        raw = super().fetch(path)
        return self._note if first else raw


@pytest.mark.parametrize("fails", [False, True])
def test_note_that_was_taken_back_while_it_was_asked_again_is_kept(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path, fails: bool
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    note = grown(fork, 5).checkpoint()
    if fails:
        with pytest.raises(LogNotReached):
            auditor.audit(Once(tmp_path / "log", note, fails=True))
        assert unheld(auditor) == [note]
    else:
        assert not auditor.audit(Once(tmp_path / "log", note)).report.sound
    assert not auditor.audit(tmp_path / "log").report.sound
    assert condemned(auditor) == 1


@pytest.mark.parametrize("falsely", [False, True])
def test_note_that_was_taken_back_and_nobody_known_signed_says_nothing(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path, falsely: bool
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    grown(fork, 5)
    note = fork.checkpoint(key="operator/checkpoint" if falsely else "thief")
    if falsely:
        note = note[:-10] + (b"A" if note[-10:-9] == b"B" else b"B") + note[-9:]
    assert auditor.audit(Once(tmp_path / "log", note)).report.sound
    assert unheld(auditor) == []


def test_state_of_the_first_version_is_read_and_keeps_notes_from_now_on(
    log: Log, fork: Log, auditor: Auditor, tmp_path: Path
) -> None:
    publish(grown(log, 20), tmp_path / "log")
    auditor.audit(tmp_path / "log")
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        connection.executescript("DROP TABLE unheld; DROP TABLE strangers")
        connection.execute("PRAGMA user_version = 1")
    note = grown(fork, 60).checkpoint()
    auditor.audit(hidden(tmp_path / "fork", note))
    assert unheld(auditor) == [note]
    shutil.rmtree(tmp_path / "log")
    publish(grown(log, 90), tmp_path / "log")
    assert "two histories" in auditor.audit(tmp_path / "log").report.problems[0].reason
