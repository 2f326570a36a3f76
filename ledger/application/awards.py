"""Reads awards back: finds one, opens its private parts, tells its history, rebuilds a receipt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from uuid import UUID

from ledger.application.desk import Desk
from ledger.application.draft import Codes, Draft
from ledger.application.issuers import ISSUERS
from ledger.application.ports import Appended, Boxes, Caller, Snapshot
from ledger.domain import issuer as issuers
from ledger.domain.award import Act, ActInternal, Award, AwardInternal
from ledger.domain.codes import MalformedCode, is_short, parse_link_code, parse_short_code, stream_of
from ledger.domain.credential import Credential, CredentialNotIssued, fold
from ledger.domain.events import CredentialAwarded, Recorded
from ledger.domain.types import Did, LinkCode, Position, Seq, StreamId
from ledger.domain.values import Part, slug_of
from ledger.errors import LedgerError
from ledger.record.commitment import Opening, opens
from ledger.record.private_parts import MalformedPart, read_facts, read_internal
from ledger.record.schema import SCHEMA_OF
from ledger.verification.evidence import PartEvidence
from ledger.verification.former_names import NamedVersion

_CREDENTIAL_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class PartsUnreadable(LedgerError):
    """A private part of the award is missing, damaged, or not what the log committed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAct:
    """One recorded act on an award, with what its private parts say."""

    recorded: Recorded
    type: str
    disowned: bool
    award: Award | None
    act: Act | None
    internal: AwardInternal | ActInternal


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRecord:
    """An award with everything its issuer may see."""

    credential: Credential
    issuer: issuers.Issuer
    acts: tuple[RecordedAct, ...]

    @property
    def issued(self) -> AwardInternal:
        """What only the issuer sees of the first version."""
        return self.version(Seq(0))[1]

    def version(self, seq: Seq) -> tuple[Award, AwardInternal]:
        """The facts of the version that the entry `seq` brought."""
        act = self.acts[seq]
        if act.award is None or not isinstance(act.internal, AwardInternal):
            raise PartsUnreadable(f"the entry {seq} of this award has the private parts of another kind of act")
        return act.award, act.internal

    def names(self) -> tuple[NamedVersion, ...]:
        """The name in each of its versions."""
        return tuple(
            NamedVersion(position=act.recorded.position, kid=act.recorded.kid, name=act.award.name)
            for act in self.acts
            if act.award is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a change of an award is answered with."""

    credential_id: StreamId
    revision: Seq
    version: int
    code: LinkCode
    short_code: str
    position: Position
    replayed: bool  # the award was changed so by an earlier command with the same idempotency key


def open_parts(
    snapshot: Snapshot, boxes: Boxes, stream: StreamId, placed: Mapping[Position, Seq]
) -> dict[Position, dict[Part, PartEvidence]]:
    """The private parts beside these entries, opened where their learner's key is there; not yet believed."""
    found: dict[Position, dict[Part, PartEvidence]] = {}
    for position, stored in snapshot.parts(tuple(placed)).items():
        seq = placed[position]
        found[position] = {
            each.part: PartEvidence(
                opening=boxes.open(each.key_id, each.box, stream=stream, seq=seq, part=each.part), present=True
            )
            for each in stored
        }
    return found


def leads_here(parts: Mapping[Part, PartEvidence], short_code: str) -> bool:
    """Whether an award names this short code; True where its parts cannot be read, which is found later."""
    evidence = parts.get(Part.INTERNAL)
    if evidence is None or evidence.opening is None:
        return True
    try:
        internal = read_internal(evidence.opening.content)
    except MalformedPart:
        return True
    return isinstance(internal, AwardInternal) and compare_digest(internal.short_code.encode(), short_code.encode())


class Awards:
    """Questions about awards, for their issuer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def find(self, reference: str) -> StreamId:
        """The stream that a code, a short code or a credential id leads to.

        Raises:
            CredentialNotIssued: no award has it.
        """
        stream = self.look_up(reference)
        if stream is None:
            raise CredentialNotIssued(f"no award has the code or id “{reference[:80]}”")
        return stream

    def look_up(self, reference: str) -> StreamId | None:
        """As `find`; None where no award has it."""
        with self._desk.store.snapshot() as snapshot:
            stream = self._resolve(snapshot, reference)
            return stream if stream is not None and snapshot.stream(stream) else None

    def _resolve(self, snapshot: Snapshot, reference: str) -> StreamId | None:
        if _CREDENTIAL_ID.fullmatch(reference):
            return StreamId(UUID(reference))
        try:
            if is_short(reference):
                return self._by_short_code(snapshot, parse_short_code(reference))
            return stream_of(parse_link_code(reference))
        except MalformedCode:
            return None

    def _by_short_code(self, snapshot: Snapshot, short_code: str) -> StreamId | None:
        stream = snapshot.short_code(self._desk.macs.short_code(short_code))
        placed = () if stream is None else snapshot.stream(stream)
        if stream is None or not placed:
            return None
        first = placed[0].position
        parts = open_parts(snapshot, self._desk.boxes, stream, {first: Seq(0)})
        return stream if leads_here(parts[first], short_code) else None

    def load(self, caller: Caller, reference: str) -> AwardRecord:
        """An award and its history, with the private parts checked against the log.

        Raises:
            CredentialNotIssued: there is none, or it is another issuer's.
            PartsUnreadable.
        """
        return self.read(caller, self.find(reference))

    def read(self, caller: Caller, stream: StreamId, draft: Draft | None = None) -> AwardRecord:
        """As `load`, by the credential's id.

        Args:
            draft: the decision that is made on what is read here, and then depends on it.
        """
        desk = self._desk
        draft = draft or desk.draft()
        history = draft.history(stream)
        if not history or not isinstance(history[0].event, CredentialAwarded):
            raise CredentialNotIssued("there is no such award")
        issuer = self._issuer(draft, history[0].by)
        if caller.issuer is not None and caller.issuer != issuer.stream:
            raise CredentialNotIssued("there is no such award")
        with desk.store.snapshot() as snapshot:
            parts = open_parts(snapshot, desk.boxes, stream, {each.position: each.seq for each in history})
        credential = fold(history, issuer.disowns)
        if credential is None:
            raise CredentialNotIssued("there is no such award")
        acts = tuple(_act(each, parts.get(each.position, {}), issuer) for each in history)
        return AwardRecord(credential=credential, issuer=issuer, acts=acts)

    def _issuer(self, draft: Draft, did: Did) -> issuers.Issuer:
        with self._desk.store.snapshot() as snapshot:
            stream = snapshot.name(ISSUERS, slug_of(did) or "")
        if stream is None:
            raise issuers.IssuerNotRegistered(f"{did} is not registered here")
        return draft.issuer(stream)

    def issuer_of(self, stream: StreamId) -> StreamId | None:
        """Whose award a stream is; None where it is no award."""
        folded = self._desk.store.load(stream)
        if folded is None or not isinstance(folded.recorded[0].event, CredentialAwarded):
            return None
        with self._desk.store.snapshot() as snapshot:
            return snapshot.name(ISSUERS, slug_of(folded.recorded[0].by) or "")

    def receipt(self, caller: Caller, appended: Appended) -> Receipt:
        """What the command that recorded this is answered with, rebuilt from `internal`.

        Raises:
            CredentialNotIssued: the award is another issuer's.
            PartsUnreadable.
        """
        record = self.read(caller, appended.stream)
        issued = record.issued
        version = sum(1 for each in record.credential.versions if each.seq <= appended.revision)
        return Receipt(
            credential_id=appended.stream,
            revision=appended.revision,
            version=version,
            code=issued.code,
            short_code=issued.short_code,
            position=appended.position,
            replayed=appended.replayed,
        )


def fresh_receipt(appended: Appended, codes: Codes) -> Receipt:
    """The receipt of an award that was made a moment ago, by whoever drew its codes: nothing is read back."""
    return Receipt(
        credential_id=appended.stream,
        revision=appended.revision,
        version=1,
        code=codes.code,
        short_code=codes.short_code,
        position=appended.position,
        replayed=appended.replayed,
    )


def _act(recorded: Recorded, parts: Mapping[Part, PartEvidence], issuer: issuers.Issuer) -> RecordedAct:
    facts = read_facts(_opened(recorded, parts, Part.FACTS).content)
    internal = read_internal(_opened(recorded, parts, Part.INTERNAL).content)
    return RecordedAct(
        recorded=recorded,
        type=SCHEMA_OF[type(recorded.event)].wire,
        disowned=issuer.disowns(recorded.kid, recorded.position),
        award=facts.award,
        act=facts.act,
        internal=internal,
    )


def _opened(recorded: Recorded, parts: Mapping[Part, PartEvidence], part: Part) -> Opening:
    evidence = parts.get(part)
    if evidence is None or evidence.opening is None:
        raise PartsUnreadable(f"the part {part} of the entry at position {recorded.position} cannot be read")
    if not opens(part, evidence.opening, recorded.commit[part]):
        raise PartsUnreadable(f"the part {part} at position {recorded.position} is not what the log committed to")
    return evidence.opening
