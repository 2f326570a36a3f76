"""A second implementation of docs/spec/checkpoint.md, from its text alone, checked against its worked example.

The part that checks imports nothing of the ledger: the standard library, and PyNaCl for Ed25519.
"""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey, signatures
from ledger.tlog.proof_file import TlogProof
from ledger.tlog.proofs import consistency_path, inclusion_path, node_reader, tree_root
from ledger.tlog.witnessing import AddCheckpoint

_PAGE = (Path(__file__).parents[3] / "docs" / "spec" / "checkpoint.md").read_text("utf-8")
_BLOCKS = {name: f"{block}\n" for name, block in re.findall(r"```text (\w+)\n(.*?)\n```", _PAGE, re.DOTALL)}
_KEYS = _BLOCKS["keys"].split()
_ENTRIES = [b"one", b"two", b"three"]
_SEEDS = [bytes([n]) * 32 for n in (1, 2, 3)]


def _leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _lines(note: str) -> tuple[str, dict[tuple[str, bytes], bytes]]:
    """The text, and the signatures by name and key id."""
    text, block = note.rsplit("\n\n", 1)
    found = {}
    for line in block.splitlines():
        dash, name, encoded = line.split(" ")
        assert dash == "—"
        raw = b64decode(encoded, validate=True)
        found[name, raw[:4]] = raw[4:]
    return f"{text}\n", found


def _key(spelled: str) -> tuple[str, bytes, int, VerifyKey]:
    name, key_id, encoded = spelled.split("+", 2)
    raw = b64decode(encoded, validate=True)
    assert sha256(name.encode() + b"\n" + raw).digest()[:4].hex() == key_id
    return name, bytes.fromhex(key_id), raw[0], VerifyKey(raw[1:])


def test_the_keys_of_the_example_are_those_of_its_seeds() -> None:
    for spelled, seed, kind in zip(_KEYS, _SEEDS, (1, 1, 4), strict=True):
        _, _, found, key = _key(spelled)
        assert (found, key) == (kind, SigningKey(seed).verify_key)


def test_the_root_of_the_example_is_that_of_its_entries() -> None:
    one, two, three = map(_leaf, _ENTRIES)
    text, _ = _lines(_BLOCKS["checkpoint"])
    assert text == f"verify.college.example/log\n3\n{b64encode(_node(_node(one, two), three)).decode()}\n"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_signature_of_the_example_verifies_over_what_the_page_says(number: int) -> None:
    text, lines = _lines(_BLOCKS["checkpoint"])
    name, key_id, kind, key = _key(_KEYS[number])
    signature, message = lines[name, key_id], text.encode()
    if kind == 4:
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        assert time == 1_800_000_000
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
    key.verify(message, signature)
    with pytest.raises(BadSignatureError):
        key.verify(message.replace(b"\n3\n", b"\n4\n"), signature)


def test_the_request_of_the_example_shows_that_the_older_tree_begins_the_newer() -> None:
    head, note = _BLOCKS["request"].split("\n\n", 1)
    old, *path = head.split("\n")
    assert old == "old 2"
    assert [b64decode(each) for each in path] == [_leaf(b"three")]
    assert _lines(note)[0] == _lines(_BLOCKS["checkpoint"])[0]


def test_the_proof_of_the_example_leads_to_the_root() -> None:
    head, note = _BLOCKS["proof"].split("\n\n", 1)
    kind, index, below, beside = head.split("\n")
    assert (kind, index, note) == ("c2sp.org/tlog-proof@v1", "index 1", _BLOCKS["checkpoint"])
    root = _node(_node(b64decode(below), _leaf(b"two")), b64decode(beside))
    assert _lines(note)[0].split("\n")[2] == b64encode(root).decode()


def test_this_ledger_makes_the_example_byte_for_byte() -> None:
    old, new, witness = map(Ed25519Signer, _SEEDS)
    origin, name = "verify.college.example/log", "witness.partner.example"
    read = node_reader([leaf_hash(entry) for entry in _ENTRIES])
    note = sign_checkpoint(Checkpoint(origin=origin, size=3, root=tree_root(3, read)), old, new)
    cosigned = with_lines(note, cosign(signatures(note)[0], witness, name, 1_800_000_000))
    keys = [VerifierKey.of(origin, each.public_key).to_text() for each in (old, new)]
    assert [*keys, str(CosignerKey.of(name, witness.public_key))] == _KEYS
    assert cosigned.decode() == _BLOCKS["checkpoint"]
    assert AddCheckpoint(old=2, path=consistency_path(2, 3, read), note=note).to_bytes().decode() == _BLOCKS["request"]
    proof = TlogProof(index=1, path=inclusion_path(1, 3, read), checkpoint=cosigned)
    assert proof.to_bytes().decode() == _BLOCKS["proof"]
