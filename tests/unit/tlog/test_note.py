"""Signed notes and verifier keys: published examples, every refusal, and tampering."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.signing.ed25519 import PublicKey
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    AmbiguousVerifierKeys,
    KeyId,
    MalformedNote,
    MalformedVerifierKey,
    NoteSignatureInvalid,
    NoteUnsigned,
    VerifierKey,
    is_key_name,
    open_note,
    sign_note,
)

# Keys, text and signatures of the tests of golang.org/x/mod/sumdb/note.
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH_VKEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER = VerifierKey.parse(PETER_VKEY)
ENOCH = VerifierKey.parse(ENOCH_VKEY)
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_BASE64 = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
PETER_LINE = f"— PeterNeumann {PETER_BASE64}\n"
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)

# The public Go checksum database and one of its published tree heads.
SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = (
    "go.sum database tree\n15368405\n/g9am3I6YWNKaZX/jkne1fqd9zEyjss+JXyPXG0WfkY=\n\n— sum.golang.org "
    "Az3grqJGUaSGukG9p8nI2vKgiFn7qGHxn0W+mrwyI6Gz3F0t1J3LzmWk/p96Ybf295EjwdSwlzgijq5WA9d1Ded7owM=\n"
).encode()

SIGNER = Ed25519Signer(bytes(range(32)))
SPACES = [
    " ",
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\xa0",
    "\u1680",
    "\u2003",
    "\u2028",
    "\u2029",
    "\u202f",
    "\u3000",
]
BAD_NAMES = ["", "a+b", "+", "a\x00", "\x1fb", "a\ud800", *(f"a{space}b" for space in SPACES)]

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n"), max_size=60).map(
    lambda text: text + "\n"
)
names = st.text(min_size=1, max_size=20).filter(is_key_name)


def line(name: str, blob: bytes) -> str:
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def note(*lines: str, text: str = TEXT) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


# ------------------------------------------------------------------------------------------------------ verifier keys


@pytest.mark.parametrize("vkey", [PETER_VKEY, ENOCH_VKEY, SUMDB_VKEY])
def test_a_published_verifier_key_is_read_and_spelled_the_same(vkey: str) -> None:
    key = VerifierKey.parse(vkey)
    assert key.to_text() == vkey
    assert (key.name, key.key_id.hex()) == tuple(vkey.split("+")[:2])
    assert VerifierKey.of(key.name, key.public_key) == key


def test_the_key_id_binds_name_type_and_public_key() -> None:
    expected = sha256(b"n\xc3\xa4me\n\x01" + SIGNER.public_key).digest()[:4]
    assert VerifierKey.of("näme", SIGNER.public_key).key_id == expected


@given(name=names, seed=st.binary(min_size=32, max_size=32))
def test_any_verifier_key_survives_its_spelling(name: str, seed: bytes) -> None:
    key = VerifierKey.of(name, Ed25519Signer(seed).public_key)
    assert VerifierKey.parse(key.to_text()) == key


def test_every_part_of_a_published_verifier_key_is_refused() -> None:
    for start in range(len(PETER_VKEY)):
        for end in range(start + 1, len(PETER_VKEY) + 1):
            if (start, end) != (0, len(PETER_VKEY)):
                with pytest.raises(MalformedVerifierKey):
                    VerifierKey.parse(PETER_VKEY[start:end])


@pytest.mark.parametrize("place", range(len(PETER_VKEY)))
def test_a_published_verifier_key_with_one_character_changed_is_refused(place: int) -> None:
    for changed in (chr(ord(PETER_VKEY[place]) + 1), PETER_VKEY[place].swapcase(), "é"):
        if changed != PETER_VKEY[place]:
            with pytest.raises(MalformedVerifierKey):
                VerifierKey.parse(PETER_VKEY[:place] + changed + PETER_VKEY[place + 1 :])


def adjusted(name: str, typed_key: bytes) -> str:
    key_id = sha256(name.encode() + b"\n" + typed_key).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed_key).decode()}"


def test_adjusting_the_key_id_of_a_good_key_gives_a_good_verifier_key() -> None:
    assert adjusted("PeterNeumann", b"\x01" + PETER.public_key) == PETER_VKEY  # so the two tests below say something


@pytest.mark.parametrize("kind", [b"", b"\x00", b"\x02", b"\x04", b"e"])
def test_a_verifier_key_of_another_type_is_refused(kind: bytes) -> None:
    with pytest.raises(MalformedVerifierKey, match="base64 of 0x01 and an Ed25519 public key"):
        VerifierKey.parse(adjusted("PeterNeumann", kind + PETER.public_key))


@pytest.mark.parametrize(
    "public_key",
    [b"", PETER.public_key[:31], PETER.public_key + b"\x00", b"\x01" + bytes(31), b"\xff" * 32],
    ids=["none", "short", "long", "small order", "no point"],
)
def test_a_verifier_key_with_a_public_key_nobody_may_trust_is_refused(public_key: bytes) -> None:
    with pytest.raises(MalformedVerifierKey, match="holds no usable public key"):
        VerifierKey.parse(adjusted("PeterNeumann", b"\x01" + public_key))


@pytest.mark.parametrize("key_id", ["C74F20A3", "c74f20a4", " c74f20a3", "c74f20a3 ", "0xc74f20a3", "c74f20", ""])
def test_a_verifier_key_whose_id_is_wrong_or_spelled_otherwise_is_refused(key_id: str) -> None:
    with pytest.raises(MalformedVerifierKey, match="its name and key have c74f20a3"):
        VerifierKey.parse(PETER_VKEY.replace("c74f20a3", key_id))


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_name_that_cannot_name_a_key_is_refused(name: str) -> None:
    assert not is_key_name(name)
    with pytest.raises(MalformedVerifierKey, match="cannot name a key"):
        VerifierKey.of(name, SIGNER.public_key)
    with pytest.raises(MalformedVerifierKey, match="cannot name a key"):
        sign_note(TEXT, SIGNER, name)


@given(text=st.text(max_size=30))
def test_a_name_is_a_key_name_exactly_if_it_has_no_space_plus_control_or_surrogate(text: str) -> None:
    forbidden = any(c == "+" or c.isspace() or c < " " or "\ud800" <= c <= "\udfff" for c in text)
    assert is_key_name(text) == (text != "" and not forbidden)


@pytest.mark.parametrize("key_id", [b"", b"\xc7\x4f\x20\xa4", b"\xc7\x4f\x20\xa3\x00"])
def test_a_verifier_key_built_with_a_foreign_key_id_is_refused(key_id: bytes) -> None:
    with pytest.raises(MalformedVerifierKey, match="is not that of 'PeterNeumann' with this key"):
        VerifierKey(name="PeterNeumann", key_id=KeyId(key_id), public_key=PETER.public_key)


# ------------------------------------------------------------------------------------------------------------ signing


def test_the_published_signer_makes_the_published_note() -> None:
    assert sign_note(TEXT, Ed25519Signer(PETER_SEED), "PeterNeumann") == note(PETER_LINE)


@given(text=texts, name=names)
def test_any_signed_note_opens_with_its_text_and_its_signer(text: str, name: str) -> None:
    key = VerifierKey.of(name, SIGNER.public_key)
    opened = open_note(sign_note(text, SIGNER, name), [key])
    assert (opened.text, opened.signed_by) == (text, (key,))


@pytest.mark.parametrize("text", ["", "abc", "a\nb", "a\n "], ids=ascii)
def test_a_text_without_its_last_newline_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedNote, match="ends in a newline"):
        sign_note(text, SIGNER, "name")


@pytest.mark.parametrize("code", [code for code in range(0x20) if code != 0x0A])
def test_a_text_with_a_control_character_is_neither_signed_nor_opened(code: int) -> None:
    text = f"a{chr(code)}b\n"
    with pytest.raises(MalformedNote, match=f"this one has U\\+{code:04X} at 1"):
        sign_note(text, SIGNER, "name")
    blob = VerifierKey.of("name", SIGNER.public_key).key_id + SIGNER.sign(text.encode())
    with pytest.raises(MalformedNote, match=f"this one has U\\+{code:04X} at 1"):
        open_note(note(line("name", blob), text=text), [VerifierKey.of("name", SIGNER.public_key)])


def test_a_text_that_utf8_cannot_spell_is_not_signed() -> None:
    with pytest.raises(MalformedNote, match="lone surrogate"):
        sign_note("a\ud800\n", SIGNER, "name")


def test_the_largest_note_is_signed_and_opened_and_one_byte_more_is_not() -> None:
    key = VerifierKey.of("näme", SIGNER.public_key)
    overhead = len(sign_note("\n", SIGNER, "näme")) - 1
    largest = "ä" * ((MAX_NOTE_BYTES - overhead - 2) // 2)
    largest += "a" * (MAX_NOTE_BYTES - overhead - 1 - len(largest.encode())) + "\n"
    raw = sign_note(largest, SIGNER, "näme")
    assert len(raw) == MAX_NOTE_BYTES
    assert open_note(raw, [key]).text == largest
    longer = "a" + largest
    with pytest.raises(MalformedNote, match=f"this one has {MAX_NOTE_BYTES + 1}"):
        sign_note(longer, SIGNER, "näme")
    with pytest.raises(MalformedNote, match=f"this one has {MAX_NOTE_BYTES + 1}"):
        open_note(note(line("näme", key.key_id + SIGNER.sign(longer.encode())), text=longer), [key])


# ------------------------------------------------------------------------------------------------------------ opening


def test_a_published_tree_head_of_the_go_checksum_database_opens() -> None:
    opened = open_note(SUMDB_NOTE, [VerifierKey.parse(SUMDB_VKEY)])
    assert opened.text == SUMDB_NOTE.decode().partition("\n\n")[0] + "\n"


def test_a_note_with_one_known_and_one_unknown_signature_opens_as_signed_by_the_known_key() -> None:
    opened = open_note(note(PETER_LINE, ENOCH_LINE), [PETER])
    assert (opened.text, opened.signed_by) == (TEXT, (PETER,))


def test_a_note_signed_by_two_known_keys_names_both_in_the_order_of_the_lines() -> None:
    assert open_note(note(PETER_LINE, ENOCH_LINE), [ENOCH, PETER]).signed_by == (PETER, ENOCH)


def test_a_signer_who_signs_twice_is_named_once() -> None:
    assert open_note(note(PETER_LINE, ENOCH_LINE, PETER_LINE), [PETER]).signed_by == (PETER,)


def test_a_key_given_twice_counts_once() -> None:
    assert open_note(note(PETER_LINE), [PETER, ENOCH, PETER]).signed_by == (PETER,)


def test_two_different_keys_of_one_name_and_id_are_refused() -> None:
    # Found by search among seeds 0, 1, 2 ...: a key id has only 32 bits.
    twins = [
        VerifierKey.of("twin.example/log", Ed25519Signer(n.to_bytes(32, "big")).public_key) for n in (21486, 55956)
    ]
    assert twins[0].key_id == twins[1].key_id
    assert twins[0] != twins[1]
    with pytest.raises(AmbiguousVerifierKeys, match=r"both 'twin\.example/log' with key id c04dc479"):
        open_note(note(PETER_LINE), [PETER, *twins])


@pytest.mark.parametrize("keys", [[], [ENOCH]], ids=["no key", "another key"])
def test_a_note_that_no_known_key_signed_is_refused(keys: list[VerifierKey]) -> None:
    with pytest.raises(NoteUnsigned):
        open_note(note(PETER_LINE), keys)


@pytest.mark.parametrize(
    "unknown",
    [
        line("Carmen", base64.b64decode(PETER_BASE64)),
        line("PeterNeumann", b"\xc7\x4f\x20\xa4" + base64.b64decode(PETER_BASE64)[4:]),
        line("witness.example/w1", b"\x01\x02\x03\x04\x05"),
    ],
    ids=["same id, another name", "same name, another id", "another algorithm"],
)
def test_a_line_that_shares_only_name_or_id_with_a_known_key_is_ignored(unknown: str) -> None:
    assert open_note(note(unknown, PETER_LINE, unknown), [PETER]).signed_by == (PETER,)
    with pytest.raises(NoteUnsigned):
        open_note(note(unknown), [PETER])


@pytest.mark.parametrize("bad", ["first", "last"])
def test_a_bad_signature_of_a_known_key_is_refused_even_beside_a_good_one(bad: str) -> None:
    blob = bytearray(base64.b64decode(PETER_BASE64))
    blob[-1] ^= 1
    lines = [line("PeterNeumann", bytes(blob)), PETER_LINE, ENOCH_LINE]
    with pytest.raises(NoteSignatureInvalid, match="'PeterNeumann', key id c74f20a3, does not verify"):
        open_note(note(*(lines if bad == "first" else reversed(lines))), [PETER, ENOCH])


@pytest.mark.parametrize("length", [5, 67, 69, 72])
def test_a_signature_of_a_known_key_with_another_length_is_refused(length: int) -> None:
    blob = (base64.b64decode(PETER_BASE64) + bytes(4))[:length]
    with pytest.raises(NoteSignatureInvalid):
        open_note(note(line("PeterNeumann", blob)), [PETER])


def test_a_signature_over_another_text_is_refused() -> None:
    with pytest.raises(NoteSignatureInvalid):
        open_note(note(PETER_LINE, text=TEXT + "\n"), [PETER])


def test_a_signature_under_a_key_of_small_order_is_refused() -> None:
    # The identity point "verifies" R = identity, S = 0 over any text where the point is not checked.
    identity = PublicKey(b"\x01" + bytes(31))
    key = VerifierKey.of("weak", identity)
    with pytest.raises(NoteSignatureInvalid):
        open_note(note(line("weak", key.key_id + identity + bytes(32))), [key])


def test_an_empty_line_inside_the_text_belongs_to_the_text() -> None:
    for text in ("a\n\nb\n", "a\n\n", "\n", f"a\n\n{PETER_LINE}"):
        raw = sign_note(text, SIGNER, "name")
        assert open_note(raw, [VerifierKey.of("name", SIGNER.public_key)]).text == text


def test_a_hundred_signatures_are_accepted_and_one_more_is_refused() -> None:
    fillers = [line("other", n.to_bytes(4, "big") + b"x") for n in range(MAX_SIGNATURES)]
    assert open_note(note(PETER_LINE, *fillers[1:]), [PETER]).signed_by == (PETER,)
    with pytest.raises(MalformedNote, match="at most 100 signature lines, and this one has 101"):
        open_note(note(PETER_LINE, *fillers), [PETER])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "blank line"),
        (TEXT.encode(), "blank line"),
        ((TEXT + PETER_LINE).encode(), "blank line"),
        (b"\n" + PETER_LINE.encode(), "blank line"),
        (note(), "ends in one or more signature lines"),
        (note(PETER_LINE)[:-1], "the last with its newline"),
        (note(PETER_LINE, "\n"), "ends in one or more signature lines"),
        (note(PETER_LINE + "\n"), "ends in one or more signature lines"),
        (b"\xff" + note(PETER_LINE), "byte 0 of this one is not"),
        (b"a\xed\xa0\x80" + note(PETER_LINE), "byte 1 of this one is not"),
        (note(PETER_LINE).replace(b"\n", b"\r\n"), r"U\+000D"),
    ],
    ids=range(11),
)
def test_bytes_that_are_no_note_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedNote, match=reason):
        open_note(raw, [PETER])


@pytest.mark.parametrize(
    "bad",
    [
        "Unexpected line.\n",
        PETER_LINE.removeprefix("— "),
        PETER_LINE.replace("—", "-"),
        PETER_LINE.replace("—", "–"),
        PETER_LINE.replace("— ", "—"),
        PETER_LINE.replace("— ", "—  "),
        PETER_LINE.replace("— ", "—\u00a0"),
        PETER_LINE.replace("Neumann ", " Neumann "),
        PETER_LINE.replace("Neumann ", "\u2003Neumann "),
        PETER_LINE.replace("Neumann", "+Neumann"),
        PETER_LINE.replace("Neumann ", "Neumann  "),
        PETER_LINE.replace("=\n", "= \n"),
        PETER_LINE.replace("=\n", "\n"),
        PETER_LINE.replace("=\n", "==\n"),
        PETER_LINE.replace("M=\n", "N=\n"),
        PETER_LINE.replace("/", "_"),
        "— PeterNeumann\n",
        "— PeterNeumann \n",
        line("PeterNeumann", b"\xc7\x4f\x20"),
        line("PeterNeumann", b"\xc7\x4f\x20\xa3"),
        "— \n",
        line("", b"12345"),
    ],
    ids=ascii,
)
def test_a_line_that_is_no_signature_line_is_refused_beside_a_good_one(bad: str) -> None:
    for lines, number in (((PETER_LINE, bad), 2), ((bad, PETER_LINE), 1)):
        with pytest.raises(MalformedNote, match=f"signature line {number} of the note is not an em dash"):
            open_note(note(*lines), [PETER])


@given(raw=st.one_of(st.binary(max_size=60), st.text(alphabet="ab\n— +=", max_size=40).map(str.encode)))
def test_any_bytes_are_refused_by_a_named_error(raw: bytes) -> None:
    with pytest.raises((MalformedNote, NoteUnsigned)):
        open_note(raw, [PETER])


@given(text=st.text(alphabet="ab0+=/ é\n", max_size=40))
def test_any_text_is_refused_as_a_verifier_key_by_a_named_error(text: str) -> None:
    with pytest.raises(MalformedVerifierKey):
        VerifierKey.parse(text)
