"""Reads what a person gave on the command line: files, dates, awards, issuers."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import typer

from ledger.adapters.bounded_files import FileUnreadable, read_named
from ledger.canonical import Json
from ledger.domain.codes import MalformedCode, format_link_code, parse_link_code, parse_short_code, stream_of
from ledger.domain.values import BadValue, parse_date
from verify_api.cli.client import Client, path_of
from verify_api.cli.errors import WrongUsage
from verify_api.issuer.answers import IssuerList, IssuerRecord, ReceiptModel
from verify_api.public.links import AwardReference, ScannedCode, ShortCode, parse_award_reference, parse_scanned

_MOST_JSON = 1 << 20  # bytes; the service reads no more either


def day(text: str) -> str:
    """A date as an option gives it; the parser of typer options."""
    try:
        return parse_date(text.strip()).isoformat()
    except BadValue as error:
        raise typer.BadParameter(str(error)) from error


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file, or of standard input for `-`: at most one byte more than `most`, so that more shows.

    Raises:
        WrongUsage: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read(most + 1) if str(path) == "-" else read_named(path, most)
    except FileUnreadable as error:
        raise WrongUsage(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror}") from error


def read_object(path: Path) -> dict[str, Json]:
    """The one JSON object in a file.

    Raises:
        WrongUsage: the file cannot be read, or holds something else.
    """
    raw = read_bytes(path, _MOST_JSON)
    if len(raw) > _MOST_JSON:
        raise WrongUsage(f"{path} is larger than a mebibyte: that is no such description")
    try:
        found = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse
        )
    except _Unreadable as error:
        raise WrongUsage(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path} is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise WrongUsage(f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{path} is not JSON that can be read") from error
    if not isinstance(found, dict):
        raise WrongUsage(f"{path} does not hold a JSON object, {{…}}")
    return found


class _Unreadable(Exception):
    """JSON that could be read in two ways, or that the service does not take."""


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found:
            raise _Unreadable(f"“{name[:80]}” stands in it twice")
        found[name] = value
    return found


def _refuse(number: str) -> Json:
    raise _Unreadable(f"write {number[:40]} in quotation marks; numbers with a point change on their way")


def award_reference(text: str) -> AwardReference:
    """The award that AWARD names.

    Raises:
        WrongUsage: the text is no link, code, short code or credential id.
    """
    code, slash, version = text.strip().rpartition("/")
    reference = parse_award_reference(text) or (parse_scanned(code, version) if slash else None)
    if reference is None:
        raise WrongUsage(
            f"“{text[:80]}” is no award, probably by a typing error: give the link of its QR code, its code of 36 "
            "characters (with /2 for version 2), its short code of 13, or its credential id"
        )
    return reference


def other_host(text: str, host: str) -> str | None:
    """The host of a link, where that is not the host of this ledger's links; None for what is no link."""
    parts = urlsplit(text.strip().lower())
    local = {"localhost", "127.0.0.1"}  # one machine, whatever the port on which a demo is shown
    ours = host.lower().partition(":")[0]
    if not parts.netloc or parts.netloc == host.lower() or {parts.hostname, ours} <= local:
        return None
    return parts.netloc


def award_name(text: str) -> str:
    """The code, short code or id by which the API knows an award, whatever the person called it."""
    reference = award_reference(text)
    if isinstance(reference, ScannedCode):
        return format_link_code(reference.code)
    return reference.text if isinstance(reference, ShortCode) else str(reference)


def is_award(text: str, receipt: ReceiptModel) -> bool:
    """Whether a receipt is of the award that a person named so."""
    reference = award_reference(text)
    try:
        link, short = parse_link_code(receipt.code), parse_short_code(receipt.short_code)
    except MalformedCode:
        return False
    if receipt.credential_id != str(stream_of(link)):
        return False
    if isinstance(reference, ScannedCode):
        return reference.code == link
    return reference.text == short if isinstance(reference, ShortCode) else reference == stream_of(link)


def award_path(text: str, *more: str) -> str:
    """The path of an award in the API, whatever the person called it."""
    return path_of("credentials", award_name(text), *more)


def is_id(text: str) -> bool:
    """Whether it is an id, not a name or a number that people give."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def find_issuer(client: Client, slug: str | None) -> str:
    """The issuer to act for: the one named, else the key's, else the only one that is not just a recognising body.

    Raises:
        WrongUsage: none was named, and there are several, or none.
    """
    if slug is not None:
        return slug
    found = [issuer for issuer in _issuers(client) if not issuer.profile.recognising_body]
    if len(found) != 1:
        raise WrongUsage(_which(found))
    return found[0].slug


def find_body(client: Client, slug: str | None) -> str:
    """The recognising body that is named, else the only one.

    Raises:
        WrongUsage: none was named, and there are several, or none.
    """
    if slug is not None:
        return slug
    found = [issuer.slug for issuer in _issuers(client) if issuer.profile.recognising_body]
    if not found:
        register = "`testamur issuer register SLUG --name NAME --recognising-body`"
        raise WrongUsage(f"there are 0 recognising bodies here: register one with {register}")
    if len(found) != 1:
        raise WrongUsage(f"there are {len(found)} recognising bodies here: say which with --by ({', '.join(found)})")
    return found[0]


def _issuers(client: Client) -> list[IssuerRecord]:
    return client.get(path_of("issuers"), IssuerList).issuers


def _which(found: list[IssuerRecord]) -> str:
    if not found:
        return "there are 0 issuers here: register one with `testamur issuer register SLUG --name NAME`"
    names = ", ".join(issuer.slug for issuer in found[:20])
    return f"there are {len(found)} issuers here: say for which one with --issuer SLUG ({names})"
