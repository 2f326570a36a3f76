"""What a scan and a wallet should say of the model, by the order of states that employers are told in."""

from dataclasses import dataclass
from datetime import date, timedelta

from tests.machine.model import Model
from tests.machine.records import Award, Issuer, Recognition, disowned, holds, offered, standing, stolen

PENDING = timedelta(seconds=60)  # how long an entry may wait to be published
ORDER = (  # the upper one wins
    "log_inconsistent",
    "not_found",
    "key_compromised",
    "revoked",
    "suspended",
    "expired",
    "not_yet_valid",
    "issuer_unrecognised",
    "component_review",
    "amended",
    "valid",
)
IN_FORCE = ("valid", "component_review", "amended", "issuer_unrecognised")
NOTHING_SAID = ("log_inconsistent", "not_found")


@dataclass(slots=True, frozen=True)
class Scan:
    """What a scan says."""

    state: str
    notices: tuple[str, ...] = ()
    in_force: bool | None = None
    current: int | None = None  # the version in force
    award: tuple[object, ...] | None = None  # the learner's name, dates, result, text of the current version
    change: str | None = None
    thieves: tuple[bool, ...] = ()  # for each act, whether a thief did it
    parts: tuple[tuple[str, bool | None, int], ...] = ()  # state, in force, version


@dataclass(slots=True, frozen=True)
class Held:
    """One award in a wallet."""

    number: int
    status: str
    in_force: bool
    version: int
    facts: tuple[object, ...]
    parts: tuple[tuple[int, int, str], ...]  # number, act it was pinned at, status


@dataclass(slots=True, frozen=True)
class Progress:
    """How far somebody has come on a pathway."""

    held: int
    needed: int
    missing: tuple[str, ...]
    awarded: int | None


def scan(model: Model, award: Award, printed: int | None, registries: tuple[str, ...]) -> Scan:
    """What a scan of the award says, with this version printed on it; without one, of the current version."""
    now = standing(award)
    parts = [scan(model, part, None, registries) for part, _ in award.parts]
    states, notices = _states(model, award, registries), []
    if any(part.state in NOTHING_SAID for part in parts):
        states.add("log_inconsistent")
    if any(part.in_force is False for part in parts):
        states.add("component_review")
    versions = sum(act.facts is not None for act in award.acts)
    if printed is not None and not 1 <= printed <= versions:
        states.add("not_found")
    elif printed not in (None, now.version):
        states.add("amended")
    state, *others = sorted(states or {"valid"}, key=ORDER.index)
    if state in NOTHING_SAID:
        return Scan(state)
    notices += others
    if now.version > 1 and printed in (None, now.version):
        notices.append("corrected")
    if _waits(model, award):
        notices.append("pending")
    change = "revoked" if now.revoked else "suspended" if now.suspended else None
    return Scan(
        state=state,
        notices=tuple(notices),
        in_force=state in IN_FORCE,
        current=now.version,
        award=said(award),
        change=change,
        thieves=tuple(disowned(act) for act in award.acts),
        parts=tuple((part.state, part.in_force, part.current or 0) for part in parts),
    )


def said(award: Award) -> tuple[object, ...]:
    """What the current version says."""
    facts = standing(award).current
    wording = award.offer.wordings[facts.number - 1]
    title = f"{award.offer.slug} {wording.text}"
    return facts.name, facts.awarded_on, facts.begins, facts.valid_until, facts.result, title


def _states(model: Model, award: Award, registries: tuple[str, ...]) -> set[str]:
    """Those that follow from the award itself and its issuer."""
    now = standing(award)
    found = {
        "log_inconsistent": _waits(model, award) and _age(model, award) >= PENDING,
        "key_compromised": now.stolen,
        "revoked": now.revoked is not None,
        "suspended": now.suspended is not None,
        "expired": (now.current.valid_until or date.max) < model.today,
        "not_yet_valid": now.current.begins > model.today,
        "issuer_unrecognised": not recognised(award.issuer, model.today, registries),
    }
    return {state for state, holds in found.items() if holds}


def _waits(model: Model, award: Award) -> bool:
    return award.acts[-1].position > model.published


def _age(model: Model, award: Award) -> timedelta:
    """How long the first of what waits has waited; the clock may have been set back since."""
    return model.stamp - next(act.at for act in award.acts if act.position > model.published)


def recognised(issuer: Issuer, day: date, registries: tuple[str, ...]) -> bool:
    """Whether a body that the operator goes by recognises the issuer, and it was no thief who said so."""
    return any(
        each.since <= day <= (each.until or date.max) and _honest(each)
        for each in issuer.recognitions
        if each.body.slug in registries
    )


def _honest(recognition: Recognition) -> bool:
    return not stolen(recognition.key, recognition.position)


def wallet(model: Model, issuer: Issuer, learner: str) -> list[Held]:
    """The awards of a learner record, the first issued first."""
    return [
        Held(
            number=award.number,
            status=status(award, model.today),
            in_force=holds(award, model.today),
            version=standing(award).version,
            facts=said(award),
            parts=tuple((part.number, act, status(part, model.today)) for part, act in award.parts),
        )
        for award in model.awards
        if award.issuer is issuer and award.learner == learner
    ]


def status(award: Award, day: date) -> str:
    """The gravest of what holds, by the issuer's own records."""
    now = standing(award)
    for holds_now, name in (
        (now.stolen, "disowned"),
        (now.revoked is not None, "revoked"),
        (now.suspended is not None, "suspended"),
        ((now.current.valid_until or date.max) < day, "expired"),
        (now.current.begins > day, "not_yet_valid"),
    ):
        if holds_now:
            return name
    return "in_force"


def progress(model: Model, issuer: Issuer, learner: str) -> dict[str, Progress]:
    """How far the learner has come on each pathway that is on offer."""
    found = {}
    good = [award for award in model.awards if award.issuer is issuer and award.learner == learner]
    good = [award for award in good if holds(award, model.today)]
    for slug, offer in issuer.offers.items():
        number = offered(offer)
        if not offer.pathway or offer.retired or number is None:
            continue
        rule = offer.wordings[number - 1].rule
        assert rule is not None
        single = {award.offer.slug for award in good if not award.parts}
        missing = tuple(part for part in rule.parts if part not in single)
        stacks = [award.number for award in good if award.offer is offer]
        held = min(len(rule.parts) - len(missing), rule.needed)
        found[slug] = Progress(held, rule.needed, missing, stacks[-1] if stacks else None)
    return found
