"""Times: in order within a stream, between statements within a minute before and not after, wherever ranges end."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit import passes
from ledger.domain import events as ev
from ledger.testing.forge import BEGIN, Forge, How
from tests.unit.audit.forged_database import place_of, put

_MS = timedelta(milliseconds=1)
_MINUTE = timedelta(seconds=60)


class _Scene:
    """A college, a statement at position 5 and another one where a test says so."""

    def __init__(self) -> None:
        self.forge = Forge()
        self.college = self.forge.register("college")
        self.award = self.forge.award(self.forge.define(self.college))
        self.stated = self.forge.log[self.forge.state() - 1].recorded.at

    def issue(self, at: datetime) -> int:
        """A new award with that time."""
        return self.forge.streams[self.forge.issue(self.college, self.award, How(at=at))][0]


def _first(forge: Forge, path: Path) -> tuple[int, str] | None:
    return place_of(put(forge, path / "ledger.db").audit())


def test_entry_may_be_up_to_a_minute_older_than_the_statement_before_it(tmp_path: Path) -> None:
    scene = _Scene()
    scene.issue(scene.stated - _MINUTE)
    scene.forge.state()
    scene.issue(scene.stated + 5 * _MINUTE)
    scene.issue(scene.stated - _MINUTE + timedelta(seconds=10))  # by a process that is behind
    scene.forge.state(how=How(at=scene.stated + 5 * _MINUTE))
    assert _first(scene.forge, tmp_path) is None


def test_entry_more_than_a_minute_older_than_the_statement_before_it_is_a_problem(tmp_path: Path) -> None:
    scene = _Scene()
    place = scene.issue(scene.stated - _MINUTE - _MS)
    scene.forge.state()
    report = put(scene.forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (place, "time")
    assert "more than 60 s before" in report.problems[0].reason
    assert report.problem_count == 1


def test_statement_older_than_an_entry_that_it_speaks_of_is_a_problem(tmp_path: Path) -> None:
    scene = _Scene()
    early = scene.issue(scene.stated + timedelta(seconds=30))
    place = scene.forge.state(how=How(at=scene.stated + timedelta(seconds=30) - _MS))
    scene.forge.state(how=How(at=scene.stated + timedelta(seconds=31)))
    report = put(scene.forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (place, "time")
    assert f"at position {early}, of which the statement speaks" in report.problems[0].reason
    assert report.problem_count == 1


def test_entries_behind_the_last_statement_have_no_latest_time(tmp_path: Path) -> None:
    scene = _Scene()
    scene.issue(BEGIN.replace(year=2099))
    assert _first(scene.forge, tmp_path) is None


def test_before_the_first_statement_only_its_own_time_bounds(tmp_path: Path) -> None:
    forge = Forge()
    forge.register("college", how=How(at=BEGIN - 5 * _MINUTE))
    assert _first(forge, tmp_path) is None
    place = forge.state(how=How(at=forge.log[-1].recorded.at - _MS))
    assert place_of(put(forge, tmp_path / "second.db").audit()) == (place, "time")


@pytest.mark.parametrize(
    "act",
    [
        lambda s, at: s.forge.suspend(s.forge.issue(s.college, s.award), How(at=at)),
        lambda s, at: s.forge.change_profile(s.college, description="New", how=How(at=at)),
        lambda s, at: s.forge.state(how=How(at=at)),
    ],
)
def test_time_never_goes_back_within_a_stream(tmp_path: Path, act: Callable[[_Scene, datetime], int]) -> None:
    scene = _Scene()
    place = act(scene, BEGIN)  # less than a minute before the statement
    report = put(scene.forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (place, "time")


def test_without_private_parts_the_time_of_an_award_may_not_go_back_either(tmp_path: Path) -> None:
    scene = _Scene()
    stream = scene.forge.issue(scene.college, scene.award)
    place = scene.forge.suspend(stream, How(at=BEGIN))
    assert place_of(put(scene.forge, tmp_path / "ledger.db").audit(opener=None)) == (place, "time")


def test_an_unsigned_entry_binds_no_other_time(tmp_path: Path) -> None:
    scene = _Scene()
    late = BEGIN.replace(year=2099)
    unsigned = scene.forge.state(how=How(at=late, key="thief", named="operator"))
    scene.issue(scene.stated)
    place = scene.issue(scene.stated - _MINUTE - _MS)
    report = put(scene.forge, tmp_path / "ledger.db").audit()
    found = [(each.position, each.check.value) for each in report.problems if each.check.value != "head"]
    assert found == [(unsigned, "signature"), (place, "time")]


_seconds = st.sampled_from((-200, -61, -60, -59, -30, -1, 0, 1, 30, 100))


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.booleans(), _seconds), max_size=14), length=st.integers(1, 6))
def test_what_is_reported_is_what_the_rule_says_however_the_log_is_cut_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[bool, int]], length: int
) -> None:
    scene = _Scene()
    at = scene.stated
    for stating, seconds in steps:
        at += timedelta(seconds=seconds)
        if stating:
            scene.forge.state(how=How(at=at))
        else:
            scene.issue(at)
    monkeypatch.setattr(passes, "RANGE", length)
    name = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    report = put(scene.forge, name, checkpoints=[]).audit(opener=None)
    found = {each.position for each in report.problems if each.check.value == "time"}
    assert found == _wrong([sealed.recorded for sealed in scene.forge.log])


def _wrong(history: Sequence[ev.Recorded]) -> set[int]:
    """The positions at which the rule is broken, from the words of the specification."""
    found = set()
    for recorded in history:
        before = [each for each in history if each.position < recorded.position]
        stated = [each for each in before if isinstance(each.event, ev.StatusCommitted)]
        same = [each for each in before if each.stream == recorded.stream]
        if same and recorded.at < same[-1].at:
            found.add(int(recorded.position))
        if stated and recorded.at < stated[-1].at - _MINUTE:
            found.add(int(recorded.position))
        spoken_of = before[stated[-1].position :] if stated else before
        if isinstance(recorded.event, ev.StatusCommitted) and any(recorded.at < each.at for each in spoken_of):
            found.add(int(recorded.position))
    return found
