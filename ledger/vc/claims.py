"""What only the ledger may say: which documents claim to be an award, a record of awards, or a status list.

Asked of a document's JSON, where others read a word whatever vocabulary it stands in, and of its RDF, where a type has
one spelling. Some contexts define every word there is: under them a badge of nobody's making can be signed.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ledger.vc.budget import Budget
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, DocumentError, Json

_TYPE: Final = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_TYPE_NAMES: Final = frozenset(("type", "@type"))
_AWARD_TYPES: Final = (
    "OpenBadgeCredential",
    "AchievementCredential",
    "AchievementSubject",
    "ClrCredential",
    "ClrSubject",
)
# Of Bitstring Status List 1.0 and of those before it, which some verifiers still go by.
_LIST_TYPES: Final = (
    *("BitstringStatusListCredential", "BitstringStatusList", "StatusList2021Credential", "StatusList2021"),
    *("RevocationList2021Credential", "RevocationList2020Credential", "RevocationList2020"),
    *("RevocationList2021", "SuspensionList2021Credential", "SuspensionList2021"),
)
_AWARD_MEMBERS: Final = ("achievement", "verifiableCredential")  # what a badge, and what a record of several, is about
_LIST_MEMBERS: Final = ("encodedList",)
# Readers differ in whether case counts: here it does not.
_TYPES: Final[Mapping[str, str]] = {name.lower(): name for name in (*_AWARD_TYPES, *_LIST_TYPES)}
_MEMBERS: Final[Mapping[str, str]] = {name.lower(): name for name in (*_AWARD_MEMBERS, *_LIST_MEMBERS)}
AWARDS: Final = frozenset((*_AWARD_TYPES, *_AWARD_MEMBERS))


def reserved_in(document: Document, budget: Budget | None = None) -> frozenset[str]:
    """The types and members, by their short names, that a document has at any level and only the ledger may state.

    Args:
        document: without its proof.
        budget: of all that is read together; None where this is all.

    Raises:
        DocumentError: its words say nothing of the kind, and what they mean cannot be found out.
    """
    worded = frozenset(_worded(document))
    try:
        return worded | frozenset(_meant(canonical_nquads(document, budget)))
    except DocumentError:
        if worded:
            return worded
        raise


def _worded(document: Document) -> Iterator[str]:
    """By the words of the JSON alone."""
    rest: list[Json] = [dict(document)]
    while rest:
        each = rest.pop()
        if isinstance(each, Mapping):
            for name, item in each.items():
                yield from _among(_MEMBERS, name)
                if name in _TYPE_NAMES:
                    for kind in item if isinstance(item, list) else [item]:
                        yield from _among(_TYPES, kind)
            rest += each.values()
        elif isinstance(each, list):
            rest += each


def _meant(nquads: bytes) -> Iterator[str]:
    """By the statements: a context may give a word any name."""
    for line in nquads.decode("utf-8", "replace").split("\n"):
        # In N-Quads blanks stand between terms alone, but for those of literals; a type is no literal.
        pieces = line.split(" ")
        if len(pieces) >= 4:
            yield from _among(_MEMBERS, pieces[1][1:-1])
            if pieces[1] == _TYPE:
                yield from _among(_TYPES, pieces[2][1:-1])


def _among(names: Mapping[str, str], spelled: Json) -> Iterator[str]:
    """The reserved name that a term, an address or an abbreviated address ends in."""
    if isinstance(spelled, str):
        end = max(spelled.rfind(mark) for mark in "#/:") + 1
        if spelled[end:].lower() in names:
            yield names[spelled[end:].lower()]
