"""The credentials inside a credential: of a learner record, endorsements, and whatever else stands there whole.

The proof around them says that its issuer put them there, and nothing of whether they are genuine. They are looked for
everywhere, since a reader who opens the file may find them anywhere; found too often rather than too seldom.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.vc.data_model import listed
from ledger.vc.reading import Document, Json

MOST_INSIDE: Final = 20  # at all levels together
MOST_LEVELS: Final = 3  # an endorsement of a badge in a record; what is around is read again at each
_MOST_STEPS: Final = 20_000  # values of one document
_TYPES: Final = frozenset(
    (
        *("verifiablecredential", "envelopedverifiablecredential", "openbadgecredential"),
        *("achievementcredential", "endorsementcredential", "clrcredential"),
    )
)
_PROOF: Final = "proof"
_MEMBERS: Final = frozenset((_PROOF, "credentialsubject"))  # that nothing but a credential has
_END: Final = re.compile(r"[#/:]")
_LONGEST: Final = 40  # characters of a name that are looked at, its last ones: more than any of these has
_HOLDERS: Final = frozenset(("verifiablecredential", "endorsement", "endorsementjwt"))  # whose values are credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What was found."""

    values: tuple[Json, ...]  # as they stand there: objects, texts of JWTs, and what stands in their place
    complete: bool = True  # False: they are too many or too deep, and none is given


_TOO_MANY: Final = Embedded(values=(), complete=False)


def embedded_in(document: Document, *, most: int = MOST_INSIDE) -> Embedded:
    """The credentials inside `document`, at every level.

    Args:
        most: how many there may be.
    """
    found: list[Json] = []
    rest: list[tuple[Json, int]] = [(value, 1) for value in _held(document, found)]
    steps = 0
    while rest and steps <= _MOST_STEPS and len(found) <= most:
        value, level = rest.pop()
        steps += 1
        if isinstance(value, list):
            rest += [(each, level) for each in value]
        elif isinstance(value, Mapping):
            if _is_credential(value):
                if level > MOST_LEVELS:
                    return _TOO_MANY
                found += [] if any(each is value for each in found) else [value]
                level += 1
            rest += [(each, level) for each in _held(value, found)]
    return _TOO_MANY if rest or len(found) > most else Embedded(values=tuple(found))


def _held(document: Document, found: list[Json]) -> Iterator[Json]:
    """The values of an object but for its proof; what has to be a credential by the name over it is found."""
    for name, value in document.items():
        short = _short(name)
        if short in _HOLDERS:
            found += [each for each in listed(value) if short != "endorsement" or isinstance(each, Mapping)]
        if short != _PROOF:
            yield value


def _is_credential(value: Document) -> bool:
    kinds = [each for name in ("type", "@type") for each in listed(value.get(name))]
    return not _MEMBERS.isdisjoint(map(_short, value)) or not _TYPES.isdisjoint(
        _short(kind) for kind in kinds if isinstance(kind, str)
    )


def _short(name: str) -> str:
    """What a term, an address or an abbreviated address ends in."""
    return _END.split(name[-_LONGEST:])[-1].lower()
