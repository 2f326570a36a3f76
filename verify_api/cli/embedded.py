"""The HTTP API inside this process: requests of the command go to the application without a network.

The application runs on an event loop of its own in a thread, as the changing calls of the ledger must share one loop.
A body arrives piece by piece, so that the progress of a batch is seen as it happens.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import cast

import httpx

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, object], Receive, Send], Awaitable[None]]

_END = None


class EmbeddedTransport(httpx.BaseTransport):
    """Answers each request by calling an ASGI application; `close` waits until its thread has ended."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="testamur-embedded", daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The application's answer; its body is read from the response as it is sent."""
        exchange = _Exchange(request, request.read())
        running = asyncio.run_coroutine_threadsafe(exchange.run(self._application), self._loop)
        start = exchange.sent.get()
        if start is _END:
            running.result()  # raises what the application raised
            raise httpx.RemoteProtocolError("the application sent no answer", request=request)
        return httpx.Response(
            status_code=cast("int", start["status"]),
            headers=cast("list[tuple[bytes, bytes]]", start.get("headers", [])),
            stream=_Body(exchange.sent, running),
        )

    def close(self) -> None:
        """Stop the loop once what runs on it has been cancelled."""
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class _Exchange:
    """One request as the application sees it, and what it sends back."""

    def __init__(self, request: httpx.Request, body: bytes) -> None:
        self._request = request
        self._body = body
        self._asked = False
        self.sent: SimpleQueue[Message | None] = SimpleQueue()

    async def run(self, application: Application) -> None:
        try:
            await application(self._scope(), self._receive, self._send)
        finally:
            self.sent.put(_END)

    def _scope(self) -> MutableMapping[str, object]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "root_path": "",
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "client": ("127.0.0.1", 0),
            "server": (url.host, url.port or 80),
        }

    async def _receive(self) -> Message:
        if self._asked:  # nothing more is coming: wait for the answer to be read, until the exchange is cancelled
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Message) -> None:
        self.sent.put(message)


class _Body(httpx.SyncByteStream):
    """The pieces of an answer, as the application sends them."""

    def __init__(self, sent: "SimpleQueue[Message | None]", running: "Future[None]") -> None:
        self._sent = sent
        self._running = running

    def __iter__(self) -> Iterator[bytes]:
        while (message := self._sent.get()) is not _END:
            if piece := cast("bytes", message.get("body", b"")):
                yield piece
        self._running.result()  # an application that failed half way is not taken for one that was done

    def close(self) -> None:
        """Let an answer that nobody reads any more end."""
        self._running.cancel()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
