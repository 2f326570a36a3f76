"""DIDs, their documents read and written, and where the document of a did:web lies."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.types import Kid
from ledger.vc.did import (
    MAX_METHODS,
    RELATIONSHIPS,
    DidNotResolved,
    MalformedController,
    MalformedDid,
    read_controller_document,
    resolve_key,
    web_address,
    write_document,
)
from ledger.vc.reading import Json
from ledger.vc.spelling import to_base64url, to_multibase
from tests.unit.vc.proofs import ED25519, OTHER, P256, Key

DID = "did:web:college.example:issuers:north"


def multikey(key: Key = ED25519, **members: Json) -> dict[str, Json]:
    return {
        "id": f"{DID}#{key.multikey}",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": key.multikey,
    } | members


def crowd(count: int) -> list[Json]:
    return [{"id": f"#{number}", "type": "Old", "controller": DID} for number in range(count)]


def written(*methods: Json, **members: Json) -> bytes:
    document: dict[str, Json] = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "verificationMethod": list(methods),
    }
    return json.dumps(document | members).encode()


@pytest.mark.parametrize("key", [ED25519, P256])
def test_a_did_key_has_its_own_key_for_every_relationship_that_signs(key: Key) -> None:
    found = resolve_key(key.did)
    assert found.id == key.did
    assert [(name, method.key, method.controller) for name, method in found.methods.items()] == [
        (key.method, key.public, key.did)
    ]
    assert dict(found.relationships) == {name: frozenset((key.method,)) for name in RELATIONSHIPS}


def test_a_did_key_of_another_kind_has_a_key_that_is_not_used() -> None:
    did = "did:key:" + to_multibase(b"\x81\x24\x02" + bytes(48))
    found = resolve_key(did)
    assert found.methods == {}
    assert found.unsupported == found.relationships["assertionMethod"] == {f"{did}#{did[8:]}"}


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:key:",
        "did:key:u" + ED25519.multikey[1:],
        ED25519.did + "\n",
        ED25519.did + "#x",
        ED25519.did[:-1] + "0",
        ED25519.did[:-1],
        "did:web:college.example",
        "did:key:z" + "z" * 2000,
        "did:key:" + to_multibase(b"\xed\x01" + bytes(32)),
    ],
)
def test_what_is_no_did_key_of_a_sound_key_is_refused(did: str) -> None:
    with pytest.raises(MalformedDid):
        resolve_key(did)


@pytest.mark.parametrize(
    ("did", "address"),
    [
        ("did:web:college.example", "https://college.example/.well-known/did.json"),
        ("did:web:college.example%3A8443", "https://college.example:8443/.well-known/did.json"),
        ("did:web:localhost%3a8000:issuers:north", "https://localhost:8000/issuers/north/did.json"),
        ("did:web:a-b.c1.example:U_s-e.r:1", "https://a-b.c1.example/U_s-e.r/1/did.json"),
        ("did:web:xn--bcher-kva.example", "https://xn--bcher-kva.example/.well-known/did.json"),
    ],
)
def test_the_address_of_a_did_web_is_https(did: str, address: str) -> None:
    assert web_address(did) == address


@pytest.mark.parametrize(
    "did",
    [
        "did:key:z6Mk",
        "did:web:",
        "did:web:college.example:",
        "did:web:college.example::a",
        "did:web:college.example:..:a",
        "did:web:college.example:.",
        "did:web:college.example:%2e%2e",
        "did:web:college.example:a%2Fb",
        "did:web:user%40college.example",
        "did:web:user@college.example",
        "did:web:college.example%3A",
        "did:web:college.example%3A0",
        "did:web:college.example%3A65536",
        "did:web:college.example%3A123456",
        "did:web:college.example%3A080",
        "did:web:127.0.0.1",
        "did:web:2130706433",
        "did:web:0x7f.1",
        "did:web:[::1]",
        "did:web:%5B::1%5D",
        "did:web:-a.example",
        "did:web:a-.example",
        "did:web:a..example",
        "did:web:a.example.",
        "did:web:a.example%2Fb",
        "did:web:a.example/b",
        "did:web:a.example?b",
        "did:web:a.example#b",
        "did:web:a.example\n",
        "did:web:büch.example",
        "did:web:" + "a" * 64 + ".example",
        "did:web:" + "a." * 130 + "example",
        "did:web:" + "a:" * 600 + "a",
    ],
)
def test_what_is_no_did_web_of_a_domain_name_is_refused(did: str) -> None:
    with pytest.raises(MalformedDid):
        web_address(did)


def test_a_refusal_names_a_short_did_whole_and_a_long_one_by_its_beginning() -> None:
    with pytest.raises(MalformedDid, match=r"^'did:web:a\.example/b' is no"):
        web_address("did:web:a.example/b")
    with pytest.raises(MalformedDid, match=r"^'did:web:a{72}\.\.\.' is no"):
        web_address("did:web:" + "a" * 5000)


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_an_address_is_always_of_the_host_that_the_did_names(rest: str) -> None:
    try:
        address = web_address(f"did:web:{rest}")
    except MalformedDid:
        return
    host = rest.partition(":")[0].replace("%3a", "%3A").replace("%3A", ":")
    assert address.startswith(f"https://{host}/")
    assert address.endswith("/did.json")
    assert "/../" not in address


def test_a_written_document_is_read_with_its_keys_for_assertions_only() -> None:
    keys = [Kid(ED25519.multikey), Kid(OTHER.multikey), Kid(ED25519.multikey)]
    found = read_controller_document(write_document(DID, keys), DID)
    names = [f"{DID}#{ED25519.multikey}", f"{DID}#{OTHER.multikey}"]
    assert [(name, method.key) for name, method in found.methods.items()] == list(
        zip(names, (ED25519.public, OTHER.public), strict=True)
    )
    assert found.relationships == {"assertionMethod": frozenset(names)}


def test_a_written_document_has_one_spelling_and_may_have_no_key() -> None:
    assert write_document(DID, []) == (
        b'{"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1"],"assertionMethod":[],'
        b'"id":"did:web:college.example:issuers:north","verificationMethod":[]}'
    )


def test_keys_are_read_by_reference_embedded_relative_and_as_jwk() -> None:
    x, y = P256.coordinates()
    jwk: dict[str, Json] = {"kty": "EC", "crv": "P-256", "x": to_base64url(x), "y": to_base64url(y)}
    raw = written(
        multikey(id="#first"),
        {"id": f"{DID}#second", "type": "JsonWebKey", "controller": DID, "publicKeyJwk": jwk},
        assertionMethod=["#first", f"{DID}#second", "#nowhere"],
        authentication=multikey(OTHER),
    )
    found = read_controller_document(raw, DID)
    assert {name: method.key for name, method in found.methods.items()} == {
        f"{DID}#first": ED25519.public,
        f"{DID}#second": P256.public,
        f"{DID}#{OTHER.multikey}": OTHER.public,
    }
    assert found.relationships == {
        "assertionMethod": frozenset((f"{DID}#first", f"{DID}#second", f"{DID}#nowhere")),
        "authentication": frozenset((f"{DID}#{OTHER.multikey}",)),
    }


def test_times_of_a_method_are_read() -> None:
    raw = written(multikey(expires="2027-01-01T00:00:00Z", revoked="2026-06-01T00:00:00+02:00"))
    (method,) = read_controller_document(raw, DID).methods.values()
    assert method.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert method.revoked == datetime(2026, 5, 31, 22, tzinfo=UTC)


def test_unknown_members_contexts_and_types_are_passed_over() -> None:
    raw = written(
        multikey(note={"a": 1}),
        {"id": "#old", "type": "Ed25519VerificationKey2018", "controller": DID, "publicKeyBase58": "x"},
        {"id": "#big", "type": "JsonWebKey2020", "controller": DID, "publicKeyJwk": {"kty": "RSA"}},
        service=[{"id": "#s"}],
        alsoKnownAs=["https://college.example"],
    ).replace(b'"https://www.w3.org/ns/did/v1"', b'"https://unknown.example/v1", {"x": "y"}')
    found = read_controller_document(raw, DID)
    assert list(found.methods) == [f"{DID}#{ED25519.multikey}"]
    assert found.unsupported == {f"{DID}#old", f"{DID}#big"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"id":1}',
        b'{"id":"did:web:other.example"}',
        written(multikey())[:-1] + b',"id":"did:web:college.example:issuers:north"}',
        written("text"),
        written(multikey(id=1)),
        written(multikey(controller=None)),
        written(multikey(), multikey(OTHER, id=multikey()["id"])),
        written(multikey(), assertionMethod=[multikey(OTHER, id=multikey()["id"])]),
        written(*crowd(MAX_METHODS + 1)),
        written(multikey(publicKeyMultibase=None)),
        written(multikey(publicKeyMultibase=to_multibase(b"\xed\x01" + bytes(32)))),
        written(multikey(secretKeyMultibase="z3u2")),
        written(multikey(privateKeyJwk={})),
        written(multikey(type="JsonWebKey")),
        written(multikey(type="JsonWebKey", publicKeyJwk={"kty": "OKP", "crv": "Ed25519"})),
        written(multikey(expires=5)),
        written(multikey(revoked="soon")),
        written(multikey(), assertionMethod=[5]),
        b'{"id":' * 1000,
    ],
)
def test_a_document_that_is_not_right_in_what_is_known_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedController):
        read_controller_document(raw, DID)


@pytest.mark.parametrize("refusal", [MalformedDid, MalformedController])
def test_what_cannot_be_resolved_is_one_family(refusal: type[Exception]) -> None:
    assert issubclass(refusal, DidNotResolved)
