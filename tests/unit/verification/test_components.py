"""Stacks: every part is the one that was pinned, stood as the rule wants it then, and is shown as it stands now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from ledger.domain.award import Component
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Digest, Origin, Seq, StreamId
from ledger.domain.values import Custody, Part
from ledger.record.private_parts import Facts, write_facts
from ledger.testing.forge import AN_ACT, DAY, How
from ledger.verification.authority_check import establish
from ledger.verification.evidence import PartEvidence
from ledger.verification.verdict import State, Verdict
from tests.unit.verification.scene import assert_unshown, reasons, with_part
from tests.unit.verification.stacks import OF_ANOTHER_LEARNER, OF_NOBODY, Workshop

THEFT = How(key="thief")


@pytest.fixture
def workshop() -> Workshop:
    """A college with a pathway of three achievements."""
    return Workshop()


def states(verdict: Verdict) -> list[State]:
    return [part.state for part in verdict.components]


def test_single_award_is_not_built_from_others(workshop: Workshop) -> None:
    verdict = workshop.ask(workshop.earn("welding"))
    assert (verdict.state, reasons(verdict, "components"), verdict.components) == (State.VALID, ["single"], ())


def test_stack_of_parts_in_force_is_valid_and_lists_them_in_order(workshop: Workshop) -> None:
    parts = workshop.parts()
    pinned = [parts[2], parts[0], parts[1]]
    verdict = workshop.judge(workshop.stack(pinned), pinned)
    assert (verdict.state, verdict.notices, reasons(verdict, "components")) == (State.VALID, (), ["ok"])
    assert [part.name for part in verdict.components] == ["Grinding", "Welding", "Cutting"]
    assert [part.code for part in verdict.components] == [workshop.forge.codes[part] for part in pinned]
    assert all((part.in_force, part.version, part.change) == (True, 1, None) for part in verdict.components)


@pytest.mark.parametrize("lower", ["revoke", "suspend"])
def test_stack_whose_part_was_lowered_later_is_under_review_and_in_force(workshop: Workshop, lower: str) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    getattr(workshop.forge, lower)(parts[1])
    verdict = workshop.judge(stack, parts)
    assert (verdict.state, verdict.in_force, verdict.award is None) == (State.COMPONENT_REVIEW, True, False)
    assert reasons(verdict, "components") == ["part_not_in_force"]
    lowered = State.REVOKED if lower == "revoke" else State.SUSPENDED
    assert states(verdict) == [State.VALID, lowered, State.VALID]
    change = verdict.components[1].change
    assert change is not None
    assert (change.kind, change.effective) == (lowered.value, DAY)
    assert verdict.components[1].in_force is False


def test_part_that_was_reinstated_ends_the_review(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    workshop.forge.suspend(parts[0])
    workshop.forge.reinstate(parts[0])
    assert workshop.judge(stack, parts).state is State.VALID


def test_part_that_expired_since_makes_a_review(workshop: Workshop) -> None:
    parts = [workshop.earn("welding", until=DAY), workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts)
    assert workshop.judge(stack, parts).state is State.VALID
    verdict = workshop.judge(stack, parts, days=1)
    assert (verdict.state, states(verdict)[0]) == (State.COMPONENT_REVIEW, State.EXPIRED)
    assert verdict.components[0].valid_until == DAY


def test_part_signed_with_a_key_reported_stolen_afterwards_makes_a_review(workshop: Workshop) -> None:
    workshop.forge.add_key(workshop.did, "college/second")
    parts = [workshop.earn("welding", How(key="college/second")), workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts)
    workshop.forge.compromise(workshop.did, "college/second", 1)
    verdict = workshop.judge(stack, parts)
    assert (verdict.state, states(verdict)[0]) == (State.COMPONENT_REVIEW, State.KEY_COMPROMISED)


def test_amended_part_is_shown_in_its_current_version(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    workshop.forge.amend(parts[0], replace(workshop.forge.award(workshop.refs["welding"]), result="Merit"))
    verdict = workshop.judge(stack, parts)
    assert (verdict.state, verdict.components[0].version, states(verdict)[0]) == (State.VALID, 2, State.VALID)


def test_revoked_stack_says_in_a_notice_that_a_part_is_gone_too(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    workshop.forge.revoke(parts[0])
    workshop.forge.revoke(stack)
    verdict = workshop.judge(stack, parts)
    assert (verdict.state, verdict.notices) == (State.REVOKED, ("component_review",))


def test_enough_parts_of_an_n_of_rule_make_the_award() -> None:
    workshop = Workshop(least=2)
    parts = workshop.parts()[:2]
    assert workshop.judge(workshop.stack(parts), parts).state is State.VALID


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [([0, 1], "rule_not_satisfied"), ([], "rule_not_satisfied"), ([0, 1, 2, 2], "repeated")],
)
def test_parts_that_do_not_satisfy_the_rule_make_no_award(workshop: Workshop, chosen: list[int], reason: str) -> None:
    parts = workshop.parts()
    stack = workshop.stack([parts[each] for each in chosen])
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", reason)


def test_two_awards_of_one_achievement_count_once(workshop: Workshop) -> None:
    parts = [*workshop.parts(), workshop.earn("welding")]
    stack = workshop.stack(parts)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "repeated_achievement")


Pin = Callable[[Component], Component]


@pytest.mark.parametrize(
    ("bend", "state", "reason"),
    [
        (lambda pin: replace(pin, origin=Origin("log.elsewhere.example")), State.SIGNATURE_INVALID, "part_elsewhere"),
        (lambda pin: replace(pin, entry=Digest(bytes(32))), State.LOG_INCONSISTENT, "part_changed"),
        (lambda pin: replace(pin, seq=Seq(1)), State.LOG_INCONSISTENT, "part_changed"),
        (
            lambda pin: replace(pin, stream=StreamId(pin.stream.__class__(int=5))),
            State.LOG_INCONSISTENT,
            "part_missing",
        ),
    ],
)
def test_pin_that_leads_elsewhere_is_not_followed(workshop: Workshop, bend: Pin, state: State, reason: str) -> None:
    parts = workshop.parts()
    stack = workshop.stack([parts[0], bend(workshop.forge.pin(parts[1])), parts[2]])
    assert_unshown(workshop.judge(stack, parts), state, "components", reason)


def test_part_whose_stream_is_gone_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    gone = replace(evidence.components[parts[1]], stream=(), parts={})
    evidence = replace(evidence, components={**evidence.components, parts[1]: gone})
    assert_unshown(workshop.ask(evidence), State.LOG_INCONSISTENT, "components", "part_missing")


def test_part_that_was_changed_in_the_store_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    for part in (Part.FACTS, Part.INTERNAL, Part.DOCUMENT):
        damaged = with_part(
            evidence.components[parts[1]],
            workshop.forge.streams[parts[1]][0],
            part,
            PartEvidence(opening=None, present=True),
        )
        asked = replace(evidence, components={**evidence.components, parts[1]: damaged})
        assert_unshown(workshop.ask(asked), State.LOG_INCONSISTENT, "components", "part_unverified")


def test_part_whose_code_is_not_known_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    by_id = replace(
        evidence, components={**evidence.components, parts[0]: workshop.forge.evidence(parts[0], scanned=False)}
    )
    assert_unshown(workshop.ask(by_id), State.LOG_INCONSISTENT, "components", "part_unverified")


def test_part_that_another_code_leads_to_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    other = replace(evidence.components[parts[0]], code=workshop.forge.codes[parts[1]])
    asked = replace(evidence, components={**evidence.components, parts[0]: other})
    assert_unshown(workshop.ask(asked), State.LOG_INCONSISTENT, "components", "part_unverified")


def test_part_that_is_no_entry_at_all_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack([*parts[:2], replace(workshop.forge.pin(parts[2]), seq=Seq(1))])
    evidence = workshop.evidence(stack, parts)
    given = evidence.components[parts[2]]
    garbage = replace(given.stream[0], raw=b"garbage")
    asked = replace(evidence, components={**evidence.components, parts[2]: replace(given, stream=(garbage,))})
    assert_unshown(workshop.ask(asked), State.LOG_INCONSISTENT, "components", "part_changed")


def test_first_entry_of_a_part_that_is_damaged_below_its_pin_makes_the_stack_unknown(workshop: Workshop) -> None:
    parts = workshop.parts()
    workshop.forge.suspend(parts[2])
    workshop.forge.reinstate(parts[2])
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    given = evidence.components[parts[2]]
    stream = (replace(given.stream[0], raw=b"garbage"), *given.stream[1:])
    asked = replace(evidence, components={**evidence.components, parts[2]: replace(given, stream=stream)})
    assert_unshown(workshop.ask(asked), State.LOG_INCONSISTENT, "components", "part_unverified")


def test_part_pinned_as_it_was_before_it_was_lowered_is_caught(workshop: Workshop) -> None:
    """The race that guards prevent: the award was made on what no longer held at its position."""
    parts = workshop.parts()
    pins = [workshop.forge.pin(part) for part in parts]
    workshop.forge.revoke(parts[1])
    stack = workshop.stack(pins)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "part_outdated")


def test_pin_of_what_was_recorded_only_later_is_caught(workshop: Workshop) -> None:
    ahead = Workshop()
    parts = ahead.parts()
    stack = ahead.stack(parts)
    ahead.forge.suspend(parts[0])
    later = ahead.forge.pin(parts[0])
    parts = workshop.parts()
    stack = workshop.stack([later, *parts[1:]])
    workshop.forge.suspend(parts[0])
    assert workshop.forge.pin(parts[0]).entry == later.entry
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "part_outdated")


@pytest.mark.parametrize("lower", ["revoke", "suspend"])
def test_part_that_was_not_in_force_when_the_award_was_made_is_caught(workshop: Workshop, lower: str) -> None:
    parts = workshop.parts()
    getattr(workshop.forge, lower)(parts[1])
    stack = workshop.stack(parts)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "not_in_force")


@pytest.mark.parametrize(("until", "begin"), [(date(2026, 11, 20), None), (None, date(2026, 11, 22))])
def test_part_that_was_not_in_its_dates_when_the_award_was_made_is_caught(
    workshop: Workshop, until: date | None, begin: date | None
) -> None:
    parts = [workshop.earn("welding", until=until, begin=begin), workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "not_in_force")


def test_part_of_another_learner_is_caught(workshop: Workshop) -> None:
    parts = [workshop.earn("welding", OF_ANOTHER_LEARNER), workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "another_learner")


@pytest.mark.parametrize("whose", [0, 1])
def test_award_whose_learner_cannot_be_read_makes_the_stack_unknown(workshop: Workshop, whose: int) -> None:
    how = [How(), How()]
    how[whose] = OF_NOBODY
    parts = [workshop.earn("welding", how[0]), workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts, how[1])
    assert_unshown(workshop.judge(stack, parts), State.LOG_INCONSISTENT, "components", "learner_unknown")


def test_part_of_another_issuer_is_caught(workshop: Workshop) -> None:
    forge = workshop.forge
    other = forge.register("academy", custody=Custody.ISSUER)
    foreign = forge.issue(other, forge.award(workshop.refs["welding"]))
    parts = [foreign, workshop.earn("cutting"), workshop.earn("grinding")]
    stack = workshop.stack(parts)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "another_issuer")
    # A scan establishes the award's own issuer and those who recognise it, and nobody else.
    own = establish(forge.authority(workshop.did, workshop.body))
    verdict = workshop.ask(workshop.evidence(stack, parts), authority=own)
    assert_unshown(verdict, State.SIGNATURE_INVALID, "components", "another_issuer")


def test_stack_in_a_stack_is_caught_and_not_followed(workshop: Workshop) -> None:
    parts = workshop.parts()
    inner = workshop.stack(parts)
    outer = workshop.stack([inner, *parts[1:]])
    evidence = workshop.evidence(outer, [inner, *parts])
    assert evidence.components[inner].components == {}
    assert_unshown(workshop.ask(evidence), State.SIGNATURE_INVALID, "components", "is_a_stack")


def test_award_with_more_parts_than_are_allowed_is_not_judged_part_by_part(workshop: Workshop) -> None:
    pin = workshop.forge.pin(workshop.earn("welding"))
    stack = workshop.stack([replace(pin, seq=Seq(number)) for number in range(MOST_COMPONENTS + 1)])
    assert_unshown(workshop.judge(stack, []), State.SIGNATURE_INVALID, "components", "too_many")


def test_pathway_awarded_as_if_it_were_earned_by_itself_is_caught(workshop: Workshop) -> None:
    pathway = workshop.forge.issue(workshop.did, workshop.forge.award(workshop.pathway))
    assert_unshown(workshop.ask(pathway), State.SIGNATURE_INVALID, "components", "not_stacked")


def test_single_award_that_names_parts_is_caught(workshop: Workshop) -> None:
    pin = workshop.forge.pin(workshop.earn("cutting"))
    award = replace(workshop.forge.award(workshop.refs["welding"]), components=(pin,))
    assert_unshown(
        workshop.ask(workshop.forge.issue(workshop.did, award)), State.SIGNATURE_INVALID, "components", "not_stacked"
    )


def test_stack_of_what_has_no_rule_is_caught(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.forge.stack(workshop.did, workshop.refs["welding"], [workshop.forge.pin(part) for part in parts])
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "no_rule")


def test_correction_that_changes_the_parts_is_caught_unless_a_thief_made_it(workshop: Workshop) -> None:
    workshop.forge.add_key(workshop.did, "thief")
    parts = workshop.parts()
    stack = workshop.stack(parts)
    award = replace(workshop.forge.award(workshop.pathway), components=(workshop.forge.pin(parts[0]),))
    workshop.forge.amend(stack, award, AN_ACT, THEFT)
    assert_unshown(workshop.judge(stack, parts), State.SIGNATURE_INVALID, "components", "parts_replaced")
    workshop.forge.compromise(workshop.did, "thief", 1)
    assert workshop.judge(stack, parts).state is State.VALID


def test_facts_of_a_stack_changed_in_the_store_are_caught_before_any_part_is_looked_at(workshop: Workshop) -> None:
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence, place = workshop.evidence(stack, parts), workshop.forge.streams[stack][0]
    opening = evidence.parts[place][Part.FACTS].opening
    assert opening is not None
    other = write_facts(Facts(award=workshop.forge.award(workshop.pathway), act=None))
    changed = PartEvidence(opening=replace(opening, content=other), present=True)
    assert_unshown(
        workshop.ask(with_part(evidence, place, Part.FACTS, changed)), State.SIGNATURE_INVALID, "parts", "part_changed"
    )


def test_a_version_that_a_stack_never_had_shows_none_of_its_parts(workshop: Workshop) -> None:
    parts = workshop.parts()
    evidence = workshop.evidence(workshop.stack(parts), parts)
    verdict = workshop.ask(evidence, scanned=2)
    assert (verdict.state, verdict.award, verdict.components) == (State.NOT_FOUND, None, ())
