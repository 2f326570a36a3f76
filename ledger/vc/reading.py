"""One reading of a JSON document that others made: whatever two readers could take for two things is refused."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

from ledger.errors import LedgerError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = Mapping[str, Json]

MAX_DOCUMENT = 2**20  # bytes
MAX_LEVELS = 64  # arrays and objects inside one another
MAX_INTEGER = 2**53 - 1  # beyond it a reader with double precision sees another number

# A string that does not end is taken to the end of the text, or each quote in it would be tried as a beginning.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_SHOWN = 100  # characters of what a stranger wrote, in a message


class DocumentError(LedgerError):
    """A document, or something it needs, was refused."""


class MalformedDocument(DocumentError):
    """The bytes are not a JSON object that can be read in one way only."""


def read_document(raw: bytes) -> dict[str, Json]:
    """The JSON object that `raw` spells, in the one way it can be read.

    Raises:
        MalformedDocument: longer than `MAX_DOCUMENT`, deeper than `MAX_LEVELS`, not UTF-8, with a byte order mark, not
            JSON, not an object, a name twice in an object, a number that is no finite double or an integer that
            is not exact as one, half a surrogate pair.
    """
    if len(raw) > MAX_DOCUMENT:
        raise MalformedDocument(f"the document is longer than {MAX_DOCUMENT} bytes")
    if raw.startswith(codecs.BOM_UTF8):
        raise MalformedDocument("the document begins with a byte order mark")
    _check_levels(raw)
    try:
        text = raw.decode()
        value: Json = _DECODER.decode(text)
        # A pair of escaped surrogates was joined by the decoder; what is left of them is half a pair.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise MalformedDocument("the document is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise MalformedDocument("the document has half a surrogate pair, which is no character") from error
    except json.JSONDecodeError as error:
        raise MalformedDocument(f"the document is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedDocument("the document is not a JSON object")
    return value


def _check_levels(raw: bytes) -> None:
    """Refuse what is nested too deep before a parser recurses into it."""
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_LEVELS:
            raise MalformedDocument(f"the document is nested deeper than {MAX_LEVELS} levels")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    read = dict(pairs)
    if len(read) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise MalformedDocument(f"the document has the name {twice[:_SHOWN]!r} twice in one object")
    return read


def _integer(digits: str) -> int:
    # Compared by length first: Python refuses to read integers of thousands of digits, with an error of its own.
    if len(digits) > len(str(-MAX_INTEGER)) or abs(value := int(digits)) > MAX_INTEGER:
        raise MalformedDocument("the document has an integer beyond 2^53 - 1, which readers round differently")
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise MalformedDocument("the document has a number beyond double precision")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedDocument(f"the document has {name}, which is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
