"""What other software fetches besides single awards: signed status lists, and the documents of our DIDs.

Read from the store alone, with no key of anybody: lists as they were signed and kept, keys as the log names them now.
"""

from datetime import datetime

from ledger.application.folding import Folds
from ledger.application.ports import StatusCredential, Store
from ledger.domain import issuer as issuer_rules
from ledger.domain.authority import Operator
from ledger.domain.issuer import Issuer
from ledger.domain.types import Kid, ListId
from ledger.domain.values import SLUG, Role
from ledger.vc.did import write_document
from ledger.vc.spelling import MalformedSpelling, from_base64url
from ledger.vc.status_list import VALID
from ledger.verification.status_lists import LIST_ID

_ISSUERS = "issuer"  # the scope of their short names


class PublicDocuments:
    """Finds them. Any thread may ask."""

    def __init__(self, store: Store, operator: Operator) -> None:
        self._store = store
        self._operator = operator
        self._issuers: Folds[Issuer] = Folds(issuer_rules.evolve)

    def status_list(self, slug: str, name: str, at: datetime | None = None) -> StatusCredential | None:
        """The last signed list of this name, or the one that held at a time; None where there is none.

        Args:
            slug: of the issuer whose list it must be.
            name: of the list, as addresses spell it.

        Raises:
            StoreUnavailable, LedgerHalted: from every method.
        """
        status_list = _list_id(name)
        if status_list is None or not SLUG.fullmatch(slug):
            return None
        with self._store.snapshot() as snapshot:
            issuer = snapshot.name(_ISSUERS, slug)
            if issuer is None or snapshot.issuer_of_list(status_list) != issuer:
                return None
            kept = snapshot.status_credential(status_list, at)
        return kept if kept is None or at is None or at - kept.made_at <= VALID else None

    def issuer(self, slug: str) -> bytes | None:
        """The DID document of an issuer; None where there is none of that name.

        Keys in force and retired ones, which signed what is still good; none that was reported stolen, nor one that
        such a key brought in.
        """
        if not SLUG.fullmatch(slug):
            return None
        with self._store.snapshot() as snapshot:
            stream = snapshot.name(_ISSUERS, slug)
        loaded = None if stream is None else self._store.load(stream)
        state = None if stream is None or loaded is None else self._issuers.state(stream, tuple(loaded.recorded))
        return None if state is None else write_document(state.did, believed_keys(state))

    def operator(self) -> bytes:
        """The DID document of whoever runs the log."""
        return write_document(self._operator.did, (self._operator.event_key,))


def believed_keys(issuer: Issuer) -> tuple[Kid, ...]:
    """The signing keys of an issuer, retired ones too, that were not reported stolen; in the order of their coming."""
    signing = [record for record in issuer.keys.values() if record.role is Role.SIGNING]
    return tuple(record.kid for record in signing if not issuer.is_stolen(record.kid))


def _list_id(name: str) -> ListId | None:
    try:
        raw = from_base64url(name)
    except MalformedSpelling:
        return None
    return ListId(raw) if len(raw) == LIST_ID else None
