"""What a signer promises, and what a proof of possession binds."""

import pickle
from typing import Final
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.types import Kid
from ledger.signing.ed25519 import SIGNATURE_SIZE, verify
from ledger.signing.multikey import decode, encode
from ledger.signing.signer import (
    Ed25519Signer,
    KeyNotHeld,
    MalformedPossession,
    MalformedSeed,
    Signer,
    possession_message,
)

SEEDS: Final = st.binary(min_size=32, max_size=32)
VISIBLE: Final = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
KID: Final = Ed25519Signer(bytes(32)).kid
STREAM: Final = str(UUID("01234567-89ab-8def-8123-456789abcdef"))

# RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature.
RFC8032: Final = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("seed", "public_key", "message", "signature"), RFC8032)
def test_rfc8032_seed_gives_the_published_key_and_signature(
    seed: str, public_key: str, message: str, signature: str
) -> None:
    signer: Signer = Ed25519Signer(bytes.fromhex(seed))
    assert signer.public_key.hex() == public_key
    assert signer.sign(bytes.fromhex(message)).hex() == signature


@given(seed=SEEDS, message=st.binary(max_size=200))
def test_signature_is_the_one_another_library_makes(seed: bytes, message: bytes) -> None:
    signer = Ed25519Signer(seed)
    signature = signer.sign(message)
    assert len(signature) == SIGNATURE_SIZE
    assert signature == Ed25519PrivateKey.from_private_bytes(seed).sign(message)


@given(seed=SEEDS)
def test_kid_of_a_signer_spells_its_public_key(seed: bytes) -> None:
    signer = Ed25519Signer(seed)
    assert signer.kid == encode(signer.public_key)
    assert decode(signer.kid) == signer.public_key


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedSeed, match=f"has 32 bytes; this one has {length}"):
        Ed25519Signer(bytes(length))


@given(seed=SEEDS)
def test_repr_and_str_name_the_key_and_show_nothing_of_the_seed(seed: bytes) -> None:
    signer = Ed25519Signer(seed)
    assert repr(signer) == str(signer) == f"Ed25519Signer(kid='{signer.kid}')"


def test_signer_is_not_pickled_so_that_its_seed_does_not_travel_unseen() -> None:
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(Ed25519Signer(bytes(32)))


def test_public_key_and_kid_of_a_signer_cannot_be_set() -> None:
    signer = Ed25519Signer(bytes(32))
    for name in ("public_key", "kid"):
        with pytest.raises(AttributeError):
            setattr(signer, name, "other")


def test_key_not_held_names_the_key_and_what_to_do() -> None:
    error = KeyNotHeld(KID)
    assert error.kid == KID
    assert str(error) == f"the private key of {KID} is not kept here; sign where it is kept, or add a new key"


def test_possession_message_is_five_lines_without_a_newline_at_the_end() -> None:
    message = possession_message("localhost:8000/log", STREAM, KID, "signing")
    assert message == (
        b"testamur/possession/v1\nlocalhost:8000/log\n01234567-89ab-8def-8123-456789abcdef\n"
        b"z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp\nsigning"
    )


def test_proof_of_possession_holds_for_its_own_log_stream_key_and_role_only() -> None:
    signer, other = Ed25519Signer(bytes(32)), Ed25519Signer(b"\x01" * 32)
    proof = signer.sign(possession_message("a/log", STREAM, signer.kid, "root"))
    assert verify(signer.public_key, possession_message("a/log", STREAM, signer.kid, "root"), proof)
    assert not verify(signer.public_key, possession_message("b/log", STREAM, signer.kid, "root"), proof)
    assert not verify(signer.public_key, possession_message("a/log", STREAM[::-1], signer.kid, "root"), proof)
    assert not verify(signer.public_key, possession_message("a/log", STREAM, other.kid, "root"), proof)
    assert not verify(signer.public_key, possession_message("a/log", STREAM, signer.kid, "signing"), proof)
    assert not verify(other.public_key, possession_message("a/log", STREAM, signer.kid, "root"), proof)


@given(one=st.tuples(VISIBLE, VISIBLE, VISIBLE, VISIBLE), two=st.tuples(VISIBLE, VISIBLE, VISIBLE, VISIBLE))
def test_different_values_never_give_the_same_possession_message(
    one: tuple[str, str, str, str], two: tuple[str, str, str, str]
) -> None:
    messages = [possession_message(origin, stream, Kid(kid), role) for origin, stream, kid, role in (one, two)]
    assert (messages[0] == messages[1]) is (one == two)


@pytest.mark.parametrize("bad", ["", "a\nb", "a b", "é", "\x00", "\x7f", "\udc80", "a\r"])
@pytest.mark.parametrize("place", ["origin", "stream", "kid", "role"])
def test_value_that_could_be_misread_is_refused_in_a_possession_message(place: str, bad: str) -> None:
    values = {"origin": "a/log", "stream": STREAM, "kid": KID, "role": "root"} | {place: bad}
    with pytest.raises(MalformedPossession, match=f"the {place} ") as refusal:
        possession_message(values["origin"], values["stream"], Kid(values["kid"]), values["role"])
    assert str(refusal.value).isascii()
