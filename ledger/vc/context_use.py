"""The part of its contexts that a document can make use of, for the parser: to read all of them takes most of its time.

What a term means depends on nothing but definitions of names that stand somewhere in the document: as a member, as a
text, as what comes before a colon in either; and of those that such definitions name in their turn. The others may go.
Names are looked for everywhere, whatever a text is for: too many are kept, never too few. What is not found out any
more is that two contexts quarrel over a term of which the document makes no use.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final

import orjson

from ledger.vc.contexts import KNOWN, context
from ledger.vc.reading import Document, Json

UNDEFINED: Final = "term.without.definition:"


def names_in(document: Document) -> frozenset[str]:
    """The names in `document` that contexts define, and those that their definitions name."""
    return _followed(frozenset(_named(document)))


@lru_cache(maxsize=512)  # a pure function; a few kilobytes for each set of names that documents have
def used(url: str, names: frozenset[str]) -> orjson.Fragment:
    """What the context `url` defines of `names`, as JSON.

    Where a context begins afresh, the sentinel vocabulary begins as well.

    Raises:
        UnknownContext: it is not bundled.
    """
    return orjson.Fragment(orjson.dumps(_kept(_whole(url), names)))


@lru_cache(maxsize=256)
def _followed(names: frozenset[str]) -> frozenset[str]:
    before = -1
    while len(names) > before:
        before = len(names)
        names |= frozenset(_named([_kept(_whole(url), names) for url in KNOWN]))
    return names


@cache  # by the address of a bundled context
def _whole(url: str) -> Json:
    found: Json = orjson.loads(context(url))["@context"]
    return _watched(found)


@cache
def _defined() -> frozenset[str]:
    """Every name that a bundled context defines, at any depth."""
    return frozenset(name for url in KNOWN for name in _members(_whole(url)))


def _members(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _members(item)


def _named(value: object) -> Iterator[str]:
    """The names in `value` that contexts define."""
    defined, rest = _defined(), [value]
    while rest:
        each = rest.pop()
        if isinstance(each, Mapping):
            rest += each
            rest += each.values()
        elif isinstance(each, list):
            rest += each
        elif isinstance(each, str):
            if each in defined:
                yield each
            if ":" in each and (prefix := each.partition(":")[0]) in defined:
                yield prefix


def _kept(definition: Json, names: frozenset[str]) -> Json:
    """A context, or a list of them, with its keywords and those terms alone."""
    if isinstance(definition, list):
        return [_kept(each, names) for each in definition]
    if not isinstance(definition, dict):
        return definition
    return {name: _scoped(item, names) for name, item in definition.items() if name[:1] == "@" or name in names}


def _scoped(term: Json, names: frozenset[str]) -> Json:
    """The definition of a term, with as much of its own context."""
    if not isinstance(term, dict) or "@context" not in term:
        return term
    return term | {"@context": _kept(term["@context"], names)}


def _watched(definition: Json) -> Json:
    if not isinstance(definition, dict):
        return definition
    return {
        name: [None, {"@vocab": UNDEFINED}] if name == "@context" and item is None else _watched(item)
        for name, item in definition.items()
    }
