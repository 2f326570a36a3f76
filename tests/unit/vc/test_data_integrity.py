"""Data Integrity proofs: ours and those of others verify, and nothing that was changed, or that someone else signed."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.types import Kid
from ledger.vc.budget import Budget
from ledger.vc.checked import CheckedProof
from ledger.vc.contexts import CREDENTIALS_V2, KNOWN
from ledger.vc.data_integrity import MAX_FORMS, MAX_PROOFS, check, hash_data, proof_nquads, proof_options, sign
from ledger.vc.did import ControllerDocument, read_controller_document, resolve_key, write_document
from ledger.vc.jcs import canonical_json
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, DocumentError, Json, MalformedDocument, read_document
from ledger.vc.spelling import from_multibase, to_base64url, to_multibase
from tests.unit.vc.proofs import ED25519, NOW, OTHER, P256, Key, document, proof, secured, value

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "data_integrity"
SUITES: Final = {
    "eddsa-rdfc-2022": ED25519,
    "eddsa-jcs-2022": ED25519,
    "ecdsa-rdfc-2019": P256,
    "ecdsa-jcs-2019": P256,
}
RDF: Final = ("eddsa-rdfc-2022", "ecdsa-rdfc-2019")
JCS: Final = ("eddsa-jcs-2022", "ecdsa-jcs-2019")
CREATED: Final = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
WEB: Final = "did:web:college.example:issuers:north"


def web(raw: bytes, did: str = WEB) -> Callable[[str], ControllerDocument]:
    """A resolver that has one document, and every did:key."""

    def resolve(asked: str) -> ControllerDocument:
        return read_controller_document(raw, did) if asked == did else resolve_key(asked)

    return resolve


def only(found: tuple[CheckedProof, ...]) -> CheckedProof:
    (checked,) = found
    return checked


def judged(signed: Document, purpose: str = "assertionMethod") -> tuple[str, str]:
    checked = only(check(signed, resolve_key, now=NOW, purpose=purpose))
    return checked.outcome, checked.reason


@pytest.mark.parametrize("suite", SUITES)
def test_a_good_proof_of_each_suite_passes_and_names_who_made_it(suite: str) -> None:
    key = SUITES[suite]
    checked = only(check(secured(suite, key), resolve_key, now=NOW))
    assert (checked.outcome, checked.reason) == ("passed", "signature_valid")
    assert (checked.cryptosuite, checked.method, checked.controller) == (suite, key.method, key.did)
    assert checked.created == CREATED
    assert checked.detail == "the document is as it was signed"


@pytest.mark.parametrize("name", ["eddsa-rdfc-2022", "ecdsa-rdfc-2019"])
@pytest.mark.parametrize("kind", ["did-key", "did-web"])
def test_a_proof_made_by_another_implementation_passes(name: str, kind: str) -> None:
    signed = read_document((VECTORS / f"{name}-{kind}.json").read_bytes())
    found = check(signed, web((VECTORS / f"{name}-did.json").read_bytes()), now=NOW)
    assert [(checked.cryptosuite, checked.outcome) for checked in found] == [(name, "passed")]


def test_signing_gives_the_proof_that_another_implementation_made() -> None:
    expected = read_document((VECTORS / "eddsa-rdfc-2022-did-key.json").read_bytes())
    unsecured = {name: member for name, member in expected.items() if name != "proof"}
    key = Key(int.from_bytes(b"\x07" * 32, "big"))
    assert sign(unsecured, signer=key.signer, method=key.method, created=CREATED) == expected


def test_signing_gives_the_proof_that_the_steps_of_the_suite_give() -> None:
    signed = sign(document(), signer=ED25519.signer, method=ED25519.method, created=CREATED)
    assert signed == secured("eddsa-rdfc-2022")
    assert judged(signed) == ("passed", "signature_valid")


def test_a_document_with_a_proof_or_a_method_that_is_not_absolute_is_not_signed() -> None:
    with pytest.raises(MalformedDocument, match="already has a proof"):
        sign(secured("eddsa-rdfc-2022"), signer=ED25519.signer, method=ED25519.method, created=CREATED)
    for method in ("", "#key", ED25519.did, f"{ED25519.did}#a b", f"{ED25519.did}#a>", f"{WEB}#{'a' * 2048}"):
        with pytest.raises(MalformedDocument, match="absolute"):
            sign(document(), signer=ED25519.signer, method=method, created=CREATED)


@pytest.mark.parametrize("after", [None, *sorted(KNOWN)])
def test_the_short_way_to_canonical_proof_options_gives_what_the_general_way_gives(after: str | None) -> None:
    options = proof_options(ED25519.method, CREATED + timedelta(milliseconds=5))
    context: list[Json] = [CREDENTIALS_V2] if after is None else [CREDENTIALS_V2, after]
    try:
        expected = canonical_nquads({**options, "@context": context})
    except DocumentError:  # contexts that cannot stand beside credentials/v2: no document with them is canonicalised
        with pytest.raises(DocumentError):
            canonical_nquads({**document(), "@context": context})
        return
    assert proof_nquads(options, context) == expected


@pytest.mark.parametrize("context", [CREDENTIALS_V2, ["https://w3id.org/security/data-integrity/v2"]])
@pytest.mark.parametrize("extra", [{}, {"nonce": "n"}, {"id": "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b11"}])
def test_other_proof_options_go_the_general_way(context: Json, extra: dict[str, Json]) -> None:
    options = proof_options(ED25519.method, CREATED) | extra
    assert proof_nquads(options, context) == canonical_nquads({**options, "@context": context})


@pytest.mark.parametrize("context", [None, {}, [], ["https://www.w3.org/2018/credentials/v1"], 5])
def test_proof_options_under_a_context_that_does_not_define_them_are_refused(context: Json) -> None:
    with pytest.raises(DocumentError):
        proof_nquads(proof_options(ED25519.method, CREATED), context)
    with pytest.raises(DocumentError):
        sign({**document(), "@context": context}, signer=ED25519.signer, method=ED25519.method, created=CREATED)


def test_what_is_signed_is_the_hash_of_the_options_and_then_of_the_document() -> None:
    hashed = hash_data(b"", b"abc")
    assert hashed.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_document_without_a_proof_has_none_to_report() -> None:
    assert check(document(), resolve_key, now=NOW) == ()


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("member", ["type", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue"])
def test_a_proof_without_a_needed_member_fails(suite: str, member: str) -> None:
    signed = secured(suite, SUITES[suite])
    assert isinstance(signed["proof"], dict)
    del signed["proof"][member]
    assert judged(signed) == ("failed", "malformed_proof")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "members",
    [
        {"created": 5},
        {"created": "yesterday"},
        {"expires": "2027-01-01"},
        {"created": ["2026-03-01T09:00:00Z"]},
        {"verificationMethod": "#key"},
        {"verificationMethod": ["did:key:a#b"]},
        {"verificationMethod": {"id": ED25519.method}},
        {"previousProof": []},
        {"previousProof": [5]},
        {"domain": {}},
        {"domain": {"a": "b"}},
        {"domain": ["a", 5]},
        {"challenge": 5},
        {"nonce": []},
    ],
)
def test_a_proof_with_a_member_of_the_wrong_form_fails(suite: str, members: dict[str, Json]) -> None:
    signed = secured(suite, SUITES[suite])
    assert isinstance(signed["proof"], dict)
    signed["proof"] |= members
    assert judged(signed) == ("failed", "malformed_proof")


def test_a_proof_that_does_not_pass_is_told_by_what_it_says_of_itself() -> None:
    signed = secured("eddsa-rdfc-2022", members={"proofPurpose": "authentication"})
    checked = only(check(signed, resolve_key, now=NOW))
    assert (checked.cryptosuite, checked.method) == ("eddsa-rdfc-2022", ED25519.method)
    assert (checked.created, checked.controller) == (CREATED, None)
    checked = only(check({**signed, "proof": {"cryptosuite": 5, "created": "soon"}}, resolve_key, now=NOW))
    assert (checked.cryptosuite, checked.method, checked.created) == ("", "", None)


@pytest.mark.parametrize("bad", [None, 5, "proof", [5], [[]]])
def test_what_is_no_proof_at_all_fails(bad: Json) -> None:
    assert judged({**document(), "proof": bad}) == ("failed", "malformed_proof")


@pytest.mark.parametrize("count", [0, MAX_PROOFS + 1])
def test_no_proofs_and_too_many_are_not_judged(count: int) -> None:
    signed = secured("eddsa-rdfc-2022")
    assert judged({**signed, "proof": [signed["proof"]] * count}) == ("unknown", "too_many_proofs")


@pytest.mark.parametrize("spelled", ["", "z", "u", "m", "longer", "shorter", "blank", "base64"])
def test_a_proof_value_in_any_other_spelling_fails(spelled: str) -> None:
    signed = secured("eddsa-rdfc-2022")
    assert isinstance(signed["proof"], dict)
    good = str(signed["proof"]["proofValue"])
    raw = from_multibase(good, size=64)
    forms = {
        "longer": to_multibase(raw + b"\0"),
        "shorter": to_multibase(raw[:63]),
        "blank": good + "\n",
        "base64": "u" + to_base64url(raw),
    }
    signed["proof"]["proofValue"] = forms.get(spelled, spelled)
    assert judged(signed) == ("failed", "malformed_proof")


def test_a_proof_for_another_purpose_fails_and_passes_for_its_own() -> None:
    signed = secured("eddsa-rdfc-2022", members={"proofPurpose": "authentication"})
    assert judged(signed) == ("failed", "wrong_purpose")
    assert judged(signed, purpose="authentication") == ("passed", "signature_valid")


@pytest.mark.parametrize("suite", SUITES)
def test_an_expired_proof_fails_at_the_second_it_names(suite: str) -> None:
    signed = secured(suite, SUITES[suite], {"expires": "2026-03-02T12:00:00Z"})
    assert judged(signed) == ("failed", "proof_expired")
    before = only(check(signed, resolve_key, now=NOW - timedelta(milliseconds=1)))
    assert before.outcome == "passed"


@pytest.mark.parametrize("suite", SUITES)
def test_the_optional_members_of_a_proof_are_signed(suite: str) -> None:
    members: dict[str, Json] = {
        "id": "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b11",
        "expires": "2027-01-01T00:00:00Z",
        "domain": ["college.example", "north.example"],
        "challenge": "c",
        "nonce": "n",
    }
    signed = secured(suite, SUITES[suite], members)
    assert judged(signed) == ("passed", "signature_valid")
    assert isinstance(signed["proof"], dict)
    for name in members:
        shorter = {member: kept for member, kept in signed["proof"].items() if member != name}
        assert judged({**signed, "proof": shorter}) == ("failed", "signature_invalid")
    for name, other in (("nonce", "N"), ("challenge", "C"), ("domain", "college.example")):
        assert judged({**signed, "proof": {**signed["proof"], name: other}}) == ("failed", "signature_invalid")


@pytest.mark.parametrize("suite", RDF)
@pytest.mark.parametrize(
    ("name", "member", "reason"),
    [
        ("colour", "red", "undefined_term"),
        ("name", "red", "signature_invalid"),  # defined by the document's context, so part of what is signed
        ("name", None, "malformed_proof"),
        ("name", [], "malformed_proof"),
        ("name", [None], "malformed_proof"),
        ("name", {}, "malformed_proof"),
        ("@id", "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b11", "malformed_proof"),
        ("@graph", "x", "malformed_proof"),
        ("nonce", None, "malformed_proof"),
        ("nonce", "n", "signature_invalid"),
        ("domain", "d", "signature_invalid"),
        ("id", "relative", "relative_address"),
    ],
)
def test_nothing_is_added_to_a_signed_proof(suite: str, name: str, member: Json, reason: str) -> None:
    signed = secured(suite, SUITES[suite])
    assert isinstance(signed["proof"], dict)
    assert judged({**signed, "proof": {**signed["proof"], name: member}}) == ("failed", reason)


def test_an_unknown_member_that_a_context_defines_may_be_signed() -> None:
    members: list[Json] = ["First proof", ["First proof", "Premier"]]
    for member in members:
        assert judged(secured("eddsa-rdfc-2022", members={"name": member})) == ("passed", "signature_valid")


@pytest.mark.parametrize("suite", JCS)
@pytest.mark.parametrize("member", [None, [], {}, "x", 5])
def test_a_json_suite_signs_unknown_members_as_they_are(suite: str, member: Json) -> None:
    signed = secured(suite, SUITES[suite])
    assert isinstance(signed["proof"], dict)
    assert judged({**signed, "proof": {**signed["proof"], "colour": member}}) == ("failed", "signature_invalid")


@pytest.mark.parametrize("suite", RDF)
def test_a_proof_with_the_documents_context_passes_and_with_another_fails(suite: str) -> None:
    signed = secured(suite, SUITES[suite])
    assert isinstance(signed["proof"], dict)
    same: dict[str, Json] = {**signed["proof"], "@context": signed["@context"]}
    assert judged({**signed, "proof": same}) == ("passed", "signature_valid")
    others: list[Json] = ["https://w3id.org/security/data-integrity/v2", CREDENTIALS_V2, [CREDENTIALS_V2], None]
    for context in others:
        other: dict[str, Json] = {**signed["proof"], "@context": context}
        assert judged({**signed, "proof": other}) == ("failed", "context_differs")


@pytest.mark.parametrize("suite", JCS)
def test_a_json_proof_with_a_context_vouches_for_no_other(suite: str) -> None:
    key = SUITES[suite]
    context = document()["@context"]
    assert isinstance(context, list)
    signed = secured(suite, key, {"@context": context})
    assert judged(signed) == ("passed", "signature_valid")
    added: list[Json] = [*context, "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"]
    assert judged({**signed, "@context": added}) == ("unknown", "context_added")
    assert judged({**signed, "@context": context[:1]}) == ("failed", "context_differs")
    assert judged({name: member for name, member in signed.items() if name != "@context"})[0] == "failed"
    assert judged({**signed, "@context": [*reversed(context)]}) == ("failed", "context_differs")
    assert isinstance(signed["proof"], dict)
    without = {name: member for name, member in signed["proof"].items() if name != "@context"}
    assert judged({**signed, "proof": without}) == ("failed", "signature_invalid")


@pytest.mark.parametrize(("stated", "signed"), [(None, None), ([True], [1]), ([{"a": 1}], [{"a": True}])])
def test_a_context_of_a_json_proof_is_compared_as_json(stated: Json, signed: Json) -> None:
    unsecured: dict[str, Json] = {"a": 1} if stated is None else {"a": 1, "@context": stated}
    options = proof("eddsa-jcs-2022", ED25519, {"@context": signed})
    good = value({**unsecured, "@context": signed}, options, ED25519)
    assert judged({**unsecured, "proof": {**options, "proofValue": good}}) == ("failed", "context_differs")


def test_a_context_in_a_list_of_its_own_is_the_same_context() -> None:
    unsecured: dict[str, Json] = {"@context": [CREDENTIALS_V2], "a": 1}
    in_list = proof("eddsa-jcs-2022", ED25519, {"@context": [CREDENTIALS_V2]})
    alone = proof("eddsa-jcs-2022", ED25519, {"@context": CREDENTIALS_V2})
    proofs: list[Json] = [
        {**in_list, "proofValue": value(unsecured, in_list, ED25519)},
        {**alone, "proofValue": value({**unsecured, "@context": CREDENTIALS_V2}, alone, ED25519)},
    ]
    assert outcomes({**unsecured, "proof": proofs}) == [("passed", "signature_valid")] * 2


@pytest.mark.parametrize("suite", JCS)
def test_a_json_suite_needs_no_context(suite: str) -> None:
    assert judged(secured(suite, SUITES[suite], unsecured={"a": 1.5})) == ("passed", "signature_valid")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"@context": [CREDENTIALS_V2, "https://unknown.example/v1"]}, ("unknown", "unknown_context")),
        ({"colour": "red"}, ("failed", "undefined_term")),
        ({"id": "relative"}, ("failed", "relative_address")),
        ({"@context": {"name": "urn:x"}}, ("unknown", "unknown_context")),
        ({"name": None}, None),
        ({"validFrom": "2026-02-27T00:00:00Z"}, ("failed", "signature_invalid")),
    ],
)
def test_a_document_that_was_changed_does_not_pass(changes: dict[str, Json], expected: tuple[str, str] | None) -> None:
    found = judged({**secured("eddsa-rdfc-2022"), **changes})
    assert found[0] != "passed"
    assert expected in (None, found)


def test_a_document_that_states_nothing_cannot_be_signed_or_checked() -> None:
    nothing: dict[str, Json] = {"@context": [CREDENTIALS_V2]}
    with pytest.raises(MalformedDocument):
        sign(nothing, signer=ED25519.signer, method=ED25519.method, created=CREATED)
    assert judged({**nothing, "proof": secured("eddsa-rdfc-2022")["proof"]}) == ("failed", "malformed_document")


def test_a_document_whose_nodes_cannot_be_told_apart_is_not_judged() -> None:
    signed = secured("eddsa-rdfc-2022")
    nodes = [f"_:n{number}" for number in range(12)]
    web_of_nodes: list[Json] = [
        {
            "id": node,
            "type": ["Achievement"],
            "related": [{"id": other, "type": ["Related"]} for other in nodes if other != node],
        }
        for node in nodes
    ]
    found = judged({**signed, "credentialSubject": {"type": ["AchievementSubject"], "achievement": web_of_nodes}})
    assert found == ("unknown", "too_ambiguous")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"type": "Ed25519Signature2020"}, ("unknown", "unknown_proof_type")),
        ({"cryptosuite": "ecdsa-sd-2023"}, ("unknown", "unknown_cryptosuite")),
        ({"cryptosuite": "bbs-2023"}, ("unknown", "unknown_cryptosuite")),
        ({"cryptosuite": "eddsa-2022"}, ("unknown", "unknown_cryptosuite")),
        ({"cryptosuite": "ecdsa-rdfc-2019"}, ("failed", "key_does_not_fit")),
        ({"verificationMethod": f"{ED25519.did}#other"}, ("failed", "key_not_found")),
        ({"verificationMethod": OTHER.method}, ("failed", "signature_invalid")),
        ({"verificationMethod": P256.method}, ("failed", "key_does_not_fit")),
        ({"verificationMethod": "https://college.example/issuer#key"}, ("unknown", "did_not_resolved")),
        (
            {"verificationMethod": f"did:key:{to_multibase(bytes([237, 1]) + bytes(32))}#k"},
            ("unknown", "did_not_resolved"),
        ),
    ],
)
def test_a_proof_of_another_kind_or_by_another_key_does_not_pass(
    members: dict[str, Json], expected: tuple[str, str]
) -> None:
    signed = secured("eddsa-rdfc-2022")
    assert isinstance(signed["proof"], dict)
    assert judged({**signed, "proof": {**signed["proof"], **members}}) == expected


def test_a_p384_key_is_not_judged() -> None:
    multikey = to_multibase(b"\x81\x24\x02" + bytes(48))
    signed = secured("ecdsa-rdfc-2019", P256, {"verificationMethod": f"did:key:{multikey}#{multikey}"})
    assert judged(signed) == ("unknown", "unsupported_key")


def controlled(**changes: Json) -> bytes:
    """The document of `WEB` with one key, changed."""
    name = f"{WEB}#{ED25519.multikey}"
    method: dict[str, Json] = {
        "id": name,
        "type": "Multikey",
        "controller": WEB,
        "publicKeyMultibase": ED25519.multikey,
    }
    whole: dict[str, Json] = {"id": WEB, "verificationMethod": [method], "assertionMethod": [name]}
    for path, change in changes.items():
        (method if path in ("controller", "expires", "revoked") else whole)[path] = change
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("passed", "signature_valid")),
        ({"expires": "2026-03-02T12:00:00.001Z"}, ("passed", "signature_valid")),
        ({"expires": "2026-03-02T12:00:00Z"}, ("failed", "method_expired")),
        ({"revoked": "2026-03-02T12:00:00.001Z"}, ("passed", "signature_valid")),
        ({"revoked": "2026-03-02T12:00:00Z"}, ("failed", "method_revoked")),
        ({"controller": ED25519.did}, ("failed", "method_of_another")),
        ({"assertionMethod": []}, ("failed", "method_not_for_purpose")),
        (
            {"assertionMethod": [], "authentication": [f"{WEB}#{ED25519.multikey}"]},
            ("failed", "method_not_for_purpose"),
        ),
        ({"verificationMethod": []}, ("failed", "key_not_found")),
        ({"id": "did:web:other.example"}, ("unknown", "did_not_resolved")),
    ],
)
def test_the_controllers_document_decides_whether_a_key_may_sign(
    changes: dict[str, Json], expected: tuple[str, str]
) -> None:
    method = f"{WEB}#{ED25519.multikey}"
    signed = sign(document(WEB), signer=ED25519.signer, method=method, created=CREATED)
    checked = only(check(signed, web(controlled(**changes)), now=NOW))
    assert (checked.outcome, checked.reason) == expected


def test_a_document_written_for_our_keys_is_enough_to_check_our_proofs() -> None:
    method = f"{WEB}#{ED25519.multikey}"
    signed = sign(document(WEB), signer=ED25519.signer, method=method, created=CREATED)
    checked = only(check(signed, web(write_document(WEB, [Kid(ED25519.multikey)])), now=NOW))
    assert (checked.outcome, checked.controller) == ("passed", WEB)
    without = only(check(signed, web(write_document(WEB, [Kid(OTHER.multikey)])), now=NOW))
    assert (without.outcome, without.reason) == ("failed", "key_not_found")


def test_a_resolver_that_gives_the_document_of_another_is_not_believed() -> None:
    checked = only(check(secured("eddsa-rdfc-2022"), lambda _: resolve_key(OTHER.did), now=NOW))
    assert (checked.outcome, checked.reason) == ("failed", "method_of_another")


def test_nothing_is_resolved_for_what_fails_without_a_key() -> None:
    def resolve(did: str) -> ControllerDocument:
        raise AssertionError(f"{did} was resolved")

    for signed in (
        {**secured("eddsa-rdfc-2022"), "colour": "red"},
        secured("eddsa-rdfc-2022", members={"proofPurpose": "authentication"}),
        secured("eddsa-rdfc-2022", members={"expires": "2020-01-01T00:00:00Z"}),
        {**document(), "proof": 5},
    ):
        assert only(check(signed, resolve, now=NOW)).outcome == "failed"


def test_each_proof_of_a_set_is_reported() -> None:
    whole = document()
    by_other = proof("eddsa-jcs-2022", OTHER)
    proofs: list[Json] = [
        secured("eddsa-rdfc-2022", unsecured=whole)["proof"],
        {**by_other, "proofValue": value(whole, by_other, OTHER)},
        secured("ecdsa-rdfc-2019", P256, unsecured=whole)["proof"],
        {**proof("bbs-2023", OTHER), "proofValue": "u2V0"},
        {**proof("eddsa-rdfc-2022", OTHER), "proofValue": value(whole, by_other, OTHER)},
    ]
    found = check({**whole, "proof": proofs}, resolve_key, now=NOW)
    assert [(checked.controller, checked.outcome, checked.reason) for checked in found] == [
        (ED25519.did, "passed", "signature_valid"),
        (OTHER.did, "passed", "signature_valid"),
        (P256.did, "passed", "signature_valid"),
        (None, "unknown", "unknown_cryptosuite"),
        (OTHER.did, "failed", "signature_invalid"),
    ]


def chain(suite: str, key: Key, second: Key) -> dict[str, Json]:
    """A document with a first proof, one that follows it, and one that follows both."""
    whole = document(key.did)
    proofs: list[Json] = []
    for number, signer in enumerate((key, second, second)):
        options = proof(suite, signer, {"id": f"urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b1{number}"})
        if proofs:
            ids: list[Json] = [str(earlier["id"]) for earlier in proofs if isinstance(earlier, dict)]
            options["previousProof"] = ids[0] if len(ids) == 1 else ids
        signed_over = {**whole, "proof": list(proofs)} if proofs else whole
        proofs.append({**options, "proofValue": value(signed_over, options, signer)})
    return {**whole, "proof": proofs}


def outcomes(signed: Document) -> list[tuple[str, str]]:
    return [(checked.outcome, checked.reason) for checked in check(signed, resolve_key, now=NOW)]


@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "eddsa-jcs-2022"])
def test_a_chain_passes_whole_and_breaks_where_a_proof_is_taken_out_or_changed(suite: str) -> None:
    signed = chain(suite, ED25519, OTHER)
    good = ("passed", "signature_valid")
    assert outcomes(signed) == [good] * 3
    first, second, third = signed["proof"] if isinstance(signed["proof"], list) else []
    lost = ("failed", "previous_proof_not_found")
    assert outcomes({**signed, "proof": [second, third]}) == [lost, lost]
    assert outcomes({**signed, "proof": [first, third]}) == [good, lost]
    assert outcomes({**signed, "proof": [first, first, second]}) == [good, good, lost]
    assert isinstance(first, dict)
    swapped = {**first, "nonce": "n"}
    assert outcomes({**signed, "proof": [swapped, second, third]}) == [("failed", "signature_invalid")] * 3


def test_proofs_that_sign_many_forms_of_a_document_are_not_all_judged() -> None:
    whole = document()
    proofs: list[Json] = []
    for number in range(MAX_FORMS + 1):
        options = proof("eddsa-jcs-2022", ED25519, {"id": f"urn:a:{number}"})
        if number:
            options["previousProof"] = f"urn:a:{number - 1}"
        signed_over = {**whole, "proof": proofs[-1:]} if number else whole
        proofs.append({**options, "proofValue": value(signed_over, options, ED25519)})
    expected = [("passed", "signature_valid")] * MAX_FORMS + [("unknown", "too_many_proofs")]
    assert outcomes({**whole, "proof": proofs}) == expected


def test_proofs_of_a_set_share_one_form_of_the_document() -> None:
    signed = secured("eddsa-rdfc-2022")
    for unsecured, outcome in ((signed, "signature_valid"), ({**signed, "colour": "red"}, "undefined_term")):
        costs = []
        for number in (1, MAX_PROOFS):
            budget = Budget()
            proofs: list[Json] = [signed["proof"]] * number
            found = check({**unsecured, "proof": proofs}, resolve_key, now=NOW, budget=budget)
            assert [each.reason for each in found] == [outcome] * number
            costs.append(Budget().cost - budget.cost)
        assert costs[0] == costs[1] > 0


def test_what_follows_a_proof_that_does_not_pass_does_not_pass() -> None:
    whole = document()
    # The first proof was never good; the second and third were honestly made after it.
    first = {**proof("eddsa-jcs-2022", OTHER, {"id": "urn:a:0"}), "proofValue": to_multibase(bytes(64))}
    options = proof("eddsa-jcs-2022", ED25519, {"id": "urn:a:1", "previousProof": "urn:a:0"})
    second = {**options, "proofValue": value({**whole, "proof": [first]}, options, ED25519)}
    options = proof("eddsa-jcs-2022", ED25519, {"previousProof": ["urn:a:1"]})
    third = {**options, "proofValue": value({**whole, "proof": [second]}, options, ED25519)}
    broken = ("failed", "previous_proof_not_passed")
    for order in ([first, second, third], [third, second, first]):
        found = outcomes({**whole, "proof": list[Json](order)})
        assert sorted(found) == [broken, broken, ("failed", "signature_invalid")]


def test_ids_of_proofs_that_are_no_text_follow_nothing() -> None:
    signed = secured("eddsa-rdfc-2022")
    odd: list[Json] = [signed["proof"], {"id": ["urn:a:0"]}, {"id": {}}, 5]
    assert outcomes({**signed, "proof": odd}) == [
        ("passed", "signature_valid"),
        *[("failed", "malformed_proof")] * 3,
    ]


def paths(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document at which there is a string, a number or a boolean."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from paths(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from paths(member, (*path, index))
    else:
        yield path


@pytest.mark.parametrize("suite", SUITES)
def test_no_value_of_a_document_or_its_proof_can_be_changed_or_taken_out(suite: str) -> None:
    raw = canonical_json(secured(suite, SUITES[suite], {"nonce": "n"}))
    for path in paths(json.loads(raw)):
        for take_out in (False, True):
            changed = json.loads(raw)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            if take_out:
                del holder[path[-1]]
            else:
                holder[path[-1]] = holder[path[-1]] + ("x" if isinstance(holder[path[-1]], str) else 1)
            assert only(check(changed, resolve_key, now=NOW)).outcome != "passed", path


@pytest.mark.parametrize("suite", SUITES)
@settings(max_examples=150)
@given(data=st.data())
def test_no_byte_of_a_document_or_its_proof_can_be_changed(suite: str, data: st.DataObject) -> None:
    raw = bytearray(canonical_json(secured(suite, SUITES[suite])))
    original = read_document(bytes(raw))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    try:
        changed = read_document(bytes(raw))
    except MalformedDocument:
        return
    if changed == original:  # 2.5 as 2.50 or a blank between members: the same document in another spelling
        return
    assert all(checked.outcome != "passed" for checked in check(changed, resolve_key, now=NOW))
