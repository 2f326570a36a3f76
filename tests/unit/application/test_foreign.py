"""What a credential names elsewhere is had from a fetcher where there is one, lists only after a good signature."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from ledger.application.foreign import Uploads
from ledger.application.inquiry import NotFetched
from ledger.testing.faults import FakeClock
from ledger.vc.did import write_document
from ledger.vc.reading import Document, Json
from ledger.vc.status_list import encode
from ledger.vc.upload import read_upload, read_value
from ledger.verification.presentation import Asked, Presented, read_presentation
from ledger.verification.verdict import State, Verdict
from tests.unit.application.hostile import record
from tests.unit.vc.proofs import ED25519, NOW, OTHER, document, proof, secured, value
from tests.unit.vc.test_jwt import claims, compact, header

pytestmark = pytest.mark.usefixtures("unhurried")

ISSUER = "did:web:badges.example:north"
KEYS = "https://badges.example/north/did.json"
LIST = "https://badges.example/status/1"
METHOD: dict[str, Json] = {"verificationMethod": f"{ISSUER}#{ED25519.multikey}"}


class Web:
    """Answers what it was given, and remembers what it was asked, in order."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = {KEYS: write_document(ISSUER, [ED25519.signer.kid])} | answers
        self.asked: list[str] = []

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.answers:
            raise NotFetched("nobody answers there")
        return self.answers[url]


def signed(**more: Json) -> Document:
    """A badge of the issuer whose keys stand on the web."""
    return secured("eddsa-rdfc-2022", members=METHOD, unsecured={**document(ISSUER), **more})


def entry(index: int = 7, purpose: str = "revocation", **more: Json) -> dict[str, Json]:
    return {
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": LIST,
        **more,
    }


def status_list(
    *, bits: bytes = bytes(16_384), purpose: str = "revocation", issuer: str = ISSUER, **more: Json
) -> bytes:
    whole: dict[str, Json] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": LIST,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": "2026-03-01T00:00:00Z",
        "credentialSubject": {"type": "BitstringStatusList", "statusPurpose": purpose, "encodedList": encode(bits)},
    }
    return orjson.dumps(secured("eddsa-rdfc-2022", members=METHOD, unsecured={**whole, **more}))


def judged(credential: Document | bytes, web: Web | None, now: datetime = NOW) -> Verdict:
    upload = read_upload(credential) if isinstance(credential, bytes) else read_value(dict(credential))
    return Uploads(clock=FakeClock(now), fetcher=web).prepare(upload)()


def reasons(verdict: Verdict) -> set[str]:
    return {finding.reason for finding in verdict.findings if finding.makes is not None}


def test_keys_of_another_issuer_are_asked_for_where_that_is_allowed() -> None:
    web = Web()
    verdict = judged(signed(), web)
    assert (verdict.state, web.asked) == (State.ISSUER_UNRECOGNISED, [KEYS])
    assert judged(signed(), None).state is State.NOT_CHECKED


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"id":"did:web:other.example"}', write_document(ISSUER, [])])
def test_keys_that_are_not_to_be_had_leave_it_unchecked_or_refuse_it(answer: bytes) -> None:
    verdict = judged(signed(), Web(**{KEYS: answer}))
    assert verdict.state in (State.NOT_CHECKED, State.SIGNATURE_INVALID)
    assert judged(signed(issuer="did:web:nobody.example"), Web()).state is not State.VALID


@pytest.mark.parametrize("issuer", ["did:example:a", "https://a.example/issuers/5"])
def test_method_of_what_is_no_did_that_is_read_here_is_not_resolved(issuer: str) -> None:
    members: dict[str, Json] = {"verificationMethod": f"{issuer}#b"}
    web = Web()
    verdict = judged(secured("eddsa-rdfc-2022", members=members, unsecured=document(issuer)), web)
    (found,) = (each for each in verdict.findings if each.reason == "did_not_resolved")
    assert "neither a did:key nor a did:web" in found.detail
    assert web.asked == []


@pytest.mark.parametrize(
    ("bits", "purpose", "state"),
    [
        (bytes(16_384), "revocation", State.ISSUER_UNRECOGNISED),
        (b"\x01" + bytes(16_383), "revocation", State.REVOKED),
        (b"\x01" + bytes(16_383), "suspension", State.SUSPENDED),
        (b"\xfe" + bytes(16_383), "revocation", State.ISSUER_UNRECOGNISED),
    ],
)
def test_status_is_what_the_list_of_the_issuer_says(bits: bytes, purpose: str, state: State) -> None:
    web = Web(**{LIST: status_list(bits=bits, purpose=purpose)})
    assert judged(signed(credentialStatus=entry(purpose=purpose)), web).state is state
    assert web.asked[1] == LIST


def test_two_statuses_are_both_asked_for_and_more_than_four_not_at_all() -> None:
    web = Web(**{LIST: status_list()})
    kind: Json = ["VerifiableCredential", "EndorsementCredential"]  # the schema of badges has room for one
    verdict = judged(signed(type=kind, credentialStatus=[entry(), entry(9)]), web)
    assert (verdict.state, web.asked.count(LIST)) == (State.ISSUER_UNRECOGNISED, 1)
    web.asked.clear()
    many = judged(signed(type=kind, credentialStatus=[entry(number) for number in range(5)]), web)
    assert (many.state, LIST in web.asked) == (State.STATUS_UNAVAILABLE, False)
    assert "too_many_statuses" in reasons(many)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "status_not_had"),
        (b"{", "status_not_had"),
        (b"{}", "status_list_of_another_issuer"),
        (status_list()[:-20], "status_not_had"),
        (status_list(validFrom="2026-03-03T00:00:00Z"), "status_list_not_yet_valid"),
        (status_list(validUntil="2026-03-01T12:00:00Z"), "status_list_expired"),
        (status_list(purpose="suspension"), "status_purpose_differs"),
        (status_list(issuer="did:web:other.example"), "status_list_of_another_issuer"),
        (orjson.dumps(secured("eddsa-rdfc-2022", OTHER)), "status_list_of_another_issuer"),
        (orjson.dumps(signed()), "status_list_wrong_type"),
        (orjson.dumps({**orjson.loads(status_list()), "name": "changed"}), "status_list_unsigned"),
        (status_list(id="https://badges.example/status/2"), "status_list_of_another_address"),
        (status_list(bits=bytes(100)), "status_list_too_short"),
    ],
)
def test_list_that_cannot_be_gone_by_leaves_the_status_open(answer: bytes | None, reason: str) -> None:
    verdict = judged(signed(credentialStatus=entry()), Web(**({} if answer is None else {LIST: answer})))
    assert (verdict.state, verdict.in_force) == (State.STATUS_UNAVAILABLE, None)
    assert reason in reasons(verdict)


def test_list_of_another_issuer_with_a_good_signature_of_its_own_says_nothing() -> None:
    other: dict[str, Json] = {**orjson.loads(status_list()), "issuer": OTHER.did}
    del other["proof"]
    raw = orjson.dumps(secured("eddsa-rdfc-2022", OTHER, unsecured=other))
    verdict = judged(signed(credentialStatus=entry()), Web(**{LIST: raw}))
    assert "status_list_of_another_issuer" in reasons(verdict)
    assert verdict.state is State.STATUS_UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (entry(131_072), "status_index_out_of_range"),
        (entry(statusListIndex="-1"), "status_index_malformed"),
        (entry(statusSize=2), "status_size_unsupported"),
        ({"type": "StatusList2021Entry", "id": "https://a.example/1"}, "status_type_unknown"),
        (entry(statusListCredential=7), "status_type_unknown"),
    ],
)
def test_entry_that_names_no_bit_leaves_the_status_open(status: dict[str, Json], reason: str) -> None:
    unsecured: Document = {**document(ISSUER), "credentialStatus": status}
    options = proof("eddsa-jcs-2022", ED25519, METHOD)  # signs any JSON
    whole: Document = {**unsecured, "proof": {**options, "proofValue": value(unsecured, options, ED25519)}}
    verdict = judged(whole, Web(**{LIST: status_list()}))
    assert reason in reasons(verdict)
    assert verdict.state is not State.VALID


def test_list_is_not_asked_for_before_the_signature_was_found_good() -> None:
    changes: list[Document] = [{"name": "changed"}, {"issuer": OTHER.did}, {"@context": []}]
    for changed in changes:
        web = Web(**{LIST: status_list()})
        verdict = judged({**signed(credentialStatus=entry()), **changed}, web)
        assert verdict.state in (State.SIGNATURE_INVALID, State.NOT_CHECKED)
        assert LIST not in web.asked


def test_without_a_fetcher_the_status_is_said_to_be_open() -> None:
    credential = secured("eddsa-rdfc-2022", unsecured={**document(), "credentialStatus": entry()})
    verdict = judged(credential, None)
    assert (verdict.state, "not_fetched" in reasons(verdict)) == (State.STATUS_UNAVAILABLE, True)


def test_jwt_counts_together_with_a_proof_inside() -> None:
    assert judged(compact(header(), claims()), None).state is State.ISSUER_UNRECOGNISED
    bad = compact(header(), {**claims(), "proof": {"type": "DataIntegrityProof"}})
    assert judged(bad, None).state is State.SIGNATURE_INVALID
    over = judged(compact(header(), claims()), None, NOW + timedelta(days=400_000))
    assert (over.state, over.foreign) == (State.NOT_CHECKED, None)


def test_presentation_is_judged_with_each_credential_in_it() -> None:
    good = dict(secured("eddsa-rdfc-2022"))
    envelope: dict[str, Json] = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": "data:application/vc+sd-jwt,x",
    }
    uploads = Uploads(clock=FakeClock(NOW))

    def presented(*inside: Json) -> Presented:
        unsecured: dict[str, Json] = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "verifiableCredential": list(inside),
        }
        members: dict[str, Json] = {"proofPurpose": "authentication"}
        whole = secured("eddsa-rdfc-2022", members=members, unsecured=unsecured)
        return uploads.prepare_presentation(read_presentation(whole), Asked())()

    assert presented(good).verified
    mixed = presented(good, envelope, {**good, "name": "changed"})
    states = [State.ISSUER_UNRECOGNISED, State.NOT_CHECKED, State.SIGNATURE_INVALID]
    assert [each.state for each in mixed.credentials] == states
    assert not mixed.verified
    assert uploads.prepare_presentation(read_presentation({}), Asked())().credentials == ()


def test_time_of_the_verdict_is_that_of_the_clock() -> None:
    later = datetime(2029, 1, 1, tzinfo=UTC)
    assert judged(secured("eddsa-rdfc-2022"), None, later).known_at == later


def inside(*held: Json) -> Verdict:
    return judged(record(*held), Web(**{LIST: status_list(bits=b"\x01" + bytes(16_383))}))


def test_record_is_good_if_every_credential_inside_is() -> None:
    verdict = inside(dict(secured("eddsa-rdfc-2022", OTHER)), dict(signed()), compact(header(), claims()).decode())
    assert verdict.state is State.ISSUER_UNRECOGNISED
    assert [each.outcome for each in verdict.findings if each.reason == "inside_good"] == ["passed"]
    assert "inside" not in {finding.check for finding in inside().findings}


@pytest.mark.parametrize(
    ("held", "state", "reason"),
    [
        ({**signed(), "name": "Other"}, State.SIGNATURE_INVALID, "inside_not_genuine"),
        (document(), State.SIGNATURE_INVALID, "inside_not_genuine"),
        (signed(credentialStatus=entry()), State.NOT_CHECKED, "inside_not_in_force"),
        (signed(validUntil="2026-03-01T00:00:00Z"), State.NOT_CHECKED, "inside_not_in_force"),
        (signed(issuer="did:web:nobody.example"), State.NOT_CHECKED, "inside_not_checked"),
        ("no.jwt.atall", State.NOT_CHECKED, "inside_not_checked"),
        (signed(credentialStatus=entry(statusListCredential="https://a.example/1")), None, "inside_status_open"),
    ],
)
def test_record_says_what_became_of_those_inside(held: Json, state: State | None, reason: str) -> None:
    verdict = inside(dict(secured("eddsa-rdfc-2022", OTHER)), held)
    assert (verdict.state, reason in reasons(verdict)) == (state or State.STATUS_UNAVAILABLE, True)


def test_nothing_inside_is_judged_or_asked_for_where_the_proof_around_it_is_not_good() -> None:
    web = Web()
    verdict = judged({**record(dict(signed())), "name": "Other"}, web)
    assert (verdict.state, web.asked) == (State.SIGNATURE_INVALID, [])
    assert "inside" not in {finding.check for finding in verdict.findings}
    assert judged(record(dict(signed())), web).state is State.ISSUER_UNRECOGNISED
    assert web.asked == [KEYS]
