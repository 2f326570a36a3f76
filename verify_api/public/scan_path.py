"""The short way to a scan: what stands below /c is answered before the framework is asked for a route.

What is answered is decided in `routes`, for this way and for the framework's own; this module only finds the way there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import LedgerError
from verify_api.public.routes import PublicRoutes

_METHODS = ("GET", "HEAD")
_PREFIXES = ("/c/", "/C/")  # as printed, too: QR alphanumeric mode has upper case only


@dataclass(frozen=True, slots=True)
class _Template:
    """What the request log calls a path, since a code must not lie in a log."""

    path: str


_ONE = {prefix: _Template(prefix + "{code}") for prefix in _PREFIXES}
_MORE = {prefix: _Template(prefix + "{path:path}") for prefix in _PREFIXES}


class ScanPath:
    """Answers GET and HEAD below /c; hands everything else on."""

    def __init__(self, app: ASGIApp, routes: PublicRoutes, failed: Callable[[Request, Exception], Response]) -> None:
        """Stand before an app.

        Args:
            failed: the answer where no verdict could be made.
        """
        self._app = app
        self._routes = routes
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] != "http" or scope["path"][:3] not in _PREFIXES or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        below = path[3:]
        scope["route"] = (_MORE if "/" in below else _ONE)[path[:3]]
        request = Request(scope)
        try:
            response = self._routes.below(request, below)
        except LedgerError as error:
            response = self._failed(request, error)
        except Exception as error:  # a fault of this program: answered, and raised for the log
            await self._failed(request, error)(scope, receive, send)
            raise
        await response(scope, receive, send)
