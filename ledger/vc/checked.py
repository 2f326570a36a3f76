"""What was found of one proof, whatever its format, and the key that a proof names.

Which bytes a proof signs is decided in `ledger.vc.data_integrity` and `ledger.vc.jwt`; whether the controller is the
issuer of the document, by who asks.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.vc.did import ControllerDocument, DidNotResolved, Resolve, VerificationMethod
from ledger.vc.keys import Kind
from ledger.vc.reading import DocumentError

Outcome = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProof:
    """One proof and how its check ended.

    `passed` says: `controller`'s key `method` signed the document for the expected purpose. It does not say that
    `controller` is the issuer: who asks compares the two.
    """

    cryptosuite: str  # or the JWT's `alg`; empty where the proof names none
    method: str  # id of the verification method; empty where the proof names none
    controller: str | None  # the id of the document in which the method was found; None before it was found
    created: datetime | None
    outcome: Outcome
    reason: str  # snake_case; signature_valid for `passed`
    detail: str  # a sentence for a person


class ProofRefused(DocumentError):
    """A step of a check ended it; caught where the check began."""

    def __init__(self, outcome: Outcome, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.reason = reason


def failed(reason: str, detail: str) -> ProofRefused:
    """The proof is wrong."""
    return ProofRefused("failed", reason, detail)


def unknown(reason: str, detail: str) -> ProofRefused:
    """The proof cannot be judged here."""
    return ProofRefused("unknown", reason, detail)


def controller_of(did: str, resolve: Resolve) -> ControllerDocument:
    """The document of `did`; what cannot be had leaves the proof unjudged."""
    try:
        controller = resolve(did)
    except DidNotResolved as error:
        raise unknown("did_not_resolved", str(error)) from error
    if controller.id != did:
        raise failed("method_of_another", "the document found belongs to another identifier than the proof names")
    return controller


def usable(
    controller: ControllerDocument, method_id: str, *, purpose: str, kinds: Set[Kind], now: datetime
) -> VerificationMethod:
    """The method `method_id` of `controller`, if it may sign for `purpose` (Controlled Identifiers 1.0 §3.3)."""
    listed = method_id in controller.relationships.get(purpose, frozenset())
    if method_id in controller.unsupported:
        raise unknown("unsupported_key", "the key of this proof is of a kind that is not used here")
    method = controller.methods.get(method_id)
    if method is None:
        raise failed("key_not_found", "the controller's document has no such key, or no longer")
    if method.controller != controller.id:
        raise failed("method_of_another", "the key of this proof is controlled by someone else")
    if not listed:
        raise failed("method_not_for_purpose", f"the controller's document does not give this key for {purpose}")
    if method.key.kind not in kinds:
        raise failed("key_does_not_fit", f"a key of the kind {method.key.kind} makes no signatures of this kind")
    # Controlled Identifiers 1.0 §2.2: nothing is verified with it at or after these times, whenever it was signed.
    if method.revoked is not None and method.revoked <= now:
        raise failed("method_revoked", "the key of this proof was revoked")
    if method.expires is not None and method.expires <= now:
        raise failed("method_expired", "the key of this proof has expired")
    return method
