"""Seals an event into an entry, and checks the two facts that sealing makes: the signature and the chain."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.canonical import Json, encode_unchecked
from ledger.domain.events import IssuerKeyAdded, LogKeyAdded, Recorded
from ledger.domain.types import Digest, Kid, Origin, StreamId
from ledger.domain.values import Part, format_time
from ledger.errors import LedgerError
from ledger.record.encoding import to_text
from ledger.record.entry import MAX_ENTRY, VERSION, Entry
from ledger.record.schema import SCHEMA_OF
from ledger.signing import ed25519, multikey
from ledger.signing.signer import Signer, possession_message

CHECKPOINT_ROLE = "checkpoint"  # in the possession message of a key that `log.key_added` brings
_SIGNED = b"testamur/event/v1\n"
_CHAIN = b"testamur/chain/v1\n"
_GENESIS = b"testamur/genesis/v1\n"


class SealError(LedgerError):
    """The event cannot be sealed as asked; nothing was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An event and the entry that states it."""

    recorded: Recorded
    type: str
    entry: bytes


def genesis(origin: Origin, stream: StreamId | str) -> Digest:
    """`prev` of a stream's first entry, which ties the stream to one log."""
    return Digest(hashlib.sha256(_GENESIS + f"{origin}\n{stream}".encode("ascii")).digest())


def chain(previous: bytes) -> Digest:
    """`prev` of the entry that follows `previous`, its signature included."""
    return Digest(hashlib.sha256(_CHAIN + previous).digest())


def seal(recorded: Recorded, *, prev: Digest, signer: Signer) -> Sealed:
    """The entry that states `recorded`, signed. The position is not part of it.

    Raises:
        SealError: the signer is not the key named, a part is missing or one too many, or the entry is too long.
    """
    schema = SCHEMA_OF[type(recorded.event)]
    if recorded.kid != signer.kid:
        raise SealError(f"the entry names the key {recorded.kid}, but {signer.kid} would sign it")
    if recorded.commit.keys() != schema.named:
        raise SealError(f"{schema.wire} commits to {', '.join(schema.parts) or 'nothing'}")
    body: dict[str, Json] = {
        "v": VERSION,
        "type": schema.wire,
        "stream": str(recorded.stream),
        "seq": recorded.seq,
        "prev": to_text(prev),
        "at": format_time(recorded.at),
        "by": recorded.by,
        "kid": recorded.kid,
        "data": schema.write(recorded.event),
        "commit": _commitments(recorded.commit),
    }
    spelled = encode_unchecked(body)
    entry = spelled + b"\n" + to_text(signer.sign(_SIGNED + spelled)).encode("ascii") + b"\n"
    if len(entry) > MAX_ENTRY:
        raise SealError(f"the entry would have {len(entry)} bytes; at most {MAX_ENTRY} are allowed")
    return Sealed(recorded=recorded, type=schema.wire, entry=entry)


def _commitments(commit: Mapping[Part, Digest]) -> dict[str, Json]:
    return {part.value: to_text(digest) for part, digest in commit.items()}


def signature_is_good(entry: Entry) -> bool:
    """Whether the key that the entry names signed these bytes (Ed25519, RFC 8032, strict)."""
    return is_signed(entry.kid, entry.body, entry.signature)


def is_signed(kid: Kid, body: bytes, signature: bytes) -> bool:
    """Whether a key signed the body of an entry.

    Raises:
        MalformedKey: `kid` is no key that may be trusted. The key of an `Entry` is one.
    """
    return ed25519.verify(multikey.decode(kid), _SIGNED + body, signature)


def possession_is_proved(origin: Origin, recorded: Recorded) -> bool:
    """Whether the key that an `issuer.key_added` or `log.key_added` brings signed to be admitted here.

    It signs for its own admission to this stream of this log, in its role.
    """
    event = recorded.event
    if not isinstance(event, IssuerKeyAdded | LogKeyAdded):
        return True
    role = event.role if isinstance(event, IssuerKeyAdded) else CHECKPOINT_ROLE
    message = possession_message(origin, str(recorded.stream), event.key, role)
    return ed25519.verify(multikey.decode(event.key), message, event.proof)
