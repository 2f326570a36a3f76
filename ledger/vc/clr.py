"""The document of an award that was built from others: a Comprehensive Learner Record 2.0 around its badge and theirs.

Each credential inside is whole and keeps its own proof, so that it can be taken out and shown by itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from ledger.domain.types import StreamId
from ledger.signing.signer import Signer
from ledger.vc.achievement_credential import CREDENTIALS, EXTENSIONS, OPEN_BADGES, SCHEMA_TYPE, Source
from ledger.vc.budget import Budget
from ledger.vc.own_proof import sign
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, Json, MalformedDocument, read_document
from ledger.vc.schema import check_record_schema

CLR: Final = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
SCHEMA: Final = "https://purl.imsglobal.org/spec/clr/v2p0/schema/json/clr_v2p0_clrcredential_schema.json"
_SHARED: Final = (
    "name",
    "inLanguage",
    "issuer",
    "validFrom",
    "awardedDate",
    "credentialStatus",
)  # as in the badge inside


def sign_record(source: Source, badge: bytes, parts: Sequence[bytes], signer: Signer, created: datetime) -> bytes:
    """The signed record around `badge`, compact JSON; the same arguments give the same bytes.

    Args:
        badge: the signed badge of `source`.
        parts: the signed documents of the awards it was built from; of a record, the badge inside counts.
        signer: a key of the issuer. The proof names it by `<issuer>#<kid>`.
        created: UTC, milliseconds.

    Raises:
        MalformedDocument: the badge or a part is no document of an award.
        SchemaViolated: what the source says makes no learner record.
        DocumentError: it cannot be canonicalised.
    """
    document = build_record(source, read_document(badge), [_award_inside(read_document(part)) for part in parts])
    check_record_schema(document)
    return sign(document, canonical_nquads(document, Budget.for_own()), source.issuer, signer, created)


def build_record(source: Source, badge: Document, parts: Sequence[Document]) -> dict[str, Json]:
    """The unsigned record around a signed badge and those it was built from.

    Raises:
        MalformedDocument: the badge is none that was made here, or a part says nothing of an achievement.
    """
    subject = badge.get("credentialSubject")
    whole = _achievement(badge)
    if not badge.keys() >= set(_SHARED):
        raise MalformedDocument("the badge of a learner record is not one that was made here")
    associations: list[Json] = [
        {"type": "Association", "associationType": "isPartOf", "sourceId": part, "targetId": whole}
        for part in dict.fromkeys(map(_achievement, parts))
    ]
    inside: dict[str, Json] = {
        "type": ["ClrSubject"],
        "identifier": subject.get("identifier") if isinstance(subject, dict) else None,
        "verifiableCredential": [dict(each) for each in (badge, *parts)],
    }
    if associations:
        inside["association"] = associations
    document: dict[str, Json] = {
        "@context": [CREDENTIALS, CLR, OPEN_BADGES, EXTENSIONS],
        "id": record_id(source.stream),
        "type": ["VerifiableCredential", "ClrCredential"],
    }
    document |= {name: badge[name] for name in _SHARED}
    document["credentialSubject"] = inside
    if "validUntil" in badge:
        document["validUntil"] = badge["validUntil"]
    document["credentialSchema"] = [{"id": SCHEMA, "type": SCHEMA_TYPE}]
    return document


def is_record(document: Document) -> bool:
    """Whether a document says that it is a learner record."""
    types = document.get("type")
    return isinstance(types, list) and "ClrCredential" in types


def credentials_inside(document: Document) -> list[dict[str, Json]]:
    """The credentials that a record holds, the award itself first; none where it is no record.

    Raises:
        MalformedDocument: something else stands among them.
    """
    subject = document.get("credentialSubject")
    held = subject.get("verifiableCredential") if isinstance(subject, dict) else None
    found = held if isinstance(held, list) else []
    credentials = [each for each in found if isinstance(each, dict)]
    if len(credentials) != len(found):
        raise MalformedDocument("a learner record holds something that is no credential")
    return credentials


def record_id(stream: StreamId) -> str:
    """The id of the record around the badge of a stream: the badge has the stream's own."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'urn:uuid:{stream}#clr')}"


def _award_inside(document: dict[str, Json]) -> Document:
    """The badge itself: a record of another award would bring that award's parts with it, and stand there twice."""
    if not is_record(document):
        return document
    held = credentials_inside(document)
    if not held:
        raise MalformedDocument("a part is a learner record that holds no credential")
    return held[0]


def _achievement(document: Document) -> str:
    subject = document.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    found = achievement.get("id") if isinstance(achievement, Mapping) else None
    if not isinstance(found, str):
        raise MalformedDocument("a part of a learner record says nothing of an achievement")
    return found
