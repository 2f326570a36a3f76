"""The part of contexts that is given to the parser says the same of a document as all of them."""

import re
from collections.abc import Mapping

import orjson
import pytest
from pyoxigraph import RdfFormat, parse

from ledger.vc.context_use import UNDEFINED, names_in, used
from ledger.vc.contexts import CLR, CREDENTIALS_V2, KNOWN, OPEN_BADGES, OPEN_BADGES_EXTENSIONS, UnknownContext, context
from ledger.vc.reading import Json

_MEMBERS = 12  # in one document
_QUARREL = re.compile("Overriding the protected term (.*)")
_BLANK = re.compile("_:[0-9A-Za-z]+")
LISTS = [
    [CREDENTIALS_V2, OPEN_BADGES, OPEN_BADGES_EXTENSIONS],
    [CREDENTIALS_V2, CLR, OPEN_BADGES],
    *([url] for url in sorted(KNOWN)),
]


def members(value: Json) -> list[str]:
    """Every name in a context, at any depth."""
    if not isinstance(value, Mapping):
        return []
    return [each for name, item in value.items() for each in (name, *members(item))]


def terms(urls: list[str]) -> list[str]:
    """Every term that contexts define."""
    found = [name for url in urls for name in members(orjson.loads(context(url))["@context"])]
    return sorted({name for name in found if not name.startswith("@")})


EVERY = frozenset(terms(sorted(KNOWN)))


def whole(url: str) -> orjson.Fragment:
    """All of a context, with the sentinel vocabulary in it."""
    every = used(url, EVERY)
    assert orjson.loads(orjson.dumps(every)).keys() == orjson.loads(context(url))["@context"].keys()
    return every


def stated(document: dict[str, Json], contexts: list[orjson.Fragment]) -> list[str] | str:
    """What a parser finds, or why it refuses."""
    raw = orjson.dumps({**document, "@context": [{"@vocab": UNDEFINED}, *contexts]})
    try:
        found = parse(raw, format=RdfFormat.JSON_LD, base_iri="urn:base:", lenient=True)
        return sorted(_BLANK.sub("_:", str(quad)) for quad in found)
    except SyntaxError as error:
        return str(error)


def same(document: dict[str, Json], urls: list[str]) -> bool:
    """Whether the needed part of these contexts says what all of them say; quarrels over unused terms do not count."""
    names = names_in(document)
    part, all_ = stated(document, [used(url, names) for url in urls]), stated(document, [whole(url) for url in urls])
    quarrel = _QUARREL.fullmatch(all_) if isinstance(all_, str) else None
    return part == all_ or (quarrel is not None and quarrel[1] not in names)


@pytest.mark.parametrize("urls", LISTS, ids=lambda urls: urls[-1])
def test_every_term_means_the_same_as_a_member_and_as_a_type(urls: list[str]) -> None:
    known = terms(urls)
    for start in range(0, len(known), _MEMBERS):
        some = known[start : start + _MEMBERS]
        held: dict[str, Json] = {name: f"urn:{name}" for name in some if name not in ("id", "type")}
        inner: dict[str, Json] = {"@id": "urn:b", "@type": [*some], **held}
        choices: list[list[Json]] = [["VerifiableCredential"], ["OpenBadgeCredential", "VerifiableCredential"], [*some]]
        for types in choices:
            assert same({"@id": "urn:a", "@type": types, **held, "urn:inside": inner}, urls)
            assert same({"@id": "urn:a", "@type": types, **dict.fromkeys(held, inner)}, urls)


def test_a_name_before_a_colon_is_used_wherever_it_stands() -> None:
    urls = [CREDENTIALS_V2, CLR]
    assert "cred" in names_in({"x": ["urn:a", {"y": "cred:z"}]})
    places: list[dict[str, Json]] = [{"cred:x": "y"}, {"@type": "cred:x"}, {"urn:p": {"@id": "cred:x"}}]
    for place in places:
        document: dict[str, Json] = {"@id": "urn:a", "@type": "ClrSubject", **place}
        assert same(document, urls)


def test_what_a_definition_names_is_used_as_well() -> None:
    assert {"ClrSubject", "obi"} <= names_in({"type": "ClrSubject", "identifier": []})
    assert {
        name for name in names_in({"nothing of": "any context", "urn:x": [1, None, True]}) if name[0] != "@"
    } == set()


def test_what_is_not_used_is_left_out() -> None:
    part = orjson.dumps(used(OPEN_BADGES, names_in({"type": "Achievement", "name": "A"})))
    assert b'"Achievement"' in part
    assert b'"Address"' not in part
    assert len(part) < len(context(OPEN_BADGES)) / 10


def test_a_context_that_is_not_bundled_is_unknown() -> None:
    with pytest.raises(UnknownContext):
        used("https://elsewhere.example/context", frozenset())
