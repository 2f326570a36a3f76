"""What a verification is given: bytes from one snapshot of the store, fetched by somebody else, believed by nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ledger.domain.types import Did, Digest, LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.tlog.merkle import Hash
from ledger.tlog.policy import NO_POLICY, WitnessPolicy
from ledger.verification.readings import Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An entry's bytes and its position."""

    position: Position
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the log in this snapshot."""

    size: int  # number of entries; the last position
    at: datetime  # recorded time of the last entry


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEvidence:
    """A private part as the store gave it: opened, missing, or there but impossible to open."""

    opening: Opening | None
    present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityEvidence:
    """The streams that say which keys and which recognitions are good."""

    log: tuple[Placed, ...]  # the log's own entries from log.started on; its statements may be missing
    issuers: Mapping[Did, tuple[Placed, ...]]  # the award's issuer, every body that ever recognised it
    definitions: Mapping[Digest, bytes]  # profiles of those issuers


class AskedBy(StrEnum):
    """What led to an award that was not scanned."""

    SHORT_CODE = "short_code"
    ID = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialEvidence:
    """One award's stream and what opens it."""

    code: LinkCode | None  # as scanned; None where the award was found by its short code or its id
    stream: tuple[Placed, ...]  # in the order of seq; empty where there is no such stream
    parts: Mapping[Position, Mapping[Part, PartEvidence]]
    definitions: Mapping[Digest, bytes]  # every achievement version the award ever named
    head: Head
    checkpoint: bytes | None  # the published checkpoint, with its cosignatures
    paths: Mapping[Position, tuple[Hash, ...]] = field(default_factory=dict)  # of entries below its size, to its root
    asked_by: AskedBy = AskedBy.ID  # where `code` is None; a code speaks for itself
    components: "Mapping[StreamId, CredentialEvidence]" = field(default_factory=dict)  # the parts that its facts pin
    withheld: frozenset[Part] = frozenset()  # parts that whoever asks is not to have: an archive, a proof file
    closed: frozenset[Position] = frozenset()  # versions that whoever asks is not to read: of a name given up since
    undocumented: frozenset[Position] = frozenset()  # of which the document alone is closed: of a name in a part
    readings: Readings = field(default_factory=Readings, compare=False)  # what was read of these bytes already


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Whom the operator of this service believes."""

    registries: tuple[Did, ...]  # recognising bodies that count
    pending_seconds: int = 60  # how long a new entry may wait to come under a checkpoint
    witnesses: WitnessPolicy = NO_POLICY  # who else vouches for checkpoints, and how many of them are enough
