"""What a credential that is not of this log says of an award: whatever of it can be told, and nothing made up.

Open Badges 3.0 first; of any other credential its name, its issuer and its dates. Text is cut where it is longer than a
page could show, and a field of a shape that nobody would expect is left out.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final

from ledger.vc.data_model import identifier, listed, parse_instant, validity_of
from ledger.vc.did import MalformedDid, web_address
from ledger.vc.reading import Document, Json
from ledger.verification.verdict import ForeignAward, ForeignIssuer, ForeignSkill, RecognitionView

_LONGEST: Final = 300  # characters of one text
_MOST_SKILLS: Final = 50
_NEVER: Final = RecognitionView(
    recognised=False,
    registry=None,
    registry_id=None,
    scheme=None,
    since=None,
    ended_on=None,
    recognised_when_issued=False,
)


def foreign_award(document: Document, known: ForeignIssuer | None) -> ForeignAward:
    """What a credential of good shape says.

    Args:
        known: its issuer, where the registries know it; whatever the document says of it then does not count.
    """
    subject = _first(document.get("credentialSubject"))
    achievement = _first(subject.get("achievement"))
    validity = validity_of(document)
    return ForeignAward(
        name=_text(achievement.get("name")) or _text(document.get("name")) or _text(subject.get("name")),
        learner=_learner(subject),
        language=_language(achievement.get("inLanguage")),
        issuer=known or _issuer(document.get("issuer")),
        awarded_on=_day(parse_instant(document.get("awardedDate")) or validity.begins),
        valid_from=_day(validity.begins),
        valid_until=_day(validity.ends),
        skills=tuple(_skills(achievement)),
        result=_text(_first(subject.get("result")).get("value")),
        credit=_credit(subject, achievement),
    )


def domain_of(issuer: str) -> str | None:
    """The host that a did:web or https URL names; None for whatever names none."""
    try:
        address = web_address(issuer) if issuer.startswith("did:") else issuer
    except MalformedDid:
        return None
    scheme, _, rest = address.partition("://")
    return rest.partition("/")[0].lower() or None if scheme == "https" else None


def _issuer(value: Json) -> ForeignIssuer:
    did = identifier(value) or ""
    named = value.get("name") if isinstance(value, Mapping) else None
    return ForeignIssuer(id=did, name=_text(named), domain=domain_of(did), custody=None, recognition=_NEVER)


def _learner(subject: Mapping[str, Json]) -> str | None:
    """The name of the holder: an unhashed identifier of that type, or a name beside it."""
    for each in listed(subject.get("identifier")):
        if isinstance(each, Mapping) and each.get("identityType") == "name" and each.get("hashed") is False:
            return _text(each.get("identityHash"))
    return _text(subject.get("name")) if subject.get("achievement") is not None else None


def _skills(achievement: Mapping[str, Json]) -> Iterator[ForeignSkill]:
    for each in listed(achievement.get("alignment"))[:_MOST_SKILLS]:
        statement = _text(each.get("targetName")) if isinstance(each, Mapping) else None
        if isinstance(each, Mapping) and statement is not None:
            yield ForeignSkill(
                statement=statement,
                framework=_text(each.get("targetFramework")),
                code=_text(each.get("targetCode")),
                url=_text(each.get("targetUrl")),
            )


def _credit(subject: Mapping[str, Json], achievement: Mapping[str, Json]) -> str | None:
    for value in (subject.get("creditsEarned"), achievement.get("creditsAvailable")):
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1_000_000:
            return f"{value:g}"
    return None


def _first(value: Json) -> Mapping[str, Json]:
    found = next(iter(listed(value)), None)
    return found if isinstance(found, Mapping) else {}


def _text(value: Json) -> str | None:
    """A text, or that of the first language value object; cut where it is too long."""
    found = next(iter(listed(value)), None)
    if isinstance(found, Mapping):
        found = found.get("@value")
    text = " ".join(found.split()) if isinstance(found, str) else ""
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…") or None


def _language(value: Json) -> str | None:
    """A language tag (BCP 47), by its characters."""
    good = isinstance(value, str) and len(value) <= 35 and value.replace("-", "").isalnum() and value.isascii()
    return value if isinstance(value, str) and good else None


def _day(instant: datetime | None) -> date | None:
    if instant is None:
        return None
    try:
        return instant.astimezone(UTC).date()
    except OverflowError:  # the first or the last day that there is, in another time zone
        return instant.date()
