"""What comes in: bodies up to a limit, JSON that reads one way only, headers of one spelling, known parameters."""

import json
import re
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated

from fastapi import Depends, Header, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.responses import Response

from ledger import canonical
from ledger.application.api_keys import ApiKeys
from ledger.application.published_log import PublishedLog
from ledger.domain.reading import Problem, Refused
from verify_api.issuer.auth import authenticate
from verify_api.issuer.problems import BodyTooLarge, MalformedHeader, MalformedJson, WrongContentType
from verify_api.issuer.waiting import LONGEST, prove, seconds_to_wait

MOST_JSON = 1 << 20  # bytes
MOST_CSV = 8 << 20
_DISCARDED = 16 << 20  # bytes of a refused body that are let pass by, so that the client gets to read the refusal
_KEY = re.compile(r"[!-~]{1,200}")
_REVISION = re.compile(r'"(0|[1-9][0-9]{0,14})"')


async def read_body(request: Request, limit: int) -> bytes:
    """The body; no more than `limit` bytes of it are ever kept.

    Raises:
        BodyTooLarge.
    """
    declared = request.headers.get("content-length", "")
    length = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else 0
    if length > _DISCARDED or (length > limit and "expect" in request.headers):
        raise _too_large(limit)
    kept, seen = bytearray(), 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen <= limit and length <= limit:
            kept += chunk
        else:
            kept.clear()
        if seen > _DISCARDED:
            break
    if seen > limit:
        raise _too_large(limit)
    return bytes(kept)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is longer than {limit >> 20} MiB; split it")


def check_content_type(request: Request, wanted: str) -> None:
    """Pass if the body is said to be of the kind that is read here.

    Raises:
        WrongContentType.
    """
    found = request.headers.get("content-type", "")
    kind, _, parameters = found.partition(";")
    charset = re.fullmatch(r'\s*charset="?([A-Za-z0-9_-]*)"?\s*', parameters)
    if kind.strip().lower() != wanted or (charset is not None and charset[1].lower() not in ("utf-8", "utf8")):
        raise WrongContentType(f"send “Content-Type: {wanted}”, in UTF-8; this came as “{found[:80]}”")


def parse_json(raw: bytes) -> canonical.Json:
    """The value of a JSON text.

    Raises:
        MalformedJson: no JSON, a repeated key, NaN, a float, half a surrogate pair, too deep, a huge integer.
    """
    try:
        value = canonical.parse(raw)
        json.loads(raw, object_pairs_hook=_once)
    except canonical.NotCanonical as error:
        raise MalformedJson(f"the body cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedJson("the body cannot be read: it is not JSON") from error
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedJson(f"the body has the field “{name[:80]}” twice")
        found[name] = value
    return found


class _ReadRequest(Request):
    """A request whose body was read and parsed already."""

    raw: bytes
    value: canonical.Json

    async def body(self) -> bytes:
        return self.raw

    async def json(self) -> canonical.Json:
        return self.value


def strict_route(keys: ApiKeys, published: PublishedLog) -> type[APIRoute]:
    """A route that knows its caller before it reads, reads strictly, and waits for publication where that is wanted."""

    class StrictRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
            handle = super().get_route_handler()
            fields = get_flat_params(self.dependant)
            known = {each.alias for each in fields if isinstance(each.field_info, params.Query)}
            takes_json = self.body_field is not None

            async def strictly(request: Request) -> Response:
                request.state.caller = authenticate(request.headers.getlist("authorization"), keys)
                _check_headers(request)
                _check_query(request.query_params.multi_items(), known)
                response = await handle(await _with_json(request) if takes_json else request)
                seconds = seconds_to_wait(request.headers.getlist("prefer")) if request.method == "POST" else 0
                if seconds:
                    await prove(response, published, seconds)
                response.headers["Cache-Control"] = "no-store"
                return response

            return strictly

    return StrictRoute


async def _with_json(request: Request) -> Request:
    raw = await read_body(request, MOST_JSON)
    if raw:
        check_content_type(request, "application/json")
    read = _ReadRequest(request.scope, request.receive)
    read.raw, read.value = raw, parse_json(raw) if raw else None
    return read


def _check_headers(request: Request) -> None:
    """Refuse what would be read in part: of a header that stands there twice, only the first is looked at.

    Raises:
        MalformedHeader.
    """
    for name in ("Idempotency-Key", "If-Match"):
        if len(request.headers.getlist(name)) > 1:
            raise MalformedHeader(f"the header {name} is given twice; give it once")


def _check_query(items: Iterable[tuple[str, str]], known: set[str]) -> None:
    problems, seen = [], set()
    for name, _ in items:
        if name not in known:
            reason = f"is not a parameter here; there are {', '.join(sorted(known)) or 'none'}"
            problems.append(Problem(column=name[:80], code="unknown_parameter", reason=reason))
        elif name in seen:
            problems.append(Problem(column=name, code="repeated", reason="is given twice"))
        seen.add(name)
    if problems:
        raise Refused(tuple(problems))


async def _idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="1 to 200 visible ASCII characters. The same request with the same key is recorded once, and "
            "answered the same each time; another request with it is refused with 409.",
            examples=["4f6c2d9e-row-17"],
        ),
    ] = None,
    _prefer: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description=f"`wait=SECONDS` (RFC 7240), up to {LONGEST}: answer once the change is published, with its "
            "`proof`; without it where time is over before. What it cannot be applied to is not affected.",
            examples=["wait=10"],
        ),
    ] = None,
) -> str | None:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise MalformedHeader("an Idempotency-Key has 1 to 200 visible ASCII characters, and no blanks")
    return idempotency_key


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            description="The revision that the decision was made on, in quotation marks; `*` or absent: any.",
            examples=['"3"'],
        ),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _REVISION.fullmatch(if_match.strip())
    if match is None:
        raise MalformedHeader('If-Match is one revision in quotation marks, as in “If-Match: "3"”, or *')
    return int(match[1])


IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
IfRevision = Annotated[int | None, Depends(_if_match)]
