"""Data Integrity proofs: `eddsa-rdfc-2022` made; that, `eddsa-jcs-2022` and the two `ecdsa` suites of P-256 checked.

Verifiable Credential Data Integrity 1.0 with the EdDSA and ECDSA cryptosuites 1.0. Whether the signer is the issuer,
and what the document says, is judged elsewhere; how a proof is read, in `ledger.vc.proof_members`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from ledger.signing.signer import Signer
from ledger.vc.budget import Budget, OverBudget
from ledger.vc.checked import CheckedProof, ProofRefused, controller_of, failed, unknown, usable
from ledger.vc.contexts import CREDENTIALS_V2, UnknownContext
from ledger.vc.did import Resolve
from ledger.vc.jcs import canonical_json
from ledger.vc.keys import SIGNATURE_SIZE
from ledger.vc.proof_members import EDDSA_RDFC, Proof, is_method, read_proof
from ledger.vc.rdf import RelativeAddress, TooAmbiguous, TooLarge, UndefinedTerm, canonical_nquads
from ledger.vc.reading import Document, DocumentError, Json, MalformedDocument
from ledger.vc.spelling import MalformedSpelling, from_multibase, from_time, to_multibase, to_time
from ledger.vc.stated import StatedElsewhere, judged_nquads

MAX_PROOFS: Final = 8  # of one document
MAX_FORMS: Final = 3  # of one document: with the proofs that others follow, as RDF and as JSON; each is canonicalised
_ENDING: Final = frozenset(("too_ambiguous", "too_much_work"))  # other forms of the document would take as much
_PLAIN: Final = frozenset(("type", "cryptosuite", "created", "verificationMethod", "proofPurpose"))


def sign(document: Document, *, signer: Signer, method: str, created: datetime) -> dict[str, Json]:
    """`document` with an `eddsa-rdfc-2022` proof for `assertionMethod`; nothing else in it changes.

    Args:
        document: a document without a proof; its contexts are bundled ones.
        signer: the key that signs.
        method: the absolute id under which the issuer's document names that key.
        created: when it is signed, told to the millisecond.

    Raises:
        DocumentError: there is a proof already, `method` is no such id, or the document cannot be canonicalised.
    """
    if "proof" in document:
        raise MalformedDocument("the document already has a proof")
    options = proof_options(method, created)
    to_sign = hash_data(proof_nquads(options, document.get("@context")), canonical_nquads(document))
    return {**document, "proof": {**options, "proofValue": to_multibase(signer.sign(to_sign))}}


def proof_options(method: str, created: datetime) -> dict[str, Json]:
    """The proof of `sign` before it has its value.

    Raises:
        MalformedDocument: `method` is no absolute identifier with a fragment.
    """
    if not is_method(method):
        raise MalformedDocument("the id of a verification method has to be absolute, with a fragment")
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": EDDSA_RDFC,
        "created": to_time(created),
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    }


def proof_nquads(options: Mapping[str, Json], context: Json, budget: Budget | None = None) -> bytes:
    """The canonical N-Quads of proof options under the document's context.

    Args:
        options: of `proof_options`, or a proof that was read, without its value and without a context.
        context: the `@context` of the document, which is the proof's as well.
        budget: of all that is read together; None where this is all.

    Raises:
        DocumentError: they cannot be canonicalised.
    """
    # The usual five members under credentials/v2: its terms are protected, so no context after it changes what they
    # state, and the canonical form is known. The tests compare it with the general way, context by context.
    usual = options.keys() == _PLAIN and options["proofPurpose"] == "assertionMethod"
    if not usual or not isinstance(context, list) or context[:1] != [CREDENTIALS_V2]:
        return canonical_nquads({**options, "@context": context}, budget)
    return (
        f'_:c14n0 <http://purl.org/dc/terms/created> "{options["created"]}"'
        "^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n"
        "_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/security#DataIntegrityProof> .\n"
        f'_:c14n0 <https://w3id.org/security#cryptosuite> "{options["cryptosuite"]}"'
        "^^<https://w3id.org/security#cryptosuiteString> .\n"
        "_:c14n0 <https://w3id.org/security#proofPurpose> <https://w3id.org/security#assertionMethod> .\n"
        f"_:c14n0 <https://w3id.org/security#verificationMethod> <{options['verificationMethod']}> .\n"
    ).encode("ascii")


def hash_data(config: bytes, document: bytes) -> bytes:
    """The 64 bytes that are signed: SHA-256 of the canonical proof options, then of the canonical document."""
    return sha256(config).digest() + sha256(document).digest()


def check(
    document: Document,
    resolve: Resolve,
    *,
    purpose: str = "assertionMethod",
    now: datetime,
    budget: Budget | None = None,
) -> tuple[CheckedProof, ...]:
    """What each proof of `document` is worth, in their order; empty where there is none.

    A proof that follows others (`previousProof`) passes only if they pass.

    Args:
        document: as read, with its proof or proofs.
        resolve: asked for the document of who controls the key, once everything was checked that needs no key.
        purpose: the one purpose that is accepted.
        now: proofs and keys that expired by then fail.
        budget: of all that is read together; None where this is all. All forms of the document draw on it.
    """
    if "proof" not in document:
        return ()
    value = document["proof"]
    proofs = value if isinstance(value, list) else [value]
    if not 0 < len(proofs) <= MAX_PROOFS:
        return (_ended({}, unknown("too_many_proofs", f"{len(proofs)} proofs; 1 to {MAX_PROOFS} are judged")),)
    unsecured = {name: member for name, member in document.items() if name != "proof"}
    run = _Run(unsecured=unsecured, proofs=proofs, resolve=resolve, purpose=purpose, now=now, budget=budget or Budget())
    return _chained(proofs, [run.checked(proof) for proof in proofs])


@dataclass(slots=True, kw_only=True)
class _Run:
    """One document under check; what several proofs need is computed once."""

    unsecured: Document
    proofs: Sequence[Json]
    resolve: Resolve
    purpose: str
    now: datetime
    budget: Budget
    _ended: ProofRefused | None = field(default=None, init=False)  # once a form of it took too much work
    _made: dict[tuple[bool, bool, tuple[str, ...]], bytes | ProofRefused] = field(default_factory=dict, init=False)

    def checked(self, proof: Json) -> CheckedProof:
        """What one proof is worth by itself."""
        try:
            return self._judged(read_proof(proof))
        except ProofRefused as refused:
            return _ended(proof, refused)

    def _judged(self, proof: Proof) -> CheckedProof:
        """VC Data Integrity 1.0 §4.4, then the suite's verification; what needs no key comes first."""
        if proof.purpose != self.purpose:
            raise failed("wrong_purpose", f"the proof was made for another purpose than {self.purpose}")
        if proof.expires is not None and proof.expires <= self.now:
            raise failed("proof_expired", "the proof says that it has expired")
        signed = self._signed(proof)
        try:
            signature = from_multibase(proof.value, size=SIGNATURE_SIZE)
        except MalformedSpelling as error:
            raise failed("malformed_proof", f"the proofValue is no signature: {error}") from error
        controller = controller_of(proof.method.partition("#")[0], self.resolve)
        method = usable(controller, proof.method, purpose=self.purpose, kinds={proof.suite.kind}, now=self.now)
        good = method.key.verify(signed, signature)
        return CheckedProof(
            cryptosuite=proof.suite.name,
            method=proof.method,
            controller=controller.id,
            created=proof.created,
            outcome="passed" if good else "failed",
            reason="signature_valid" if good else "signature_invalid",
            detail="the document is as it was signed" if good else "the document is not what this key signed",
        )

    def _signed(self, proof: Proof) -> bytes:
        """The 64 bytes that `proof` has to be the signature of."""
        if self._ended is not None:
            raise self._ended
        try:
            context = self._rdf_context(proof) if proof.suite.rdf else self._json_context(proof)
            canonical = self._canonical(proof, context)
            if not proof.suite.rdf:
                return hash_data(canonical_json(dict(proof.options)), canonical)
            options = {name: member for name, member in proof.options.items() if name != "@context"}
            return hash_data(proof_nquads(options, context, self.budget), canonical)
        except DocumentError as error:
            refused = _refused(error)
            if refused.reason in _ENDING:
                self._ended = refused
            raise refused from error

    def _canonical(self, proof: Proof, context: Json) -> bytes:
        """The canonical form of the document, and of the proofs that `proof` follows, as its suite has it."""
        following = self._following(proof)
        # Of the contexts that pass, only the spelling may differ: one as text or in a list.
        key = (proof.suite.rdf, isinstance(context, list), tuple(sorted(set(proof.previous))))
        made = self._made.get(key)
        if made is None:
            if len(self._made) == MAX_FORMS:
                raise unknown("too_many_proofs", "the proofs of the document sign more forms of it than are judged")
            document = {**self.unsecured, "@context": context} if "@context" in self.unsecured else dict(self.unsecured)
            if following:
                document["proof"] = following
            try:
                made = judged_nquads(document, self.budget) if proof.suite.rdf else canonical_json(document)
            except DocumentError as error:
                made = _refused(error)
            self._made[key] = made
        if isinstance(made, ProofRefused):
            raise made
        return made

    def _following(self, proof: Proof) -> list[Json]:
        """The proofs that `proof` follows: they are part of what it signs (VC Data Integrity 1.0 §4.5)."""
        ids = [_id(other) for other in self.proofs]
        if any(ids.count(name) != 1 for name in proof.previous):
            raise failed("previous_proof_not_found", "the proof follows one that is not there, or there twice")
        return [other for other, name in zip(self.proofs, ids, strict=True) if name in proof.previous]

    def _rdf_context(self, proof: Proof) -> Json:
        """The context under which an `-rdfc-` suite reads document and proof: the document's."""
        context = self.unsecured.get("@context")
        # A context of the proof's own would decide what its members state.
        if proof.options.get("@context", context) != context:
            raise failed("context_differs", "the proof has another @context than the document")
        return context

    def _json_context(self, proof: Proof) -> Json:
        """The context that a `-jcs-` suite signs: the proof's, if it has one, in place of the document's."""
        context = self.unsecured.get("@context")
        if "@context" not in proof.options:
            return context
        signed, whole = _listed(proof.options["@context"]), _listed(context)
        same = canonical_json(whole[: len(signed)]) == canonical_json(signed)  # to Python 1 and true are equal
        if "@context" not in self.unsecured or not same:
            raise failed("context_differs", "the @context of the document does not begin with that of the proof")
        # The suite would pass this: it vouches for the document without the contexts that were added. What is read
        # here is the document with them, so it is not what was signed.
        if len(whole) > len(signed):
            raise unknown("context_added", "the document has contexts that were added after it was signed")
        return proof.options["@context"]


def _refused(error: DocumentError) -> ProofRefused:
    """What it means for a proof that what it signs has no canonical form."""
    match error:
        case ProofRefused():
            return error
        case UnknownContext():
            return unknown("unknown_context", str(error))
        case TooAmbiguous():
            return unknown("too_ambiguous", str(error))
        case OverBudget() | TooLarge():
            return unknown("too_much_work", str(error))
        case StatedElsewhere():
            return failed("stated_elsewhere", str(error))
        case UndefinedTerm():
            return failed("undefined_term", str(error))
        case RelativeAddress():
            return failed("relative_address", str(error))
        case _:
            return failed("malformed_document", str(error))


def _chained(proofs: Sequence[Json], found: list[CheckedProof]) -> tuple[CheckedProof, ...]:
    """`found`, where what follows a proof that did not pass does not pass either."""
    follows = {at: read_proof(proofs[at]).previous for at, each in enumerate(found) if each.outcome == "passed"}
    for _ in proofs:  # no chain is longer
        passed = {_id(proof) for proof, checked in zip(proofs, found, strict=True) if checked.outcome == "passed"}
        for index, checked in enumerate(found):
            if checked.outcome == "passed" and not passed.issuperset(follows[index]):
                detail = "a proof that this one follows did not pass"
                found[index] = replace(checked, outcome="failed", reason="previous_proof_not_passed", detail=detail)
    return tuple(found)


def _id(proof: Json) -> str | None:
    """The id of a proof, if it has one that can be."""
    return name if isinstance(proof, Mapping) and isinstance(name := proof.get("id"), str) else None


def _ended(proof: Json, refused: ProofRefused) -> CheckedProof:
    """A proof whose check was ended, with what it says of itself as far as that is text."""
    said = {name: text for name, text in proof.items() if isinstance(text, str)} if isinstance(proof, Mapping) else {}
    try:
        created = from_time(said.get("created", ""))
    except MalformedSpelling:
        created = None
    return CheckedProof(
        cryptosuite=said.get("cryptosuite", ""),
        method=said.get("verificationMethod", ""),
        controller=None,
        created=created,
        outcome=refused.outcome,
        reason=refused.reason,
        detail=str(refused),
    )


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
