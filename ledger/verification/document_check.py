"""Checks the signed document of each version against what the entry and its facts say.

The document is what wallets and other verifiers read. So that it can say nothing else than this ledger does, it is made
again from the facts and compared, and its proof has to be by the key that signed the entry. What the issuer says of
itself, and the address of the service, are taken from the document: the issuer signed them, and the registry's own word
about the issuer stands beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from ledger.domain.award import Award
from ledger.domain.credential import Credential, Version
from ledger.domain.definition import AchievementDefinition, Profile
from ledger.domain.types import Did, Kid, ListId, Slot, Slug, StreamId
from ledger.domain.values import slug_of
from ledger.vc.achievement_credential import Source
from ledger.vc.documents import check_own
from ledger.vc.reading import DocumentError, Json, read_document
from ledger.verification.contents_check import Contents
from ledger.verification.findings import failed, passed
from ledger.verification.verdict import Finding

_STATUS = "/status/"
_REASONS: Mapping[str, str] = {
    "unreadable": "What was recorded as the credential file cannot be read.",
    "differs": "The credential file says something else than what was recorded.",
}
_BAD_PROOF = "The credential file is not signed by the key that signed its entry."


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The entry that made a version, as far as its document speaks of it."""

    stream: StreamId
    issuer: Did
    kid: Kid
    list: ListId
    slot: Slot
    at: datetime
    first: bool  # it issued the award


def check_documents(credential: Credential, contents: Contents) -> Finding:
    """Whether the document of each version that is here and counts is the one that its facts make."""
    looked_at = 0
    for version in credential.versions:
        raw = contents.documents.get(version.seq)
        if raw is None or version.disowned:
            continue
        if raw:
            award = contents.awards[version.seq]
            definition = contents.definitions[award.achievement.digest]
            fault = document_fault(raw, _made(credential, version), award, definition)
            if fault is not None:
                return failed("document", fault, _REASONS.get(fault, _BAD_PROOF))
            looked_at += 1
    if looked_at:
        return passed("document", "The credential file is signed by the issuer and says what was recorded.")
    return passed("document", "The award is from before there were credential files.", reason="none_made")


def document_fault(raw: bytes, made: Made, award: Award, definition: AchievementDefinition) -> str | None:
    """Why these bytes are not the document of that version, in snake_case; None where they are."""
    try:
        stated = _stated(_read(raw))
    except DocumentError:
        return "unreadable"
    if stated is None:
        return "differs"
    source = Source(
        stream=made.stream,
        issuer=made.issuer,
        profile=stated.profile,
        definition=definition,
        award=award,
        base_url=stated.base_url,
        slug=slug_of(made.issuer) or Slug(""),
        list=made.list,
        slot=made.slot,
        made=made.at,
        first=made.first,
    )
    return check_own(raw, source, made.kid)


def _made(credential: Credential, version: Version) -> Made:
    return Made(
        stream=credential.stream,
        issuer=credential.issuer,
        kid=version.kid,
        list=version.list,
        slot=version.slot,
        at=version.at,
        first=version.number == 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """What a document says that is recorded nowhere else in the award's own entries."""

    profile: Profile
    base_url: str


def _read(raw: bytes) -> Mapping[str, Json]:
    """As `read_document`, quickly where the bytes are as they were written, which is nearly always."""
    try:
        value: Json = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) and orjson.dumps(value) == raw else read_document(raw)


def _stated(document: Mapping[str, Json]) -> _Stated | None:
    issuer, status = document.get("issuer"), document.get("credentialStatus")
    if not isinstance(issuer, dict) or not isinstance(status, dict):
        return None
    address = status.get("statusListCredential")
    if not isinstance(address, str) or _STATUS not in address:
        return None
    profile = Profile(
        name=_text(issuer.get("name")) or "",
        language=_text(issuer.get("inLanguage")) or "",
        url=_text(issuer.get("url")),
        email=_text(issuer.get("email")),
        description=_text(issuer.get("description")),
        recognising_body=False,
    )
    return _Stated(profile=profile, base_url=address.partition(_STATUS)[0])


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
