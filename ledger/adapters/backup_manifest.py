"""What a backup says of itself, in its first member: what it holds, of which ledger, and each file with its digest."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.types import Origin
from ledger.domain.values import BadValue, format_time, parse_time
from ledger.errors import LedgerError
from ledger.tlog.encoding import from_base64, to_base64

Holds: TypeAlias = Literal["ledger", "vault"]

LEDGER, VAULT, SETTINGS, KEYS = "ledger.db", "vault.db", "testamur.toml", "keys"
_FORMAT = "testamur-backup/1"
_LONGEST_TEXT = 65_536  # bytes of the settings, and of a key
_KEY = re.compile(r"keys/z[1-9A-HJ-NP-Za-km-z]{20,80}\.pem")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"format", "holds", "origin", "made", "schema_version", "size", "root", "files"}
_HOLDS: Mapping[str, Holds] = {"ledger": "ledger", "vault": "vault"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in a backup."""

    name: str
    bytes: int
    sha256: str  # lower-case hexadecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `backup.json` says."""

    holds: Holds
    origin: Origin
    made: datetime
    schema_version: int
    size: int  # entries; data keys of a vault
    root: bytes  # of the tree over all entries; empty for a vault
    files: tuple[Member, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON and a newline."""
        files: list[Json] = [{"name": each.name, "bytes": each.bytes, "sha256": each.sha256} for each in self.files]
        document: dict[str, Json] = {
            "format": _FORMAT,
            "holds": self.holds,
            "origin": self.origin,
            "made": format_time(self.made),
            "schema_version": self.schema_version,
            "size": self.size,
            "root": to_base64(self.root),
            "files": files,
        }
        return canonical.encode(document) + b"\n"


class MalformedManifest(LedgerError):
    """The list of a backup does not say what such a list says."""


def parse_manifest(raw: bytes) -> Manifest:
    """What the bytes of `backup.json` say.

    Raises:
        MalformedManifest.
    """
    try:
        return _manifest(canonical.decode(raw.removesuffix(b"\n")))
    except (canonical.NotCanonical, BadValue) as error:
        raise MalformedManifest(str(error)) from error


def _manifest(document: Json) -> Manifest:
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise MalformedManifest(f"it is not of the format {_FORMAT}; a newer Testamur may have written it")
    if set(document) != _FIELDS:
        raise MalformedManifest("it has other fields than the list of a backup")
    holds = _HOLDS.get(_text(document, "holds"))
    if holds is None:
        raise MalformedManifest("it holds neither a ledger nor a vault")
    root = from_base64(_text(document, "root"))
    if root is None or len(root) != (32 if holds == "ledger" else 0):
        raise MalformedManifest("its root is none")
    listed = document["files"]
    files = tuple(_listed(each) for each in listed) if isinstance(listed, list) else ()
    _check_names([each.name for each in files], holds)
    return Manifest(
        holds=holds,
        origin=Origin(_text(document, "origin")),
        made=parse_time(_text(document, "made")),
        schema_version=_number(document, "schema_version"),
        size=_number(document, "size"),
        root=root,
        files=files,
    )


def _listed(fields: Json) -> Member:
    if not isinstance(fields, dict) or set(fields) != {"name", "bytes", "sha256"}:
        raise MalformedManifest("a file in it has other fields than name, bytes and sha256")
    member = Member(name=_text(fields, "name"), bytes=_number(fields, "bytes"), sha256=_text(fields, "sha256"))
    if not _DIGEST.fullmatch(member.sha256):
        raise MalformedManifest("a digest in it is none")
    if member.bytes > _LONGEST_TEXT and member.name not in (LEDGER, VAULT):
        raise MalformedManifest(f"{ascii(member.name)[:100]} would have {member.bytes} bytes, more than any such file")
    return member


def _check_names(names: Sequence[str], holds: Holds) -> None:
    needed = {VAULT} if holds == "vault" else {LEDGER, SETTINGS}
    strange = [name for name in names if name not in needed and (holds == "vault" or not _KEY.fullmatch(name))]
    if strange:
        raise MalformedManifest(f"it names {ascii(strange[0])[:100]}, which no backup of a {holds} holds")
    if not needed <= set(names) or len(set(names)) != len(names):
        raise MalformedManifest(f"it must name {' and '.join(sorted(needed))}, and each file once")


def _text(fields: Mapping[str, Json], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or len(value) > 1_000:
        raise MalformedManifest(f"{name} is no short text")
    return value


def _number(fields: Mapping[str, Json], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedManifest(f"{name} is no number from 0")
    return value


def is_key(name: str) -> bool:
    """Whether a member of this name is a signing key."""
    return _KEY.fullmatch(name) is not None
