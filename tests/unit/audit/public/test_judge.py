"""Every rule that public data can tell is asked of every entry, and the first position that breaks it is named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from ledger.domain import events as ev
from ledger.domain.types import Digest, StreamId
from ledger.domain.values import issuer_did, slug
from ledger.testing.forge import HONEST, OPERATOR, RECOVERY, How
from tests.unit.audit.public.site import Auditor, Log, publish, told

COLLEGE = issuer_did(OPERATOR, slug("college"))
GUILD = issuer_did(OPERATOR, slug("guild"))


class Scene(Log):
    """A log with a college, an achievement and three awards, and another issuer."""

    def __init__(self) -> None:
        super().__init__()
        self.register("college")
        self.register("guild")
        self.ref = self.define(COLLEGE)
        self.streams_of_awards = [self.again() for _ in range(3)]

    def again(self, how: How = HONEST) -> StreamId:
        """One more award."""
        return self.issue(COLLEGE, self.award(self.ref), how)

    @property
    def first(self) -> StreamId:
        """The first award."""
        return self.streams_of_awards[0]

    @property
    def end(self) -> int:
        """The position of the last entry."""
        return len(self.log)


Deed: TypeAlias = Callable[[Scene, How], object]


@pytest.fixture
def log() -> Scene:
    """A log with a college, an achievement and three awards, and another issuer."""
    return Scene()


def judged(log: Log, folder: Path) -> list[tuple[int, str]]:
    """What the audit says of a log that ends in a statement."""
    log.state()
    publish(log, folder)
    return told(Auditor(None).audit(folder))


DEEDS: dict[str, Deed] = {
    "an award": lambda log, how: log.again(how),
    "a revocation": lambda log, how: log.revoke(log.first, how),
    "an amendment": lambda log, how: log.amend(log.first, log.award(log.ref), how=how),
    "a definition": lambda log, how: log.define(COLLEGE, "Soldering", how),
    "a revision": lambda log, how: log.revise(COLLEGE, log.ref, "Soldering", how),
    "a key": lambda log, how: log.add_key(COLLEGE, "college/next", how=how),
    "a recognition": lambda log, how: log.recognise(COLLEGE, GUILD, how=how),
    "a statement": lambda log, how: log.state(how=how),
    "a key of checkpoints": lambda log, how: log.add_checkpoint_key("operator/next", how),
}
SIGNED_BY = {
    "a key": "college/root",
    "a recognition": "guild/signing",
    "a statement": "operator",
    "a key of checkpoints": "operator",
}


@pytest.mark.parametrize("what", DEEDS)
def test_entry_as_it_should_be_is_sound(log: Scene, tmp_path: Path, what: str) -> None:
    DEEDS[what](log, HONEST)
    assert judged(log, tmp_path) == []


@pytest.mark.parametrize("what", DEEDS)
def test_entry_that_another_key_signed_than_the_one_named_is_found(log: Scene, tmp_path: Path, what: str) -> None:
    DEEDS[what](log, How(key="thief", named=SIGNED_BY.get(what, "college/signing")))
    position = log.end
    assert judged(log, tmp_path)[0] == (position, "signature")


@pytest.mark.parametrize("key", ["thief", "college/root", "guild/signing", "operator", "operator/checkpoint"])
@pytest.mark.parametrize("what", DEEDS)
def test_entry_of_a_key_that_may_not_sign_it_is_found(log: Scene, tmp_path: Path, what: str, key: str) -> None:
    DEEDS[what](log, How(key=key))
    position = log.end
    expected = [] if SIGNED_BY.get(what) == key else [(position, "signer")]
    assert judged(log, tmp_path)[:1] == expected


@pytest.mark.parametrize("what", DEEDS)
@pytest.mark.parametrize(("how", "check"), [(How(prev=bytes(32)), "chain"), (How(seq=7), "seq")])
def test_entry_that_does_not_follow_the_one_before_is_found(
    log: Scene, tmp_path: Path, what: str, how: How, check: str
) -> None:
    DEEDS[what](log, how)
    position = log.end
    assert judged(log, tmp_path)[0] == (position, check)


@pytest.mark.parametrize("what", ["a revocation", "an amendment", "a revision", "a key"])
def test_act_of_another_issuer_is_found(log: Scene, tmp_path: Path, what: str) -> None:
    DEEDS[what](log, How(by=GUILD, key="guild/root" if what == "a key" else "guild/signing"))
    position = log.end
    assert judged(log, tmp_path)[0] == (position, "signer")


BAD_ACTS: list[Callable[[Scene, StreamId], object]] = [
    lambda log, stream: log.reinstate(stream),
    lambda log, stream: (log.suspend(stream), log.suspend(stream)),
    lambda log, stream: (log.revoke(stream), log.reinstate(stream)),
    lambda log, stream: (log.revoke(stream), log.revoke(stream)),
    lambda log, stream: (log.revoke(stream), log.amend(stream, log.award(log.ref))),
    lambda log, stream: (log.suspend(stream), log.reinstate(stream), log.reinstate(stream)),
]


@pytest.mark.parametrize("between", [0, 300])
@pytest.mark.parametrize("acts", BAD_ACTS)
def test_act_that_may_not_follow_is_found_however_far_behind(
    log: Scene, tmp_path: Path, acts: Callable[[Scene, StreamId], object], between: int
) -> None:
    log.fill(between)
    acts(log, log.first)
    position = log.end
    assert judged(log, tmp_path)[0] == (position, "order")


def test_act_in_a_later_run_is_judged_by_what_earlier_runs_read(log: Scene, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")

    def audited() -> list[tuple[int, str]]:
        log.state()
        publish(log, tmp_path / "log")
        return told(auditor.audit(tmp_path / "log"))

    first, second, _ = log.streams_of_awards
    log.suspend(first)
    log.amend(second, log.award(log.ref))
    assert audited() == []
    log.reinstate(first)
    log.revoke(second)
    assert audited() == []
    log.suspend(second)
    position = log.end
    assert audited()[0] == (position, "order")
    # An unsound log does not become sound: what was found is told in every run.
    log.again()
    assert audited()[0] == (position, "order")


def test_acts_without_number_on_one_award_are_judged_one_by_one(log: Scene, tmp_path: Path) -> None:
    for _ in range(300):
        log.suspend(log.first)
        log.reinstate(log.first)
    assert judged(log, tmp_path / "honest") == []
    log.reinstate(log.first)
    position = log.end
    assert judged(log, tmp_path / "bad")[0] == (position, "order")


def test_stream_that_begins_with_anything_but_an_award_is_found(log: Scene, tmp_path: Path) -> None:
    contents = dict.fromkeys(ev.PARTS[ev.CredentialRevoked], b"")
    log.append(ev.CredentialRevoked(), stream=log.new_stream(), by=COLLEGE, key="college/signing", parts=contents)
    position = log.end
    assert judged(log, tmp_path)[0] == (position, "order")


@pytest.mark.parametrize("own", ["ref", "issuer", "log", "award"])
def test_award_in_a_stream_that_is_something_else_is_found(log: Scene, tmp_path: Path, own: str) -> None:
    streams = {
        "ref": log.ref.stream,
        "issuer": log.issuers[COLLEGE],
        "log": log.operator_stream,
        "award": log.first,
    }
    log.issue_at(COLLEGE, 99, stream=streams[own])
    position = log.end
    assert (position, "order") in judged(log, tmp_path)


def test_definition_in_the_stream_of_an_award_is_found(log: Scene, tmp_path: Path) -> None:
    log.append(
        ev.AchievementDefined(digest=log.ref.digest, version=1), stream=log.first, by=COLLEGE, key="college/signing"
    )
    position = log.end
    assert judged(log, tmp_path)[0] == (position, "order")


def test_stream_to_which_its_own_link_does_not_lead_is_found(log: Scene, tmp_path: Path) -> None:
    log.issue_at(COLLEGE, 99, stream=log.new_stream())
    position = log.end
    assert judged(log, tmp_path) == [(position, "entry")]


def test_slot_of_two_versions_and_list_of_two_issuers_are_found(log: Scene, tmp_path: Path) -> None:
    log.issue_at(COLLEGE, 99)
    log.issue_at(COLLEGE, 99)
    shared = log.end
    log.issue_at(GUILD, 100)
    of_two = log.end
    log.issue_at(GUILD, 100, b"list of a guild.")
    assert judged(log, tmp_path) == [(shared, "slot"), (of_two, "slot")]


def test_slot_that_an_earlier_run_saw_taken_is_not_taken_again(log: Scene, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")
    log.issue_at(COLLEGE, 4711)
    log.state()
    publish(log, tmp_path / "log")
    assert auditor.audit(tmp_path / "log").report.sound
    log.issue_at(COLLEGE, 4711)
    position = log.end
    log.state()
    publish(log, tmp_path / "log")
    assert told(auditor.audit(tmp_path / "log")) == [(position, "slot")]


# ---- keys that were stolen or retired


def test_award_of_a_retired_key_is_found(log: Scene, tmp_path: Path) -> None:
    log.add_key(COLLEGE, "college/next")
    log.again(How(key="college/next"))
    log.retire_key(COLLEGE, "college/next")
    log.again(How(key="college/next"))
    position = log.end
    assert judged(log, tmp_path) == [(position, "signer")]


def test_award_of_a_stolen_key_is_found_after_the_report_alone(log: Scene, tmp_path: Path) -> None:
    log.add_key(COLLEGE, "college/next")
    stolen = log.end + 1
    log.again(How(key="college/next"))
    log.compromise(COLLEGE, "college/next", stolen, how=RECOVERY)
    assert judged(log, tmp_path / "before") == []
    log.again(How(key="college/next"))
    position = log.end
    assert judged(log, tmp_path / "after")[0] == (position, "signer")


def test_stolen_key_reported_in_a_later_run_changes_the_statements_to_come(log: Scene, tmp_path: Path) -> None:
    auditor = Auditor(tmp_path / "state")
    log.add_key(COLLEGE, "college/next")
    stolen = log.end + 1
    awards = [log.again(How(key="college/next")) for _ in range(5)]
    log.suspend(awards[0], How(key="college/next"))
    log.state()
    publish(log, tmp_path / "log")
    assert auditor.audit(tmp_path / "log").report.sound
    log.compromise(COLLEGE, "college/next", stolen, how=RECOVERY)
    log.reinstate(awards[0])
    log.state()
    publish(log, tmp_path / "log")
    assert told(auditor.audit(tmp_path / "log")) == []


# ---- statements and times


LIES: list[Callable[[ev.StatusCommitted], ev.StatusCommitted]] = [
    lambda due: replace(due, lists=due.lists + 1),
    lambda due: replace(due, status=Digest(bytes(32))),
    lambda due: replace(due, authority=Digest(bytes(32))),
]


@pytest.mark.parametrize("lie", LIES)
def test_statement_that_does_not_follow_from_the_entries_is_found(
    log: Scene, tmp_path: Path, lie: Callable[[ev.StatusCommitted], ev.StatusCommitted]
) -> None:
    log.revoke(log.first)
    position = log.state(lie(log.due()))
    log.again()
    assert judged(log, tmp_path) == [(position, "statement")]


def test_statement_of_another_size_is_found(log: Scene, tmp_path: Path) -> None:
    position = log.state(replace(log.due(), size=len(log.log) - 1))
    log.again()
    assert judged(log, tmp_path) == [(position, "order")]


def test_statement_of_before_a_revocation_is_found_after_it(log: Scene, tmp_path: Path) -> None:
    before = log.due()
    log.state()
    log.revoke(log.first)
    position = log.state(replace(before, size=len(log.log)))
    log.again()
    assert judged(log, tmp_path) == [(position, "statement")]


def test_tree_that_does_not_end_in_a_statement_is_found(log: Scene, tmp_path: Path) -> None:
    log.state()
    log.again()
    publish(log, tmp_path)
    assert told(Auditor(None).audit(tmp_path)) == [(log.end, "statement")]


@pytest.mark.parametrize(("early", "found"), [(60, []), (60.001, ["time"])])
def test_entry_is_at_most_a_minute_older_than_the_last_statement(
    log: Scene, tmp_path: Path, early: float, found: list[str]
) -> None:
    log.state()
    stated = log.log[-1].recorded.at
    log.at += timedelta(minutes=5)
    log.again(How(at=stated - timedelta(seconds=early)))
    position = log.end
    assert judged(log, tmp_path) == [(position, check) for check in found]


@pytest.mark.parametrize(("late", "found"), [(0, []), (0.001, ["time"])])
def test_entry_is_not_younger_than_the_next_statement(
    log: Scene, tmp_path: Path, late: float, found: list[str]
) -> None:
    stated = log.at + timedelta(minutes=5)
    log.again(How(at=stated + timedelta(seconds=late)))
    position = log.end
    log.again()
    log.at = stated
    assert judged(log, tmp_path) == [(position, check) for check in found]


@pytest.mark.parametrize("what", ["a revocation", "a revision", "a key"])
def test_time_that_goes_back_within_a_stream_is_found(log: Scene, tmp_path: Path, what: str) -> None:
    stream = {"a revocation": log.first, "a revision": log.ref.stream, "a key": log.issuers[COLLEGE]}[what]
    before = log.log[log.streams[stream][-1] - 1].recorded.at
    DEEDS[what](log, How(at=before - timedelta(milliseconds=1)))
    position = log.end
    assert judged(log, tmp_path) == [(position, "time")]
