"""The rules of the W3C Verifiable Credentials Data Model that need no key and no network: shape, identifiers, dates.

VCDM 2.0 for what is issued and verified here, and as much of VCDM 1.1 as verifying older credentials needs. Contexts,
terms and proofs are elsewhere; what Open Badges ask for beyond this stands in `ledger.vc.schema`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.vc.plain_names import other_names
from ledger.vc.reading import Document, DocumentError, Json

V1: Final = "https://www.w3.org/2018/credentials/v1"
V2: Final = "https://www.w3.org/ns/credentials/v2"
_CREDENTIAL, _PRESENTATION = "VerifiableCredential", "VerifiablePresentation"
_ENVELOPED: Final = ("EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation")
_LONGEST_URL = 2_048  # characters
_MOST_TOLD = 20  # faults of one document
_SHOWN = 100  # characters of a stranger's name, in a message
_DATES: Final = {V1: ("issuanceDate", "expirationDate"), V2: ("validFrom", "validUntil")}
# What the model calls an object that "MUST specify its type", and which of them needs an identifier, too.
_TYPED: Final = ("credentialStatus", "credentialSchema", "termsOfUse", "evidence", "refreshService")
_VALUE_OBJECT: Final = frozenset(("@value", "@language", "@direction"))

# An absolute URL, which may be any URI: a scheme, and none of the characters that no URI has (RFC 3986 §2).
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f<>\"{}|\\^`]+")
# XMLSCHEMA11-2 dateTimeStamp: with a time zone, years of four digits.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


class DataModelViolated(DocumentError):
    """A document is JSON, and no credential or presentation of the data model."""

    def __init__(self, faults: tuple["Fault", ...]) -> None:
        super().__init__("; ".join(f"{fault.place} {fault.reason}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule that a document breaks."""

    place: str  # the property, as in credentialSubject.id
    reason: str  # what is wrong with it; a sentence after the place


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a credential says that it holds; both instants included."""

    begins: datetime | None
    ends: datetime | None


def check_credential(document: Document, *, versions: tuple[str, ...] = (V2, V1)) -> None:
    """Pass if a document has the shape of a credential.

    Args:
        versions: the base contexts that are accepted.

    Raises:
        DataModelViolated.
    """
    _raise(_credential_faults(document, versions))


def check_presentation(document: Document) -> None:
    """Pass if a document has the shape of a VCDM 2.0 presentation; the credentials inside need be objects only.

    Raises:
        DataModelViolated.
    """
    _raise(_presentation_faults(document))


def check_enveloped(document: Document, kind: str) -> str:
    """The `data:` URL that an enveloped credential or presentation (VCDM 2.0 §4.13.1, §4.13.2) stands for.

    Raises:
        DataModelViolated.
    """
    _raise(_enveloped_faults(document, kind))
    return str(document["id"])


def types_of(document: Document) -> tuple[str, ...]:
    """The types that a document names, those that are texts."""
    return tuple(each for each in listed(document.get("type")) if isinstance(each, str))


def is_enveloped(document: Document) -> bool:
    """Whether it says that it only carries a credential or presentation."""
    return any(kind in _ENVELOPED for kind in types_of(document))


def identifier(value: Json) -> str | None:
    """The URL that an issuer or holder is named by: the value itself or its `id`; None where there is none."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and is_url(found) else None


def validity_of(document: Document) -> Validity:
    """When a credential that `check_credential` passed says that it holds."""
    begins, ends = _DATES[V1 if _base(document) == V1 else V2]
    return Validity(begins=parse_instant(document.get(begins)), ends=parse_instant(document.get(ends)))


def listed(value: Json) -> list[Json]:
    """One value or several, as a list; JSON-LD makes no difference."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def is_url(text: str) -> bool:
    """Whether a text is an absolute URL."""
    return len(text) <= _LONGEST_URL and _URL.fullmatch(text) is not None


def parse_instant(value: Json) -> datetime | None:
    """The instant of a dateTimeStamp, to the microsecond; None for any other value."""
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        return datetime.fromisoformat(f"{seconds}.{(fraction or '')[:6].ljust(6, '0')}{zone.replace('Z', '+00:00')}")
    except ValueError:  # the 30th of February, an offset of a day
        return None


def _raise(faults: Iterator[Fault]) -> None:
    found = tuple(fault for fault, _ in zip(faults, range(_MOST_TOLD), strict=False))
    if found:
        raise DataModelViolated(found)


def _base(document: Document) -> Json:
    return next(iter(listed(document.get("@context"))), None)


def _credential_faults(document: Document, versions: tuple[str, ...]) -> Iterator[Fault]:
    yield from _name_faults(document)
    yield from _context_faults(document, versions)
    yield from _type_faults("type", document.get("type"), _CREDENTIAL)
    yield from _id_faults("id", document)
    yield from _agent_faults("issuer", document)
    yield from _subject_faults(document)
    yield from _date_faults(document, V1 if _base(document) == V1 else V2)
    for name in _TYPED:
        yield from _typed_faults(name, document)
    if _base(document) != V1:
        yield from _named_faults("", document)
        yield from _related_faults(document)


def _presentation_faults(document: Document) -> Iterator[Fault]:
    yield from _name_faults(document)
    yield from _context_faults(document, (V2,))
    yield from _type_faults("type", document.get("type"), _PRESENTATION)
    yield from _id_faults("id", document)
    if "holder" in document:
        yield from _agent_faults("holder", document)
    for name in ("termsOfUse",):
        yield from _typed_faults(name, document)
    if not all(isinstance(each, Mapping) for each in listed(document.get("verifiableCredential"))):
        yield Fault(place="verifiableCredential", reason="holds something else than an object")


def _name_faults(document: Document) -> Iterator[Fault]:
    """What is not called by the name that is looked for here, wherever it stands."""
    for name in other_names(document):
        yield Fault(place=name[:_SHOWN], reason="is not a plain name of a member or a type")


def _enveloped_faults(document: Document, kind: str) -> Iterator[Fault]:
    if V2 not in listed(document.get("@context")):
        yield Fault(place="@context", reason=f"does not name {V2}")
    yield from _type_faults("type", document.get("type"), kind)
    address = document.get("id")
    if not isinstance(address, str) or not address.startswith("data:"):
        yield Fault(place="id", reason="is not a data: URL")


def _context_faults(document: Document, versions: tuple[str, ...]) -> Iterator[Fault]:
    contexts = listed(document.get("@context"))
    if not contexts or contexts[0] not in versions:
        yield Fault(place="@context", reason=f"does not begin with {versions[0]}")
    for each in contexts[1:]:
        if not isinstance(each, Mapping) and not (isinstance(each, str) and is_url(each)):
            yield Fault(place="@context", reason="holds something that is neither a URL nor an object")


def _type_faults(place: str, value: Json, wanted: str | None = None) -> Iterator[Fault]:
    types = listed(value)
    if not types or not all(isinstance(each, str) and each for each in types):
        yield Fault(place=place, reason="is missing, or is not one or more texts")
    elif wanted is not None and wanted not in types:
        yield Fault(place=place, reason=f"does not name {wanted}")


def _id_faults(place: str, holder: Document) -> Iterator[Fault]:
    if "id" in holder:
        value = holder["id"]
        if not isinstance(value, str) or not is_url(value):
            yield Fault(place=place, reason="is not a single URL")


def _agent_faults(place: str, document: Document) -> Iterator[Fault]:
    value = document.get(place)
    if identifier(value) is None:
        yield Fault(place=place, reason="is missing, or is neither a URL nor an object with one as its id")
    if isinstance(value, Mapping) and _base(document) != V1:
        yield from _named_faults(f"{place}.", value)


def _subject_faults(document: Document) -> Iterator[Fault]:
    subjects = listed(document.get("credentialSubject"))
    if not subjects:
        yield Fault(place="credentialSubject", reason="is missing")
    for subject in subjects:
        if not isinstance(subject, Mapping) or not subject:
            yield Fault(place="credentialSubject", reason="is not an object that claims something")
        else:
            yield from _id_faults("credentialSubject.id", subject)


def _date_faults(document: Document, version: str) -> Iterator[Fault]:
    begins, ends = _DATES[version]
    for name in (begins, ends):
        if name in document and parse_instant(document[name]) is None:
            yield Fault(place=name, reason="is not a date and time with a time zone, as in 2026-11-21T14:03:00Z")
    if version == V1 and begins not in document:
        yield Fault(place=begins, reason="is missing")
    first, last = parse_instant(document.get(begins)), parse_instant(document.get(ends))
    if first is not None and last is not None and last < first:
        yield Fault(place=ends, reason=f"is before {begins}")


def _typed_faults(name: str, document: Document) -> Iterator[Fault]:
    if name in document and not listed(document[name]):
        yield Fault(place=name, reason="is empty")
    for each in listed(document.get(name)):
        if not isinstance(each, Mapping):
            yield Fault(place=name, reason="is not an object")
            continue
        yield from _type_faults(f"{name}.type", each.get("type"))
        yield from _id_faults(f"{name}.id", each)
        if name == "credentialSchema" and "id" not in each:
            yield Fault(place="credentialSchema.id", reason="is missing")


def _named_faults(place: str, holder: Document) -> Iterator[Fault]:
    """VCDM 2.0 §4.6 and §11.1: a name is a text or a language value object, or several of these."""
    for name in ("name", "description"):
        for each in listed(holder.get(name)):
            if not isinstance(each, str) and not _is_language_value(each):
                yield Fault(place=f"{place}{name}", reason="is neither a text nor one with its language")


def _is_language_value(value: Json) -> bool:
    if not isinstance(value, Mapping) or "@value" not in value or not value.keys() <= _VALUE_OBJECT:
        return False
    return all(isinstance(each, str) for each in value.values())


def _related_faults(document: Document) -> Iterator[Fault]:
    """VCDM 2.0 §5.3."""
    seen: set[Json] = set()
    for each in listed(document.get("relatedResource")):
        address = each.get("id") if isinstance(each, Mapping) else None
        if not isinstance(each, Mapping) or not isinstance(address, str) or not is_url(address):
            yield Fault(place="relatedResource", reason="is not an object with a URL as its id")
        elif address in seen:
            yield Fault(place="relatedResource", reason="names the same resource twice")
        elif not {"digestSRI", "digestMultibase"} & each.keys():
            yield Fault(place="relatedResource", reason="has no digest")
        else:
            seen.add(address)
