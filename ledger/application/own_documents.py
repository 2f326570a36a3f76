"""What the ledger says of a credential that somebody brings: whether it is one of its own, and how that stands.

A document of one of our awards is judged by the record, not by its proof: who has stolen a key can sign any document,
and cannot put it on record as of an earlier day. It counts if it is, as a JSON value, what a version committed to.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from ledger.application.foreign import Known
from ledger.application.ports import Clock
from ledger.application.public_documents import believed_keys
from ledger.application.scanning import Scanning
from ledger.domain.authority import Operator
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.types import Did, StreamId
from ledger.domain.values import DID_WEB, Part, host_of
from ledger.vc.clr import credentials_inside, is_record
from ledger.vc.data_integrity import MAX_PROOFS
from ledger.vc.data_model import identifier, listed
from ledger.vc.did import ControllerDocument, read_controller_document, write_document
from ledger.vc.jcs import canonical_json
from ledger.vc.reading import Document, DocumentError, Json, read_document
from ledger.vc.upload import Upload
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import CredentialEvidence
from ledger.verification.findings import failed, not_checked
from ledger.verification.foreign import refuse
from ledger.verification.standing_check import check_recognition
from ledger.verification.verdict import Finding, ForeignIssuer, Verdict

_URN: Final = "urn:uuid:"
_MOST_KEYS: Final = 8  # DIDs of this ledger that one credential names
_DIFFERS: Final = failed(
    "document",
    "not_as_recorded",
    "It names an award that is on record here, and is not the credential file that was recorded for it.",
)
_STOLEN: Final = failed(
    "document",
    "key_compromised",
    "It was recorded with a key that the issuer has reported as stolen before that.",
)
_CLOSED: Final = not_checked(
    "document",
    "not_compared",
    "It names an award on record here, whose credential file cannot be opened at the moment.",
)


class OwnDocuments:
    """Looks credentials up in the ledger. Not thread-safe: it is asked where scans are made."""

    def __init__(self, scanning: Scanning, clock: Clock) -> None:
        self._scanning = scanning
        self._clock = clock

    def look_up(self, upload: Upload) -> Known:
        """What is known of a credential, of its issuer, and of the keys of this ledger that it names."""
        operator = self._scanning.standing(None)[0].operator
        if operator is None:
            return Known()
        issuer = identifier(upload.document.get("issuer")) or ""
        ours = _is_ours(issuer, operator)
        verdict = self._recorded(upload.document, Did(issuer)) if ours and upload.jwt is None else None
        if verdict is not None:
            return Known(verdict=verdict, ours=True)
        named = [did for did in _dids(upload, issuer) if DID_WEB.fullmatch(did) and _is_ours(did, operator)][
            :_MOST_KEYS
        ]
        return Known(
            ours=ours,
            issuer=self._issuer(Did(issuer)) if ours else None,
            controllers={did: self._controller(Did(did)) for did in named},
        )

    def _recorded(self, document: Document, issuer: Did) -> Verdict | None:
        """The verdict by the record; None where there is no award that the document could be of."""
        for stream in _streams(document):
            lookup = _LookUp(document, issuer)
            verdict = self._scanning.scan_found(stream, lookup.version)
            if verdict is not None:
                return verdict
            if lookup.refused is not None:
                return refuse(lookup.refused, now=self._clock.now())
        return None

    def _controller(self, did: Did) -> ControllerDocument:
        """The keys of an issuer of this ledger as its `did.json` names them; none, where it was never registered."""
        authority = self._scanning.standing(did)[0]
        issuer, operator = authority.issuers.get(did), authority.operator
        keys = () if issuer is None else believed_keys(issuer)
        if operator is not None and did == operator.did:
            keys = (operator.event_key,)
        return read_controller_document(write_document(did, keys), did)

    def _issuer(self, did: Did) -> ForeignIssuer | None:
        authority, policy = self._scanning.standing(did)
        issuer, profile = authority.issuers.get(did), authority.profiles.get(did)
        if issuer is None or profile is None:
            return None
        _, recognition = check_recognition(issuer, authority, policy, self._clock.now().date(), None)
        return ForeignIssuer(
            id=did, name=profile.name, domain=host_of(did), custody=issuer.custody, recognition=recognition
        )


class _LookUp:
    """Compares a document with those that an award has."""

    def __init__(self, document: Document, issuer: Did) -> None:
        self._document = document
        self._mark = _mark(document)
        self._issuer = issuer
        self.refused: Finding | None = None  # once there was such an award, and no version of it had this document

    def version(self, evidence: CredentialEvidence, authority: Authority) -> int | None:
        """The number of the version that committed to the document."""
        number = 0
        for placed in evidence.stream:
            entry = evidence.readings.entry(placed.raw)
            if entry is None or entry.by != self._issuer:
                continue  # the award of another, whose id was borrowed
            if not isinstance(entry.event, CredentialAwarded | CredentialAmended):
                continue
            number += 1
            part = evidence.parts.get(placed.position, {}).get(Part.DOCUMENT)
            opening = None if part is None else part.opening
            if opening is None:
                self.refused = _CLOSED
            elif self._is(opening.content):
                issuer = authority.issuers.get(self._issuer)
                # Version 1 of a thief is what the whole award stands on: its own verdict says so.
                if number > 1 and issuer is not None and issuer.disowns(entry.kid, placed.position):
                    self.refused = _STOLEN
                    return None
                return number
        if number and self.refused is None:
            self.refused = _DIFFERS
        return None

    def _is(self, recorded: bytes) -> bool:
        """Whether the document is the one that was recorded, or the badge inside the learner record that was.

        Asked of each version where others wait, about what may be a thousand times as long as any version: nothing is
        made of all of it before it is known to be no longer. Of versions from before there were documents it is none.
        """
        if self._mark is None or self._mark not in recorded:
            return False
        try:
            read = read_document(recorded)
            candidates: list[Document] = [read, *credentials_inside(read)[:1]] if is_record(read) else [read]
            return any(_same(candidate, self._document) for candidate in candidates)
        except DocumentError:
            return False


def _mark(document: Document) -> bytes | None:
    """What stands in every file that has this document: the value of its one proof, which is spelled one way."""
    proof = document.get("proof")
    value = proof.get("proofValue") if isinstance(proof, Mapping) else None
    return value.encode("utf-8") if isinstance(value, str) else None


def _same(recorded: Document, document: Document) -> bool:
    """Whether two documents are the same JSON, in the one spelling that RFC 8785 gives: 1 and 1.0 are the same."""
    # To Python, true is 1 as well; but what differs to it differs, and is found to after no more than is recorded.
    return recorded == document and canonical_json(dict(recorded)) == canonical_json(dict(document))


def _is_ours(did: str, operator: Operator) -> bool:
    return did == operator.did or did.startswith(f"{operator.did}:")


def _streams(document: Document) -> Iterator[StreamId]:
    """The awards that a document may be of: its own, or that of the badge inside."""
    named: list[Json] = [document.get("id")]
    subject = document.get("credentialSubject")
    held = subject.get("verifiableCredential") if isinstance(subject, Mapping) and is_record(document) else None
    first = held[0] if isinstance(held, list) and held else None
    named += [first.get("id")] if isinstance(first, Mapping) else []
    for each in named:
        if isinstance(each, str) and each.startswith(_URN):
            try:
                stream = UUID(each.removeprefix(_URN))
            except ValueError:
                continue
            if stream.version == 8:
                yield StreamId(stream)


def _dids(upload: Upload, issuer: str) -> Iterator[str]:
    """The DIDs whose keys a credential names, each once."""
    found = [issuer]
    for proof in listed(upload.document.get("proof"))[:MAX_PROOFS]:
        method = proof.get("verificationMethod") if isinstance(proof, Mapping) else None
        found.append(method.partition("#")[0] if isinstance(method, str) else "")
    if upload.jwt is not None:
        kid = upload.jwt.header.get("kid")
        found.append(kid.partition("#")[0] if isinstance(kid, str) else "")
    yield from dict.fromkeys(each for each in found if each)
