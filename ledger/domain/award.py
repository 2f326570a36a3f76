"""What a person may read about an award and about an act on it, and the rules those must keep.

These values stand in the private parts of an entry: `facts` (what a scan shows) and `internal` (what only the
registrar sees). Their JSON is decided in `ledger.record.private_parts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from ledger.domain import text
from ledger.domain.definition import AchievementDefinition
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import Digest, LearnerId, LinkCode, Origin, Seq, StreamId
from ledger.domain.values import Mode, Reason, Route

IDENTIFYING = ("full_name", "email")  # their old values are never shown
_PUBLIC_TEXT = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementRef:
    """The exact version of what was awarded."""

    stream: StreamId
    version: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """An award that this one was built from, pinned to one entry of one log."""

    origin: Origin
    stream: StreamId
    seq: Seq
    entry: Digest  # SHA-256 of the entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What a scan shows of one version of an award."""

    achievement: AchievementRef
    name: str  # of the learner
    language: str
    awarded_on: date
    valid_from: date | None  # first day; None: from the day of the award
    valid_until: date | None  # last day; None: without end
    result: str | None
    score: str | None  # decimal string
    route: Route | None
    assessor: str | None
    evidence: str | None  # web address
    components: tuple[Component, ...] = ()

    @property
    def begins(self) -> date:
        """The first day on which it is in force."""
        return self.valid_from or self.awarded_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a scan shows of an amendment, suspension, reinstatement or revocation."""

    reason: Reason | None  # None only for a reinstatement
    mode: Mode | None  # of a revocation, else None
    effective: date
    text: str | None  # public words


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardInternal:
    """What only the issuer sees of an award or an amended one."""

    actor: str
    learner: LearnerId
    student_number: str
    email: str | None
    code: LinkCode
    short_code: str
    notes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActInternal:
    """What only the issuer sees of any other act."""

    actor: str
    notes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that an amendment changed, as it may be shown."""

    field: str
    old: str | None  # None where the field identifies the learner, and where there was no value
    new: str | None


_SHOWN: Mapping[str, str] = {"name": "full_name", "evidence": "evidence_url"}  # Award field -> column


def changes(old: tuple[Award, AchievementDefinition], new: tuple[Award, AchievementDefinition]) -> tuple[Change, ...]:
    """What differs between two versions, in words a scan may show; identifying fields without their values."""
    found: list[Change] = []
    for field in fields(Award):
        before, after = getattr(old[0], field.name), getattr(new[0], field.name)
        if before == after or field.name in ("achievement", "components"):
            continue
        column = _SHOWN.get(field.name, field.name)
        hidden = column in IDENTIFYING
        found.append(
            Change(field=column, old=None if hidden else _shown(before), new=None if hidden else _shown(after))
        )
    if old[0].achievement != new[0].achievement:
        versions = (str(old[0].achievement.version), str(new[0].achievement.version))
        found.append(Change(field="achievement_version", old=versions[0], new=versions[1]))
        if old[1].name != new[1].name:
            found.insert(0, Change(field="title", old=old[1].name, new=new[1].name))
    return tuple(found)


def _shown(value: object) -> str | None:
    return None if value is None else str(value)


def check_act(act: Act, award: Award, latest: date) -> None:
    """Pass if the dates and words of an act can stand beside its award.

    Args:
        latest: the last day that counts as "not in the future".

    Raises:
        Refused: with every problem.
    """
    problems = []
    if act.effective > latest:
        problems.append(
            ("from", "in_the_future", f"{act.effective} is in the future: it takes effect today at the latest")
        )
    if act.effective < award.awarded_on and act.mode is not Mode.RETROACTIVE:
        reason = f"{act.effective} is before the day of the award, {award.awarded_on}; revoke it as retroactive instead"
        problems.append(("from", "dates_reversed", reason))
    wrong = None if act.text is None else text.fault(act.text, _PUBLIC_TEXT)
    if wrong:
        problems.append(("public_text", *wrong))
    if problems:
        raise Refused(tuple(Problem(column=column, code=code, reason=reason) for column, code, reason in problems))
