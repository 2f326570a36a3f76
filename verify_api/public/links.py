"""The one grammar of the links behind the QR codes: builds them, and reads what a person may give in their place."""

import re
from dataclasses import dataclass
from uuid import UUID

from ledger.domain.codes import MalformedCode, format_link_code, is_short, parse_link_code, parse_short_code
from ledger.domain.types import LinkCode, StreamId
from ledger.errors import LedgerError

# QR alphanumeric mode has upper case only, so a base URL can have a scheme, a host and a port, and no path.
_BASE_URL = re.compile(r"(https?)://([a-z0-9.-]{1,253}(?::[0-9]{1,5})?)/?", re.ASCII | re.IGNORECASE)
_LINK = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?/c/([^/?#]*)(?:/([^/?#]*))?", re.ASCII | re.IGNORECASE)
_VERSION = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LONGEST = 400  # characters of a link with the longest host


class BadBaseUrl(LedgerError):
    """No QR link can be built on this base URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedCode:
    """A link code, and the version printed beside it."""

    code: LinkCode
    version: int | None  # 1 to 999,999; None where none is printed, which is version 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortCode:
    """The code that people type."""

    text: str  # 13 characters, canonical


AwardReference = ScannedCode | ShortCode | StreamId


def host_of(base_url: str) -> str:
    """The host, and port if any, of a base URL, in lower case: the address that a certificate shows."""
    return _parts(base_url)[1].lower()


def link_url(base_url: str, code: LinkCode, version: int) -> str:
    """The text of the printed QR code, in characters of QR alphanumeric mode only.

    Args:
        base_url: http(s), host and port; no path.
        version: of the document, from 1.

    Raises:
        BadBaseUrl: the base URL has parts that such a link cannot carry.
    """
    suffix = f"/{version}" if version > 1 else ""
    return f"{link_prefix(base_url)}{format_link_code(code)}{suffix}"


def link_prefix(base_url: str) -> str:
    """The text of every QR code of this base URL before the link code.

    Raises:
        BadBaseUrl: as `link_url`.
    """
    scheme, host = _parts(base_url)
    return f"{scheme.upper()}://{host.upper()}/C/"


def parse_award_reference(text: str) -> AwardReference | None:
    """What a person means by `text`: a link in either case, a code, a short code or a credential id; else None."""
    text = text.strip()
    if len(text) > _LONGEST or not text.isascii():
        return None
    if _UUID.fullmatch(text):
        return StreamId(UUID(text))
    link = _LINK.fullmatch(text)
    try:
        if link is None:
            return ShortCode(text=parse_short_code(text)) if is_short(text) else _scanned(text, None)
        return _scanned(link[1], link[2])
    except MalformedCode:
        return None


def parse_scanned(code: str, version: str | None) -> ScannedCode | None:
    """The code and version that the path of a link names; None if either is impossible."""
    if not code.isascii():
        return None
    try:
        return _scanned(code, version)
    except MalformedCode:
        return None


def _scanned(code: str, version: str | None) -> ScannedCode:
    if version is not None and not _VERSION.fullmatch(version):
        raise MalformedCode("a version is a whole number from 1, without zeros before it")
    return ScannedCode(code=parse_link_code(code), version=None if version is None else int(version))


def _parts(base_url: str) -> tuple[str, str]:
    match = _BASE_URL.fullmatch(base_url)
    if match is None:
        raise BadBaseUrl(
            f"“{base_url[:80]}” cannot carry QR links: write https://, a host and if need be a port, and no path"
        )
    return match[1], match[2]
