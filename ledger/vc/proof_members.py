"""The members of one Data Integrity proof, read strictly: what the proof says of itself, before anything is computed.

VC Data Integrity 1.0 §2.1. Whether what it says is true is found in `ledger.vc.data_integrity`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from ledger.vc.checked import failed, unknown
from ledger.vc.keys import Kind
from ledger.vc.reading import Json
from ledger.vc.spelling import MalformedSpelling, from_time

EDDSA_RDFC: Final = "eddsa-rdfc-2022"

_NEEDED: Final = ("verificationMethod", "proofPurpose", "proofValue")
_TEXTS: Final = frozenset(("id", "type", "cryptosuite", "created", "expires", "challenge", "nonce", *_NEEDED))
_LISTS: Final = frozenset(("domain", "previousProof"))
# An absolute identifier with one fragment, of characters that N-Quads need not escape.
_METHOD: Final = re.compile(r"[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%-]+#[A-Za-z0-9._~:/?@!$&'()*+,;=%-]+")
_MAX_METHOD: Final = 2048  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One cryptosuite: the kind of key it takes, and whether it signs RDF or JSON."""

    name: str
    kind: Kind
    rdf: bool


SUITES: Final[Mapping[str, Suite]] = MappingProxyType(
    {
        suite.name: suite
        for suite in (
            Suite(name=EDDSA_RDFC, kind="Ed25519", rdf=True),
            Suite(name="eddsa-jcs-2022", kind="Ed25519", rdf=False),
            Suite(name="ecdsa-rdfc-2019", kind="P-256", rdf=True),
            Suite(name="ecdsa-jcs-2019", kind="P-256", rdf=False),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One proof as it was read."""

    suite: Suite
    method: str  # absolute, with a fragment
    purpose: str
    value: str  # multibase
    created: datetime | None
    expires: datetime | None
    previous: tuple[str, ...]  # ids of the proofs that it follows
    options: Mapping[str, Json]  # the proof without its value: what is signed of it


def is_method(text: str) -> bool:
    """Whether `text` can be the id of a verification method: absolute, with one fragment, at most 2,048 characters."""
    return len(text) <= _MAX_METHOD and _METHOD.fullmatch(text) is not None


def read_proof(proof: Json) -> Proof:
    """One proof, its known members of the right types.

    Raises:
        ProofRefused: `failed` where it is no right proof, `unknown` where it is of a kind that is not judged here.
    """
    if not isinstance(proof, Mapping):
        raise failed("malformed_proof", "a proof has to be an object")
    suite = _suite(proof)
    for name, value in proof.items():
        _check_member(name, value, rdf=suite.rdf)
    method, purpose, value = (_text(proof, name) for name in _NEEDED)
    if not is_method(method):
        raise failed("malformed_proof", "verificationMethod has to be an absolute identifier with a fragment")
    previous = proof.get("previousProof", [])
    return Proof(
        suite=suite,
        method=method,
        purpose=purpose,
        value=value,
        created=_time(proof, "created"),
        expires=_time(proof, "expires"),
        previous=tuple(str(name) for name in (previous if isinstance(previous, list) else [previous])),
        options={name: member for name, member in proof.items() if name != "proofValue"},
    )


def _suite(proof: Mapping[str, Json]) -> Suite:
    """The suite of a proof; what is merely of another kind is not judged, however it is made."""
    kind, name = _text(proof, "type"), proof.get("cryptosuite")
    if kind != "DataIntegrityProof":
        raise unknown("unknown_proof_type", "only proofs of the type DataIntegrityProof are judged here")
    if not isinstance(name, str):
        raise failed("malformed_proof", "the cryptosuite of a proof has to be named by a string")
    suite = SUITES.get(name)
    if suite is None:
        raise unknown("unknown_cryptosuite", f"proofs are judged of {', '.join(SUITES)}; this one is of another suite")
    return suite


def _check_member(name: str, value: Json, *, rdf: bool) -> None:
    """Refuse a member that would stand in the proof without being signed as it stands.

    In RDF an empty list and a null state nothing, so they could be added to a signed proof; a JSON-LD keyword would
    change what the others state. JSON is signed as it is.
    """
    right = isinstance(value, str)
    if name in _LISTS and isinstance(value, list):
        right = bool(value) and all(isinstance(member, str) for member in value)
    elif name == "@context":
        right = True  # compared with the document's, whatever it is
    elif name not in _TEXTS and name not in _LISTS:
        right = not rdf or (not name.startswith("@") and _is_plain(value))
    if not right:
        raise failed("malformed_proof", f"the member {name[:60]!a} of the proof is not what it has to be")


def _is_plain(value: Json) -> bool:
    """Whether an unknown member states something in RDF, if a context defines it (where none does, it is refused)."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(member, str | int | float) for member in values)


def _text(proof: Mapping[str, Json], name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise failed("malformed_proof", f"a proof has to have a {name}, which is a string")
    return value


def _time(proof: Mapping[str, Json], name: str) -> datetime | None:
    """A time of a proof, if it has one; it is a string already."""
    if name not in proof:
        return None
    try:
        return from_time(_text(proof, name))
    except MalformedSpelling as error:
        raise failed("malformed_proof", f"the member {name} of the proof is no time: {error}") from error
