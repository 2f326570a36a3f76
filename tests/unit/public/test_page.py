"""Every state as a page, in both languages: one verdict, then the reasons, and nothing that runs or loads."""

import re
from dataclasses import replace

import pytest

from ledger.domain.definition import Outcome
from ledger.verification.verdict import NOTHING_SHOWN, State
from tests.unit.public.reading import PAGES, WORDS, Outline, page, plain
from tests.unit.public.samples import (
    AWARD,
    DEFINITION,
    FINDINGS,
    VALID,
    VERDICTS,
)
from verify_api.public.page import Addresses

HEADINGS = {  # as the design page has them
    State.SIGNATURE_INVALID: "Do not rely on this certificate",
    State.LOG_INCONSISTENT: "We cannot confirm this record right now",
    State.NOT_FOUND: "No such certificate here",
    State.NOT_CHECKED: "We could not check this",
    State.NO_AWARD: "Not an award on record",
    State.KEY_COMPROMISED: "Signed with a stolen key",
    State.REVOKED: "Withdrawn — no longer valid",
    State.SUSPENDED: "On hold",
    State.STATUS_UNAVAILABLE: "Genuine — current status not confirmed",
    State.EXPIRED: "Genuine, but expired",
    State.NOT_YET_VALID: "Not in force yet",
    State.ISSUER_UNRECOGNISED: "Genuine, issuer not recognised",
    State.COMPONENT_REVIEW: "Valid — one part under review",
    State.AMENDED: "A newer version exists",
    State.VALID: "Valid",
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("state", list(State))
def test_every_state_is_one_sound_page_that_loads_nothing(state: State, language: str) -> None:
    html = page(VERDICTS[state], language)
    outline = Outline(html)
    heading = WORDS[language].text(f"heading.{state}")
    assert outline.open == []
    assert outline.loads == ["data:,"]
    assert not {"script", "img", "iframe", "object", "embed", "audio", "video"} & set(outline.tags)
    assert not re.search(r"url\(|@import|https?://", PAGES._style)
    assert outline.tags.count("h1") == 1
    assert f"<h1>{heading}</h1>" in html
    assert f"<title>{heading} · verify.college.example</title>" in html
    assert f'<html lang="{language}"' in html
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize(("state", "heading"), HEADINGS.items())
def test_english_headings_are_those_of_the_design(state: State, heading: str) -> None:
    assert f"<h1>{heading}</h1>" in page(VERDICTS[state])


def test_each_state_has_an_icon_of_its_own_shape() -> None:
    icons = {
        match[1]
        for state in State
        if (match := re.search(r'<svg class="icon"[^>]*>(.*?)</svg>', page(VERDICTS[state]), re.DOTALL))
    }
    assert len(icons) == len(State)
    assert all("<path" in icon for icon in icons)


def test_the_first_screen_has_the_order_of_the_design() -> None:
    text = plain(page(VALID))
    order = [
        "You are on verify.college.example. The certificate should show this same address.",
        "Valid Issued by Lakeshore College, recognised by Ontario Register of Learning.",
        "Not withdrawn or expired as of 21 November 2026.",
        "Checked 21 November 2026, 14:03 UTC",
        "Holder Chloé Smith",
        "Award Donning and Doffing Personal Protective Equipment",
        "Issued by Lakeshore College Recognised by Ontario Register of Learning since 1 January 2020",
        "Date of award 14 September 2026",
        "Put on and take off personal protective equipment",
        "Assessed by observed demonstration — Pass, score 83 of 100 (supervised, identity checked)",
        "Hours of learning 4.5",
        "Credit 0.5 — Lakeshore College (Personal Support Worker)",
        "Compare with the paper",
        "Report a problem to Lakeshore College",
        "What happened to it 14 September 2026 Lakeshore College issued it. (entry 812)",
        "See the evidence for this award",
        "How we checked Passed The award was issued with this code.",
        "by Lakeshore Digital Services for Lakeshore College",
        "by the operator of this service alone",
        "Log verify.college.example/log",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ]
    places = [text.find(each) for each in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


@pytest.mark.parametrize("state", sorted(NOTHING_SHOWN))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_word_of_an_award_stands_on_a_page_that_could_not_establish_it(state: State, language: str) -> None:
    verdict = replace(VERDICTS[State.REVOKED], state=state)  # a pipeline that forgot to withhold
    html = page(verdict, language).replace(PAGES._style, "")
    for secret in ("Smith", "Donning", "Lakeshore College", "wrong person", "evidence.example", "812"):
        assert secret not in html


def test_a_learner_whose_name_is_markup_is_shown_as_text() -> None:
    award = replace(AWARD, learner="<script>alert(1)</script>", assessor='"><img src=x onerror=alert(1)>')
    verdict = replace(VALID, award=replace(award, evidence="javascript:alert(1)"))
    html = page(verdict)
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "javascript:" not in html
    assert Outline(html).open == []


def test_names_are_isolated_and_texts_carry_their_own_language() -> None:
    definition = replace(DEFINITION, language="ar", name="الإسعافات الأولية")
    html = page(replace(VALID, award=replace(AWARD, learner="محمد", definition=definition)), "fr")
    assert "<bdi>محمد</bdi>" in html
    assert '<bdi lang="ar">الإسعافات الأولية</bdi>' in html
    assert '<ul lang="ar" dir="auto">' in html
    assert '<bdi lang="en">Pass</bdi>' in html


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "The award was found by its short code."), ("fr", "L’attestation a été trouvée par son code court.")],
)
def test_an_award_found_by_its_short_code_is_said_to_be_found_so(language: str, sentence: str) -> None:
    found = replace(FINDINGS[0], reason="short_code", detail="not what is shown")
    text = plain(page(replace(VALID, findings=(found,)), language))
    assert sentence in text
    assert "not what is shown" not in text


@pytest.mark.parametrize(("language", "said"), [("en", "14:03"), ("fr", "14 h 03")])
def test_the_time_of_a_valid_check_stands_there_once(language: str, said: str) -> None:
    answer, _, _ = page(VALID, language).partition('<section class="award">')
    assert re.findall(r"14(?::| h )03", plain(answer)) == [said]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_without_an_award_offers_the_form_and_no_proof(language: str) -> None:
    html, words = page(VERDICTS[State.NOT_FOUND], language), WORDS[language]
    assert '<form method="post" action="/c"' in html
    assert "value=" not in html
    for key in ("page.technical", "label.vouched", "page.as_json"):
        assert words.text(key) not in html
        assert words.text(key) in page(
            VALID, language, Addresses(as_json="/c/X.json", proof="/c/X/proof", current=None)
        )
    assert "<form" not in page(VALID, language)
    assert Outline(html).open == []


def test_several_learning_outcomes_are_a_list_and_one_is_not() -> None:
    first = Outcome(id="LO1", statement="Measure and compare it.")
    second = Outcome(id="LO2", statement="Recognises <risks>")
    html = page(replace(VALID, award=replace(AWARD, definition=replace(DEFINITION, outcomes=(first, second)))))
    assert "<ul><li>Measure and compare it.</li><li>Recognises &lt;risks&gt;</li></ul>" in html
    html = page(replace(VALID, award=replace(AWARD, definition=replace(DEFINITION, outcomes=(first,)))))
    assert 'dir="auto">Measure and compare it.</dd>' in html
