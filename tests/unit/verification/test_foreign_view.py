"""What a credential says is told as far as it can be, and nothing is made up, whatever its shape."""

from datetime import date
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.reading import Json
from ledger.verification.foreign_view import domain_of, foreign_award
from ledger.verification.verdict import ForeignAward
from tests.unit.vc.proofs import document

V1 = "https://www.w3.org/2018/credentials/v1"


def told(subject: Json = None, **more: Json) -> ForeignAward:
    whole: dict[str, Json] = {**document("did:web:badges.example%3A8443:north"), **more}
    if subject is not None:
        whole["credentialSubject"] = subject
    return foreign_award(whole, None)


def with_achievement(**more: Json) -> Json:
    subject = cast("dict[str, Json]", document()["credentialSubject"])
    return {**subject, "achievement": {**cast("dict[str, Json]", subject["achievement"]), **more}}


def test_badge_is_told_in_the_words_of_the_file() -> None:
    alignment: list[Json] = [
        {"targetName": "Bandages", "targetFramework": "ESCO", "targetCode": "S1", "targetUrl": "https://a.example"},
        {"targetName": 7},
        "no object",
    ]
    subject = cast("dict[str, Json]", with_achievement(alignment=alignment, inLanguage="en-CA"))
    subject |= {
        "identifier": [
            {"identityType": "emailAddress", "hashed": False, "identityHash": "zoe@a.example"},
            {"identityType": "name", "hashed": False, "identityHash": "Zoé  Okafor"},
        ],
        "result": [{"value": "Pass"}],
    }
    award = told(subject, awardedDate="2026-02-01T23:30:00-05:00")
    assert (award.name, award.learner, award.language, award.result) == ("First Aid", "Zoé Okafor", "en-CA", "Pass")
    assert (award.awarded_on, award.valid_from) == (date(2026, 2, 2), date(2026, 2, 28))
    assert (award.valid_until, award.credit) == (date(2999, 2, 28), "2.5")
    assert [(skill.statement, skill.code) for skill in award.skills] == [("Bandages", "S1")]
    issuer = award.issuer
    assert (issuer.name, issuer.domain, issuer.custody) == ("North College", "badges.example:8443", None)
    assert not issuer.recognition.recognised


def test_credential_that_is_no_badge_is_told_by_its_name_and_dates() -> None:
    award = told({"id": "did:example:a", "name": "A person"}, name={"@value": "Endorsement"}, validUntil=None)
    assert (award.name, award.learner, award.skills, award.result, award.credit) == (
        "Endorsement",
        None,
        (),
        None,
        None,
    )
    assert told({"name": "A thing"}, name=None).name == "A thing"
    assert told({"achievement": {}, "name": "Zoé"}, name=None).learner == "Zoé"


def test_older_credential_has_its_own_dates() -> None:
    dates: dict[str, Json] = {"issuanceDate": "2020-01-01T00:00:00Z", "expirationDate": "2021-01-01T00:00:00Z"}
    dates["@context"] = [V1]
    award = told(**dates)
    assert (award.awarded_on, award.valid_from, award.valid_until) == (
        date(2020, 1, 1),
        date(2020, 1, 1),
        date(2021, 1, 1),
    )


def test_hashed_identifier_is_no_name() -> None:
    identifier: Json = {"identityType": "name", "hashed": True, "identityHash": "sha256$1"}
    assert told({"identifier": identifier, "achievement": {}}).learner is None


@pytest.mark.parametrize("credits", [True, -1, 1e9, "2.5", None])
def test_credit_that_is_no_sensible_number_is_left_out(credits: Json) -> None:
    assert told(with_achievement(creditsAvailable=credits)).credit is None


def test_credit_that_was_earned_counts_before_what_could_be() -> None:
    subject = cast("dict[str, Json]", with_achievement(creditsAvailable=3))
    assert told({**subject, "creditsEarned": 1}).credit == "1"


@pytest.mark.parametrize("language", ["x" * 36, "en us", "fränkisch", 7, ""])
def test_language_that_is_no_tag_is_left_out(language: Json) -> None:
    assert told(with_achievement(inLanguage=language)).language is None


def test_long_text_is_cut_and_blanks_are_one() -> None:
    name = told(with_achievement(name="word \n" * 200)).name
    assert name is not None
    assert (len(name), name[-1], name[:10]) == (300, "…", "word word ")


def test_last_day_there_is_stays_that_day() -> None:
    assert told(validUntil="9999-12-31T23:59:59-12:00").valid_until == date(9999, 12, 31)


@pytest.mark.parametrize(
    ("issuer", "domain"),
    [
        ("did:web:north.example", "north.example"),
        ("did:web:north.example%3A8443:issuers:a", "north.example:8443"),
        ("https://North.example/issuers/1", "north.example"),
        ("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", None),
        ("did:web:127.0.0.1", None),
        ("http://north.example", None),
        ("https:///path", None),
        ("urn:uuid:9c9a36f8-518f-4976-a934-6649502d0008", None),
    ],
)
def test_domain_is_what_the_issuer_is_named_by(issuer: str, domain: str | None) -> None:
    assert domain_of(issuer) == domain


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@value", "achievement", "alignment", "name", "identifier", "result", "value", "targetName"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(subject=_VALUES, issuer=_VALUES, name=_VALUES)
def test_any_shape_is_told_without_a_fault(subject: Json, issuer: Json, name: Json) -> None:
    foreign_award({**document(), "credentialSubject": subject, "issuer": issuer, "name": name}, None)
