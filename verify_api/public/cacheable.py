"""Answers for other people's programs that anybody's page may read, and any cache may keep for a while."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from types import MappingProxyType

from fastapi import Request
from starlette.responses import Response

_GUARDS: Mapping[str, str] = MappingProxyType(
    {
        "access-control-allow-origin": "*",  # anybody's page may check it
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }
)


def cacheable(
    request: Request, content: bytes, media_type: str, cache: str, told: Mapping[str, str] | None = None
) -> Response:
    """Content with its entity tag; without it where the client has it already.

    Args:
        told: headers that say more about it.
    """
    tag = f'"{urlsafe_b64encode(sha256(content).digest()[:18]).decode("ascii")}"'
    headers = {**_GUARDS, "cache-control": cache, "etag": tag, **(told or {})}
    if _is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, headers={**headers, "content-type": media_type})


def said(what: str, status: HTTPStatus) -> Response:
    """A sentence, where there is nothing else to answer."""
    headers = {**_GUARDS, "cache-control": "no-store", "content-type": "text/plain; charset=utf-8"}
    return Response(f"{what}.\n", status, headers=headers)


def _is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether a client has this content (RFC 9110 §13.1.2, weak comparison)."""
    if if_none_match is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in if_none_match[:1_000].split(",")]
    return tag in tags or tags == ["*"]
