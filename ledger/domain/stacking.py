"""Stacking: which awards add up to which larger one. Pure rules that the writer, the scan and the audit share.

A pathway is an achievement with a stacking rule (`ledger.domain.stacking_rule`); its award names the awards it was
built from. How they are pinned is decided in `ledger.domain.award`; they are checked when the award is made
(`ledger.application.stacking`), scanned (`ledger.verification`) and audited.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.domain.award import Award
from ledger.domain.credential import Credential
from ledger.domain.reading import Problem, Refused
from ledger.domain.stacking_rule import MOST_COMPONENTS, StackingRule
from ledger.domain.types import Did, LearnerId, Slug, StreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a learner has come on a pathway: "3 of 5"."""

    held: int  # never more than `needed`
    needed: int
    missing: tuple[Slug, ...]  # parts not held, in the order of the rule

    @property
    def complete(self) -> bool:
        """Whether the rule is satisfied."""
        return self.held == self.needed


def progress(rule: StackingRule, held: Iterable[Slug]) -> Progress:
    """How far awards in force of these achievements satisfy the rule."""
    have = set(held)
    missing = tuple(part for part in rule.parts if part not in have)
    return Progress(held=min(len(rule.parts) - len(missing), rule.needed), needed=rule.needed, missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One award offered as a component, as it stands at the moment of stacking."""

    stream: StreamId
    issuer: Did
    learner: LearnerId | None  # None where it may not be known, of no component
    slug: Slug  # of its achievement
    is_stack: bool
    fault: str | None  # why it is not in force, as a clause: `standing_fault`


def standing_fault(credential: Credential, award: Award, day: date) -> str | None:
    """Why an award is not in force on a day, as "it is ..."; None where it is.

    Args:
        award: the facts of the current version.
        day: in UTC, as on a scan.
    """
    if credential.disowned:
        return "was signed with a stolen key"
    if credential.revoked is not None:
        return "is revoked"
    if credential.suspended is not None:
        return "is suspended"
    if award.valid_until is not None and award.valid_until < day:
        return f"expired on {award.valid_until}"
    if award.begins > day:
        return f"is not in force before {award.begins}"
    return None


def check_day(awarded_on: date, last_part: date) -> None:
    """Raise Refused if a stack would be awarded before the last of its parts was."""
    if awarded_on < last_part:
        reason = f"{awarded_on} is before the day on which its last part was awarded, {last_part}"
        raise Refused((Problem(column="awarded_on", code="dates_reversed", reason=reason),))


def check_components(
    rule: StackingRule, held: Sequence[Held], *, issuer: Did, learner: LearnerId | None
) -> tuple[Problem, ...]:
    """What stands in the way of stacking these awards, each with its own sentence; none where nothing does."""
    if len(held) > MOST_COMPONENTS:
        reason = f"are {len(held)} awards; at most {MOST_COMPONENTS} make one"
        return (Problem(column="components", code="too_many", reason=reason),)
    problems = []
    streams = Counter(each.stream for each in held)
    slugs = Counter(each.slug for each in held)
    for index, each in enumerate(held):
        wrong = _wrong(rule, each, issuer, learner)
        if streams[each.stream] > 1:
            wrong = ("repeated", "is named twice; an award counts once")
        elif wrong is None and slugs[each.slug] > 1:
            wrong = ("repeated_achievement", f"is one of two awards of “{each.slug}”; name one of them")
        if wrong is not None:
            problems.append(Problem(column=f"components.{index}", code=wrong[0], reason=wrong[1]))
    reached = progress(rule, [each.slug for each in held])
    if not problems and not reached.complete:
        missing = ", ".join(f"“{part}”" for part in reached.missing)
        reason = f"make {reached.held} of {reached.needed}: no award in force of {missing}"
        problems.append(Problem(column="components", code="rule_not_satisfied", reason=reason))
    return tuple(problems)


def _wrong(rule: StackingRule, held: Held, issuer: Did, learner: LearnerId | None) -> tuple[str, str] | None:
    """The code and the sentence for what is wrong with one component by itself."""
    if held.issuer != issuer:
        return "another_issuer", "is an award of another issuer"
    if held.learner != learner:
        return "another_learner", "is an award of another learner"
    if held.is_stack:
        return "is_a_stack", "is itself built from other awards; a pathway is built from single ones"
    if held.slug not in rule.parts:
        return "not_a_part", f"is an award of “{held.slug}”, which is not a part of this pathway"
    if held.fault is not None:
        return "not_in_force", held.fault
    return None
