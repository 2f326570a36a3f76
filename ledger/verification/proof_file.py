"""Proof files: all that shows, without any server, what an award says and how it stands; docs/spec/proof-file.md.

Here the file is only read and written: canonical JSON with a closed schema, so that each content has one spelling. What
it proves is asked in `ledger.verification.proof_check`, who makes one in `ledger.application.proofs`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from ledger import canonical
from ledger.canonical import MAX_INTEGER, Json
from ledger.domain.codes import format_link_code, parse_link_code
from ledger.domain.types import Did, LinkCode, Origin, Position
from ledger.domain.values import BadValue, Part
from ledger.errors import LedgerError
from ledger.record import fields as read
from ledger.record.commitment import SALT, Opening
from ledger.record.encoding import MalformedEncoding, from_text, to_text
from ledger.record.fields import Data
from ledger.tlog.merkle import HASH_BYTES, Hash
from ledger.verification.status_lists import CHUNK

VERSION: Final = 2  # in version 1 there were no documents, and what lacks one must not pass for older than it is
MAX_PROOF_FILE: Final = 1 << 20  # bytes

SHOWN: Final = (Part.DOCUMENT, Part.FACTS)
"""The parts that a proof file opens; never `internal`."""

_LONGEST_PATH: Final = 63  # hashes; a tree has fewer than 2**63 leaves
_FILE: Final = frozenset(
    "testamur_proof origin version registries checkpoint log statement issuers authority award parts "  # noqa: SIM905
    "definitions".split()
)
_ENTRY: Final = frozenset(("leaf", "entry", "path"))
_AUTHORITY: Final = frozenset(("size", "lines"))
_LINE: Final = frozenset(("line", "leaf", "path"))
_AWARD: Final = frozenset(("code", "entries", "slots"))
_SLOT: Final = frozenset(("chunk", "path", "list", "list_path"))
_OPENING: Final = frozenset(("salt", "content"))

T = TypeVar("T")


class MalformedProofFile(LedgerError):
    """The bytes are no proof file, or not in the one spelling of one."""


class ProofFileTooLarge(LedgerError):
    """What this award would need does not fit into a proof file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedEntry:
    """An entry, and the path from it to the root of the checkpoint."""

    position: Position
    raw: bytes
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedLine:
    """A line about a key or a recognition, and the path from it to the root that the statement names."""

    line: bytes  # canonical JSON
    index: int  # among the lines, which are sorted by their bytes
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedSlot:
    """The chunk of a status list that holds the bit of one version, and the paths from it to the statement's root."""

    chunk: bytes  # 256 bytes
    path: tuple[Hash, ...]  # from the chunk to the root of its list
    list_index: int  # among the lists, in order of their first use
    list_path: tuple[Hash, ...]  # from the leaf of the list to the root over all lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedAward:
    """One award's stream, what opens it, and the bits of its versions."""

    code: LinkCode | None
    entries: tuple[ProvedEntry, ...]  # in the order of seq
    facts: tuple[Opening | None, ...]  # of each entry; None where they are not shown
    documents: tuple[Opening | None, ...]  # of each entry; None where it has none, or it is not shown
    slots: tuple[ProvedSlot, ...]  # of each version, from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFile:
    """What a file says; not one word of it is believed yet."""

    origin: Origin
    version: int  # as printed on the certificate that it was asked for with, from 1
    registries: tuple[Did, ...]  # whose recognition counts for the operator
    checkpoint: bytes  # a signed note with its cosignatures
    log: tuple[ProvedEntry, ...]  # what the log says about its own keys, from `log.started` on
    statement: ProvedEntry  # the last entry under the checkpoint
    issuers: tuple[tuple[ProvedEntry, ...], ...]  # whole streams: of the award's issuer, of bodies that recognise it
    authority_size: int  # number of lines under the statement's root
    authority: tuple[ProvedLine, ...]
    award: ProvedAward
    parts: tuple[ProvedAward, ...]  # the awards that a stack was built from, in the order in which it names them
    definitions: tuple[bytes, ...]  # canonical JSON of profiles and definitions, sorted by their bytes


def write_proof_file(file: ProofFile) -> bytes:
    """The one spelling of `file`.

    Raises:
        ProofFileTooLarge: it would have more than `MAX_PROOF_FILE` bytes.
    """
    raw = canonical.encode(
        {
            "testamur_proof": VERSION,
            "origin": file.origin,
            "version": file.version,
            "registries": list(file.registries),
            "checkpoint": file.checkpoint.decode("utf-8"),
            "log": [_write_entry(each) for each in file.log],
            "statement": _write_entry(file.statement),
            "issuers": [[_write_entry(each) for each in stream] for stream in file.issuers],
            "authority": {
                "size": file.authority_size,
                "lines": [
                    {"line": each.line.decode("utf-8"), "leaf": each.index, "path": _write_path(each.path)}
                    for each in file.authority
                ],
            },
            "award": _write_award(file.award),
            "parts": [_write_award(part) for part in file.parts],
            "definitions": [each.decode("utf-8") for each in file.definitions],
        }
    )
    if len(raw) > MAX_PROOF_FILE:
        raise ProofFileTooLarge(
            f"the proof of this award has {len(raw):,} bytes, and a proof file has at most {MAX_PROOF_FILE:,}"
        )
    return raw


def read_proof_file(raw: bytes) -> ProofFile:
    """The file of which `raw` is the one spelling.

    Raises:
        MalformedProofFile: too large, not canonical JSON, a field missing, unknown or out of bounds.
    """
    if len(raw) > MAX_PROOF_FILE:
        raise MalformedProofFile(f"a proof file has at most {MAX_PROOF_FILE:,} bytes, and this has {len(raw):,}")
    try:
        return _read_file(canonical.decode(raw))
    except MalformedProofFile:
        raise
    except LedgerError as error:
        raise MalformedProofFile(f"this is no proof file: {error}") from error


def _read_file(value: Json) -> ProofFile:
    if type(value) is not dict or "testamur_proof" not in value:
        raise MalformedProofFile("this is no proof file: it does not say testamur_proof")
    if type(value["testamur_proof"]) is not int or value["testamur_proof"] != VERSION:
        raise MalformedProofFile(f"this proof file is not of version {VERSION}, the one that is known here")
    data = _object(value, "the file", _FILE)
    authority = _object(data["authority"], "authority", _AUTHORITY)
    definitions = _list(data, "definitions", _bytes)
    if sorted(set(definitions)) != definitions:
        raise MalformedProofFile("definitions are not sorted, or one stands twice")
    return ProofFile(
        origin=Origin(read.text(data, "origin")),
        version=read.whole(data, "version", 1),
        registries=tuple(_list(data, "registries", lambda each: read.did({"registry": each}, "registry"))),
        checkpoint=_bytes(data["checkpoint"]),
        log=tuple(_list(data, "log", _read_entry)),
        statement=_read_entry(data["statement"]),
        issuers=tuple(_list(data, "issuers", lambda each: tuple(_list({"issuer": each}, "issuer", _read_entry)))),
        authority_size=read.whole(authority, "size", 0),
        authority=tuple(_list(authority, "lines", _read_line)),
        award=_read_award(data["award"]),
        parts=tuple(_list(data, "parts", _read_award)),
        definitions=tuple(definitions),
    )


def _read_entry(value: Json) -> ProvedEntry:
    data = _object(value, "an entry", _ENTRY)
    return _entry(data)


def _entry(data: Data) -> ProvedEntry:
    return ProvedEntry(
        position=Position(read.whole(data, "leaf", 0, MAX_INTEGER - 1) + 1),
        raw=_bytes(data["entry"]),
        path=_read_path(data, "path"),
    )


def _write_entry(each: ProvedEntry) -> dict[str, Json]:
    return {"leaf": each.position - 1, "entry": each.raw.decode("utf-8"), "path": _write_path(each.path)}


def _read_line(value: Json) -> ProvedLine:
    data = _object(value, "a line", _LINE)
    return ProvedLine(line=_bytes(data["line"]), index=read.whole(data, "leaf", 0), path=_read_path(data, "path"))


def _read_award(value: Json) -> ProvedAward:
    data = _object(value, "an award", _AWARD)
    opened = _list(data, "entries", _read_opened)
    return ProvedAward(
        code=None if data["code"] is None else _read_code(read.text(data, "code")),
        entries=tuple(entry for entry, _ in opened),
        facts=tuple(openings[Part.FACTS] for _, openings in opened),
        documents=tuple(openings[Part.DOCUMENT] for _, openings in opened),
        slots=tuple(_list(data, "slots", _read_slot)),
    )


def _write_award(award: ProvedAward) -> Json:
    return {
        "code": None if award.code is None else format_link_code(award.code),
        "entries": [
            {
                **_write_entry(entry),
                Part.DOCUMENT.value: _write_opening(document),
                Part.FACTS.value: _write_opening(facts),
            }
            for entry, document, facts in zip(award.entries, award.documents, award.facts, strict=True)
        ],
        "slots": [
            {
                "chunk": to_text(slot.chunk),
                "path": _write_path(slot.path),
                "list": slot.list_index,
                "list_path": _write_path(slot.list_path),
            }
            for slot in award.slots
        ],
    }


def _read_opened(value: Json) -> tuple[ProvedEntry, Mapping[Part, Opening | None]]:
    data = _object(value, "an entry of an award", _ENTRY | {part.value for part in SHOWN})
    openings = {part: data[part.value] for part in SHOWN}
    return _entry(data), {part: None if each is None else _read_opening(each) for part, each in openings.items()}


def _read_opening(value: Json) -> Opening:
    data = _object(value, "an opened part", _OPENING)
    return Opening(salt=from_text(data["salt"], SALT), content=_bytes(data["content"]))


def _write_opening(opening: Opening | None) -> Json:
    if opening is None:
        return None
    return {"salt": to_text(opening.salt), "content": opening.content.decode("utf-8")}


def _read_slot(value: Json) -> ProvedSlot:
    data = _object(value, "a slot", _SLOT)
    return ProvedSlot(
        chunk=from_text(data["chunk"], CHUNK),
        path=_read_path(data, "path"),
        list_index=read.whole(data, "list", 0),
        list_path=_read_path(data, "list_path"),
    )


def _read_code(text: str) -> LinkCode:
    code = parse_link_code(text)
    if format_link_code(code) != text:
        raise BadValue("code is not in the one spelling of a link code")
    return code


def _read_path(data: Data, name: str) -> tuple[Hash, ...]:
    path = _list(data, name, lambda each: Hash(from_text(each, HASH_BYTES)))
    if len(path) > _LONGEST_PATH:
        raise MalformedProofFile(f"a {name} has at most {_LONGEST_PATH} hashes, and one here has {len(path)}")
    return tuple(path)


def _write_path(path: Sequence[Hash]) -> list[Json]:
    return [to_text(each) for each in path]


def _object(value: Json, what: str, names: frozenset[str]) -> Data:
    if type(value) is not dict or value.keys() != names:
        raise MalformedProofFile(f"{what} has exactly the fields {', '.join(sorted(names))}, and here it has not")
    return value


def _list(data: Data, name: str, read_one: Callable[[Json], T]) -> list[T]:
    value = data[name]
    if type(value) is not list:
        raise MalformedProofFile(f"{name} is not a list")
    return [read_one(each) for each in value]


def _bytes(value: Json) -> bytes:
    if type(value) is not str:
        raise MalformedEncoding("what should be text is none")
    return value.encode("utf-8")
