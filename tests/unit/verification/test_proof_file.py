"""A proof file has one spelling: what else there is, is refused with a sentence, and nothing leaks from the reader."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.types import Did, LinkCode, Origin, Position
from ledger.record.commitment import Opening
from ledger.tlog.merkle import Hash
from ledger.verification.proof_file import (
    MAX_PROOF_FILE,
    MalformedProofFile,
    ProofFile,
    ProofFileTooLarge,
    ProvedAward,
    ProvedEntry,
    ProvedLine,
    ProvedSlot,
    read_proof_file,
    write_proof_file,
)
from ledger.verification.status_lists import CHUNK

Fields = dict[str, Json]
ENTRY = ProvedEntry(position=Position(1), raw=b"{}\nsignature\n", path=(Hash(bytes(32)), Hash(b"\xff" * 32)))
SLOT = ProvedSlot(chunk=bytes(CHUNK), path=(Hash(bytes(32)),), list_index=3, list_path=())
AWARD = ProvedAward(
    code=LinkCode(bytes(22)),
    entries=(replace(ENTRY, position=Position(4)), replace(ENTRY, position=Position(6))),
    facts=(Opening(salt=bytes(32), content='{"name":"Zoë"}'.encode()), None),
    documents=(Opening(salt=b"\1" * 32, content='{"id":"Zoë"}'.encode()), None),
    slots=(SLOT, SLOT),
)
FILE = ProofFile(
    origin=Origin("localhost:8000/log"),
    version=2,
    registries=(Did("did:web:localhost%3A8000:issuers:board"),),
    checkpoint="localhost:8000/log\n7\n…\n\n— localhost:8000/log …\n".encode(),
    log=(ENTRY,),
    statement=replace(ENTRY, position=Position(7)),
    issuers=((replace(ENTRY, position=Position(2)), replace(ENTRY, position=Position(3))),),
    authority_size=2,
    authority=(ProvedLine(line=b'{"by":"x"}', index=1, path=(Hash(bytes(32)),)),),
    award=AWARD,
    parts=(replace(AWARD, code=None, slots=()),),
    definitions=(b'{"a":1}', b'{"b":2}'),
)
RAW = write_proof_file(FILE)


def changed(change: Callable[[Fields], object]) -> bytes:
    """The file after a change of its JSON, in the canonical spelling of that."""
    value = cast("Fields", json.loads(RAW))
    change(value)
    return canonical.encode(value)


def test_what_was_written_is_read_again() -> None:
    assert read_proof_file(RAW) == FILE
    assert write_proof_file(read_proof_file(RAW)) == RAW


@pytest.mark.parametrize(
    ("what", "change", "reason"),
    [
        ("another version", lambda file: file.update(testamur_proof=3), "not of version 2"),
        ("the version before", lambda file: file.update(testamur_proof=1), "not of version 2"),
        ("a true version", lambda file: file.update(testamur_proof=True), "not of version 2"),
        ("another kind of JSON", lambda file: file.pop("testamur_proof"), "does not say testamur_proof"),
        ("an unknown field", lambda file: file.update(note="hello"), "exactly the fields"),
        ("a missing field", lambda file: file.pop("parts"), "exactly the fields"),
        ("version 0", lambda file: file.update(version=0), "version is not a whole number"),
        ("a version in words", lambda file: file.update(version="1"), "version is not a whole number"),
        ("an origin that is no text", lambda file: file.update(origin=None), "origin is not text"),
        ("a checkpoint that is no text", lambda file: file.update(checkpoint=[]), "should be text"),
        ("a registry that is no DID", lambda file: file.update(registries=["did:key:x"]), "not a DID"),
        ("registries that are no list", lambda file: file.update(registries={}), "registries is not a list"),
        ("an issuer that is no list", lambda file: file.update(issuers=[{}]), "issuer is not a list"),
        ("definitions out of order", lambda file: file["definitions"].reverse(), "not sorted"),
        ("a definition twice", lambda file: file["definitions"].append('{"b":2}'), "not sorted"),
        ("no award", lambda file: file.update(award=None), "an award has exactly"),
        ("a leaf before the first", lambda file: file["statement"].update(leaf=-1), "leaf is not a whole number"),
        ("a leaf too far", lambda file: file["statement"].update(leaf=2**53 - 1), "leaf is not a whole number"),
        ("an entry with facts in the log", lambda file: file["log"][0].update(facts=None), "an entry has exactly"),
        ("an entry of an award without facts", lambda file: file["award"]["entries"][0].pop("facts"), "exactly"),
        (
            "an entry of an award without a document",
            lambda file: file["award"]["entries"][0].pop("document"),
            "exactly",
        ),
        ("a hash too short", lambda file: file["statement"].update(path=["AAAA"]), "base64url"),
        ("a hash that is no text", lambda file: file["statement"].update(path=[7]), "base64url"),
        ("a path too long", lambda file: file["statement"].update(path=["A" * 43] * 64), "at most 63 hashes"),
        ("a path that is none", lambda file: file["statement"].update(path="A"), "path is not a list"),
        ("a code in lower case", lambda file: file["award"].update(code="0" * 35 + "o"), "one spelling"),
        ("a code that is none", lambda file: file["award"].update(code="U" * 36), "code"),
        ("a code that is no text", lambda file: file["award"].update(code=1), "code is not text"),
        ("a salt too short", lambda file: file["award"]["entries"][0]["facts"].update(salt="AA"), "32 bytes"),
        ("a content that is none", lambda file: file["award"]["entries"][0]["facts"].update(content=1), "text"),
        ("another part", lambda file: file["award"]["entries"][0]["facts"].update(internal="x"), "opened part"),
        ("a chunk too short", lambda file: file["award"]["slots"][0].update(chunk="AA"), "256 bytes"),
        ("a list before the first", lambda file: file["award"]["slots"][0].update(list=-1), "list is not a whole"),
        ("a slot of other fields", lambda file: file["award"]["slots"][0].pop("list"), "a slot has exactly"),
        ("a line that is no text", lambda file: file["authority"]["lines"][0].update(line=None), "should be text"),
        ("a line before the first", lambda file: file["authority"]["lines"][0].update(leaf=-1), "leaf is not"),
        ("a negative number of lines", lambda file: file["authority"].update(size=-1), "size is not a whole"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_file_of_another_schema_is_refused(what: str, change: Callable[[object], object], reason: str) -> None:
    with pytest.raises(MalformedProofFile, match=reason):
        read_proof_file(changed(change))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"testamur_proof":1}',
        b'{"testamur_proof":NaN}',
        RAW + b"\n",
        b" " + RAW,
        RAW.replace(b'"version":2', b'"version":2.0'),
        RAW.replace(b'"version":2', b'"version":2,"version":2'),
        RAW.replace("Zoë".encode(), b"Zo\\u00eb"),
        json.dumps(json.loads(RAW), sort_keys=True).encode(),
    ],
)
def test_another_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedProofFile):
        read_proof_file(raw)


def test_file_larger_than_a_mebibyte_is_neither_read_nor_written() -> None:
    with pytest.raises(MalformedProofFile, match="at most 1,048,576 bytes"):
        read_proof_file(RAW + b" " * MAX_PROOF_FILE)
    with pytest.raises(ProofFileTooLarge, match="at most 1,048,576"):
        write_proof_file(replace(FILE, checkpoint=b"x" * MAX_PROOF_FILE))


@given(place=st.integers(0, len(RAW) - 1), byte=st.integers(0, 255))
def test_another_byte_anywhere_is_another_file_or_none(place: int, byte: int) -> None:
    raw = RAW[:place] + bytes([byte]) + RAW[place + 1 :]
    try:
        file = read_proof_file(raw)
    except MalformedProofFile:
        return
    assert (file == FILE) == (raw == RAW)
    assert write_proof_file(file) == raw


@given(cut=st.integers(0, len(RAW) - 1))
def test_file_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(MalformedProofFile):
        read_proof_file(RAW[:cut])
