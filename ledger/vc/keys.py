"""Public keys of documents: Ed25519 and P-256, spelled as Multikey or as JWK, and the signatures they verify.

Ed25519 is `ledger.signing`'s, with its check of the point; P-256 is the `cryptography` package's. Whose a key is, and
for what it may be used, is in `ledger.vc.did`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger.signing import ed25519, multikey
from ledger.signing.ed25519 import PublicKey
from ledger.vc.reading import DocumentError, Json
from ledger.vc.spelling import MalformedSpelling, from_base64url, from_multibase

Kind = Literal["Ed25519", "P-256"]

SIGNATURE_SIZE: Final = 64  # bytes, of both kinds: R || S, r || s
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-5, of the group
_P256_PREFIX: Final = b"\x80\x24"  # varint of 0x1200, p256-pub
_P256_SIZE: Final = 33  # bytes, SEC 1 §2.3.3 compressed
_COORDINATE: Final = 32  # bytes of one coordinate, RFC 7518 §6.2.1.2
# Controlled Identifiers 1.0 §2.2.2: the first characters of the other kinds of key that a Multikey may spell.
_OTHER_MULTIKEYS: Final = ("z82", "zUC", "z6LS", "zQ3s")  # P-384, BLS12-381 G2, X25519, secp256k1
_JWK_ALGORITHMS: Final = MappingProxyType(
    {
        "OKP Ed25519": ("EdDSA", "Ed25519"),  # RFC 8037 §3.1, RFC 9864 §2.2
        "EC P-256": ("ES256",),  # RFC 7518 §3.4
    }
)


class MalformedPublicKey(DocumentError):
    """This is no public key that may verify anything here."""


class UnsupportedKey(DocumentError):
    """This may be a public key, but it is of a kind that is not used here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """A public key that was found good; made by `read_multikey` and `read_jwk`."""

    kind: Kind
    raw: bytes  # 32 bytes of Ed25519; 33 of P-256, SEC 1 compressed

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's of `message`; never raises, whatever the bytes.

        Args:
            message: the exact bytes that were signed. P-256 hashes them with SHA-256 first (ES256).
            signature: 64 bytes, R || S or r || s; any other length verifies nothing.
        """
        if self.kind == "Ed25519":
            return ed25519.verify(PublicKey(self.raw), message, signature)
        return _verify_p256(self.raw, message, signature)


@lru_cache(maxsize=4096)  # a pure function; who verifies many documents meets the same keys again
def read_multikey(text: str) -> VerificationKey:
    """The key that a Multikey spells (Controlled Identifiers 1.0 §2.2.2); each key has one spelling.

    Args:
        text: ``z6Mk...`` (Ed25519, 48 characters) or ``zDn...`` (P-256, 49). It is measured before it is decoded.

    Raises:
        UnsupportedKey: it begins as a Multikey of another kind does.
        MalformedPublicKey: it is no Multikey, or its point is none that may be trusted (small order, off the curve).
    """
    if text.startswith("zDn"):
        try:
            raw = from_multibase(text, size=len(_P256_PREFIX) + _P256_SIZE)
        except MalformedSpelling as error:
            raise MalformedPublicKey(f"this is no P-256 Multikey: {error}") from error
        if raw.startswith(_P256_PREFIX):
            return _p256(raw[len(_P256_PREFIX) :])
    elif text.startswith(_OTHER_MULTIKEYS):
        raise UnsupportedKey("this Multikey is neither of Ed25519 nor of P-256; other keys are not used here")
    try:
        return VerificationKey(kind="Ed25519", raw=multikey.decode(text))
    except ed25519.MalformedKey as error:
        raise MalformedPublicKey(str(error)) from error


def read_jwk(jwk: Mapping[str, Json]) -> VerificationKey:
    """The key that a JWK spells: `OKP` with `Ed25519` (RFC 8037 §2), `EC` with `P-256` (RFC 7518 §6.2).

    Raises:
        UnsupportedKey: another kind of key, or one whose `alg`, `use` or `key_ops` says that it verifies nothing here.
        MalformedPublicKey: a private key, or a point that may not be trusted.
    """
    if "d" in jwk:
        raise MalformedPublicKey("this JWK holds a private key: whoever reads it can sign, so it is not trusted")
    algorithms = _JWK_ALGORITHMS.get(f"{jwk.get('kty')} {jwk.get('crv')}")
    if algorithms is None:
        raise UnsupportedKey("this JWK is neither an Ed25519 nor a P-256 key; other keys are not used here")
    operations = jwk.get("key_ops", ["verify"])
    if (
        jwk.get("alg", algorithms[0]) not in algorithms
        or jwk.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
    ):
        raise UnsupportedKey("this JWK says that it is not for verifying signatures of its kind")
    x = _coordinate(jwk, "x")
    if jwk["kty"] == "EC":
        y = _coordinate(jwk, "y")
        # SEC 1 §2.3.3, uncompressed: the point is checked before it is compressed.
        return _p256(b"\x04" + x + y)
    try:
        return VerificationKey(kind="Ed25519", raw=ed25519.admit(x))
    except ed25519.MalformedKey as error:
        raise MalformedPublicKey(str(error)) from error


def _coordinate(jwk: Mapping[str, Json], name: str) -> bytes:
    """32 bytes of a JWK's member, spelled in full."""
    text = jwk.get(name)
    try:
        raw = from_base64url(text) if isinstance(text, str) and len(text) <= 2 * _COORDINATE else b""
    except MalformedSpelling as error:
        raise MalformedPublicKey(f"the member {name} of this JWK is not base64url: {error}") from error
    if len(raw) != _COORDINATE:
        raise MalformedPublicKey(f"the member {name} of this JWK has to spell {_COORDINATE} bytes")
    return raw


def _p256(point: bytes) -> VerificationKey:
    """The key of a point on P-256, kept compressed."""
    try:
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as error:
        raise MalformedPublicKey("these bytes are no P-256 public key: the point is not on the curve") from error
    return VerificationKey(kind="P-256", raw=key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


@lru_cache(maxsize=1024)
def _p256_key(raw: bytes) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)


def _verify_p256(raw: bytes, message: bytes, signature: bytes) -> bool:
    """ECDSA with SHA-256 (FIPS 186-5 §6.4.2); 0 < r < n and 0 < s < n are checked first."""
    if len(signature) != SIGNATURE_SIZE:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
        return False
    try:
        _p256_key(raw).verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
