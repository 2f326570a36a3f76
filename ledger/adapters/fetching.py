"""The one way out: gets what stands at an https address, for an operator who allows it.

Which address to ask is a stranger's word, so none of the machines around this one may be reached by it. The name is
looked up once, every address found has to be a public one, and the connection goes to that address, whatever the name
says a moment later. No redirect is followed, no proxy used, nothing is sent but the request; time and size are limited.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from ledger.application.inquiry import NotFetched

MAX_ANSWER: Final = 1 << 20  # bytes
SECONDS: Final = 2.0  # for all of it
_LOOKUPS: Final = 4  # names looked up at once; one may take longer than anybody waits, and no other waits behind it
_LONGEST: Final = 2_048  # characters of an address
_AGENT: Final = "testamur"

# Public to the registries, and yet not: they lead to the host of a cloud's machine (168.63.129.16), to whoever relays
# 6to4 nearby, to the translators and relays of the network itself, or to nobody but documentation.
_REFUSED: Final = tuple(
    map(ip_network, ("168.63.129.16/32", "192.88.99.0/24", "192.0.0.0/24", "3fff::/20", "2001:20::/28"))
)

LookUp = Callable[[str, int], Sequence[str]]


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for _, _, _, _, address in found]


class HttpsFetcher:
    """Gets small answers from public servers. Any thread may ask; each call ends within two seconds."""

    def __init__(
        self,
        *,
        look_up: LookUp = look_up,
        trusted: ssl.SSLContext | None = None,
        is_public: Callable[[str], bool] | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            look_up: finds the addresses of a name.
            trusted: whose certificates are believed; None: those that the system believes.
            is_public: whether an address may be connected to; tests have their servers on this machine.
        """
        self._look_up = look_up
        self._trusted = trusted or ssl.create_default_context()
        self._is_public = is_public or is_public_address
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="name look-up")
        self._free = BoundedSemaphore(_LOOKUPS)  # of its threads

    def get(self, url: str) -> bytes:
        """What an https URL answers with 200, up to 1 MiB.

        Raises:
            NotFetched: it is no such URL, its server is not a public one, or does not answer so in time.
        """
        ends = monotonic() + SECONDS
        parts = _checked(url)
        host, port = parts.hostname or "", parts.port or 443
        address = self._address(host, port, ends)
        try:
            return asyncio.run(self._download(parts, host, port, address, ends))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, UnicodeError) as error:
            raise NotFetched(f"{host} did not answer: {type(error).__name__}") from error

    def close(self) -> None:
        """Start no look-up any more."""
        self._lookups.shutdown(wait=False, cancel_futures=True)

    def _address(self, host: str, port: int, ends: float) -> str:
        """The one address that is connected to."""
        if not self._free.acquire(blocking=False):
            raise NotFetched(f"{host} is not looked up: the name service is slow at the moment")
        looking: Future[Sequence[str]] = self._lookups.submit(self._look_up, host, port)
        looking.add_done_callback(lambda _: self._free.release())
        try:
            found = looking.result(timeout=max(0.0, ends - monotonic()))
        except (FutureTimeout, OSError, UnicodeError) as error:
            looking.cancel()
            raise NotFetched(f"{host} is not known to the name service") from error
        if not found or not all(self._is_public(each) for each in found):
            raise NotFetched(f"{host} is no public server")
        return found[0]

    async def _download(self, parts: SplitResult, host: str, port: int, address: str, ends: float) -> bytes:
        authority = f"[{address}]" if ":" in address else address
        named = host if port == 443 else f"{host}:{port}"
        request = httpx.Request(
            "GET",
            f"https://{authority}:{port}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else ""),
            headers={
                "Host": named,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "testamur",
            },
            # The certificate is that of the name, whatever the address.
            extensions={"sni_hostname": host, "timeout": httpx.Timeout(SECONDS).as_dict()},
        )
        async with (
            asyncio.timeout(max(0.0, ends - monotonic())),
            httpx.AsyncClient(verify=self._trusted, trust_env=False, follow_redirects=False) as client,
        ):
            response = await client.send(request, stream=True)
            try:
                return await _body(response, host)
            finally:
                await response.aclose()


async def _body(response: httpx.Response, host: str) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise NotFetched(f"{host} answered with status {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotFetched(f"{host} answered with what would have to be unpacked")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MAX_ANSWER:
            raise NotFetched(f"{host} answered with more than {MAX_ANSWER:,} bytes")
    return bytes(body)


def _checked(url: str) -> SplitResult:
    """The parts of an https URL of a named server."""
    refused = NotFetched("only https addresses of named servers are asked")
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise refused
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:  # a port that is none, half an IPv6 address
        raise refused from error
    if not good or parts.username is not None or parts.password is not None:
        raise refused
    return parts


def is_public_address(text: str) -> bool:
    """Whether an address is one of the public internet, for one receiver, and hides no other address in itself."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_v6(address)
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in _REFUSED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_public_v6(address: IPv6Address) -> bool:
    """Addresses that carry one of version 4 lead where that leads: none of them is taken."""
    hidden = address.ipv4_mapped or address.sixtofour or address.teredo
    nat64 = int(address) >> 32 == 0x64FF9B << 64
    compatible = int(address) >> 32 == 0
    # RFC 5214 §6.1: ISATAP has it behind 0000:5efe, or 0200:5efe where it is a unique one (with the group bit: 0300).
    isatap = int(address) >> 32 & 0xFCFF_FFFF == 0x5EFE
    return (
        hidden is None
        and not nat64
        and not compatible
        and not isatap
        and _is_public(address)
        and not address.is_site_local
    )
