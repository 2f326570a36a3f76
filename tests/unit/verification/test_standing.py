"""What is said of a genuine award: recognised or not, in its dates, withdrawn, on hold, corrected, disowned."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ledger.domain.award import Act, Change
from ledger.domain.values import Custody, Mode, Reason, Role
from ledger.testing.forge import AN_ACT, BEGIN, DAY, RECOVERY, How
from ledger.verification.authority_check import establish
from ledger.verification.verdict import HistoryLine, Outcome, RecognitionView, State, Verdict
from tests.unit.verification.scene import Scene, assert_unshown, reasons

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


def states(verdict: Verdict) -> tuple[str, ...]:
    """The state and the notices of a verdict."""
    return (verdict.state.value, *verdict.notices)


def recognition(verdict: Verdict) -> RecognitionView:
    """How the verdict shows the recognition of its issuer."""
    assert verdict.award is not None
    return verdict.award.issuer.recognition


def result(verdict: Verdict) -> str | None:
    """The result that the verdict shows."""
    assert verdict.award is not None
    return verdict.award.result


# ---- what is shown


def test_verdict_shows_the_award_its_meaning_and_its_issuer(scene: Scene) -> None:
    award = scene.ask(scene.issue(name="Bo", valid_until=TOMORROW)).award
    assert award is not None
    assert (award.learner, award.language, award.result, award.assessor) == ("Bo", "en", "Pass", "R. Marker")
    assert (award.score, award.route, award.evidence) == (None, None, None)
    assert (award.awarded_on, award.valid_from, award.valid_until) == (DAY, DAY, TOMORROW)
    assert (award.definition.name, award.issuer.id) == ("Welding Basics", scene.did)
    assert (award.issuer.name, award.issuer.domain) == ("College Institute", "localhost:8000")
    assert (award.issuer.email, award.issuer.url) == ("office@college.example", "https://college.example")
    assert award.issuer.custody is Custody.OPERATOR


def test_history_lists_every_act_with_its_reason(scene: Scene) -> None:
    stream = scene.issue()
    act = Act(reason=Reason.ASSESSMENT_INTEGRITY, mode=None, effective=DAY, text="Under review")
    at = scene.forge.at
    position = scene.forge.suspend(stream, act=act)
    first, second = scene.ask(stream).history
    assert (first.type, first.reason, first.public_text) == ("credential.issued/1", None, None)
    assert second == HistoryLine(
        position=position,
        type="credential.suspended/1",
        at=at,
        reason=Reason.ASSESSMENT_INTEGRITY,
        public_text="Under review",
        disowned=False,
    )


# ---- recognition


def test_recognition_by_a_named_registry_is_shown_with_its_name(scene: Scene) -> None:
    assert recognition(scene.ask(scene.issue())) == RecognitionView(
        recognised=True,
        registry="Board Institute",
        registry_id=scene.body,
        scheme="quality",
        since=DAY,
        ended_on=None,
        recognised_when_issued=True,
    )


def test_recognition_by_a_body_that_the_operator_does_not_name_is_none(scene: Scene) -> None:
    verdict = scene.ask(scene.issue(), registries=(scene.did,))
    assert (states(verdict), verdict.in_force) == (("issuer_unrecognised",), True)
    assert reasons(verdict, "recognition") == ["not_recognised"]
    shown = recognition(verdict)
    assert (shown.recognised, shown.registry, shown.registry_id, shown.recognised_when_issued) == (
        False,
        None,
        None,
        False,
    )
    assert (shown.scheme, shown.since, shown.ended_on) == (None, None, None)


def test_recognition_that_ended_names_the_registry_and_the_last_day(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.end_recognition(scene.did, scene.body)
    verdict = scene.ask(stream, now=BEGIN + timedelta(days=1))
    assert (states(verdict), reasons(verdict, "recognition")) == (("issuer_unrecognised",), ["recognition_ended"])
    shown = recognition(verdict)
    assert (shown.recognised, shown.registry, shown.since, shown.ended_on) == (False, "Board Institute", DAY, DAY)
    assert shown.recognised_when_issued


def test_recognition_holds_on_its_last_day(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.end_recognition(scene.did, scene.body)
    assert states(scene.ask(stream)) == ("valid",)


def test_recognition_that_begins_tomorrow_does_not_hold_today(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.recognise(scene.did, other, since=TOMORROW)
    stream = scene.issue()
    today, tomorrow = (scene.ask(stream, registries=(other,), now=BEGIN + timedelta(days=days)) for days in (0, 1))
    assert (states(today), reasons(today, "recognition")) == (("issuer_unrecognised",), ["not_recognised"])
    assert (recognition(today).registry, recognition(today).recognised_when_issued) == (None, False)
    assert (states(tomorrow), recognition(tomorrow).recognised_when_issued) == (("valid",), False)


def test_recognition_that_will_end_has_not_ended(scene: Scene) -> None:
    scene.forge.end_recognition(scene.did, scene.body, until=TOMORROW)
    shown = recognition(scene.ask(scene.issue()))
    assert (shown.recognised, shown.ended_on) == (True, None)


def test_recognition_for_a_period_to_come_is_not_shown_as_ended(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.recognise(scene.did, other, since=TOMORROW, until=TOMORROW)
    verdict = scene.ask(scene.issue(), registries=(other,))
    assert reasons(verdict, "recognition") == ["not_recognised"]
    assert (recognition(verdict).registry, recognition(verdict).ended_on) == (None, None)


def test_of_several_ended_recognitions_the_last_is_shown(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.recognise(scene.did, other, since=date(2020, 1, 1), until=date(2024, 1, 1))
    scene.forge.end_recognition(scene.did, scene.body)
    stream = scene.issue()
    for registries in ((other, scene.body), (scene.body, other)):
        verdict = scene.ask(stream, registries=registries, now=BEGIN + timedelta(days=1))
        assert recognition(verdict).ended_on == DAY


def test_of_several_registries_the_first_named_that_recognises_is_shown(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.recognise(scene.did, other)
    stream = scene.issue()
    assert recognition(scene.ask(stream, registries=(other, scene.body))).registry_id == other
    assert recognition(scene.ask(stream, registries=(scene.body, other))).registry_id == scene.body


def test_recognition_recorded_after_the_award_does_not_reach_back(scene: Scene) -> None:
    other = scene.forge.register("union")
    stream = scene.issue()
    scene.forge.recognise(scene.did, other, since=YESTERDAY)
    verdict = scene.ask(stream, registries=(other,))
    assert (states(verdict), recognition(verdict).recognised_when_issued) == (("valid",), False)


def test_recognition_with_a_stolen_key_of_the_body_does_not_count(scene: Scene) -> None:
    other = scene.forge.register("union")
    position = scene.forge.recognise(scene.did, other)
    stream = scene.issue()
    scene.forge.compromise(other, "union/signing", position)
    verdict = scene.ask(stream, registries=(other,))
    assert (states(verdict), recognition(verdict).registry) == (("issuer_unrecognised",), None)
    assert not recognition(verdict).recognised_when_issued


def test_recognition_before_the_key_of_the_body_was_stolen_counts(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.compromise(scene.body, "board/signing", len(scene.forge.log))
    assert states(scene.ask(stream)) == ("valid",)


def test_recognition_by_a_registry_that_could_not_be_checked_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    authority = establish(scene.forge.authority(scene.did))
    verdict = scene.ask(stream, authority=authority)
    assert_unshown(verdict, State.LOG_INCONSISTENT, "recognition", "registry_unestablished")
    assert Outcome.FAILED not in {finding.outcome for finding in verdict.findings}


def test_recognition_by_an_unchecked_body_that_nobody_named_changes_nothing(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.recognise(scene.did, other)
    stream = scene.issue()
    authority = establish(scene.forge.authority(scene.did, scene.body))
    assert states(scene.ask(stream, authority=authority)) == ("valid",)


# ---- dates


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, DAY, ("valid",)),
        (None, YESTERDAY, ("expired",)),
        (DAY, None, ("valid",)),
        (TOMORROW, None, ("not_yet_valid",)),
        (TOMORROW, YESTERDAY, ("expired", "not_yet_valid")),
    ],
)
def test_dates_include_the_first_day_and_the_last(
    scene: Scene, first: date | None, last: date | None, expected: tuple[str, ...]
) -> None:
    verdict = scene.ask(scene.issue(valid_from=first, valid_until=last))
    assert states(verdict) == expected
    assert verdict.in_force is (expected == ("valid",))


def test_award_dated_tomorrow_without_a_first_day_is_not_yet_valid(scene: Scene) -> None:
    assert states(scene.ask(scene.issue(awarded_on=TOMORROW))) == ("not_yet_valid",)


def test_today_is_the_day_in_utc(scene: Scene) -> None:
    stream = scene.issue(valid_until=DAY)
    late = datetime(2026, 11, 21, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert late.astimezone(UTC).date() == TOMORROW
    assert states(scene.ask(stream, now=late)) == ("expired",)


def test_a_clock_behind_the_log_raises_no_award_whose_last_day_the_log_has_seen(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue(valid_until=DAY))
    seen = replace(evidence.head, at=evidence.head.at + timedelta(days=1))
    assert states(scene.ask(replace(evidence, head=seen), now=evidence.head.at)) == ("expired",)


def test_a_time_in_the_log_that_has_not_come_lets_no_award_begin(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue(valid_from=TOMORROW))
    seen = replace(evidence.head, at=evidence.head.at + timedelta(days=1))
    assert states(scene.ask(replace(evidence, head=seen), now=evidence.head.at)) == ("not_yet_valid",)


# ---- status


def test_suspended_award_is_on_hold_until_it_is_reinstated(scene: Scene) -> None:
    stream = scene.issue()
    act = Act(reason=Reason.OTHER, mode=None, effective=YESTERDAY, text="Please wait")
    at = scene.forge.at
    scene.forge.suspend(stream, act=act)
    verdict = scene.ask(stream)
    assert (states(verdict), verdict.in_force) == (("suspended",), False)
    assert verdict.change is not None
    change = verdict.change
    assert (change.kind, change.reason, change.public_text, change.mode) == (
        "suspended",
        Reason.OTHER,
        "Please wait",
        None,
    )
    assert (change.effective, change.recorded, change.disowned) == (YESTERDAY, at, False)
    scene.forge.reinstate(stream)
    assert (states(scene.ask(stream)), scene.ask(stream).change) == (("valid",), None)


def test_revoked_award_says_so_with_both_dates_and_every_lower_state(scene: Scene) -> None:
    stream = scene.issue(valid_until=YESTERDAY)
    scene.forge.suspend(stream)
    at = scene.forge.at
    act = Act(reason=Reason.ISSUED_IN_ERROR, mode=Mode.RETROACTIVE, effective=YESTERDAY, text=None)
    scene.forge.revoke(stream, act=act)
    verdict = scene.ask(stream, registries=())
    assert states(verdict) == ("revoked", "suspended", "expired", "issuer_unrecognised")
    assert verdict.change is not None
    change = verdict.change
    assert (change.kind, change.mode, change.effective, change.recorded) == (
        "revoked",
        Mode.RETROACTIVE,
        YESTERDAY,
        at,
    )
    assert verdict.award is not None


# ---- versions


def test_older_version_scanned_shows_what_changed_since(scene: Scene) -> None:
    stream = scene.issue()
    act = replace(AN_ACT, reason=Reason.ISSUED_IN_ERROR, text="Typing error")
    at = scene.forge.at
    scene.forge.amend(stream, scene.amended("Distinction"), act)
    verdict = scene.ask(stream, scanned=1)
    assert (states(verdict), verdict.in_force) == (("amended",), True)
    assert (verdict.scanned_version, verdict.current_version, result(verdict)) == (1, 2, "Distinction")
    (amendment,) = verdict.amendments
    assert amendment.change == Change(field="result", old="Pass", new="Distinction")
    assert (amendment.reason, amendment.public_text) == (Reason.ISSUED_IN_ERROR, "Typing error")
    assert (amendment.version, amendment.on) == (2, at)


@pytest.mark.parametrize("scanned", [2, None])
def test_current_version_scanned_is_valid_and_corrected(scene: Scene, scanned: int | None) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.amended("Distinction"))
    verdict = scene.ask(stream, scanned=scanned)
    assert (states(verdict), verdict.scanned_version) == (("valid", "corrected"), 2)
    assert [each.change.new for each in verdict.amendments] == ["Distinction"]


def test_of_three_versions_the_second_scanned_shows_the_last_change_only(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.amended("Merit"))
    newer = scene.forge.revise(scene.did, scene.ref, "Welding II")
    scene.forge.amend(stream, replace(scene.amended("Merit"), achievement=newer, name="Ada Other"))
    verdict = scene.ask(stream, scanned=2)
    assert [(each.version, each.change.field) for each in verdict.amendments] == [
        (3, "title"),
        (3, "full_name"),
        (3, "achievement_version"),
    ]
    assert [each.change.old for each in verdict.amendments if each.change.field == "full_name"] == [None]
    assert verdict.award is not None
    assert (verdict.award.learner, verdict.award.definition.name) == ("Ada Other", "Welding II")
    assert [each.version for each in scene.ask(stream, scanned=3).amendments] == [2, 3, 3, 3]


@pytest.mark.parametrize("scanned", [1, 2])
def test_award_that_was_signed_again_and_says_what_it_said_is_neither_amended_nor_corrected(
    scene: Scene, scanned: int
) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.award)
    verdict = scene.ask(stream, scanned=scanned)
    assert (states(verdict), verdict.current_version) == (("valid",), 2)
    assert reasons(verdict, "version") == (["signed_again"] if scanned == 1 else ["ok"])


def test_pending_correction_says_corrected_then_pending(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.amended("Merit"))
    evidence = replace(scene.forge.evidence(stream), checkpoint=None)
    assert states(scene.ask(evidence, scanned=2)) == ("valid", "corrected", "pending")
    assert states(scene.ask(evidence, scanned=1)) == ("amended", "pending")


# ---- stolen keys


def test_award_made_with_a_stolen_key_says_so(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.compromise(scene.did, "college/signing", len(scene.forge.log))
    verdict = scene.ask(stream)
    assert (states(verdict), verdict.in_force) == (("key_compromised",), False)
    assert reasons(verdict, "signers") == ["key_compromised"]
    assert verdict.award is not None
    assert [line.disowned for line in verdict.history] == [True]


def test_award_made_before_the_key_was_stolen_stands(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.compromise(scene.did, "college/signing", len(scene.forge.log) + 1)
    verdict = scene.ask(stream)
    assert (states(verdict), reasons(verdict, "signers")) == (("valid",), ["ok"])


def test_version_made_with_a_stolen_key_does_not_count_and_is_never_shown(scene: Scene) -> None:
    stream = scene.issue()
    stolen = scene.forge.amend(stream, scene.amended("Forged"))
    scene.forge.compromise(scene.did, "college/signing", stolen)
    first, second = scene.ask(stream, scanned=1), scene.ask(stream, scanned=2)
    assert (states(first), states(second)) == (("valid",), ("amended",))
    assert reasons(first, "signers") == ["act_disowned"]
    for verdict in (first, second):
        assert (verdict.current_version, result(verdict), verdict.amendments) == (1, "Pass", ())
    assert [line.disowned for line in first.history] == [False, True]


def test_correction_after_a_forged_version_is_compared_with_the_last_good_one(scene: Scene) -> None:
    stream = scene.issue()
    stolen = scene.forge.amend(stream, scene.amended("Forged"))
    scene.forge.compromise(scene.did, "college/signing", stolen)
    scene.forge.add_key(scene.did, "new")
    scene.forge.amend(stream, scene.amended("Merit"), how=How(key="new"))
    for scanned, expected in ((1, "amended"), (2, "amended"), (3, "valid")):
        verdict = scene.ask(stream, scanned=scanned)
        assert (verdict.state, result(verdict)) == (State(expected), "Merit")
        assert [(each.change.old, each.change.new) for each in verdict.amendments] == [("Pass", "Merit")]


def test_suspension_with_a_stolen_key_holds_until_a_good_key_reinstates(scene: Scene) -> None:
    stream = scene.issue()
    stolen = scene.forge.suspend(stream)
    scene.forge.compromise(scene.did, "college/signing", stolen)
    verdict = scene.ask(stream)
    assert states(verdict) == ("suspended",)
    assert verdict.change is not None
    assert verdict.change.disowned
    scene.forge.add_key(scene.did, "new")
    scene.forge.reinstate(stream, How(key="new"))
    assert states(scene.ask(stream)) == ("valid",)


def test_reinstatement_with_a_stolen_key_does_not_count(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    stolen = scene.forge.reinstate(stream)
    assert states(scene.ask(stream)) == ("valid",)
    scene.forge.compromise(scene.did, "college/signing", stolen)
    assert states(scene.ask(stream)) == ("suspended",)


def test_revocation_with_a_stolen_key_can_be_undone_only_once_that_is_known(scene: Scene) -> None:
    early = scene.issue()
    scene.forge.add_key(scene.did, "new")
    stolen = scene.forge.revoke(early)
    scene.forge.reinstate(early, How(key="new"))
    scene.forge.compromise(scene.did, "college/signing", stolen)
    assert_unshown(scene.ask(early), State.SIGNATURE_INVALID, "history", "act_not_allowed")
    late = scene.issue(How(key="new"))
    scene.forge.revoke(late, How(key="college/signing"))
    scene.forge.reinstate(late, How(key="new"))
    assert states(scene.ask(late)) == ("valid",)


def test_act_is_judged_by_what_was_known_when_it_was_recorded(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "new")
    stream = scene.issue(How(key="new"))
    scene.forge.suspend(stream, How(key="new"))
    stolen = scene.forge.reinstate(stream)
    scene.forge.suspend(stream, How(key="new"))  # on hold already by what is known since; not by what was known then
    scene.forge.compromise(scene.did, "college/signing", stolen)
    assert states(scene.ask(stream)) == ("suspended",)


def test_report_between_two_acts_changes_what_the_second_meets(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "new")
    stream = scene.issue(How(key="new"))
    scene.forge.suspend(stream, How(key="new"))
    stolen = scene.forge.reinstate(stream)
    scene.forge.compromise(scene.did, "college/signing", stolen)
    scene.forge.compromise(scene.did, "new", len(scene.forge.log))
    scene.forge.reinstate(stream, How(key="new"))  # allowed only because the first reinstatement is known to be stolen
    verdict = scene.ask(stream)
    assert states(verdict) == ("suspended",)
    assert [line.disowned for line in verdict.history] == [False, False, True, True]


def test_key_that_a_stolen_root_key_brought_in_is_disowned_with_it(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "second", Role.ROOT)
    stolen = scene.forge.add_key(scene.did, "mole")
    stream = scene.issue(How(key="mole"))
    scene.forge.compromise(scene.did, "college/root", stolen, How(key="second"))
    assert states(scene.ask(stream)) == ("key_compromised",)


def test_theft_that_the_operator_reports_in_the_issuers_stead_counts(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.compromise(scene.did, "college/signing", len(scene.forge.log), RECOVERY)
    assert states(scene.ask(stream)) == ("key_compromised",)
