"""Checkpoints: published examples, one spelling, every refusal, and every byte tampered with."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import (
    Checkpoint,
    CheckpointOriginMismatch,
    MalformedCheckpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    size_of_note,
)
from ledger.tlog.merkle import EMPTY_ROOT, CompactRange, Hash, leaf_hash
from ledger.tlog.note import (
    MalformedNote,
    NoteSignatureInvalid,
    NoteUnsigned,
    VerifierKey,
    is_key_name,
    sign_note,
)

# The example of c2sp.org/tlog-checkpoint.
PUBLISHED_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

# The public Go checksum database and one of its published tree heads: its origin is not the name of its key.
SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = (
    "go.sum database tree\n15368405\n/g9am3I6YWNKaZX/jkne1fqd9zEyjss+JXyPXG0WfkY=\n\n— sum.golang.org "
    "Az3grqJGUaSGukG9p8nI2vKgiFn7qGHxn0W+mrwyI6Gz3F0t1J3LzmWk/p96Ybf295EjwdSwlzgijq5WA9d1Ded7owM=\n"
).encode()

ORIGIN = "localhost:8000/log"
SIGNER = Ed25519Signer(bytes(range(32)))
KEY = VerifierKey.of(ORIGIN, SIGNER.public_key)
TREE = CompactRange.empty().extended(leaf_hash(bytes([n])) for n in range(20))
HEAD = Checkpoint(origin=ORIGIN, size=TREE.size, root=TREE.root())
ROOT_BASE64 = b64encode(TREE.root()).decode()
SIGNED = sign_checkpoint(HEAD, SIGNER)

origins = st.text(min_size=1, max_size=20).filter(is_key_name)
heads = st.builds(
    lambda origin, size, root: Checkpoint(origin=origin, size=size, root=Hash(root) if size else EMPTY_ROOT),
    origins,
    st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1)),
    st.binary(min_size=32, max_size=32),
)


def test_the_published_example_is_read_and_spelled_the_same() -> None:
    read = parse_checkpoint(PUBLISHED_TEXT)
    assert (read.origin, read.size) == ("example.com/behind-the-sofa", 20852163)
    assert read.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert read.to_text() == PUBLISHED_TEXT


@given(head=heads)
def test_any_checkpoint_survives_its_text_and_its_note(head: Checkpoint) -> None:
    assert parse_checkpoint(head.to_text()) == head
    assert open_checkpoint(sign_checkpoint(head, SIGNER), VerifierKey.of(head.origin, SIGNER.public_key)) == head


def test_a_signed_checkpoint_is_its_text_a_blank_line_and_one_line_named_by_its_origin() -> None:
    signature = b64encode(KEY.key_id + SIGNER.sign(HEAD.to_text().encode())).decode()
    assert SIGNED.decode() == f"{ORIGIN}\n20\n{ROOT_BASE64}\n\n— {ORIGIN} {signature}\n"


def test_the_checkpoint_of_an_empty_log_is_accepted() -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert empty.to_text() == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert open_checkpoint(sign_checkpoint(empty, SIGNER), KEY) == empty


# ----------------------------------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    "size",
    [
        "+20",
        "020",
        "007",
        "00",
        "-0",
        "-20",
        " 20",
        "20 ",
        "2_0",
        "20.0",
        "2e1",
        "0x14",
        "",
        "٢٠",
        "²",
        "20\u00a0",
        "9" * 20,
        "9" * 5000,
    ],
    ids=lambda size: ascii(size)[:24],
)
def test_another_spelling_of_the_size_is_refused(size: str) -> None:
    with pytest.raises(MalformedCheckpoint, match="is not a decimal number without sign, space or leading zero"):
        parse_checkpoint(f"{ORIGIN}\n{size}\n{ROOT_BASE64}\n")


@pytest.mark.parametrize(
    "root",
    [
        "",
        ROOT_BASE64.removesuffix("="),
        ROOT_BASE64 + "=",
        " " + ROOT_BASE64,
        ROOT_BASE64 + " ",
        ROOT_BASE64[:-2] + chr(ord(ROOT_BASE64[-2]) + 1) + "=",
        TREE.root().hex(),
        b64encode(TREE.root()[:31]).decode(),
        b64encode(TREE.root() + b"\x00").decode(),
        "é" * 44,
    ],
    ids=ascii,
)
def test_another_spelling_of_the_root_or_another_length_is_refused(root: str) -> None:
    with pytest.raises(
        MalformedCheckpoint, match=r"the root .*(is not base64 in its one spelling|of a log has 32 bytes)"
    ):
        parse_checkpoint(f"{ORIGIN}\n20\n{root}\n")


def test_a_root_that_is_not_base64_is_refused_by_that_reason() -> None:
    with pytest.raises(MalformedCheckpoint, match="the root 'AAA' is not base64"):
        parse_checkpoint(f"{ORIGIN}\n20\nAAA\n")


@pytest.mark.parametrize(
    "text",
    ["", "\n", ORIGIN, f"{ORIGIN}\n20\n", f"{ORIGIN}\n20\n{ROOT_BASE64}", f"{ORIGIN}\n20\n{ROOT_BASE64}\nextension"],
    ids=range(6),
)
def test_a_text_without_three_whole_lines_is_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpoint, match="three lines, each with its newline"):
        parse_checkpoint(text)


@pytest.mark.parametrize("extension", ["Timestamp: 1\n", "\n", "a\nb\n"], ids=ascii)
def test_extension_lines_are_refused_by_their_own_reason_even_signed(extension: str) -> None:
    text = HEAD.to_text() + extension
    with pytest.raises(MalformedCheckpoint, match="no extension lines"):
        parse_checkpoint(text)
    with pytest.raises(MalformedCheckpoint, match="no extension lines"):
        open_checkpoint(sign_note(text, SIGNER, ORIGIN), KEY)


@given(
    text=st.one_of(
        st.text(alphabet="a07+=\n ", max_size=30),
        st.tuples(st.sampled_from(["", "0", "+", " "]), st.integers(-5, 2**64)).map(
            lambda size: f"{ORIGIN}\n{size[0]}{size[1]}\n{ROOT_BASE64}\n"
        ),
    )
)
def test_a_text_is_the_one_spelling_of_a_checkpoint_or_refused(text: str) -> None:
    try:
        read = parse_checkpoint(text)
    except MalformedCheckpoint:
        return
    assert read.to_text() == text


# ------------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u2003b", "a\x00", "\ud800"], ids=ascii)
def test_an_origin_that_cannot_name_a_key_is_refused(origin: str) -> None:
    with pytest.raises(MalformedCheckpoint, match="cannot be an origin"):
        Checkpoint(origin=origin, size=HEAD.size, root=HEAD.root)


@pytest.mark.parametrize("size", [-1, 2**63, 2**64])
def test_a_size_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(MalformedCheckpoint, match=r"from 0 to 2\*\*63 - 1, not"):
        Checkpoint(origin=ORIGIN, size=size, root=HEAD.root)


def test_a_text_with_the_first_size_out_of_bounds_is_refused_and_the_last_one_within_is_read() -> None:
    assert parse_checkpoint(f"{ORIGIN}\n{2**63 - 1}\n{ROOT_BASE64}\n").size == 2**63 - 1
    with pytest.raises(MalformedCheckpoint, match=r"from 0 to 2\*\*63 - 1, not 9223372036854775808"):
        parse_checkpoint(f"{ORIGIN}\n{2**63}\n{ROOT_BASE64}\n")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_root_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedCheckpoint, match=f"has 32 bytes, not {length}"):
        Checkpoint(origin=ORIGIN, size=20, root=Hash(bytes(length)))


@pytest.mark.parametrize(("size", "root"), [(0, HEAD.root), (1, EMPTY_ROOT)], ids=["size 0", "empty root"])
def test_size_zero_and_the_empty_root_go_only_together(size: int, root: Hash) -> None:
    with pytest.raises(MalformedCheckpoint, match=f"a log of size {size} cannot have the root"):
        Checkpoint(origin=ORIGIN, size=size, root=root)


# ---------------------------------------------------------------------------------------------------------- tampering


@pytest.mark.parametrize("place", range(len(SIGNED)))
def test_a_signed_checkpoint_with_any_one_bit_flipped_is_refused(place: int) -> None:
    for bit in range(8):
        tampered = bytearray(SIGNED)
        tampered[place] ^= 1 << bit
        with pytest.raises((MalformedNote, NoteSignatureInvalid, NoteUnsigned)):
            open_checkpoint(bytes(tampered), KEY)


def test_a_signed_checkpoint_cut_short_anywhere_is_refused() -> None:
    for length in range(len(SIGNED)):
        with pytest.raises((MalformedNote, NoteSignatureInvalid, NoteUnsigned)):
            open_checkpoint(SIGNED[:length], KEY)


def test_a_checkpoint_signed_by_another_key_under_the_same_name_is_refused() -> None:
    with pytest.raises(NoteUnsigned):
        open_checkpoint(sign_checkpoint(HEAD, Ed25519Signer(bytes(32))), KEY)


def test_a_witness_line_below_the_logs_own_is_ignored() -> None:
    witness = "— witness.example/w1 " + b64encode(bytes(76)).decode() + "\n"
    assert open_checkpoint(SIGNED + witness.encode(), KEY) == HEAD


def test_a_checkpoint_of_another_origin_signed_by_the_logs_key_is_refused() -> None:
    other = Checkpoint(origin="other.example/log", size=HEAD.size, root=HEAD.root)
    with pytest.raises(CheckpointOriginMismatch, match=r"'other\.example/log'.*'localhost:8000/log'"):
        open_checkpoint(sign_note(other.to_text(), SIGNER, ORIGIN), KEY)


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(MalformedCheckpoint):
        open_checkpoint(sign_note("hello\n", SIGNER, ORIGIN), KEY)


def test_a_published_tree_head_whose_origin_no_key_can_have_is_refused_though_its_signature_holds() -> None:
    with pytest.raises(MalformedCheckpoint, match=r"'go\.sum database tree' cannot be an origin"):
        open_checkpoint(SUMDB_NOTE, VerifierKey.parse(SUMDB_VKEY))


def test_an_origin_too_long_for_a_note_is_not_signed() -> None:
    endless = Checkpoint(origin="a" * 40_000, size=HEAD.size, root=HEAD.root)
    with pytest.raises(MalformedNote, match="at most 65536 bytes"):
        sign_checkpoint(endless, SIGNER)


@pytest.mark.parametrize(
    "error",
    [CheckpointOriginMismatch, MalformedCheckpoint, MalformedNote, NoteSignatureInvalid, NoteUnsigned],
)
def test_every_refusal_is_a_ledger_error(error: type[Exception]) -> None:
    assert issubclass(error, LedgerError)


@pytest.mark.parametrize("size", ["0", "7", str(2**63 - 1)])
def test_size_that_a_note_claims_is_read_without_believing_it(size: str) -> None:
    assert size_of_note(f"any log\n{size}\nno root\n\n".encode()) == int(size)


@pytest.mark.parametrize("size", ["", "-1", "+7", "007", " 7", "7 ", "٧", "1" * 20, "seven"])
def test_note_that_does_not_spell_its_size_claims_none(size: str) -> None:
    assert size_of_note(f"any log\n{size}\nno root\n\n".encode()) is None
    assert size_of_note(f"any log\n{size}".encode()) is None


# --------------------------------------------------------------------------------- while one key follows another

FIRST, NEXT = Ed25519Signer(bytes(range(32))), Ed25519Signer(bytes([9]) * 32)
OLD_KEY, NEW_KEY = (VerifierKey.of("log.example/a", signer.public_key) for signer in (FIRST, NEXT))
EMPTY = Checkpoint(origin="log.example/a", size=0, root=EMPTY_ROOT)


def test_a_checkpoint_that_both_keys_signed_is_good_under_either_and_under_both() -> None:
    both = sign_checkpoint(EMPTY, FIRST, NEXT)
    assert both == sign_checkpoint(EMPTY, FIRST) + sign_checkpoint(EMPTY, NEXT).partition(b"\n\n")[2]
    for keys in ([OLD_KEY], [NEW_KEY], [OLD_KEY, NEW_KEY], [NEW_KEY, OLD_KEY]):
        assert open_checkpoint(both, *keys) == EMPTY
    assert open_checkpoint(sign_checkpoint(EMPTY, NEXT), OLD_KEY, NEW_KEY) == EMPTY


def test_a_checkpoint_of_one_key_is_refused_where_only_the_other_is_believed() -> None:
    with pytest.raises(NoteUnsigned):
        open_checkpoint(sign_checkpoint(EMPTY, FIRST), NEW_KEY)
    with pytest.raises(NoteUnsigned):
        open_checkpoint(sign_checkpoint(EMPTY, FIRST))


def test_a_false_line_of_one_key_spoils_the_good_one_of_the_other() -> None:
    other = Checkpoint(origin="log.example/a", size=1, root=Hash(bytes(32)))
    false = sign_checkpoint(other, NEXT).partition(b"\n\n")[2]
    with pytest.raises(NoteSignatureInvalid):
        open_checkpoint(sign_checkpoint(EMPTY, FIRST) + false, OLD_KEY, NEW_KEY)


def test_one_key_of_another_log_spoils_a_checkpoint_that_the_right_one_signed_too() -> None:
    stranger = VerifierKey.of("log.example/b", NEXT.public_key)
    foreign = sign_note(EMPTY.to_text(), NEXT, "log.example/b").partition(b"\n\n")[2]
    with pytest.raises(CheckpointOriginMismatch):
        open_checkpoint(sign_checkpoint(EMPTY, FIRST) + foreign, OLD_KEY, stranger)
