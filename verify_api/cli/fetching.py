"""Asks any server in a way that ends: no redirect is followed, nothing unpacked, time and size of answers are limited.

Whoever prints a certificate says which server is asked, so the server may be anybody's.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

import httpx

from verify_api.cli.errors import NotReached, WrongUsage

# What is packed could be any size when it is not: 5 kB of gzip within gzip hold gigabytes.
UNPACKED: Final = {"Accept-Encoding": "identity"}
LONGEST: Final = 60.0  # seconds for an answer, however alive the server seems
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    where: str  # who answered, in words
    status: int
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300


def base_of(url: str) -> str:
    """The address of a server, if it is one.

    Raises:
        WrongUsage: it is none.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # brackets that are no address
        good = False
    if not good:
        raise WrongUsage(f"“{url}” is not the address of a server; write http://127.0.0.1:8000")
    return url


def fetch(url: str, path: str, *, most: int, content: bytes | None = None, longest: float = LONGEST) -> Answer:
    """What the server at `url` answers at a path; no key is sent.

    Args:
        most: bytes that are read; of a longer answer, one more.
        content: what is sent to it.
        longest: seconds that the server may take.

    Raises:
        WrongUsage, NotReached.
    """
    where = f"the server at {url}"
    address = base_of(url).rstrip("/") + path
    headers = {"Accept": "application/json", "User-Agent": "testamur"} | UNPACKED
    if content is not None:
        headers["Content-Type"] = "application/octet-stream"
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as http:
            method = "GET" if content is None else "POST"
            request = http.build_request(method, address, content=content, headers=headers)
            return answer_to(request, http, where=where, most=most, longest=longest)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotReached(f"{where} cannot be reached: {error}".rstrip(": ")) from error


def answer_to(request: httpx.Request, http: httpx.Client, *, where: str, most: int, longest: float) -> Answer:
    """The answer to a request, or none in time.

    Args:
        where: who is asked, in words.
        most: bytes that are read; of a longer answer, one more.
        longest: seconds for all of it, from looking up the name to the last byte.

    Raises:
        httpx.HTTPError: there is none, or it takes longer.
        NotReached: it is packed.
    """
    asked: Future[Answer] = Future()

    def ask() -> None:
        try:
            asked.set_result(_answer(request, http, where, most))
        except Exception as error:  # noqa: BLE001 - whatever it was, who waits must hear of it
            asked.set_exception(error)

    # In a thread that can be left alone: a timeout of httpx begins anew with each byte of a server that drips, also in
    # the head of its answer, and whoever looks up a name cannot be interrupted.
    Thread(target=ask, name="ask", daemon=True).start()
    try:
        return asked.result(timeout=longest)
    except FutureTimeout as error:
        raise httpx.ReadTimeout(f"it takes more than {longest:g} s to answer", request=request) from error


def content_of(response: httpx.Response, where: str, most: int) -> bytes:
    """The content of an answer whose head was read; of a longer one than `most`, one byte more.

    Raises:
        httpx.HTTPError: it broke off.
        NotReached: it is packed.
    """
    _refuse_packed(response, where)
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > most:
            break
    return bytes(content[: most + 1])


def lines_of(response: httpx.Response, where: str, most: int) -> Iterator[bytes]:
    """The lines of an answer whose head was read, as they arrive; empty ones are left out.

    A line feed alone ends one: JSON may hold other characters that Python ends lines at.

    Raises:
        httpx.HTTPError: it broke off.
        NotReached: it is packed, or a line is longer than `most` bytes.
    """
    _refuse_packed(response, where)
    rest = bytearray()
    for piece in response.iter_raw():
        rest += piece
        if b"\n" in piece:
            *lines, rest = rest.split(b"\n")
            yield from (bytes(line) for line in lines if line.strip())
        if len(rest) > most:
            raise NotReached(f"{where} answers with more than {most:,} bytes in one line")
    if rest.strip():
        yield bytes(rest)


def _answer(request: httpx.Request, http: httpx.Client, where: str, most: int) -> Answer:
    response = http.send(request, stream=True)
    try:
        return Answer(where=where, status=response.status_code, content=content_of(response, where, most))
    finally:
        response.close()


def _refuse_packed(response: httpx.Response, where: str) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotReached(f"{where} answers in another form than it was asked for, which is not unpacked")
