"""Lists and presentations are read by the same names as credentials, and what they hide is not gone by."""

from collections.abc import Mapping

import orjson
import pytest

from ledger.application.foreign import Uploads
from ledger.testing.faults import FakeClock
from ledger.vc.reading import Document, Json, read_document
from ledger.verification.presentation import Asked, Presented, read_presentation
from ledger.verification.verdict import State
from tests.unit.application.test_foreign import LIST, Web, entry, judged, reasons, signed, status_list
from tests.unit.vc.proofs import NOW, OTHER, document, secured

CRED = "https://www.w3.org/2018/credentials#"
OVER = "2026-03-01T12:00:00Z"
PRESENTATION = "urn:uuid:5c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10"


def without(whole: Mapping[str, Json], name: str) -> dict[str, Json]:
    return {each: value for each, value in whole.items() if each != name}


def test_list_that_hides_that_it_is_over_is_not_gone_by() -> None:
    published = read_document(
        status_list(validUntil=OVER, evidence=[{"id": LIST, "type": "BitstringStatusListCredential"}])
    )
    assert reasons(judged(signed(credentialStatus=entry()), Web(**{LIST: orjson.dumps(published)}))) == {
        "status_list_expired",
        "not_recognised",
    }
    hidden: Json = {"id": LIST, "type": ["VerifiableCredential"], "validUntil": OVER}
    literal: Json = {"@value": OVER, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}
    for more in ({"evidence": [hidden]}, {f"{CRED}validUntil": literal}):
        tricked = orjson.dumps({**without(published, "validUntil"), **more})
        verdict = judged(signed(credentialStatus=entry()), Web(**{LIST: tricked}))
        assert verdict.state is State.STATUS_UNAVAILABLE
        assert "status_list_unsigned" in reasons(verdict)


def presented(whole: Document) -> Presented:
    return Uploads(clock=FakeClock(NOW)).prepare_presentation(read_presentation(whole), Asked())()


@pytest.mark.parametrize("trick", ["address", "second object"])
def test_presentation_that_hides_its_holder_is_not_verified(trick: str) -> None:
    unsecured: dict[str, Json] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": PRESENTATION,
        "type": ["VerifiablePresentation"],
        "holder": OTHER.did,
        "termsOfUse": [{"id": PRESENTATION, "type": ["VerifiablePresentation"]}],
        "verifiableCredential": [dict(secured("eddsa-rdfc-2022", unsecured=document()))],
    }
    whole = secured("eddsa-rdfc-2022", members={"proofPurpose": "authentication"}, unsecured=unsecured)
    assert [each.reason for each in presented(whole).findings if each.makes] == ["signed_by_another"]
    hidden: Json = {"id": PRESENTATION, "type": ["VerifiablePresentation"], "holder": OTHER.did}
    more: dict[str, Json] = {"termsOfUse": [hidden]} if trick != "address" else {f"{CRED}holder": {"id": OTHER.did}}
    found = presented({**without(whole, "holder"), **more})
    assert not found.verified
    assert [each.reason for each in found.findings if each.makes] == [
        "stated_elsewhere" if trick != "address" else "no_presentation"
    ]
