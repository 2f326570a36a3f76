"""The facts that the ledger records. Each class is one wire type; none has behaviour.

An event is public for ever, so it holds ids, digests, numbers, dates and closed lists, and no text. What a person
may read stands in the private parts that its entry commits to (`ledger.domain.award`). How an event is spelled in
bytes is decided in `ledger.record.schema`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ledger.domain.types import Did, Digest, Kid, ListId, Origin, Position, Seq, Slot, Slug, StreamId
from ledger.domain.values import Custody, Part, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStarted:
    """The log begins, at position 1. Wire type `log.started/1`; signed by the event key that it names."""

    origin: Origin
    event_key: Kid  # the operator's key for the log's own stream and for recoveries
    checkpoint_key: Kid  # signs checkpoints and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyAdded:
    """A key signs checkpoints, this entry's own included. Wire type `log.key_added/1`."""

    key: Kid  # a checkpoint key, used for nothing else
    proof: bytes  # 64 bytes: the new key's signature over its possession message


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyRetired:
    """A key signs no checkpoint from this entry's own on; those before it stand. Wire type `log.key_retired/1`."""

    key: Kid


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCommitted:
    """How every award and every authority stood after the entries before this one. Wire type `status.committed/1`.

    The last entry of every published tree is one; docs/spec/status.md says what the roots are.
    """

    size: int  # number of entries before this one, which is its own leaf index
    lists: int  # number of status lists, the leaves under `status`
    status: Digest  # root over the status lists, in the order of their first use
    authority: Digest  # root over the lines of keys and recognitions


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRegistered:
    """The operator admitted an issuer. Wire type `issuer.registered/1`; signed by the root key that it brings."""

    root: Kid
    custody: Custody
    profile: Digest  # SHA-256 of the canonical JSON of the profile


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeyAdded:
    """A key may sign for the issuer from the next position on. Wire type `issuer.key_added/1`."""

    key: Kid
    role: Role
    proof: bytes  # 64 bytes: the new key's signature over its possession message
    recovery: bool  # stated by the operator in the issuer's stead


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeyRetired:
    """A key signs nothing after this position; what it signed stands. Wire type `issuer.key_retired/1`."""

    key: Kid
    recovery: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeyCompromised:
    """A key is in other hands: what it signed from a position on is disowned. Wire type `issuer.key_compromised/1`."""

    key: Kid
    from_position: Position
    recovery: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRecognised:
    """A recognising body recognises the issuer of this stream. Wire type `issuer.recognised/1`."""

    issuer: Did
    scheme: Slug
    since: date
    until: date | None  # the last day, if the period was fixed from the beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRecognitionEnded:
    """A recognising body no longer recognises the issuer of this stream. Wire type `issuer.recognition_ended/1`."""

    issuer: Did
    scheme: Slug
    until: date  # the last day on which it was recognised


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerProfileChanged:
    """The issuer describes itself anew. Wire type `issuer.profile_changed/1`."""

    digest: Digest
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementDefined:
    """Something that can be earned was defined; version 1. Wire type `achievement.defined/1`."""

    digest: Digest  # SHA-256 of the canonical JSON of the definition
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementRevised:
    """A new version of a definition; what was awarded stays on its own. Wire type `achievement.revised/1`."""

    digest: Digest
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementRetired:
    """Nothing is awarded on this achievement any more. Wire type `achievement.retired/1`; names its last version."""

    digest: Digest
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayDefined:
    """Something that is earned by holding other awards was defined; version 1. Wire type `pathway.defined/1`."""

    digest: Digest  # SHA-256 of the canonical JSON of the definition, its stacking rule included
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayRevised:
    """A new version of a pathway; what was awarded stays on its own. Wire type `pathway.revised/1`."""

    digest: Digest
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayRetired:
    """Nothing is awarded on this pathway any more. Wire type `pathway.retired/1`; names its last version."""

    digest: Digest
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued:
    """An issuer awarded an achievement to a learner. Wire type `credential.issued/1`."""

    link: Digest  # of the link code
    list: ListId
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialStacked:
    """An issuer awarded a pathway to a learner who holds its parts. Wire type `credential.stacked/1`.

    Its parts are pinned in the private `facts`, so that the log does not link the streams of one person.
    """

    link: Digest  # of the link code
    list: ListId
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialAmended:
    """A new version of the award; the old version's slot is set. Wire type `credential.amended/1`."""

    list: ListId
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSuspended:
    """Do not rely on the award for now. Wire type `credential.suspended/1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReinstated:
    """A suspension, or a disowned revocation, no longer holds. Wire type `credential.reinstated/1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked:
    """The award is withdrawn for good. Wire type `credential.revoked/1`."""


LogEvent = LogStarted | LogKeyAdded | LogKeyRetired | StatusCommitted
IssuerEvent = (
    IssuerRegistered
    | IssuerKeyAdded
    | IssuerKeyRetired
    | IssuerKeyCompromised
    | IssuerRecognised
    | IssuerRecognitionEnded
    | IssuerProfileChanged
)
AchievementEvent = AchievementDefined | AchievementRevised | AchievementRetired
PathwayEvent = PathwayDefined | PathwayRevised | PathwayRetired
OfferEvent = AchievementEvent | PathwayEvent  # about what can be earned
CredentialAwarded = CredentialIssued | CredentialStacked  # what the stream of an award begins with
CredentialEvent = CredentialAwarded | CredentialAmended | CredentialSuspended | CredentialReinstated | CredentialRevoked
Event = LogEvent | IssuerEvent | OfferEvent | CredentialEvent

PARTS: Mapping[type[object], tuple[Part, ...]] = {
    CredentialIssued: (Part.DOCUMENT, Part.FACTS, Part.INTERNAL),
    CredentialStacked: (Part.DOCUMENT, Part.FACTS, Part.INTERNAL),
    CredentialAmended: (Part.DOCUMENT, Part.FACTS, Part.INTERNAL),
    CredentialSuspended: (Part.FACTS, Part.INTERNAL),
    CredentialReinstated: (Part.FACTS, Part.INTERNAL),
    CredentialRevoked: (Part.FACTS, Part.INTERNAL),
}  # every other type commits to nothing


# What lowers the standing of an award, or of those who sign: it acts at once, and waits behind nothing.
LOWERING = (
    IssuerKeyRetired,
    IssuerKeyCompromised,
    IssuerRecognitionEnded,
    CredentialSuspended,
    CredentialRevoked,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with what its entry and its place in the log say about it."""

    event: Event
    stream: StreamId
    seq: Seq
    position: Position
    at: datetime  # UTC, milliseconds: the writer's statement; order is decided by position alone
    by: Did
    kid: Kid
    commit: Mapping[Part, Digest]
