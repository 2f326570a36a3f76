"""The log's key may be followed by another one; whoever knows one of them comes to know the next, and no stranger's."""

from pathlib import Path

import pytest

from ledger.audit.public.follow import Asked
from ledger.audit.public.log import LogNotReadable
from ledger.testing.forge import How
from tests.unit.audit.public.site import Auditor, Log, publish, told

FIRST, NEXT = "operator/checkpoint", "operator/next"


class Rotation(Log):
    """A log in three sizes: under its first key, under two, and under the second alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.fill(3)
        self.sizes = [self._published("one")]
        self.add_checkpoint_key(NEXT)
        self.sizes.append(self._published("two"))
        self.retire_checkpoint_key(FIRST)
        self.sizes.append(self._published("three"))

    def _published(self, name: str) -> int:
        self.fill(1)
        self.state()
        publish(self, self._folder / name)
        return len(self.log)


@pytest.fixture
def log(tmp_path: Path) -> Rotation:
    """The three sizes in tmp_path/one, two and three."""
    return Rotation(tmp_path)


@pytest.mark.parametrize("given", [None, FIRST])
@pytest.mark.parametrize("steps", [("one", "two", "three"), ("one", "three"), ("two", "three"), ("one", "two")])
def test_state_knows_the_next_key_from_the_log_itself(
    log: Rotation, tmp_path: Path, steps: tuple[str, ...], given: str | None
) -> None:
    keys = () if given is None else (log.vkey(given),)
    auditor = Auditor(tmp_path / "state", Asked(keys=keys))
    for step in steps:
        report = auditor.audit(tmp_path / step)
        assert told(report) == []
        assert report.report.events == log.sizes[["one", "two", "three"].index(step)]


def test_log_without_any_state_is_read_by_the_key_that_it_names_now(log: Rotation, tmp_path: Path) -> None:
    for step in ("one", "two", "three"):
        assert told(Auditor(None).audit(tmp_path / step)) == []
    for step, key in (("one", FIRST), ("two", FIRST), ("two", NEXT), ("three", NEXT)):
        assert told(Auditor(None, Asked(keys=(log.vkey(key),))).audit(tmp_path / step)) == []


def test_retired_key_alone_vouches_for_nothing_but_with_a_checkpoint_that_it_signed(
    log: Rotation, tmp_path: Path
) -> None:
    old = log.vkey(FIRST)
    with pytest.raises(LogNotReadable, match="if it was the log's key once"):
        Auditor(None, Asked(keys=(old,))).audit(tmp_path / "three")
    kept = log.checkpoint(log.sizes[0])
    assert told(Auditor(None, Asked(keys=(old,), kept=kept)).audit(tmp_path / "three")) == []
    with pytest.raises(LogNotReadable, match="if it was the log's key once"):
        Auditor(None, Asked(keys=(old,), kept=log.checkpoint(key=NEXT))).audit(tmp_path / "three")


def test_checkpoint_of_the_retired_key_alone_is_refused_and_nothing_of_it_is_kept(
    log: Rotation, tmp_path: Path
) -> None:
    auditor = Auditor(tmp_path / "state")
    assert told(auditor.audit(tmp_path / "three")) == []
    log.fill(2)
    log.state()
    publish(log, tmp_path / "four", note=log.checkpoint(key=FIRST))
    with pytest.raises(LogNotReadable, match="no key of this log signed"):
        auditor.audit(tmp_path / "four")
    assert told(auditor.audit(tmp_path / "three")) == []
    publish(log, tmp_path / "four")
    report = auditor.audit(tmp_path / "four")
    assert (told(report), report.report.events) == ([], len(log.log))


def test_key_that_retires_itself_signs_no_tree_with_that_entry_any_more(log: Rotation, tmp_path: Path) -> None:
    (tmp_path / "three" / "checkpoint").write_bytes(log.checkpoint(key=FIRST))
    auditor = Auditor(tmp_path / "state")
    assert told(auditor.audit(tmp_path / "two")) == []
    assert told(auditor.audit(tmp_path / "three")) == [(log.sizes[2], "checkpoint")]


def test_older_checkpoint_of_a_key_that_was_retired_since_is_a_rollback(log: Rotation, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "three")
    assert told(auditor.audit(tmp_path / "one"))[0][1] == "history"
    assert len(auditor.evidence) == 2


def test_fork_under_the_next_key_that_the_state_does_not_know_yet_is_refused(tmp_path: Path) -> None:
    log = Log()
    log.fill(3)
    log.state()
    other = log.fork()
    log.fill(2)
    log.state()
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    other.add_checkpoint_key(NEXT)
    other.retire_checkpoint_key(FIRST)
    other.fill(9)
    other.state()
    publish(other, tmp_path / "other")
    with pytest.raises(LogNotReadable, match="nobody known signed"):
        auditor.audit(tmp_path / "other")
    assert told(auditor.audit(tmp_path / "log")) == []


@pytest.mark.parametrize(
    ("how", "prover", "check"),
    [(How(key="thief"), None, "signer"), (How(key=FIRST), None, "signer"), (How(), "thief", "possession")],
)
def test_key_that_may_not_be_added_signs_nothing(tmp_path: Path, how: How, prover: str | None, check: str) -> None:
    log = Log()
    log.fill(3)
    log.add_checkpoint_key(NEXT, how, prover=prover)
    position = len(log.log)
    log.state()
    publish(log, tmp_path, note=log.checkpoint(key=FIRST))
    assert told(Auditor(None).audit(tmp_path)) == [(position, check)]
    if check == "signer":
        publish(log, tmp_path, note=log.checkpoint(key=NEXT))
        with pytest.raises(LogNotReadable):
            Auditor(None).audit(tmp_path)


def test_last_key_is_not_retired(tmp_path: Path) -> None:
    log = Log()
    log.retire_checkpoint_key(FIRST)
    position = len(log.log)
    log.state()
    publish(log, tmp_path, note=log.checkpoint(key=FIRST))
    assert told(Auditor(None).audit(tmp_path)) == [(position, "order")]
