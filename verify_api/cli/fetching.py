"""Asks any server what it tells everybody: no key is sent, no redirect followed, no more read than is worth reading."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from verify_api.cli.errors import NotReached, WrongUsage

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a public route answered."""

    where: str  # who answered, in words
    status: int
    content: bytes


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


def fetch(url: str, path: str, *, most: int) -> Answer:
    """What the server at `url` answers at a path.

    Args:
        most: bytes that are read; of a longer answer, one more.

    Raises:
        WrongUsage, NotReached.
    """
    where = f"the server at {url}"
    address = base_of(url).rstrip("/") + path
    content = b""
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, trust_env=False) as http,
            http.stream("GET", address, headers={"Accept": "application/json", "User-Agent": "testamur"}) as response,
        ):
            for piece in response.iter_bytes():
                content += piece
                if len(content) > most:
                    break
            return Answer(where=where, status=response.status_code, content=content[: most + 1])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotReached(f"{where} cannot be reached: {error}".rstrip(": ")) from error
