"""Judges a credential that somebody brings: by the ledger where it is of this ledger, else by itself.

Nothing here opens a connection. What a credential names elsewhere, a `did:web` or a status list, is had from a
`Fetcher` where there is one, and stays unknown where there is none: only the keys of the issuer that the credential
names, and a list only after the signature was found good. All that is brought at once shares one `Inquiry`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol

from ledger.application.inquiry import Fetcher, Inquiry, NotFetched
from ledger.application.ports import Clock
from ledger.vc import data_integrity, jwt
from ledger.vc.budget import Budget, OverBudget
from ledger.vc.checked import CheckedProof
from ledger.vc.claims import AWARDS, reserved_in
from ledger.vc.data_model import DataModelViolated, check_credential, identifier, listed, types_of
from ledger.vc.did import ControllerDocument, DidNotResolved, resolve_key, web_address
from ledger.vc.reading import Document, DocumentError, Json
from ledger.vc.status_list import ENTRY, check_entry
from ledger.vc.upload import Upload
from ledger.verification.findings import failed, not_checked
from ledger.verification.foreign import (
    ForeignEvidence,
    StatusFound,
    judge_foreign,
    refuse,
    signed_by_issuer,
)
from ledger.verification.inside import check_inside
from ledger.verification.presentation import Asked, Presented, Shown, check_presented_proofs
from ledger.verification.verdict import Finding, ForeignIssuer, Verdict

_MOST_STATUSES: Final = 4  # of one credential that are asked for
NOT_ON_RECORD: Final = failed(
    "document",
    "not_on_record",
    "It names an issuer of this service, whose awards are all on record here, and this is none of them.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows about a credential; of one that has nothing to do with it, nothing."""

    verdict: Verdict | None = None  # where the ledger decides it
    ours: bool = False  # whether its issuer is named as one of this ledger
    issuer: ForeignIssuer | None = None  # as the registries know it
    controllers: Mapping[str, ControllerDocument] = field(default_factory=dict)  # of DIDs of this ledger
    inside: "tuple[str | tuple[Upload, Known], ...]" = ()  # as much of each credential inside


class Registry(Protocol):
    """What the ledger has to say. Short work, asked on the thread that reads the store."""

    def look_up(self, upload: Upload) -> Known:
        """What is known of a credential, of its issuer, and of the keys of this ledger that it names."""
        ...


class Uploads:
    """Verdicts on what is brought. Reads only; holds no signing key."""

    def __init__(self, *, clock: Clock, registry: Registry | None = None, fetcher: Fetcher | None = None) -> None:
        """Prepare to judge.

        Args:
            registry: of the ledger; None where there is none at hand.
            fetcher: where the operator, or who calls the command, allows to ask others.
        """
        self._clock = clock
        self._registry = registry
        self._fetcher = fetcher

    def look_up(self, upload: Upload) -> Known:
        """What the ledger knows; on the thread that reads the store."""
        known = Known() if self._registry is None else self._registry.look_up(upload)
        if known.verdict is not None:
            return known
        return replace(known, inside=tuple(self._look_up(each) for each in upload.inside or ()))

    def _look_up(self, each: Upload | str) -> str | tuple[Upload, Known]:
        return each if isinstance(each, str) else (each, self.look_up(each))

    def judge(self, upload: Upload, known: Known, inquiry: Inquiry | None = None) -> Verdict:
        """The verdict; any thread may ask, and it may take a while.

        Args:
            inquiry: of the request that this is part of; None where it is all of it.
        """
        if known.verdict is not None:
            return known.verdict
        inquiry = inquiry or Inquiry(self._fetcher)
        try:
            claims = known.ours and _claims_award(upload.document, inquiry.budget)
        except OverBudget as error:
            return refuse(not_checked("proof", "too_much_work", f"{error}."), now=self._clock.now())
        if claims:
            return refuse(NOT_ON_RECORD, now=self._clock.now())
        proofs = self._proofs(upload, known, inquiry)
        statuses = self._statuses(upload.document, proofs, known, inquiry)
        evidence = ForeignEvidence(
            document=upload.document,
            proofs=proofs,
            statuses=statuses,
            issuer=known.issuer,
            inside=self._check_inside(upload, proofs, known, inquiry),
            ours=known.ours,
        )
        return judge_foreign(evidence, now=self._clock.now())

    def prepare(self, upload: Upload) -> Callable[[], Verdict]:
        """Look it up now, where the store is read; what judges it then may be called on any thread."""
        return partial(self.judge, upload, self.look_up(upload))

    def prepare_presentation(self, shown: Shown, asked: Asked) -> Callable[[], Presented]:
        """As `prepare`, for a presentation and each credential in it."""
        around = Upload(document=shown.document)
        inside = [self._look_up(each) for each in shown.inside]
        return partial(self._present, shown, self.look_up(around), asked, inside)

    def _present(self, shown: Shown, known: Known, asked: Asked, inside: list[str | tuple[Upload, Known]]) -> Presented:
        if shown.shape.makes is not None:
            return Presented(findings=(shown.shape,), credentials=())
        inquiry = Inquiry(self._fetcher)
        proofs = self._proofs(Upload(document=shown.document), known, inquiry, purpose="authentication")
        findings = (shown.shape, *check_presented_proofs(shown.document, proofs, asked))
        # What nobody vouches for is not worth the work, nor asking others about it.
        good = all(finding.makes is None for finding in findings)
        credentials = tuple(self._inside(each, inquiry) for each in inside) if good else ()
        return Presented(findings=findings, credentials=credentials)

    def _inside(self, each: str | tuple[Upload, Known], inquiry: Inquiry) -> Verdict:
        if isinstance(each, str):
            return refuse(not_checked("read", "unreadable", each), now=self._clock.now())
        return self.judge(*each, inquiry)

    def _check_inside(
        self, upload: Upload, proofs: tuple[CheckedProof, ...], known: Known, inquiry: Inquiry
    ) -> Finding | None:
        """What the credentials inside make of the one around them; they are judged only if its issuer signed it."""
        if not signed_by_issuer(upload.document, proofs):
            return None
        verdicts = [self._inside(each, inquiry) for each in known.inside]
        return check_inside(verdicts, complete=upload.inside is not None)

    def _proofs(
        self, upload: Upload, known: Known, inquiry: Inquiry, *, purpose: str = "assertionMethod"
    ) -> tuple[CheckedProof, ...]:
        """What each proof is worth: that of the JWT, and those in the document; none where it is no credential."""
        document, now = upload.document, self._clock.now()
        if purpose == "assertionMethod" and not _is_credential(document):
            return ()
        own = identifier(document.get("issuer" if purpose == "assertionMethod" else "holder"))

        def resolve(did: str) -> ControllerDocument:
            return _resolve(did, own, known, inquiry)

        found = data_integrity.check(document, resolve, purpose=purpose, now=now, budget=inquiry.budget)
        return found if upload.jwt is None else (jwt.check(upload.jwt, resolve, now=now), *found)

    def _statuses(
        self, document: Document, proofs: tuple[CheckedProof, ...], known: Known, inquiry: Inquiry
    ) -> tuple[StatusFound, ...]:
        """What the lists say that a credential names; they are asked only about one that its issuer signed."""
        if not signed_by_issuer(document, proofs):
            return ()
        entries = listed(document.get("credentialStatus"))
        if len(entries) > _MOST_STATUSES:
            return (_status(None, "too_many_statuses", "The file names more status lists than are asked here."),)
        return tuple(self._status(entry, document, known, inquiry) for entry in entries)

    def _status(self, entry: Json, document: Document, known: Known, inquiry: Inquiry) -> StatusFound:
        named = entry if isinstance(entry, Mapping) else {}
        address = named.get("statusListCredential")
        if ENTRY not in types_of(named) or not isinstance(address, str):
            detail = "The file can be withdrawn in a way that is not known here."
            return _status(entry, "status_type_unknown", detail)
        if not inquiry.asks:
            detail = "Whether it was withdrawn stands at an address of the issuer, and nothing is fetched here."
            return _status(entry, "not_fetched", detail)
        issuer = identifier(document.get("issuer")) or ""
        try:
            published = inquiry.read(address)
        except (NotFetched, DocumentError) as error:
            return _status(entry, "status_not_had", f"The list of what was withdrawn cannot be had: {error}.")
        if identifier(published.document.get("issuer")) != issuer:
            detail = "The list of what was withdrawn is not one of the issuer's."
            return _status(entry, "status_list_of_another_issuer", detail)
        if not self._is_signed(address, published, known, inquiry):
            return _status(entry, "status_list_unsigned", "The list of what was withdrawn is not signed by its issuer.")
        said = check_entry(entry, published.document, issuer=issuer, now=self._clock.now())
        if isinstance(said, str):
            return _status(entry, said, "The list of what was withdrawn does not tell of this file.")
        words = "The issuer withdrew the award." if said else "The list does not name it."
        return StatusFound(purpose=_purpose(entry), set=said, reason="told", detail=words)

    def _is_signed(self, address: str, published: Upload, known: Known, inquiry: Inquiry) -> bool:
        """Whether the issuer of a list signed it; several credentials may name it."""
        if address not in inquiry.signed:
            proofs = self._proofs(published, known, inquiry)
            inquiry.signed[address] = signed_by_issuer(published.document, proofs)
        return inquiry.signed[address]


def _resolve(did: str, own: str | None, known: Known, inquiry: Inquiry) -> ControllerDocument:
    """The keys of a DID.

    Args:
        own: the issuer, or the holder, that the document names. Others that its proofs name are not asked for: whoever
            brings it could name anybody.

    Raises:
        DidNotResolved.
    """
    if did in known.controllers:
        return known.controllers[did]
    if did.startswith("did:key:"):
        return resolve_key(did)
    if not did.startswith("did:web:"):
        raise DidNotResolved("its key belongs to what is neither a did:key nor a did:web, and no others are looked up")
    web_address(did)
    if not inquiry.asks:
        raise DidNotResolved("the keys of the issuer stand at an address of its own, and nothing is fetched here")
    if did != own:
        raise DidNotResolved("a key of somebody else than whom the file names is not fetched")
    return inquiry.controller(did)


def _is_credential(document: Document) -> bool:
    try:
        check_credential(document)
    except DataModelViolated:
        return False
    return True


def _claims_award(document: Document, budget: Budget) -> bool:
    """Whether a document says that it is an award or a record of awards, however it spells that.

    Raises:
        OverBudget: that was not looked for.
    """
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    try:
        return not AWARDS.isdisjoint(reserved_in(unsecured, budget))
    except OverBudget:
        raise
    except DocumentError:  # an issuer of this ledger signs nothing that cannot be read so
        return True


def _purpose(entry: Json) -> str:
    purpose = entry.get("statusPurpose") if isinstance(entry, Mapping) else None
    return purpose if isinstance(purpose, str) else ""


def _status(entry: Json, reason: str, detail: str) -> StatusFound:
    return StatusFound(purpose=_purpose(entry), set=None, reason=reason, detail=detail)
