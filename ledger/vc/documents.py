"""Makes and checks the signed document of a version of an award: Open Badges 3.0 with an `eddsa-rdfc-2022` proof."""

from datetime import datetime

from ledger.domain.types import Kid
from ledger.signing.signer import Signer
from ledger.vc import clr
from ledger.vc.achievement_credential import Source, build
from ledger.vc.own_proof import proof_fault, same, sign
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, DocumentError, Json, read_document
from ledger.vc.schema import check_schema


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
    return sign(document, canonical_nquads(document), source.issuer, signer, created)


def check_own(raw: bytes, source: Source, kid: Kid) -> str | None:
    """Why `raw` is not the document of `source` signed by the key `kid`, in snake_case; None where it is.

    It may be the badge alone or the learner record around it. Members may stand in another order and with other blanks
    than they were written. The reasons are `unreadable`, `differs` for what it says, `wrong_proof` for a proof of
    another kind or more than one, `wrong_method` for another key and `signature_invalid`. Of the other credentials in a
    record it is only checked that they are what the record's key signed.
    """
    try:
        given = read_document(raw)
        return _record_fault(given, source, kid) if clr.is_record(given) else _badge_fault(given, source, kid)
    except DocumentError:
        return "unreadable"


def _badge_fault(given: Document, source: Source, kid: Kid) -> str | None:
    return _fault(given, build(source), source, kid)


def _record_fault(given: Document, source: Source, kid: Kid) -> str | None:
    held = clr.credentials_inside(given)
    if not held:
        return "differs"
    badge, parts = held[0], held[1:]
    return _badge_fault(badge, source, kid) or _fault(given, clr.build_record(source, badge, parts), source, kid)


def _fault(given: Document, expected: dict[str, Json], source: Source, kid: Kid) -> str | None:
    unsigned = {name: value for name, value in given.items() if name != "proof"}
    if not same(unsigned, expected):
        return "differs"
    return proof_fault(given.get("proof"), expected, canonical_nquads(expected), source.issuer, kid)
