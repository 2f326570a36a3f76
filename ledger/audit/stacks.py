"""Awards that were built from others: whether each component was what the rule wants, at the position of the stack.

This proves what the append transaction promised: no component moved between the decision and the position. Components
are looked up in the database when a stack is met, so nothing is held of the awards that no stack names. What a scan
finds of the same award now is for `ledger.verification`.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ledger import canonical
from ledger.audit.award import AwardSoFar
from ledger.audit.boxes import Unopened, open_part
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource, PartOpener
from ledger.domain import credential as credentials
from ledger.domain.award import AchievementRef, Award, AwardInternal, Component
from ledger.domain.credential import Credential
from ledger.domain.definition import AchievementDefinition, read_definition
from ledger.domain.events import CredentialEvent, CredentialStacked
from ledger.domain.stacking import Held, check_components, standing_fault
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Digest, Position, Slug
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.private_parts import read_facts, read_internal

_KEY = 8  # bytes
_AT_ONCE = 200_000  # stacks that are compared in one go


class StackKeys:
    """Who was awarded what for which components, in 16 bytes a stack: equal keys mean the same award twice."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._positions = array("q")

    def add(self, award: Award, internal: AwardInternal, position: Position) -> None:
        """The award of one stack, made at a position."""
        ref = award.achievement
        streams = sorted(str(pin.stream) for pin in award.components)
        # Eight bytes of the digest: two honest stacks that share them are not to be expected in any ledger.
        digest = sha256(
            f"{internal.learner}\n{ref.stream}\n{ref.version}\n{' '.join(streams)}".encode("ascii")
        ).digest()
        self._keys.append(int.from_bytes(digest[:_KEY], "big"))
        self._positions.append(position)

    def extend(self, other: "StackKeys") -> None:
        """Those of other streams."""
        self._keys.extend(other._keys)
        self._positions.extend(other._positions)

    def repeated(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The position of each award that was made before, and those of all before it."""
        shares = len(self._keys) // _AT_ONCE + 1  # sorted one share after the other, so that memory stays flat
        for share in range(shares):
            chosen = (index for index, key in enumerate(self._keys) if key % shares == share)
            earlier: tuple[int, ...] = ()
            last_key = None
            for index in sorted(chosen, key=lambda each: (self._keys[each], self._positions[each])):
                position = self._positions[index]
                if self._keys[index] != last_key:
                    earlier, last_key = (), self._keys[index]
                if earlier:
                    yield position, earlier
                earlier = (*earlier, position)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A component as it was on record just before a stack."""

    credential: Credential
    first: Entry
    last: Entry
    current: Entry  # that made the version in force


class Stacks:
    """Judges the awards of pathways, and that no other award looks like one."""

    def __init__(self, source: AuditSource, opener: PartOpener, registry: Registry, found: Findings) -> None:
        self.keys = StackKeys()
        self._source = source
        self._opener = opener
        self._registry = registry
        self._found = found

    def check(self, entry: Entry, position: Position, award: Award, internal: AwardInternal | None) -> None:
        """Report what is wrong with a new award: with its kind, and with the components of a stacked one.

        Args:
            internal: None where it could not be read, which is reported elsewhere.
        """
        achievement = self._registry.achievements.get(award.achievement.stream)
        if achievement is None:
            return  # reported where the version awarded is looked up
        if not isinstance(entry.event, CredentialStacked):
            if award.components:
                self._report(entry, position, "the award was issued, and names components as only a stacked one does")
            if achievement.is_pathway:
                self._report(entry, position, "a pathway was issued as if it were earned by itself, and it is stacked")
        elif not achievement.is_pathway:
            self._report(
                entry, position, "the award was stacked, and what was awarded is no pathway but an achievement"
            )
        elif len(award.components) > MOST_COMPONENTS:
            reason = f"the award names {len(award.components)} components, and at most {MOST_COMPONENTS} make one"
            self._report(entry, position, reason)
        else:
            self._components(entry, position, award, internal)

    def check_amended(self, entry: Entry, position: Position, award: Award, first: Award) -> None:
        """Report unless a new version names the components that the award was made from."""
        if award.components != first.components:
            self._report(entry, position, "the components of an award never change, and here they are others")

    def _report(self, entry: Entry, position: Position, reason: str) -> None:
        self._found.report(Check.STACK, position, reason, entry, Step.STREAM)

    def _components(self, entry: Entry, position: Position, award: Award, internal: AwardInternal | None) -> None:
        there = [self._component(entry, position, pin) for pin in award.components]
        definition = self._definition(award.achievement.digest)
        if definition is not None and definition.rule is None:
            self._report(entry, position, "the pathway that was awarded has no rule that the components could meet")
        if internal is None or definition is None or definition.rule is None:
            return  # reported where it is missing, or here
        self.keys.add(award, internal, position)
        pairs = zip(award.components, there, strict=True)
        held = [(pin, self._held(each, entry)) for pin, each in pairs if each is not None]
        readable = [(pin, each) for pin, each in held if each is not None]
        wrong = check_components(
            definition.rule, [each for _, each in readable], issuer=entry.by, learner=internal.learner
        )
        for problem in wrong:
            _, _, index = problem.column.partition(".")
            if index:
                self._report(entry, position, f"its component {readable[int(index)][0].stream} {problem.reason}")
            elif len(readable) == len(award.components):
                self._report(entry, position, f"its components {problem.reason}")

    def _component(self, entry: Entry, position: Position, pin: Component) -> _Found | None:
        """What was on record of a component, or a report that it was not, or was something else than is pinned."""
        name = f"its component {pin.stream}"
        if pin.origin != self._registry.operator.origin:
            self._report(entry, position, f"{name} is said to stand in another log")
            return None
        there = self._read(pin, position)
        if there is None:
            self._report(entry, position, f"{name} was not on record as an award")
        elif pin.seq != there.last.seq:
            reason = f"{name} is pinned at its entry {pin.seq}, and entry {there.last.seq} was its last one"
            self._report(entry, position, reason)
        elif sha256(there.last.raw).digest() != pin.entry:
            self._report(entry, position, f"{name} is pinned by another digest than that of its entry {pin.seq}")
        return there

    def _read(self, pin: Component, position: Position) -> _Found | None:
        """The stream of a component as far as it stands before a position."""
        entries: dict[Position, Entry] = {}
        award: AwardSoFar | None = None
        # Found by an index; whether it leads to every row, the database is asked for as a whole.
        for place, _, _, _, state in self._source.entries_of(pin.stream.hex, position - 1):
            entry = _entry(state) if type(state) is bytes else None
            if entry is None or type(place) is not int or entry.stream != pin.stream:
                continue
            award = award or AwardSoFar(self._registry.issuers.get(entry.by))
            if _follows(award.known(Position(place)), entry):
                award.add(entry, Position(place))
            entries[Position(place)] = entry
        credential = None if award is None else award.known(position)
        if credential is None:
            return None
        read = list(entries.values())
        current = entries[credential.current.position]
        return _Found(credential=credential, first=read[0], last=read[-1], current=current)

    def _held(self, there: _Found, stack: Entry) -> Held | None:
        """A component as the rule asks for it; None where its parts cannot be read, which is reported elsewhere."""
        credential, place = there.credential, there.credential.current.position
        try:
            award, internal = self._opened(there.current, place)
        except LedgerError:
            return None
        slug = self._slug(award.achievement)
        if slug is None:
            return None
        return Held(
            stream=credential.stream,
            issuer=credential.issuer,
            learner=internal.learner,
            slug=slug,
            is_stack=isinstance(there.first.event, CredentialStacked) or bool(award.components),
            fault=standing_fault(credential, award, stack.at.date()),
        )

    def _opened(self, entry: Entry, position: Position) -> tuple[Award, AwardInternal]:
        """Facts and internal of a version of an award."""
        recorded, contents = entry.recorded(position), dict[Part, bytes]()
        for _, *row in self._source.parts_of([position]):
            opened = open_part((row[0], row[1], row[2]), self._opener, recorded)
            if opened is not None:
                contents[opened[0]] = opened[1]
        if Part.FACTS not in contents or Part.INTERNAL not in contents:
            raise Unopened(Check.PARTS, "a part is missing")
        facts, internal = read_facts(contents[Part.FACTS]), read_internal(contents[Part.INTERNAL])
        if facts.award is None or not isinstance(internal, AwardInternal):
            raise Unopened(Check.FACTS, "these are not the parts of an award")
        return facts.award, internal

    # ---- definitions

    def _slug(self, ref: AchievementRef) -> Slug | None:
        """The slug of an achievement: that of its first version, for it never changes."""
        achievement = self._registry.achievements.get(ref.stream)
        definition = self._definition(ref.digest if achievement is None else achievement.digests[0])
        return None if definition is None else definition.slug

    def _definition(self, digest: Digest) -> AchievementDefinition | None:
        """A wording; None where it is missing, changed or cannot be read, which is reported elsewhere."""
        content = self._source.definition(digest)
        if type(content) is not bytes or sha256(content).digest() != digest:
            return None
        try:
            return read_definition(canonical.decode(content))
        except LedgerError:
            return None


def _entry(raw: bytes) -> Entry | None:
    try:
        return parse_entry(raw)
    except LedgerError:
        return None


def _follows(state: Credential | None, entry: Entry) -> bool:
    """Whether an entry may follow what stands before it; if not, that is reported at its own position."""
    event = entry.event
    if not isinstance(event, CredentialEvent):
        return False
    try:
        credentials.permit(state, event)
    except LedgerError:
        return False
    return True


def report_repeated(keys: StackKeys, source: AuditSource, registry: Registry, found: Findings) -> None:
    """Report every award that the learner had already for the same components; one that a thief made does not count."""
    for position, earlier in keys.repeated():
        counting = [each for each in earlier if not _is_a_thiefs(each, position, source, registry)]
        if not counting:
            continue
        reason = f"the learner had this award for these components already, at position {counting[0]}"
        for row in source.entries(position - 1, position):
            entry = _entry(row[4]) if type(row[4]) is bytes else None
            found.report(Check.STACK, position, reason, entry, Step.STREAM)


def _is_a_thiefs(made: int, position: int, source: AuditSource, registry: Registry) -> bool:
    """Whether the key that signed the entry at `made` was reported as stolen before `position`."""
    for row in source.entries(made - 1, made):
        entry = _entry(row[4]) if type(row[4]) is bytes else None
        issuer = None if entry is None else registry.known(entry.by, Position(position))
        if entry is not None and issuer is not None:
            return issuer.disowns(entry.kid, Position(made), known_before=Position(position))
    return False
