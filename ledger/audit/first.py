"""The commonest entry, the first one of an award, read by its shape alone.

One expression matches nothing but canonical bytes of these two types: keys in their order, no blanks, values without
escapes, base64url with unused bits zero. What it matches is what `parse_entry` would read, at a third of the price; the
tests hold one against the other. Whatever it does not match is read by `parse_entry`, and by it alone anything is
refused.
"""

import re
from functools import lru_cache

from ledger.domain.events import CredentialStacked
from ledger.domain.types import Did, Kid, ListId, Origin
from ledger.domain.values import DID_WEB, STATUS_LIST_SLOTS, BadValue, parse_time
from ledger.record.encoding import from_text, to_text
from ledger.record.entry import Entry, parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.record.sealing import genesis, is_signed
from ledger.signing.ed25519 import MalformedKey

_STACKED = SCHEMA_OF[CredentialStacked].wire
_DIGEST = "([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"  # 32 bytes
_SHORT = "[A-Za-z0-9_-]{%d}[AQgw]"  # 16 or 64 bytes
_PLAIN = r"([ !#-\[\]-~]{1,400})"  # ASCII that JSON does not escape
_NUMBER = "(0|[1-9][0-9]{0,5})"
_SHAPE = re.compile(
    r'(\{"at":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):[0-5][0-9]\.[0-9]{3}Z",'
    rf'"by":"{_PLAIN}",'
    rf'"commit":\{{"document":"{_DIGEST}","facts":"{_DIGEST}","internal":"{_DIGEST}"\}},'
    rf'"data":\{{"link":"{_DIGEST}","list":"({_SHORT % 21})","slot":{_NUMBER}\}},'
    rf'"kid":"{_PLAIN}","prev":"{_DIGEST}","seq":0,'
    '"stream":"([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})",'
    rf'"type":"(credential\.(?:issued|stacked)/1)","v":1\}})\n({_SHORT % 85})\n'
)


class FirstEntry:
    """What an audit without keys asks of it. Not a frozen dataclass: making one took as long as all that it is for."""

    __slots__ = ("_signature", "body", "by", "hex", "kid", "link", "list", "prev", "raw", "slot", "stream", "type")

    seq = 0

    def __init__(self, raw: bytes, groups: tuple[str, ...]) -> None:
        """Of the groups of the expression."""
        body, _, by, _, _, _, link, status_list, slot, kid, prev, stream, wire, signature = groups
        self.raw = raw
        self.body = body
        self.by = Did(by)
        self.kid = Kid(kid)
        self.link = link  # base64url
        self.prev = prev  # base64url
        self.stream = stream  # with hyphens
        self.hex = stream.replace("-", "")
        self.type = wire
        self.list = _list(status_list)
        self.slot = int(slot)
        self._signature = signature

    @property
    def is_stack(self) -> bool:
        """Whether it awards a pathway."""
        return self.type == _STACKED

    @property
    def entry(self) -> Entry:
        """All of it."""
        return parse_entry(self.raw)

    def is_signed(self) -> bool:
        """Whether the key that it names is one, and signed these bytes."""
        try:
            return is_signed(self.kid, self.body.encode("ascii"), from_text(self._signature, 64))
        except MalformedKey:
            return False

    def begins(self, origin: Origin) -> bool:
        """Whether it begins its stream in the log of that name."""
        return to_text(genesis(origin, self.stream)) == self.prev


def hex_of(entry: Entry | FirstEntry) -> str:
    """The stream of an entry in hexadecimal."""
    return entry.hex if isinstance(entry, FirstEntry) else entry.stream.hex


def read_first(raw: bytes) -> FirstEntry | None:
    """The entry that `raw` is, if it has that shape; None says nothing about it."""
    try:
        match = _SHAPE.fullmatch(raw.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    groups = match.groups()
    if not (_is_minute(groups[1]) and _is_did(groups[2])) or int(groups[8]) >= STATUS_LIST_SLOTS:
        return None
    return FirstEntry(raw, groups)


@lru_cache(maxsize=4096)
def _list(text: str) -> ListId:
    return ListId(from_text(text, 16))


@lru_cache(maxsize=4096)
def _is_minute(text: str) -> bool:
    try:
        parse_time(f"{text}:00.000Z")
    except BadValue:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_did(text: str) -> bool:
    return DID_WEB.fullmatch(text) is not None
