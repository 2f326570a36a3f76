"""The signed document of an award: made always the same, and anything else is refused with a reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from ledger.domain.types import Did, Kid, Slot
from ledger.signing.signer import Ed25519Signer
from ledger.vc import shape
from ledger.vc.achievement_credential import Source, build
from ledger.vc.data_integrity import check, sign
from ledger.vc.did import read_controller_document, write_document
from ledger.vc.documents import check_own, sign_badge
from ledger.vc.own_proof import same
from ledger.vc.reading import Json, read_document
from tests.unit.vc.making import AWARD, CREATED, SOURCE, from_anywhere, least, sources

_SIGNER = Ed25519Signer(b"\x01" * 32)
_OTHER = Ed25519Signer(b"\x02" * 32)
_RAW = sign_badge(SOURCE, _SIGNER, created=CREATED)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(source=sources)
def test_every_document_is_accepted_as_its_own_and_is_made_the_same_again(source: Source) -> None:
    raw = sign_badge(source, _SIGNER, created=source.made)
    assert check_own(raw, source, _SIGNER.kid) is None
    assert sign_badge(source, _SIGNER, created=source.made) == raw


@pytest.mark.parametrize("source", [SOURCE, least(), from_anywhere()])
def test_the_proof_is_the_one_that_anybody_makes_and_checks(source: Source) -> None:
    raw = sign_badge(source, _SIGNER, created=CREATED)
    method = f"{source.issuer}#{_SIGNER.kid}"
    assert read_document(raw) == sign(build(source), signer=_SIGNER, method=method, created=CREATED)
    controller = read_controller_document(write_document(source.issuer, [_SIGNER.kid]), source.issuer)
    [checked] = check(read_document(raw), lambda _: controller, now=CREATED)
    assert (checked.outcome, checked.method) == ("passed", method)


def test_the_same_members_in_another_order_and_with_blanks_are_the_same_document() -> None:
    reordered = dict(reversed(read_document(_RAW).items()))
    assert check_own(orjson.dumps(reordered, option=orjson.OPT_INDENT_2), SOURCE, _SIGNER.kid) is None


def _differing() -> list[Source]:
    profile = replace(SOURCE.profile, name="South College")
    return [
        replace(SOURCE, award=replace(AWARD, name="Ana Li")),
        replace(SOURCE, award=replace(AWARD, valid_until=None)),
        replace(SOURCE, profile=profile),
        replace(SOURCE, slot=Slot(78)),
        replace(SOURCE, issuer=Did("did:web:localhost%3A8000:issuers:south")),
        replace(SOURCE, base_url="https://elsewhere.example"),
    ]


@pytest.mark.parametrize("source", _differing())
def test_the_document_of_another_source_is_refused(source: Source) -> None:
    assert check_own(_RAW, source, _SIGNER.kid) == "differs"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"hashed":false', b'"hashed":0'),
        (b'"creditsEarned":1.25', b'"creditsEarned":"1.25"'),
        (b'"name":"First aid at work"', b'"name":"First aid at home"'),
        (b'"validUntil":"2028', b'"validUntil":"2029'),
        (b'"type":["Profile"]', b'"type":"Profile"'),
        (b'"statusListIndex":"77"', b'"statusListIndex":77'),
        (b'{"@context"', b'{"more":1,"@context"'),
    ],
)
def test_a_document_that_says_anything_else_is_refused(old: bytes, new: bytes) -> None:
    assert old in _RAW
    assert check_own(_RAW.replace(old, new), SOURCE, _SIGNER.kid) == "differs"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        _RAW[:-1],
        _RAW + b" {}",
        _RAW[:-1] + b',"proof":1}',
        _RAW[:-2] + b',"created":"2026-11-22T10:00:00.123Z"}}',
        _RAW[: _RAW.index(b'"proof":')] + b'"proof":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        _RAW[: _RAW.index(b'"proof":')] + b'"proof":' + b"[" * 300 + b"]" * 300 + b"}",
        _RAW[:-1] + b" " * 2**20 + b"}",
    ],
)
def test_bytes_that_cannot_be_read_in_one_way_are_refused(raw: bytes) -> None:
    assert check_own(raw, SOURCE, _SIGNER.kid) == "unreadable"


def _proof(change: Callable[[dict[str, Json]], Json]) -> bytes:
    document = read_document(_RAW)
    proof = document["proof"]
    assert isinstance(proof, dict)
    document["proof"] = change(proof)
    return orjson.dumps(document)


_BAD_PROOFS: list[tuple[Callable[[dict[str, Json]], Json], str]] = [
    (lambda _: None, "wrong_proof"),
    (lambda _: "text", "wrong_proof"),
    (lambda proof: [proof], "wrong_proof"),
    (lambda proof: [proof, proof], "wrong_proof"),
    (lambda proof: proof | {"created": 7}, "wrong_proof"),
    (lambda proof: proof | {"created": "yesterday"}, "wrong_proof"),
    (lambda proof: proof | {"created": "2026-11-22T10:00:00.1230Z"}, "wrong_proof"),
    (lambda proof: proof | {"created": "2026-11-22T10:00:00.124Z"}, "signature_invalid"),
    (lambda proof: proof | {"proofValue": 7}, "wrong_proof"),
    (lambda proof: proof | {"proofValue": "z1"}, "wrong_proof"),
    (lambda proof: proof | {"proofValue": str(proof["proofValue"])[:-1] + "2"}, "signature_invalid"),
    (lambda proof: proof | {"cryptosuite": "eddsa-jcs-2022"}, "wrong_proof"),
    (lambda proof: proof | {"proofPurpose": "authentication"}, "wrong_proof"),
    (lambda proof: proof | {"expires": "2030-01-01T00:00:00Z"}, "wrong_proof"),
    (lambda proof: proof | {"verificationMethod": f"did:key:{_SIGNER.kid}#{_SIGNER.kid}"}, "wrong_method"),
    (lambda proof: {name: proof[name] for name in proof if name != "proofPurpose"}, "wrong_proof"),
]


@pytest.mark.parametrize(("change", "reason"), _BAD_PROOFS)
def test_a_proof_of_another_kind_is_refused(change: Callable[[dict[str, Json]], Json], reason: str) -> None:
    assert check_own(_proof(change), SOURCE, _SIGNER.kid) == reason


def test_a_document_without_a_proof_is_refused() -> None:
    assert check_own(orjson.dumps(build(SOURCE)), SOURCE, _SIGNER.kid) == "wrong_proof"


def test_the_signature_of_another_key_is_refused() -> None:
    assert check_own(_RAW, SOURCE, _OTHER.kid) == "wrong_method"
    renamed = _RAW.replace(_SIGNER.kid.encode(), _OTHER.kid.encode())
    assert check_own(renamed, SOURCE, Kid(_OTHER.kid)) == "signature_invalid"


def test_every_bit_of_the_signature_counts() -> None:
    another = sign_badge(SOURCE, _SIGNER, created=CREATED + timedelta(milliseconds=1))
    value = orjson.loads(another)["proof"]["proofValue"]
    assert check_own(_proof(lambda proof: proof | {"proofValue": value}), SOURCE, _SIGNER.kid) == "signature_invalid"


def test_a_wrong_shape_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked is what the document states, not that the same shape was used twice."""
    monkeypatch.setattr(shape, "shaped_nquads", lambda _: b"<urn:a> <urn:b> <urn:c> .\n")
    wrong = sign_badge(SOURCE, _SIGNER, created=CREATED)
    monkeypatch.undo()
    assert check_own(wrong, SOURCE, _SIGNER.kid) == "signature_invalid"


def test_true_is_not_one() -> None:
    assert same({"a": True, "b": [1, {}]}, {"b": [1, {}], "a": True})
    assert not same({"a": True}, {"a": 1})
