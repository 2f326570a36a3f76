"""A published log is audited from where it was left, and held against everything that was ever seen of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.adapters.folder_log import FolderLog
from ledger.audit.public import reading
from ledger.audit.public.follow import Asked
from ledger.audit.public.log import LogNotReached, LogNotReadable
from ledger.audit.public.state import StateInUse, StateNotUsable, StateOfAnotherLog
from ledger.domain.types import Origin
from ledger.domain.values import issuer_did, slug
from ledger.testing.forge import OPERATOR, How
from ledger.tlog.tiles import Bundle
from tests.unit.audit.forged_database import everything
from tests.unit.audit.public.site import Auditor, Log, publish, told

COLLEGE = issuer_did(OPERATOR, slug("college"))
FRESH = How(key="college/fresh")  # where the key that is forged with was reported as stolen


class Counting(FolderLog):
    """A log that notes what is fetched, and may be out of reach from some file on."""

    def __init__(self, folder: Path, *, breaks_at: str | None = None) -> None:
        super().__init__(folder)
        self.fetched: list[str] = []
        self._breaks_at = breaks_at

    def fetch(self, path: str) -> bytes:
        """As the folder's."""
        if path == self._breaks_at:
            raise LogNotReached("the network is gone")
        self.fetched.append(path)
        return super().fetch(path)

    @property
    def bundles(self) -> list[str]:
        """The bundles that were fetched."""
        return [path for path in self.fetched if path.startswith("tile/entries/")]


@pytest.fixture
def log() -> Log:
    """A log with a college and ten awards, published once."""
    forge = Log()
    forge.fill(10)
    forge.state()
    return forge


def grown(log: Log, awards: int) -> Log:
    """The log after some more awards and a statement."""
    log.fill(awards)
    log.state()
    return log


# ---- what is honest


def test_honest_log_is_sound_and_says_what_was_not_checked(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path)
    report = Auditor(None).audit(tmp_path)
    assert (report.report.sound, told(report)) == (True, [])
    assert (report.report.events, report.read, report.origin) == (len(log.log), len(log.log), log.origin)
    assert {(each.what, each.count) for each in report.report.not_checked} == {
        ("whether this is the log it claims to be", 1),
        ("whether the log showed another history before", 1),
        ("whether others are shown the same log", 1),
        ("private parts", 30),
        ("definitions and profiles", 2),
    }


def test_log_in_which_everything_happens_is_sound_in_one_run_and_in_many(tmp_path: Path) -> None:
    log = Log.after(everything())
    log.stack(COLLEGE, log.define(COLLEGE, how=FRESH), [], how=FRESH)
    log.state()
    whole = Auditor(None)
    steps = Auditor(tmp_path / "state")
    for _ in range(4):
        log.fill(3, FRESH)
        log.state()
        publish(log, tmp_path / "log")
        assert steps.audit(tmp_path / "log").report.sound
    one, many = whole.audit(tmp_path / "log"), steps.audit(tmp_path / "log")
    assert one.report.sound
    assert (one.report.events, one.report.root) == (many.report.events, many.report.root)
    counts = [{each.what: each.count for each in report.report.not_checked} for report in (one, many)]
    for what in ("private parts", "how stacks are built", "definitions and profiles"):
        assert counts[0].get(what) == counts[1].get(what)


def test_key_that_was_given_once_need_not_be_given_again(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state", Asked(keys=(log.vkey(),)))
    unknown = "whether this is the log it claims to be"
    assert unknown not in {each.what for each in auditor.audit(tmp_path / "log").report.not_checked}
    auditor.asked = Asked()
    assert unknown not in {each.what for each in auditor.audit(tmp_path / "log").report.not_checked}


@pytest.mark.parametrize("size", [250, 300, 600])
def test_next_run_reads_only_what_is_new(tmp_path: Path, size: int) -> None:
    log = Log()
    log.fill(size)
    log.state()
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    first = Counting(tmp_path / "log")
    assert auditor.audit(first).read == len(log.log)
    nothing = Counting(tmp_path / "log")
    assert auditor.audit(nothing).read == 0
    assert nothing.fetched == ["checkpoint"]
    before = len(log.log)
    grown(log, 3)
    publish(log, tmp_path / "log")
    second = Counting(tmp_path / "log")
    assert auditor.audit(second).read == len(log.log) - before
    assert second.bundles == [each.path for each in _bundles(before, len(log.log))]
    assert len(second.fetched) <= 6


def _bundles(old: int, new: int) -> Iterable[Bundle]:
    return (Bundle(number, min(new - number * 256, 256)) for number in range(old // 256, (new + 255) // 256))


@pytest.mark.parametrize("jobs", [1, 2])
def test_log_of_many_bundles_is_the_same_whoever_reads_them(
    tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.adapters.bundle_workers._WORTH_IT", 1)
    log = Log()
    streams = log.fill(700)
    for stream in streams[:300]:
        log.revoke(stream)
    log.state()
    publish(log, tmp_path)
    report = Auditor(None, jobs=jobs).audit(tmp_path)
    assert (report.report.sound, report.report.events) == (True, len(log.log))


def test_partial_bundles_and_tiles_that_are_gone_are_cut_from_the_full_ones(log: Log, tmp_path: Path) -> None:
    note, size = log.checkpoint(), len(log.log)
    publish(grown(log, 600), tmp_path)
    (tmp_path / "checkpoint").write_bytes(note)
    report = Auditor(None).audit(tmp_path)
    assert (report.report.sound, report.report.events) == (True, size)


# ---- a run that is cut off


def test_run_that_loses_the_log_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SAVED", 1)
    log = Log()
    log.fill(1000)
    log.state()
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    with pytest.raises(LogNotReached):
        auditor.audit(Counting(tmp_path / "log", breaks_at="tile/entries/002"))
    again = Counting(tmp_path / "log")
    report = auditor.audit(again)
    assert (report.report.sound, report.report.events, report.read) == (True, len(log.log), len(log.log) - 512)
    assert again.bundles == [bundle.path for bundle in _bundles(512, len(log.log))]


def test_run_that_is_killed_in_the_middle_leaves_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    class Killing(Counting):
        def fetch(self, path: str) -> bytes:
            if path == "tile/entries/002":
                raise Killed
            return super().fetch(path)

    log = Log()
    log.fill(1000)
    log.state()
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    with pytest.raises(Killed):
        auditor.audit(Killing(tmp_path / "log"))
    report = auditor.audit(tmp_path / "log")
    assert (report.report.sound, report.read) == (True, len(log.log))
    assert Auditor(None).audit(tmp_path / "log").report.root == report.report.root


# ---- another history


def test_fork_is_found_and_both_notes_are_evidence_and_the_log_stays_condemned(log: Log, tmp_path: Path) -> None:
    other = log.fork()
    publish(grown(log, 5), tmp_path / "log")
    publish(grown(other, 6), tmp_path / "other")
    auditor = Auditor(tmp_path / "state")
    assert auditor.audit(tmp_path / "log").report.sound
    report = auditor.audit(tmp_path / "other")
    assert [check for _, check in told(report)] == ["history"]
    assert set(auditor.evidence.values()) == {log.checkpoint(), other.checkpoint()}
    assert report.evidence == tuple(auditor.evidence)
    assert all(name in report.report.problems[0].reason for name in report.evidence)
    assert report.report.events == len(log.log)
    again = auditor.audit(tmp_path / "log")
    assert [check for _, check in told(again)] == ["history"]


def test_fork_names_the_entries_among_which_it_begins(tmp_path: Path) -> None:
    log = Log()
    log.fill(20)
    other = log.fork()
    publish(grown(log, 3), tmp_path / "log")
    publish(grown(other, 9), tmp_path / "other")
    pairs = zip(log.log, other.log, strict=False)
    parting = next(place for place, (ours, theirs) in enumerate(pairs, start=1) if ours.entry != theirs.entry)
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    report = auditor.audit(tmp_path / "other")
    ((first, check),) = told(report)
    last = int(report.report.problems[0].reason.split(" to ")[1].split(".")[0])
    assert check == "history"
    assert first <= parting <= last <= len(log.log)
    assert first > 1


def test_fork_of_the_same_size_is_found(log: Log, tmp_path: Path) -> None:
    other = log.fork()
    publish(grown(log, 5), tmp_path / "log")
    other.at += timedelta(seconds=1)
    publish(grown(other, 5), tmp_path / "other")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    report = auditor.audit(tmp_path / "other")
    assert [check for _, check in told(report)] == ["history"]
    assert len(auditor.evidence) == 2


def test_fork_that_is_smaller_is_told_from_an_older_state_of_the_same_history(log: Log, tmp_path: Path) -> None:
    old, other = log.fork(), log.fork()
    publish(grown(log, 20), tmp_path / "log")
    publish(old, tmp_path / "old")
    publish(grown(other, 5), tmp_path / "other")
    for folder, forked in (("old", False), ("other", True)):
        state = tmp_path / f"state of {folder}"
        auditor = Auditor(state)
        auditor.audit(tmp_path / "log")
        # Whoever goes back may still show the newer tiles; if not, nobody can see whether it is the same history.
        shown = tmp_path / folder
        for each in (tmp_path / "log" / "tile").rglob("*"):
            place = shown / each.relative_to(tmp_path / "log")
            if each.is_file() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(each.read_bytes())
        report = auditor.audit(shown)
        assert [check for _, check in told(report)] == ["history"]
        assert len(report.evidence) == 2
        again = auditor.audit(tmp_path / "log")
        assert again.report.sound is not forked


def test_rollback_without_the_tiles_that_would_explain_it_is_found(log: Log, tmp_path: Path) -> None:
    publish(log.fork(), tmp_path / "old")
    publish(grown(log, 20), tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    report = auditor.audit(tmp_path / "old")
    assert [check for _, check in told(report)] == ["history"]
    assert "cannot be seen any more" in report.report.problems[0].reason
    assert auditor.audit(tmp_path / "log").report.sound


def test_server_that_is_a_moment_behind_the_others_is_asked_again(log: Log, tmp_path: Path) -> None:
    publish(log.fork(), tmp_path / "behind")
    publish(grown(log, 20), tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")

    class Behind(Counting):
        def fetch(self, path: str) -> bytes:
            if path == "checkpoint" and len(self.fetched) < 4:
                self.fetched.append(path)
                return (tmp_path / "behind" / path).read_bytes()
            return super().fetch(path)

    behind = Behind(tmp_path / "log")
    report = auditor.audit(behind)
    assert (report.report.sound, behind.fetched[:5]) == (True, ["checkpoint"] * 5)
    assert behind.fetched[5:]  # what shows that the older note is of the same history
    assert behind.bundles == []
    older = Counting(tmp_path / "behind")
    assert not auditor.audit(older).report.sound
    assert older.fetched.count("checkpoint") == 6


def test_kept_checkpoint_finds_a_fork_without_any_state(log: Log, tmp_path: Path) -> None:
    other = log.fork()
    kept = grown(log, 5).checkpoint()
    publish(grown(other, 9), tmp_path)
    auditor = Auditor(None, Asked(kept=kept, keys=(log.vkey(),)))
    report = auditor.audit(tmp_path)
    assert [check for _, check in told(report)] == ["history"]
    assert kept in auditor.evidence.values()


def test_kept_checkpoint_of_the_same_history_is_good_at_any_size(log: Log, tmp_path: Path) -> None:
    kept = [grown(log, 100).checkpoint() for _ in range(5)]
    publish(log, tmp_path / "log")
    for note in kept:
        assert Auditor(None, Asked(kept=note)).audit(tmp_path / "log").report.sound
        assert Auditor(tmp_path / "state", Asked(kept=note)).audit(tmp_path / "log").report.sound


def test_log_that_is_behind_the_kept_checkpoint_is_rolled_back(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path)
    grown(log, 3)
    report = Auditor(None, Asked(kept=log.checkpoint())).audit(tmp_path)
    assert [check for _, check in told(report)] == ["history"]


# ---- another log


def test_state_of_another_log_is_refused(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    other = Log(origin=Origin("other.example/log"))
    other.state()
    publish(other, tmp_path / "other")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    with pytest.raises(StateOfAnotherLog, match=r"other\.example"):
        auditor.audit(tmp_path / "other")
    assert auditor.audit(tmp_path / "log").report.sound


def test_log_of_the_same_name_with_other_keys_is_not_believed(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    publish(log, tmp_path / "other", note=grown(log, 1).checkpoint(key="thief"))
    with pytest.raises(LogNotReadable):
        auditor.audit(tmp_path / "other")
    assert auditor.evidence == {}


def test_key_of_another_log_is_refused(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path)
    other = Log(origin=Origin("other.example/log"))
    with pytest.raises(LogNotReadable, match="another one"):
        Auditor(None, Asked(keys=(other.vkey(),))).audit(tmp_path)
    with pytest.raises(LogNotReadable, match="did not sign"):
        Auditor(None, Asked(keys=(log.vkey("thief"),))).audit(tmp_path)


def test_only_one_audit_at_a_time_works_with_a_state(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    with auditor.opened(), pytest.raises(StateInUse):
        auditor.audit(tmp_path / "log")
    assert auditor.audit(tmp_path / "log").report.sound


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE others SET entry = x'00' WHERE position = 1",
        "UPDATE others SET entry = x'00' WHERE position = 2",
        "UPDATE progress SET statuses = x'00'",
        "UPDATE progress SET tree = x'00'",
    ],
)
def test_state_that_is_damaged_is_said_to_be(log: Log, tmp_path: Path, change: str) -> None:
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(StateNotUsable):
        auditor.audit(tmp_path / "log")


def test_tree_in_the_state_that_is_not_the_logs_is_found_by_its_root(log: Log, tmp_path: Path) -> None:
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        (tree,) = connection.execute("SELECT tree FROM progress").fetchone()
        # Of its last hash, which stands for entries that were judged and are not read again.
        connection.execute("UPDATE progress SET tree = ?", (tree[:-1] + bytes([tree[-1] ^ 1]),))
        connection.commit()
    publish(grown(log, 3), tmp_path / "log")
    report = auditor.audit(tmp_path / "log")
    assert told(report) == [(len(log.log), "root")]
