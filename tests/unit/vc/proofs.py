"""What the tests of proofs share: keys, a document, and proofs of every suite, put together step by step."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger.signing.signer import Ed25519Signer
from ledger.vc.jcs import canonical_json
from ledger.vc.keys import VerificationKey
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, Json
from ledger.vc.spelling import to_multibase

NOW: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONTEXTS: Final[list[Json]] = [
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
]


class Key:
    """A private key of either kind, made from a number."""

    def __init__(self, number: int, *, p256: bool = False) -> None:
        self._ed25519 = Ed25519Signer(number.to_bytes(32, "big"))
        self._p256: EllipticCurvePrivateKey | None = derive_private_key(number, SECP256R1()) if p256 else None
        self.public = VerificationKey(kind="Ed25519", raw=self._ed25519.public_key)
        if self._p256 is not None:
            point = self._p256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
            self.public = VerificationKey(kind="P-256", raw=point)
        self.algorithm = "EdDSA" if self._p256 is None else "ES256"
        self.signer = self._ed25519
        prefix = b"\xed\x01" if self._p256 is None else b"\x80\x24"
        self.multikey = to_multibase(prefix + self.public.raw)
        self.did = f"did:key:{self.multikey}"
        self.method = f"{self.did}#{self.multikey}"

    def coordinates(self) -> tuple[bytes, bytes]:
        """x and y of a P-256 key."""
        assert self._p256 is not None
        numbers = self._p256.public_key().public_numbers()
        return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        if self._p256 is None:
            return self._ed25519.sign(message)
        r, s = decode_dss_signature(self._p256.sign(message, ECDSA(SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


ED25519: Final = Key(1)
OTHER: Final = Key(2)
P256: Final = Key(3, p256=True)


def document(issuer: str = ED25519.did) -> dict[str, Json]:
    """A small badge."""
    return {
        "@context": list(CONTEXTS),
        "id": "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Premiers secours 救急",
        "issuer": {"id": issuer, "type": ["Profile"], "name": "North College"},
        "validFrom": "2026-02-28T00:00:00Z",
        "validUntil": "2999-02-28T00:00:00Z",
        "credentialSubject": {
            "id": "did:example:learner",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "urn:uuid:8a5c1b2e-2f0e-4d4f-8b0e-0f6f5a1c9d11",
                "type": ["Achievement"],
                "name": "First Aid",
                "description": "Keeps a person alive until help comes.",
                "criteria": {"narrative": "Passed the practical examination."},
                "creditsAvailable": 2.5,
            },
        },
    }


def proof(suite: str, key: Key, members: Document | None = None) -> dict[str, Json]:
    """Proof options, with `members` added or in place of the usual ones."""
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": "2026-03-01T09:00:00Z",
        "verificationMethod": key.method,
        "proofPurpose": "assertionMethod",
        **(members or {}),
    }


def value(unsecured: Document, options: Document, key: Key) -> str:
    """The proofValue of `options` over `unsecured`, as the suites of both kinds define it."""
    if "-rdfc-" in str(options.get("cryptosuite")):
        config = canonical_nquads({**options, "@context": unsecured.get("@context")})
        message = canonical_nquads(unsecured)
    else:
        config, message = canonical_json(dict(options)), canonical_json(dict(unsecured))
    return to_multibase(key.sign(sha256(config).digest() + sha256(message).digest()))


def secured(
    suite: str, key: Key = ED25519, members: Document | None = None, *, unsecured: Document | None = None
) -> dict[str, Json]:
    """A document with one good proof."""
    whole = dict(unsecured) if unsecured is not None else document(key.did)
    options = proof(suite, key, members)
    return {**whole, "proof": {**options, "proofValue": value(whole, options, key)}}
