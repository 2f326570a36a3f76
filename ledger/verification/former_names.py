"""Tells which documents of a stack bear a name that the learner gave up since in one of its parts.

The document of a stack holds the documents of its parts as they were when it was made, and so their names. A part may
be corrected without the stack: what was made before that is given out no more, and the stack's own name is no guide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.types import Kid, Position
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.verification.evidence import CredentialEvidence, PartEvidence, Placed
from ledger.verification.readings import Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedVersion:
    """A version of a part, and the name in it."""

    position: Position
    kid: Kid
    name: str | None  # None where it cannot be read


class Disowns(Protocol):
    """`Issuer.disowns`."""

    def __call__(self, kid: Kid, position: Position, *, known_before: Position | None = None) -> bool:
        """Whether an entry of that key at that position is a thief's, by what was known before another."""


class FormerNames:
    """The names in the parts of a stack, as they were and as they are."""

    def __init__(self, parts: Iterable[Sequence[NamedVersion]], disowns: Disowns) -> None:
        """Take the versions of each part, in their order.

        Args:
            disowns: of the issuer of the stack, and so of its parts: which versions a thief made.
        """
        self._disowns = disowns
        self._parts = [(each, self._current(each)) for each in parts]

    def stand_in(self, document: Opening | None, made: Position) -> bool:
        """Whether a document of the stack bears one of them; what cannot be read counts as one.

        Args:
            document: of the version that the entry at `made` brought; one from before there were any bears no name.
        """
        return document is not None and bool(document.content) and self.since(made)

    def since(self, made: Position) -> bool:
        """Whether a part has another name now than in what was made of the stack at `made`."""
        return any(self._renamed(versions, current, made) for versions, current in self._parts)

    def _renamed(self, versions: Sequence[NamedVersion], current: NamedVersion | None, made: Position) -> bool:
        if current is None or current.name is None:
            return True
        held = (
            each
            for each in reversed(versions)
            if each.position < made and not self._disowns(each.kid, each.position, known_before=made)
        )
        return next((each.name != current.name for each in held), False)

    def _current(self, versions: Sequence[NamedVersion]) -> NamedVersion | None:
        good = (each for each in reversed(versions) if not self._disowns(each.kid, each.position))
        return next(good, None)


def former_names(stack: CredentialEvidence, disowns: Disowns) -> FormerNames:
    """Those of an award that was judged; of one that was earned by itself there are none."""
    parts = stack.components.values()
    return FormerNames((named_versions(each.stream, each.parts, each.readings) for each in parts), disowns)


def named_versions(
    stream: Sequence[Placed], parts: Mapping[Position, Mapping[Part, PartEvidence]], readings: Readings
) -> tuple[NamedVersion, ...]:
    """The versions of a part as far as its entries can be read."""
    return tuple(_versions(stream, parts, readings))


def _versions(
    stream: Sequence[Placed], parts: Mapping[Position, Mapping[Part, PartEvidence]], readings: Readings
) -> Iterator[NamedVersion]:
    for placed in stream:
        entry = readings.entry(placed.raw)
        if entry is not None and isinstance(entry.event, CredentialAwarded | CredentialAmended):
            given = parts.get(placed.position, {}).get(Part.FACTS)
            opening = None if given is None else given.opening
            facts = None if opening is None else readings.facts(opening.content)
            name = None if facts is None or facts.award is None else facts.award.name
            yield NamedVersion(position=placed.position, kid=entry.kid, name=name)
