"""Numbers, addresses and language tags as people write them: each in the one spelling that is accepted."""

import re

from ledger.domain.text import fault
from ledger.domain.values import BadValue

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,4})?")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
_E_MAIL = re.compile(r"[^\s@\"<>(),:;\\\[\]]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")


def decimal_text(text: str) -> str:
    """A non-negative decimal number in its one accepted spelling, e.g. `0.5`, `83`."""
    if not _DECIMAL.fullmatch(text):
        raise BadValue(f"“{text[:40]}” is not a number like 83 or 0.5")
    return text


def web_address(text: str) -> str:
    """An http(s) address of at most 500 ASCII characters."""
    if len(text) > 500 or not _WEB_ADDRESS.fullmatch(text):
        raise BadValue(f"“{text[:80]}” is not a web address that begins with https:// or http://")
    return text


def language_tag(text: str) -> str:
    """A BCP 47 tag: language, optional script, optional region."""
    if not _LANGUAGE.fullmatch(text):
        raise BadValue(f"“{text[:20]}” is not a language tag like en, fr or fr-CA")
    return text


def e_mail(text: str) -> str:
    """An e-mail address."""
    if fault(text, 254) or not _E_MAIL.fullmatch(text):
        raise BadValue(f"“{text[:80]}” is not an e-mail address")
    return text
