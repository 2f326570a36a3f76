"""The fast reading of an entry from our own store, for views that can be rebuilt. It verifies nothing.

`ledger.record.entry` reads strictly what anybody may have sent; here the sender is our own append transaction, which
read strictly before it wrote. Bytes that somebody changed in the store since then come through as they are: a
signature, a chain, a spelling or a bound is not looked at. So verification and audit never read with this, and what
does must be able to be thrown away and built again.
"""

from operator import itemgetter
from typing import NamedTuple

import orjson

from ledger.canonical import Json
from ledger.record.entry import MalformedEntry


class Decoded(NamedTuple):  # a tuple: a frozen dataclass takes three times as long to make, once an event
    """What an entry says, as it spells it; believed because our own store gave it."""

    type: str
    stream: str  # a lower-case UUID with hyphens
    seq: int
    at: str  # UTC with milliseconds, in the order of time also as text
    by: str
    kid: str
    data: dict[str, Json]
    commit: dict[str, str]  # part -> base64url of 32 bytes


_fields = itemgetter(*Decoded._fields)
_TYPES = (str, str, int, str, str, str, dict, dict)


def decode(raw: bytes) -> Decoded:
    """What the entry says, unverified: for views that can be rebuilt, never for verification or audit.

    Raises:
        MalformedEntry: the first line is not a JSON object with the fields of an entry, of their types. That is all
            that is looked at; `prev`, `v` and the signature are not.
    """
    try:
        decoded = tuple.__new__(Decoded, _fields(orjson.loads(raw[: raw.find(b"\n")])))  # `_make` without its call
    except (ValueError, KeyError, TypeError) as error:  # orjson.JSONDecodeError is a ValueError
        raise MalformedEntry(f"the entry in the store cannot be read: {error!r}"[:200]) from error
    if tuple(map(type, decoded)) != _TYPES:
        raise MalformedEntry("a field of the entry in the store is of another type")
    return decoded
