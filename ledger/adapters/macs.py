"""Keyed digests with keys derived from the master key."""

import hmac
from typing import Self

from ledger.adapters.secrets import MasterKey


class DerivedMacs:
    """HMAC-SHA256 under two keys: one for what is done once, one for short codes."""

    def __init__(self, *, idempotency: bytes, short_codes: bytes) -> None:
        self._idempotency = idempotency
        self._short_codes = short_codes

    @classmethod
    def of(cls, master: MasterKey) -> Self:
        """Those of the ledger with this master key."""
        return cls(idempotency=master.derive("idempotency"), short_codes=master.derive("short-codes"))

    def idempotency_key(self, key: str) -> bytes:
        """32 bytes."""
        # A command line may hold bytes that are not UTF-8; they tell one key from another as well as any.
        return hmac.digest(self._idempotency, b"key\n" + key.encode("utf-8", "surrogatepass"), "sha256")

    def request(self, canonical: bytes) -> bytes:
        """32 bytes that tell one request from another."""
        return hmac.digest(self._idempotency, b"request\n" + canonical, "sha256")

    def stack(self, canonical: bytes) -> bytes:
        """32 bytes that tell one set of components of one learner's pathway from another."""
        return hmac.digest(self._idempotency, b"stack\n" + canonical, "sha256")

    def short_code(self, code: str) -> bytes:
        """32 bytes."""
        return hmac.digest(self._short_codes, code.encode("utf-8"), "sha256")
