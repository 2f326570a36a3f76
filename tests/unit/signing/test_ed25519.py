"""Which keys are admitted and which signatures verify, against published vectors and constructed attacks."""

import hashlib
import json
from pathlib import Path
from typing import Final, TypedDict

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)

from ledger.signing.ed25519 import MalformedKey, PublicKey, admit, verify
from ledger.signing.signer import Ed25519Signer

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "ed25519"
P: Final = 2**255 - 19  # the field
L: Final = 2**252 + 27742317777372353535851937790883648493  # the order of the main subgroup
SEEDS: Final = st.binary(min_size=32, max_size=32)

IDENTITY: Final = (1).to_bytes(32, "little")
SMALL_ORDER_KEYS: Final = {
    "order 1, the identity": IDENTITY,
    "order 2": (P - 1).to_bytes(32, "little"),
    "order 4, even x": (0).to_bytes(32, "little"),
    "order 4, odd x": (1 << 255).to_bytes(32, "little"),
    "order 8, first": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "order 8, second": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    "order 8, third": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    "order 8, fourth": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
}
MALFORMED_KEYS: Final = SMALL_ORDER_KEYS | {
    "identity, non-canonical y = p + 1": (P + 1).to_bytes(32, "little"),
    "identity, non-canonical sign": (1 | 1 << 255).to_bytes(32, "little"),
    "order 4, non-canonical y = p": P.to_bytes(32, "little"),
    "every bit set": b"\xff" * 32,
    "off the curve": (2).to_bytes(32, "little"),
    "main subgroup and torsion mixed": bytes.fromhex(
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d"
    ),
}


class WycheproofCase(TypedDict):
    tcId: int
    comment: str
    msg: str
    sig: str
    result: str


class WycheproofKey(TypedDict):
    pk: str


class WycheproofGroup(TypedDict):
    publicKey: WycheproofKey
    tests: list[WycheproofCase]


class WycheproofFile(TypedDict):
    numberOfTests: int
    testGroups: list[WycheproofGroup]


class SpeccheckCase(TypedDict):
    message: str
    pub_key: str
    signature: str


WYCHEPROOF: Final[WycheproofFile] = json.loads((VECTORS / "ed25519_wycheproof.json").read_text())
SPECCHECK: Final[list[SpeccheckCase]] = json.loads((VECTORS / "speccheck_cases.json").read_text())

# Strict verification refuses all twelve: (why, whether `admit` takes the key). A mixed or small key is refused whatever
# it signed, so cases 0 to 5 and 8 to 11 never reach the equation, on which implementations differ.
SPECCHECK_EXPECTED: Final = [
    ("small-order key and R, S = 0: holds for every message", False),
    ("small-order key, mixed R", False),
    ("mixed key, small-order R", False),
    ("mixed key and R, holds with and without the cofactor: most libraries accept it, libsodium too", False),
    ("mixed key and R, holds with the cofactor only", False),
    ("mixed key, R of order L, holds with the cofactor only", False),
    ("good key and R, S > L: malleable", True),
    ("good key and R, S much larger than L: malleable", True),
    ("mixed key, small-order R in non-canonical form, which is hashed reduced", False),
    ("mixed key, small-order R in non-canonical form, which is hashed as it is", False),
    ("small-order key in non-canonical form, hashed reduced", False),
    ("small-order key in non-canonical form, hashed as it is", False),
]


def wycheproof_cases() -> list[tuple[str, WycheproofCase]]:
    return [(group["publicKey"]["pk"], case) for group in WYCHEPROOF["testGroups"] for case in group["tests"]]


@pytest.mark.parametrize(
    ("key", "case"), wycheproof_cases(), ids=lambda value: str(value["tcId"]) if isinstance(value, dict) else ""
)
def test_wycheproof_case_verifies_exactly_if_it_is_valid(key: str, case: WycheproofCase) -> None:
    public_key = admit(bytes.fromhex(key))
    outcome = verify(public_key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
    assert outcome is {"valid": True, "invalid": False}[case["result"]], case["comment"]


def test_wycheproof_file_is_whole_and_leaves_no_acceptable_case_to_decide() -> None:
    results = [case["result"] for _, case in wycheproof_cases()]
    assert len(results) == WYCHEPROOF["numberOfTests"]
    assert (results.count("valid"), results.count("invalid")) == (88, 63)


@pytest.mark.parametrize("number", range(12))
def test_speccheck_case_is_refused_for_the_stated_reason(number: int) -> None:
    reason, admitted = SPECCHECK_EXPECTED[number]
    case = SPECCHECK[number]
    key = bytes.fromhex(case["pub_key"])
    assert is_admitted(key) is admitted, reason
    assert not verify(PublicKey(key), bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])), reason


def test_speccheck_file_and_its_expected_table_have_twelve_cases() -> None:
    assert len(SPECCHECK) == len(SPECCHECK_EXPECTED) == 12


@pytest.mark.parametrize("raw", MALFORMED_KEYS.values(), ids=MALFORMED_KEYS.keys())
def test_malformed_point_is_refused_at_admission(raw: bytes) -> None:
    with pytest.raises(MalformedKey, match="no Ed25519 public key"):
        admit(raw)


@pytest.mark.parametrize("raw", SMALL_ORDER_KEYS.values(), ids=SMALL_ORDER_KEYS.keys())
@pytest.mark.parametrize("r", SMALL_ORDER_KEYS.values(), ids=SMALL_ORDER_KEYS.keys())
def test_small_order_key_is_refused_at_use_whatever_its_r(raw: bytes, r: bytes) -> None:
    assert not verify(PublicKey(raw), b"any message", r + bytes(32))


def test_identity_key_that_another_library_accepts_is_refused_at_use() -> None:
    forged = IDENTITY + bytes(32)  # R = identity, S = 0: [S]B = R + [k]A for every message
    Ed25519PublicKey.from_public_bytes(IDENTITY).verify(forged, b"any message")  # does not raise: the trap is real
    assert not verify(PublicKey(IDENTITY), b"any message", forged)


def test_mixed_key_whose_signature_the_equation_accepts_is_refused_at_use() -> None:
    case = SPECCHECK[3]
    message, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["pub_key"])).verify(signature, message)  # does not raise
    assert not verify(PublicKey(bytes.fromhex(case["pub_key"])), message, signature)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_key_of_wrong_length_is_refused_at_admission_and_verifies_nothing(length: int) -> None:
    raw = (Ed25519Signer(bytes(32)).public_key * 2)[:length]
    with pytest.raises(MalformedKey, match=f"has 32 bytes; this one has {length}"):
        admit(raw)
    assert not verify(PublicKey(raw), b"", Ed25519Signer(bytes(32)).sign(b""))


def test_torsion_in_r_is_refused_as_only_the_equation_with_the_cofactor_holds() -> None:
    """Two verifiers that differ in the cofactor would read two histories out of one log."""
    secret, nonce, message = scalar(b"secret"), scalar(b"nonce"), b"message"
    key = crypto_scalarmult_ed25519_base_noclamp(secret)
    honest_r = crypto_scalarmult_ed25519_base_noclamp(nonce)
    mixed_r = crypto_core_ed25519_add(honest_r, SMALL_ORDER_KEYS["order 8, first"])
    assert verify(admit(key), message, signature_with(honest_r, nonce, secret, key, message))
    assert not verify(admit(key), message, signature_with(mixed_r, nonce, secret, key, message))


def test_s_raised_by_the_group_order_is_refused_though_the_equation_holds() -> None:
    signer = Ed25519Signer(bytes(32))
    signature = signer.sign(b"message")
    raised = int.from_bytes(signature[32:], "little") + L
    assert verify(signer.public_key, b"message", signature)
    assert not verify(signer.public_key, b"message", signature[:32] + raised.to_bytes(32, "little"))


@given(seed=SEEDS, message=st.binary(max_size=300))
def test_key_made_from_any_seed_is_admitted_and_verifies_what_it_signed(seed: bytes, message: bytes) -> None:
    signer = Ed25519Signer(seed)
    assert admit(bytes(signer.public_key)) == signer.public_key
    assert verify(signer.public_key, message, signer.sign(message))


@given(seed=SEEDS, message=st.binary(min_size=1, max_size=100), data=st.data())
def test_any_flipped_bit_of_key_message_or_signature_is_refused(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    signer = Ed25519Signer(seed)
    raw = bytearray(signer.public_key + signer.sign(message) + message)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1), label="bit")
    raw[bit // 8] ^= 1 << (bit % 8)
    assert not verify(PublicKey(bytes(raw[:32])), bytes(raw[96:]), bytes(raw[32:96]))


@given(seed=SEEDS, message=st.binary(max_size=50), extra=st.binary(min_size=1, max_size=3), cut=st.integers(0, 63))
def test_signature_cut_or_extended_is_refused(seed: bytes, message: bytes, extra: bytes, cut: int) -> None:
    signer = Ed25519Signer(seed)
    signature = signer.sign(message)
    assert not verify(signer.public_key, message, signature[:cut])
    assert not verify(signer.public_key, message, signature + extra)
    # Bytes must not slide over from the message to the signature, nor the other way round.
    assert not verify(signer.public_key, extra + message, signature)
    assert not verify(signer.public_key, signature[cut:] + message, signature[:cut])


@given(key=st.binary(max_size=40), message=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_arbitrary_bytes_never_verify_and_never_raise(key: bytes, message: bytes, signature: bytes) -> None:
    assert verify(PublicKey(key), message, signature) is False


@settings(max_examples=25, deadline=None)  # the reference is slow
@given(raw=SEEDS)
def test_arbitrary_point_is_admitted_exactly_if_multiplying_by_the_order_gives_the_identity(raw: bytes) -> None:
    assert is_admitted(raw) is is_canonical_point_of_order_l(raw)


@given(seed=SEEDS, message=st.binary(max_size=64), other=st.binary(max_size=64))
def test_verdict_agrees_with_another_library_on_good_keys(seed: bytes, message: bytes, other: bytes) -> None:
    signer = Ed25519Signer(seed)
    signature = signer.sign(message)
    theirs = Ed25519PublicKey.from_public_bytes(signer.public_key)
    try:
        theirs.verify(signature, other)
        expected = True
    except InvalidSignature:
        expected = False
    assert verify(signer.public_key, other, signature) is expected is (message == other)


def is_admitted(raw: bytes) -> bool:
    try:
        admit(raw)
    except MalformedKey:
        return False
    return True


def scalar(text: bytes) -> bytes:
    return crypto_core_ed25519_scalar_reduce(hashlib.sha512(text).digest())


def signature_with(r: bytes, nonce: bytes, secret: bytes, key: bytes, message: bytes) -> bytes:
    """R || S with S = nonce + k * secret mod L, RFC 8032 §5.1.6."""
    k = crypto_core_ed25519_scalar_reduce(hashlib.sha512(r + key + message).digest())
    return r + crypto_core_ed25519_scalar_add(nonce, crypto_core_ed25519_scalar_mul(k, secret))


def is_canonical_point_of_order_l(raw: bytes) -> bool:
    """The definition, from RFC 8032 §5.1.3 and §5.1.4 in plain integers."""
    y, sign = int.from_bytes(raw, "little") & (2**255 - 1), raw[31] >> 7
    x = recovered_x(y, sign)
    return y < P and x is not None and (x, y) != (0, 1) and multiplied((x, y), L) == (0, 1)


D: Final = -121665 * pow(121666, -1, P) % P


def recovered_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return x if x & 1 == sign else P - x


def multiplied(point: tuple[int, int], times: int) -> tuple[int, int]:
    total = (0, 1)
    for bit in f"{times:b}":
        total = added(total, total)
        if bit == "1":
            total = added(total, point)
    return total


def added(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    product = D * one[0] * two[0] * one[1] * two[1] % P
    x = (one[0] * two[1] + one[1] * two[0]) * pow(1 + product, -1, P)
    y = (one[1] * two[1] + one[0] * two[0]) * pow(1 - product, -1, P)
    return x % P, y % P
