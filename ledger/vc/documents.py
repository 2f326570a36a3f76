"""Makes and checks the signed document of a version of an award: Open Badges 3.0 with an `eddsa-rdfc-2022` proof."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

import orjson

from ledger.domain.types import Kid
from ledger.signing.signer import Signer
from ledger.vc import clr
from ledger.vc.achievement_credential import Source, build
from ledger.vc.budget import Budget
from ledger.vc.own_proof import proof_fault, same, sign
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import MAX_DOCUMENT, Document, DocumentError, Json, read_document
from ledger.vc.schema import check_schema
from ledger.vc.shape import badge_nquads


def sign_badge(source: Source, signer: Signer, *, created: datetime) -> bytes:
    """The signed document of `source`, compact JSON; the same arguments give the same bytes.

    Args:
        signer: a key of the issuer. The proof names it by `<issuer>#<kid>`.
        created: UTC, milliseconds.

    Raises:
        SchemaViolated: what the source says makes no Open Badges credential.
        DocumentError: it cannot be canonicalised.
    """
    document = build(source)
    check_schema(document)
    return sign(document, badge_nquads(document), source.issuer, signer, created)


def check_own(raw: bytes, source: Source, kid: Kid) -> str | None:
    """Why `raw` is not the document of `source` signed by the key `kid`, in snake_case; None where it is.

    It may be the badge alone or the learner record around it. Members may stand in another order and with other blanks
    than they were written. The reasons are `unreadable`, `differs` for what it says, `wrong_proof` for a proof of
    another kind or more than one, `wrong_method` for another key and `signature_invalid`. Of the other credentials in a
    record it is only checked that they are what the record's key signed.
    """
    expected = build(source)
    proof = _proof_of(raw, expected)
    if proof is not None:
        return proof_fault(proof, expected, badge_nquads(expected), source.issuer, kid)
    try:
        given = read_document(raw)
        if clr.is_record(given):
            return _record_fault(given, expected, source, kid)
        return _fault(given, expected, badge_nquads, source, kid)
    except DocumentError:
        return "unreadable"


def _proof_of(raw: bytes, expected: Document) -> Json:
    """The proof in `raw` where that is, byte for byte, what `sign` writes of `expected` with some proof; else None."""
    start = orjson.dumps(expected)[:-1] + b',"proof":'
    if not raw.startswith(start) or len(raw) > MAX_DOCUMENT:
        return None
    try:
        proof: Json = orjson.loads(raw[len(start) : -1])
        return proof if raw == start + orjson.dumps(proof) + b"}" else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _record_fault(given: Document, expected: Document, source: Source, kid: Kid) -> str | None:
    held = clr.credentials_inside(given)
    if not held:
        return "differs"
    fault = _fault(held[0], expected, badge_nquads, source, kid)
    if fault is not None:
        return fault
    return _fault(given, clr.build_record(source, held[0], held[1:]), _record_nquads, source, kid)


def _record_nquads(record: Document) -> bytes:
    return _kept_nquads(orjson.dumps(record))


@lru_cache(maxsize=32)  # a pure function of the bytes; a record has no shape, and takes as long as all else of a scan
def _kept_nquads(record: bytes) -> bytes:
    return canonical_nquads(orjson.loads(record), Budget.for_own())


def _fault(
    given: Document, expected: Document, nquads: Callable[[Document], bytes], source: Source, kid: Kid
) -> str | None:
    unsigned = {name: value for name, value in given.items() if name != "proof"}
    if not same(unsigned, expected):
        return "differs"
    return proof_fault(given.get("proof"), expected, nquads(expected), source.issuer, kid)
