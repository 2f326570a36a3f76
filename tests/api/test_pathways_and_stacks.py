"""Pathways and their awards over HTTP."""

import pytest

from tests.api.conftest import DEFINITION, Api

PARTS = ("cleaning", "dressing", "documenting")
LEARNER = "6f1b4a8e-5c1d-4b7e-9a55-0b6a3e5a9d11"
PATHWAY = {
    "slug": "wound-specialist",
    "name": "Wound care specialist",
    "description": "Cares for wounds on their own.",
    "competencies": [{"statement": "Plans the care of a wound."}],
    "rule": {"all_of": list(PARTS)},
}


def _type(answer: object) -> str:
    return str(answer.json()["type"].rpartition("#")[2])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pathway(api: Api) -> dict[str, object]:
    """The pathway with its three parts."""
    for slug in PARTS:
        assert api.post("/achievements", {**DEFINITION, "slug": slug, "name": slug.title()}).status_code == 201
    made = api.post("/pathways", PATHWAY)
    assert made.status_code == 201, made.text
    receipt: dict[str, object] = made.json()
    return receipt


def _hold(api: Api, student: str, *slugs: str) -> list[str]:
    return [api.issue(student_number=student, full_name="Ada", achievement=slug)["credential_id"] for slug in slugs]


@pytest.mark.usefixtures("pathway")
def test_a_pathway_is_shown_revised_and_retired_as_an_achievement_is(api: Api) -> None:
    made = api.post("/pathways", {**PATHWAY, "slug": "basics"}).json()
    for reference in ("basics", made["id"]):
        shown = api.get(f"/pathways/{reference}").json()
        assert shown["definition"]["rule"] == {"all_of": list(PARTS), "n_of": None}
        assert shown["definition"]["on_component_loss"] == "review"
    counted = {"rule": {"n_of": {"n": 2, "of": list(PARTS)}}, "on_component_loss": "keep"}
    revised = api.post("/pathways/basics/versions", {**PATHWAY, "slug": "basics", **counted})
    assert (revised.status_code, revised.json()["version"]) == (201, 2)
    listed = [each["definition"]["slug"] for each in api.get("/pathways").json()["pathways"]]
    assert listed == ["basics", "wound-specialist"]
    assert not {each["definition"]["slug"] for each in api.get("/achievements").json()["achievements"]} & set(listed)
    assert api.post("/pathways/basics/retire").status_code == 200
    assert api.get("/pathways/basics").json()["retired"] is True
    late = api.post("/stacks", {"student_number": api.row()["student_number"], "pathway": "basics", "components": []})
    assert late.status_code == 422


def test_a_pathway_is_no_achievement_and_an_achievement_no_pathway(api: Api, pathway: dict[str, object]) -> None:
    assert _type(api.get("/achievements/wound-specialist")) == "achievement-unknown"
    assert _type(api.get("/pathways/cleaning")) == "achievement-unknown"
    issued = api.post("/credentials", api.row(achievement="wound-specialist"))
    assert issued.json()["errors"][0]["code"] == "is_a_pathway"
    assert api.get(f"/pathways/{pathway['id']}", key=api.academy).status_code == 404
    assert api.post("/achievements", {**DEFINITION, "slug": "x", "rule": {"all_of": ["cleaning"]}}).status_code == 422


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"all_of": []}, "missing"),
        ({"all_of": ["cleaning", "unheard-of"]}, "unknown_achievement"),
        ({"all_of": ["cleaning", "other"]}, "itself"),
        ({"all_of": ["wound-specialist"]}, "is_a_pathway"),
    ],
)
@pytest.mark.usefixtures("pathway")
def test_a_rule_that_cannot_be_is_refused(api: Api, rule: object, code: str) -> None:
    refused = api.post("/pathways", {**PATHWAY, "slug": "other", "rule": rule})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)


@pytest.mark.usefixtures("pathway")
def test_the_parts_in_force_are_found_where_none_is_named(api: Api) -> None:
    old, *rest = _hold(api, "S-1", *PARTS)
    renewed = api.issue(student_number="S-1", full_name="Ada", achievement="cleaning", awarded_on="2026-07-01")
    unused = api.issue(student_number="S-1", full_name="Ada", achievement="cleaning", awarded_on="2026-08-01")
    api.post(f"/credentials/{unused['credential_id']}/revoke", {"reason": "other"})
    made = api.post("/stacks", {"student_number": "S-1", "pathway": "wound-specialist"})
    assert made.status_code == 201, made.text
    again = api.post("/stacks", {"student_number": "S-1", "pathway": "wound-specialist"})
    assert (again.status_code, _type(again)) == (409, "already-stacked")
    explicit = {"student_number": "S-1", "pathway": "wound-specialist", "components": [old, *rest]}
    assert api.post("/stacks", explicit).status_code == 201
    named = {**explicit, "components": [renewed["short_code"], *rest]}
    assert _type(api.post("/stacks", named)) == "already-stacked"
    shown = api.get(made.headers["Location"].removeprefix("/api/v1")).json()
    assert (shown["verdict"], shown["achievement"]["slug"]) == ("issuer_unrecognised", "wound-specialist")


@pytest.mark.usefixtures("pathway")
def test_learner_and_pathway_are_read_in_one_normal_form_and_without_blanks(api: Api) -> None:
    _hold(api, "E\u0301-1", *PARTS)
    made = api.post("/stacks", {"student_number": " E\u0301-1", "pathway": " wound-specialist "})
    assert made.status_code == 201, made.text


@pytest.mark.usefixtures("pathway")
def test_a_repeated_request_is_answered_the_same_though_newer_parts_are_there(api: Api) -> None:
    _hold(api, "S-2", *PARTS)
    asked, key = {"student_number": "S-2", "pathway": "wound-specialist"}, {"Idempotency-Key": "stack-1"}
    first = api.post("/stacks", asked, headers=key)
    api.issue(student_number="S-2", full_name="Ada", achievement="cleaning", awarded_on="2026-09-01")
    again = api.post("/stacks", asked, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert api.post("/stacks", {**asked, "assessor": "B"}, headers=key).status_code == 409


@pytest.mark.usefixtures("pathway")
def test_what_cannot_be_stacked_is_refused_with_its_own_code(api: Api) -> None:
    held, others = _hold(api, "S-3", *PARTS), _hold(api, "S-4", *PARTS)
    learner = {"student_number": "S-3", "pathway": "wound-specialist"}

    def codes(**changed: object) -> set[str]:
        refused = api.post("/stacks", {**learner, **changed})
        assert refused.status_code == 422, refused.text
        return {each["code"] for each in refused.json()["errors"]}

    assert codes(components=[others[0], *held[1:]]) == {"another_learner"}
    assert codes(components=[held[0], *held]) == {"repeated"}
    assert codes(components=["nonsense", *held[1:]]) == {"unknown_award"}
    assert codes(components=held[:2]) == {"rule_not_satisfied"}
    api.post(f"/credentials/{held[0]}/suspend", {"reason": "other"})
    assert codes(components=held) == {"not_in_force"}
    assert codes() == {"rule_not_satisfied"}
    assert codes(student_number="S-99") == {"unknown_learner"}
    assert codes(student_number=None) == {"missing"}
    assert codes(learner="7", student_number=None) == {"malformed"}
    assert codes(pathway="unheard-of") == {"unknown_pathway"}
    assert codes(pathway="cleaning", components=held) == {"not_a_pathway"}


@pytest.mark.usefixtures("pathway")
def test_only_its_issuer_stacks_a_pathway(api: Api) -> None:
    held = _hold(api, "S-5", *PARTS)
    asked = {"student_number": "S-5", "pathway": "wound-specialist", "components": held}
    assert api.post("/stacks", asked, key=api.academy).status_code == 422
    assert api.post("/stacks?issuer=college", asked, key=api.academy).status_code == 404
    theirs = api.post("/achievements", {**DEFINITION, "slug": "theirs"}, key=api.academy)
    assert theirs.status_code == 201
    code = api.get(f"/credentials/{held[0]}").json()["short_code"]
    for reference in (held[0], code, "0" * 13):
        refused = api.post(
            "/stacks", {**asked, "learner": LEARNER, "student_number": None, "components": [reference]}, key=api.academy
        )
        assert [each["reason"] for each in refused.json()["errors"]] == [
            f"“{reference}” is not an award of this issuer"
        ]
    by_operator = api.post("/stacks?issuer=college", asked, key=api.operator)
    assert by_operator.status_code == 201, by_operator.text
