"""Badges for benchmarks: one cohort of learners after another, of a few achievements as a college words them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from node import Peer

from ledger.adapters.private_box import NONCE, seal_box
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Award, AwardInternal
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.definition import read_definition, read_profile
from ledger.domain.types import Did, Digest, LearnerId, LinkCode, ListId, Origin, Position, Seq, Slot, Slug
from ledger.domain.values import Part, Route
from ledger.record.commitment import SALT, Opening, commitment
from ledger.record.private_parts import Facts, write_facts, write_internal
from ledger.record.sealing import Sealed, genesis, seal
from ledger.signing.signer import Ed25519Signer, Signer
from ledger.vc.achievement_credential import Source, build
from ledger.vc.documents import sign_badge
from ledger.vc.reading import Json
from verify_api.cli.demo_wording import DEFINITIONS, PROFILES

_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_COLLEGE = "maplewood"
_NAMES = ("Amara Okafor", "Björn Åkesson", "Δήμητρα Παππά", "さくら 田中", "Siobhán O'Neil", "Nkechi Jónsdóttir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """An award about to be recorded."""

    source: Source
    signer: Signer
    code: LinkCode
    data_key: bytes  # of the learner


def badges(count: int) -> list[Badge]:
    """As many awards, each to another learner."""
    signer = Ed25519Signer(bytes(32))
    profile = read_profile(PROFILES[_COLLEGE])
    definitions = [read_definition(each) for each in DEFINITIONS[_COLLEGE]]
    found = []
    for number in range(count):
        place = number % len(definitions)
        code = new_link_code(1_795_269_780_000 + number, os.urandom(16))
        definition = definitions[place]
        award = Award(
            achievement=AchievementRef(stream=stream_of(LinkCode(bytes(22))), version=1, digest=Digest(bytes(32))),
            name=_NAMES[number % len(_NAMES)],
            language="en",
            awarded_on=date(2026, 1 + number % 9, 1 + number % 28),
            valid_from=None,
            valid_until=None,
            result=definition.grading.results[0],
            score=str(60 + number % 40),
            route=Route.COURSE,
            assessor="R. Lindqvist",
            evidence=None,
        )
        source = Source(
            stream=stream_of(code),
            issuer=Did(f"did:web:college.example:issuers:{_COLLEGE}"),
            profile=profile,
            definition=definition,
            award=award,
            base_url="https://college.example",
            slug=Slug(_COLLEGE),
            list=ListId(bytes(range(16))),
            slot=Slot(number * 61 % 131_072),
            made=_AT,
            first=True,
        )
        found.append(Badge(source=source, signer=signer, code=code, data_key=os.urandom(32)))
    return found


def seal_award(badge: Badge) -> tuple[Sealed, Mapping[Part, Opening]]:
    """The entry that records an award, over the salted private parts; its document is built, checked and signed."""
    source, signer = badge.source, badge.signer
    internal = AwardInternal(
        actor="registrar@college.example",
        learner=LearnerId(UUID(int=7 << 76 | 4 << 76 | 2 << 62)),
        student_number="S-0001",
        email="s-0001@learners.college.example",
        code=badge.code,
        short_code="0123456789ABC",
        notes=None,
    )
    parts = {
        Part.DOCUMENT: sign_badge(source, signer, created=_AT),
        Part.FACTS: write_facts(Facts(award=source.award, act=None)),
        Part.INTERNAL: write_internal(internal),
    }
    openings = {part: Opening(salt=os.urandom(SALT), content=content) for part, content in parts.items()}
    recorded = ev.Recorded(
        event=ev.CredentialIssued(link=link_digest(badge.code), list=source.list, slot=source.slot),
        stream=source.stream,
        seq=Seq(0),
        position=Position(9),
        at=_AT,
        by=source.issuer,
        kid=signer.kid,
        commit={part: commitment(part, opening) for part, opening in openings.items()},
    )
    return seal(recorded, prev=genesis(Origin("college.example/log"), source.stream), signer=signer), openings


def box_award(badge: Badge) -> list[bytes]:
    """As `seal_award`, with the private parts encrypted for the store."""
    _, openings = seal_award(badge)
    return [
        seal_box(badge.data_key, opening, os.urandom(NONCE), stream=badge.source.stream, seq=Seq(0), part=part)
        for part, opening in openings.items()
    ]


def of_others(js: Peer, count: int) -> Sequence[Mapping[str, object]]:
    """Badges that say the same, without a status, signed by the library for issuers that are each a `did:key`."""
    return [js.make(_without_status(build(badge.source))) for badge in badges(count)]


def _without_status(document: dict[str, Json]) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != "credentialStatus"}
