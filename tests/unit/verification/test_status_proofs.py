"""Proofs of slots and lines: whatever is changed about one, it is refused, or proves nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.events import StatusCommitted
from ledger.domain.types import Digest, ListId, Position, Slot
from ledger.domain.values import Role
from ledger.tlog.merkle import Hash
from ledger.verification.authority_lines import (
    AuthorityProof,
    KeyLine,
    MalformedLine,
    RecognitionLine,
    check_authority_line,
    read_line,
)
from ledger.verification.status_lists import SlotProof, StatusLists, StatusNotProved, check_slot
from tests.strategies import days, dids, kids, optional_days, positions, slugs
from tests.unit.verification.statements import bits_of, busy

_WORLD = busy()
_STATUSES = _WORLD.statuses()
_STATUSES.take_stored(_WORLD.placed)
_STATED = _STATUSES.statement()
_BITS = bits_of(_WORLD.history)
_SET = next(place for place, bit in _BITS.items() if bit)
_SLOT = _STATUSES.slot_proof(_SET[0], Slot(_SET[1]))
_LINE = _STATUSES.authority_proof(_WORLD.dids[0], _WORLD.forge.kid("north/signing"))


def _flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _flipped_path(path: tuple[Hash, ...], number: int, bit: int) -> tuple[Hash, ...]:
    return (*path[:number], Hash(_flipped(path[number], bit)), *path[number + 1 :])


def test_the_proofs_below_are_good_before_they_are_changed() -> None:
    assert check_slot(_SLOT, _STATED)
    assert isinstance(check_authority_line(_LINE, _STATED), KeyLine)
    assert len(_SLOT.list_path) == 2  # there are three lists
    assert len(_LINE.path) > 2


_CHANGES: dict[str, Callable[[SlotProof], SlotProof]] = {
    "another list": lambda proof: replace(proof, list=ListId(bytes([9]) * 16)),
    "a longer name": lambda proof: replace(proof, list=ListId(proof.list + b"\x00")),
    "a shorter name": lambda proof: replace(proof, list=ListId(proof.list[:-1])),
    "another number": lambda proof: replace(proof, number=(proof.number + 1) % 3),
    "no such number": lambda proof: replace(proof, number=3),
    "a negative number": lambda proof: replace(proof, number=-1),
    "a slot of another chunk": lambda proof: replace(proof, slot=Slot((proof.slot + 2048) % 131_072)),
    "no such slot": lambda proof: replace(proof, slot=Slot(131_072)),
    "a negative slot": lambda proof: replace(proof, slot=Slot(-1)),
    "a longer chunk": lambda proof: replace(proof, chunk=proof.chunk + b"\x00"),
    "a shorter chunk": lambda proof: replace(proof, chunk=proof.chunk[:-1]),
    "no chunk": lambda proof: replace(proof, chunk=b""),
    "a longer path": lambda proof: replace(proof, chunk_path=(*proof.chunk_path, Hash(bytes(32)))),
    "a shorter path": lambda proof: replace(proof, chunk_path=proof.chunk_path[:-1]),
    "a longer path of the list": lambda proof: replace(proof, list_path=(*proof.list_path, Hash(bytes(32)))),
    "a shorter path of the list": lambda proof: replace(proof, list_path=proof.list_path[:-1]),
    "a path of longer hashes": lambda proof: replace(proof, chunk_path=(Hash(bytes(33)), *proof.chunk_path[1:])),
    "a path of the list of longer hashes": lambda proof: replace(proof, list_path=(Hash(bytes(33)), Hash(bytes(32)))),
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_a_slot_proof_that_was_changed_is_refused(change: Callable[[SlotProof], SlotProof]) -> None:
    with pytest.raises(StatusNotProved):
        check_slot(change(_SLOT), _STATED)


@pytest.mark.parametrize("times", [-2, -1, 1, 2])
def test_a_slot_beyond_the_list_does_not_pass_for_one_of_the_same_path(times: int) -> None:
    with pytest.raises(StatusNotProved):
        check_slot(replace(_SLOT, slot=Slot(_SLOT.slot + times * 131_072)), _STATED)


@given(bit=st.integers(0, 256 * 8 - 1))
def test_no_bit_of_a_chunk_can_be_flipped(bit: int) -> None:
    with pytest.raises(StatusNotProved):
        check_slot(replace(_SLOT, chunk=_flipped(_SLOT.chunk, bit)), _STATED)


@given(number=st.integers(0, 7), bit=st.integers(0, 255))
def test_no_bit_of_a_path_can_be_flipped(number: int, bit: int) -> None:
    if number < 6:
        wrong = replace(_SLOT, chunk_path=_flipped_path(_SLOT.chunk_path, number, bit))
    else:
        wrong = replace(_SLOT, list_path=_flipped_path(_SLOT.list_path, number - 6, bit))
    with pytest.raises(StatusNotProved):
        check_slot(wrong, _STATED)


@pytest.mark.parametrize(
    "other",
    [
        replace(_STATED, status=Digest(bytes(32))),
        replace(_STATED, status=_STATED.authority),
        replace(_STATED, lists=_STATED.lists + 2),
        replace(_STATED, lists=0),
    ],
)
def test_a_slot_proof_is_refused_against_another_statement(other: StatusCommitted) -> None:
    with pytest.raises(StatusNotProved):
        check_slot(_SLOT, other)


def test_a_proof_of_another_slot_of_the_chunk_says_what_that_one_holds() -> None:
    index = _SLOT.slot // 2048
    for slot in range(index * 2048, index * 2048 + 2048):
        proof = replace(_SLOT, slot=Slot(slot))
        assert check_slot(proof, _STATED) == _BITS.get((_SLOT.list, slot), False)


@pytest.mark.parametrize("slot", [0, 1, 7, 8, 2047, 2048, 65_535, 131_071])
def test_slot_zero_is_the_left_most_bit(slot: int) -> None:
    lists = StatusLists()
    name = ListId(bytes(16))
    lists.begin(name)
    lists.put(name, Slot(slot), True)
    (_, chunks), *_ = lists.chunks()
    whole = b"".join(chunks.get(index, bytes(256)) for index in range(64))
    assert int.from_bytes(whole, "big") == 1 << (131_071 - slot)
    lists.put(name, Slot(slot), False)
    assert list(lists.chunks()) == [(name, {})]


# ----------------------------------------------------------------------------------------------------------- authority


@given(bit=st.integers(0, len(_LINE.line) * 8 - 1))
def test_no_bit_of_a_line_can_be_flipped(bit: int) -> None:
    with pytest.raises(StatusNotProved):
        check_authority_line(replace(_LINE, line=_flipped(_LINE.line, bit)), _STATED)


@given(number=st.integers(0, len(_LINE.path) - 1), bit=st.integers(0, 255))
def test_no_bit_of_the_path_of_a_line_can_be_flipped(number: int, bit: int) -> None:
    with pytest.raises(StatusNotProved):
        check_authority_line(replace(_LINE, path=_flipped_path(_LINE.path, number, bit)), _STATED)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(_LINE, path=_LINE.path[:-1]),
        replace(_LINE, path=(*_LINE.path, Hash(bytes(32)))),
        replace(_LINE, number=_LINE.size),
        replace(_LINE, number=-1),
        replace(_LINE, size=0),
    ],
)
def test_a_proof_of_a_line_that_was_changed_is_refused(wrong: AuthorityProof) -> None:
    with pytest.raises(StatusNotProved):
        check_authority_line(wrong, _STATED)


def test_a_line_is_refused_against_another_statement_or_the_status_root() -> None:
    for other in (replace(_STATED, authority=_STATED.status), replace(_STATED, authority=Digest(bytes(32)))):
        with pytest.raises(StatusNotProved):
            check_authority_line(_LINE, other)


@given(size=st.integers(1, 200), number=st.integers(0, 200))
def test_whatever_size_is_claimed_no_other_line_is_proved(size: int, number: int) -> None:
    other = replace(_key_line(), added=Position(_key_line().added + 1)).to_bytes()
    with pytest.raises(StatusNotProved):
        check_authority_line(replace(_LINE, line=other, size=size, number=number), _STATED)


def _key_line() -> KeyLine:
    line = read_line(_LINE.line)
    assert isinstance(line, KeyLine)
    return line


_key_lines = st.builds(
    KeyLine,
    by=dids,
    kid=kids,
    role=st.sampled_from(Role),
    added=positions,
    retired=st.none() | positions,
    disowned_from=st.none() | positions,
)
_recognition_lines = st.builds(RecognitionLine, by=dids, issuer=dids, scheme=slugs, since=days, until=optional_days)


@given(line=_key_lines | _recognition_lines)
def test_a_line_has_one_spelling_and_is_read_back_the_same(line: KeyLine | RecognitionLine) -> None:
    assert read_line(line.to_bytes()) == line


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"7",
        b"\xff",
        _LINE.line + b"\n",
        _LINE.line.replace(b":", b": ", 1),
        _LINE.line.replace(b"signing", b"signer"),
        _LINE.line.replace(b'"role":"signing"', b'"role":7'),
        _LINE.line.replace(b'"added":', b'"added":-'),
        _LINE.line.replace(b'"added":', b'"added":0.'),
        _LINE.line.replace(b'"added":', b'"adder":'),
        _LINE.line.replace(b"z6Mk", b"z6Mx"),
        _LINE.line.replace(b"did:web", b"did:wob"),
        _LINE.line.replace(b"}", b',"z":1}'),
        b'{"by":"did:web:a","issuer":"did:web:b","scheme":"a b","since":"2026-01-01"}',
        b'{"by":"did:web:a","issuer":"did:web:b","scheme":"a","since":"2026-13-01"}',
        b'{"by":"did:web:a","issuer":"did:web:b","scheme":"a","since":"2026-01-01","until":null}',
        b'{"by":"did:web:a","issuer":"did:web:b","scheme":"a"}',
    ],
)
def test_what_is_no_line_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedLine):
        read_line(raw)
