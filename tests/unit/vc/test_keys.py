"""Which public keys a document may name, and which signatures verify under them."""

import json
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.keys import MalformedPublicKey, UnsupportedKey, VerificationKey, read_jwk, read_multikey
from ledger.vc.reading import Json
from ledger.vc.spelling import from_base64url, to_base64url, to_multibase
from tests.unit.vc.proofs import ED25519, P256, Key

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "ed25519"
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SMALL_ORDER: Final = (1).to_bytes(32, "little")
POINT: Final = b"".join(P256.coordinates())
NUMBERS: Final = st.integers(1, 2**200)


def ed25519_jwk(**members: Json) -> dict[str, Json]:
    return {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(ED25519.public.raw)} | members


def p256_jwk(**members: Json) -> dict[str, Json]:
    x, y = P256.coordinates()
    return {"kty": "EC", "crv": "P-256", "x": to_base64url(x), "y": to_base64url(y)} | members


def verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    """Through the spelling, as a document would name the key."""
    try:
        read = read_multikey(to_multibase(b"\xed\x01" + key))
    except MalformedPublicKey:
        return False
    return read.verify(message, signature)


def test_wycheproof_signatures_verify_as_published() -> None:
    groups = json.loads((VECTORS / "ed25519_wycheproof.json").read_text())["testGroups"]
    cases = [
        (case["result"] == "valid", verifies(*map(bytes.fromhex, (group["publicKey"]["pk"], case["msg"], case["sig"]))))
        for group in groups
        for case in group["tests"]
    ]
    assert len(cases) == 151
    assert all(expected == found for expected, found in cases)


def test_no_speccheck_case_verifies() -> None:
    cases = json.loads((VECTORS / "speccheck_cases.json").read_text())
    found = [verifies(*(bytes.fromhex(case[name]) for name in ("pub_key", "message", "signature"))) for case in cases]
    # Why each has to be refused is told in the tests of `ledger.signing.ed25519`.
    assert len(cases) == 12
    assert found == [False] * len(cases)


@pytest.mark.parametrize("p256", [False, True])
@given(number=NUMBERS, message=st.binary(max_size=200))
def test_a_key_comes_back_from_its_multikey_and_verifies_its_signatures(
    p256: bool, number: int, message: bytes
) -> None:
    key = Key(number, p256=p256)
    assert read_multikey(key.multikey) == key.public
    assert key.public.verify(message, key.sign(message))
    assert not key.public.verify(message + b"\0", key.sign(message))


@pytest.mark.parametrize("key", [ED25519, P256])
@given(place=st.integers(0, 511))
def test_a_signature_with_any_bit_changed_does_not_verify(key: Key, place: int) -> None:
    signature = int.from_bytes(key.sign(b"m"), "big") ^ (1 << place)
    assert not key.public.verify(b"m", signature.to_bytes(64, "big"))


@pytest.mark.parametrize("key", [ED25519, P256])
@pytest.mark.parametrize("length", [0, 63, 65, 72])
def test_a_signature_of_another_length_does_not_verify(key: Key, length: int) -> None:
    assert not key.public.verify(b"m", (key.sign(b"m") + bytes(8))[:length])


def test_a_p256_signature_with_a_zero_put_in_does_not_verify() -> None:
    good = P256.sign(b"m")
    assert not P256.public.verify(b"m", good[:32] + b"\0" + good[32:])


@pytest.mark.parametrize("r_or_s", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_a_p256_signature_out_of_range_does_not_verify(r_or_s: int) -> None:
    good, number = P256.sign(b"m"), r_or_s.to_bytes(32, "big")
    assert not P256.public.verify(b"m", number + good[32:])
    assert not P256.public.verify(b"m", good[:32] + number)


def test_of_an_ecdsa_signature_the_mirrored_one_verifies_as_well() -> None:
    # FIPS 186-5 §6.4.2 accepts both s and n - s, and so does every verifier of these suites: the bytes of an ECDSA
    # proof identify nothing.
    good = P256.sign(b"m")
    mirrored = (ORDER - int.from_bytes(good[32:], "big")).to_bytes(32, "big")
    assert P256.public.verify(b"m", good[:32] + mirrored)


def test_a_key_of_the_other_kind_verifies_nothing() -> None:
    assert not P256.public.verify(b"m", ED25519.sign(b"m"))
    assert not ED25519.public.verify(b"m", P256.sign(b"m"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z6Mk",
        "zDn",
        ED25519.multikey + "\n",
        ED25519.multikey[:-1],
        ED25519.multikey[:-1] + "0",
        "u" + to_base64url(b"\xed\x01" + ED25519.public.raw),
        to_multibase(b"\xed\x01" + SMALL_ORDER),
        to_multibase(b"\xed\x01" + bytes(32)),
        P256.multikey + " ",
        P256.multikey[:-1],
        P256.multikey[:-1] + "l",
        to_multibase(b"\x80\x24\x02" + b"\xff" * 32),  # x is not in the field
        to_multibase(b"\x80\x24\x04" + P256.public.raw[1:]),  # marked as not compressed
        to_multibase(b"\x80\x24\x00" + bytes(32)),  # the point at infinity
        "zDnz" + "z" * 45,  # the right length, another prefix
        "zDn" + "z" * 1_000_000,
        "z6Mk" + "z" * 1_000_000,
    ],
)
def test_what_is_no_multikey_of_a_sound_point_is_refused(text: str) -> None:
    with pytest.raises(MalformedPublicKey):
        read_multikey(text)


@pytest.mark.parametrize("prefix", [b"\x81\x24\x02" + bytes(48), b"\xeb\x01\x02" + bytes(95), b"\xec\x01" + bytes(32)])
def test_a_multikey_of_another_kind_is_told_apart_from_a_malformed_one(prefix: bytes) -> None:
    with pytest.raises(UnsupportedKey):
        read_multikey(to_multibase(prefix))


def test_a_jwk_names_the_same_key_as_the_multikey() -> None:
    assert read_jwk(ed25519_jwk(kid="k", alg="EdDSA", use="sig")) == ED25519.public
    assert read_jwk(ed25519_jwk(alg="Ed25519")) == ED25519.public
    assert read_jwk(p256_jwk(alg="ES256", key_ops=["verify"])) == P256.public


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        ed25519_jwk(crv="Ed448"),
        ed25519_jwk(kty="EC"),
        ed25519_jwk(crv=["Ed25519"]),
        p256_jwk(crv="P-384"),
        ed25519_jwk(alg="ES256"),
        p256_jwk(alg="EdDSA"),
        p256_jwk(use="enc"),
        p256_jwk(key_ops=["sign"]),
        p256_jwk(key_ops="verify"),
    ],
)
def test_a_jwk_that_verifies_no_signatures_of_these_kinds_is_not_used(jwk: dict[str, Json]) -> None:
    with pytest.raises(UnsupportedKey):
        read_jwk(jwk)


@pytest.mark.parametrize(
    "jwk",
    [
        ed25519_jwk(d=to_base64url(bytes(32))),
        ed25519_jwk(x=None),
        ed25519_jwk(x=to_base64url(ED25519.public.raw) + "="),
        ed25519_jwk(x=to_base64url(ED25519.public.raw[:31])),
        ed25519_jwk(x="A" * 1_000_000),
        ed25519_jwk(x=to_base64url(SMALL_ORDER)),
        p256_jwk(y=None),
        p256_jwk(y=to_base64url(bytes(32))),
        p256_jwk(x=to_base64url(P256.coordinates()[1])),
        p256_jwk(x=to_base64url(b"\0" + P256.coordinates()[0])),
        p256_jwk(x=to_base64url(POINT[:33]), y=to_base64url(POINT[33:])),
    ],
)
def test_a_jwk_with_a_private_key_or_without_a_sound_point_is_refused(jwk: dict[str, Json]) -> None:
    with pytest.raises(MalformedPublicKey):
        read_jwk(jwk)


def test_a_key_that_was_never_read_is_checked_again_when_it_is_used() -> None:
    forged = VerificationKey(kind="Ed25519", raw=SMALL_ORDER)
    assert not forged.verify(b"anything", SMALL_ORDER + bytes(32))


def test_the_group_order_is_that_of_the_curve() -> None:
    with pytest.raises(ValueError, match="out of range"):
        derive_private_key(ORDER, SECP256R1())
    derive_private_key(ORDER - 1, SECP256R1())


def test_the_signatures_printed_in_the_rfcs_verify() -> None:
    # RFC 8037 A.4, with the key of RFC 8032 §7.1 test 1.
    eddsa = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    )
    # RFC 7515 A.3.
    es256 = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
    )
    for signing_input, signature, jwk in (eddsa, es256):
        assert read_jwk(dict(jwk)).verify(signing_input.encode(), from_base64url(signature))
