"""A presentation is good where its holder signed it for this question, and everything in it is good."""

from dataclasses import replace

import pytest

from ledger.vc import data_integrity
from ledger.vc.did import resolve_key
from ledger.vc.embedded import MOST_INSIDE
from ledger.vc.reading import Json
from ledger.vc.upload import Upload
from ledger.verification.foreign import ForeignEvidence, judge_foreign
from ledger.verification.presentation import (
    MOST_CREDENTIALS,
    Asked,
    Presented,
    check_asked,
    check_presented_proofs,
    check_presented_shape,
    is_verified,
    read_presentation,
)
from ledger.verification.verdict import Finding, Notice, Outcome, State
from tests.unit.vc.proofs import ED25519, NOW, OTHER, document, secured

CHALLENGE: dict[str, Json] = {
    "proofPurpose": "authentication",
    "challenge": "c-1",
    "domain": ["verify.example", "b.example"],
}
SHOWN: dict[str, Json] = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiablePresentation"],
    "holder": ED25519.did,
}


def checked(asked: Asked, members: dict[str, Json] | None = None, **more: Json) -> dict[str, str]:
    """The reasons of what stands in the way, by check."""
    whole = secured("eddsa-rdfc-2022", members={**CHALLENGE, **(members or {})}, unsecured={**SHOWN, **more})
    proofs = data_integrity.check(whole, resolve_key, purpose="authentication", now=NOW)
    return {each.check: each.reason for each in check_presented_proofs(whole, proofs, asked) if each.makes is not None}


@pytest.mark.parametrize(
    "asked",
    [Asked(), Asked(challenge="c-1"), Asked(domain="b.example"), Asked(challenge="c-1", domain="verify.example")],
)
def test_proof_for_this_question_is_good(asked: Asked) -> None:
    assert checked(asked) == {}


@pytest.mark.parametrize(
    ("asked", "check"),
    [(Asked(challenge="c-2"), "challenge"), (Asked(domain="evil.example"), "domain")],
)
def test_proof_for_another_question_is_refused(asked: Asked, check: str) -> None:
    assert checked(asked) == {check: f"{check}_differs"}


def test_proof_for_another_purpose_is_refused() -> None:
    assert checked(Asked(), {"proofPurpose": "assertionMethod"}) == {"proof": "wrong_purpose"}


def test_presentation_of_another_holder_is_refused_and_one_without_a_holder_taken() -> None:
    assert checked(Asked(), holder=OTHER.did) == {"holder": "signed_by_another"}
    assert checked(Asked(), holder={"id": ED25519.did}) == {}
    unheld = {name: value for name, value in SHOWN.items() if name != "holder"}
    whole = secured("eddsa-rdfc-2022", members=CHALLENGE, unsecured=unheld)
    proofs = data_integrity.check(whole, resolve_key, purpose="authentication", now=NOW)
    assert [each.outcome for each in check_presented_proofs(whole, proofs, Asked())] == ["passed"]


def test_unsigned_presentation_and_one_signed_in_an_unknown_way_are_not_good() -> None:
    assert [each.reason for each in check_presented_proofs(SHOWN, (), Asked())] == ["unsigned"]
    assert checked(Asked(), {"cryptosuite": "bbs-2023"}) == {"proof": "unknown_cryptosuite"}  # not: by somebody else


@pytest.mark.parametrize(
    ("proof", "asked", "reasons"),
    [
        (CHALLENGE, Asked(), []),
        (CHALLENGE, Asked(challenge="c-1", domain="b.example"), []),
        (CHALLENGE, Asked(challenge="c-2", domain="evil.example"), ["challenge_differs", "domain_differs"]),
        ([CHALLENGE, {}], Asked(domain="b.example"), ["domain_differs"]),  # each proof of a set
        ([CHALLENGE, "no proof"], Asked(domain="b.example"), ["domain_differs"]),
        (None, Asked(domain="b.example"), ["domain_differs"]),
        ([], Asked(challenge="c-1"), ["challenge_differs"]),
        (None, Asked(), []),
    ],
)
def test_credential_that_was_not_made_for_what_is_asked_is_told(proof: Json, asked: Asked, reasons: list[str]) -> None:
    assert [each.reason for each in check_asked({"proof": proof}, asked)] == reasons


def test_shape_is_checked_and_the_number_of_credentials() -> None:
    assert check_presented_shape(SHOWN).makes is None
    assert check_presented_shape({**SHOWN, "type": []}).reason == "no_presentation"
    many: list[Json] = [{}] * (MOST_CREDENTIALS + 1)
    assert check_presented_shape({**SHOWN, "verifiableCredential": many}).reason == "too_many_credentials"


def test_credential_counts_where_nothing_but_recognition_stands_against_it() -> None:
    proofs = data_integrity.check(secured("eddsa-rdfc-2022"), resolve_key, now=NOW)
    verdict = judge_foreign(ForeignEvidence(document=document(), proofs=proofs, statuses=()), now=NOW)
    assert verdict.state is State.ISSUER_UNRECOGNISED
    assert is_verified(verdict)
    assert is_verified(replace(verdict, state=State.VALID, notices=(Notice.CORRECTED,)))
    assert is_verified(replace(verdict, state=State.COMPONENT_REVIEW))
    assert is_verified(replace(verdict, state=State.NO_AWARD))  # an endorsement: the proof is what was asked about
    bad = set(State) - {State.VALID, State.ISSUER_UNRECOGNISED, State.COMPONENT_REVIEW, State.NO_AWARD}
    assert not any(is_verified(replace(verdict, state=state)) for state in bad)
    assert not any(is_verified(replace(verdict, notices=(state.value,))) for state in bad)


def test_presentation_is_verified_where_all_of_it_is() -> None:
    proofs = data_integrity.check(secured("eddsa-rdfc-2022"), resolve_key, now=NOW)
    verdict = judge_foreign(ForeignEvidence(document=document(), proofs=proofs, statuses=()), now=NOW)
    shape = check_presented_shape(SHOWN)
    assert Presented(findings=(shape,), credentials=(verdict,)).verified
    assert not Presented(findings=(shape,), credentials=(verdict, replace(verdict, state=State.REVOKED))).verified
    bad: Finding = check_presented_shape({})
    assert not Presented(findings=(bad,), credentials=()).verified


def test_each_credential_of_a_presentation_is_read_or_told_of() -> None:
    badge = secured("eddsa-rdfc-2022")
    envelope: Json = {**badge, "type": "EnvelopedVerifiableCredential", "id": "data:text/plain,nothing"}
    shown = read_presentation({**SHOWN, "verifiableCredential": [badge, envelope]})
    assert shown.shape.makes is None
    read, told = shown.inside
    assert isinstance(read, Upload)
    assert (read.document, isinstance(told, str)) == (badge, True)
    assert read_presentation({"type": "VerifiableCredential"}).inside == ()


def test_no_more_credentials_inside_credentials_are_read_than_of_one() -> None:
    badge = secured("eddsa-rdfc-2022")
    inside: list[Json] = [{**badge, "id": f"urn:x:{number}"} for number in range(MOST_INSIDE - 1)]
    many: dict[str, Json] = {**badge, "evidence": inside}
    shown = read_presentation({**SHOWN, "verifiableCredential": [many, many, badge]})
    counts = [None if isinstance(each, str) or each.inside is None else len(each.inside) for each in shown.inside]
    assert counts == [MOST_INSIDE - 1, None, 0]


def test_findings_are_looked_up_by_what_they_say() -> None:
    said = [Finding(check="a", outcome=Outcome.PASSED, reason="ok", detail=f"Sentence {number}.") for number in (1, 2)]
    assert {each: each.detail for each in said} == {replace(each): each.detail for each in said}
