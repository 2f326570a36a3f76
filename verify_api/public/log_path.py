"""The short way to the files of the log, which are answered before the framework is asked for a route.

An audit from outside fetches them by the ten thousand. What is answered is decided in `log_files`, for both ways.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import LedgerError
from verify_api.public.log_files import PublishedFiles

_METHODS = ("GET", "HEAD")
_LOG = "/log/"


@dataclass(frozen=True, slots=True)
class _Template:
    """What the request log calls a path."""

    path: str


_TEMPLATES = {
    "checkpoint": _Template("/log/checkpoint"),
    "tile": _Template("/log/tile/{path:path}"),
    "days": _Template("/log/days/{date}"),
}


class LogPath:
    """Answers GET and HEAD of the files of the log; hands everything else on."""

    def __init__(self, app: ASGIApp, files: PublishedFiles, failed: Callable[[Request, Exception], Response]) -> None:
        """Stand before an app.

        Args:
            failed: the answer where the files could not be read.
        """
        self._app = app
        self._files = files
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] != "http" or not scope["path"].startswith(_LOG) or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        path = scope["path"][len(_LOG) :]
        kind, slash, _ = path.partition("/")
        template = _TEMPLATES.get(kind)
        if template is None or bool(slash) == (kind == "checkpoint"):
            await self._app(scope, receive, send)
            return
        scope["route"] = template
        request = Request(scope)
        try:
            response = await self._files.answer(request, path)
        except LedgerError as error:
            response = self._failed(request, error)
        except Exception as error:  # a fault of this program: answered, and raised for the log
            await self._failed(request, error)(scope, receive, send)
            raise
        await response(scope, receive, send)
