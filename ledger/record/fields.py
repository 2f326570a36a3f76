"""The fields of an entry's JSON and of its private parts, each read as one kind of value and refused as any other."""

from datetime import date
from functools import lru_cache

from ledger.canonical import Json
from ledger.domain.types import Did, Digest, Kid
from ledger.domain.values import DID_WEB, parse_date
from ledger.errors import LedgerError
from ledger.record.encoding import from_text
from ledger.signing import multikey

Data = dict[str, Json]


class MalformedData(LedgerError):
    """The `data` of an entry is not what its type's schema allows."""


def text(data: Data, name: str) -> str:
    """The field, if it is text."""
    value = data[name]
    if type(value) is not str:
        raise MalformedData(f"{name} is not text")
    return value


def digest(data: Data, name: str) -> Digest:
    """The 32 bytes that the field spells."""
    value = data[name]  # as `text`, without the call: an entry has up to five digests
    if type(value) is not str:
        raise MalformedData(f"{name} is not text")
    return Digest(from_text(value, 32))


def whole(data: Data, name: str, low: int, high: int = 2**53 - 1) -> int:
    """The field, if it is a whole number within bounds."""
    value = data[name]
    if type(value) is not int or not low <= value <= high:
        raise MalformedData(f"{name} is not a whole number from {low} to {high}")
    return value


def flag(data: Data, name: str) -> bool:
    """The field, if it is true or false."""
    value = data[name]
    if type(value) is not bool:
        raise MalformedData(f"{name} is neither true nor false")
    return value


def day(data: Data, name: str) -> date:
    """The field, if it is a day."""
    return parse_date(text(data, name))


def optional_day(data: Data, name: str) -> date | None:
    """The field, if it is a day or null."""
    return None if data[name] is None else day(data, name)


def iso(value: date | None) -> str | None:
    """How `optional_day` is spelled."""
    return None if value is None else value.isoformat()


def kid(data: Data, name: str) -> Kid:
    """The field, if it is the Multikey of an admissible Ed25519 key."""
    value = text(data, name)
    multikey.decode(value)
    return Kid(value)


def did(data: Data, name: str) -> Did:
    """The field, if it is a did:web of the ledger's form."""
    value = text(data, name)
    if not _is_did(value):
        raise MalformedData(f"{name} is not a DID of this ledger's form")
    return Did(value)


@lru_cache(maxsize=4096)  # a pure function; a ledger has few issuers, and a flood of other texts evicts only
def _is_did(value: str) -> bool:
    return DID_WEB.fullmatch(value) is not None
