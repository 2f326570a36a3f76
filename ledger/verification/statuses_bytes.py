"""The bytes in which `Statuses` are kept between two runs: a cache of our own, under a digest against damage.

It is never evidence: whoever loads it compares the statement that follows from it with the one in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import TypeAlias, cast
from uuid import UUID

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.issuer import Compromise, Issuer, KeyRecord, Recognition
from ledger.domain.types import Did, Kid, ListId, Position, Seq, Slug, StreamId
from ledger.domain.values import Custody, Role
from ledger.errors import LedgerError
from ledger.record.encoding import from_text, to_text
from ledger.verification.status_lists import CHUNK, LIST_ID

_MAGIC = b"testamur/statuses/v1\n"
_DIGEST = 32  # bytes
_Key: TypeAlias = tuple[str, str, int, str | None, int | None, list[tuple[int, int]]]
_Recognised: TypeAlias = tuple[str, str, str, str, str | None, int, int | None]
_Issuer: TypeAlias = tuple[str, str, str, list[_Key], list[_Recognised]]


class MalformedStatuses(LedgerError):
    """The bytes are no statuses of this log: fold them anew from the entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is kept."""

    log: tuple[str, str]  # origin and stream
    size: int
    lists: tuple[tuple[ListId, dict[int, bytes]], ...]  # chunks in which a bit is set, by their number
    issuers: Mapping[Did, Issuer]  # without their profiles, which no line names


def write_statuses(stored: Stored) -> bytes:
    """The bytes: a digest, then a line of JSON, then the chunks one after the other."""
    header: dict[str, Json] = {
        "log": list(stored.log),
        "size": stored.size,
        "lists": [[to_text(name), list(chunks)] for name, chunks in stored.lists],
        "issuers": [_write_issuer(issuer) for issuer in stored.issuers.values()],
    }
    chunks = b"".join(chunk for _, held in stored.lists for chunk in held.values())
    content = _MAGIC + canonical.encode_unchecked(header) + b"\n" + chunks
    return sha256(content).digest() + content


def read_statuses(raw: bytes) -> Stored:
    """What `write_statuses` was given.

    Raises:
        MalformedStatuses: the bytes are damaged, or of another version.
    """
    content = raw[_DIGEST:]
    if sha256(content).digest() != raw[:_DIGEST] or not content.startswith(_MAGIC):
        raise MalformedStatuses("the statuses kept here are damaged, or of another version")
    line, _, chunks = content.removeprefix(_MAGIC).partition(b"\n")
    # Under the digest stands what `write_statuses` wrote, so that its shape need not be looked at.
    header = cast("dict[str, object]", canonical.decode(line))
    lists, at = [], 0
    for text, numbers in cast("list[tuple[str, list[int]]]", header["lists"]):
        held = {}
        for number in numbers:
            held[number] = chunks[at : at + CHUNK]
            at += CHUNK
        lists.append((ListId(from_text(text, LIST_ID)), held))
    issuers = [_read_issuer(*each) for each in cast("list[_Issuer]", header["issuers"])]
    origin, stream = cast("list[str]", header["log"])
    return Stored(
        log=(origin, stream),
        size=cast("int", header["size"]),
        lists=tuple(lists),
        issuers={issuer.did: issuer for issuer in issuers},
    )


def _write_issuer(issuer: Issuer) -> list[Json]:
    keys: list[Json] = []
    for key in issuer.keys.values():
        reports: list[Json] = [[report.from_position, report.known_at] for report in key.compromises]
        keys.append([key.kid, key.role.value, key.added, key.added_by, key.retired, reports])
    recognitions: list[Json] = [
        [
            each.by,
            each.kid,
            each.scheme,
            each.since.isoformat(),
            None if each.until is None else each.until.isoformat(),
            each.position,
            each.ended,
        ]
        for each in issuer.recognitions
    ]
    return [issuer.did, str(issuer.stream), issuer.custody.value, keys, recognitions]


def _read_issuer(did: str, stream: str, custody: str, keys: list[_Key], recognitions: list[_Recognised]) -> Issuer:
    return Issuer(
        did=Did(did),
        stream=StreamId(UUID(stream)),
        head=Seq(0),  # asked by nobody here
        custody=Custody(custody),
        profiles=(),
        keys={Kid(key[0]): _read_key(*key) for key in keys},
        recognitions=tuple(_read_recognition(*each) for each in recognitions),
    )


def _read_key(
    kid: str, role: str, added: int, added_by: str | None, retired: int | None, reports: list[tuple[int, int]]
) -> KeyRecord:
    return KeyRecord(
        kid=Kid(kid),
        role=Role(role),
        added=Position(added),
        added_by=None if added_by is None else Kid(added_by),
        retired=None if retired is None else Position(retired),
        compromises=tuple(
            Compromise(from_position=Position(start), known_at=Position(known)) for start, known in reports
        ),
    )


def _read_recognition(
    by: str, kid: str, scheme: str, since: str, until: str | None, position: int, ended: int | None
) -> Recognition:
    return Recognition(
        by=Did(by),
        kid=Kid(kid),
        scheme=Slug(scheme),
        since=date.fromisoformat(since),
        until=None if until is None else date.fromisoformat(until),
        position=Position(position),
        ended=None if ended is None else Position(ended),
    )
