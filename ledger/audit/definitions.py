"""The wordings behind the digests that entries name, and the short names that they give.

Read once, by the process that folded the registry: there are few of them. A wording is reported at the first entry that
names it where it is missing, changed or cannot be read; at every entry that could not name it where it is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ledger import canonical
from ledger.audit.registry import Registry, Wording
from ledger.audit.report import Check, Findings
from ledger.audit.source import Column, shown
from ledger.domain.achievement import Achievement
from ledger.domain.definition import read_definition, read_profile
from ledger.domain.events import (
    AchievementDefined,
    IssuerProfileChanged,
    IssuerRegistered,
    PathwayDefined,
    Recorded,
)
from ledger.domain.stacking_rule import StackingRule
from ledger.domain.types import Did, Digest, Slug, StreamId
from ledger.domain.values import slug_of
from ledger.errors import LedgerError

_PROFILES = (IssuerRegistered, IssuerProfileChanged)
_ISSUERS = "issuer"  # the scope of issuers' short names
_NameRow = tuple[Column, Column, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What is asked of a definition here."""

    slug: Slug
    rule: StackingRule | None


class Definitions:
    """The wordings behind the digests that entries name, and the short names they give."""

    def __init__(self, registry: Registry, found: Findings) -> None:
        self._registry = registry
        self._found = found
        self._there: set[Digest] = set()
        self._said: dict[Digest, _Said] = {}  # of those that are definitions

    def check(self, rows: Iterator[tuple[Column, Column]], size: int) -> None:
        """Report every wording that is missing, changed or cannot be read, or that its entry could not name."""
        named: dict[Column, list[Wording]] = {}
        for wording in self._registry.wordings:
            named.setdefault(wording.digest, []).append(wording)
        for digest, content in rows:
            self._row(named.get(digest, []), digest, content, size)
        for first, *_ in named.values():
            if first.digest not in self._there:
                reason = "the wording that the entry names by its digest is not among the definitions"
                self._found.report(Check.DEFINITION, first.recorded.position, reason, first.recorded)
        offers = _Offers(self._registry, self._found)
        for wording in self._registry.wordings:
            if not isinstance(wording.recorded.event, _PROFILES):
                offers.add(wording.recorded, self._said.get(wording.digest))

    def check_names(self, rows: Iterator[_NameRow], size: int) -> None:
        """Report every short name that is missing, and every one that stands for nothing on record."""
        due: dict[_NameRow, Recorded] = {}
        first: dict[Column, Recorded] = {}  # of each stream that a name could stand for
        for wording in self._registry.wordings:
            first.setdefault(wording.recorded.stream.hex, wording.recorded)
            name = self._name(wording)
            if name is not None:
                due[name] = wording.recorded
        for row in rows:
            if due.pop(row, None) is None:
                what = f"the short name {shown(row[1])} in {shown(row[0])}"
                reason = f"{what} stands for {shown(row[2])}, which is not on record"
                named = first.get(row[2])
                self._found.report(Check.NAME, size + 1 if named is None else named.position, reason, named)
        for name, recorded in due.items():
            reason = f"the short name {shown(name[1])} is missing, or stands for something else"
            self._found.report(Check.NAME, recorded.position, reason, recorded)

    def _row(self, wordings: list[Wording], digest: Column, content: Column, size: int) -> None:
        recorded = wordings[0].recorded if wordings else None
        if type(content) is not bytes or sha256(content).digest() != digest:
            reason = "a definition or profile is not the one that its digest names"
            place = size + 1 if recorded is None else recorded.position
            self._found.report(Check.DEFINITION, place, reason, recorded)
            return
        # Where nobody names it, nobody is shown it. The same bytes may be named as a profile and as a definition.
        named = Digest(sha256(content).digest())
        kinds: dict[bool, Recorded] = {}
        for wording in wordings:
            kinds.setdefault(isinstance(wording.recorded.event, _PROFILES), wording.recorded)
        for is_profile, recorded in kinds.items():
            self._there.add(named)
            try:
                self._read(named, canonical.decode(content), is_profile=is_profile)
            except LedgerError as error:
                reason = f"the wording cannot be read: {error}"
                self._found.report(Check.DEFINITION, recorded.position, reason, recorded)

    def _read(self, digest: Digest, value: canonical.Json, *, is_profile: bool) -> None:
        if is_profile:
            read_profile(value)
            return
        definition = read_definition(value)
        self._said[digest] = _Said(slug=definition.slug, rule=definition.rule)

    def _name(self, wording: Wording) -> _NameRow | None:
        recorded = wording.recorded
        if isinstance(recorded.event, IssuerRegistered):
            return _ISSUERS, slug_of(recorded.by), recorded.stream.hex
        said = self._said.get(wording.digest)
        if not isinstance(recorded.event, AchievementDefined | PathwayDefined) or said is None:
            return None
        return f"achievement/{self._registry.issuers[recorded.by].stream.hex}", said.slug, recorded.stream.hex


class _Offers:
    """What issuers had defined, in the order of positions: whether each wording could follow what stood before it."""

    def __init__(self, registry: Registry, found: Findings) -> None:
        self._registry = registry
        self._found = found
        self._slugs: dict[StreamId, Slug] = {}
        self._defined: dict[tuple[Did, Slug], Achievement] = {}
        self._unread: set[Did] = set()  # issuers with a slug that is not known

    def add(self, recorded: Recorded, said: _Said | None) -> None:
        """Report what is wrong with the wording of a version; None where it is not there, which is reported already."""
        offer = self._registry.achievements[recorded.stream]
        if said is None:
            self._unread.add(offer.issuer)
            return
        if said.rule is None and offer.is_pathway:
            self._report(recorded, "the wording of a pathway has no rule, which says what it is made of")
        if said.rule is not None and not offer.is_pathway:
            self._report(recorded, "the wording of an achievement has a rule, as only that of a pathway does")
        for part in said.rule.parts if said.rule is not None and offer.is_pathway else ():
            self._part(recorded, offer.issuer, part)
        slug = self._slugs.setdefault(recorded.stream, said.slug)
        if slug != said.slug:
            self._report(recorded, f"the slug is “{said.slug}”, and was “{slug}” before: it never changes")
        self._defined.setdefault((offer.issuer, slug), offer)

    def _part(self, recorded: Recorded, issuer: Did, part: Slug) -> None:
        named = self._defined.get((issuer, part))
        if named is not None and named.is_pathway:
            self._report(recorded, f"the rule names “{part}”, which is a pathway, and one is built from achievements")
        elif named is None and issuer not in self._unread:
            self._report(recorded, f"the rule names “{part}”, which was no achievement of this issuer by then")

    def _report(self, recorded: Recorded, reason: str) -> None:
        self._found.report(Check.DEFINITION, recorded.position, reason, recorded)
