"""Seals batches of awards and of changes to them, as rows for the ledger's tables; runs in the workers of `filling`."""

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from ledger import canonical
from ledger.adapters.macs import DerivedMacs
from ledger.adapters.private_box import NONCE, seal_box
from ledger.application.draft import milliseconds
from ledger.application.ports import LearnerKey
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal
from ledger.domain.codes import link_digest, new_link_code, new_short_code, stream_of
from ledger.domain.definition import AchievementDefinition, Profile
from ledger.domain.types import Did, Digest, ListId, Origin, Position, Seq, Slot, Slug, StreamId
from ledger.domain.values import Mode, Part, Reason
from ledger.record.commitment import SALT, Opening, commitment
from ledger.record.private_parts import Facts, write_facts, write_internal
from ledger.record.sealing import chain, genesis, seal
from ledger.signing.signer import Signer
from ledger.vc.achievement_credential import Source
from ledger.vc.documents import sign_badge

_EVERY = timedelta(milliseconds=20)
_GIVEN = "Ada Amir Beatriz Chidi Dilnoza Erik Fatima Gustav Hana Ines Jiří Kofi Léa Mbali Noor Oluwaseun".split()  # noqa: SIM905
_FAMILY = "Adeyemi Bauer Costa Dvořák Eriksen Fontaine García Haddad Ivanova Jansen Kimura Lindqvist Müller Ng".split()  # noqa: SIM905
_ACTOR = "registrar@college.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One issuer, and what it awards with."""

    stream: StreamId
    did: Did
    slug: Slug
    origin: Origin
    base_url: str
    signer: Signer
    profile: Profile
    achievements: tuple[tuple[AchievementRef, AchievementDefinition], ...]  # what is awarded


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An award that may still be changed, as its last entry left it."""

    stream: StreamId
    seq: Seq
    last: bytes
    award: Award
    internal: AwardInternal
    key: LearnerKey
    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a worker shall seal: an award to each learner, then the changes."""

    office: int
    at: datetime
    learners: Sequence[tuple[LearnerKey, str]]
    changes: Sequence[Standing]
    claims: Sequence[tuple[ListId, Slot]]  # one for each event; not every one needs it
    first: int  # events before this batch
    seed: int


@dataclass(slots=True, kw_only=True)
class Filled:
    """The rows of one batch; where a row names a position it begins with the index of its entry in `entries`."""

    office: int
    at: datetime  # of the last entry
    entries: list[tuple[str, int, str, bytes]] = field(default_factory=list)
    parts: list[tuple[int, str, bytes, bytes]] = field(default_factory=list)
    slots: list[tuple[bytes, int, str, int]] = field(default_factory=list)
    lists: list[tuple[bytes, str, int]] = field(default_factory=list)
    short_codes: list[tuple[bytes, str]] = field(default_factory=list)
    idempotency: list[tuple[int, str, bytes, bytes, str]] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)


_prepared: list[tuple[tuple[Office, ...], DerivedMacs]] = []  # set before the workers are forked from this process


def prepare(offices: tuple[Office, ...], macs: DerivedMacs) -> None:
    """Say with what the workers forked from now on seal."""
    _prepared[:] = [(offices, macs)]


def seal_batch(batch: Batch) -> Filled:
    """The rows of a batch."""
    offices, macs = _prepared[0]
    return _Writer(offices[batch.office], macs, batch).run()


class _Writer:
    """Seals one batch."""

    def __init__(self, office: Office, macs: DerivedMacs, batch: Batch) -> None:
        self._office = office
        self._macs = macs
        self._batch = batch
        self._claims = iter(batch.claims)
        self._draw = random.Random(batch.seed)
        self._used: Counter[ListId] = Counter()
        self._filled = Filled(office=batch.office, at=batch.at)

    def run(self) -> Filled:
        """Awards and changes, mixed."""
        todo: list[tuple[LearnerKey, str] | Standing] = [*self._batch.learners, *self._batch.changes]
        self._draw.shuffle(todo)
        for each in todo:
            self._filled.at += _EVERY
            if isinstance(each, Standing):
                self._change(each)
            else:
                self._award(*each)
        self._filled.lists = [(name, self._office.stream.hex, count) for name, count in self._used.items()]
        return self._filled

    def _award(self, key: LearnerKey, number: str) -> None:
        at = self._filled.at
        name = f"{self._draw.choice(_GIVEN)} {self._draw.choice(_FAMILY)}"
        code = new_link_code(milliseconds(at), os.urandom(16))
        short_code = new_short_code(os.urandom(8))
        while short_code is None:
            short_code = new_short_code(os.urandom(8))
        stream = stream_of(code)
        ref, definition = self._draw.choice(self._office.achievements)
        email = f"{number.lower()}@learners.college.example"
        award = _award(ref, name, at.date() - timedelta(days=self._draw.randrange(1, 30)))
        internal = AwardInternal(
            actor=_ACTOR,
            learner=key.learner,
            student_number=number,
            email=email,
            code=code,
            short_code=short_code,
            notes=None,
        )
        status_list, slot = self._claim(stream, Seq(0))
        event = ev.CredentialIssued(link=link_digest(code), list=status_list, slot=slot)
        parts = {
            Part.DOCUMENT: self._document(event, stream, award),
            Part.FACTS: write_facts(Facts(award=award, act=None)),
            Part.INTERNAL: write_internal(internal),
        }
        self._remember(stream, number, award, definition.slug, email)
        self._filled.short_codes.append((self._macs.short_code(short_code), stream.hex))
        entry = self._seal(event, stream, Seq(0), genesis(self._office.origin, stream), parts, key)
        if self._draw.randrange(10) == 0:  # one in ten may be changed later, half of them are
            standing = Standing(
                stream=stream, seq=Seq(0), last=entry, award=award, internal=internal, key=key, suspended=False
            )
            self._filled.standing.append(standing)

    def _change(self, standing: Standing) -> None:
        """Reinstate what is suspended; amend, suspend or revoke what stands."""
        seq, prev = Seq(standing.seq + 1), chain(standing.last)
        kind = 3 if standing.suspended else self._draw.choice((0, 0, 1, 1, 2))
        reason = (Reason.OTHER, Reason.ASSESSMENT_INTEGRITY, Reason.ISSUED_IN_ERROR, None)[kind]
        mode = Mode.RETROACTIVE if kind == 2 else None
        act = Act(reason=reason, mode=mode, effective=self._filled.at.date(), text="After an inquiry")
        if kind == 0:
            award = replace(standing.award, name=f"{standing.award.name}-{self._draw.choice(_FAMILY)}")
            status_list, slot = self._claim(standing.stream, seq)
            event: ev.CredentialEvent = (amended := ev.CredentialAmended(list=status_list, slot=slot))
            parts = {
                Part.DOCUMENT: self._document(amended, standing.stream, award),
                Part.FACTS: write_facts(Facts(award=award, act=act)),
                Part.INTERNAL: write_internal(standing.internal),
            }
        else:
            award = standing.award
            event = (ev.CredentialSuspended(), ev.CredentialRevoked(), ev.CredentialReinstated())[kind - 1]
            parts = {
                Part.FACTS: write_facts(Facts(award=None, act=act)),
                Part.INTERNAL: write_internal(ActInternal(actor=_ACTOR, notes=None)),
            }
        entry = self._seal(event, standing.stream, seq, prev, parts, standing.key)
        if kind == 1:
            self._filled.standing.append(replace(standing, seq=seq, last=entry, suspended=True))

    def _claim(self, stream: StreamId, seq: Seq) -> tuple[ListId, Slot]:
        status_list, slot = next(self._claims)
        self._used[status_list] += 1
        self._filled.slots.append((status_list, slot, stream.hex, seq))
        return status_list, slot

    def _document(self, event: ev.CredentialIssued | ev.CredentialAmended, stream: StreamId, award: Award) -> bytes:
        """The signed document of the version that `event` makes."""
        office = self._office
        source = Source(
            stream=stream,
            issuer=office.did,
            profile=office.profile,
            definition=dict(office.achievements)[award.achievement],
            award=award,
            base_url=office.base_url,
            slug=office.slug,
            list=event.list,
            slot=event.slot,
            made=self._filled.at,
            first=isinstance(event, ev.CredentialIssued),
        )
        return sign_badge(source, office.signer, created=self._filled.at)

    def _remember(self, stream: StreamId, number: str, award: Award, slug: str, email: str) -> None:
        """The idempotency row of a line of a CSV file."""
        issuer, day = self._office.stream.hex, award.awarded_on.isoformat()
        # The running number tells two lines apart: here one learner may earn the same thing twice on a day.
        line: canonical.Json = [
            str(award.achievement.stream),
            f"{number}/{self._batch.first + len(self._filled.entries)}",
            day,
        ]
        cells: canonical.Json = {
            "student_number": number,
            "full_name": award.name,
            "achievement": slug,
            "awarded_on": day,
            "email": email,
        }
        key = self._macs.idempotency_key("row\n" + canonical.encode(line).decode("utf-8"))
        request = self._macs.request(canonical.encode(["credential.issue.row", cells]))
        self._filled.idempotency.append((len(self._filled.entries), issuer, key, request, stream.hex))

    def _seal(
        self,
        event: ev.CredentialEvent,
        stream: StreamId,
        seq: Seq,
        prev: Digest,
        parts: Mapping[Part, bytes],
        key: LearnerKey,
    ) -> bytes:
        """Seal one event with its private parts; its entry."""
        filled, office = self._filled, self._office
        openings = {part: Opening(salt=os.urandom(SALT), content=content) for part, content in parts.items()}
        recorded = ev.Recorded(
            event=event,
            stream=stream,
            seq=seq,
            position=Position(0),  # given when it is stored; no entry names it
            at=filled.at,
            by=office.did,
            kid=office.signer.kid,
            commit={part: commitment(part, opening) for part, opening in openings.items()},
        )
        sealed = seal(recorded, prev=prev, signer=office.signer)
        for part, opening in openings.items():
            box = seal_box(key.data_key, opening, os.urandom(NONCE), stream=stream, seq=seq, part=part)
            filled.parts.append((len(filled.entries), part.value, key.key_id, box))
        filled.entries.append((stream.hex, seq, sealed.type, sealed.entry))
        return sealed.entry


def _award(ref: AchievementRef, name: str, day: date) -> Award:
    return Award(
        achievement=ref,
        name=name,
        language="en",
        awarded_on=day,
        valid_from=None,
        valid_until=None,
        result="Pass",
        score=None,
        route=None,
        assessor="Dr. Rosalind Example",
        evidence=None,
    )
