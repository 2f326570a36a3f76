"""Whether what is read in the JSON of a document is what its signed statements say: nothing else, and nothing more.

A proof of the `-rdfc-` suites covers statements, and each of them can be spelled in many ways: under another name of
its property, or in any object that has the identifier of its subject. Verdicts are made of members of the JSON. So of
everything that a verdict depends on, both have to say the same; then no spelling hides an end, a status or a type.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.vc.budget import Budget
from ledger.vc.data_model import listed, types_of
from ledger.vc.rdf import statements
from ledger.vc.rdf_canon import Statement, canonicalise
from ledger.vc.rdf_terms import escaped
from ledger.vc.reading import Document, DocumentError, Json

_CRED: Final = "https://www.w3.org/2018/credentials#"
_LIST: Final = "https://www.w3.org/ns/credentials/status#"
_OB: Final = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
_CLR: Final = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
_TYPE: Final = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"

_DATES: Final = ("validFrom", "validUntil", "issuanceDate", "expirationDate")
_TEXTS: Final = frozenset((*_DATES, "statusPurpose", "statusListIndex", "statusSize", "encodedList"))
_BLANK: Final = "_:"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What something depends on in one kind of object, by the name in JSON: what statements call it."""

    types: Mapping[str, str]
    properties: Mapping[str, str]


def _called(vocabulary: str, *names: str) -> dict[str, str]:
    return {name: f"<{vocabulary}{name}>" for name in names}


_ROOT: Final = _Kind(
    types=_called(_CRED, "VerifiableCredential", "VerifiablePresentation")
    | _called(_CRED, "EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation")
    | _called(_OB, "OpenBadgeCredential", "EndorsementCredential")
    | {"AchievementCredential": f"<{_OB}OpenBadgeCredential>"}
    | _called(_CLR, "ClrCredential")
    | _called(_LIST, "BitstringStatusListCredential"),
    properties=_called(_CRED, *_DATES, "issuer", "holder", "verifiableCredential")
    | _called(_CRED, "credentialStatus", "credentialSubject"),
)
# Nothing here depends on what else a subject has: a credential inside another may speak of the same subject.
_INSIDE: Final[Mapping[str, _Kind]] = {
    "credentialStatus": _Kind(
        types=_called(_LIST, "BitstringStatusListEntry"),
        properties=_called(_LIST, "statusPurpose", "statusListIndex", "statusListCredential", "statusSize"),
    ),
    "credentialSubject": _Kind(
        types=_called(_LIST, "BitstringStatusList"), properties=_called(_LIST, "statusPurpose", "encodedList")
    ),
}

_READ: Final = frozenset(
    (_TYPE, *_ROOT.properties.values(), *(each for kind in _INSIDE.values() for each in kind.properties.values()))
)
# By name: the values that have a spelling, and how many have none.
_Told: TypeAlias = dict[str, tuple[frozenset[str], int]]


class StatedElsewhere(DocumentError):
    """Something that is signed is not said in the member of the document in which it is read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"what is signed for {name} is not what the member {name} of the document says")
        self.name = name


def judged_nquads(document: Document, budget: Budget) -> bytes:
    """The canonical N-Quads of a document that is judged by its JSON.

    Raises:
        StatedElsewhere: they say something else than the document.
        DocumentError: as `ledger.vc.rdf.canonical_nquads`.
    """
    found = statements(document, budget)
    check_stated(document, found)
    return canonicalise(found, budget)


def check_stated(document: Document, found: Iterable[Statement]) -> None:
    """Pass if the members of `document` that are read say what `found` says of it, of its statuses and its subjects.

    Args:
        found: its statements. Those of credentials that lie in graphs of their own do not count here.

    Raises:
        StatedElsewhere: naming the member.
    """
    about = _About(found)
    root = about.root(document)
    _check_same(_said(document, _ROOT), about.told(root, _ROOT))
    for name, kind in _INSIDE.items():
        said = {(_spelled(name, each), _frozen(_said(each, kind))) for each in listed(document.get(name))}
        nodes = about.values(root, _ROOT.properties[name])
        stated = {(_shown(node), _frozen(about.told(node, kind))) for node in nodes}
        if said != stated:
            raise StatedElsewhere(name)


class _About:
    """The statements outside graphs, by their subject."""

    def __init__(self, found: Iterable[Statement]) -> None:
        self._by_subject: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._blank = set[str]()  # subjects without an id
        self._values = set[str]()  # values without one
        for subject, predicate, value, graph in found:
            if not graph:
                if predicate in _READ:
                    self._by_subject[subject].append((predicate, value))
                if subject.startswith(_BLANK):
                    self._blank.add(subject)
                if value.startswith(_BLANK):
                    self._values.add(value)

    def root(self, document: Document) -> str:
        """The node of the document itself: that of its id, or the one that nothing leads to."""
        name = document.get("id")
        if isinstance(name, str):
            return f"<{name}>"
        free = list(self._blank - self._values)
        if len(free) != 1:
            raise StatedElsewhere("id")
        return free[0]

    def values(self, node: str, wanted: str) -> list[str]:
        """What a node has for a property."""
        return [value for predicate, value in self._by_subject.get(node, ()) if predicate == wanted]

    def told(self, node: str, kind: _Kind) -> _Told:
        """What is said of a node, as far as something depends on it."""
        found: _Told = {"type": (frozenset(self.values(node, _TYPE)).intersection(kind.types.values()), 0)}
        for name, predicate in kind.properties.items():
            found[name] = _counted(_shown(value) for value in self.values(node, predicate))
        return found


def _said(value: "Json | Document", kind: _Kind) -> _Told:
    """What an object of the document says of itself, as `_About.told` has it."""
    members = value if isinstance(value, Mapping) else {}
    found: _Told = {"type": (frozenset(kind.types[name] for name in types_of(members) if name in kind.types), 0)}
    for name in kind.properties:
        found[name] = _counted(_spelled(name, each) for each in listed(members.get(name)))
    return found


def _spelled(name: str, value: Json) -> str:
    """The value of a member as a term of a statement; one that is none where readers of JSON do not expect it."""
    if name in _TEXTS:
        if isinstance(value, int):
            return f'"{str(value).lower()}"'
        return f'"{escaped(value)}"' if isinstance(value, str) else "?"
    if isinstance(value, Mapping):
        # A credential in a presentation lies in a graph, and the graph has no id.
        value = _BLANK if name == "verifiableCredential" else value.get("id", _BLANK)
    if not isinstance(value, str):
        return "?"
    return _BLANK if value.startswith(_BLANK) else f"<{value}>"


def _shown(term: str) -> str:
    """A term of a statement without what no reader of JSON sees of it: the label of a node, the type of a literal."""
    if term.startswith(_BLANK):
        return _BLANK
    return term if term.startswith("<") else term[: term.rindex('"') + 1]


def _counted(terms: Iterable[str]) -> tuple[frozenset[str], int]:
    found = list(terms)
    return frozenset(found) - {_BLANK}, found.count(_BLANK)


def _frozen(told: _Told) -> frozenset[tuple[str, tuple[frozenset[str], int]]]:
    return frozenset(told.items())


def _check_same(said: _Told, stated: _Told) -> None:
    for name, values in said.items():
        if values != stated[name]:
            raise StatedElsewhere(name)
