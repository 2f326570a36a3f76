"""The one proof that this ledger puts on documents of awards, made and checked without resolving anything.

`ledger.vc.data_integrity` checks the proofs of anybody; here the key, the suite and every member are known beforehand.
"""

from collections.abc import Mapping
from datetime import datetime

import orjson

from ledger.domain.types import Did, Kid
from ledger.signing import multikey
from ledger.signing.ed25519 import SIGNATURE_SIZE, verify
from ledger.signing.signer import Signer
from ledger.vc.data_integrity import hash_data, proof_nquads, proof_options
from ledger.vc.reading import Document, Json
from ledger.vc.spelling import MalformedSpelling, from_multibase, from_time, to_multibase


def sign(document: dict[str, Json], nquads: bytes, issuer: Did, signer: Signer, created: datetime) -> bytes:
    """The compact JSON of `document` with a proof over its canonical N-Quads; the document is changed.

    Raises:
        DocumentError: the issuer's DID and the key make no name of a verification method.
    """
    options = proof_options(_method(issuer, signer.kid), created)
    signature = signer.sign(hash_data(proof_nquads(options, document["@context"]), nquads))
    document["proof"] = options | {"proofValue": to_multibase(signature)}
    return orjson.dumps(document)


def proof_fault(proof: Json, document: Document, nquads: bytes, issuer: Did, kid: Kid) -> str | None:
    """Why `proof` is not what `sign` puts on that document with the key `kid`, in snake_case; None where it is.

    Args:
        document: what was signed; its contexts count.
        nquads: the canonical N-Quads of `document`.
    """
    if not isinstance(proof, Mapping):
        return "wrong_proof"
    created, value = proof.get("created"), proof.get("proofValue")
    if not isinstance(created, str) or not isinstance(value, str):
        return "wrong_proof"
    try:
        options = proof_options(_method(issuer, kid), from_time(created))
        signature = from_multibase(value, size=SIGNATURE_SIZE)
    except MalformedSpelling:
        return "wrong_proof"
    if proof.get("verificationMethod") != options["verificationMethod"]:
        return "wrong_method"
    if proof != options | {"proofValue": value}:
        return "wrong_proof"
    message = hash_data(proof_nquads(options, document["@context"]), nquads)
    return None if verify(multikey.decode(kid), message, signature) else "signature_invalid"


def same(one: Document, other: Document) -> bool:
    """Whether two values are the same JSON; the order of members does not matter, and `true` is not 1."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def _method(issuer: Did, kid: Kid) -> str:
    return f"{issuer}#{kid}"
