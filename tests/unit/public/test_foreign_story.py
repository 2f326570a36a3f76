"""The page of a credential that is not of this log says what was found, and that it went by the file alone."""

from dataclasses import replace
from datetime import date

import pytest

from ledger.verification.verdict import (
    NOTHING_SHOWN,
    Finding,
    ForeignAward,
    Notice,
    Outcome,
    State,
    Verdict,
)
from tests.unit.public.reading import WORDS, Outline, page, plain
from tests.unit.public.samples import FOREIGN, FOREIGN_VERDICT, RECOGNISED, SITE, STRANGER
from verify_api.public.json_verdict import verdict_model

NOT_HERE = {
    "en": "There is no record of this in the log of this service: we went by the file alone.",
    "fr": "Le registre de ce service n’en a aucune trace : nous n’avons que le fichier lui-même.",
}
UNCHECKED = Finding(
    check="proof",
    outcome=Outcome.UNKNOWN,
    reason="unknown_cryptosuite",
    detail="It is signed in an unknown way.",
    makes=State.NOT_CHECKED,
)
MADE = (State.SIGNATURE_INVALID, State.NOT_CHECKED, State.NO_AWARD, State.REVOKED, State.SUSPENDED,
        State.STATUS_UNAVAILABLE, State.EXPIRED, State.NOT_YET_VALID, State.ISSUER_UNRECOGNISED,
        State.VALID)  # fmt: skip


def told(state: State, *notices: str, foreign: ForeignAward | None = FOREIGN, **changed: object) -> Verdict:
    shown = None if state in NOTHING_SHOWN else foreign
    findings = (*FOREIGN_VERDICT.findings, UNCHECKED)
    verdict = replace(FOREIGN_VERDICT, state=state, foreign=shown, findings=findings)
    return replace(verdict, notices=(*notices, Notice.NOT_ISSUED_HERE.value), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("state", MADE)
def test_every_state_is_a_sound_page_that_says_it_is_not_of_this_log(state: State, language: str) -> None:
    html = page(told(state), language)
    outline, text = Outline(html), plain(html)
    assert outline.open == []
    assert outline.loads == ["data:,"]
    assert f"<h1>{WORDS[language].text(f'heading.{state}')}</h1>" in html
    assert NOT_HERE[language] in text
    assert ("Zoé Okafor" in text) is (state not in NOTHING_SHOWN)
    assert "/log/checkpoint" not in html


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            told(State.NOT_CHECKED),
            "that we cannot check: “A signature of this file is of a kind that we cannot check.”",
        ),
        (told(State.NO_AWARD), "An issuer of this service signed this file, but it is not an award that is on record"),
        (told(State.EXPIRED), "Valid from 2 May 2026 until 1 May 2027."),
        (told(State.EXPIRED, foreign=replace(FOREIGN, valid_from=None)), "Valid until 1 May 2027."),
        (told(State.NOT_YET_VALID), "Takes effect on 2 May 2026."),
        (told(State.REVOKED), "Harbour Academy withdrew this."),
        (told(State.SUSPENDED), "It is on hold."),
        (told(State.STATUS_UNAVAILABLE), "We checked the signature, but not whether this was withdrawn."),
        (
            told(State.ISSUER_UNRECOGNISED),
            "Harbour Academy (badges.harbour.example) is not in Ontario Register of Learning.",
        ),
        (
            told(State.VALID, foreign=replace(FOREIGN, issuer=replace(STRANGER, recognition=RECOGNISED))),
            "Issued by Harbour Academy, recognised by Ontario Register of Learning.",
        ),
        (told(State.VALID), "Issued by Harbour Academy, which is recognised."),
        (told(State.REVOKED, "expired"), "Its time has also passed: valid from 2 May 2026 until 1 May 2027."),
        (
            told(State.REVOKED, "expired", foreign=replace(FOREIGN, valid_from=None)),
            "Its time has also passed: valid until 1 May 2027.",
        ),
        (told(State.REVOKED, "status_unavailable"), "Whether it was withdrawn could not be checked."),
        (told(State.REVOKED, "issuer_unrecognised"), "is not in Ontario Register of Learning"),
        (
            told(State.ISSUER_UNRECOGNISED, foreign=replace(FOREIGN, issuer=replace(STRANGER, name=None, domain=None))),
            "did:web:badges.harbour.example (did:web:badges.harbour.example) is not in",
        ),
    ],
)
def test_page_says_in_a_sentence_what_was_found(verdict: Verdict, sentence: str) -> None:
    assert sentence in plain(page(verdict))


def test_reason_of_no_check_is_told_in_its_own_words() -> None:
    odd = replace(UNCHECKED, check="later")
    assert "“It is signed in an unknown way.”" in plain(page(told(State.NOT_CHECKED, findings=(odd,))))


def test_file_that_says_little_makes_a_page_that_says_no_more() -> None:
    bare = replace(
        FOREIGN,
        name=None,
        learner=None,
        language=None,
        awarded_on=None,
        valid_from=None,
        valid_until=None,
        skills=(),
        result=None,
        credit=None,
    )
    text = plain(page(told(State.ISSUER_UNRECOGNISED, foreign=bare)))
    assert not {"Holder", "Date of award", "Period", "What the holder can do", "Result"} & set(text.split("\n"))
    assert "None" not in text


@pytest.mark.parametrize(
    ("award", "period"),
    [
        (FOREIGN, "from 2 May 2026 until 1 May 2027"),
        (replace(FOREIGN, valid_until=None), "from 2 May 2026"),
        (replace(FOREIGN, valid_from=None), "until 1 May 2027"),
    ],
)
def test_period_is_as_much_as_the_file_says_of_it(award: ForeignAward, period: str) -> None:
    assert period in plain(page(told(State.ISSUER_UNRECOGNISED, foreign=award)))


def test_no_period_stands_there_where_it_is_the_day_of_the_award() -> None:
    same = replace(FOREIGN, valid_from=date(2026, 5, 1), valid_until=None)
    assert "Period" not in plain(page(told(State.ISSUER_UNRECOGNISED, foreign=same)))


def test_script_in_a_file_is_text_on_the_page() -> None:
    hostile = replace(FOREIGN, name="<script>alert(1)</script>", learner="<b>x</b>\u202e")
    html = page(told(State.ISSUER_UNRECOGNISED, foreign=hostile))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<bdi>&lt;b&gt;x&lt;/b&gt;\u202e</bdi>" in html


def test_json_has_the_shape_of_every_verdict_and_null_for_what_is_not_said() -> None:
    award = verdict_model(told(State.ISSUER_UNRECOGNISED), SITE.base_url).award
    assert award is not None
    assert (award.name, award.learner, award.hours, award.assessment) == ("Infection Control", "Zoé Okafor", None, [])
    assert [(each.statement, each.alignment is None) for each in award.competencies] == [
        ("Keeps a ward clean", False),
        ("Washes hands", True),
    ]
    assert (award.credit and award.credit.value, award.issuer.custody) == ("0.5", None)
    bare = verdict_model(told(State.REVOKED, foreign=replace(FOREIGN, credit=None)), SITE.base_url).award
    assert bare is not None
    assert bare.credit is None
    assert verdict_model(told(State.SIGNATURE_INVALID), SITE.base_url).award is None
