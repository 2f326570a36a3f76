"""Credentials signed as JWT: those of their issuer pass, whatever header or claim an attacker writes."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.vc.did import ControllerDocument, read_controller_document, resolve_key
from ledger.vc.jwt import MAX_HEADER, MAX_JWT, MalformedJwt, check, read_jwt
from ledger.vc.reading import Document, Json
from ledger.vc.spelling import to_base64url
from tests.unit.vc.proofs import ED25519, NOW, OTHER, P256, Key, document

ALGORITHMS: Final = {"EdDSA": ED25519, "Ed25519": ED25519, "ES256": P256}
WEB: Final = "did:web:college.example:issuers:north"
BEGINS: Final = 1772236800  # 2026-02-28T00:00:00Z
ENDS: Final = 32477155200  # 2999-02-28T00:00:00Z


def compact(header: bytes | Document, payload: bytes | Document, key: Key = ED25519) -> bytes:
    """The JWS of two objects, or of the bytes that stand for them."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    signing_input = ".".join(to_base64url(part) for part in parts).encode()
    return signing_input + b"." + to_base64url(key.sign(signing_input)).encode()


def claims(key: Key = ED25519, issuer: str | None = None) -> dict[str, Json]:
    """A payload as Open Badges 3.0 has it."""
    whole = document(issuer or key.did)
    return {
        **whole,
        "iss": issuer or key.did,
        "jti": whole["id"],
        "sub": "did:example:learner",
        "nbf": BEGINS,
        "exp": ENDS,
    }


def header(key: Key = ED25519, /, **members: Json) -> dict[str, Json]:
    return {"alg": key.algorithm, "typ": "JWT", "kid": key.method, **members}


def without(members: Document, *names: str) -> dict[str, Json]:
    return {name: value for name, value in members.items() if name not in names}


def judged(
    raw: bytes, resolve: Callable[[str], ControllerDocument] = resolve_key, later: timedelta = timedelta()
) -> tuple[str, str]:
    checked = check(read_jwt(raw), resolve, now=NOW + later)
    return checked.outcome, checked.reason


GOOD: Final = ("passed", "signature_valid")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("typ", ["JWT", "jwt", "vc+jwt", "application/vc+jwt", "vc+ld+jwt", None])
def test_a_jwt_of_its_issuer_passes_and_names_the_key(algorithm: str, typ: str | None) -> None:
    key = ALGORITHMS[algorithm]
    stated = header(key, alg=algorithm, typ=typ) if typ else without(header(key, alg=algorithm), "typ")
    checked = check(read_jwt(compact(stated, claims(key), key)), resolve_key, now=NOW)
    assert (checked.outcome, checked.reason) == GOOD
    assert (checked.cryptosuite, checked.method, checked.controller) == (algorithm, key.method, key.did)
    assert checked.created is None
    assert checked.detail == "the document is as it was signed"


def test_the_credential_is_the_payload_without_its_claims() -> None:
    read = read_jwt(compact(header(), claims()))
    assert read.document == document()
    assert read.claims == {name: claims()[name] for name in ("iss", "jti", "sub", "nbf", "exp")}
    assert read.header == header()


def test_the_credential_of_an_older_form_is_in_the_member_vc() -> None:
    raw = compact(header(), {"vc": document(), "iss": ED25519.did, "nbf": BEGINS})
    assert read_jwt(raw).document == document()
    assert judged(raw) == GOOD


@pytest.mark.parametrize("payload", [{**document(), "vc": document()}, {"vc": "text"}, {"vc": document(), "name": "x"}])
def test_a_jwt_with_two_credentials_is_refused(payload: Document) -> None:
    with pytest.raises(MalformedJwt):
        read_jwt(compact(header(), payload))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"..",
        b"a.b",
        compact(header(), claims()) + b".",
        compact(header(), claims()) + b"\n",
        compact(header(), claims()) + b"=",
        b" " + compact(header(), claims()),
        compact(header(), claims()).replace(b".", b". ", 1),
        "é".encode() + compact(header(), claims()),
        compact(b'{"alg":"EdDSA","alg":"none"}', claims()),
        compact(b"[]", claims()),
        compact(header(), b"[]"),
        compact(header(), b'{"iss":"a","iss":"b"}'),
        compact(header(), b'{"a":NaN}'),
        compact(header(), b'{"a":' * 1000),
        compact(header(pad="x" * MAX_HEADER), claims()),
        compact(header(), claims()) + b"A" * 2048,
        b"A" * (MAX_JWT + 1),
    ],
)
def test_what_is_no_compact_jws_of_two_objects_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJwt):
        read_jwt(raw)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"alg": "none"}, ("failed", "unsigned")),
        ({"alg": "NONE"}, ("failed", "unsigned")),
        ({"alg": None}, ("failed", "unsigned")),
        ({"alg": ["EdDSA"]}, ("failed", "unsigned")),
        ({"alg": "RS256"}, ("unknown", "unsupported_algorithm")),
        ({"alg": "HS256"}, ("unknown", "unsupported_algorithm")),
        ({"alg": "eddsa"}, ("unknown", "unsupported_algorithm")),
        ({"alg": "ES256"}, ("failed", "key_does_not_fit")),
        ({"crit": ["exp"]}, ("failed", "critical_header")),
        ({"crit": []}, ("failed", "critical_header")),
        ({"b64": True}, ("failed", "critical_header")),
        ({"typ": "at+jwt"}, ("failed", "wrong_type")),
        ({"typ": "vp+jwt"}, ("failed", "wrong_type")),
        ({"typ": 5}, ("failed", "wrong_type")),
        ({"kid": 5}, ("failed", "malformed_proof")),
        ({"kid": ""}, ("failed", "malformed_proof")),
        ({"kid": OTHER.method}, ("failed", "method_of_another")),
        ({"kid": f"{ED25519.did}#other"}, ("failed", "key_not_found")),
        ({"kid": "https://college.example/keys/1"}, ("unknown", "did_not_resolved")),
        ({"kid": ED25519.multikey}, GOOD),
        ({"kid": f"#{ED25519.multikey}"}, GOOD),
        ({"kid": ED25519.did}, GOOD),
        ({"x5c": ["AAAA"], "jku": "https://attacker.example"}, GOOD),
    ],
)
def test_the_header_decides_nothing_that_the_issuers_document_does_not(
    members: dict[str, Json], expected: tuple[str, str]
) -> None:
    assert judged(compact({**header(), **members}, claims())) == expected


def test_a_jwt_that_is_not_signed_at_all_does_not_pass() -> None:
    for algorithm, expected in (("none", "unsigned"), ("EdDSA", "signature_invalid")):
        signed = compact(header(alg=algorithm), claims())
        assert judged(signed.rpartition(b".")[0] + b".") == ("failed", expected)


def jwk(key: Key, **members: Json) -> dict[str, Json]:
    return {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(key.public.raw), **members}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"jwk": jwk(ED25519)}, GOOD),
        ({"jwk": jwk(ED25519), "kid": ED25519.method}, GOOD),
        ({"jwk": jwk(OTHER)}, ("failed", "key_not_found")),
        ({"jwk": jwk(OTHER), "kid": ED25519.method}, ("failed", "key_does_not_fit")),
        ({"jwk": jwk(ED25519, d="AAAA")}, ("failed", "malformed_proof")),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, ("failed", "malformed_proof")),
        ({"jwk": "text"}, ("failed", "malformed_proof")),
    ],
)
def test_a_key_in_the_header_counts_only_where_the_issuer_has_it(
    members: dict[str, Json], expected: tuple[str, str]
) -> None:
    assert judged(compact({"alg": "EdDSA", **members}, claims())) == expected


def test_a_stranger_who_shows_a_key_of_his_own_does_not_pass() -> None:
    assert judged(compact({"alg": "EdDSA", "jwk": jwk(OTHER)}, claims(), OTHER)) == ("failed", "key_not_found")
    assert judged(compact(header(), claims(), OTHER)) == ("failed", "signature_invalid")


def of_college(*keys: Key) -> Callable[[str], ControllerDocument]:
    methods = [
        {"id": f"#{key.multikey}", "type": "Multikey", "controller": WEB, "publicKeyMultibase": key.multikey}
        for key in keys
    ]
    raw = json.dumps({"id": WEB, "verificationMethod": methods, "assertionMethod": [m["id"] for m in methods]})
    return lambda did: read_controller_document(raw.encode(), did)


def test_without_a_key_id_the_issuers_only_fitting_key_is_taken() -> None:
    raw = compact({"alg": "EdDSA"}, claims(issuer=WEB))
    assert judged(raw, of_college(ED25519, P256)) == GOOD
    assert judged(raw, of_college(ED25519, OTHER)) == ("unknown", "key_not_named")
    assert judged(raw, of_college(P256)) == ("failed", "key_not_found")
    assert judged(raw, of_college()) == ("failed", "key_not_found")
    shown = compact({"alg": "EdDSA", "jwk": jwk(ED25519)}, claims(issuer=WEB))
    assert judged(shown, of_college(ED25519, OTHER)) == GOOD


def test_an_issuer_that_cannot_be_resolved_leaves_the_jwt_unjudged() -> None:
    issuer = "https://college.example/issuers/north"
    assert judged(compact(header(kid="key-1"), claims(issuer=issuer))) == ("unknown", "did_not_resolved")


@pytest.mark.parametrize("issuer", [None, 5, {}, {"id": 5}, ["did:example:a"]])
def test_a_jwt_whose_credential_names_no_issuer_fails(issuer: Json) -> None:
    assert judged(compact(header(), {**claims(), "issuer": issuer})) == ("failed", "malformed_document")


@pytest.mark.parametrize(
    "members",
    [
        {"iss": OTHER.did},
        {"jti": "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b1f"},
        {"sub": "did:example:someone"},
        {"credentialSubject": [{"id": "did:example:someone"}]},
        {"nbf": BEGINS + 1},
        {"exp": ENDS - 1},
        {"validUntil": 5},
        {"validUntil": "soon"},
        {"validFrom": "2026-02-28T00:00:01Z"},
    ],
)
def test_a_claim_that_says_other_than_the_credential_fails(members: dict[str, Json]) -> None:
    assert judged(compact(header(), {**claims(), **members})) == ("failed", "claims_disagree")


@pytest.mark.parametrize(
    "members",
    [
        {"validFrom": "2026-02-28T00:00:00.750Z"},
        {"nbf": BEGINS + 0.25},
        {"credentialSubject": [{"id": "did:example:learner"}]},
        {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:b"}]},
        {"credentialSubject": {"type": ["AchievementSubject"]}},
        {"credentialSubject": "an id"},
        {"credentialSubject": None},
        {"credentialSubject": []},
        {"iat": "whenever", "aud": ["https://wallet.example"]},
    ],
)
def test_claims_that_say_the_same_or_something_else_pass(members: dict[str, Json]) -> None:
    assert judged(compact(header(), {**claims(), **members})) == GOOD


@pytest.mark.parametrize("name", ["iss", "jti", "sub", "nbf", "exp", "validFrom", "validUntil", "id"])
def test_claims_are_compared_where_both_are_present(name: str) -> None:
    assert judged(compact(header(), without(claims(), name))) == GOOD


def test_the_times_of_a_vc_jwt_are_those_of_its_signature() -> None:
    payload: dict[str, Json] = {**claims(), "nbf": BEGINS + 3600, "exp": BEGINS + 86400 * 30}
    assert judged(compact(header(typ="vc+jwt"), payload)) == GOOD
    assert judged(compact(header(typ="JWT"), payload)) == ("failed", "claims_disagree")


def test_a_jwt_fails_before_and_after_the_times_it_names() -> None:
    raw = compact(header(typ="vc+jwt"), {**claims(), "nbf": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 60})
    assert judged(raw) == GOOD
    assert judged(raw, later=timedelta(milliseconds=-1)) == ("failed", "proof_not_yet_valid")
    assert judged(raw, later=timedelta(seconds=59.999)) == GOOD
    assert judged(raw, later=timedelta(seconds=60)) == ("failed", "proof_expired")


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize("value", [None, "1", True, [1]])
def test_a_time_that_is_no_number_fails(name: str, value: Json) -> None:
    assert judged(compact(header(typ="vc+jwt"), {**claims(), name: value})) == ("failed", "malformed_proof")


@pytest.mark.parametrize("value", [1e300, -1e300, 2**53 - 1])
def test_a_time_far_away_is_compared_as_any_other(value: float) -> None:
    assert judged(compact(header(typ="vc+jwt"), {**claims(), "exp": value}))[0] == ("passed" if value > 0 else "failed")
    assert judged(compact(header(), {**claims(), "exp": value}))[0] == "failed"


def test_the_key_of_a_failed_check_is_told_as_the_header_names_it() -> None:
    found = check(read_jwt(compact(header(alg=5, kid=5), claims())), resolve_key, now=NOW)
    assert (found.cryptosuite, found.method, found.controller) == ("", "", None)
    found = check(read_jwt(compact(header(alg="RS256"), claims())), resolve_key, now=NOW)
    assert (found.cryptosuite, found.method) == ("RS256", ED25519.method)


@pytest.mark.parametrize("key", [ED25519, P256])
@settings(max_examples=200)
@given(data=st.data())
def test_no_byte_of_a_jwt_can_be_changed(key: Key, data: st.DataObject) -> None:
    raw = bytearray(compact(header(key), claims(key), key))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    try:
        read = read_jwt(bytes(raw))
    except MalformedJwt:
        return
    assert check(read, resolve_key, now=NOW).outcome != "passed"
