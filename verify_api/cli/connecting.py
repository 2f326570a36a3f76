"""Finds whom a command asks: the service that it names, the server that holds the home, or this very process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ledger.adapters.home import Home, HomeBusy, host_and_port
from ledger.application.ports import Clock
from ledger.bootstrap import clock_from_environment, engine_of
from verify_api.cli.client import LONGEST, VISIBLE, Client
from verify_api.cli.embedded import EmbeddedTransport
from verify_api.cli.errors import WrongUsage
from verify_api.cli.fetching import UNPACKED, base_of
from verify_api.cli.output import fail

PATIENCE = 10.0  # seconds to wait for another command that holds the home
_TIMEOUT = httpx.Timeout(LONGEST, connect=5.0)
_EMBEDDED = "http://embedded.invalid"


@contextmanager
def connect(
    folder: Path, url: str | None, *, keyless: bool = False, clock: Clock | None = None, wait: int | None = None
) -> Iterator[Client]:
    """A client of the service that `url` names, else of the server that holds the home, else of this very process.

    Args:
        keyless: whether the command works without an API key.
        clock: of this process, if it is the one that works on the home.
        wait: seconds that the service may take to publish what it is told to change.

    Raises:
        WrongUsage: there is no ledger, no key, or no such address.
        HomeBusy: another command holds the home and does not end.
    """
    home = Home(folder)
    url = url or os.environ.get("TESTAMUR_URL") or None
    if url is None:
        home.settings()  # says so if there is no ledger
        try:
            with home.hold(patience=PATIENCE, shared=engine_of(home).shared):
                yield from _embedded(home, clock or clock_from_environment(), wait)
                return
        except HomeBusy:
            server = home.server()
            if server is None:
                raise
            url = server.url
            own = True
    else:
        own = _is_own(home, url)
    key = _key(home if own else None)
    if key is None and not keyless:
        raise WrongUsage(f"no API key for {url}: set TESTAMUR_API_KEY")
    with _http(base_of(url), key, None, wait) as http:
        yield Client(http, f"the server at {url}", _host(home) if own else None)


def _embedded(home: Home, clock: Clock, wait: int | None) -> Iterator[Client]:
    # Loaded here, since a command beside a server needs none of it, and it is most of what there is to load.
    from verify_api.app import create_app
    from verify_api.services import open_services

    services = open_services(home, clock=clock, failed=_tell, following=False)
    try:
        with _http(_EMBEDDED, _key(home), EmbeddedTransport(create_app(services)), wait) as http:
            yield Client(http, f"the ledger in {home.folder}", _host(home))
    finally:
        services.close()


def _host(home: Home) -> str:
    return host_and_port(home.settings().base_url)


def _http(base: str, key: str | None, transport: httpx.BaseTransport | None, wait: int | None) -> httpx.Client:
    headers = {"User-Agent": "testamur", "Accept": "application/json"} | UNPACKED
    if wait is not None:
        headers["Prefer"] = f"wait={wait}"
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return httpx.Client(base_url=base, headers=headers, transport=transport, timeout=_TIMEOUT, trust_env=False)


def _key(home: Home | None) -> str | None:
    """The caller's API key; the operator's, which lies in the home, goes to no other service than the home's own."""
    named = (os.environ.get("TESTAMUR_API_KEY") or "").strip()
    if named:
        if not VISIBLE.fullmatch(named):
            raise WrongUsage("TESTAMUR_API_KEY holds something that is no API key")
        return named
    if home is None:
        return None
    try:
        return home.operator_key.read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _is_own(home: Home, url: str) -> bool:
    server = home.server()
    known = {home.settings().base_url} if home.exists() else set()
    if server is not None:
        known.add(server.url)
    return url.rstrip("/") in known


def _tell(error: Exception) -> None:
    fail(f"beside this command: {error}")
