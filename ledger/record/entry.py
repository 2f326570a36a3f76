"""One entry: the two lines that state one event, read strictly from the bytes received.

    <body>\\n<base64url(signature)>\\n

The body is canonical JSON with the fields of docs/spec/entry.md. Reading checks shape and spelling; whether the
signature is good, the chain whole and the signer allowed is asked elsewhere (`sealing`, `ledger.domain.authority`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from ledger.canonical import Json, encode_unchecked
from ledger.domain.events import Event, Recorded
from ledger.domain.types import Did, Digest, Kid, Position, Seq, StreamId
from ledger.domain.values import Part, parse_time
from ledger.errors import LedgerError
from ledger.record import fields as read
from ledger.record.encoding import from_text
from ledger.record.schema import SCHEMAS, Schema, read_data

VERSION = 1
MAX_ENTRY = 4096  # bytes
_SIGNATURE = 64  # bytes
_FIELDS = frozenset(("v", "type", "stream", "seq", "prev", "at", "by", "kid", "data", "commit"))
# RFC 9562: version 8 in the 13th digit, variant 10 in the 17th; lower case, so that one stream has one spelling.
_is_stream = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch


class MalformedEntry(LedgerError):
    """The bytes are not an entry, or not in its one spelling."""


# Not frozen: that takes 2 us of the 12 that reading an entry takes, for every entry of every audit. Nobody changes one.
@dataclass(slots=True, kw_only=True)
class Entry:
    """A sealed event as read from its bytes."""

    raw: bytes  # both lines, at most 4 KiB
    body: bytes
    signature: bytes  # 64 bytes
    type: str
    stream: StreamId
    seq: Seq
    prev: Digest
    at: datetime
    by: Did
    kid: Kid
    event: Event
    commit: Mapping[Part, Digest]

    def recorded(self, position: Position) -> Recorded:
        """The event with what its entry and its place say about it."""
        return Recorded(
            event=self.event,
            stream=self.stream,
            seq=self.seq,
            position=position,
            at=self.at,
            by=self.by,
            kid=self.kid,
            commit=self.commit,
        )


def parse_entry(raw: bytes) -> Entry:
    """The entry that `raw` is, byte for byte.

    Raises:
        MalformedEntry: too long, not two lines, not canonical JSON, an unknown type or field, a value out of bounds.
    """
    if len(raw) > MAX_ENTRY:
        raise MalformedEntry(f"the entry has {len(raw)} bytes; at most {MAX_ENTRY} are allowed")
    lines = raw.split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise MalformedEntry("the entry is not two lines, each ended by a line feed")
    try:
        signature = from_text(lines[1].decode("ascii"), _SIGNATURE)
        fields: Json = orjson.loads(lines[0])
        return _entry(raw, lines[0], signature, fields)
    except MalformedEntry:
        raise
    except (LedgerError, ValueError) as error:
        raise MalformedEntry(str(error)) from error


def _entry(raw: bytes, body: bytes, signature: bytes, fields: Json) -> Entry:
    if type(fields) is not dict or fields.keys() != _FIELDS:
        raise MalformedEntry("the body does not have exactly the fields of an entry")
    # Floats, the one thing beyond the canonical domain that would come out the same, meet the type checks below.
    if encode_unchecked(fields) != body:
        raise MalformedEntry("the body is not in its canonical spelling")
    if type(fields["v"]) is not int or fields["v"] != VERSION:
        raise MalformedEntry(f"the entry is not of version {VERSION}")
    wire = read.text(fields, "type")
    schema = SCHEMAS.get(wire)
    if schema is None:
        raise MalformedEntry(f"“{wire[:60]}” is not a type this version knows")
    stream = read.text(fields, "stream")
    if not _is_stream(stream):
        raise MalformedEntry("the stream is not a lower-case UUID version 8")
    data = fields["data"]
    if type(data) is not dict:
        raise MalformedEntry("data is not an object")
    return Entry(
        raw=raw,
        body=body,
        signature=signature,
        type=wire,
        stream=StreamId(UUID(stream)),
        seq=Seq(read.whole(fields, "seq", 0)),
        prev=read.digest(fields, "prev"),
        at=parse_time(read.text(fields, "at")),
        by=read.did(fields, "by"),
        kid=read.kid(fields, "kid"),
        event=read_data(schema, data),
        commit=_commit(fields["commit"], schema),
    )


def _commit(commit: Json, schema: Schema) -> Mapping[Part, Digest]:
    if type(commit) is not dict or commit.keys() != schema.named:
        parts = ", ".join(schema.parts) or "nothing"
        raise MalformedEntry(f"{schema.wire} commits to {parts}")
    return {part: Digest(from_text(commit[part], 32)) for part in schema.parts}
