"""Proof files: published examples, every refusal, and tampering with every byte."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, CheckpointOriginMismatch, sign_checkpoint
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.note import MAX_NOTE_BYTES, MalformedNote, NoteUnsigned, VerifierKey, sign_note
from ledger.tlog.proof_file import (
    MAX_EXTRA_BYTES,
    MAX_TLOG_PROOF_BYTES,
    MalformedTlogProof,
    TlogProof,
    parse_tlog_proof,
)
from ledger.tlog.proofs import InclusionNotProved, inclusion_path, node_reader, tree_root

LOG = Ed25519Signer(bytes(range(32)))
KEY = VerifierKey.of("log.example/a", LOG.public_key)
ENTRIES = [f"entry {n}".encode() for n in range(11)]
READ = node_reader([leaf_hash(entry) for entry in ENTRIES])
CHECKPOINT = sign_checkpoint(Checkpoint(origin=KEY.name, size=11, root=tree_root(11, READ)), LOG)
PROOF = TlogProof(index=6, path=inclusion_path(6, 11, READ), checkpoint=CHECKPOINT)
RAW = PROOF.to_bytes()
H1, H2 = (Hash(sha256(word).digest()) for word in (b"hash1", b"hash2"))
B1, B2 = (base64.b64encode(each).decode() for each in (H1, H2))

# An entry in a public test log of 76,959 leaves, with the path and root that others publish for it.
REAL_ENTRY = b"hello tesseroak\n"
REAL_PATH = [
    "fGRlLyuz+L9Jb8+uTSut/2aVc4z7fKFW+clvsb6xjEM=",
    "F6LautOHD5eppkWC0xn/lz00X5g2yLlZAkl2jCI/wdE=",
    "qH7OJxFNup+TDvJuohd2HphKVngfMeMzUK8QChEDcas=",
    "+Y3g758yXtPCRh/eqhLTA3bdcx+cCV1Uah0JdgB0YEs=",
    "vq8cJSjj8dPVmFBRUqDLlaMqW6aAYR2GKugVhgudXLs=",
    "J0z3X5qTb9WFC1gABhVFx0bW1rVZRL+DAoBL2e2h4G4=",
    "NmSbYg25xNFzTRerIsF3HbEMyTIDqW87AQd9ekzopE8=",
    "L8BZipjURnkctkjJtGJs+YyTXMssvNKA7+a8nV2JT/s=",
    "pva4RFzCejMkVMVmYc93As2lbk7WAyrw58TvrzEOjNc=",
]
REAL_ROOT = "QYfrD7XAd4qUHbRBs4dDyDZwpZN4M/cccXr2G56pxkY="


# ----------------------------------------------------------------------------------------------------- published ones


@pytest.mark.parametrize(
    ("proof", "text"),
    [
        (
            TlogProof(index=5, path=(H1, H2), checkpoint=b"test checkpoint\n"),
            f"c2sp.org/tlog-proof@v1\nindex 5\n{B1}\n{B2}\n\ntest checkpoint\n",
        ),
        (
            TlogProof(index=10, path=(H1,), checkpoint=b"checkpoint data\n", extra=b"extra information"),
            f"c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n{B1}\n\ncheckpoint data\n",
        ),
        (TlogProof(index=0, path=(), checkpoint=b"checkpoint\n"), "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n"),
    ],
    ids=["plain", "extra", "one leaf"],
)
def test_published_examples_are_written_and_read(proof: TlogProof, text: str) -> None:
    assert proof.to_bytes() == text.encode()
    assert parse_tlog_proof(text.encode()) == proof


def test_a_published_proof_in_a_large_log_is_good_and_not_for_another_entry_or_place() -> None:
    note = sign_note(f"{KEY.name}\n76959\n{REAL_ROOT}\n", LOG, KEY.name)
    proof = parse_tlog_proof(
        ("c2sp.org/tlog-proof@v1\nindex 76958\n" + "".join(f"{each}\n" for each in REAL_PATH) + "\n").encode() + note
    )
    assert proof.check(REAL_ENTRY, KEY).size == 76_959
    with pytest.raises(InclusionNotProved):
        proof.check(b"hello", KEY)
    with pytest.raises(InclusionNotProved):
        TlogProof(index=76_957, path=proof.path, checkpoint=proof.checkpoint).check(REAL_ENTRY, KEY)


# ----------------------------------------------------------------------------------------------------------- checking


@given(size=st.integers(1, 40), data=st.data())
def test_any_entry_of_any_log_is_proved_by_its_file(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    entries = [bytes([n]) for n in range(size)]
    read = node_reader([leaf_hash(entry) for entry in entries])
    note = sign_checkpoint(Checkpoint(origin=KEY.name, size=size, root=tree_root(size, read)), LOG)
    extra = data.draw(st.none() | st.binary(min_size=1, max_size=20))
    raw = TlogProof(index=index, path=inclusion_path(index, size, read), checkpoint=note, extra=extra).to_bytes()
    proof = parse_tlog_proof(raw)
    assert (proof.to_bytes(), proof.extra) == (raw, extra)
    assert proof.check(entries[index], KEY).size == size


def test_the_checkpoint_of_a_proof_must_be_signed_by_the_log_that_it_names() -> None:
    stranger = VerifierKey.of(KEY.name, Ed25519Signer(bytes(32)).public_key)
    assert PROOF.check(ENTRIES[6], stranger, KEY).size == 11
    with pytest.raises(NoteUnsigned):
        PROOF.check(ENTRIES[6], stranger)
    other = sign_note(CHECKPOINT.partition(b"\n\n")[0].decode() + "\n", LOG, "log.example/b")
    with pytest.raises(CheckpointOriginMismatch):
        TlogProof(index=6, path=PROOF.path, checkpoint=other).check(
            ENTRIES[6], VerifierKey.of("log.example/b", LOG.public_key)
        )
    with pytest.raises(MalformedNote):
        TlogProof(index=6, path=PROOF.path, checkpoint=b"no note").check(ENTRIES[6], KEY)


def test_a_changed_bit_anywhere_is_refused_by_a_named_error() -> None:
    for place in range(len(RAW)):
        for bit in range(8):
            changed = bytearray(RAW)
            changed[place] ^= 1 << bit
            with pytest.raises(LedgerError):
                parse_tlog_proof(bytes(changed)).check(ENTRIES[6], KEY)


def test_a_proof_cut_anywhere_is_refused_by_a_named_error() -> None:
    for end in range(len(RAW)):
        with pytest.raises(LedgerError):
            parse_tlog_proof(RAW[:end]).check(ENTRIES[6], KEY)


# ------------------------------------------------------------------------------------------------------------ refusals

BEGIN = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with the line"),
        (f"index 0\n{B1}\n\nnote\n", "begins with the line"),
        (BEGIN.replace("v1", "v2") + "index 0\n\nnote\n", "begins with the line"),
        (BEGIN.replace("\n", "\r\n") + "index 0\n\nnote\n", "begins with the line"),
        (BEGIN + "index 0\nnote\n", "blank line before its checkpoint"),
        ("\n\nnote\n", "begins with the line"),
        (BEGIN[:-1] + "\n\nnote\n", "does not say the index"),
        (BEGIN + "extra AA==\n\nnote\n", "does not say the index"),
        (BEGIN + "extra AA==\nextra AA==\nindex 0\n\nnote\n", "does not say the index"),
        (BEGIN + "index 0\nextra AA==\n\nnote\n", "the path of the proof"),
        (BEGIN + "extra !!\nindex 0\n\nnote\n", "extra data of the proof are not base64"),
        (BEGIN + "extra AB==\nindex 0\n\nnote\n", "extra data of the proof are not base64"),
        (BEGIN + "extra AA\nindex 0\n\nnote\n", "extra data of the proof are not base64"),
        (BEGIN + "extra \nindex 0\n\nnote\n", f"have 1 to {MAX_EXTRA_BYTES} bytes"),
        (BEGIN + "extra \xe9\nindex 0\n\nnote\n", "extra data of the proof are not base64"),
        *[
            (f"{BEGIN}index {n}\n\nnote\n", "the index is not a decimal")
            for n in ("", "x", "-1", "+1", "01", "00", " 1", "1 ", "1.0", "1_0", "\u0661", str(2**63), "1" * 5000)
        ],
        (f"{BEGIN}Index 0\n\nnote\n", "does not say the index"),
        (f"{BEGIN}index 0\nAA==\n\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n{B1[:-1]}\n\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n {B1}\n\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n{B1} \n\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n{base64.b64encode(bytes(33)).decode()}\n\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n" + f"{B1}\n" * 64 + "\nnote\n", "the path of the proof"),
        (f"{BEGIN}index 0\n\n", f"1 to {MAX_NOTE_BYTES} bytes"),
        (f"{BEGIN}index 0\n\n" + "x" * (MAX_NOTE_BYTES + 1), f"1 to {MAX_NOTE_BYTES} bytes"),
        ("x" * (MAX_TLOG_PROOF_BYTES + 1), f"at most {MAX_TLOG_PROOF_BYTES} bytes"),
    ],
    ids=range(38),
)
def test_what_is_no_proof_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MalformedTlogProof, match=reason):
        parse_tlog_proof(text.encode())


@pytest.mark.parametrize("index", [-1, 2**63])
def test_an_index_outside_every_log_makes_no_proof(index: int) -> None:
    with pytest.raises(MalformedTlogProof, match=str(index)):
        TlogProof(index=index, path=(), checkpoint=CHECKPOINT)


@pytest.mark.parametrize("path", [(H1,) * 64, (Hash(b"short"),)])
def test_a_path_that_no_log_has_makes_no_proof(path: tuple[Hash, ...]) -> None:
    with pytest.raises(MalformedTlogProof, match="at most 63 hashes of 32 bytes"):
        TlogProof(index=0, path=path, checkpoint=CHECKPOINT)


def test_the_largest_extra_data_are_carried_and_one_byte_more_is_not() -> None:
    largest = TlogProof(
        index=2**63 - 1, path=(H1,) * 63, checkpoint=b"x" * MAX_NOTE_BYTES, extra=b"x" * MAX_EXTRA_BYTES
    )
    assert parse_tlog_proof(largest.to_bytes()) == largest
    with pytest.raises(MalformedTlogProof):
        TlogProof(index=0, path=(), checkpoint=b"x", extra=b"x" * (MAX_EXTRA_BYTES + 1))


@given(raw=st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: BEGIN.encode() + tail))
def test_any_bytes_are_read_or_refused_by_a_named_error(raw: bytes) -> None:
    try:
        assert parse_tlog_proof(raw).to_bytes() == raw
    except MalformedTlogProof:
        return
