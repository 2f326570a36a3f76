"""The rule of a pathway: which achievements add up to it, as people write it and as definitions keep it."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.domain.reading import Reader
from ledger.domain.types import Slug
from ledger.domain.values import BadValue, slug

MOST_COMPONENTS = 100  # of one award: each is a stream that the append transaction guards, and that a scan judges


class OnLoss(StrEnum):
    """What the issuer declares for the case that a component is no longer in force."""

    REVIEW = "review"  # a person looks at the award and decides
    REVOKE = "revoke"  # the award is withdrawn
    KEEP = "keep"  # the award stands


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """At least `n` of these achievements."""

    n: int  # 1 <= n <= len(of)
    of: tuple[Slug, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackingRule:
    """What a learner must hold: exactly one of the fields is given. Slugs are of achievements of the same issuer."""

    all_of: tuple[Slug, ...] | None
    n_of: CountRule | None

    @property
    def parts(self) -> tuple[Slug, ...]:
        """Every achievement that counts."""
        return self.n_of.of if self.n_of is not None else self.all_of or ()

    @property
    def needed(self) -> int:
        """How many of `parts` must be held."""
        return self.n_of.n if self.n_of is not None else len(self.parts)


def read_rule(reader: Reader) -> StackingRule:
    """The rule that a JSON object spells: `{"all_of": [...]}` or `{"n_of": {"n": 3, "of": [...]}}`."""
    all_of = _parts(reader, "all_of")
    n_of = reader.nested("n_of", _count_rule)
    if not all_of and n_of is None:
        reader.report("", "missing", "names no part: give all_of or n_of, with at least one achievement")
    if all_of and n_of is not None:
        reader.report("", "wrong_count", "has both all_of and n_of: give one of them")
    return StackingRule(all_of=all_of or None, n_of=n_of)


def _count_rule(reader: Reader) -> CountRule:
    of = _parts(reader, "of")
    n = reader.whole("n", 1, MOST_COMPONENTS)
    if not of:
        reader.report("of", "missing", "names no part: a pathway has at least one")
    elif n is None:
        reader.report("n", "missing", "is needed: how many of the parts must be held")
    elif n > len(of):
        reader.report("n", "out_of_range", f"asks for {n} parts where only {len(of)} count")
    return CountRule(n=n or 1, of=of)


def _parts(reader: Reader, name: str) -> tuple[Slug, ...]:
    parts: list[Slug] = []
    for index, each in enumerate(reader.texts(name, 64, MOST_COMPONENTS, least=0)):
        try:
            part = slug(each)
        except BadValue as error:
            reader.report(f"{name}.{index}", "malformed", str(error))
            continue
        if part in parts:
            reader.report(f"{name}.{index}", "repeated", f"names “{part}” again: each part is named once")
        parts.append(part)
    return tuple(parts)
