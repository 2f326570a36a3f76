"""The names that readers of JSON know: a member by its term, a type by its term, and no JSON-LD keyword for either.

JSON-LD has more ways to write each of them, such as its address. Who reads members by name does not see what is written
so; in a document that is read here nothing is.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import orjson

from ledger.vc.contexts import KNOWN, context
from ledger.vc.reading import Document, Json

# The keywords that data models have words for: texts with a language, which only an object that is a text should have.
_OF_OBJECTS: Final = frozenset(("@context", "@language", "@direction"))
_OF_VALUES: Final = frozenset((*_OF_OBJECTS, "@value", "@type"))
_DELIMITERS: Final = tuple(":/?#[]@")
_JSON: Final = frozenset(("jsonSchema", "jwk"))  # terms of values that are JSON for somebody else


def other_names(document: Document) -> Iterator[str]:
    """The names of members, and the types, that have a plainer spelling or are keywords; in any object inside too."""
    rest: list[Json] = [dict(document)]
    while rest:
        each = rest.pop()
        if isinstance(each, list):
            rest += each
        elif isinstance(each, Mapping):
            allowed = _OF_VALUES if "@value" in each else _OF_OBJECTS
            for name, item in each.items():
                if ":" in name or (name.startswith("@") and name not in allowed):
                    yield name
                elif name == "type":
                    yield from _other_types(item)
                elif name not in _JSON and name not in allowed:
                    rest.append(item)


def _other_types(value: Json) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and ":" in each and (each in _addresses() or each.partition(":")[0] in _prefixes()):
            yield each


@cache
def _addresses() -> frozenset[str]:
    """What the terms of the bundled contexts stand for."""
    return frozenset(address for _, address in _terms())


@cache
def _prefixes() -> frozenset[str]:
    """The terms that may stand before a colon, in place of what they stand for (JSON-LD 1.1 API, section 4.2.2)."""
    return frozenset(name for name, address in _terms() if address.endswith(_DELIMITERS))


def _terms() -> Iterator[tuple[str, str]]:
    """The terms of the bundled contexts, at any depth, each with the address that it stands for."""
    rest: list[Json] = [orjson.loads(context(url))["@context"] for url in KNOWN]
    while rest:
        each = rest.pop()
        if isinstance(each, dict):
            for name, item in each.items():
                address = item.get("@id") if isinstance(item, dict) else item
                if isinstance(address, str):
                    yield name, address
                if isinstance(item, dict):
                    rest.append(item.get("@context"))
