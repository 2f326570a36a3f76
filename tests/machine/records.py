"""Issuers, offers and awards as the model keeps them, and what their acts come to by what is known now.

Written from the design, not from the code: no rule of the ledger is imported.
"""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(slots=True, eq=False)
class Key:
    """A key of an issuer."""

    name: str
    root: bool  # else it signs awards
    added: int
    brought_in_by: "Key | None"
    retired: bool = False
    reports: list[tuple[int, int]] = field(default_factory=list)  # stolen from this position on, as told at that one


@dataclass(slots=True, eq=False)
class Recognition:
    """What a body states of an issuer."""

    body: "Issuer"
    key: Key
    position: int
    scheme: str
    since: date
    until: date | None
    ended: bool = False


@dataclass(slots=True, frozen=True)
class Rule:
    """That of a pathway: so many of these; all of them where no number is named."""

    parts: tuple[str, ...]
    n: int | None

    @property
    def needed(self) -> int:
        """How many."""
        return len(self.parts) if self.n is None else self.n


@dataclass(slots=True, eq=False)
class Wording:
    """A version of what can be earned."""

    position: int
    key: Key
    text: int  # which of a few wordings
    rule: Rule | None

    @property
    def results(self) -> tuple[str, ...]:
        """Which results earn it."""
        return ("Pass",) if self.text % 2 else ("Pass", "Merit")


@dataclass(slots=True, eq=False)
class Offer:
    """An achievement, or a pathway."""

    slug: str
    pathway: bool
    wordings: list[Wording]
    retired: bool = False


@dataclass(slots=True, eq=False)
class Issuer:
    """An issuer or a recognising body."""

    slug: str
    keys: list[Key]
    recognitions: list[Recognition] = field(default_factory=list)
    offers: dict[str, Offer] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Facts:
    """What one version of an award says."""

    number: int  # of the wording
    name: str
    awarded_on: date
    valid_from: date | None = None
    valid_until: date | None = None
    result: str | None = None

    @property
    def begins(self) -> date:
        """The first day."""
        return self.valid_from or self.awarded_on


@dataclass(slots=True, eq=False)
class Act:
    """What was done to an award."""

    kind: str  # issued, amended, suspended, reinstated, revoked
    position: int
    at: datetime
    key: Key
    facts: Facts | None


@dataclass(slots=True, eq=False)
class Award:
    """An award and all that was done to it."""

    number: int
    issuer: Issuer
    learner: str
    offer: Offer
    acts: list[Act]
    parts: tuple[tuple["Award", int], ...]  # each with the act that was its last one then


@dataclass(slots=True, frozen=True)
class Standing:
    """What the acts on an award come to by what is known now."""

    version: int  # the current one
    current: Facts
    stolen: bool
    revoked: Act | None
    suspended: Act | None


def stolen(key: Key, position: int) -> bool:
    """Whether what the key signed there is disowned: it was in other hands, or was brought in by one that was."""
    if any(start <= position for start, _ in key.reports):
        return True
    return key.brought_in_by is not None and stolen(key.brought_in_by, key.added)


def disowned(act: Act) -> bool:
    """Whether a thief did it."""
    return stolen(act.key, act.position)


def standing(award: Award) -> Standing:
    """A thief's act counts only where it lowers the award, until a good key reinstates it."""
    versions = [act for act in award.acts if act.facts is not None]
    honest = [number for number, act in enumerate(versions, 1) if not disowned(act)]
    version = honest[-1] if honest else 1
    current = versions[version - 1].facts
    assert current is not None
    revoked = suspended = None
    for act in award.acts:
        if act.kind == "suspended":
            suspended = act
        elif act.kind == "revoked":
            revoked = act
        elif act.kind == "reinstated" and not disowned(act):
            revoked = suspended = None
    first = award.acts[0]
    return Standing(version=version, current=current, stolen=disowned(first), revoked=revoked, suspended=suspended)


def holds(award: Award, day: date) -> bool:
    """Whether the award is in force by its issuer's own records."""
    now = standing(award)
    lowered = now.stolen or now.revoked is not None or now.suspended is not None
    facts = now.current
    return not lowered and facts.begins <= day and (facts.valid_until is None or day <= facts.valid_until)


def offered(offer: Offer) -> int | None:
    """Which wording is awarded now: the last that no thief stated."""
    honest = [number for number, each in enumerate(offer.wordings, 1) if not stolen(each.key, each.position)]
    return honest[-1] if honest else None


def usable(issuer: Issuer, *, root: bool = False) -> Key | None:
    """The newest key that may sign now."""
    good = [key for key in issuer.keys if key.root is root and not key.retired and not stolen(key, 2**53)]
    return good[-1] if good else None
