"""The HTTP side of a witness (c2sp.org/tlog-witness): `POST /add-checkpoint`, and its last checkpoint of each log.

What is refused is decided in `ledger.tlog.witnessing`, and kept in `ledger.adapters.witness_state`.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from ledger.adapters.witness_state import Evidence, WitnessState
from ledger.errors import LedgerError
from ledger.tlog.note import VerifierKey
from ledger.tlog.witnessing import MAX_REQUEST_BYTES, SIZE_TYPE, Refused, admit

_PATIENCE: Final = 10.0  # seconds for the body of a request
_PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    body: bytes
    kind: str = _PLAIN
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _TooLong(Exception):
    """A body that no request has."""


class _Gone(Exception):
    """The client went before it had said everything."""


def _said(status: int, sentence: str) -> _Answer:
    return _Answer(status=status, body=f"{sentence}\n".encode("utf-8", "replace"))


_NOT_FOUND: Final = _said(404, "there is nothing here; a witness takes POST /add-checkpoint")


@dataclass(slots=True, kw_only=True)
class WitnessApp:
    """The ASGI application of one witness."""

    state: WitnessState
    logs: Mapping[str, Collection[VerifierKey]]  # the keys of each origin
    log: structlog.typing.FilteringBoundLogger
    _origins: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # "The origin hash is the SHA-256 hash of the log's origin, hex encoded, in lowercase."
        self._origins = {sha256(origin.encode("utf-8")).hexdigest(): origin for origin in self.logs}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except _Gone:
            return
        except LedgerError as error:
            # The state cannot be used: nothing was cosigned, and the log may ask again.
            self.log.error("unavailable", error=type(error).__name__, detail=str(error))
            answer = _said(503, "the state of this witness cannot be used now; ask again later")
        headers = [
            (b"content-type", answer.kind.encode("ascii")),
            (b"content-length", str(len(answer.body)).encode("ascii")),
            (b"cache-control", b"no-store"),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        path, method = scope["path"], scope["method"]
        if path == "/add-checkpoint":
            if method != "POST":
                return _other_method(b"POST")
            return await self._add_checkpoint(scope, receive)
        origin = self._origins.get(path.removeprefix("/").removesuffix("/checkpoint"))
        if origin is None or not path.endswith("/checkpoint"):
            return _NOT_FOUND
        if method not in ("GET", "HEAD"):
            return _other_method(b"GET, HEAD")
        note = await asyncio.to_thread(self.state.latest, origin)
        return _NOT_FOUND if note is None else _Answer(status=200, body=note)

    async def _add_checkpoint(self, scope: Scope, receive: Receive) -> _Answer:
        try:
            async with asyncio.timeout(_PATIENCE):
                raw = await _body(scope, receive)
        except _TooLong:
            return _said(413, f"a request has at most {MAX_REQUEST_BYTES} bytes")
        except TimeoutError:
            return _said(408, f"the request was not there within {_PATIENCE:g} s")
        return await asyncio.to_thread(self._decide, raw)

    def _decide(self, raw: bytes) -> _Answer:
        found = admit(raw, self.logs)
        if isinstance(found, Refused):
            return self._refused(found)
        line = self.state.add(found, self._contradicted)
        if isinstance(line, Refused):
            return self._refused(line)
        self.log.info("cosigned", origin=found.checkpoint.origin, size=found.checkpoint.size)
        return _Answer(status=200, body=line)

    def _refused(self, refused: Refused) -> _Answer:
        self.log.info("refused", status=refused.status, reason=refused.reason)
        if refused.size is not None:
            return _Answer(status=refused.status, body=f"{refused.size}\n".encode("ascii"), kind=SIZE_TYPE)
        return _said(refused.status, refused.reason)

    def _contradicted(self, evidence: Evidence) -> None:
        self.log.error(
            "a log contradicts itself: two checkpoints that it signed cannot both be true",
            origin=evidence.origin,
            evidence="both are kept; `testamur witness --evidence` prints them",
        )


def _other_method(allowed: bytes) -> _Answer:
    answer = _said(405, "another method is asked for here")
    return _Answer(status=405, body=answer.body, headers=((b"allow", allowed),))


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a request, if it is no longer than any request is."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if said.isdigit() and (len(said) > 9 or int(said) > MAX_REQUEST_BYTES):
        raise _TooLong
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_REQUEST_BYTES:
            raise _TooLong
    return bytes(body)
