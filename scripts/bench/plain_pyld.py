"""`eddsa-rdfc-2022` as somebody would write it with PyLD and `cryptography` who is in no hurry."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pyld import jsonld  # type: ignore[import-untyped]

from ledger.vc.contexts import context
from ledger.vc.spelling import from_multibase, to_multibase

_OPTIONS = {"algorithm": "URDNA2015", "format": "application/n-quads"}
_SIGNATURE = 64


class _Loaded(TypedDict):
    contextUrl: None
    documentUrl: str
    document: object


class PlainPyld:
    """Signs and verifies documents; contexts are parsed once and kept."""

    def __init__(self) -> None:
        self._kept: dict[str, object] = {}
        self._key = Ed25519PrivateKey.generate()

    def sign(self, document: Mapping[str, object]) -> dict[str, object]:
        """`document` with a proof."""
        proof = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-rdfc-2022",
            "created": "2026-11-21T12:00:00Z",
            "verificationMethod": "did:web:elsewhere.example#key",
            "proofPurpose": "assertionMethod",
        }
        signature = self._key.sign(self._signed(document, proof))
        return {**document, "proof": {**proof, "proofValue": to_multibase(signature)}}

    def verify(self, document: Mapping[str, object]) -> bool:
        """Whether the proof is of the `did:key` that it names: true, or InvalidSignature."""
        proof = document["proof"]
        if not isinstance(proof, dict):
            raise SystemExit("there is no proof")
        unsigned = {name: value for name, value in document.items() if name != "proof"}
        options = {name: value for name, value in proof.items() if name != "proofValue"}
        multikey = str(proof["verificationMethod"]).partition("#")[2]
        key = Ed25519PublicKey.from_public_bytes(from_multibase(multikey, size=34)[2:])
        key.verify(from_multibase(str(proof["proofValue"]), size=_SIGNATURE), self._signed(unsigned, options))
        return True

    def _signed(self, document: Mapping[str, object], proof: Mapping[str, object]) -> bytes:
        options = {"@context": document["@context"], **proof}
        return b"".join(sha256(self._canonical(each)).digest() for each in (options, document))

    def _canonical(self, document: Mapping[str, object]) -> bytes:
        nquads: str = jsonld.normalize(document, {**_OPTIONS, "documentLoader": self._load})
        return nquads.encode()

    def _load(self, url: str, _options: object) -> _Loaded:
        if url not in self._kept:
            self._kept[url] = json.loads(context(url))
        return {"contextUrl": None, "documentUrl": url, "document": self._kept[url]}
