"""From a document to the RDF statements that a proof signs, without losing any: what would be lost is refused.

JSON-LD drops what its contexts do not define, silently, and a proof does not cover what was dropped. So terms without
a definition get a sentinel for a vocabulary and addresses without a scheme one for a base, and no statement may have
either; what never becomes a statement is looked for in the document itself. The parser is told to keep what is
malformed, for the same reason: it is found afterwards and refused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

import orjson
from pyoxigraph import RdfFormat, parse

from ledger.vc.budget import Budget
from ledger.vc.context_use import UNDEFINED, names_in, used
from ledger.vc.contexts import UnknownContext
from ledger.vc.rdf_canon import Statement, TooAmbiguous, canonicalise
from ledger.vc.rdf_terms import BASE, RelativeAddress, Terms
from ledger.vc.reading import MAX_LEVELS, Document, DocumentError, Json, MalformedDocument

__all__ = ["RelativeAddress", "TooAmbiguous", "UndefinedTerm", "canonical_nquads", "statements"]

# What reading a document may cost. A member or an item of it is 1; a type, which may bring a context of its own, and
# the name of a context, which is read anew wherever it is named, are as many as they were measured to take.
_TYPE_COST = 25
_CONTEXT_COST = 150
_TEXT_BYTES = 64  # of text in memory that take as much time or room as a part does
_LARGE_INTEGER = 2.0**63  # from here on the parser takes a whole number for a double
_LARGE_DOUBLE = 1e21  # from here on it is one (JSON-LD 1.1 API, section 8.2.2)
_LONG = 64  # characters of a name or an identifier that are repeated in each of its statements without being counted
MAX_NESTED_CONTEXTS = 8  # objects with contexts of their own inside one another; each holds on to a table of terms

_SHOWN = 100  # characters of a stranger's name, in a message
_TOLD = 10  # names in a message

# The keywords that end in a statement, and the base direction, which has none in RDF and only tells how to draw.
_KEYWORDS = frozenset(("@context", "@id", "@type", "@value", "@language", "@direction"))
_TYPE_NAMES = ("type", "@type")
# The terms whose values are graphs of their own, in every bundled context that has such terms.
_GRAPH_TERMS = frozenset(
    (
        "<https://w3id.org/security#proof>",
        "<https://www.w3.org/2018/credentials#verifiableCredential>",
    )
)


class UndefinedTerm(DocumentError):
    """Something in the document would not be signed: no context defines it, or RDF has no words for it."""

    def __init__(self, terms: tuple[str, ...]) -> None:
        shown = ", ".join(repr(term[:_SHOWN]) for term in terms[:_TOLD])
        super().__init__(f"no signature would cover these parts of the document: {shown}")
        self.terms = terms


class TooLarge(MalformedDocument):
    """The document has more parts, or more text, than is read here."""


def canonical_nquads(document: Document, budget: Budget | None = None) -> bytes:
    """The canonical N-Quads of the statements of `document`: RDFC-1.0 with SHA-256.

    Args:
        document: as read.
        budget: of all that is read together; None where this is all.

    Raises:
        UnknownContext: a context is not bundled, or not named by its URL.
        UndefinedTerm: a part of the document would not be signed.
        RelativeAddress: an identifier is relative.
        TooAmbiguous: its blank nodes cannot be told apart within reason.
        MalformedDocument: it is no JSON-LD.
        TooLarge: it is larger than is read here.
        OverBudget: so much is not left.
    """
    budget = budget or Budget()
    return canonicalise(statements(document, budget), budget)


def statements(document: Document, budget: Budget | None = None) -> list[Statement]:
    """What `document` states, each once; raises as `canonical_nquads` does, but for `TooAmbiguous`."""
    budget = budget or Budget()
    preparation, terms = _Preparation(budget), Terms()
    read = _read(preparation.top(document), terms)
    undefined = terms.undefined or _graphs_without_content(read)
    if preparation.empty:
        # A list of nothing states nothing, whatever its name. What its name means is seen once something is in it.
        filled = Terms()
        _read(_Preparation(budget, fill=True).top(document), filled)
        undefined += filled.undefined
    # A name or an address like "@this" is taken for a keyword of the future and left out, where a text is not.
    undefined += (preparation.like_keywords - terms.literals).keys()
    if undefined:
        raise UndefinedTerm(tuple(dict.fromkeys(undefined)))
    if not read:
        raise MalformedDocument("the document states nothing")
    if terms.has_json and preparation.changed:
        raise MalformedDocument("the document has contexts or long numbers beside a JSON value, which is not read")
    return read


def _read(prepared: dict[str, object], terms: Terms) -> list[Statement]:
    """What the parser makes of a prepared document, each statement once."""
    try:
        raw = orjson.dumps(prepared, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        # `rename_blank_nodes`: labels of strangers end here, with whatever characters they have.
        quads = parse(raw, format=RdfFormat.JSON_LD, base_iri=BASE, rename_blank_nodes=True, lenient=True)
        # One by one: all of them at once would take more memory than what is made of them.
        return list(dict.fromkeys(map(terms.statement, quads)))
    except (TypeError, SyntaxError, ValueError) as error:
        raise MalformedDocument(f"the document is not JSON-LD: {error}") from error


class _Preparation:
    """A copy of a document for the parser, its contexts in place; what JSON-LD would drop is refused."""

    def __init__(self, budget: Budget, *, fill: bool = False) -> None:
        self._budget = budget
        self._fill = fill  # put something into each list that is empty
        self._names = frozenset[str]()  # in the document, as far as contexts define them
        self._cost = 0
        self._nested = 0  # objects with contexts of their own around the present one
        self._lost: list[str] = []
        self.like_keywords: Counter[str] = Counter()  # texts, names and addresses, how often each
        self.empty = False  # there is a list of nothing
        self.changed = False  # something besides the contexts of the whole

    def top(self, document: Document) -> dict[str, object]:
        """The prepared document, with the sentinel vocabulary before all its contexts: theirs prevail."""
        self._names = names_in(document)
        prepared = self._object(document)
        contexts = prepared.get("@context", [])
        prepared["@context"] = [{"@vocab": UNDEFINED}, *(contexts if isinstance(contexts, list) else [])]
        if self._lost:
            raise UndefinedTerm(tuple(self._lost))
        return prepared

    def _object(self, value: Mapping[str, Json], level: int = 1) -> dict[str, object]:
        """A copy of `value`, the contexts that it names replaced by their content."""
        if "@value" not in value and ("@language" in value or "@direction" in value):
            self._lost.append("a language without a text")
        self._spend(len(value) + _repeated(value))
        prepared: dict[str, object] = {}
        if "@context" in value:
            self._nested += 1
            prepared["@context"] = self._named(value["@context"])
            self.changed |= level > 1
        for name, item in value.items():
            if name in _TYPE_NAMES and item == "@json" and "@value" in value:
                prepared[name] = item
            elif name != "@context":
                prepared[name] = self._member(name, item, level)
        self._nested -= "@context" in value
        return prepared

    def _member(self, name: str, item: Json, level: int) -> object:
        if name in _TYPE_NAMES:
            self._spend(_TYPE_COST * (len(item) if isinstance(item, list) else 1))
        elif name.startswith("@") and name not in _KEYWORDS:
            self._lost.append(name)
        return self._value(name, item, level)

    def _value(self, name: str, value: Json, level: int) -> object:
        if isinstance(value, str):
            self._spend(_size(value) // _TEXT_BYTES)
            if value.startswith("@"):
                self.like_keywords[value] += 1
        elif isinstance(value, Mapping | list):
            if level == MAX_LEVELS:
                raise MalformedDocument(f"the document is nested deeper than {MAX_LEVELS} levels")
            if isinstance(value, Mapping):
                return self._object(value, level + 1)
            self._spend(len(value))
            if not value and name not in _TYPE_NAMES:
                self.empty = True
                return [{"@value": ""}] if self._fill else []
            return [self._value(name, item, level + 1) for item in value]
        elif value is None:
            self._lost.append(name)  # JSON-LD takes null for the absence of the whole member
        elif isinstance(value, float):
            return self._number(value)
        return value

    def _number(self, value: float) -> object:
        """`value` as the parser gives it the spelling of RDF: 16 digits, where it would write 17, or an integer's."""
        digits = f"{value:.15e}"
        shortened = float(digits)
        if value.is_integer() and abs(value) < _LARGE_INTEGER:
            return orjson.Fragment(str(int(value)))
        # Left are a few numbers that this parser or another spells in its own way, such as those that lie half-way
        # between two of 16 digits; nobody means them.
        half_way = Decimal(value).as_tuple().digits[16:] == (5,)
        large = _LARGE_INTEGER <= abs(value) < _LARGE_DOUBLE
        if half_way or large or Decimal(repr(shortened)) != Decimal(digits):
            raise MalformedDocument(f"the number {value!r} is spelled in more than one way by those who sign")
        self.changed |= shortened != value
        return shortened

    def _named(self, contexts: Json) -> list[object]:
        """What the contexts with these URLs say."""
        urls = contexts if isinstance(contexts, list) else [contexts]
        self._spend(_CONTEXT_COST * len(urls))
        if self._nested > MAX_NESTED_CONTEXTS:
            raise MalformedDocument(f"the document has contexts inside one another {self._nested} times")
        named: list[object] = []
        for url in urls:
            if not isinstance(url, str):
                raise UnknownContext("the document has a context of its own; only contexts named by URL are read")
            named.append(used(url, self._names))
        return named

    def _spend(self, cost: int) -> None:
        self._cost += cost
        if self._cost > self._budget.document:
            raise TooLarge("the document has more parts than are read here")
        self._budget.read(cost)


def _repeated(value: Mapping[str, Json]) -> int:
    """What it costs that each statement about a thing repeats its identifier and the name of its member."""
    identifiers = [value[name] for name in ("id", "@id") if name in value]
    length = max((len(identifier) for identifier in identifiers if isinstance(identifier, str)), default=0)
    return sum(
        (length + len(name)) // _LONG * _items(item) for name, item in value.items() if length + len(name) >= _LONG
    )


def _size(text: str) -> int:
    """The bytes that a text takes in memory, as N-Quads spell it: each character as many as the widest."""
    width = 1 if text.isascii() else 4 if max(text) > "\uffff" else 2
    # Of those that N-Quads write in six characters, this one alone takes fewer in JSON.
    return width * (len(text) + 5 * text.count("\x7f"))


def _items(value: Json) -> int:
    return sum(map(_items, value)) if isinstance(value, list) else 1


def _graphs_without_content(read: Iterable[Statement]) -> list[str]:
    """Names of parts that are graphs of their own and of which nothing was read: what they hold would be lost."""
    graphs = {graph for _, _, _, graph in read}
    return [predicate for _, predicate, value, _ in read if predicate in _GRAPH_TERMS and value not in graphs]
