"""Closed lists that the recorded history may name, and the small shapes of names, dates and times.

Their values are recorded for ever: a member may be added, none renamed or removed.
"""

import re
from datetime import UTC, date, datetime
from enum import StrEnum

from ledger.domain.types import Did, Slug
from ledger.errors import LedgerError

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
DID_WEB = re.compile(r"did:web:[a-z0-9.-]{1,253}(?:%3A[0-9]{1,5})?(?::issuers:([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?))?")
# 24:00 would be the next day's 00:00 to some readers, so hours end at 23; the rest of the calendar is the reader's.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-9]{2}){2}\.[0-9]{3}Z")
STATUS_LIST_SLOTS = 131_072  # bits of one status list, W3C Bitstring Status List's minimum


class Role(StrEnum):
    """What a key of an issuer may sign: `root` the issuer's own standing, `signing` everything it awards."""

    ROOT = "root"
    SIGNING = "signing"


class Custody(StrEnum):
    """Who holds an issuer's private keys."""

    ISSUER = "issuer"
    OPERATOR = "operator"


class Part(StrEnum):
    """A private part that an entry commits to."""

    DOCUMENT = "document"
    FACTS = "facts"
    INTERNAL = "internal"


class Reason(StrEnum):
    """Why an award was changed; the closed public list."""

    ISSUED_IN_ERROR = "issued_in_error"
    ASSESSMENT_INTEGRITY = "assessment_integrity"
    HOLDER_REQUEST = "holder_request"
    SUPERSEDED = "superseded"
    ISSUER_LOST_AUTHORITY = "issuer_lost_authority"
    OTHER = "other"


class Mode(StrEnum):
    """Whether a revocation leaves the time before it untouched, or says the award should never have been issued."""

    PROSPECTIVE = "prospective"
    RETROACTIVE = "retroactive"


class Route(StrEnum):
    """How the learner came to the award."""

    COURSE = "course"
    PRIOR_LEARNING = "prior-learning"
    WORKPLACE = "workplace"


class BadValue(LedgerError):
    """A value is not of its one accepted spelling."""


def slug(text: str) -> Slug:
    """`text` as a slug, or BadValue."""
    if not SLUG.fullmatch(text):
        raise BadValue(f"“{text[:80]}” is not a short name: 1 to 64 of a-z, 0-9 and hyphens, no hyphen at either end")
    return Slug(text)


def issuer_did(operator: Did, issuer_slug: Slug) -> Did:
    """The DID of an issuer that lives at this operator (did:web with a path)."""
    return Did(f"{operator}:issuers:{issuer_slug}")


def slug_of(did: Did) -> Slug | None:
    """The slug inside an issuer's DID; None for the operator's own DID."""
    match = DID_WEB.fullmatch(did)
    if match is None:
        raise BadValue(f"“{did[:80]}” is not a DID of this ledger")
    return Slug(match[1]) if match[1] else None


def host_of(did: Did) -> str:
    """The host, and port if any, that a did:web names: what people know the issuer by."""
    return did.split(":")[2].replace("%3A", ":")


def parse_date(text: str) -> date:
    """The day that YYYY-MM-DD names; no other spelling is read."""
    if len(text) == 10:
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise BadValue(f"“{text}” is not a day of the calendar; write YYYY-MM-DD") from error
        if day.isoformat() == text:
            return day
    raise BadValue(f"“{text[:40]}” is not a date; write YYYY-MM-DD")


def format_time(at: datetime) -> str:
    """UTC with milliseconds, e.g. 2026-11-21T14:03:00.000Z."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:23] + "Z"  # without the +00:00


def parse_time(text: str) -> datetime:
    """The instant that `format_time` would spell so; no other spelling is read."""
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)  # in this form it takes one spelling only for each instant
        except ValueError as error:
            raise BadValue(f"“{text}” is not a time") from error
    raise BadValue(f"“{text[:40]}” is not a time; write 2026-11-21T14:03:00.000Z")
