"""Canonical JSON: one value has one spelling (RFC 8785), and only that spelling is read.

The domain is narrowed so that a fast encoder with sorted keys gives RFC 8785 bytes: ASCII keys, no floats, integers
within +-(2**53 - 1), no lone surrogates, at most `MAX_DEPTH` levels. The tests hold `rfc8785` beside it as the oracle.
What the values mean is decided elsewhere: `ledger.record` for entries, `ledger.domain` for definitions.
"""

from collections.abc import Iterable
from typing import TypeAlias

import orjson

from ledger.errors import LedgerError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class NotCanonical(LedgerError):
    """The value or the bytes lie outside canonical JSON; nothing was encoded or decoded."""


def encode(value: Json) -> bytes:
    """The RFC 8785 bytes of `value`.

    Raises:
        NotCanonical: a float, a key that is not ASCII, an integer beyond 2**53 - 1, a lone surrogate, too deep.
    """
    _check(value, MAX_DEPTH)
    return encode_unchecked(value)


def encode_unchecked(value: Json) -> bytes:
    """As `encode`, for a value whose shape the caller fixed itself: strings, small integers, ASCII keys."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:  # orjson.JSONEncodeError is a TypeError: surrogates, integers beyond 53 bits
        raise NotCanonical(f"cannot be written as canonical JSON: {error}") from error


def decode(raw: bytes) -> Json:
    """The value that `raw` spells, if `raw` is its canonical spelling.

    Raises:
        NotCanonical: not JSON, or not the one canonical spelling (blanks, key order, duplicate keys, floats ...).
    """
    value = _loaded(raw)
    # Where every byte is ASCII, so is every key, or it is spelled with an escape that the encoder would not write.
    _check(value, MAX_DEPTH, keys=not raw.isascii())
    if encode_unchecked(value) != raw:
        raise NotCanonical("not the canonical spelling of its JSON value")
    return value


def parse(raw: bytes) -> Json:
    """The value of any JSON text inside the domain, however it is spelled. For what people write, never for records."""
    value = _loaded(raw)
    _check(value, MAX_DEPTH)
    return value


def _loaded(raw: bytes) -> Json:
    try:
        value: Json = orjson.loads(raw)
    except ValueError as error:  # orjson.JSONDecodeError is a ValueError
        raise NotCanonical(f"not JSON: {error}") from error
    return value


def _check(value: object, depth: int, keys: bool = True) -> None:
    """Refuse what lies outside the domain; exact types only, so that no subclass is spelled its own way.

    Args:
        keys: whether keys need a look; not where they come out of a parser and are known to be ASCII.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise NotCanonical("an integer lies beyond +-(2**53 - 1)")
        return
    if depth == 0:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels")
    items: Iterable[object]
    if isinstance(value, dict) and kind is dict:
        if keys:
            for key in value:
                if type(key) is not str or not key.isascii():
                    raise NotCanonical("a key is not an ASCII string")
        items = value.values()
    elif isinstance(value, list) and kind is list:
        items = value
    else:
        raise NotCanonical(f"a {kind.__name__} has no canonical spelling here; write numbers as integers or strings")
    for item in items:
        if type(item) is not str and item is not None:  # as most are, and a call for each would cost most of the time
            _check(item, depth - 1, keys)
