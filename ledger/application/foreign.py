"""Judges a credential that somebody brings: by the ledger where it is of this ledger, else by itself.

Nothing here opens a connection. What a credential names elsewhere, a `did:web` or a status list, is had from a
`Fetcher` where there is one, a list only after the signature was found good, and stays unknown where there is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from ledger.application.ports import Clock
from ledger.errors import LedgerError
from ledger.vc import data_integrity, jwt
from ledger.vc.checked import CheckedProof
from ledger.vc.claims import AWARDS, reserved_in
from ledger.vc.data_model import DataModelViolated, check_credential, identifier, listed, types_of
from ledger.vc.did import ControllerDocument, DidNotResolved, read_controller_document, resolve_key, web_address
from ledger.vc.reading import Document, DocumentError, Json
from ledger.vc.status_list import ENTRY, check_entry
from ledger.vc.upload import UnreadableUpload, Upload, read_upload, read_value
from ledger.verification.findings import failed
from ledger.verification.foreign import (
    ForeignEvidence,
    StatusFound,
    judge_foreign,
    not_checked,
    refuse,
    signed_by_issuer,
)
from ledger.verification.presentation import Asked, Presented, check_presented_proofs, check_presented_shape
from ledger.verification.verdict import Finding, ForeignIssuer, Verdict

_MOST_STATUSES: Final = 4  # of one credential that are asked for
NOT_ON_RECORD: Final = failed(
    "document",
    "not_on_record",
    "It names an issuer of this service, whose awards are all on record here, and this is none of them.",
)


class NotFetched(LedgerError):
    """What stands at an address cannot be had, or may not be asked for."""


class Fetcher(Protocol):
    """Gets what stands at an address. The one way out; there is none unless the operator allows it."""

    def get(self, url: str) -> bytes:
        """What an https URL answers.

        Raises:
            NotFetched.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows about a credential; of one that has nothing to do with it, nothing."""

    verdict: Verdict | None = None  # where the ledger decides it
    ours: bool = False  # whether its issuer is named as one of this ledger
    issuer: ForeignIssuer | None = None  # as the registries know it
    controllers: Mapping[str, ControllerDocument] = field(default_factory=dict)  # of DIDs of this ledger


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
        return Known() if self._registry is None else self._registry.look_up(upload)

    def judge(self, upload: Upload, known: Known) -> Verdict:
        """The verdict; any thread may ask, and it may take a while."""
        if known.verdict is not None:
            return known.verdict
        if known.ours and _claims_award(upload.document):
            return refuse(NOT_ON_RECORD, now=self._clock.now())
        proofs = self.proofs(upload, known)
        statuses = self._statuses(upload.document, proofs, known)
        evidence = ForeignEvidence(
            document=upload.document, proofs=proofs, statuses=statuses, issuer=known.issuer, ours=known.ours
        )
        return judge_foreign(evidence, now=self._clock.now())

    def prepare(self, upload: Upload) -> Callable[[], Verdict]:
        """Look it up now, where the store is read; what judges it then may be called on any thread."""
        return partial(self.judge, upload, self.look_up(upload))

    def prepare_presentation(self, document: Document, asked: Asked) -> Callable[[], Presented]:
        """As `prepare`, for a presentation and each credential in it."""
        shape = check_presented_shape(document)
        credentials = [] if shape.makes is not None else listed(document.get("verifiableCredential"))
        around, inside = Upload(document=document), [self._inside(each) for each in credentials]
        return partial(self._present, around, self.look_up(around), shape, asked, inside)

    def _inside(self, value: Json) -> Callable[[], Verdict]:
        try:
            return self.prepare(read_value(value))
        except UnreadableUpload as error:
            finding = not_checked("read", "unreadable", f"{error}.")
            return lambda: refuse(finding, now=self._clock.now())

    def _present(
        self, around: Upload, known: Known, shape: Finding, asked: Asked, inside: list[Callable[[], Verdict]]
    ) -> Presented:
        if shape.makes is not None:
            return Presented(findings=(shape,), credentials=())
        proofs = self.proofs(around, known, purpose="authentication")
        findings = (shape, *check_presented_proofs(around.document, proofs, asked))
        return Presented(findings=findings, credentials=tuple(judge() for judge in inside))

    def proofs(self, upload: Upload, known: Known, *, purpose: str = "assertionMethod") -> tuple[CheckedProof, ...]:
        """What each proof is worth: that of the JWT, and those in the document; none where it is no credential."""
        document, now = upload.document, self._clock.now()
        if purpose == "assertionMethod" and not _is_credential(document):
            return ()

        def resolve(did: str) -> ControllerDocument:
            return self._resolve(did, known)

        found = data_integrity.check(document, resolve, purpose=purpose, now=now)
        return found if upload.jwt is None else (jwt.check(upload.jwt, resolve, now=now), *found)

    def _resolve(self, did: str, known: Known) -> ControllerDocument:
        """The keys of a DID.

        Raises:
            DidNotResolved.
        """
        if did in known.controllers:
            return known.controllers[did]
        if did.startswith("did:key:"):
            return resolve_key(did)
        address = web_address(did)
        if self._fetcher is None:
            raise DidNotResolved("the keys of the issuer stand at an address of its own, and nothing is fetched here")
        try:
            return read_controller_document(self._fetcher.get(address), did)
        except NotFetched as error:
            raise DidNotResolved(f"the keys of the issuer cannot be had: {error}") from error

    def _statuses(self, document: Document, proofs: tuple[CheckedProof, ...], known: Known) -> tuple[StatusFound, ...]:
        """What the lists say that a credential names; they are asked only about one that its issuer signed."""
        if not signed_by_issuer(document, proofs):
            return ()
        entries = listed(document.get("credentialStatus"))
        if len(entries) > _MOST_STATUSES:
            return (_status(None, "too_many_statuses", "The file names more status lists than are asked here."),)
        return tuple(self._status(entry, document, known) for entry in entries)

    def _status(self, entry: Json, document: Document, known: Known) -> StatusFound:
        named = entry if isinstance(entry, Mapping) else {}
        address = named.get("statusListCredential")
        if ENTRY not in types_of(named) or not isinstance(address, str):
            detail = "The file can be withdrawn in a way that is not known here."
            return _status(entry, "status_type_unknown", detail)
        if self._fetcher is None:
            detail = "Whether it was withdrawn stands at an address of the issuer, and nothing is fetched here."
            return _status(entry, "not_fetched", detail)
        try:
            published = read_upload(self._fetcher.get(address))
        except (NotFetched, DocumentError) as error:
            return _status(entry, "status_not_had", f"The list of what was withdrawn cannot be had: {error}.")
        if not signed_by_issuer(published.document, self.proofs(published, known)):
            return _status(entry, "status_list_unsigned", "The list of what was withdrawn is not signed by its issuer.")
        issuer = identifier(document.get("issuer")) or ""
        said = check_entry(entry, published.document, issuer=issuer, now=self._clock.now())
        if isinstance(said, str):
            return _status(entry, said, "The list of what was withdrawn does not tell of this file.")
        words = "The issuer withdrew the award." if said else "The list does not name it."
        return StatusFound(purpose=_purpose(entry), set=said, reason="told", detail=words)


def _is_credential(document: Document) -> bool:
    try:
        check_credential(document)
    except DataModelViolated:
        return False
    return True


def _claims_award(document: Document) -> bool:
    """Whether a document says that it is an award or a record of awards, however it spells that."""
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    try:
        return not AWARDS.isdisjoint(reserved_in(unsecured))
    except DocumentError:  # an issuer of this ledger signs nothing that cannot be read so
        return True


def _purpose(entry: Json) -> str:
    purpose = entry.get("statusPurpose") if isinstance(entry, Mapping) else None
    return purpose if isinstance(purpose, str) else ""


def _status(entry: Json, reason: str, detail: str) -> StatusFound:
    return StatusFound(purpose=_purpose(entry), set=None, reason=reason, detail=detail)
