"""The document of one version of an award: an Open Badges 3.0 `OpenBadgeCredential`, not yet signed.

What `build` makes of a source is signed and stored, and built again whenever the award is checked: it never changes
for a source that was once signed. Where each field goes, and what is left out with the reason, is listed in
`ledger.vc.field_table`; what Open Badges has no term for is said in words (`ledger.vc.words`).
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

import orjson

from ledger.domain.award import AchievementRef, Award
from ledger.domain.definition import AchievementDefinition, Competency, Kind, Profile
from ledger.domain.spelling import web_address
from ledger.domain.types import Did, ListId, Slot, Slug, StreamId
from ledger.domain.values import BadValue, format_time
from ledger.vc import words
from ledger.vc.reading import Json

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
SCHEMA_TYPE = "1EdTechJsonSchemaValidator2019"
_TYPES: Mapping[Kind, str] = {Kind.MICRO: "MicroCredential", Kind.LARGER: "Certificate"}
# What may not stand in a URI before or after its one number sign (RFC 3986 §2), a lone percent sign among it.
_OUTSIDE = re.compile(r"[^A-Za-z0-9._~:/?@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All that a document says comes from here."""

    stream: StreamId
    issuer: Did
    profile: Profile  # as it was when the version was made
    definition: AchievementDefinition
    award: Award
    base_url: str  # without a slash at its end
    slug: Slug  # of the issuer
    list: ListId
    slot: Slot
    made: datetime  # the time of the version's entry
    first: bool  # whether it is the first version


def build(source: Source) -> dict[str, Json]:
    """The unsigned document of `source`, always the same, its members in a fixed order."""
    award, definition = source.award, source.definition
    document: dict[str, Json] = {
        "@context": [CREDENTIALS, OPEN_BADGES, EXTENSIONS],
        "id": f"urn:uuid:{source.stream}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": definition.name,
        "inLanguage": award.language,
        "issuer": _issuer(source),
        "validFrom": valid_from(source),
        "awardedDate": _begin(award.awarded_on),
        "credentialSubject": _subject(source),
    }
    if award.valid_until is not None:
        document["validUntil"] = _end(award.valid_until)
    if award.evidence is not None:
        document["evidence"] = [{"id": address(award.evidence), "type": ["Evidence"]}]
    document["credentialStatus"] = status(source)
    document["credentialSchema"] = [{"id": SCHEMA, "type": SCHEMA_TYPE}]
    return document


def valid_from(source: Source) -> str:
    """From when a version is the one that counts.

    A later version begins when it was made at the earliest, since readers take the version with the latest beginning;
    but never after its own end, VC data model 2.0 §4.9: an award may be amended after it expired.
    """
    begins = _begin(source.award.begins)
    if source.first:
        return begins
    made = format_time(source.made)
    if source.award.valid_until is not None:
        end = _end(source.award.valid_until)
        made = end if made[:19] >= end[:19] else made  # whole seconds, as the end has no others
    return max(made, begins, key=lambda time: time[:19])  # of the same second, one begins with it


def status(source: Source) -> dict[str, Json]:
    """Where the bit of this version stands, Bitstring Status List v1.0 §2.1."""
    name = urlsafe_b64encode(source.list).decode("ascii").rstrip("=")
    published = f"{source.base_url}/status/{source.slug}/{name}"
    return {
        "id": f"{published}#{source.slot}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(source.slot),
        "statusListCredential": published,
    }


def address(text: str) -> str:
    """A web address that its holder wrote, as an RFC 3986 URI: what may not stand in one is percent-encoded.

    A document names things by such addresses; some readers drop what they hold for no address, and what is dropped
    would not be signed.
    """
    before, hash_sign, fragment = text.partition("#")
    return _encoded(before) + hash_sign + _encoded(fragment)


def _encoded(text: str) -> str:
    return _OUTSIDE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _issuer(source: Source) -> dict[str, Json]:
    profile = source.profile
    issuer: dict[str, Json] = {"id": source.issuer, "type": ["Profile"], "name": profile.name}
    if profile.url is not None:
        issuer["url"] = address(profile.url)
    if profile.email is not None:
        issuer["email"] = profile.email
    if profile.description is not None:
        issuer["description"] = profile.description
    issuer["inLanguage"] = profile.language
    return issuer


def _subject(source: Source) -> dict[str, Json]:
    award, definition = source.award, source.definition
    holder: Json = {"type": "IdentityObject", "hashed": False, "identityHash": award.name, "identityType": "name"}
    subject: dict[str, Json] = {"type": ["AchievementSubject"], "identifier": [holder]}
    narrative = words.achieved(award)
    if narrative is not None:
        subject["narrative"] = narrative
    if definition.schedule is not None:
        subject["activityStartDate"] = f"{definition.schedule.begins}T00:00:00Z"
        subject["activityEndDate"] = f"{definition.schedule.ends}T23:59:59Z"
    earned = None if definition.credit is None else _number(definition.credit.value)
    if earned is not None:
        subject["creditsEarned"] = earned
    subject["achievement"] = _achievement(source)
    described = _achievement_id(award.achievement)
    results: list[Json] = [
        {"type": ["Result"], "resultDescription": f"{described}#{name}", "value": value}
        for name, value in (("result", award.result), ("score", award.score))
        if value is not None
    ]
    if results:
        subject["result"] = results
    return subject


def _achievement(source: Source) -> Json:
    award = source.award
    scored = award.score is not None
    # A copy each time, since whoever asked for a document may change it.
    found: Json = orjson.loads(
        _achievement_json(source.definition, award.achievement, source.issuer, source.profile.name, scored)
    )
    return found


@lru_cache(maxsize=256)  # a pure function of its arguments; most awards share the achievement with others
def _achievement_json(
    definition: AchievementDefinition, ref: AchievementRef, issuer: Did, issuer_name: str, scored: bool
) -> bytes:
    """The achievement as JSON; `scored` where a score was given, which has to be described."""
    addresses, others = _pathways(definition)
    named = _achievement_id(ref)
    achievement: dict[str, Json] = {
        "id": named,
        "type": ["Achievement"],
        "achievementType": _TYPES[definition.kind],
        "name": definition.name,
        "description": definition.description,
        "humanCode": definition.slug,
        "inLanguage": definition.language,
        "version": str(ref.version),
        "creator": {"id": issuer, "type": ["Profile"], "name": issuer_name},
        "criteria": {"narrative": words.criteria(definition, others)},
        "alignment": [_alignment(named, n, each) for n, each in enumerate(definition.competencies, 1)],
        "resultDescription": _result_descriptions(definition, named, scored),
    }
    if definition.image is not None:
        image: Json = {"id": address(definition.image.url), "type": "Image", "caption": definition.image.alt}
        achievement["image"] = image
    available = None if definition.credit is None else _number(definition.credit.value)
    if available is not None:
        achievement["creditsAvailable"] = available
    if addresses:
        achievement["related"] = [{"id": each, "type": ["Related"]} for each in addresses]
    return orjson.dumps(achievement)


def _achievement_id(ref: AchievementRef) -> str:
    return f"urn:uuid:{ref.stream}"


def _alignment(achievement: str, number: int, competency: Competency) -> Json:
    framework = competency.alignment
    made_up = f"{achievement}#competency-{number}"  # the schema wants an address of each
    alignment: dict[str, Json] = {"type": ["Alignment"], "targetName": competency.statement, "targetUrl": made_up}
    if framework is not None:
        alignment["targetFramework"] = framework.framework
        if framework.url is not None:
            alignment["targetUrl"] = address(framework.url)
        if framework.code is not None:
            alignment["targetCode"] = framework.code
    return alignment


def _result_descriptions(definition: AchievementDefinition, achievement: str, scored: bool) -> list[Json]:
    grading = definition.grading
    result_name, score_name = words.result_names(definition.language)
    descriptions: list[Json] = [
        {
            "id": f"{achievement}#result",
            "type": ["ResultDescription"],
            "name": result_name,
            "resultType": "Result",
            "allowedValue": list(grading.results),
        }
    ]
    scale = {"valueMin": grading.score_from, "valueMax": grading.score_to, "requiredValue": grading.pass_mark}
    stated: dict[str, Json] = {name: value for name, value in scale.items() if value is not None}
    if stated or scored:
        named: dict[str, Json] = {"id": f"{achievement}#score", "type": ["ResultDescription"], "name": score_name}
        descriptions.append(named | {"resultType": "RawScore"} | stated)
    return descriptions


def _pathways(definition: AchievementDefinition) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What it leads to: web addresses, each once, and anything else."""
    addresses, others = [], []
    for pathway in dict.fromkeys(definition.pathways):
        try:
            addresses.append(address(web_address(pathway)))
        except BadValue:
            others.append(pathway)
    return tuple(dict.fromkeys(addresses)), tuple(others)


def _number(text: str) -> int | float | None:
    """A decimal as a JSON number that every canonicaliser writes alike; None where there is none.

    JSON-LD 1.1 §8.2.2 writes a double with 16 digits, so that 9.95 becomes 9.949999999999999, and other libraries write
    the fewest that tell it apart: a signature over the one is none over the other. Integers are written alike.
    """
    value = Decimal(text)
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(f"{number:.15E}") == value else None


def _begin(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _end(day: date) -> str:
    return f"{day.isoformat()}T23:59:59Z"
