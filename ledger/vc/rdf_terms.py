"""The terms of statements as canonical N-Quads spell them; what is malformed, or has no definition, is found here."""

import re
from collections import Counter

import orjson
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from ledger.vc.context_use import UNDEFINED
from ledger.vc.jcs import canonical_json
from ledger.vc.rdf_canon import Statement
from ledger.vc.reading import DocumentError, MalformedDocument

_BASE_SCHEME = "address.without.scheme:"
BASE = f"{_BASE_SCHEME}//base/"  # told to the parser: what is relative to it was relative to nothing
_SHOWN = 100  # characters of a stranger's name, in a message
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")  # RFC 3987, as far as N-Quads ask for it
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_XSD_STRING = "<http://www.w3.org/2001/XMLSchema#string>"
_JSON_LITERAL = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON>"
_ESCAPES = {code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F)}
_ESCAPES |= {ord(char): f"\\{name}" for char, name in zip('\b\t\n\f\r"\\', 'btnfr"\\', strict=True)}


class RelativeAddress(DocumentError):
    """An identifier or an address in the document does not say of itself what it names."""

    def __init__(self, address: str) -> None:
        super().__init__(f"the document has an address that is not absolute: {address[:_SHOWN]!r}")


def escaped(text: str) -> str:
    """A text as canonical N-Quads have it between quotation marks."""
    return text.translate(_ESCAPES)


class Terms:
    """The terms of statements in N-Quads, none of them malformed, and what among them has no definition."""

    def __init__(self) -> None:
        self.undefined: list[str] = []
        self.literals: Counter[str] = Counter()  # those that look like keywords
        self.has_json = False
        self._spelled: dict[str, str] = {}  # the addresses so far: most stand in many statements

    def statement(self, quad: Quad) -> Statement:
        """The statement with its terms spelled as canonical N-Quads spell them."""
        subject, predicate, value, graph = quad
        return (
            self._resource(subject),
            self._resource(predicate),
            self._literal(value) if isinstance(value, Literal) else self._resource(value),
            "" if isinstance(graph, DefaultGraph) else self._resource(graph),
        )

    def _resource(self, term: NamedNode | BlankNode | Triple) -> str:
        if isinstance(term, NamedNode):
            return self._iri(term.value)
        return str(term)

    def _iri(self, iri: str) -> str:
        spelled = self._spelled.get(iri)
        if spelled is None:
            self._check(iri)
            spelled = self._spelled[iri] = f"<{iri}>"
        return spelled

    def _check(self, iri: str) -> None:
        if iri.startswith(UNDEFINED):
            self.undefined.append(iri.removeprefix(UNDEFINED))
        elif iri.startswith(_BASE_SCHEME):
            raise RelativeAddress(iri.removeprefix(BASE))
        elif iri.startswith("_:"):
            self.undefined.append(iri)  # a blank node for a predicate, of which RDF knows nothing
        elif _IRI.fullmatch(iri) is None:
            raise MalformedDocument(f"the document has an address that is none: {iri[:_SHOWN]!r}")

    def _literal(self, term: Literal) -> str:
        value = term.value
        if value.startswith("@"):
            self.literals[value] += 1
        if term.language is not None:
            if _LANGUAGE.fullmatch(term.language) is None:
                raise MalformedDocument(f"the document has a language that is none: {term.language[:_SHOWN]!r}")
            return f'"{escaped(value)}"@{term.language.lower()}'
        datatype = self._iri(term.datatype.value)
        if datatype == _XSD_STRING:
            return f'"{escaped(value)}"'
        if datatype == _JSON_LITERAL:
            self.has_json = True
            value = canonical_json(orjson.loads(value)).decode()
        return f'"{escaped(value)}"^^{datatype}'
