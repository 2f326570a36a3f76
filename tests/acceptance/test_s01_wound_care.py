"""S1: five micro-credentials in wound care become one award that grants credit; then part 3 is revoked."""

import json
from pathlib import Path

import pytest

from tests.acceptance.desk import Desk, Receipt, admit, course

PARTS = ("wound-assessment", "wound-cleansing", "dressing-selection", "infection-control", "wound-documentation")
PATHWAY: dict[str, object] = {
    "slug": "wound-care-practice",
    "name": "Wound Care Practice",
    "description": "Five micro-credentials in wound care together.",
    "competencies": [{"statement": "plan and carry out the care of a wound"}],
    "credit": {"value": "3", "authority": "Wound College", "programme": "PSW 101"},
    "rule": {"all_of": list(PARTS)},
    "on_component_loss": "review",
}


def _programme(desk: Desk, issuer: str, folder: Path) -> list[Receipt]:
    """The five courses, the pathway, and one learner who has passed them all."""
    admit(desk, issuer, *(course(slug, slug.replace("-", " ").title(), minutes=720) for slug in PARTS))
    wording = folder / "pathway.json"
    wording.write_text(json.dumps(PATHWAY))
    desk.run("pathway", "define", str(wording), "--issuer", issuer)
    row = {"student_number": "M-1", "full_name": "Amara Okafor", "awarded_on": "2026-06-12", "result": "Pass"}
    return [desk.issue(issuer, {**row, "achievement": slug}) for slug in PARTS]


def test_five_parts_become_one_award_whose_page_lists_them_and_says_when_one_is_withdrawn(
    desk: Desk, tmp_path: Path
) -> None:
    parts = _programme(desk, "wounds", tmp_path)
    stacked = desk.receipt("stack", "M-1", "wound-care-practice", "--issuer", "wounds", "--assessor", "Registrar")

    found = desk.scan(stacked["url"])
    assert (found["verdict"], found["in_force"]) == ("valid", True)
    assert [(each["url"], each["verdict"]) for each in found["components"]] == [
        (part["url"], "valid") for part in parts
    ]
    assert found["award"]["credit"] is not None
    assert found["award"]["credit"]["value"] == "3"
    page = desk.page(stacked["url"])
    assert page.startswith("Valid")
    for slug in PARTS:
        assert slug.replace("-", " ").title() in page
    assert desk.scan(parts[0]["url"])["components"] == []

    desk.run("revoke", parts[2]["code"], "--reason", "assessment_integrity")
    after = desk.scan(stacked["url"])
    assert (after["verdict"], after["in_force"]) == ("component_review", True)
    assert [each["verdict"] for each in after["components"]] == ["valid", "valid", "revoked", "valid", "valid"]
    page = desk.page(stacked["url"])
    assert "Built from 5 parts; part 3 was withdrawn on" in page
    assert "The issuer’s rule:" in page.replace("'", "’")
    shown = desk.run("show", stacked["code"])
    assert "component" in shown.stdout.lower() or "part" in shown.stdout.lower()

    vkey = desk.run("log", "vkey").stdout.splitlines()[-1]
    sound = json.loads(desk.text("audit", "--vkey", vkey))
    assert (sound["sound"], sound["problems"]) == (True, [])


def test_what_is_not_held_is_not_stacked(desk: Desk, tmp_path: Path) -> None:
    parts = _programme(desk, "strict", tmp_path)
    desk.run("revoke", parts[2]["code"], "--reason", "other")
    refused = desk.run("stack", "M-1", "wound-care-practice", "--issuer", "strict", code=1)
    assert "dressing-selection" in refused.stderr
    named = [option for part in parts for option in ("--component", part["code"])]
    refused = desk.run("stack", "M-1", "wound-care-practice", "--issuer", "strict", *named, code=1)
    assert "is revoked" in refused.stderr
    unknown = desk.run("stack", "M-2", "wound-care-practice", "--issuer", "strict", code=1)
    assert "M-2" in unknown.stderr


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"all_of": []}, "names no part"),
        ({"all_of": ["unheard-of"]}, "is not an achievement of this issuer"),
        ({"all_of": ["wound-care-practice"]}, "the pathway itself"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_words(
    desk: Desk, tmp_path: Path, rule: dict[str, object], sentence: str
) -> None:
    wording = tmp_path / "pathway.json"
    wording.write_text(json.dumps({**PATHWAY, "rule": rule}))
    slug = f"rules-{abs(hash(sentence)) % 10**6}"
    admit(desk, slug, course("wound-care", "Wound care"))
    refused = desk.run("pathway", "define", str(wording), "--issuer", slug, code=1)
    assert sentence in refused.stderr
