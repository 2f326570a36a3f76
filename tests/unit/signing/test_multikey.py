"""The spelling of a public key: published examples, one spelling per key, and everything else refused."""

from typing import Final

import pytest
from base58 import b58encode
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.signing.ed25519 import MalformedKey, PublicKey
from ledger.signing.multikey import decode, encode
from ledger.signing.signer import Ed25519Signer

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SEEDS: Final = st.binary(min_size=32, max_size=32)
GOOD: Final = Ed25519Signer(bytes(32))

# W3C Data Integrity EdDSA Cryptosuites 1.0, appendix B: the private key, decoded, and the public key's Multikey.
W3C_SEED: Final = bytes.fromhex("c96ef9ea10c5e414c471723aff9de72c35fa5b70fae97e8832ecac7d2e2b8ed6")
W3C_PUBLIC_MULTIKEY: Final = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"

# did:key, Ed25519: the public key of RFC 8032 §7.1 test 1 as a Multikey.
RFC8032_KEY: Final = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
RFC8032_MULTIKEY: Final = "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


def spelled(raw: bytes) -> str:
    return "z" + b58encode(raw).decode("ascii")


def test_w3c_key_pair_has_the_published_spelling() -> None:
    assert Ed25519Signer(W3C_SEED).kid == W3C_PUBLIC_MULTIKEY
    assert decode(W3C_PUBLIC_MULTIKEY) == Ed25519Signer(W3C_SEED).public_key


def test_rfc8032_key_has_its_spelling() -> None:
    assert encode(PublicKey(RFC8032_KEY)) == RFC8032_MULTIKEY
    assert decode(RFC8032_MULTIKEY) == RFC8032_KEY


@given(seed=SEEDS)
def test_any_key_is_spelled_in_48_characters_and_read_back(seed: bytes) -> None:
    key = Ed25519Signer(seed).public_key
    kid = encode(key)
    assert len(kid) == 48
    assert kid.startswith("z6Mk")
    assert decode(kid) == key


@given(
    seed=SEEDS,
    position=st.integers(0, 47),
    character=st.sampled_from([*ALPHABET, "0", "O", "I", "l", " ", "é", "\x00"]),
)
def test_spelling_with_one_character_changed_never_reads_as_the_same_key(
    seed: bytes, position: int, character: str
) -> None:
    signer = Ed25519Signer(seed)
    changed = signer.kid[:position] + character + signer.kid[position + 1 :]
    if changed != signer.kid:
        assert decoded_or_none(changed) != signer.public_key


@given(text=st.text(max_size=60) | st.text(ALPHABET, min_size=44, max_size=44).map("z6Mk".__add__))
@example("z6Mk" + "z" * 44)
@example("z6Mk" + "1" * 44)
def test_any_text_is_refused_or_is_the_one_spelling_of_its_key(text: str) -> None:
    key = decoded_or_none(text)
    assert key is None or encode(key) == text


@pytest.mark.parametrize(
    "text",
    ["", "z", GOOD.kid[:-1], GOOD.kid + "1", GOOD.kid + "\n", " " + GOOD.kid, GOOD.kid[1:], "z1" + GOOD.kid[1:]],
    ids=["empty", "z-only", "cut", "extended", "newline-added", "space-before", "no-multibase", "leading-zero-added"],
)
def test_text_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(MalformedKey, match="is no Ed25519 Multikey: that is 'z6Mk' and 44 more"):
        decode(text)


@pytest.mark.parametrize("letter", ["u", "m", "f", "Z", "1"])
def test_another_multibase_letter_is_refused(letter: str) -> None:
    with pytest.raises(MalformedKey, match="that is 'z6Mk'"):
        decode(letter + GOOD.kid[1:])


@pytest.mark.parametrize("character", ["0", "O", "I", "l", "-", "é", "\N{FULLWIDTH DIGIT ONE}", "\udc80", "\x00"])
def test_character_outside_base58_is_refused(character: str) -> None:
    with pytest.raises(MalformedKey, match="a character outside base58btc"):
        decode(GOOD.kid[:20] + character + GOOD.kid[21:])


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\N{NO-BREAK SPACE}"])
def test_white_space_that_the_library_would_drop_is_refused(space: str) -> None:
    with pytest.raises(MalformedKey, match="there is white space in it"):
        decode(GOOD.kid[:-1] + space)


@pytest.mark.parametrize("prefix", ["ec01", "8024", "8026", "ed02", "ed81"])
def test_another_multicodec_is_refused(prefix: str) -> None:
    # Padded or cut so that the length alone does not give it away.
    text = next(
        text
        for size in range(30, 36)
        for filler in (b"\x00", b"\x7f", b"\xff")
        if len(text := spelled(bytes.fromhex(prefix) + filler * size)) == 48
    )
    with pytest.raises(MalformedKey, match="multicodec prefix is not 0xed01"):
        decode(text)


@pytest.mark.parametrize("raw", [b"\x01" + bytes(31), bytes(32), b"\x02" + bytes(31), b"\xff" * 32])
def test_spelling_of_a_point_that_may_not_be_trusted_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedKey, match="small order"):
        decode(spelled(b"\xed\x01" + raw))


def test_very_long_text_is_refused_with_a_short_ascii_message_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def must_not_run(_: str) -> bytes:
        raise AssertionError("base58 takes quadratic time and was called on 2,000,000 characters")

    monkeypatch.setattr("ledger.signing.multikey.b58decode", must_not_run)
    with pytest.raises(MalformedKey) as refusal:
        decode("zé" + "2" * 2_000_000)
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).isascii()


def decoded_or_none(text: str) -> PublicKey | None:
    try:
        return decode(text)
    except MalformedKey:
        return None
