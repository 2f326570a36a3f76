"""Checks what an award was built from: each part is the one that was pinned, and stands where the rule wants it.

"A stack award's facts pin each component by origin, stream, seq and entry digest." The parts are judged by the same
pipeline, from the same snapshot; one level only, for a pathway is built from single awards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from ledger.domain.award import Award, Component
from ledger.domain.credential import fold
from ledger.domain.events import CredentialStacked
from ledger.domain.stacking import Held, check_components, standing_fault
from ledger.domain.stacking_rule import MOST_COMPONENTS, StackingRule
from ledger.domain.types import LearnerId, LinkCode, Origin, Seq
from ledger.domain.values import Part
from ledger.verification.evidence import CredentialEvidence
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import ComponentView, Finding, State, Verdict
from ledger.verification.views import Genuine

CHECK = "components"
_SINGLE = passed(CHECK, "The award is earned by itself, not built from others.", reason="single")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and what it was made from where the award is genuine."""

    verdict: Verdict
    genuine: Genuine | None


Judge = Callable[[CredentialEvidence], Judged]


class _Wrong(Exception):
    """What is wrong with a part; never leaves this module."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


def check_stack(
    stack: Genuine, evidence: CredentialEvidence, origin: Origin, judge: Judge
) -> tuple[Finding, tuple[ComponentView, ...]]:
    """Whether the parts of an award are those it was built from, satisfied its rule, and are in force now.

    Args:
        judge: the verdict on a part, by itself.
    """
    current = stack.contents.awards[stack.credential.current.seq]
    first = stack.contents.awards.get(Seq(0), current)
    rule = stack.contents.definitions[first.achievement.digest].rule
    counting = [stack.contents.awards.get(each.seq, first) for each in stack.credential.versions if not each.disowned]
    if [award for award in counting if award.components != first.components]:
        return failed(
            CHECK, "parts_replaced", "A correction of the award names other parts than it was built from."
        ), ()
    if not isinstance(stack.entries[0].event, CredentialStacked):
        if first.components or rule is not None:
            return failed(
                CHECK, "not_stacked", "What is built from parts was issued as if it were earned by itself."
            ), ()
        return _SINGLE, ()
    if rule is None:
        return failed(CHECK, "no_rule", "The award names parts, but what was awarded has no rule for them."), ()
    if len(first.components) > MOST_COMPONENTS:
        return failed(CHECK, "too_many", f"The award names more than {MOST_COMPONENTS} parts."), ()
    try:
        return _judge_parts(stack, first, rule, evidence, origin, judge)
    except _Wrong as wrong:
        return wrong.finding, ()


def _judge_parts(
    stack: Genuine, first: Award, rule: StackingRule, evidence: CredentialEvidence, origin: Origin, judge: Judge
) -> tuple[Finding, tuple[ComponentView, ...]]:
    held, views = [], []
    for number, pin in enumerate(first.components, 1):
        given = _pinned(number, pin, stack, evidence, origin)
        judged = judge(given)
        if judged.genuine is None or given.code is None:
            raise _Wrong(unknown(CHECK, "part_unverified", f"Part {number} could not be verified."))
        held.append(_held(number, judged.genuine, given, pin, stack))
        views.append(_view(judged.verdict, judged.genuine, given.code))
    learner = _learner(0, stack, evidence)
    problems = check_components(rule, held, issuer=stack.credential.issuer, learner=learner)
    if problems and _closed(evidence):
        detail = "What the award or a part of it said when it was made is not among what was given."
        return unknown(CHECK, "version_closed", detail), ()
    if problems:
        detail = "The parts named do not make this award by the rule of what was awarded."
        return failed(CHECK, problems[0].code, detail), ()
    if any(view.in_force is False for view in views):
        detail = "A part that the award was built from is no longer in force."
        return failed(CHECK, "part_not_in_force", detail, makes=State.COMPONENT_REVIEW), tuple(views)
    if learner is None:
        detail = "Each part is the one that the award was built from, and is in force; whose they are is not said."
        return passed(CHECK, detail, reason="learner_withheld"), tuple(views)
    return passed(CHECK, "Each part is the one that the award was built from, and is in force."), tuple(views)


def _pinned(
    number: int, pin: Component, stack: Genuine, evidence: CredentialEvidence, origin: Origin
) -> CredentialEvidence:
    """What is on record of a part, found to be the one that was pinned when the award was made."""
    given = evidence.components.get(pin.stream)
    if pin.origin != origin:
        raise _Wrong(failed(CHECK, "part_elsewhere", f"Part {number} is said to stand in another log."))
    if given is None or not given.stream:
        raise _Wrong(unknown(CHECK, "part_missing", f"Part {number} is not on record here."))
    placed, begins = given.stream, stack.placed[0].position
    if pin.seq >= len(placed) or sha256(placed[pin.seq].raw).digest() != pin.entry:
        detail = f"What is on record of part {number} is not what was pinned."
        raise _Wrong(failed(CHECK, "part_changed", detail, makes=State.LOG_INCONSISTENT))
    later = placed[pin.seq + 1 :]
    if placed[pin.seq].position > begins or (later and later[0].position < begins):
        raise _Wrong(failed(CHECK, "part_outdated", f"Part {number} was pinned as it did not stand at that moment."))
    first = given.readings.entry(placed[0].raw)
    if first is not None and first.by != stack.credential.issuer:
        raise _Wrong(failed(CHECK, "another_issuer", f"Part {number} is an award of another issuer."))
    if first is not None and isinstance(first.event, CredentialStacked):  # one level: here no chain of stacks can grow
        raise _Wrong(failed(CHECK, "is_a_stack", f"Part {number} is itself built from parts."))
    return given


def _held(number: int, part: Genuine, given: CredentialEvidence, pin: Component, stack: Genuine) -> Held:
    """The part as it stood when the award was made, by what was known then."""
    begins = stack.placed[0].position
    pairs = zip(part.entries[: pin.seq + 1], part.placed, strict=False)
    history = [entry.recorded(each.position) for entry, each in pairs]
    then = fold(history, partial(part.issuer.disowns, known_before=begins)) or part.credential
    # Where that version is closed the one in force stands for it: an amendment never changes what was earned.
    award = part.contents.awards.get(then.current.seq, part.contents.awards[part.credential.current.seq])
    return Held(
        stream=then.stream,
        issuer=then.issuer,
        learner=_learner(number, part, given),
        slug=part.contents.definitions[award.achievement.digest].slug,
        is_stack=False,
        fault=standing_fault(then, award, stack.entries[0].at.date()),
    )


def _closed(stack: CredentialEvidence) -> bool:
    """Whether a version of the award or of a part of it is closed here, so that the one in force stood for it."""
    return any(each.closed for each in (stack, *stack.components.values()))


def _learner(number: int, award: Genuine, evidence: CredentialEvidence) -> LearnerId | None:
    """Whose award it is, None where that is withheld; its parts were found to be those that were signed."""
    if Part.INTERNAL in evidence.withheld:
        return None
    opening = evidence.parts[award.placed[0].position][Part.INTERNAL].opening
    internal = None if opening is None else evidence.readings.internal(opening.content)
    if internal is None:
        what = f"part {number}" if number else "the award"
        raise _Wrong(unknown(CHECK, "learner_unknown", f"Whose award {what} is cannot be read."))
    return internal.learner


def _view(verdict: Verdict, part: Genuine, code: LinkCode) -> ComponentView:
    award = part.contents.awards[part.credential.current.seq]
    definition = part.contents.definitions[award.achievement.digest]
    return ComponentView(
        code=code,
        version=part.credential.current.number,
        name=definition.name,
        language=definition.language,
        state=verdict.state,
        in_force=verdict.in_force,
        change=verdict.change,
        valid_from=award.begins,
        valid_until=award.valid_until,
    )
