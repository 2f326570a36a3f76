"""Signed notes: a text and the signature lines below it (c2sp.org/signed-note, Ed25519 signatures of type 0x01 only).

A note's text is worth nothing until a trusted key is found to have signed it, so the way to it is `open_note`. What the
text means is deliberately elsewhere (`ledger.tlog.checkpoint`), and so is what witnesses add
(`ledger.tlog.cosignature`).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, NewType, Self, TypeVar

from ledger.errors import LedgerError
from ledger.signing.ed25519 import MalformedKey, PublicKey, admit, verify
from ledger.signing.signer import Signer
from ledger.tlog.encoding import from_base64, to_base64

KeyId = NewType("KeyId", bytes)  # 4 bytes; with the name it identifies a key, alone it proves nothing

MAX_NOTE_BYTES: Final = 64 * 1024
MAX_SIGNATURES: Final = 100  # the specification asks for at least 16
_KEY_ID_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64
_LINE_START: Final = "\u2014 "  # em dash, space

# The specification: "MUST NOT contain any ASCII control characters (those below U+0020) other than newline."
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
# "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus (U+002B) characters." What no note can
# hold is refused as well: control characters, and lone surrogates, which UTF-8 cannot spell.
_KEY_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")


class MalformedVerifierKey(LedgerError):
    """A verifier key that is not spelled ``name+keyid+key``, or whose parts do not belong together."""


class AmbiguousVerifierKeys(LedgerError):
    """Two different trusted keys share name and key id, so a signature line cannot say which of them signed."""


class MalformedNote(LedgerError):
    """Bytes that are no signed note, or a text that cannot become one."""


class NoteSignatureInvalid(LedgerError):
    """A signature line claims a trusted key, and that key did not make the signature over this text."""


class NoteUnsigned(LedgerError):
    """No trusted key signed the note, so its text must be ignored."""


def is_key_name(name: str) -> bool:
    """Whether `name` can name a key in a signature line."""
    return _KEY_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """A public key as notes name it: who signs, and how to check it. Of which type is for the classes below.

    Raises:
        MalformedVerifierKey: the name cannot name a key, or the key id is not that of name and key.
    """

    KIND: ClassVar[bytes]  # 1 byte, the signature type identifier

    name: str  # not empty; no space of any kind, plus or control character
    key_id: KeyId  # 4 bytes: SHA-256(name || 0x0A || type || public key)[:4]
    public_key: PublicKey  # 32 bytes, RFC 8032

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise MalformedVerifierKey(
                f"{self.name!a} cannot name a key: a name is not empty and has no space, plus or control character"
            )
        if self.key_id != self._id(self.name, self.public_key):
            raise MalformedVerifierKey(
                f"the key id {self.key_id.hex()} is not that of {self.name!a} with this key; copy the key again"
            )

    @classmethod
    def of(cls, name: str, public_key: PublicKey) -> Self:
        """The verifier key of `public_key` under `name`.

        Raises:
            MalformedVerifierKey: `name` cannot name a key.
        """
        return cls(name=name, key_id=cls._id(name, public_key), public_key=public_key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of which `text` is the one spelling.

        Raises:
            MalformedVerifierKey: `text` is no verifier key, or its public key is none that may be trusted.
        """
        # A name has no plus, but base64 may.
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = from_base64(encoded)
        if raw is None or not raw.startswith(cls.KIND):
            raise MalformedVerifierKey(
                f"a verifier key is spelled name+keyid+key, and its key is base64 of 0x{cls.KIND.hex()} and an Ed25519 "
                "public key"
            )
        try:
            key = cls.of(name, admit(raw.removeprefix(cls.KIND)))
        except MalformedKey as error:
            raise MalformedVerifierKey(f"the verifier key of {name!a} holds no usable public key: {error}") from error
        if key.to_text() != text:
            raise MalformedVerifierKey(
                f"the verifier key of {name!a} says key id {key_id!a}, but its name and key have {key.key_id.hex()}"
            )
        return key

    def to_text(self) -> str:
        """The one spelling of this key: ``name+keyid+key``, the id in lower-case hexadecimal, the key in base64."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(self.KIND + self.public_key)}"

    @classmethod
    def _id(cls, name: str, public_key: PublicKey) -> KeyId:
        # A name that UTF-8 cannot spell is refused by name, whatever its id.
        spelled = name.encode("utf-8", "surrogatepass")
        return KeyId(sha256(spelled + b"\n" + cls.KIND + public_key).digest()[:_KEY_ID_BYTES])


class VerifierKey(NamedKey):
    """A key that signs notes as they stand: type 0x01, such as a log's for its checkpoints."""

    __slots__ = ()
    KIND = b"\x01"


K = TypeVar("K", bound=NamedKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNote:
    """A text, and who is known to have signed it."""

    text: str  # ends in a newline
    signed_by: tuple[VerifierKey, ...]  # at least one, each once, in the order of the signature lines


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """What one signature line claims; nothing about it is verified."""

    name: str
    key_id: KeyId
    signature: bytes  # of any length but 0; how many bytes is for the key to judge

    def to_text(self) -> str:
        """The one spelling of this line, its newline included."""
        return f"{_LINE_START}{self.name} {to_base64(self.key_id + self.signature)}\n"


def sign_note(text: str, signer: Signer, name: str) -> bytes:
    """The signed note of `text` with one signature line, as `open_note` will accept it.

    Args:
        text: ends in a newline and has no other control character; the note is at most 64 KiB, line included.
        signer: signs the text as it stands, in UTF-8.
        name: the name under which verifiers know the signer's key.

    Raises:
        MalformedVerifierKey: `name` cannot name a key.
        MalformedNote: `text` cannot become a note. Nothing was signed.
    """
    key = VerifierKey.of(name, signer.public_key)
    if not text.endswith("\n"):
        raise MalformedNote("the text of a note ends in a newline")
    _refuse_control_characters(text)
    try:
        body = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedNote("the text of a note must be valid Unicode, and this one holds a lone surrogate") from error
    # The line has its final length before the signature is made, so nothing is signed that could not be opened.
    unsigned = SignatureLine(name=name, key_id=key.key_id, signature=bytes(_SIGNATURE_BYTES))
    refuse_oversize(len(body) + 1 + len(unsigned.to_text().encode("utf-8")))
    line = SignatureLine(name=name, key_id=key.key_id, signature=signer.sign(body))
    return body + b"\n" + line.to_text().encode("utf-8")


def open_note(raw: bytes, keys: Collection[VerifierKey]) -> OpenedNote:
    """The text of a note that at least one of `keys` signed.

    "Verifiers MUST ignore signatures from unknown keys, even if they share a name or ID (but not both) with a known
    key", so their lines need only be well formed.

    Raises:
        MalformedNote: `raw` is no signed note.
        NoteSignatureInvalid: a line with name and id of a known key does not verify; the whole note is refused.
        NoteUnsigned: no line is by a known key.
        AmbiguousVerifierKeys: two of `keys` differ, yet share name and id.
    """
    known = by_name_and_id(keys)
    text, lines = signatures(raw)
    body = text.encode("utf-8")
    signed_by: dict[VerifierKey, None] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        # "If the key name and ID match a known key, verifiers MUST verify the signature."
        if not verify(key.public_key, body, line.signature):
            raise NoteSignatureInvalid(f"the signature by {key.name!a}, key id {key.key_id.hex()}, does not verify")
        signed_by[key] = None
    # "If no signature from a known key verifies successfully, clients MUST reject the note."
    if not signed_by:
        raise NoteUnsigned("no trusted key signed this note, so its text must be ignored")
    return OpenedNote(text=text, signed_by=tuple(signed_by))


def by_name_and_id(keys: Iterable[K]) -> dict[tuple[str, KeyId], K]:
    """The keys under what a signature line says of its key.

    Raises:
        AmbiguousVerifierKeys: two of them differ, yet share name and id.
    """
    known: dict[tuple[str, KeyId], K] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise AmbiguousVerifierKeys(
                f"two different trusted keys are both {key.name!a} with key id {key.key_id.hex()}; drop one of them"
            )
    return known


def signatures(raw: bytes) -> tuple[str, tuple[SignatureLine, ...]]:
    """Text and signature lines of a note, none of them verified: nothing may be believed of the text for them.

    Raises:
        MalformedNote: `raw` is no signed note.
    """
    refuse_oversize(len(raw))
    try:
        note = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedNote(f"a note is UTF-8, and byte {error.start} of this one is not") from error
    _refuse_control_characters(note)
    # "The note text MAY contain empty lines; the text is separated from the signatures by the last empty line."
    end = note.rfind("\n\n")
    if end < 0:
        raise MalformedNote("a note has a blank line between text and signatures, and this one has none")
    text, block = note[: end + 1], note[end + 2 :]
    if not block.endswith("\n"):
        raise MalformedNote("a note ends in one or more signature lines, the last with its newline")
    lines = block.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"a note has at most {MAX_SIGNATURES} signature lines, and this one has {len(lines)}")
    return text, tuple(_parse_line(number, line) for number, line in enumerate(lines, start=1))


def _parse_line(number: int, line: str) -> SignatureLine:
    name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
    blob = from_base64(encoded)
    if not line.startswith(_LINE_START) or not is_key_name(name) or blob is None or len(blob) <= _KEY_ID_BYTES:
        raise MalformedNote(
            f"signature line {number} of the note is not an em dash, a space, the key's name, a space and base64 of "
            "key id and signature"
        )
    return SignatureLine(name=name, key_id=KeyId(blob[:_KEY_ID_BYTES]), signature=blob[_KEY_ID_BYTES:])


def refuse_oversize(size: int) -> None:
    """Refuse a note of more bytes than are read.

    Raises:
        MalformedNote: it has more.
    """
    if size > MAX_NOTE_BYTES:
        raise MalformedNote(f"a note has at most {MAX_NOTE_BYTES} bytes, and this one has {size}")


def _refuse_control_characters(text: str) -> None:
    found = _CONTROL.search(text)
    if found:
        raise MalformedNote(
            f"a note has no control character but newline, and this one has U+{ord(found[0]):04X} at {found.start()}"
        )
