"""Who may sign what, and what may follow what: logs that were recorded by a writer who does not keep the rules."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.audit import rules
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef
from ledger.domain.types import Did, Digest, ListId, Position, Slot, StreamId
from ledger.domain.values import Custody, Part, Role
from ledger.record.entry import Entry
from ledger.testing.forge import DAY, OPERATOR, RECOVERY, Forge, How
from tests.unit.audit.forged_database import Database, place_of, put


class Scene:
    """A college with one achievement and one award, at positions 2 to 5, and what a test goes on to record."""

    def __init__(self) -> None:
        self.forge = Forge()
        self.college: Did = self.forge.register("college")
        self.ref: AchievementRef = self.forge.define(self.college)
        self.award: StreamId = self.forge.issue(self.college, self.forge.award(self.ref))
        self.next = len(self.forge.log) + 1

    def audited(self, path: Path) -> tuple[int, str] | None:
        """The first problem, if any."""
        return put(self.forge, path / "ledger.db").first()


@pytest.fixture
def scene() -> Scene:
    """One award, nothing wrong."""
    return Scene()


Step = Callable[[Scene], object]


def _second_registration(scene: Scene) -> None:
    event = ev.IssuerRegistered(
        root=scene.forge.kid("college/root"), custody=Custody.OPERATOR, profile=scene.forge.profile("college")
    )
    scene.forge.append(event, stream=scene.forge.new_stream(), by=scene.college, key="college/root")


def _profile_of_nobody(scene: Scene) -> None:
    event = ev.IssuerProfileChanged(digest=scene.forge.profile("college", description="New"), version=2)
    scene.forge.append(event, stream=scene.forge.new_stream(), by=scene.college, key="college/signing")


def _acts_of_another(scene: Scene) -> None:
    other = scene.forge.register("other")
    scene.next += 2
    scene.forge.suspend(scene.award, how=How(by=other, key="other/signing"))


def _revision_by_another(scene: Scene) -> None:
    other = scene.forge.register("other")
    scene.next += 2
    scene.forge.revise(scene.college, scene.ref, "Taken over", how=How(by=other, key="other/signing"))


def _key_by_another(scene: Scene) -> None:
    other = scene.forge.register("other")
    scene.next += 2
    scene.forge.add_key(scene.college, "college/next", how=How(by=other, key="other/root"))


def _retired_key(scene: Scene) -> None:
    scene.forge.add_key(scene.college, "college/next")
    scene.forge.retire_key(scene.college, "college/signing")
    scene.next += 2
    scene.forge.suspend(scene.award)


def _stolen_key(scene: Scene) -> None:
    scene.forge.compromise(scene.college, "college/signing", 2)
    scene.next += 1
    scene.forge.suspend(scene.award)


def _award_in_the_stream_of_an_issuer(scene: Scene) -> None:
    scene.forge.append(
        ev.CredentialSuspended(),
        stream=scene.forge.issuers[scene.college],
        by=scene.college,
        key="college/signing",
        parts=_act_contents(scene),
    )


def _act_of_another_in_the_stream_of_an_issuer(scene: Scene) -> None:
    contents = _act_contents(scene)
    other = scene.forge.register("other")
    scene.next += 2
    stream = scene.forge.issuers[scene.college]
    scene.forge.append(ev.CredentialSuspended(), stream=stream, by=other, key="other/signing", parts=contents)


def _act_contents(scene: Scene) -> dict[Part, bytes]:
    scene.forge.suspend(scene.award)
    opened = scene.forge.openings[scene.forge.log[-1].recorded.position]
    scene.forge.reinstate(scene.award)
    scene.next += 2
    return {part: opening.content for part, opening in opened.items()}


def _achievement_in_the_stream_of_an_award(scene: Scene) -> None:
    event = ev.AchievementDefined(digest=scene.ref.digest, version=1)
    scene.forge.append(event, stream=scene.award, by=scene.college, key="college/signing")


def _second_achievement(scene: Scene) -> None:
    event = ev.AchievementDefined(digest=scene.ref.digest, version=1)
    scene.forge.append(event, stream=scene.ref.stream, by=scene.college, key="college/signing")


def _revision_of_nothing(scene: Scene) -> None:
    event = ev.AchievementRevised(digest=scene.forge.definition("New"), version=2)
    scene.forge.append(event, stream=scene.forge.new_stream(), by=scene.college, key="college/signing")


def _log_started_again(scene: Scene) -> None:
    forge = scene.forge
    event = ev.LogStarted(origin=forge.origin, event_key=forge.kid("operator"), checkpoint_key=forge.kid("x"))
    forge.append(event, stream=forge.new_stream(), by=OPERATOR, key="operator")


def _revision_after_retiring(scene: Scene) -> None:
    scene.forge.retire(scene.college, scene.ref)
    scene.next += 1
    scene.forge.revise(scene.college, scene.ref, "Too late")


def _act_after_revoking(scene: Scene) -> None:
    scene.forge.revoke(scene.award)
    scene.next += 1
    scene.forge.suspend(scene.award)


def _unknown_issuer(scene: Scene) -> None:
    forge = scene.forge
    nobody = Did(f"{OPERATOR}:issuers:nobody")
    forge.issuers[nobody] = forge.new_stream()
    forge.issue(nobody, forge.award(scene.ref))


_WRONG: list[tuple[Step, str]] = [
    (lambda s: s.forge.add_key(s.college, "college/next", prover="thief"), "possession"),
    (lambda s: s.forge.add_key(s.college, "college/next", how=How(key="college/signing")), "signer"),
    (lambda s: s.forge.add_key(s.college, "college/next", how=replace(RECOVERY, key="thief")), "signer"),
    (lambda s: s.forge.suspend(s.award, how=How(key="college/root")), "signer"),
    (lambda s: s.forge.suspend(s.award, how=How(key="thief")), "signer"),
    (lambda s: s.forge.register("other", how=How(key="thief")), "signer"),
    (lambda s: s.forge.recognise(s.college, s.college), "signer"),
    (lambda s: s.forge.add_key(s.college, "college/signing"), "order"),
    (lambda s: s.forge.retire_key(s.college, "college/root"), "order"),
    (lambda s: s.forge.compromise(s.college, "college/signing", 900), "order"),
    (lambda s: s.forge.change_profile(s.college, version=3, description="New"), "order"),
    (lambda s: s.forge.reinstate(s.award), "order"),
    (_act_after_revoking, "order"),
    (_revision_after_retiring, "order"),
    (_second_registration, "order"),
    (_profile_of_nobody, "order"),
    (_second_achievement, "order"),
    (_revision_of_nothing, "order"),
    (_award_in_the_stream_of_an_issuer, "order"),
    (_achievement_in_the_stream_of_an_award, "order"),
    (_acts_of_another, "signer"),
    (_act_of_another_in_the_stream_of_an_issuer, "signer"),
    (_revision_by_another, "signer"),
    (_key_by_another, "signer"),
    (_retired_key, "signer"),
    (_stolen_key, "signer"),
    (_log_started_again, "signer"),
    (_unknown_issuer, "signer"),
    (lambda s: s.forge.suspend(s.award, how=How(prev=bytes(32))), "chain"),
    (lambda s: s.forge.define(s.college, how=How(prev=bytes(32))), "chain"),
    (lambda s: s.forge.suspend(s.award, how=How(seq=2)), "seq"),
    (lambda s: s.forge.register("other", how=How(seq=2)), "signer"),
    (lambda s: s.forge.issue(s.college, s.forge.award(s.ref), how=How(seq=1)), "seq"),
]


@pytest.mark.parametrize(("step", "check"), _WRONG)
def test_entry_that_breaks_a_rule_is_located(scene: Scene, tmp_path: Path, step: Step, check: str) -> None:
    step(scene)
    assert scene.audited(tmp_path) == (scene.next, check)


def _rotated_keys(scene: Scene) -> None:
    scene.forge.add_key(scene.college, "college/next")
    scene.forge.retire_key(scene.college, "college/signing")
    scene.forge.revoke(scene.award, how=How(key="college/next"))


def _revoked_again_with_a_good_key(scene: Scene) -> None:
    """What a stolen key revoked may be reinstated, once it is known as stolen."""
    stolen = len(scene.forge.log) + 1
    scene.forge.revoke(scene.award)
    scene.forge.compromise(scene.college, "college/signing", stolen)
    scene.forge.add_key(scene.college, "college/next")
    scene.forge.reinstate(scene.award, how=How(key="college/next"))


def _judged_by_what_was_known(scene: Scene) -> None:
    """An act that was allowed stays allowed, though the award turns out to be signed with a stolen key."""
    scene.forge.amend(scene.award, scene.forge.award(scene.ref, "Ada Newname"))
    scene.forge.compromise(scene.college, "college/signing", 2)


def _recovered_by_the_operator(scene: Scene) -> None:
    scene.forge.compromise(scene.college, "college/root", 2, how=RECOVERY)
    scene.forge.add_key(scene.college, "college/root2", Role.ROOT, how=RECOVERY)
    scene.forge.add_key(scene.college, "college/next", how=How(key="college/root2"))
    scene.forge.suspend(scene.award, how=How(key="college/next"))


def _recognised_twice(scene: Scene) -> None:
    board = scene.forge.register("board")
    scene.forge.recognise(scene.college, board)
    scene.forge.end_recognition(scene.college, board, until=DAY)
    scene.forge.recognise(scene.college, board)


@pytest.mark.parametrize(
    "step",
    [
        _rotated_keys,
        _revoked_again_with_a_good_key,
        _judged_by_what_was_known,
        _recovered_by_the_operator,
        _recognised_twice,
    ],
)
def test_what_the_rules_allow_is_sound(scene: Scene, tmp_path: Path, step: Step) -> None:
    step(scene)
    assert scene.audited(tmp_path) is None


def test_act_on_an_award_known_to_be_signed_with_a_stolen_key_is_a_problem(scene: Scene, tmp_path: Path) -> None:
    forge = scene.forge
    forge.compromise(scene.college, "college/signing", 5)
    forge.add_key(scene.college, "college/next")
    forge.amend(scene.award, forge.award(scene.ref, "Ada Newname"), how=How(key="college/next"))
    assert scene.audited(tmp_path) == (8, "order")


def test_award_that_was_judged_before_its_key_was_reported_is_judged_anew(scene: Scene, tmp_path: Path) -> None:
    forge = scene.forge
    forge.suspend(scene.award)
    forge.reinstate(scene.award)
    forge.compromise(scene.college, "college/signing", 5)
    forge.add_key(scene.college, "college/next")
    forge.amend(scene.award, forge.award(scene.ref, "Ada Newname"), how=How(key="college/next"))
    assert scene.audited(tmp_path) == (10, "order")


def test_entries_of_a_stream_in_another_order_than_their_positions_are_located(tmp_path: Path) -> None:
    scene = Scene()
    scene.forge.suspend(scene.award)
    scene.forge.reinstate(scene.award)
    database = put(scene.forge, tmp_path / "ledger.db", checkpoints=[])
    database.change("DELETE FROM private_parts")
    for old, new in ((6, -7), (7, 6), (-7, 7)):
        database.change("UPDATE stored_events SET notification_id = ? WHERE notification_id = ?", new, old)
    report = database.audit(kept=None, opener=None)
    assert any(each.check.value == "seq" and "stands before" in each.reason for each in report.problems)
    assert (6, "seq") in [(each.position, each.check.value) for each in report.problems]


def test_problem_in_a_stream_is_reported_once_and_the_rest_is_judged_on(scene: Scene, tmp_path: Path) -> None:
    scene.forge.reinstate(scene.award)
    scene.forge.suspend(scene.award)
    scene.forge.reinstate(scene.award)
    report = put(scene.forge, tmp_path / "ledger.db").audit()
    assert place_of(report) == (scene.next, "order")
    assert report.problem_count == 1


def test_second_issuing_in_a_stream_is_a_problem(scene: Scene, tmp_path: Path) -> None:
    forge = scene.forge
    issued = forge.log[4].recorded
    assert isinstance(issued.event, ev.CredentialIssued)
    contents = {part: opening.content for part, opening in forge.openings[issued.position].items()}
    again = replace(issued.event, slot=Slot(99), list=ListId(bytes(16)), link=Digest(bytes(32)))
    forge.append(again, stream=scene.award, by=scene.college, key="college/signing", parts=contents)
    database: Database = put(forge, tmp_path / "ledger.db")
    assert database.first() == (6, "order")


def test_few_signers_are_remembered_and_all_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_MOST_WINDOWS", 2)
    remembered: list[int] = []
    check = rules.Signers.check

    def counted(signers: rules.Signers, entry: Entry, position: Position) -> None:
        check(signers, entry, position)
        remembered.append(len(signers._good))

    monkeypatch.setattr(rules.Signers, "check", counted)
    forge = Forge()
    college = forge.register("college")
    ref = forge.define(college)
    keys = [f"college/{number}" for number in range(5)]
    for key in keys:
        forge.add_key(college, key)
    for key in (*keys, *keys, "thief"):
        forge.issue(college, forge.award(ref), how=How(key=key))
    assert put(forge, tmp_path / "ledger.db").first() == (len(forge.log), "signer")
    assert len(remembered) == 11
    assert max(remembered) == 2
