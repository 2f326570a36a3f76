"""One request takes no more work, and asks no more of others, than one of its size may, whatever is in it."""

import pytest

from ledger.application import inquiry as module
from ledger.application.foreign import Known, Uploads
from ledger.application.inquiry import MOST_ASKED, Inquiry, NotFetched
from ledger.testing.faults import FakeClock
from ledger.vc.budget import Budget
from ledger.vc.data_model import listed
from ledger.vc.did import DidNotResolved
from ledger.vc.rdf_canon import MAX_WORK
from ledger.vc.reading import Document, Json
from ledger.vc.upload import UnreadableUpload, Upload
from ledger.verification.presentation import MOST_CREDENTIALS, Asked, Presented, read_presentation
from ledger.verification.verdict import State
from tests.unit.application.test_foreign import ISSUER, KEYS, LIST, Web, entry, judged, reasons, signed, status_list
from tests.unit.vc.proofs import ED25519, NOW, document, proof, secured
from tests.unit.vc.test_budget import chained, look_alikes

pytestmark = pytest.mark.usefixtures("unhurried")


def presentation(inside: list[Json], *, good: bool = True) -> Document:
    unsecured: dict[str, Json] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": ED25519.did,
        "verifiableCredential": inside,
    }
    members: dict[str, Json] = {"proofPurpose": "authentication"}
    whole = secured("eddsa-jcs-2022", members=members, unsecured=unsecured)
    return whole if good else {**whole, "proof": {**proof("eddsa-jcs-2022", ED25519), "proofValue": "z" + "1" * 64}}


def shown(inside: list[Json], web: Web | None = None, *, good: bool = True) -> Presented:
    uploads = Uploads(clock=FakeClock(NOW), fetcher=web)
    return uploads.prepare_presentation(read_presentation(presentation(inside, good=good)), Asked())()


def naming(*methods: str) -> Document:
    """A credential with a proof by each of these keys, none of them good."""
    proofs: list[Json] = [
        {**proof("eddsa-rdfc-2022", ED25519), "verificationMethod": method, "proofValue": "z" + "1" * 64}
        for method in methods
    ]
    return {**document(ISSUER), "proof": proofs}


def test_only_keys_of_the_issuer_are_asked_for_and_once() -> None:
    web = Web()
    verdict = judged(naming(*(f"did:web:h{number}.example#k" for number in range(8))), web)
    assert (verdict.state, web.asked) == (State.NOT_CHECKED, [])
    assert judged(naming(*[f"{ISSUER}#k"] * 8), web).state is State.SIGNATURE_INVALID
    assert web.asked == [KEYS]
    web.answers.clear()
    web.asked.clear()
    assert "did_not_resolved" in reasons(judged(naming(*[f"{ISSUER}#k"] * 8), web))
    assert web.asked == [KEYS]  # a failure, too


def test_credentials_of_one_presentation_ask_together() -> None:
    web = Web(**{LIST: status_list()})
    kept: list[Json] = [{**signed(credentialStatus=entry(number))} for number in range(3)]
    presented = shown(kept, web)
    assert [each.state for each in presented.credentials] == [State.ISSUER_UNRECOGNISED] * 3
    assert web.asked == [KEYS, LIST]


def test_credentials_of_many_issuers_ask_six_addresses_and_the_rest_stays_open() -> None:
    web = Web()
    inside: list[Json] = []
    for number in range(10):
        issuer = f"did:web:h{number}.example"
        members: dict[str, Json] = {"verificationMethod": f"{issuer}#k"}
        inside.append(secured("eddsa-rdfc-2022", members=members, unsecured=document(issuer)))
    presented = shown(inside, web)
    assert [each.state for each in presented.credentials] == [State.NOT_CHECKED] * 10
    assert len(web.asked) == len(set(web.asked)) == MOST_ASKED


def test_what_is_no_signature_asks_nobody() -> None:
    web = Web()
    whole = naming(f"{ISSUER}#k")
    (made,) = listed(whole["proof"])
    assert isinstance(made, dict)
    assert "malformed_proof" in reasons(judged({**whole, "proof": {**made, "proofValue": "z1"}}, web))
    assert web.asked == []


def test_as_many_badges_as_are_judged_at_once_stay_within_the_budget() -> None:
    """Each is read twice: in the presentation, and by itself."""
    badges: list[Json] = [
        secured("eddsa-rdfc-2022", unsecured={**document(), "id": f"urn:x:{number}"})
        for number in range(MOST_CREDENTIALS)
    ]
    unsecured = {name: value for name, value in presentation(badges).items() if name != "proof"}
    members: dict[str, Json] = {"proofPurpose": "authentication"}
    whole = secured("eddsa-rdfc-2022", members=members, unsecured=unsecured)
    uploads = Uploads(clock=FakeClock(NOW))
    presented = uploads.prepare_presentation(read_presentation(whole), Asked())()
    assert [each.state for each in presented.credentials] == [State.ISSUER_UNRECOGNISED] * MOST_CREDENTIALS
    assert presented.verified


def test_what_a_presentation_holds_is_not_judged_before_its_own_proof_is_good() -> None:
    web = Web()
    inside: list[Json] = [{**signed()}]
    assert shown(inside, web).verified
    web.asked.clear()
    presented = shown(inside, web, good=False)
    assert (presented.credentials, presented.verified, web.asked) == ((), False, [])


def test_work_is_that_of_one_document_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []

    class Counted(Budget):
        def __init__(self) -> None:
            super().__init__()
            budgets.append(self)
            self.spent = 0

        def tell_apart(self, work: int) -> None:
            super().tell_apart(work)
            self.spent += work

    monkeypatch.setattr("ledger.application.inquiry.Budget", Counted)
    hard: Json = {**look_alikes(8), "proof": chained(3)}
    presented = shown([hard] * 20)
    assert [each.state for each in presented.credentials] == [State.NOT_CHECKED] * 20
    assert not presented.verified
    (budget,) = budgets
    assert budget.work <= 0
    assert isinstance(budget, Counted)
    assert budget.spent <= MAX_WORK


def test_issuer_of_this_ledger_is_not_accused_where_nothing_is_left_to_look() -> None:
    uploads, inquiry = Uploads(clock=FakeClock(NOW)), Inquiry(None)
    inquiry.budget.cost = 0
    unworded: Document = {"@context": ["https://www.w3.org/ns/credentials/v2"], "issuer": ISSUER}
    verdict = uploads.judge(Upload(document=unworded), Known(ours=True), inquiry)
    assert (verdict.state, reasons(verdict)) == (State.NOT_CHECKED, {"too_much_work"})


def test_six_addresses_are_asked_once_each_and_no_others() -> None:
    web = Web(**{f"https://a.example/{number}": b"x" for number in range(8)})
    inquiry = Inquiry(web)
    for number in range(8):
        for _ in range(2):
            if number < MOST_ASKED:
                assert inquiry.get(f"https://a.example/{number}") == b"x"
            else:
                with pytest.raises(NotFetched, match="no more than 6"):
                    inquiry.get(f"https://a.example/{number}")
    assert len(web.asked) == MOST_ASKED


def test_nobody_is_asked_once_others_took_too_long() -> None:
    now, web = [0.0], Web(**{f"https://a.example/{number}": b"x" for number in range(3)})
    inquiry = Inquiry(web, monotonic=lambda: now[0])
    now[0] = 100.0  # nobody was asked until then
    assert inquiry.get("https://a.example/0") == b"x"
    now[0] += module.SECONDS
    assert inquiry.get("https://a.example/1") == b"x"
    now[0] += 0.1
    for _ in range(2):
        with pytest.raises(NotFetched, match="too long"):
            inquiry.get("https://a.example/2")
    assert inquiry.get("https://a.example/0") == b"x"  # it is known
    assert len(web.asked) == 2


def test_what_cannot_be_read_is_read_once() -> None:
    web = Web(**{LIST: b"{", "https://h.example/.well-known/did.json": b"{}"})
    inquiry = Inquiry(web)
    for _ in range(2):
        with pytest.raises(UnreadableUpload):
            inquiry.read(LIST)
        with pytest.raises(DidNotResolved):
            inquiry.controller("did:web:h.example")
        with pytest.raises(DidNotResolved, match="nobody answers"):
            inquiry.controller("did:web:nobody.example")
    assert len(web.asked) == 3
    assert inquiry.controller(ISSUER) is inquiry.controller(ISSUER)
    with pytest.raises(NotFetched, match="nothing is fetched"):
        Inquiry(None).get(LIST)
    assert not Inquiry(None).asks
