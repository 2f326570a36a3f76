"""Capsules: what the code on a certificate opens in an archive, when the service that issued it is gone.

    nonce(12) ‖ AES-256-GCM(key, nonce, zlib(content), "testamur/capsule/v1\\n" + stream)
    key = HKDF-SHA256(the 16 random bytes of the code, salt = stream (16 bytes), info = "testamur/capsule/v1")

`content` is canonical JSON: per entry of the stream the parts `document` and `facts` with their salts, and of an award
that was built from others their codes, so that who holds the larger award can see its parts, as on its page. What is
opened is believed only once it was checked against the commitments in the log. Format: docs/spec/archive.md.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.codes import MalformedCode, format_link_code, parse_link_code, stream_of
from ledger.domain.types import LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import SALT, Opening
from ledger.record.encoding import MalformedEncoding, from_text, to_text

NONCE: Final = 12  # bytes
MAX_CAPSULE: Final = 4 << 20  # bytes, closed or opened: more is refused before it is inflated
SHOWN: Final = (Part.DOCUMENT, Part.FACTS)  # never `internal`: that is between the issuer and nobody else

_INFO: Final = b"testamur/capsule/v1"
_VERSION: Final = 1
_KEYS: Final = {"components", "entries", "v"}
_ENTRY: Final = {"parts", "position"}
_PART: Final = {"bytes", "salt"}


class CapsuleUnreadable(LedgerError):
    """The capsule is another award's, was damaged, or is not of this format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsule:
    """What one award shows, opened and not yet believed."""

    parts: Mapping[Position, Mapping[Part, Opening]]  # `document` and `facts` of each entry that commits to them
    components: tuple[LinkCode, ...] = ()  # of the awards that it was built from


def seal_capsule(capsule: Capsule, code: LinkCode, nonce: bytes) -> bytes:
    """The bytes that only `code` opens.

    Args:
        nonce: 12 random bytes, never used before with this code.

    Raises:
        CapsuleUnreadable: it could not be opened again.
    """
    plain = _write(capsule)
    if len(plain) > MAX_CAPSULE:
        raise CapsuleUnreadable(f"what this award shows has {len(plain):,} bytes; a capsule holds {MAX_CAPSULE:,}")
    stream = stream_of(code)
    return nonce + AESGCM(_key(code, stream)).encrypt(nonce, zlib.compress(plain), _place(stream))


def open_capsule(raw: bytes, code: LinkCode) -> Capsule:
    """What the capsule of the award with this code holds.

    Raises:
        CapsuleUnreadable: it is not this award's, not whole, inflates beyond MAX_CAPSULE, or is no capsule.
    """
    stream = stream_of(code)
    if not NONCE < len(raw) <= MAX_CAPSULE:
        raise CapsuleUnreadable(f"a capsule has more than {NONCE} and at most {MAX_CAPSULE:,} bytes, not {len(raw):,}")
    inflater = zlib.decompressobj()
    try:
        packed = AESGCM(_key(code, stream)).decrypt(raw[:NONCE], raw[NONCE:], _place(stream))
        plain = inflater.decompress(packed, MAX_CAPSULE + 1)
    except (InvalidTag, zlib.error) as error:
        raise CapsuleUnreadable("the capsule is not that of this code, or it was damaged") from error
    if not inflater.eof or inflater.unused_data or len(plain) > MAX_CAPSULE:
        raise CapsuleUnreadable("the capsule is not whole, or too large")
    return _read(plain)


def _key(code: LinkCode, stream: StreamId) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=stream.bytes, info=_INFO).derive(code[6:])


def _place(stream: StreamId) -> bytes:
    return _INFO + b"\n" + str(stream).encode("ascii")


def _write(capsule: Capsule) -> bytes:
    entries: list[Json] = []
    for position, parts in sorted(capsule.parts.items()):
        spelled: dict[str, Json] = {
            part.value: {"bytes": to_text(opening.content), "salt": to_text(opening.salt)}
            for part, opening in parts.items()
        }
        entries.append({"parts": spelled, "position": position})
    codes: list[Json] = [format_link_code(code) for code in capsule.components]
    return canonical.encode({"components": codes, "entries": entries, "v": _VERSION})


def _read(plain: bytes) -> Capsule:
    """Strict: a closed schema, each value in its one spelling."""
    try:
        value = canonical.decode(plain)
    except LedgerError as error:
        raise CapsuleUnreadable(f"what the capsule holds is not canonical JSON: {error}") from error
    if not isinstance(value, dict) or value.keys() != _KEYS or value["v"] != _VERSION:
        raise _unfit("its fields")
    entries, codes = value["entries"], value["components"]
    if not isinstance(entries, list) or not isinstance(codes, list):
        raise _unfit("its lists")
    parts: dict[Position, Mapping[Part, Opening]] = {}
    for entry in entries:
        position, opened = _read_entry(entry)
        if parts and position <= max(parts):
            raise _unfit("the order of its entries")
        parts[position] = opened
    return Capsule(parts=parts, components=tuple(_read_code(code) for code in codes))


def _read_entry(value: Json) -> tuple[Position, Mapping[Part, Opening]]:
    if not isinstance(value, dict) or value.keys() != _ENTRY:
        raise _unfit("an entry")
    position, parts = value["position"], value["parts"]
    if type(position) is not int or position < 1 or not isinstance(parts, dict):
        raise _unfit("an entry")
    names = {part.value: part for part in SHOWN}
    if not parts.keys() <= names.keys():
        raise _unfit("the parts of an entry")
    return Position(position), {names[name]: _read_opening(part) for name, part in parts.items()}


def _read_opening(value: Json) -> Opening:
    if not isinstance(value, dict) or value.keys() != _PART:
        raise _unfit("a part")
    salt, content = value["salt"], value["bytes"]
    if not isinstance(content, str):
        raise _unfit("a part")
    try:
        return Opening(salt=from_text(salt, SALT), content=from_text(content, len(content) * 6 // 8))
    except MalformedEncoding as error:
        raise _unfit("a part") from error


def _read_code(value: Json) -> LinkCode:
    if not isinstance(value, str):
        raise _unfit("a code")
    try:
        code = parse_link_code(value)
    except MalformedCode as error:
        raise _unfit("a code") from error
    if format_link_code(code) != value:
        raise _unfit("a code")
    return code


def _unfit(what: str) -> CapsuleUnreadable:
    return CapsuleUnreadable(f"the capsule is not of the format of this version: {what} cannot be read")
