"""The log of requests: it names the route's template, never the path, since a link code must not lie in a log."""

from dataclasses import dataclass
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Logs each request by method, route template, status and milliseconds; swallows what was answered as 500."""

    app: ASGIApp
    log: structlog.typing.FilteringBoundLogger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = perf_counter(), [0]

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - answered already; its message may quote a record, so it is not logged
            self.log.error("request failed", error=type(error).__name__, where=where(error), route=_template(scope))
        self.log.info(
            "request",
            method=scope["method"],
            route=_template(scope),
            status=status[0],
            ms=round((perf_counter() - began) * 1000, 1),
        )


def _template(scope: Scope) -> str:
    """The path as the route spells it, such as /c/{code}; nothing of what a client sent."""
    return str(getattr(scope.get("route"), "path", "-"))


def where(error: Exception) -> str:
    """The place in this program where it was raised; its message may quote a record, and is not told."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
