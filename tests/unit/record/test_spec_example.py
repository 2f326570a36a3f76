"""A second implementation of docs/spec/entry.md, from its text alone, checked against the bytes of its worked example.

It imports nothing of the ledger: the standard library, and PyNaCl for Ed25519.
"""

import hashlib
import json
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

_PAGE = (Path(__file__).parents[3] / "docs" / "spec" / "entry.md").read_text("utf-8")
_BLOCKS: dict[str, str] = dict(re.findall(r"```(?:json|text) (\w+)\n(.*?)\n```", _PAGE, re.DOTALL))
_INPUTS: dict[str, str] = json.loads(_BLOCKS["inputs"])
_ORIGIN = _INPUTS["origin"]
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENTRIES = ("registered", "key_added", "issued")


def _sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert _text(raw) == text
    return raw


def _entry(name: str) -> bytes:
    return (_BLOCKS[name] + "\n").encode()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _public(key: str) -> bytes:
    """The 32 bytes of a Multikey."""
    assert key[0] == "z"
    number = 0
    for character in key[1:]:
        number = number * 58 + _BASE58.index(character)
    raw = number.to_bytes(34)
    assert raw[:2] == b"\xed\x01"
    return raw[2:]


def _verify(entry: bytes) -> dict[str, object]:
    """The body of an entry, after its shape, spelling and signature were checked."""
    assert len(entry) <= 4096
    body, signature, rest = entry.split(b"\n")
    assert rest == b""
    fields: dict[str, object] = json.loads(body)
    assert _canonical(fields) == body
    assert set(fields) == {"v", "type", "stream", "seq", "prev", "at", "by", "kid", "data", "commit"}
    VerifyKey(_public(str(fields["kid"]))).verify(b"testamur/event/v1\n" + body, _bytes(signature.decode()))
    return fields


def _members(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _genesis(stream: object) -> str:
    return _text(_sha256(b"testamur/genesis/v1\n", _ORIGIN.encode(), b"\n", str(stream).encode()))


def _code() -> bytes:
    number = 0
    for character in _INPUTS["code"]:
        number = number << 5 | _BASE32.index(character)
    assert number & 0b1111 == 0
    return (number >> 4).to_bytes(22)


@pytest.mark.parametrize("name", _ENTRIES)
def test_an_entry_of_the_example_is_signed_by_the_key_it_names(name: str) -> None:
    assert _verify(_entry(name))["v"] == 1


@pytest.mark.parametrize("name", _ENTRIES)
def test_a_changed_letter_of_the_example_is_noticed(name: str) -> None:
    changed = _entry(name).replace(b"north-college", b"south-college")
    with pytest.raises(BadSignatureError):
        _verify(changed)


@pytest.mark.parametrize(("name", "seed"), [("registered", "root"), ("key_added", "root"), ("issued", "signing")])
def test_the_seeds_of_the_example_make_the_same_bytes_again(name: str, seed: str) -> None:
    body = _entry(name).split(b"\n")[0]
    signature = SigningKey(bytes.fromhex(_INPUTS[f"{seed}_seed"])).sign(b"testamur/event/v1\n" + body).signature
    assert body + b"\n" + _text(signature).encode() + b"\n" == _entry(name)


def test_the_first_entry_holds_the_genesis_value_and_the_digest_of_the_profile() -> None:
    fields = _verify(_entry("registered"))
    data = _members(fields["data"])
    assert (fields["seq"], fields["prev"]) == (0, _genesis(fields["stream"]))
    assert data["root"] == fields["kid"]
    assert data["profile"] == _text(_sha256(_BLOCKS["profile"].encode()))
    assert _canonical(json.loads(_BLOCKS["profile"])) == _BLOCKS["profile"].encode()
    assert fields["commit"] == {}


def test_the_second_entry_holds_the_chain_value_and_a_proof_of_possession() -> None:
    first, second = _verify(_entry("registered")), _verify(_entry("key_added"))
    data = _members(second["data"])
    assert (second["seq"], second["stream"], second["kid"]) == (1, first["stream"], first["kid"])
    assert second["prev"] == _text(_sha256(b"testamur/chain/v1\n", _entry("registered")))
    message = f"testamur/possession/v1\n{_ORIGIN}\n{second['stream']}\n{data['key']}\n{data['role']}"
    assert message == _BLOCKS["possession"]
    VerifyKey(_public(str(data["key"]))).verify(message.encode(), _bytes(str(data["proof"])))


def test_the_credential_is_signed_by_the_key_that_was_added_and_found_by_its_code() -> None:
    added, issued = _verify(_entry("key_added")), _verify(_entry("issued"))
    code = _code()
    link = _sha256(b"testamur/link/v1\n", code)
    bits = int.from_bytes(link[:10]) >> 6
    stream = uuid.UUID(int=int.from_bytes(code[:6]) << 80 | 8 << 76 | bits >> 62 << 64 | 2 << 62 | bits & (1 << 62) - 1)
    assert issued["kid"] == _members(added["data"])["key"]
    assert issued["by"] == added["by"]
    assert issued["stream"] == str(stream)
    assert issued["prev"] == _genesis(stream)
    assert _members(issued["data"])["link"] == _text(link)


@pytest.mark.parametrize("part", ["document", "facts", "internal"])
def test_the_credential_commits_to_its_parts(part: str) -> None:
    content = _BLOCKS.get(part, "").encode()
    salt = bytes.fromhex(_INPUTS[f"{part}_salt"])
    commit = _members(_verify(_entry("issued"))["commit"])
    assert set(commit) == {"document", "facts", "internal"}
    assert commit[part] == _text(_sha256(b"testamur/commit/v1\n", part.encode(), b"\n", salt, content))
    assert commit[part] != _text(_sha256(b"testamur/commit/v1\n", part.encode(), b"\n", salt, content + b" "))
    if content:
        assert _canonical(json.loads(content)) == content


def test_the_internal_part_holds_the_code_and_a_short_code_with_its_check_character() -> None:
    internal: dict[str, str] = json.loads(_BLOCKS["internal"])
    assert internal["code"] == _INPUTS["code"]
    value = 0
    for character in internal["short_code"]:
        value = value << 5 | _BASE32.index(character)
    assert len(internal["short_code"]) == 13
    assert (value >> 5) % 37 == value & 31


def test_the_values_named_in_the_text_are_those_of_the_example() -> None:
    issued, registered = _verify(_entry("issued")), _verify(_entry("registered"))
    for value in (issued["stream"], registered["stream"], _members(issued["data"])["link"], _INPUTS["code"]):
        assert f"`{value}`" in _PAGE
    assert f"`{_members(registered['data'])['profile']}`" in _PAGE
