"""Signs a credential that an issuer asks for, such as an endorsement, with the issuer's key. Nothing is recorded.

What only the ledger may say is refused, however it is spelled: awards, records of awards, status lists.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from ledger.application.desk import Desk
from ledger.domain.issuer import Issuer
from ledger.domain.types import StreamId
from ledger.domain.values import Role
from ledger.signing.signer import Signer
from ledger.vc.claims import reserved_in
from ledger.vc.data_integrity import sign
from ledger.vc.data_model import V2, check_credential
from ledger.vc.reading import Document, DocumentError, Json
from ledger.vc.status_entry import check_entries

_MOST_NAMED: Final = 5  # reserved names that a refusal names


class ReservedCredential(DocumentError):
    """Only the ledger makes such credentials: it records what they say."""


class IssuerDiffers(DocumentError):
    """The credential names another issuer than the one that is to sign it."""


class AlreadySigned(DocumentError):
    """The credential has a proof, and what is signed here has none of anybody else."""


class CredentialSigning:
    """Makes credentials that are not awards."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def prepare(self, owner: StreamId, credential: Document) -> Callable[[], dict[str, Json]]:
        """Find the key that signs; what is returned makes the credential with its proof, on any thread.

        Args:
            owner: the stream of the issuer, which is filled in where the credential names none.
            credential: as it came; it is checked whole before it is signed.

        Raises:
            DocumentError: now or then: it breaks the data model, uses terms that no bundled context defines, has a
                proof or another issuer, or says what only the ledger may say.
            NoUsableKey: the issuer has no signing key here.
        """
        if "proof" in credential:
            raise AlreadySigned("the credential has a proof already; leave it out")
        draft = self._desk.draft()
        issuer = draft.issuer(owner)
        document = _with_issuer(credential, issuer)
        signer = self._desk.signer(issuer, Role.SIGNING, draft.position)
        return partial(_signed, document, signer, f"{issuer.did}#{signer.kid}", self._desk.clock.now())


def _signed(document: Document, signer: Signer, method: str, created: datetime) -> dict[str, Json]:
    check_credential(document, versions=(V2,))
    check_entries(document)
    reserved = sorted(reserved_in(document))
    if reserved:
        raise ReservedCredential(
            f"{', '.join(reserved[:_MOST_NAMED])}: awards and their status are recorded in the ledger, which makes "
            "their credentials itself; issue an award instead"
        )
    return sign(document, signer=signer, method=method, created=created)


def _with_issuer(credential: Document, issuer: Issuer) -> dict[str, Json]:
    """The credential, its issuer filled in where it names none; null stays, for the check to refuse."""
    document = dict(credential)
    named = document.get("issuer", issuer.did)
    if isinstance(named, dict) and "id" not in named:
        named = {"id": issuer.did, **named}
    stated = named.get("id") if isinstance(named, dict) else named
    if isinstance(stated, str) and stated != issuer.did:
        raise IssuerDiffers(f"the credential names the issuer “{stated[:100]}”, and would be signed by {issuer.did}")
    return {**document, "issuer": named}
