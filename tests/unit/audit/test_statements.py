"""Every statement is held against the entries before it, and nothing but what follows from them passes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit import passes, statements
from ledger.domain import events as ev
from ledger.domain.award import Award
from ledger.domain.types import Did, Digest, Position
from ledger.record.sealing import seal
from ledger.testing.forge import OPERATOR, RECOVERY, Forge, How
from ledger.verification.statement import Statuses
from tests.unit.audit.forged_database import place_of, put
from tests.unit.verification.statements import DEEDS, World

_OTHER = Digest(bytes(32))


def _scene() -> tuple[Forge, Did, Award]:
    """A college with two awards, one of them revoked, and a statement at position 8."""
    forge = Forge()
    college = forge.register("college")
    award = forge.award(forge.define(college))
    forge.revoke(forge.issue(college, award))
    forge.issue(college, award)
    forge.state()
    return forge, college, award


def test_honest_statements_are_sound(tmp_path: Path) -> None:
    forge, *_ = _scene()
    assert put(forge, tmp_path / "ledger.db").first() is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"status": _OTHER}, "the root over the status lists stated here is not"),
        ({"authority": _OTHER}, "the root over keys and recognitions stated here is not"),
        ({"lists": 2}, "the number of status lists stated here is not"),
        (
            {"status": _OTHER, "authority": _OTHER},
            "status lists and the root over keys and recognitions stated here are",
        ),
    ],
)
def test_wrong_roots_under_the_operators_good_signature_are_located(
    tmp_path: Path, wrong: dict[str, int | Digest], said: str
) -> None:
    forge, college, _ = _scene()
    place = forge.state(replace(forge.due(), **wrong))  # type: ignore[arg-type]
    forge.retire_key(college, "college/signing")
    forge.state()
    report = put(forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (place, "statement")
    assert said in report.problems[0].reason
    assert report.problem_count == 1  # the one after it is right again


def test_statement_of_an_earlier_state_does_not_pass_for_a_later_one(tmp_path: Path) -> None:
    forge, college, award = _scene()
    stale = forge.due()
    forge.suspend(forge.issue(college, award))
    place = forge.state(replace(stale, size=len(forge.log)))
    assert put(forge, tmp_path / "ledger.db").first() == (place, "statement")


@pytest.mark.parametrize("by", [-1, 1])
def test_statement_of_another_size_stands_where_it_may_not(tmp_path: Path, by: int) -> None:
    forge, *_ = _scene()
    due = forge.due()
    place = forge.state(replace(due, size=due.size + by))
    assert put(forge, tmp_path / "ledger.db").first() == (place, "order")


@pytest.mark.parametrize("how", [How(key="college/root"), How(by=Did(f"{OPERATOR}:issuers:college")), How(key="thief")])
def test_statement_by_anybody_else_is_not_the_logs(tmp_path: Path, how: How) -> None:
    forge, *_ = _scene()
    place = forge.state(how=how)
    assert put(forge, tmp_path / "ledger.db").first() == (place, "signer")


def test_statement_in_another_stream_is_not_the_logs(tmp_path: Path) -> None:
    forge, *_ = _scene()
    place = forge.append(forge.due(), stream=forge.new_stream(), by=OPERATOR, key="operator")
    assert put(forge, tmp_path / "ledger.db").first() == (place, "signer")


def test_statement_that_nobody_signed_is_located_and_the_next_is_still_compared(tmp_path: Path) -> None:
    forge, *_ = _scene()
    place = forge.state(how=How(key="thief", named="operator"))
    wrong = forge.state(replace(forge.due(), status=_OTHER))
    report = put(forge, tmp_path / "ledger.db").audit()
    assert [(each.position, each.check.value) for each in report.problems] == [
        (place, "signature"),
        (wrong, "statement"),
    ]


def test_award_of_a_key_known_as_stolen_must_be_stated_as_not_to_be_relied_on(tmp_path: Path) -> None:
    forge, college, award = _scene()
    forge.add_key(college, "second")
    forge.compromise(college, "second", 1, RECOVERY)
    forge.state()
    stolen = forge.issue(college, award, How(key="second"))
    place = forge.streams[stolen][0]
    forge.state()
    report = put(forge, tmp_path / "ledger.db").audit()
    assert [(each.position, each.check.value) for each in report.problems] == [(place, "signer")]


def test_report_of_a_theft_changes_what_is_due_of_awards_long_before(tmp_path: Path) -> None:
    forge, college, award = _scene()
    forge.add_key(college, "second")
    first = forge.issue(college, award, How(key="second"))
    forge.issue(college, award, How(key="second"))
    forge.amend(first, award, how=How(key="college/signing"))
    forge.state()
    before = forge.due()
    forge.compromise(college, "second", forge.streams[first][0])
    place = forge.state(replace(forge.due(), status=before.status))
    forge.state()
    assert [each.position for each in put(forge, tmp_path / "ledger.db").audit().problems] == [place]


def test_what_does_not_count_is_not_stated(tmp_path: Path) -> None:
    """A key that was added by nobody who may is in no line."""
    forge, college, _ = _scene()
    before = forge.due()
    place = forge.add_key(college, "next", how=How(key="college/signing"))
    forge.state(replace(before, size=len(forge.log)))
    assert [each.position for each in put(forge, tmp_path / "ledger.db").audit().problems] == [place]


def test_log_without_statements_looks_no_award_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forge = Forge()
    college = forge.register("college")
    forge.revoke(forge.issue(college, forge.award(forge.define(college))))
    monkeypatch.setattr(statements.Statements, "_history", None)
    assert put(forge, tmp_path / "ledger.db").first() is None


def test_awards_are_looked_up_before_too_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, college, award = _scene()
    for _ in range(5):
        forge.revoke(forge.issue(college, award))
    forge.state()
    waiting: list[int] = []
    settle = Statuses.settle

    def counted(statuses: Statuses) -> None:
        waiting.append(statuses.pending)
        settle(statuses)

    monkeypatch.setattr(statements, "_MOST_PENDING", 2)
    monkeypatch.setattr(Statuses, "settle", counted)
    assert put(forge, tmp_path / "ledger.db").first() is None
    assert max(waiting) == 3


@settings(max_examples=25)
@given(
    deeds=st.lists(st.tuples(st.sampled_from((*DEEDS, "state")), st.integers(0, 10_000)), max_size=25),
    length=st.integers(1, 9),
    wrong=st.integers(0, 10_000),
)
def test_honest_statements_are_never_reported_and_wrong_ones_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deeds: list[tuple[str, int]], length: int, wrong: int
) -> None:
    """Other rules may be broken here, such as a stolen key that signs on; statements speak of what was recorded."""
    world = World()
    for what, number in deeds:
        if what == "state":
            world.forge.state()
        else:
            world.do(what, number)
    last = world.forge.state()
    stated = [sealed for sealed in world.forge.log if isinstance(sealed.recorded.event, ev.StatusCommitted)]
    monkeypatch.setattr(passes, "RANGE", length)
    name = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    counted = _statements(world.forge, name)
    assert counted == []
    victim = stated[wrong % len(stated)].recorded
    assert isinstance(victim.event, ev.StatusCommitted)
    # Signed again with other roots; the chain of the log's stream breaks behind it, which is reported as such.
    lie = replace(victim, event=replace(victim.event, status=Digest(bytes(32))))
    place = victim.position - 1
    prev = Digest(bytes(32))
    world.forge.log[place] = seal(lie, prev=prev, signer=world.forge.key("operator"))
    assert _statements(world.forge, name.with_suffix(".wrong")) == [victim.position]
    assert last == len(world.forge.log)


def _statements(forge: Forge, path: Path) -> list[Position]:
    report = put(forge, path, checkpoints=[]).audit(kept=None)
    return [Position(each.position) for each in report.problems if each.check.value == "statement"]
