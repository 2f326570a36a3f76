"""Reads what a form with a file sends (RFC 7578): its fields as they stand between the boundaries, nothing decoded.

The body was read up to a limit already. What is not well formed has no fields at all.
"""

import re
from typing import Final

_MOST_PARTS: Final = 8
_BOUNDARY: Final = re.compile(
    r"multipart/form-data\s*;\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))\s*", re.IGNORECASE
)
_NAME: Final = re.compile(rb"form-data\s*;.*?\bname=(?:\"([^\"\r\n]*)\"|([^\s;\"]+))", re.IGNORECASE | re.DOTALL)
_DISPOSITION: Final = re.compile(rb"content-disposition:\s*([^\r\n]*)", re.IGNORECASE)


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
        head, blank, content = part.partition(b"\r\n\r\n")
        name = _name(head)
        if not blank or name is None:
            return None
        fields.setdefault(name, content)
    return fields


def _name(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        disposition = _DISPOSITION.fullmatch(line)
        named = None if disposition is None else _NAME.match(disposition[1])
        if named is not None:
            return (named[1] or named[2] or b"").decode("utf-8", "replace")
    return None
