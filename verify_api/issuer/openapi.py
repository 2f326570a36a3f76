"""How the routes of the issuer's API stand in the OpenAPI description."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import ParamSpec

from fastapi import APIRouter

from verify_api.issuer.answers import Problem
from verify_api.issuer.problems import PROBLEM_JSON

P = ParamSpec("P")
Responses = dict[int | str, dict[str, object]]

_WORDS = {
    HTTPStatus.BAD_REQUEST: "The body is not proper JSON, or a header is malformed.",
    HTTPStatus.UNAUTHORIZED: "No API key was sent, or a dead one.",
    HTTPStatus.FORBIDDEN: "The API key lacks the scope.",
    HTTPStatus.NOT_FOUND: "There is no such thing, or it is another issuer's.",
    HTTPStatus.CONFLICT: "The record has changed, the idempotency key was used otherwise, or the state forbids it.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is of another kind.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Refused; `errors` says everything that is wrong.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The outcome is unknown, or nothing is recorded now: repeat the request with the "
    "same idempotency key after `Retry-After` seconds.",
}
_ALWAYS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_POSTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_WITH_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route as it is described."""

    method: str
    path: str
    scope: str
    status: HTTPStatus = HTTPStatus.OK
    body: bool = True  # of a POST


def problems(route: Route) -> Responses:
    """Every refusal that a route may answer with."""
    statuses = list(_ALWAYS)
    if route.method == "POST":
        statuses.extend((*_POSTED, *(_WITH_BODY if route.body else ())))
    elif "{" in route.path or "issuer" in route.path or "achievement" in route.path:
        statuses.append(HTTPStatus.NOT_FOUND)
    return {int(status): _problem(status) for status in sorted(statuses)}


def _problem(status: HTTPStatus) -> dict[str, object]:
    described: dict[str, object] = {
        "description": _WORDS[status],
        "content": {PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
    }
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        described["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return described


def add(
    router: APIRouter,
    route: Route,
    endpoint: Callable[P, Awaitable[object]],
    *,
    extra: dict[str, object] | None = None,
    responses: Responses | None = None,
) -> None:
    """Put a route on the router, with its scope and refusals in its description."""
    promise = (endpoint.__doc__ or "").strip()
    router.add_api_route(
        route.path,
        endpoint,
        methods=[route.method],
        status_code=route.status,
        summary=promise.splitlines()[0].rstrip("."),
        description=f"{promise}\n\nNeeds the scope `{route.scope}`.",
        responses={**problems(route), **(responses or {})},
        openapi_extra=extra,
    )
