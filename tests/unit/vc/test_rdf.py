"""What a document states is what a proof signs: the same statements as elsewhere, and no part of a document lost.

PyLD, with the bundled contexts and no others, is the oracle.
"""

import json
from collections.abc import Iterable
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld  # type: ignore[import-untyped]
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse, serialize

from ledger.vc import contexts
from ledger.vc.contexts import CLR, CREDENTIALS_V2, KNOWN, OPEN_BADGES, OPEN_BADGES_EXTENSIONS, UnknownContext, context
from ledger.vc.rdf import (
    _GRAPH_TERMS,
    RelativeAddress,
    TooAmbiguous,
    UndefinedTerm,
    canonical_nquads,
    statements,
)
from ledger.vc.reading import MAX_DOCUMENT, MAX_LEVELS, Document, DocumentError, Json, MalformedDocument

EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
BASE: list[Json] = [CREDENTIALS_V2, OPEN_BADGES]
ANY: list[Json] = [*BASE, EXAMPLES]


def load(url: str, options: object) -> dict[str, object]:
    return {"contextUrl": None, "documentUrl": url, "document": json.loads(context(url))}


def by_pyld(document: Document) -> bytes:
    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    return cast("str", jsonld.normalize(document, options)).encode()


def canonical_again(nquads: bytes) -> bytes:
    """The same statements named by a third implementation; PyLD names what refers to itself in a way of its own."""
    dataset = Dataset(parse(nquads, format=RdfFormat.N_QUADS))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").split(b"\n")
    return b"".join(sorted(line + b"\n" for line in lines if line))


def badge(**parts: Json) -> dict[str, Json]:
    return {
        "@context": [*BASE, OPEN_BADGES_EXTENSIONS],
        "id": "urn:uuid:7e1c5a52-3f2b-4b6a-9a43-5a1f0c9a0001",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "did:web:college.example", "type": ["Profile"], "name": "College"},
        "validFrom": "2026-01-01T00:00:00Z",
        "name": "Welding “II”\t\n",
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [{"type": "IdentityObject", "hashed": False, "identityHash": "a", "identityType": "name"}],
            "achievement": {
                "id": "urn:uuid:7e1c5a52-3f2b-4b6a-9a43-5a1f0c9a0002",
                "type": ["Achievement"],
                "creditsAvailable": 7.5,
                "criteria": {"narrative": "Weld"},
                "name": {"@value": "Schweißen", "@language": "de-CH", "@direction": "ltr"},
                "description": "…",
                "resultDescription": [
                    {"id": f"urn:r{place}", "type": ["ResultDescription"], "allowedValue": ["A", "B", "C"]}
                    for place in range(2)
                ],
            },
            "result": [{"type": ["Result"], "value": "A"}, {"type": ["Result"], "value": "A"}],
        },
        "credentialStatus": {
            "id": "https://college.example/status/1#5",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "5",
            "statusListCredential": "https://college.example/status/1",
        },
        "credentialSchema": [{"id": "https://s.example/", "type": "1EdTechJsonSchemaValidator2019"}],
        **parts,
    }


def record(*credentials: Json) -> dict[str, Json]:
    return {
        "@context": [CREDENTIALS_V2, CLR, OPEN_BADGES],
        "id": "urn:uuid:7e1c5a52-3f2b-4b6a-9a43-5a1f0c9a0003",
        "type": ["VerifiableCredential", "ClrCredential"],
        "credentialSubject": {
            "type": ["ClrSubject"],
            "verifiableCredential": list(credentials),
            "association": [
                {"type": "Association", "associationType": "isPartOf", "sourceId": "urn:a", "targetId": "urn:b"}
            ],
        },
    }


PROOF: dict[str, Json] = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofValue": "z5"}


@pytest.mark.parametrize(
    "document",
    [
        badge(),
        badge(proof=PROOF),
        badge(proof=[PROOF, {**PROOF, "proofValue": "z6", "previousProof": "urn:p"}]),
        record(badge(proof=PROOF), badge(id="urn:uuid:4", proof=PROOF)),
        {"@context": CREDENTIALS_V2, "type": ["VerifiablePresentation"], "verifiableCredential": [badge(proof=PROOF)]},
        {"@context": ANY, "a": [[1, [2]], []], "b": {}, "c": {"id": "_:x"}, "d": {"id": "_:x", "e": True}},
        {"@context": ANY, "a": {"@value": 3, "@type": "http://www.w3.org/2001/XMLSchema#double"}},
        {"@context": ANY, "a": {"@value": 3.5, "@type": "http://www.w3.org/2001/XMLSchema#decimal"}},
        {"@context": ANY, "a": {"@value": {"\ufb33": 1, "\U0001f600": [1e21, {}]}, "@type": "@json"}},
        {"@context": ANY, "a": [1.5, -122.08421516418457, 0.1 + 0.2, 1e21, -2.5e-6, 2**53 - 1, 1.5e300]},
        {"@context": ANY, "name": "@context", "a": ["@this", "@this", "@1", "@"]},
    ],
)
def test_a_document_states_what_another_implementation_finds_in_it(document: dict[str, Json]) -> None:
    assert canonical_nquads(document) == by_pyld(document)


def test_control_characters_are_spelled_as_canonical_n_quads_ask() -> None:
    # RDFC-1.0, section 5: U+0000 to U+001F and U+007F are escaped, the five of them that have one with a letter.
    expected = b'_:c14n0 <https://schema.org/name> "\\b\\t\\n\\f\\r\\"\\\\\\u0001\\u007F\xe2\x80\xa8" .\n'
    assert canonical_nquads({"@context": BASE, "name": '\b\t\n\f\r"\\\x01\x7f\u2028'}) == expected


@pytest.mark.parametrize(("number", "spelled"), [(1.0, "1"), (-3.0, "-3"), (-0.0, "0"), (1e18, "1" + "0" * 18)])
def test_a_whole_number_is_an_integer_however_it_is_written(number: float, spelled: str) -> None:
    ending = f'"{spelled}"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'
    assert canonical_nquads({"@context": ANY, "a": number}).decode().endswith(ending)


# Of the contexts, but for what stands last.
SOME_NAMES = """
name description image url achievement alignment criteria narrative identifier result allowedValue hashed
creditsAvailable evidence validFrom issuer related address geo latitude credentialSubject credentialStatus
statusListCredential proof verifiableCredential jsonSchema proofPurpose nonsense urn:p
"""
SOME_TYPES = """
Achievement Profile Result Evidence Image Address GeoCoordinates VerifiableCredential OpenBadgeCredential
AchievementSubject VerifiablePresentation BitstringStatusListEntry DataIntegrityProof ClrSubject JsonSchema
Nonsense urn:T @json
"""
NAMES = st.sampled_from([*SOME_NAMES.split()] * 3 + ["", "no sense", "x:y z", "_:p", "@index", "@nonsense"])
TYPES = st.sampled_from(SOME_TYPES.split())
TEXTS = st.sampled_from(
    ["x", "", "urn:x", "relative", "#x", "//y", "urn:a b", "@id", "@none", "_:b", "x<y>", "assertionMethod"]
)
LEAVES = (
    TEXTS
    | st.integers(-5, 5)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.none()
    | st.fixed_dictionaries(
        {"@value": TEXTS | st.none()}, optional={"@language": st.sampled_from(["de", "de-CH", "no tag"])}
    )
    | st.fixed_dictionaries({"@language": st.just("de")})
)


def nodes(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    members = st.dictionaries(NAMES, inner, max_size=3)
    optional = {"id": TEXTS, "type": TYPES | st.lists(TYPES, max_size=2), "@context": st.just(CREDENTIALS_V2)}
    return st.builds(
        lambda own, rest: {**rest, **own}, st.fixed_dictionaries({}, optional=optional), members
    ) | st.lists(inner, max_size=3)


DOCUMENTS = st.builds(
    lambda own, members, used: {"@context": used, **members, **own},
    st.fixed_dictionaries({"type": st.lists(TYPES, max_size=2)}, optional={"id": TEXTS}),
    st.dictionaries(NAMES, st.recursive(LEAVES, nodes, max_leaves=8), max_size=4),
    st.sampled_from([BASE, ANY, ANY, ANY, [CREDENTIALS_V2], [CREDENTIALS_V2, CLR, OPEN_BADGES], [EXAMPLES]]),
)


def said(value: Json) -> int:
    """How many texts, numbers, identifiers and types there are in a document, or in its expanded form."""
    if isinstance(value, list):
        return sum(map(said, value))
    if not isinstance(value, dict):
        return 1
    if "@value" in value:
        return 1 + ("@language" in value)
    return sum(said(item) for name, item in value.items() if name != "@context")


@settings(max_examples=600)
@given(DOCUMENTS)
def test_any_document_is_stated_whole_and_as_elsewhere_or_refused(document: dict[str, Json]) -> None:
    try:
        ours = canonical_nquads(document)
    except DocumentError:
        return
    try:
        expanded = cast("Json", jsonld.expand(document, {"documentLoader": load}))
    except jsonld.JsonLdError as error:
        # A thing of two types that define one protected term in two ways: the parser takes the later one.
        if error.code == "protected term redefinition":
            return
        raise
    assert ours == canonical_again(by_pyld(document))
    assert said(expanded) == said(document)


@pytest.mark.parametrize(
    ("parts", "lost"),
    [
        ({"nonsense": 1}, ["nonsense"]),
        ({"nonsense": [{"no": "x"}], "again": []}, ["nonsense", "no", "again"]),
        ({"credentialSubject": {"type": "AchievementSubject", "identityHash": "x"}}, ["identityHash"]),
        ({"credentialSubject": {"type": "Nonsense"}}, ["Nonsense"]),
        ({"type": ["VerifiableCredential", "Nonsense", "No"]}, ["Nonsense", "No"]),
        ({"name": {"@value": "x", "@type": "nonsense"}}, ["nonsense"]),
        ({"name": {"@value": "x", "@index": "nonsense"}}, ["@index"]),
        ({"name": {"@language": "de"}}, ["a language without a text"]),
        ({"name": {"@direction": "rtl"}}, ["a language without a text"]),
        ({"name": None}, ["name"]),
        ({"name": ["x", None]}, ["name"]),
        ({"name": {"@value": None}}, ["@value"]),
        ({"@nonsense": 1, "@graph": []}, ["@nonsense", "@graph"]),
        ({"@reverse": {"name": "x"}}, ["@reverse"]),
        ({"@included": []}, ["@included"]),
        ({"@1": 1}, ["@1"]),
        ({"_:b": 1}, ["_:b"]),
        ({"urn:a b": 1}, ["urn:a b"]),
        ({"name": {"@value": "x", "@type": "urn:a b"}}, ["urn:a b"]),
        ({"": 1}, [""]),
        ({"grade": []}, ["grade"]),
        ({"grade": [[], [[]]]}, ["grade"]),
        ({"credentialSchema": {"id": "urn:x", "type": "JsonSchema", "grade": []}}, ["grade"]),
        ({"statusPurpose": []}, ["statusPurpose"]),  # defined for a status alone
        ({"id": "@nonsense"}, ["@nonsense"]),
        ({"credentialSchema": {"id": "@nonsense", "type": "JsonSchema"}}, ["@nonsense"]),
        ({"name": "@nonsense", "credentialSchema": "@nonsense"}, ["@nonsense"]),
        ({"proof": "urn:proof"}, ["<https://w3id.org/security#proof>"]),
        ({"proof": {"id": "urn:proof"}}, ["<https://w3id.org/security#proof>"]),
        ({"proof": [PROOF, {"@value": "x"}]}, ["<https://w3id.org/security#proof>"]),
    ],
)
def test_what_no_signature_would_cover_is_refused_by_its_name(parts: dict[str, Json], lost: list[str]) -> None:
    with pytest.raises(UndefinedTerm) as refused:
        canonical_nquads(badge(**parts))
    assert sorted(refused.value.terms) == sorted(lost)
    assert repr(lost[0]) in str(refused.value)


def test_a_term_within_what_begins_without_contexts_is_refused() -> None:
    presentation: dict[str, Json] = {
        "@context": ANY,
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [{"id": "urn:x", "name": "x"}],
    }
    with pytest.raises(UndefinedTerm, match="'id', 'name'"):
        canonical_nquads(presentation)


def test_a_presentation_of_a_mere_address_is_refused() -> None:
    presentation: dict[str, Json] = {
        "@context": CREDENTIALS_V2,
        "type": "VerifiablePresentation",
        "verifiableCredential": {"@id": "urn:x"},
    }
    with pytest.raises(UndefinedTerm, match="verifiableCredential"):
        canonical_nquads(presentation)


def test_a_message_names_a_few_of_a_thousand_terms() -> None:
    with pytest.raises(UndefinedTerm) as refused:
        canonical_nquads(badge(**{f"{place}" + "x" * 2_000: 1 for place in range(300)}))
    assert len(str(refused.value)) < 2_000
    assert len(refused.value.terms) == 300


@pytest.mark.parametrize("address", ["", "x", "#x", "?x", "/x", "//x.example/", "../../../x", "x y", "\\x"])
def test_an_address_that_is_not_absolute_is_refused(address: str) -> None:
    with pytest.raises(RelativeAddress, match="not absolute"):
        canonical_nquads(badge(id=address))
    with pytest.raises(RelativeAddress, match="not absolute"):
        canonical_nquads(badge(credentialStatus={"type": "BitstringStatusListEntry", "statusListCredential": address}))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"id": "urn:a b"}, "an address that is none"),
        ({"id": 'urn:x> <urn:p> "1" .\n<urn:y'}, "an address that is none"),
        ({"credentialSchema": {"id": "urn:x> <urn:g", "type": "JsonSchema"}}, "an address that is none"),
        ({"name": {"@value": "x", "@language": "de\n"}}, "a language that is none"),
        ({"name": {"@value": "x", "@language": "no tag"}}, "a language that is none"),
        ({"type": "@json"}, "an address that is none"),
        ({"id": 5}, "not JSON-LD"),
        ({"type": [5]}, "not JSON-LD"),
        ({"name": {"@value": "x", "urn:p": 1}}, "not JSON-LD"),
        ({"id": "urn:x", "@id": "urn:x"}, "not JSON-LD"),
        ({"name": "\ud800"}, "not JSON-LD"),
        ({"name": 2**70}, "not JSON-LD"),
        ({"name": 5e-324}, "more than one way"),
        ({"name": 1e20}, "more than one way"),
        ({"name": 180683880917016.25}, "more than one way"),
        ({"name": -(2.0**63)}, "more than one way"),
    ],
)
def test_what_is_no_json_ld_is_refused(parts: dict[str, Json], reason: str) -> None:
    with pytest.raises(MalformedDocument, match=reason):
        canonical_nquads(badge(**parts))


def test_a_json_value_that_would_be_changed_is_refused() -> None:
    for value in ({"@context": CREDENTIALS_V2}, [0.1 + 0.2]):
        with pytest.raises(MalformedDocument, match="beside a JSON value"):
            canonical_nquads({"@context": ANY, "a": {"@value": cast("Json", value), "@type": "@json"}})


@pytest.mark.parametrize(
    "used", ["urn:x", ["urn:x"], None, [None], {"name": "urn:p"}, [CREDENTIALS_V2, {"@vocab": "urn:"}], [[EXAMPLES]], 5]
)
def test_a_context_that_is_not_bundled_is_refused_wherever_it_stands(used: Json) -> None:
    for document in (badge(**{"@context": used}), badge(credentialSubject={"@context": used, "name": "x"})):
        with pytest.raises(UnknownContext):
            canonical_nquads(document)


@pytest.mark.parametrize("document", [{}, {"@context": []}, {"@context": BASE, "id": "urn:x", "name": []}])
def test_a_document_that_states_nothing_is_refused(document: dict[str, Json]) -> None:
    with pytest.raises(MalformedDocument, match="states nothing"):
        canonical_nquads(document)


def inside(levels: int, wrapped: Json, **more: Json) -> Json:
    for _ in range(levels):
        wrapped = {"a": wrapped, **more}
    return wrapped


@pytest.mark.parametrize(
    "document",
    [
        {"@context": ANY, "a": list(range(50_000))},
        {"@context": ANY, "a": [{"type": ["Achievement"] * 1_000} for _ in range(3)]},
        {"@context": [*ANY * 112]},
        {"@context": ANY, "a": [{"@context": BASE, "name": "x"} for _ in range(170)]},
        {"@context": ANY, "a": inside(9, "x", **{"@context": OPEN_BADGES})},
        {"@context": ANY, "id": "urn:" + "x" * 500_000, "a": list(range(18_000))},
        {"@context": ANY, "a" * 100_000: [[{}] * 100]},
        {"@context": ANY, "a": "x" * 3_300_000},
        {"@context": ANY, "a": "\u20ac" + "x" * 1_650_000},
        {"@context": ANY, "a": "\U0001f600" + "x" * 820_000},
        {"@context": ANY, "a": "\U0001f600" + "\x7f" * 140_000},
        {"@context": ANY, "a": ["\U0001f600" + "x" * 63] * 11_000},
        {"@context": ANY, "a": inside(MAX_LEVELS, "x")},
        {"@context": ANY, "a": inside(100_000, "x")},
    ],
)
def test_a_document_that_costs_too_much_is_refused_before_it_is_parsed(document: dict[str, Json]) -> None:
    with pytest.raises(MalformedDocument, match=r"more parts than|inside one another|nested deeper"):
        statements(document)


@pytest.mark.parametrize("parts", [{"evidence": []}, {"evidence": [[]]}, {"evidence": [], "name": [["x"], []]}])
def test_a_list_of_nothing_whose_name_is_defined_states_nothing(parts: dict[str, Json]) -> None:
    stated: dict[str, Json] = {"name": "x"} if "name" in parts else {}
    assert canonical_nquads(badge(**parts)) == canonical_nquads(badge(**stated)) == by_pyld(badge(**parts))


def test_a_long_text_is_read() -> None:
    canonical_nquads({"@context": ANY, "a": "\U0001f600" + "x" * 700_000})
    canonical_nquads({"@context": ANY, "a": "x" * MAX_DOCUMENT})


def test_the_deepest_document_and_contexts_within_contexts_are_read() -> None:
    deepest: dict[str, Json] = {"@context": ANY, "a": inside(MAX_LEVELS - 1, "x", id="urn:x")}
    assert canonical_nquads(deepest) == by_pyld(deepest)
    within: dict[str, Json] = {"@context": ANY, "a": inside(7, "x", **{"@context": OPEN_BADGES})}
    assert canonical_nquads(within) == by_pyld(within)


def test_a_document_of_parts_that_look_alike_is_refused() -> None:
    alike: list[Json] = [{"a": [{"a": {}} for _ in range(20)]} for _ in range(2)]
    with pytest.raises(TooAmbiguous):
        canonical_nquads({"@context": ANY, "a": alike})


def test_the_terms_whose_values_are_graphs_are_those_of_the_bundled_contexts() -> None:
    def graphs(value: Json) -> Iterable[Json]:
        if isinstance(value, dict):
            if value.get("@container") == "@graph":
                yield value["@id"]
            for item in value.values():
                yield from graphs(item)

    spelled = {
        f"<{str(term).replace('sec:', 'https://w3id.org/security#').replace('cred:', 'https://www.w3.org/2018/credentials#')}>"
        for url in KNOWN
        for term in graphs(json.loads(contexts.context(url)))
    }
    assert spelled == _GRAPH_TERMS


def test_no_bundled_context_has_another_name_for_a_keyword_than_id_and_type() -> None:
    def aliases(value: Json) -> Iterable[tuple[str, Json]]:
        if isinstance(value, dict):
            for name, item in value.items():
                if isinstance(item, str) and item.startswith("@") and not name.startswith("@"):
                    yield name, item
                yield from aliases(item)

    found = {alias for url in KNOWN for alias in aliases(json.loads(contexts.context(url)))}
    assert found == {("id", "@id"), ("type", "@type")}
