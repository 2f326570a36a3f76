"""Judges a presentation: credentials that somebody shows, and the proof that it is the holder who does, here and now.

Pure. What each credential inside is worth is judged like any other, by whoever asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.vc.checked import CheckedProof
from ledger.vc.data_model import DataModelViolated, check_presentation, identifier, listed
from ledger.vc.embedded import MOST_INSIDE
from ledger.vc.reading import Document, Json
from ledger.vc.upload import UnreadableUpload, Upload, read_value
from ledger.verification.findings import failed, not_checked, passed
from ledger.verification.verdict import Finding, Notice, State, Verdict

MOST_CREDENTIALS: Final = 20  # in one presentation
_GOOD: Final = frozenset(
    (
        *(State.VALID, State.ISSUER_UNRECOGNISED, State.COMPONENT_REVIEW, State.NO_AWARD),
        *(Notice.CORRECTED, Notice.PENDING, Notice.NOT_ISSUED_HERE),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a presentation was asked with; None for what was not."""

    challenge: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A presentation as it was read."""

    document: Document
    shape: Finding
    inside: tuple[Upload | str, ...]  # each credential, or a sentence about what cannot be read; none without a shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a presentation came to."""

    findings: tuple[Finding, ...]
    credentials: tuple[Verdict, ...]  # in their order; none where the presentation itself is not good

    @property
    def verified(self) -> bool:
        """Whether everything about it and everything in it is good."""
        return all(finding.makes is None for finding in self.findings) and all(map(is_verified, self.credentials))


def is_verified(verdict: Verdict) -> bool:
    """Whether whoever asks for proofs, dates and status alone may rely on a credential.

    Who recognises the issuer is for whoever asks to decide, and so is what a credential that is no award is good for. A
    version that was corrected since is not to be relied on.
    """
    return _GOOD.issuperset((verdict.state, *verdict.notices))


def read_presentation(document: Document) -> Shown:
    """A presentation with each credential in it."""
    shape = check_presented_shape(document)
    values = [] if shape.makes is not None else listed(document.get("verifiableCredential"))
    inside: list[Upload | str] = []
    left = MOST_INSIDE  # of those inside the credentials, for all of them
    for value in values:
        read = _read(value, left)
        left -= 0 if isinstance(read, str) else len(read.inside or ())
        inside.append(read)
    return Shown(document=document, shape=shape, inside=tuple(inside))


def _read(value: Json, most: int) -> Upload | str:
    try:
        return read_value(value, most=most)
    except UnreadableUpload as error:
        return f"{error}."


def check_presented_shape(document: Document) -> Finding:
    """Whether a document is a presentation of not too many credentials."""
    try:
        check_presentation(document)
    except DataModelViolated as violated:
        return failed("data_model", "no_presentation", f"{violated}.", makes=State.NOT_CHECKED)
    if len(listed(document.get("verifiableCredential"))) > MOST_CREDENTIALS:
        detail = f"More than {MOST_CREDENTIALS} credentials are not judged at once."
        return not_checked("data_model", "too_many_credentials", detail)
    return passed("data_model", "It is a presentation as the W3C data model describes them.")


def check_presented_proofs(document: Document, proofs: tuple[CheckedProof, ...], asked: Asked) -> Iterator[Finding]:
    """Whether every proof is good, made for this question, and one of them by the holder, where one is named."""
    if not proofs:
        yield failed("proof", "unsigned", "Nobody has signed this presentation.")
        return
    for proof, said in zip(proofs, listed(document.get("proof")), strict=False):
        if proof.outcome == "failed":
            yield failed("proof", proof.reason, f"{proof.detail}.")
        elif proof.outcome == "unknown":
            yield not_checked("proof", proof.reason, f"{proof.detail}.")
        else:
            yield from _check_question(said, asked)
    if any(proof.outcome != "passed" for proof in proofs):
        return  # by whom it is signed was not found out
    holder = document.get("holder")
    if holder is not None and identifier(holder) not in {proof.controller for proof in proofs}:
        yield failed("holder", "signed_by_another", "It is signed by somebody else than the holder that it names.")


def check_asked(document: Document, asked: Asked) -> Iterator[Finding]:
    """What tells that a credential was not made for this question: its proofs name another, or none."""
    proofs = listed(document.get("proof")) or [None]
    yield from {finding.check: finding for proof in proofs for finding in _differs(proof, asked)}.values()


def _check_question(proof: Json, asked: Asked) -> Iterator[Finding]:
    differs = tuple(_differs(proof, asked))
    yield from differs or (passed("proof", "It is as it was signed.", reason="signature_valid"),)


def _differs(proof: Json, asked: Asked) -> Iterator[Finding]:
    """VC Data Integrity 1.0 §4.4: what was expected of the proof has to be what it says."""
    said = proof if isinstance(proof, Mapping) else {}
    if asked.challenge is not None and said.get("challenge") != asked.challenge:
        yield failed("challenge", "challenge_differs", "The proof answers another challenge, or none.")
    if asked.domain is not None and asked.domain not in listed(said.get("domain")):
        yield failed("domain", "domain_differs", "The proof was made for another domain, or for none.")
