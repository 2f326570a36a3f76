"""A published log over HTTP, read by somebody who does not trust it: bounded in size and time, never led elsewhere."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from math import inf
from threading import Thread
from time import monotonic
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from ledger.audit.public.log import LogNotReached, LogNotReadable, most_bytes
from ledger.tlog.tiles import TileMissing

_FOLDER: Final = "/log"
_TIMEOUT: Final = httpx.Timeout(10.0)  # seconds between two signs of life
_LONGEST: Final = 60.0  # seconds for one file, however alive the server seems
_CONNECTIONS: Final = 4
_AHEAD: Final = 16  # files that are fetched before anybody asks for them
_GONE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_LATER: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


def address_of_log(url: str) -> str:
    """Where the files of a log lie, as a person names it: with or without the `/log` at the end.

    Raises:
        LogNotReadable: that is no address of a server.
    """
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as error:
        raise LogNotReadable(f"{url[:200]!a} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise LogNotReadable(f"{url[:200]!a} is not the address of a server; write https://verify.college.example")
    address = parts.geturl().rstrip("/")
    return address if address.endswith(_FOLDER) else address + _FOLDER


class HttpLog:
    """A `PublishedLog` at an address. Redirects are not followed, and no proxy of the environment is used.

    Whatever a server does, a request ends: it runs in an event loop of its own, where it can be given up at any place.
    """

    def __init__(self, url: str, *, longest: float = _LONGEST) -> None:
        """Of the server that `url` names, or its `/log`; nothing is asked yet.

        Args:
            longest: seconds that one file may take, from the connection to the last byte.

        Raises:
            LogNotReadable: that is no address of a server.
        """
        self.address = address_of_log(url)
        self.requests = 0  # that were answered
        self.received = 0  # bytes of content
        self._longest = longest
        self._allowed = self._ends = inf
        # What is compressed could be any size when it is not: the limits hold for what arrives.
        self._http = httpx.AsyncClient(
            headers={"User-Agent": "testamur-audit", "Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            # A reader that is known again could be shown a log of its own.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )
        self._free = asyncio.Semaphore(_CONNECTIONS)  # whoever waits for a connection is not yet being waited for
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fetch", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def allow(self, seconds: float) -> None:
        """From now on all files together may take so long; what is asked for later is not reached."""
        self._allowed, self._ends = seconds, monotonic() + seconds

    def fetch(self, path: str) -> bytes:
        """The bytes at a path, at most one more than any such file has.

        Raises:
            TileMissing, LogNotReached, LogNotReadable.
        """
        return asyncio.run_coroutine_threadsafe(self._fetch(path), self._loop).result()

    def fetch_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """The bytes at each path, in order, a few of them ahead; None where there is no such file.

        Raises:
            LogNotReached, LogNotReadable.
        """
        waiting: deque[Future[bytes | None]] = deque()
        try:
            for path in paths:
                waiting.append(asyncio.run_coroutine_threadsafe(self._fetch_or_none(path), self._loop))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()

    # ---- in the loop

    async def _end(self) -> None:
        """Give up whatever is still being asked for."""
        asked = asyncio.all_tasks() - {asyncio.current_task()}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await self._http.aclose()

    async def _fetch_or_none(self, path: str) -> bytes | None:
        try:
            return await self._fetch(path)
        except TileMissing:
            return None

    async def _fetch(self, path: str) -> bytes:
        most = most_bytes(path)
        async with self._free:
            left = self._ends - monotonic()
            try:
                async with asyncio.timeout(min(left, self._longest)):
                    return await self._ask(path, most)
            except TimeoutError as error:
                if left < self._longest:
                    raise LogNotReached(
                        f"{self.address} does not show within {self._allowed:.0f} s what is asked of it"
                    ) from error
                raise LogNotReached(f"{self.address} takes more than {self._longest:.0f} s to show {path}") from error

    async def _ask(self, path: str, most: int) -> bytes:
        try:
            async with self._http.stream("GET", f"{self.address}/{path}") as answer:
                return await self._content(path, answer, most)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise LogNotReached(f"{self.address} does not answer: {why}") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last one: a name that is none
            raise LogNotReadable(f"{self.address} cannot be asked for {path}: {error}") from error

    async def _content(self, path: str, answer: httpx.Response, most: int) -> bytes:
        self._check(path, answer)
        content = bytearray()
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > most:
                break
        self.requests += 1
        self.received += len(content)
        return bytes(content[: most + 1])

    def _check(self, path: str, answer: httpx.Response) -> None:
        """Pass if the answer is the file, as it lies there."""
        status = answer.status_code
        if status in _GONE:
            raise TileMissing(f"{self.address} has no {path}")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise LogNotReached(f"{self.address} answers {status} where it should show {path}")
        if answer.has_redirect_location:
            to = ascii(answer.headers["location"][:200])
            raise LogNotReadable(
                f"{self.address} sends whoever asks for {path} to {to}: give that address, if you mean it"
            )
        if status != HTTPStatus.OK:
            raise LogNotReadable(f"{self.address} answers {status} where a log shows {path}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise LogNotReadable(f"{self.address} shows {path} in another form than it was asked for")
