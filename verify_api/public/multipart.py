"""Reads what a form with a file sends (RFC 7578): its fields as they stand between the boundaries, nothing decoded.

The body was read up to a limit already. What is not well formed has no fields at all. Every byte is looked at a fixed
number of times, whatever they are: what tries again and again where it did not fit has no place before a stranger's.
"""

import re
from typing import Final

_MOST_PARTS: Final = 8
_BOUNDARY: Final = re.compile(
    r"multipart/form-data\s*;\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))\s*", re.IGNORECASE
)
_LONGEST_HEAD: Final = 4_096  # bytes


def read_multipart(body: bytes, content_type: str) -> dict[str, bytes] | None:
    """The first value of each named field; None where it is no such form.

    Args:
        content_type: the header of that name, with the boundary.
    """
    match = _BOUNDARY.fullmatch(content_type.strip())
    if match is None:
        return None
    delimiter = b"\r\n--" + (match[1] or match[2]).encode("latin-1", "replace")
    # RFC 2046 §5.1.1: each part begins behind a delimiter line, and the last one is closed by two hyphens more.
    preamble, *parts = (b"\r\n" + body).split(delimiter, _MOST_PARTS + 1)
    if preamble or not parts or not parts[-1].startswith(b"--"):
        return None
    fields: dict[str, bytes] = {}
    for part in parts[:-1]:
        end = part.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
        name = None if end < 0 else _name(part[:end])
        if name is None:
            return None
        fields.setdefault(name, part[end + 4 :])
    return fields


def _name(head: bytes) -> str | None:
    """The name that the lines above a field give it."""
    for line in head.split(b"\r\n"):
        field, _, disposition = line.partition(b":")
        if field.strip().lower() == b"content-disposition":
            return _named(disposition)
    return None


def _named(disposition: bytes) -> str | None:
    """The parameter `name` of a `form-data`, quoted or not."""
    # RFC 7578 §4.2: a quote within a name or a file name is written as %22, so every second piece stands in quotes.
    pieces = disposition.split(b'"')
    if len(pieces) % 2 == 0 or b"\n" in disposition or b"\r" in disposition:
        return None
    kind, *parameters = pieces[0].split(b";")
    if kind.strip().lower() != b"form-data":
        return None
    for index in range(0, len(pieces), 2):
        if index:
            parameters = pieces[index].split(b";")
        for place, parameter in enumerate(parameters, 1):
            key, equals, value = parameter.partition(b"=")
            if equals and key.strip().lower() == b"name":
                quoted = place == len(parameters) and index + 1 < len(pieces) and not value.strip()
                return (pieces[index + 1] if quoted else value.strip()).decode("utf-8", "replace")
    return None
