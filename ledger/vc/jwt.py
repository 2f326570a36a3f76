"""Credentials signed as a compact JWS: `vc+jwt` of VC-JOSE-COSE 1.0, and the JWT proof format of Open Badges 3.0 §8.2.

EdDSA and ES256 are checked. Whether the signer's document is a credential, and what it says, is judged elsewhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from ledger.vc.checked import CheckedProof, ProofRefused, controller_of, failed, unknown, usable
from ledger.vc.did import ControllerDocument, Resolve
from ledger.vc.keys import Kind, MalformedPublicKey, UnsupportedKey, VerificationKey, read_jwk
from ledger.vc.reading import MAX_DOCUMENT, Document, DocumentError, Json, MalformedDocument, read_document
from ledger.vc.spelling import MalformedSpelling, from_base64url, from_time

MAX_HEADER: Final = 16_384  # characters of base64url
MAX_JWT: Final = MAX_HEADER + 2 * MAX_DOCUMENT  # bytes
_MAX_SIGNATURE: Final = 2_048  # characters of base64url; RSA keys of 8,192 bits make 1,366
_PURPOSE: Final = "assertionMethod"
_TYPES: Final = frozenset(("jwt", "vc+jwt", "vc+ld+jwt", "vc-ld+jwt"))  # RFC 7515 §4.1.9: compared without case
_CLAIMS: Final = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti"))  # RFC 7519 §4.1
_KINDS: Final[Mapping[str, Kind]] = MappingProxyType({"EdDSA": "Ed25519", "Ed25519": "Ed25519", "ES256": "P-256"})


class MalformedJwt(DocumentError):
    """These bytes are no compact JWS that holds a JSON object and can be read in one way only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """One JWT as it was read; nothing of it was checked."""

    header: Document
    claims: Document  # the registered claims of the payload
    document: Document  # the credential: the payload without them, or its member `vc`
    signing_input: bytes
    signature: bytes


def read_jwt(raw: bytes) -> Jwt:
    """The header, the credential and the signature of a compact JWS.

    Args:
        raw: three parts of base64url without padding, with points between them, and nothing else.

    Raises:
        MalformedJwt: it is not that, or a part has a second spelling.
    """
    try:
        text = raw.decode("ascii") if len(raw) <= MAX_JWT else ""
        header, payload, signature = text.split(".")
        if len(header) > MAX_HEADER or len(signature) > _MAX_SIGNATURE:
            raise MalformedJwt("the header or the signature of the JWT is longer than is read here")
        head = read_document(from_base64url(header))
        body = read_document(from_base64url(payload))
        signed = from_base64url(signature)
    except ValueError as error:  # UnicodeDecodeError too; neither has anything to tell that the sentence lacks
        raise MalformedJwt(f"a JWT is three parts of base64url with points between, up to {MAX_JWT} bytes") from error
    except (MalformedSpelling, MalformedDocument) as error:
        raise MalformedJwt(f"a part of the JWT cannot be read: {error}") from error
    claims = {name: value for name, value in body.items() if name in _CLAIMS}
    return Jwt(
        header=head,
        claims=claims,
        document=_document(body),
        signing_input=f"{header}.{payload}".encode("ascii"),
        signature=signed,
    )


def _document(body: Document) -> Document:
    """The credential in a payload: at its top level, or in `vc` as VC Data Model 1.1 §6.3.1 had it; never both."""
    if "vc" not in body:
        return {name: value for name, value in body.items() if name not in _CLAIMS}
    inner = body["vc"]
    if not isinstance(inner, dict) or body.keys() - _CLAIMS != {"vc"}:
        raise MalformedJwt("the JWT has a credential in its member vc and another beside it")
    return inner


def check(jwt: Jwt, resolve: Resolve, *, now: datetime) -> CheckedProof:
    """What the signature of `jwt` is worth.

    Args:
        jwt: as `read_jwt` gave it.
        resolve: asked for the document of the issuer, once everything was checked that needs no key.
        now: a JWT or a key that expired by then fails, and a JWT that is not valid yet.
    """
    try:
        return _judged(jwt, resolve, now)
    except ProofRefused as refused:
        algorithm, name = jwt.header.get("alg"), jwt.header.get("kid")
        return CheckedProof(
            cryptosuite=algorithm if isinstance(algorithm, str) else "",
            method=name if isinstance(name, str) else "",
            controller=None,
            created=None,
            outcome=refused.outcome,
            reason=refused.reason,
            detail=str(refused),
        )


def _judged(jwt: Jwt, resolve: Resolve, now: datetime) -> CheckedProof:
    algorithm = _algorithm(jwt.header)
    kind = _KINDS[algorithm]
    issuer = _issuer(jwt.document)
    _check_claims(jwt, issuer)
    _check_times(jwt.claims, now)
    stated = _stated_key(jwt.header)
    name = _named(jwt.header, issuer)
    controller = controller_of(issuer, resolve)
    if name is None:
        name = _only(controller, kind, stated)
    method = usable(controller, name, purpose=_PURPOSE, kinds={kind}, now=now)
    if stated is not None and method.key != stated:
        raise failed("key_does_not_fit", "the JWT shows another key than the one that it names")
    good = method.key.verify(jwt.signing_input, jwt.signature)
    return CheckedProof(
        cryptosuite=algorithm,
        method=name,
        controller=controller.id,
        created=None,
        outcome="passed" if good else "failed",
        reason="signature_valid" if good else "signature_invalid",
        detail="the document is as it was signed" if good else "the document is not what this key signed",
    )


def _algorithm(header: Document) -> str:
    """The algorithm of a header that says nothing which has to be understood and is not."""
    # RFC 7515 §4.1.11: what is critical and not understood makes the JWS invalid; RFC 7797 §6 wants b64 in crit.
    if "crit" in header or "b64" in header:
        raise failed("critical_header", "the JWT has a header that has to be understood, and none is here")
    if _type(header) not in _TYPES:
        raise failed("wrong_type", "the JWT says that it is no credential")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise failed("unsigned", "the JWT is not signed")
    if algorithm not in _KINDS:
        raise unknown("unsupported_algorithm", f"JWTs are judged with {', '.join(_KINDS)}; this one has another")
    return algorithm


def _type(header: Document) -> str:
    """The media type that the header states, without what may be left out; RFC 7515 §4.1.9."""
    kind = header.get("typ", "JWT")
    return kind.lower().removeprefix("application/") if isinstance(kind, str) else ""


def _issuer(document: Document) -> str:
    """The id of who issued the credential."""
    issuer = document.get("issuer")
    name = issuer.get("id") if isinstance(issuer, Mapping) else issuer
    if not isinstance(name, str):
        raise failed("malformed_document", "the credential in the JWT names no issuer")
    return name


def _check_claims(jwt: Jwt, issuer: str) -> None:
    """Claims that say what the credential says as well have to say the same."""
    subject = jwt.document.get("credentialSubject")
    if isinstance(subject, list) and len(subject) == 1:
        subject = subject[0]
    said: dict[str, Json] = {"iss": issuer}
    if "id" in jwt.document:
        said["jti"] = jwt.document["id"]
    if isinstance(subject, Mapping) and "id" in subject:
        said["sub"] = subject["id"]
    for name, value in said.items():
        if jwt.claims.get(name, value) != value:
            raise failed("claims_disagree", f"the claim {name} of the JWT says other than the credential in it")
    # VC-JOSE-COSE 1.0 §3.1.3: there exp and nbf speak of the signature. In the JWT format of Open Badges 3.0 they are
    # the credential's own times.
    if _type(jwt.header) == "jwt":
        for claim, names in (("nbf", ("validFrom", "issuanceDate")), ("exp", ("validUntil", "expirationDate"))):
            member = next((name for name in names if name in jwt.document), None)
            if claim in jwt.claims and member is not None:
                _check_same_second(jwt, claim, jwt.document[member])


def _check_same_second(jwt: Jwt, claim: str, spelled: Json) -> None:
    """A time of the credential and a claim have to name the same second; claims are often told without fractions."""
    try:
        moment = from_time(spelled) if isinstance(spelled, str) else None
    except MalformedSpelling:
        moment = None
    stated = _number(jwt.claims, claim)
    if moment is None or stated is None or math.floor(stated) != math.floor(moment.timestamp()):
        raise failed("claims_disagree", f"the claim {claim} of the JWT says other than the credential in it")


def _check_times(claims: Document, now: datetime) -> None:
    """RFC 7519 §4.1.4 and §4.1.5, without leeway."""
    expires, begins = _number(claims, "exp"), _number(claims, "nbf")
    if expires is not None and expires <= now.timestamp():
        raise failed("proof_expired", "the JWT says that it has expired")
    if begins is not None and begins > now.timestamp():
        raise failed("proof_not_yet_valid", "the JWT says that it is not valid yet")


def _number(claims: Document, name: str) -> float | None:
    """A NumericDate, if the claim is there."""
    value = claims.get(name)
    if name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise failed("malformed_proof", f"the claim {name} of the JWT is no time")
    return value


def _stated_key(header: Document) -> VerificationKey | None:
    """The key that the header shows, if it does; it is trusted only where the issuer's document has it too."""
    if "jwk" not in header:
        return None
    jwk = header["jwk"]
    try:
        return read_jwk(jwk if isinstance(jwk, Mapping) else {})
    except (MalformedPublicKey, UnsupportedKey) as error:
        raise failed("malformed_proof", f"the JWT shows a key that cannot be used: {error}") from error


def _named(header: Document, issuer: str) -> str | None:
    """The id of the method that `kid` names, in full; None where it names no more than the issuer."""
    kid = header.get("kid", issuer)
    if not isinstance(kid, str) or not kid:
        raise failed("malformed_proof", "the kid of the JWT has to be a string")
    if kid == issuer:
        return None
    owner, mark, fragment = kid.partition("#")
    if not mark:
        if ":" in kid:
            raise unknown("did_not_resolved", "the JWT names its key by an address, and none is fetched for it")
        return f"{issuer}#{kid}"  # VC-JOSE-COSE 1.0 §4.1.1: relative to the issuer
    if owner not in ("", issuer):
        raise failed("method_of_another", "the JWT is signed by a key of someone else than the issuer it names")
    return f"{issuer}#{fragment}"


def _only(controller: ControllerDocument, kind: Kind, stated: VerificationKey | None) -> str:
    """The one key of the issuer that a JWT without a key id can be signed with."""
    fitting = [
        name
        for name in sorted(controller.relationships.get(_PURPOSE, frozenset()))
        if (method := controller.methods.get(name)) is not None
        and method.key.kind == kind
        and stated in (None, method.key)
    ]
    if not fitting:
        raise failed("key_not_found", "the issuer's document has no such key, or no longer")
    if len(fitting) > 1:
        raise unknown("key_not_named", "the issuer has several keys, and the JWT does not say which one signed it")
    return fitting[0]
