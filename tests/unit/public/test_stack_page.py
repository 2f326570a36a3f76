"""The page of an award that was built from others: its parts as they stand, which are gone, and the issuer's rule."""

from dataclasses import replace
from datetime import date

import pytest

from ledger.domain.codes import format_link_code
from ledger.domain.stacking_rule import OnLoss
from ledger.verification.verdict import ComponentView, State
from tests.unit.public.reading import WORDS, Outline, page, plain
from tests.unit.public.samples import AWARD, DEFINITION, PARTS, STACK, SUSPENSION, VALID, VERDICTS, WITHDRAWN

REVIEW = VERDICTS[State.COMPONENT_REVIEW]
EXPIRED = replace(PARTS[0], state=State.EXPIRED, in_force=False, valid_until=date(2026, 10, 31))
ON_HOLD = replace(PARTS[1], state=State.SUSPENDED, in_force=False, change=SUSPENSION)
STOLEN = replace(PARTS[3], state=State.KEY_COMPROMISED, in_force=False)
NOT_YET = replace(PARTS[4], state=State.NOT_YET_VALID, in_force=False, valid_from=date(2027, 1, 1))


def test_every_part_is_listed_in_order_with_its_standing_and_a_link_to_its_own_page() -> None:
    html = page(STACK)
    text = plain(html)
    assert "<h1>Valid</h1>" in html
    expected = " ".join(f"Wound care {number} — in force" for number in range(1, 6))
    assert f"What it was built from {expected}" in text
    links = [f"/c/{format_link_code(part.code)}" for part in PARTS]
    links[2] += "/2"
    assert [link for link in Outline(html).links if link.startswith("/c/")] == links
    assert text.index("What it was built from") < text.index("What happened to it")
    assert "Lakeshore College issued it, built from the parts above." in text


def test_single_award_has_no_list_of_parts() -> None:
    assert WORDS["en"].text("page.parts") not in page(VALID)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            [
                "Valid — one part under review",
                "Built from 5 parts; part 3 was withdrawn on 1 November 2026.",
                "The issuer’s rule: somebody looks at the award and decides whether it still stands.",
                "Wound care 3 — withdrawn on 1 November 2026",
            ],
        ),
        (
            "fr",
            [
                "Valide — une partie à l’examen",
                "Composée de 5 parties ; la partie 3 a été retirée le 1er novembre 2026.",
                "Règle de l’émetteur : une personne examine l’attestation et décide si elle tient toujours.",
                "Wound care 3 — retirée le 1er novembre 2026",
            ],
        ),
    ],
)
def test_lost_part_is_said_with_its_number_its_day_and_the_rule(language: str, sentences: list[str]) -> None:
    html = page(REVIEW, language)
    for sentence in sentences:
        assert " ".join(sentence.split()) in plain(html)
    assert f"<title>{sentences[0]} · verify.college.example</title>" in html


@pytest.mark.parametrize(
    ("language", "heading", "body"),
    [
        (
            "en",
            "Valid — 5 parts under review",
            (
                "Built from 5 parts; part 1 was valid until 31 October 2026, part 2 was put on hold on "
                "1 November 2026, "
                "part 3 was withdrawn on 1 November 2026, part 4 was signed with a key that was reported stolen and "
                "part 5 is not in force before 1 January 2027."
            ),
        ),
        (
            "fr",
            "Valide — 5 parties à l’examen",
            (
                "Composée de 5 parties ; la partie 1 était valide jusqu’au 31 octobre 2026, la partie 2 a été "
                "suspendue "
                "le 1er novembre 2026, la partie 3 a été retirée le 1er novembre 2026, la partie 4 a été signée avec "
                "une "
                "clé signalée comme volée et la partie 5 n’est pas en vigueur avant le 1er janvier 2027."
            ),
        ),
    ],
)
def test_several_lost_parts_are_each_said_in_their_own_words(language: str, heading: str, body: str) -> None:
    html = page(replace(REVIEW, components=(EXPIRED, ON_HOLD, WITHDRAWN, STOLEN, NOT_YET)), language)
    assert f"<h1>{heading}</h1>" in html
    assert body in plain(html)


@pytest.mark.parametrize(
    ("language", "built"), [("en", "Built from one part;"), ("fr", "Composée d’une seule partie ;")]
)
def test_stack_of_one_part_is_not_spoken_of_as_of_many(language: str, built: str) -> None:
    assert built in plain(page(replace(REVIEW, components=(WITHDRAWN,)), language))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("policy", list(OnLoss))
def test_each_rule_of_the_issuer_is_said_in_plain_words(policy: OnLoss, language: str) -> None:
    award = replace(AWARD, definition=replace(DEFINITION, on_component_loss=policy))
    assert WORDS[language].text(f"policy.{policy}") in plain(page(replace(REVIEW, award=award), language))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "part", [WITHDRAWN, EXPIRED, ON_HOLD, STOLEN, NOT_YET, replace(PARTS[0], state=State.ISSUER_UNRECOGNISED)]
)
def test_every_standing_of_a_part_has_words(part: ComponentView, language: str) -> None:
    words = WORDS[language]
    assert words.has(f"part.{part.state}")
    assert words.has(f"lost.{part.state}") is (part.in_force is False)


def test_revoked_stack_says_in_a_notice_that_a_part_is_gone() -> None:
    verdict = replace(VERDICTS[State.REVOKED], notices=(State.COMPONENT_REVIEW,), components=REVIEW.components)
    assert "A part that it was built from is no longer in force." in plain(page(verdict))


def test_name_of_a_part_is_text_in_its_own_language() -> None:
    part = replace(PARTS[0], name="<b>Soins</b>", language="fr")
    html = page(replace(STACK, components=(part,)))
    assert '<bdi lang="fr">&lt;b&gt;Soins&lt;/b&gt;</bdi>' in html
    assert "<bdi>&lt;b&gt;Soins&lt;/b&gt;</bdi>" in page(replace(STACK, components=(part,)), "fr")


def test_stack_that_was_not_assessed_by_itself_has_no_empty_line_of_assessment() -> None:
    definition = replace(DEFINITION, assessments=())
    award = replace(AWARD, definition=definition, result=None, score=None)
    assert ">Assessment<" not in page(replace(STACK, award=award))
    assert ">Assessment<" in page(STACK)
