"""Whoever hands over a proof file may have changed it: nothing that was changed makes it say more than the log does."""

import copy
import re
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import events as ev
from ledger.domain.codes import link_digest
from ledger.domain.types import LinkCode, ListId, Position, Slot, StreamId
from ledger.record.commitment import Opening
from ledger.testing.forge import OPERATOR, How
from ledger.tlog.merkle import Hash
from ledger.tlog.note import sign_note
from ledger.verification.proof_check import check_proof_file
from ledger.verification.proof_file import (
    MalformedProofFile,
    ProofFile,
    ProvedEntry,
    ProvedLine,
    write_proof_file,
)
from ledger.verification.verdict import State
from tests.unit.verification.published import Desk, cosigned, policy_of, publish, statuses_of, tree_of
from tests.unit.verification.scene import reasons
from tests.unit.verification.test_proof_check import announce, assert_refused

INVALID, NOT_CHECKED = State.SIGNATURE_INVALID, State.NOT_CHECKED


@pytest.fixture
def desk() -> Desk:
    """A recognised college that awarded nothing yet."""
    return Desk()


@pytest.fixture
def file(desk: Desk) -> ProofFile:
    """The proof of its first award."""
    return desk.file(desk.issue())


# ---- the checkpoint and its cosignatures


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("\n13\n", "\n14\n", "checkpoint_forged"),
        ("\n13\n", "\n12\n", "checkpoint_forged"),
        ("localhost:8000/log\n", "localhost:8001/log\n", "checkpoint_forged"),
        ("\n13\n", "\n013\n", "checkpoint_malformed"),
        ("\n13\n", "\n0\n", "checkpoint_malformed"),
        ("\n13\n", "\n", "checkpoint_malformed"),
        ("\n\n", "\n", "checkpoint_malformed"),
        ("— localhost:8000/log ", "— localhost:8001/log ", "checkpoint_unsigned"),
    ],
)
def test_checkpoint_that_was_changed_is_refused(desk: Desk, file: ProofFile, old: str, new: str, reason: str) -> None:
    note = file.checkpoint.decode()
    assert old in note
    changed = replace(file, checkpoint=note.replace(old, new, 1).encode())
    assert_refused(desk.check(changed), INVALID, "checkpoint", reason)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("\n13\n", "\n013\n", "checkpoint_malformed"),
        ("localhost:8000/log\n", "localhost:8001/log\n", "wrong_origin"),
    ],
)
def test_checkpoint_that_the_log_itself_signed_wrongly_is_refused(
    desk: Desk, file: ProofFile, old: str, new: str, reason: str
) -> None:
    text = file.checkpoint.decode().partition("\n\n")[0] + "\n"
    note = sign_note(text.replace(old, new), desk.forge.key("operator/checkpoint"), desk.forge.origin)
    signed = replace(file, checkpoint=cosigned(desk.forge, note, desk.forge.at))
    assert_refused(desk.check(signed), INVALID, "checkpoint", reason)


def test_checkpoint_over_other_entries_covers_none_of_the_file(desk: Desk) -> None:
    stream = desk.issue()
    file = desk.file(stream)
    other = Desk()
    other.issue(name="Somebody Else")
    forked = publish(other.forge)
    assert_refused(desk.check(replace(file, checkpoint=forked.checkpoint)), INVALID, "places", "not_included")


def test_cosignature_that_the_witness_did_not_make_is_refused(desk: Desk, file: ProofFile) -> None:
    name = "witness.example/w1"
    line = next(each for each in file.checkpoint.decode().splitlines(keepends=True) if name in each)
    other = cosigned(desk.forge, desk.forge.checkpoint(5), desk.forge.at).decode()
    stolen = next(each for each in other.splitlines(keepends=True) if name in each)
    forged = replace(file, checkpoint=file.checkpoint.decode().replace(line, stolen).encode())
    assert_refused(desk.check(forged), INVALID, "witnesses", "cosignature_forged")


def test_cosignature_of_somebody_else_is_none(desk: Desk, file: ProofFile) -> None:
    note = cosigned(desk.forge, desk.forge.checkpoint(), desk.forge.at, key="impostor")
    assert_refused(desk.check(replace(file, checkpoint=note)), NOT_CHECKED, "witnesses", "quorum_missing")


def test_origin_that_the_file_only_claims_is_refused(desk: Desk, file: ProofFile) -> None:
    claimed = replace(file, origin=type(file.origin)("other.example/log"))
    assert_refused(desk.check(claimed), INVALID, "checkpoint", "wrong_origin")


# ---- the log's own entries and the statement


def test_log_that_does_not_begin_is_refused(desk: Desk, file: ProofFile) -> None:
    assert_refused(desk.check(replace(file, log=())), INVALID, "checkpoint", "log_unestablished")


def test_statement_of_an_older_tree_is_refused(desk: Desk) -> None:
    stream = desk.issue()
    publish(desk.forge)
    older = len(desk.forge.log)
    desk.forge.revoke(stream)
    file = desk.file(stream)
    path = tree_of(desk.forge, len(desk.forge.log), statuses_of(desk.forge)).path
    statement = ProvedEntry(position=Position(older), raw=desk.forge.log[older - 1].entry, path=path(Position(older)))
    assert_refused(desk.check(replace(file, statement=statement)), INVALID, "statement", "not_last")


def test_statement_that_the_operator_signed_for_another_history_is_refused(desk: Desk) -> None:
    """Of the same size, and with nothing against the award: the log ends in another one."""
    stream = desk.issue()
    fork = copy.deepcopy(desk)
    desk.forge.revoke(stream)
    fork.issue()
    file, other = desk.file(stream), fork.file(stream)
    assert (file.statement.position, desk.check(file).state) == (other.statement.position, State.REVOKED)
    forged = replace(other, checkpoint=file.checkpoint)
    assert_refused(desk.check(forged), INVALID, "places", "not_included")
    forged = replace(file, statement=replace(other.statement, path=file.statement.path))
    assert_refused(desk.check(forged), INVALID, "places", "not_included")


def test_tree_that_ends_without_a_statement_proves_nothing(desk: Desk) -> None:
    stream = desk.issue()
    tree = tree_of(desk.forge, len(desk.forge.log), statuses_of(desk.forge))
    assert_refused(desk.check(desk.file(stream, tree)), INVALID, "statement", "not_a_statement")


def test_statement_that_somebody_else_signed_is_none(desk: Desk) -> None:
    stream = desk.issue()
    tree = publish(desk.forge, key="impostor")
    assert_refused(desk.check(desk.file(stream, tree)), INVALID, "statement", "not_a_statement")


def test_statement_whose_signature_does_not_verify_is_none(desk: Desk) -> None:
    stream = desk.issue()
    tree = publish(desk.forge, how=How(key="impostor", named="operator"))
    assert_refused(desk.check(desk.file(stream, tree)), INVALID, "statement", "not_a_statement")


def test_log_entry_in_place_of_a_statement_is_none(desk: Desk) -> None:
    stream = desk.issue()
    place = announce(desk, "next")
    file = desk.file(stream, tree_of(desk.forge, place, statuses_of(desk.forge)))
    assert_refused(desk.check(file), INVALID, "statement", "not_a_statement")


def test_statement_over_another_number_of_entries_is_refused(desk: Desk) -> None:
    stream = desk.issue()
    stated = replace(statuses_of(desk.forge).statement(), size=3)
    assert_refused(desk.check(desk.file(stream, publish(desk.forge, stated))), INVALID, "statement", "other_size")


# ---- keys and recognitions


def lines_without(file: ProofFile, word: bytes) -> tuple[ProvedLine, ...]:
    """The lines that do not say this."""
    return tuple(line for line in file.authority if word not in line.line)


def without_last(file: ProofFile, issuer: int = 0) -> ProofFile:
    """The file without the last entry of an issuer; 0 is the award's own."""
    issuers = [list(stream) for stream in file.issuers]
    issuers[issuer].pop()
    return replace(file, issuers=tuple(tuple(stream) for stream in issuers))


def test_report_of_a_stolen_key_cannot_be_left_out(desk: Desk) -> None:
    stream = desk.issue()
    desk.forge.compromise(desk.did, "college/signing", desk.forge.streams[stream][0])
    file = desk.file(stream)
    assert desk.check(file).state is State.KEY_COMPROMISED
    cut = without_last(file)
    verdict = desk.check(cut)
    assert (verdict.state, reasons(verdict, "key_lines")) == (INVALID, ["line_differs"])
    verdict = desk.check(replace(cut, authority=lines_without(file, b'"from"')))
    assert (verdict.state, reasons(verdict, "key_lines")) == (INVALID, ["line_missing"])
    assert reasons(verdict, "bits") == ["act_left_out"]
    old = tuple(replace(each, line=re.sub(rb'"from":\d+,', b"", each.line)) for each in file.authority)
    assert old != file.authority
    verdict = desk.check(replace(cut, authority=old))
    assert (verdict.state, reasons(verdict, "key_lines")) == (INVALID, ["line_not_proved"])


def test_end_of_a_key_cannot_be_left_out(desk: Desk) -> None:
    desk.forge.retire_key(desk.did, "college/signing")
    stream = desk.issue()  # with the key that was retired
    file = desk.file(stream)
    assert reasons(desk.check(file), "signers") == ["signer_not_allowed"]
    assert_refused(desk.check(without_last(file)), INVALID, "key_lines", "line_differs")


def test_end_of_recognition_cannot_be_left_out(desk: Desk) -> None:
    desk.forge.end_recognition(desk.did, desk.body)
    file = desk.file(desk.issue())
    assert desk.check(file, days=1).state is State.ISSUER_UNRECOGNISED
    assert_refused(desk.check(without_last(file), days=1), INVALID, "recognition_lines", "line_differs")
    silent = replace(without_last(file), authority=lines_without(file, b'"scheme"'))
    assert_refused(desk.check(silent, days=1), NOT_CHECKED, "recognition_lines", "line_missing")


def test_theft_of_the_key_that_recognised_cannot_be_left_out(desk: Desk) -> None:
    stream = desk.issue()
    desk.forge.compromise(desk.body, "board/signing", 1)
    file = desk.file(stream)
    assert desk.check(file).state is State.ISSUER_UNRECOGNISED
    verdict = desk.check(without_last(file, 1))
    assert (verdict.state, reasons(verdict, "key_lines")) == (INVALID, ["line_differs"])
    assert reasons(verdict, "recognition_lines") == ["line_missing"]


def test_line_that_nobody_stated_is_refused(desk: Desk, file: ProofFile) -> None:
    made = replace(file.authority[0], line=b'{"added":1,"by":"x","kid":"y","role":"root"}')
    assert_refused(
        desk.check(replace(file, authority=(*file.authority, made))), INVALID, "key_lines", "line_not_proved"
    )


def test_issuer_that_is_not_in_the_file_is_not_checked(desk: Desk, file: ProofFile) -> None:
    verdict = desk.check(replace(file, issuers=()))
    assert verdict.state is NOT_CHECKED
    assert reasons(verdict, "issuer") == reasons(verdict, "bits") == ["issuer_unestablished"]


def test_issuer_that_stands_in_the_file_twice_is_not_established(desk: Desk, file: ProofFile) -> None:
    verdict = desk.check(replace(file, issuers=(*file.issuers, file.issuers[0])))
    assert (verdict.state, reasons(verdict, "issuer")) == (NOT_CHECKED, ["issuer_unestablished"])


def test_stream_without_an_entry_and_one_that_begins_with_none_establish_nobody(desk: Desk, file: ProofFile) -> None:
    assert desk.check(replace(file, issuers=((), *file.issuers))).state is State.VALID


# ---- the award


def test_act_that_was_left_out_shows_in_the_bit(desk: Desk) -> None:
    for act in (desk.forge.suspend, desk.forge.revoke, lambda stream: desk.forge.amend(stream, desk.amended("Gold"))):
        stream = desk.issue()
        act(stream)
        file = desk.file(stream)
        award = replace(
            file.award,
            entries=file.award.entries[:1],
            facts=file.award.facts[:1],
            documents=file.award.documents[:1],
            slots=file.award.slots[:1],
        )
        cut = replace(file, award=award, definitions=desk.file(stream).definitions)
        assert_refused(desk.check(cut), INVALID, "bits", "act_left_out")


def test_log_that_says_to_rely_on_what_was_withdrawn_contradicts_itself(desk: Desk) -> None:
    stream = desk.issue()
    before = statuses_of(desk.forge)
    desk.forge.revoke(stream)
    before.skip(len(desk.forge.log))
    stated = before.statement()
    place = desk.forge.append(stated, stream=desk.forge.operator_stream, by=OPERATOR, key="operator")
    file = desk.file(stream, tree_of(desk.forge, place, before))
    verdict = desk.check(file)
    assert (verdict.state, reasons(verdict, "bits"), verdict.award) == (State.LOG_INCONSISTENT, ["bit_clear"], None)


def test_bit_of_another_award_is_refused(desk: Desk) -> None:
    first, second = desk.issue(), desk.issue()
    desk.forge.revoke(first)
    tree = publish(desk.forge)
    files = [desk.file(stream, tree) for stream in (first, second)]
    assert files[0].award.slots == files[1].award.slots  # one chunk holds both bits, and each is read at its own place
    assert [desk.check(file).state for file in files] == [State.REVOKED, State.VALID]


@pytest.mark.parametrize("moved", ["chunk", "list"])
def test_chunk_from_elsewhere_is_refused(desk: Desk, moved: str) -> None:
    first = desk.issue()
    desk.forge.revoke(first)
    place = {"chunk": (ListId(bytes(16)), Slot(5_000)), "list": (ListId(b"L" * 16), Slot(3))}[moved]
    second = issue_at(desk, *place)
    tree = publish(desk.forge)
    file, other = desk.file(first, tree), desk.file(second, tree)
    assert [desk.check(each).state for each in (file, other)] == [State.REVOKED, State.VALID]
    award = file.award
    cut = replace(award, entries=award.entries[:1], facts=award.facts[:1], documents=award.documents[:1])
    assert_refused(desk.check(replace(file, award=cut)), INVALID, "bits", "act_left_out")
    swapped = replace(cut, slots=other.award.slots)
    assert_refused(desk.check(replace(file, award=swapped)), INVALID, "bits", "slot_not_proved")


def issue_at(desk: Desk, name: ListId, slot: Slot) -> StreamId:
    """An award whose bit lies there."""
    code = LinkCode(sha256(name).digest()[:22])
    event = ev.CredentialIssued(link=link_digest(code), list=name, slot=slot)
    return desk.forge._begin_award(desk.did, code, event, desk.award, How())


def test_bits_that_are_not_in_the_file_are_not_checked(desk: Desk, file: ProofFile) -> None:
    bare = replace(file, award=replace(file.award, slots=()))
    assert_refused(desk.check(bare), NOT_CHECKED, "bits", "slot_missing")


def test_award_without_entries_is_not_found(desk: Desk, file: ProofFile) -> None:
    verdict = desk.check(replace(file, award=replace(file.award, entries=(), facts=(), documents=())))
    assert (verdict.state, reasons(verdict, "bits"), verdict.award) == (State.NOT_FOUND, ["no_act"], None)


def test_entries_of_something_else_are_no_award(desk: Desk, file: ProofFile) -> None:
    for entries in (file.issuers[0], file.log):
        award = replace(file.award, entries=entries, facts=(None,) * len(entries), documents=(None,) * len(entries))
        verdict = desk.check(replace(file, award=award))
        assert (verdict.state, reasons(verdict, "bits"), verdict.award) == (State.NOT_FOUND, ["no_act"], None)


def test_entry_that_lies_elsewhere_or_nowhere_is_refused(desk: Desk) -> None:
    first, second = desk.issue(), desk.issue()
    tree = publish(desk.forge)
    file, other = desk.file(first, tree), desk.file(second, tree)
    entry, stranger = file.award.entries[0], other.award.entries[0]
    for made in (
        replace(entry, path=stranger.path),
        replace(entry, raw=stranger.raw),
        replace(entry, position=Position(entry.position + 1)),
        replace(entry, position=Position(entry.position + 100)),
        replace(entry, path=entry.path[:-1]),
        replace(entry, path=(*entry.path, Hash(bytes(32)))),
        replace(entry, raw=entry.raw[:-2] + b"A\n"),
    ):
        award = replace(file.award, entries=(made,))
        assert_refused(desk.check(replace(file, award=award)), INVALID, "places", "not_included")


def test_facts_that_were_changed_are_refused(desk: Desk, file: ProofFile) -> None:
    facts = file.award.facts[0]
    assert facts is not None
    made = Opening(salt=facts.salt, content=facts.content.replace(b"Ada Example", b"Eve Example"))
    for opening in (made, replace(facts, salt=bytes(32))):
        changed = replace(file, award=replace(file.award, facts=(opening,)))
        assert_refused(desk.check(changed), INVALID, "parts", "part_changed")


def test_facts_of_another_award_are_refused(desk: Desk) -> None:
    first, second = desk.issue(), desk.issue(name="Eve Example")
    tree = publish(desk.forge)
    file, other = desk.file(first, tree), desk.file(second, tree)
    changed = replace(file, award=replace(file.award, facts=other.award.facts))
    assert_refused(desk.check(changed), INVALID, "parts", "part_changed")


def test_facts_that_are_not_in_the_file_are_not_checked(desk: Desk, file: ProofFile) -> None:
    closed = replace(file, award=replace(file.award, facts=(None,)))
    verdict = desk.check(closed)
    assert (verdict.state, reasons(verdict, "parts")) == (NOT_CHECKED, ["withheld", "current_version_closed"])


def test_wording_that_is_not_in_the_file_is_not_checked(desk: Desk, file: ProofFile) -> None:
    for wording in file.definitions:
        others = tuple(each for each in file.definitions if each != wording)
        verdict = desk.check(replace(file, definitions=others))
        assert (verdict.state, verdict.award) == (NOT_CHECKED, None)


def test_code_of_another_award_does_not_lead_to_this_one(desk: Desk, file: ProofFile) -> None:
    other = desk.forge.codes[desk.issue()]
    verdict = desk.check(replace(file, award=replace(file.award, code=other)))
    assert (verdict.state, reasons(verdict, "code")) == (State.NOT_FOUND, ["no_such_award"])


def test_part_that_was_withdrawn_cannot_be_left_out(desk: Desk) -> None:
    parts = desk.parts()
    stack = desk.stack(parts)
    desk.forge.revoke(parts[0])
    file = desk.file(stack, parts=parts)
    assert desk.check(file).state is State.COMPONENT_REVIEW
    first = file.parts[0]
    cut = replace(first, entries=first.entries[:1], facts=first.facts[:1], documents=first.documents[:1])
    assert_refused(desk.check(replace(file, parts=(cut, *file.parts[1:]))), INVALID, "bits", "act_left_out")
    assert_refused(desk.check(replace(file, parts=file.parts[1:])), NOT_CHECKED, "components", "part_missing")
    empty = replace(first, entries=(), facts=(), documents=())
    verdict = desk.check(replace(file, parts=(empty, *file.parts[1:])))
    assert (verdict.state, reasons(verdict, "components")) == (NOT_CHECKED, ["part_missing"])


# ---- any byte


def amended_twice() -> tuple[Desk, ProofFile]:
    """An award with versions, holds and a reinstatement: each kind of piece is in its file."""
    desk = Desk()
    stream = desk.issue(name="Ada Deadname")
    desk.forge.amend(stream, desk.amended("Merit"))
    desk.forge.suspend(stream)
    desk.forge.reinstate(stream)
    return desk, desk.file(stream, version=2)


def test_no_byte_of_a_file_can_be_changed_so_that_it_says_something_else(desk: Desk, file: ProofFile) -> None:
    policy, raw, now = policy_of(desk.forge), write_proof_file(file), desk.forge.at
    honest = check_proof_file(raw, policy, now=now)
    assert honest.state is State.VALID
    for place, byte in enumerate(raw):
        changed = raw[:place] + bytes([byte ^ 1]) + raw[place + 1 :]
        try:
            verdict = check_proof_file(changed, policy, now=now)
        except MalformedProofFile:
            continue
        if verdict.state is State.VALID:
            assert replace(verdict, findings=honest.findings) == honest, raw[place - 20 : place + 20]


DESK, FILE = amended_twice()
RAW = write_proof_file(FILE)
HONEST = DESK.check(RAW)


@settings(max_examples=300)
@given(place=st.integers(0, len(RAW) - 1), flip=st.integers(1, 255), length=st.integers(0, 3))
def test_no_bytes_can_be_replaced_or_cut_out_so_that_it_says_something_else(place: int, flip: int, length: int) -> None:
    changed = RAW[:place] + bytes(each ^ flip for each in RAW[place : place + 1]) * (length != 1)
    changed += RAW[place + max(length, 1) :]
    try:
        verdict = DESK.check(changed)
    except MalformedProofFile:
        return
    if verdict.state is State.VALID:
        assert replace(verdict, findings=HONEST.findings) == HONEST
