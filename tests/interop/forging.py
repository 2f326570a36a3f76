"""Documents that say what others would like them to say, signed by keys of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from ledger.domain.types import Did
from ledger.signing.signer import Ed25519Signer
from ledger.vc.data_integrity import sign
from ledger.vc.did import write_document
from ledger.vc.reading import Document, Json, read_document
from ledger.vc.status_list import build

_SIGNED: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_SLOTS: Final = 131_072


class Stranger:
    """An issuer with a key and a web site of its own."""

    def __init__(self, name: str) -> None:
        self.did = f"did:web:{name}.example"
        self.signer = Ed25519Signer(name.encode().ljust(32))
        self.list = f"https://{name}.example/status/1"
        self._home = f"https://{name}.example/.well-known/did.json"

    @property
    def site(self) -> dict[str, Json]:
        """What is published there."""
        return {self._home: read_document(write_document(self.did, [self.signer.kid]))}

    def signed(self, document: Document, *, method: str | None = None) -> dict[str, Json]:
        """A document, signed by this key; its proof may name another."""
        unsigned = {name: value for name, value in document.items() if name != "proof"}
        named = f"{self.did}#{self.signer.kid}" if method is None else method
        return sign(unsigned, signer=self.signer, method=named, created=_SIGNED)

    def issued(self, document: Document, **entry: Json) -> dict[str, Json]:
        """A badge of another issuer, said to be this one's, with another entry for its status."""
        issuer = document["issuer"]
        assert isinstance(issuer, Mapping)
        status: Json = {
            "id": f"{self.list}#7",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "7",
            "statusListCredential": self.list,
            **entry,
        }
        return self.signed({**document, "issuer": {**issuer, "id": self.did}, "credentialStatus": status})

    def status_list(self, *, made: datetime = _SIGNED, **more: Json) -> dict[str, Json]:
        """Its status list, with no bit set; `more` is what it says of its subject besides."""
        unsigned = build(address=self.list, issuer=Did(self.did), bits=bytes(_SLOTS // 8), made=made)
        subject = unsigned["credentialSubject"]
        assert isinstance(subject, Mapping)
        return self.signed({**unsigned, "credentialSubject": {**subject, **more}})
