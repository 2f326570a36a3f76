"""Puts routes on a router whose answers this package makes itself; the framework only describes them."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from verify_api.public.openapi import Responses

Endpoint = (
    Callable[[], Awaitable[Response]]
    | Callable[[Request], Awaitable[Response]]
    | Callable[[Request, str], Awaitable[Response]]
    | Callable[[Request, str, str], Awaitable[Response]]
)


def add_get(
    router: APIRouter,
    path: str,
    endpoint: Endpoint,
    responses: Responses,
    *,
    described: bool = True,
    extra: Mapping[str, object] | None = None,
) -> None:
    """Answer GET, and HEAD, which needs no description of its own.

    Args:
        extra: what else stands in the description.
    """
    for method in ("GET", "HEAD"):
        _add(router, method, path, endpoint, responses, extra, described=described and method == "GET")


def add_post(
    router: APIRouter, path: str, endpoint: Endpoint, responses: Responses, *, extra: Mapping[str, object]
) -> None:
    """Answer POST.

    Args:
        extra: what else stands in the description: what is to be sent.
    """
    _add(router, "POST", path, endpoint, responses, extra, described=True)


def _add(
    router: APIRouter,
    method: str,
    path: str,
    endpoint: Endpoint,
    responses: Responses,
    extra: Mapping[str, object] | None,
    *,
    described: bool,
) -> None:
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        responses=responses,
        response_model=None,
        response_class=Response,
        openapi_extra=None if extra is None else dict(extra),
        include_in_schema=described,
    )
