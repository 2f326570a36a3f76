"""API keys: who may call the issuer's API, for which issuer, with which scopes. Operational records, not events."""

import hashlib
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ledger.application.ports import Caller, Clock, Entropy
from ledger.domain import text
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import StreamId
from ledger.errors import LedgerError

SCOPES = ("define", "issue", "change", "read", "admin")
_PREFIX = "testamur_"


class ApiKeyUnknown(LedgerError):
    """There is no such API key, or it is revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of a key; the key itself is shown once and never stored."""

    id: str
    secret: bytes  # SHA-256 of the key
    issuer: StreamId | None  # None: the operator
    scopes: tuple[str, ...]
    label: str
    created_at: datetime
    revoked_at: datetime | None


class ApiKeyStore(Protocol):
    """Where API keys lie; durable when a call returns."""

    def add_api_key(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    def api_keys(self) -> Sequence[ApiKey]:
        """Every key, oldest first."""
        ...

    def api_key(self, secret: bytes) -> ApiKey | None:
        """The key with this digest, revoked or not."""
        ...

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a living key; it is dead now."""
        ...


class ApiKeys:
    """Commands on API keys."""

    def __init__(self, store: ApiKeyStore, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def create(self, issuer: StreamId | None, scopes: Sequence[str], label: str) -> tuple[ApiKey, str]:
        """A new key and its one-time spelling.

        Raises:
            Refused: an unknown scope, none at all, or `admin` for an issuer.
        """
        self._check(issuer, scopes, label)
        secret = _PREFIX + b32encode(self._entropy.bytes(16)).decode("ascii").rstrip("=").lower()
        key = ApiKey(
            id=str(UUID(bytes=self._entropy.bytes(16), version=4)),
            secret=digest_of(secret),
            issuer=issuer,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            label=label,
            created_at=self._clock.now(),
            revoked_at=None,
        )
        self._store.add_api_key(key)
        return key, secret

    def _check(self, issuer: StreamId | None, scopes: Sequence[str], label: str) -> None:
        problems = [
            Problem(
                column="scopes",
                code="unknown_scope",
                reason=f"“{scope[:40]}” is not a scope; the scopes are {', '.join(SCOPES)}",
            )
            for scope in scopes
            if scope not in SCOPES
        ]
        if not scopes:
            problems.append(Problem(column="scopes", code="missing", reason="a key needs at least one scope"))
        if issuer is not None and "admin" in scopes:
            reason = "only a key of the operator may have admin"
            problems.append(Problem(column="scopes", code="not_allowed", reason=reason))
        wrong = text.fault(label, 100)
        if wrong:
            problems.append(Problem(column="label", code=wrong[0], reason=wrong[1]))
        if problems:
            raise Refused(tuple(problems))

    def list(self, issuer: StreamId | None) -> Sequence[ApiKey]:
        """The keys of one issuer, oldest first; every key for the operator."""
        return [key for key in self._store.api_keys() if issuer is None or key.issuer == issuer]

    def revoke(self, issuer: StreamId | None, key_id: str) -> None:
        """Kill a key.

        Raises:
            ApiKeyUnknown: none, dead already, or another issuer's.
        """
        if all(key.id != key_id for key in self.list(issuer)):
            raise ApiKeyUnknown(f"there is no API key “{key_id[:60]}”")
        if not self._store.revoke_api_key(key_id, self._clock.now()):
            raise ApiKeyUnknown("this API key is revoked already")

    def caller(self, secret: str) -> Caller:
        """Who calls with this key.

        Raises:
            ApiKeyUnknown: nobody, any more or ever.
        """
        key = self._store.api_key(digest_of(secret)) if len(secret) <= 200 else None
        if key is None or key.revoked_at is not None:
            raise ApiKeyUnknown("this API key is not known, or it was revoked")
        return Caller(actor=f"api-key {key.id} ({key.label})", issuer=key.issuer, scopes=frozenset(key.scopes))


def digest_of(secret: str) -> bytes:
    """SHA-256 of a key: 128 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
