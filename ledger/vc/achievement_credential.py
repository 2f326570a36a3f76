"""The document of one version of an award: an Open Badges 3.0 `OpenBadgeCredential`, not yet signed.

What `build` makes of a source is signed and stored, and built again whenever the award is checked: it never changes
for a source that was once signed. Where each field goes is in `FIELDS`, and what is left out, with the reason, in
`LEFT_OUT`; what Open Badges has no term for is said in words (`ledger.vc.words`).
"""

import string
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ledger.domain.award import Award
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
_HEX = frozenset(string.hexdigits)
_IN_ADDRESSES = frozenset(string.ascii_letters + string.digits + "-._~:/?@!$&'()*+,;=")  # RFC 3986, besides # and %

FIELDS: Mapping[str, str] = {
    "Profile.name": "issuer.name, achievement.creator.name",
    "Profile.language": "issuer.inLanguage",
    "Profile.url": "issuer.url",
    "Profile.email": "issuer.email",
    "Profile.description": "issuer.description",
    "AchievementDefinition.slug": "achievement.humanCode",
    "AchievementDefinition.name": "name, achievement.name",
    "AchievementDefinition.language": "achievement.inLanguage",
    "AchievementDefinition.description": "achievement.description",
    "AchievementDefinition.kind": "achievement.achievementType: MicroCredential, or Certificate for the larger",
    "AchievementDefinition.level": "achievement.criteria.narrative",
    "AchievementDefinition.competencies": "achievement.alignment",
    "Competency.statement": "alignment.targetName",
    "Competency.alignment": "alignment",
    "Alignment.framework": "alignment.targetFramework",
    "Alignment.code": "alignment.targetCode",
    "Alignment.url": "alignment.targetUrl; without one, an address under the achievement's id",
    "AchievementDefinition.outcomes": "achievement.criteria.narrative",
    "Outcome.id": "achievement.criteria.narrative",
    "Outcome.statement": "achievement.criteria.narrative",
    "AchievementDefinition.assessments": "achievement.criteria.narrative",
    "Assessment.type": "achievement.criteria.narrative",
    "Assessment.description": "achievement.criteria.narrative",
    "Assessment.outcomes": "achievement.criteria.narrative",
    "Assessment.supervised": "achievement.criteria.narrative",
    "Assessment.identity_checked": "achievement.criteria.narrative",
    "Assessment.practice_offered": "achievement.criteria.narrative",
    "AchievementDefinition.grading": "achievement.resultDescription, achievement.criteria.narrative",
    "Grading.results": "resultDescription.allowedValue",
    "Grading.score_from": "resultDescription.valueMin",
    "Grading.score_to": "resultDescription.valueMax",
    "Grading.pass_mark": "resultDescription.requiredValue",
    "AchievementDefinition.minutes": "achievement.criteria.narrative: Open Badges has no term for hours of learning",
    "AchievementDefinition.delivery": "achievement.criteria.narrative",
    "AchievementDefinition.pace": "achievement.criteria.narrative",
    "AchievementDefinition.schedule": "credentialSubject.activityStartDate and activityEndDate",
    "Schedule.begins": "credentialSubject.activityStartDate",
    "Schedule.ends": "credentialSubject.activityEndDate",
    "AchievementDefinition.credit": "achievement.creditsAvailable, credentialSubject.creditsEarned",
    "Credit.value": "achievement.criteria.narrative, and as a number where canonicalisers agree how it is written: "
    "achievement.creditsAvailable, credentialSubject.creditsEarned",
    "Credit.authority": "achievement.criteria.narrative",
    "Credit.programme": "achievement.criteria.narrative",
    "AchievementDefinition.routes": "achievement.criteria.narrative",
    "AchievementDefinition.partner": "achievement.criteria.narrative",
    "Partner.name": "achievement.criteria.narrative",
    "Partner.role": "achievement.criteria.narrative",
    "AchievementDefinition.pathways": "achievement.related for web addresses, else achievement.criteria.narrative",
    "AchievementDefinition.quality": "achievement.criteria.narrative",
    "AchievementDefinition.image": "achievement.image",
    "Image.url": "achievement.image.id",
    "Image.alt": "achievement.image.caption",
    "AchievementDefinition.rule": "achievement.criteria.narrative",
    "StackingRule.all_of": "achievement.criteria.narrative",
    "StackingRule.n_of": "achievement.criteria.narrative",
    "CountRule.n": "achievement.criteria.narrative",
    "CountRule.of": "achievement.criteria.narrative",
    "AchievementDefinition.on_component_loss": "achievement.criteria.narrative",
    "Award.achievement": "achievement",
    "AchievementRef.stream": "achievement.id",
    "AchievementRef.version": "achievement.version",
    "Award.name": "credentialSubject.identifier.identityHash, hashed false, identityType name",
    "Award.language": "inLanguage",
    "Award.awarded_on": "awardedDate",
    "Award.valid_from": "validFrom",
    "Award.valid_until": "validUntil",
    "Award.result": "credentialSubject.result.value",
    "Award.score": "credentialSubject.result.value",
    "Award.route": "credentialSubject.narrative",
    "Award.assessor": "credentialSubject.narrative: a Profile would need an address that identifies the person",
    "Award.evidence": "evidence.id",
}
LEFT_OUT: Mapping[str, str] = {
    "Profile.recognising_body": "a recognising body awards nothing, so no document is issued under such a profile",
    "AchievementRef.digest": "the log commits to it for the version that achievement.version names",
    "Award.components": "the learner record around the badge holds the parts themselves",
    "Component.origin": "see Award.components",
    "Component.stream": "see Award.components",
    "Component.seq": "see Award.components",
    "Component.entry": "see Award.components",
}


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
    return max(begins, made)


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
    parts, fragment = [], False
    for index, character in enumerate(text):
        escape = character == "%" and len(text) > index + 2 and text[index + 1] in _HEX and text[index + 2] in _HEX
        allowed = character in _IN_ADDRESSES or escape or (character == "#" and not fragment)
        fragment = fragment or character == "#"
        parts.append(character if allowed else f"%{ord(character):02X}")
    return "".join(parts)


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
    described = _achievement_id(source)
    results: list[Json] = [
        {"type": ["Result"], "resultDescription": f"{described}#{name}", "value": value}
        for name, value in (("result", award.result), ("score", award.score))
        if value is not None
    ]
    if results:
        subject["result"] = results
    return subject


def _achievement(source: Source) -> dict[str, Json]:
    definition = source.definition
    addresses, others = _pathways(definition)
    achievement: dict[str, Json] = {
        "id": _achievement_id(source),
        "type": ["Achievement"],
        "achievementType": _TYPES[definition.kind],
        "name": definition.name,
        "description": definition.description,
        "humanCode": definition.slug,
        "inLanguage": definition.language,
        "version": str(source.award.achievement.version),
        "creator": {"id": source.issuer, "type": ["Profile"], "name": source.profile.name},
        "criteria": {"narrative": words.criteria(definition, others)},
        "alignment": [_alignment(source, each, n) for n, each in enumerate(definition.competencies, 1)],
        "resultDescription": _result_descriptions(source),
    }
    if definition.image is not None:
        image: Json = {"id": address(definition.image.url), "type": "Image", "caption": definition.image.alt}
        achievement["image"] = image
    available = None if definition.credit is None else _number(definition.credit.value)
    if available is not None:
        achievement["creditsAvailable"] = available
    if addresses:
        achievement["related"] = [{"id": each, "type": ["Related"]} for each in addresses]
    return achievement


def _achievement_id(source: Source) -> str:
    return f"urn:uuid:{source.award.achievement.stream}"


def _alignment(source: Source, competency: Competency, number: int) -> dict[str, Json]:
    framework = competency.alignment
    made_up = f"{_achievement_id(source)}#competency-{number}"  # the schema wants an address of each
    alignment: dict[str, Json] = {"type": ["Alignment"], "targetName": competency.statement, "targetUrl": made_up}
    if framework is not None:
        alignment["targetFramework"] = framework.framework
        if framework.url is not None:
            alignment["targetUrl"] = address(framework.url)
        if framework.code is not None:
            alignment["targetCode"] = framework.code
    return alignment


def _result_descriptions(source: Source) -> list[Json]:
    definition, described = source.definition, _achievement_id(source)
    grading = definition.grading
    result_name, score_name = words.result_names(definition.language)
    descriptions: list[Json] = [
        {
            "id": f"{described}#result",
            "type": ["ResultDescription"],
            "name": result_name,
            "resultType": "Result",
            "allowedValue": list(grading.results),
        }
    ]
    scale = {"valueMin": grading.score_from, "valueMax": grading.score_to, "requiredValue": grading.pass_mark}
    stated: dict[str, Json] = {name: value for name, value in scale.items() if value is not None}
    if stated or source.award.score is not None:
        named: dict[str, Json] = {"id": f"{described}#score", "type": ["ResultDescription"], "name": score_name}
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
