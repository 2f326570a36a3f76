"""What a witness is asked, answers and refuses: a published conversation, every refusal, forks, and both sides."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.signing.ed25519 import PublicKey
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.cosignature import CosignatureInvalid, CosignerKey, cosign, cosignatures, with_lines
from ledger.tlog.merkle import EMPTY_ROOT, Hash, leaf_hash
from ledger.tlog.note import (
    MAX_NOTE_BYTES,
    AmbiguousVerifierKeys,
    MalformedNote,
    VerifierKey,
    sign_note,
)
from ledger.tlog.proofs import consistency_path, node_reader, tree_root
from ledger.tlog.witnessing import (
    MAX_REQUEST_BYTES,
    NOTHING_SEEN,
    AddCheckpoint,
    MalformedAddCheckpoint,
    MalformedWitnessAnswer,
    Refused,
    Seen,
    Submission,
    admit,
    beginning_of,
    cosignature_in,
    decide,
    logs_of,
    parse_add_checkpoint,
    parse_size,
)

# The log, its checkpoints and the conversation of the tests of filippo.io/torchwood (litewitness), which answers an
# unknown origin with 403 where the specification has come to say 404.
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = VerifierKey.of(
    SIGSUM, PublicKey(bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"))
)
SIGSUM_LOGS = logs_of([SIGSUM_KEY])
NOTE_1 = (
    f"{SIGSUM}\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— {SIGSUM} "
    "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=\n"
)
NOTE_3 = (
    f"{SIGSUM}\n3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=\n\n— {SIGSUM} "
    "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=\n"
)
NOTE_5 = (
    f"{SIGSUM}\n5\nQrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=\n\n— {SIGSUM} "
    "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=\n"
)
LEAF = [base64.b64encode(b"*" + bytes([n]) + bytes(30)).decode() + "\n" for n in range(5)]
PROOF_1_3 = LEAF[1] + LEAF[2]
PROOF_3_5 = LEAF[2] + LEAF[3] + "wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=\n" + LEAF[4]
CONVERSATION = [
    (f"old 0\n\n{NOTE_1}", 200),
    (f"old 1\n{PROOF_1_3}\n{NOTE_3}".replace("x6go=", "x6gx="), 400),  # the published test has unused bits set
    (f"old 1\n{PROOF_1_3}\n{NOTE_3}".replace("x6go=", "x6gs="), 403),
    (f"old 1\n{PROOF_1_3}\n{NOTE_3}".replace("e562", "e563"), 404),
    (f"old 1\n\n{NOTE_3}", 422),
    (f"old 1\n{PROOF_1_3.replace('AAAA=', 'ABAA=')}\n{NOTE_3}", 422),
    (f"old 1\n{PROOF_1_3}\n{NOTE_3}", 200),
    (f"old 1\n{LEAF[1]}+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\n{LEAF[4]}\n{NOTE_5}", 409),
    (f"old 3\n{PROOF_3_5}\n{NOTE_5}", 200),
    (f"old 0\n\n{NOTE_5}", 409),
    (f"old 5\n\n{NOTE_5}", 200),
    (f"old 5\n\n{NOTE_3}", 400),
    (f"old 3\n\n{NOTE_3}", 409),
]

LOG = Ed25519Signer(bytes(range(32)))
SECOND = Ed25519Signer(bytes([7]) * 32)
ORIGIN = "log.example/a"
LOG_KEY = VerifierKey.of(ORIGIN, LOG.public_key)
LOGS = logs_of([LOG_KEY])
WITNESS = Ed25519Signer(bytes(range(1, 33)))
KEY = CosignerKey.of("witness.example/w1", WITNESS.public_key)
LEAVES = [leaf_hash(f"entry {n}".encode()) for n in range(40)]
FORKED = [*LEAVES[:5], *(leaf_hash(f"other {n}".encode()) for n in range(35))]
READ, READ_FORK = node_reader(LEAVES), node_reader(FORKED)


def tree(size: int, *, fork: bool = False) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=size, root=tree_root(size, READ_FORK if fork else READ))


def request(old: int, size: int, *, fork: bool = False) -> bytes:
    path = consistency_path(old, size, READ_FORK if fork else READ)
    return AddCheckpoint(old=old, path=path, note=sign_checkpoint(tree(size, fork=fork), LOG)).to_bytes()


def seen(size: int) -> Seen:
    return Seen(size=size, root=tree_root(size, READ))


def answer(raw: bytes, last: Seen) -> Refused | Submission:
    admitted = admit(raw, LOGS)
    if isinstance(admitted, Refused):
        return admitted
    return decide(admitted, last) or admitted


def refusal(raw: bytes, last: Seen) -> Refused:
    found = answer(raw, last)
    assert isinstance(found, Refused)
    return found


# --------------------------------------------------------------------------------------------- a published conversation


def test_a_published_conversation_is_answered_as_published() -> None:
    last = NOTHING_SEEN
    for body, status in CONVERSATION:
        admitted = admit(body.encode(), SIGSUM_LOGS)
        refused = admitted if isinstance(admitted, Refused) else decide(admitted, last)
        assert (200 if refused is None else refused.status) == status, body
        if refused is None:
            assert isinstance(admitted, Submission)
            last = Seen(size=admitted.checkpoint.size, root=admitted.checkpoint.root)
        else:
            assert refused.size == (last.size if status == 409 else None)
            assert not refused.contradiction
    assert last.size == 5


# ------------------------------------------------------------------------------------------------------------ requests


@given(old=st.integers(0, 2**63 - 1), path=st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_any_request_survives_its_spelling(old: int, path: list[bytes]) -> None:
    made = AddCheckpoint(old=old, path=tuple(map(Hash, path)), note=NOTE_1.encode())
    assert len(made.to_bytes()) <= MAX_REQUEST_BYTES
    assert parse_add_checkpoint(made.to_bytes()) == made


@pytest.mark.parametrize(
    ("old", "hashes", "note"), [(-1, 0, b""), (2**63, 0, b""), (1, 64, b""), (1, 0, b"x" * (MAX_NOTE_BYTES + 1))]
)
def test_values_that_make_no_request_are_refused(old: int, hashes: int, note: bytes) -> None:
    with pytest.raises(MalformedAddCheckpoint, match="at most 63 hashes and a note"):
        AddCheckpoint(old=old, path=(Hash(bytes(32)),) * hashes, note=note)


@pytest.mark.parametrize(
    "head",
    [
        "", "old", "old ", "old x", "old -1", "old +1", "old 01", "old 1 ", " old 1", "old  1", "OLD 1", "new 1", "1",
        "old \u0661", "old 1_0", f"old {2**63}", "old " + "9" * 5000, "old 1\r", "old 1\nAA==",
        f"old 1\n{LEAF[1][:-2]}",
        f"old 1\n{LEAF[1]}old 1", f"old 1\n{LEAF[1]}" + LEAF[2] * 62 + LEAF[3][:-1], f"old 1\n {LEAF[1][:-1]}",
        f"old 1\n{LEAF[1][:-1].replace('A=', 'B=')}", f"{LEAF[1]}old 1",
    ],
    ids=range(25),
)  # fmt: skip
def test_what_is_no_request_is_answered_400(head: str) -> None:
    assert refusal(f"{head}\n\n{NOTE_1}".encode(), NOTHING_SEEN).status == 400
    with pytest.raises(MalformedAddCheckpoint, match="a line `old` with a size"):
        parse_add_checkpoint(f"{head}\n\n{NOTE_1}".encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"old 0\n",
        b"old 0\n" + NOTE_1.encode(),
        b"old 0\n\n",
        b"old 0\n\n" + NOTE_1.partition("\n\n")[0].encode() + b"\n",  # no line at all
        b"old 0\n\n" + NOTE_1.partition("\n\n")[0].encode() + b"\n\n",
        b"old 0\n\n\xff" + NOTE_1.encode(),
        b"old 0\n\n" + NOTE_1.encode() + b"x",
        b"old 0\n\n" + b"x" * (MAX_NOTE_BYTES + 1),
    ],
    ids=range(9),
)
def test_a_request_without_a_signed_note_is_answered_400(raw: bytes) -> None:
    assert refusal(raw, NOTHING_SEEN).status == 400


@given(raw=st.binary(max_size=100) | st.binary(max_size=60).map(lambda tail: b"old 0\n\n" + ORIGIN.encode() + tail))
def test_any_bytes_are_answered_by_a_refusal(raw: bytes) -> None:
    assert refusal(raw, NOTHING_SEEN).status in (400, 403, 404)


# ----------------------------------------------------------------------------------------------- who signed, and what


def test_a_log_nobody_here_knows_is_answered_404() -> None:
    found = admit(request(0, 3), logs_of([SIGSUM_KEY]))
    assert isinstance(found, Refused)
    assert (found.status, found.size) == (404, None)
    assert "'log.example/a'" in found.reason


def test_a_checkpoint_that_another_key_signed_is_answered_403() -> None:
    raw = AddCheckpoint(old=0, path=(), note=sign_checkpoint(tree(3), SECOND)).to_bytes()
    assert refusal(raw, NOTHING_SEEN).status == 403


def test_a_false_line_of_a_known_key_is_answered_403_even_beside_a_good_one() -> None:
    both = logs_of([LOG_KEY, VerifierKey.of(ORIGIN, SECOND.public_key)])
    good = sign_checkpoint(tree(3), LOG)
    false = sign_checkpoint(tree(4), SECOND).partition(b"\n\n")[2]
    found = admit(AddCheckpoint(old=0, path=(), note=good + false).to_bytes(), both)
    assert isinstance(found, Refused)
    assert found.status == 403


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (f"{ORIGIN}\n", 400),
        (f"{ORIGIN}\n3\n", 400),
        (f"{ORIGIN}\n03\n{LEAF[1]}", 400),
        (f"{ORIGIN}\n-3\n{LEAF[1]}", 400),
        (f"{ORIGIN}\n{2**63}\n{LEAF[1]}", 400),
        (f"{ORIGIN}\n3\nAA==\n", 400),
        (f"{ORIGIN}\n3\n{LEAF[1]}extension\n", 400),
        (f"{ORIGIN}\n0\n{LEAF[1]}", 422),
        (f"{ORIGIN}\n3\n{base64.b64encode(EMPTY_ROOT).decode()}\n", 422),
    ],
)
def test_what_a_log_signed_and_is_no_checkpoint_is_refused(text: str, status: int) -> None:
    raw = AddCheckpoint(old=0, path=(), note=sign_note(text, LOG, ORIGIN)).to_bytes()
    assert refusal(raw, NOTHING_SEEN).status == status


def test_while_a_log_changes_its_key_either_key_and_both_are_enough_and_strangers_lines_are_not_kept() -> None:
    other = VerifierKey.of(ORIGIN, SECOND.public_key)
    both = logs_of([LOG_KEY, SIGSUM_KEY, other])
    assert both == {ORIGIN: (LOG_KEY, other), SIGSUM: (SIGSUM_KEY,)}
    for signers in ([LOG], [SECOND], [LOG, SECOND], [SECOND, LOG]):
        note = sign_checkpoint(tree(3), *signers)
        found = admit(AddCheckpoint(old=0, path=(), note=note + NOTE_1.encode().partition(b"\n\n")[2]).to_bytes(), both)
        assert isinstance(found, Submission)
        assert (found.note, found.text) == (note, tree(3).to_text())


def test_two_keys_of_one_name_and_id_are_refused_before_anything_is_asked() -> None:
    # Found by search among seeds 0, 1, 2 ...: a key id has only 32 bits.
    twins = [
        VerifierKey.of("twin.example/log", Ed25519Signer(n.to_bytes(32, "big")).public_key) for n in (21486, 55956)
    ]
    with pytest.raises(AmbiguousVerifierKeys):
        logs_of(twins)


# ----------------------------------------------------------------------------------------------------------- decisions


@given(last=st.integers(0, 40), old=st.integers(0, 40), size=st.integers(0, 40))
def test_exactly_what_continues_the_tree_seen_last_is_cosigned(last: int, old: int, size: int) -> None:
    if old > size:
        path: tuple[Hash, ...] = ()
        raw = AddCheckpoint(old=old, path=path, note=sign_checkpoint(tree(size), LOG)).to_bytes()
        assert refusal(raw, seen(last)).status == 400
        return
    found = answer(request(old, size), seen(last))
    if old == last:
        assert isinstance(found, Submission)
        assert (found.checkpoint, found.text) == (tree(size), tree(size).to_text())
    else:
        assert found == Refused(
            status=409, reason=f"the tree seen last has {last} leaves, not {old}", size=last, contradiction=False
        )


def test_an_unchanged_checkpoint_is_cosigned_again() -> None:
    assert isinstance(answer(request(7, 7), seen(7)), Submission)


def test_a_proof_where_nothing_is_to_be_shown_is_answered_422() -> None:
    for old in (0, 3):
        raw = AddCheckpoint(old=old, path=(LEAVES[0],), note=sign_checkpoint(tree(3), LOG)).to_bytes()
        found = refusal(raw, seen(old))
        assert (found.status, found.contradiction) == (422, False)


@pytest.mark.parametrize("size", [0, 1, 3, 8, 11])
def test_every_changed_byte_of_a_good_request_is_refused(size: int) -> None:
    raw = request(size, 11)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        found = refusal(bytes(changed), seen(size))
        assert found.status in (400, 403, 404, 409, 422)
        assert not found.contradiction


# --------------------------------------------------------------------------------------------------------------- forks


@pytest.mark.parametrize("old", [0, 3, 9])
def test_two_roots_of_one_size_are_a_contradiction_whatever_else_the_request_says(old: int) -> None:
    found = refusal(request(old, 9, fork=True), seen(9))
    assert (found.status, found.size, found.contradiction) == (409, 9, True)


@pytest.mark.parametrize("size", range(10, 20))
def test_a_larger_tree_that_shows_another_beginning_is_a_contradiction(size: int) -> None:
    found = refusal(request(9, size, fork=True), seen(9))
    assert (found.status, found.contradiction) == (422, True)


def test_a_larger_fork_is_refused_even_where_its_proof_does_not_show_the_other_beginning() -> None:
    found = refusal(request(8, 20, fork=True), seen(8))  # from a power of two the proof holds only what was added
    assert (found.status, found.contradiction) == (422, False)


def test_a_fork_that_begins_later_than_what_was_seen_is_no_contradiction() -> None:
    assert isinstance(answer(request(5, 20, fork=True), seen(5)), Submission)
    assert not refusal(request(4, 20, fork=True), seen(9)).contradiction


def test_another_root_of_the_size_seen_is_answered_409_whatever_proof_is_sent() -> None:
    note = sign_checkpoint(tree(9, fork=True), LOG)
    found = refusal(AddCheckpoint(old=9, path=(LEAVES[0],), note=note).to_bytes(), seen(9))
    assert (found.status, found.size, found.contradiction) == (409, 9, True)


def test_a_wrong_proof_under_a_good_checkpoint_accuses_nobody() -> None:
    good = consistency_path(9, 20, READ)
    note = sign_checkpoint(tree(20), LOG)
    for path in ((), good[:-1], good[1:], (*good, LEAVES[0]), (LEAVES[0], *good[1:]), good[::-1]):
        found = refusal(AddCheckpoint(old=9, path=path, note=note).to_bytes(), seen(9))
        assert (found.status, found.contradiction) == (422, False)


@given(old=st.integers(0, 40), new=st.integers(0, 40))
def test_a_consistency_proof_shows_the_older_root_but_from_a_power_of_two(old: int, new: int) -> None:
    path = consistency_path(old, new, READ) if old <= new else (LEAVES[0],)
    shown = 0 < old < new and old.bit_count() != 1
    assert beginning_of(old, tree(new), path) == (tree_root(old, READ) if shown else None)


# --------------------------------------------------------------------------------------------- what a log reads of it

NOTE = sign_checkpoint(tree(3), LOG)
LINE = cosign(tree(3).to_text(), WITNESS, KEY.name, 1_800_000_000)
OTHER_LINE = cosign(tree(3).to_text(), SECOND, "w2", 1_800_000_000)


def test_the_line_of_the_witness_asked_is_taken_and_others_are_left() -> None:
    assert cosignature_in(NOTE, LINE, KEY) == LINE
    line = cosignature_in(NOTE, OTHER_LINE + LINE + OTHER_LINE, KEY)
    assert line == LINE
    assert len(cosignatures(with_lines(NOTE, line), [KEY])) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"ok\n", LINE[:-1], LINE + b"\n", b"\n" + LINE, LINE + b"\n" + LINE, LINE + b"x\n", b"\xff",
        OTHER_LINE, NOTE, LINE * 101, b"x" * MAX_NOTE_BYTES,
    ],
    ids=range(13),
)  # fmt: skip
def test_an_answer_without_a_line_of_the_witness_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedWitnessAnswer):
        cosignature_in(NOTE, body, KEY)


def test_a_cosignature_over_another_checkpoint_is_refused_beside_a_good_one() -> None:
    other = cosign(tree(4).to_text(), WITNESS, KEY.name, 1_800_000_000)
    for body in (other, LINE + other, other + LINE):
        with pytest.raises(CosignatureInvalid):
            cosignature_in(NOTE, body, KEY)


def test_nothing_is_read_for_a_note_that_is_none() -> None:
    with pytest.raises(MalformedNote):
        cosignature_in(b"no note", LINE, KEY)


@pytest.mark.parametrize("size", [0, 7, 2**63 - 1])
def test_the_size_that_a_witness_saw_is_read(size: int) -> None:
    assert parse_size(f"{size}\n".encode()) == size


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"7", b"07\n", b"-7\n", b"7\r\n", b"7\n\n", b"x\n", b"\xff\n", b"9" * 19 + b"\n"]
)
def test_what_spells_no_size_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedWitnessAnswer, match="does not spell it"):
        parse_size(body)
