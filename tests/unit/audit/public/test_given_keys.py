"""A key that the auditor gives confirms which log it is only if the log is by that key."""

from pathlib import Path

import pytest

from ledger.audit.public.follow import Asked, PublicReport
from tests.unit.audit.public.site import Auditor, Log, publish, told
from tests.unit.audit.public.test_follow import grown
from tests.unit.audit.public.test_log_keys import FIRST, Rotation

UNKNOWN = "whether this is the log it claims to be"


@pytest.fixture
def log() -> Log:
    """A log with a college and three awards."""
    forge = Log()
    forge.fill(3)
    forge.state()
    return forge


def is_known(report: PublicReport) -> bool:
    """Whether the report takes it for checked which log it is."""
    return UNKNOWN not in {each.what for each in report.report.not_checked}


def audited(auditor: Auditor, log: Log, folder: Path, *keys: str) -> PublicReport:
    """The next run, with these keys."""
    publish(log, folder)
    auditor.asked = Asked(keys=tuple(log.vkey(key) for key in keys))
    return auditor.audit(folder)


def test_key_of_somebody_else_confirms_nothing_and_is_told_until_the_right_one_is_given(
    log: Log, tmp_path: Path
) -> None:
    auditor, folder = Auditor(tmp_path / "state"), tmp_path / "log"
    assert not is_known(audited(auditor, log, folder))
    wrong = audited(auditor, log, folder, "somebody else")
    assert (told(wrong), is_known(wrong)) == ([(1, "log")], False)
    for _ in range(2):
        later = audited(auditor, grown(log, 1), folder)
        assert (told(later), is_known(later)) == ([(1, "log")], False)
        assert log.vkey("somebody else").to_text() in later.report.problems[0].reason
        assert later.report.events == len(log.log)
    right = audited(auditor, log, folder, "operator/checkpoint")
    assert (told(right), is_known(right)) == ([], True)
    last = audited(auditor, log, folder)
    assert (told(last), is_known(last)) == ([], True)


def test_wrong_key_beside_the_right_one_does_no_harm(log: Log, tmp_path: Path) -> None:
    auditor, folder = Auditor(tmp_path / "state"), tmp_path / "log"
    both = audited(auditor, log, folder, "operator/checkpoint", "somebody else")
    assert (told(both), is_known(both)) == ([], True)
    assert is_known(audited(auditor, log, folder))


def test_wrong_key_for_a_log_that_is_known_is_told_once(log: Log, tmp_path: Path) -> None:
    auditor, folder = Auditor(tmp_path / "state"), tmp_path / "log"
    audited(auditor, log, folder, "operator/checkpoint")
    assert told(audited(auditor, log, folder, "somebody else")) == [(1, "log")]
    later = audited(auditor, log, folder)
    assert (told(later), is_known(later)) == ([], True)


@pytest.mark.parametrize(("seen", "known"), [("one", True), ("three", False)])
def test_key_that_the_log_had_once_confirms_it_by_what_it_signed_then(tmp_path: Path, seen: str, known: bool) -> None:
    log = Rotation(tmp_path)
    auditor = Auditor(tmp_path / "state")
    assert not is_known(auditor.audit(tmp_path / seen))
    auditor.asked = Asked(keys=(log.vkey(FIRST),))
    report = auditor.audit(tmp_path / "three")
    assert (told(report), is_known(report)) == ([], known)
