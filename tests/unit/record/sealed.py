"""Entries for the tests of this folder; forged ones are spelled with the standard library and signed with PyNaCl."""

import hashlib
import json
from base64 import urlsafe_b64encode
from copy import deepcopy
from datetime import UTC, datetime

from nacl.signing import SigningKey

from ledger.canonical import Json
from ledger.domain import events as ev
from ledger.domain.codes import stream_id
from ledger.domain.types import Did, Digest, ListId, Origin, Position, Seq, Slot, Slug
from ledger.domain.values import Custody, Part, Role
from ledger.record.sealing import seal
from ledger.signing.signer import Ed25519Signer
from tests.strategies import OPERATOR, ORIGIN, SIGNERS

SIGNER = SIGNERS[0]
OTHER = SIGNERS[1]
KEY = SigningKey(bytes([1]) * 32)
STREAM = stream_id(1_795_269_780_000, bytes(range(10)))
AT = datetime(2026, 11, 21, 14, 3, 0, 250_000, tzinfo=UTC)
ISSUER = Did(OPERATOR + ":issuers:north-college")
PREV = Digest(hashlib.sha256(b"before").digest())
DIGEST = Digest(hashlib.sha256(b"wording").digest())
_DAY = AT.date()

EXAMPLES: tuple[ev.Event, ...] = (
    ev.LogStarted(origin=Origin(ORIGIN), event_key=SIGNER.kid, checkpoint_key=OTHER.kid),
    ev.LogKeyAdded(key=OTHER.kid, proof=bytes(range(64))),
    ev.LogKeyRetired(key=OTHER.kid),
    ev.StatusCommitted(size=8, lists=1, status=DIGEST, authority=PREV),
    ev.IssuerRegistered(root=SIGNER.kid, custody=Custody.OPERATOR, profile=DIGEST),
    ev.IssuerKeyAdded(key=OTHER.kid, role=Role.SIGNING, proof=bytes(range(64)), recovery=False),
    ev.IssuerKeyRetired(key=OTHER.kid, recovery=False),
    ev.IssuerKeyCompromised(key=OTHER.kid, from_position=Position(7), recovery=True),
    ev.IssuerRecognised(issuer=ISSUER, scheme=Slug("national"), since=_DAY, until=None),
    ev.IssuerRecognitionEnded(issuer=ISSUER, scheme=Slug("national"), until=_DAY),
    ev.IssuerProfileChanged(digest=DIGEST, version=2),
    ev.AchievementDefined(digest=DIGEST, version=1),
    ev.AchievementRevised(digest=DIGEST, version=2),
    ev.AchievementRetired(digest=DIGEST, version=3),
    ev.PathwayDefined(digest=DIGEST, version=1),
    ev.PathwayRevised(digest=DIGEST, version=2),
    ev.PathwayRetired(digest=DIGEST, version=3),
    ev.CredentialIssued(link=DIGEST, list=ListId(bytes(range(16))), slot=Slot(131_071)),
    ev.CredentialStacked(link=DIGEST, list=ListId(bytes(range(16))), slot=Slot(7)),
    ev.CredentialAmended(list=ListId(bytes(range(16))), slot=Slot(0)),
    ev.CredentialSuspended(),
    ev.CredentialReinstated(),
    ev.CredentialRevoked(),
)


def example(kind: type[ev.Event]) -> ev.Event:
    """The example of a type."""
    return next(event for event in EXAMPLES if type(event) is kind)


def recorded(event: ev.Event, signer: Ed25519Signer = SIGNER) -> ev.Recorded:
    """`event` as recorded by the issuer at one fixed place, with the parts of its type."""
    commit: dict[Part, Digest] = dict.fromkeys(ev.PARTS.get(type(event), ()), DIGEST)
    return ev.Recorded(
        event=event,
        stream=STREAM,
        seq=Seq(3),
        position=Position(9),
        at=AT,
        by=ISSUER,
        kid=signer.kid,
        commit=commit,
    )


def sealed(event: ev.Event) -> bytes:
    """The entry of `recorded(event)`."""
    return seal(recorded(event), prev=PREV, signer=SIGNER).entry


def body(entry: bytes) -> dict[str, Json]:
    """The fields of an entry's first line, for the test to change."""
    fields: dict[str, Json] = json.loads(entry.split(b"\n")[0])
    return deepcopy(fields)


def spell(fields: object) -> bytes:
    """Sorted keys, no blanks, nothing escaped that need not be."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sign(line: bytes) -> bytes:
    """The entry whose first line is `line`, with a good signature: only its shape can be refused."""
    signature = KEY.sign(b"testamur/event/v1\n" + line).signature
    return line + b"\n" + urlsafe_b64encode(signature).rstrip(b"=") + b"\n"


def forged(event: ev.Event, **changes: object) -> bytes:
    """The entry of `event` with other values in some fields, spelled and signed anew."""
    return sign(spell(body(sealed(event)) | changes))


def forged_data(event: ev.Event, **changes: object) -> bytes:
    """As `forged`, for the fields of `data`."""
    fields = body(sealed(event))
    data = fields["data"]
    assert isinstance(data, dict)
    return sign(spell(fields | {"data": data | changes}))
