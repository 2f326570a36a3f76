"""Reads what a page's form sends: no more than a limit of it is kept, and bytes that are no form have no fields."""

from urllib.parse import parse_qs

from fastapi import Request
from starlette.requests import ClientDisconnect

_MOST_FIELDS = 8


async def read_form(request: Request, limit: int) -> bytes | None:
    """The body, or None if it is longer than `limit` bytes; empty where the client went away."""
    body = bytearray()  # to which small pieces can be added without copying all that came before
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def form_fields(body: bytes) -> dict[str, str]:
    """The first value of each field, without blanks around it."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return {name: values[0].strip() for name, values in fields.items()}
