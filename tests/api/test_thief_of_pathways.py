"""A pathway that a stolen key worded anew is measured and awarded as its issuer worded it."""

from tests.api.conftest import DEFINITION, Api

PARTS = ("cleaning", "dressing")
PATHWAY = {
    "slug": "specialist",
    "name": "Specialist",
    "description": "Cares for wounds on their own.",
    "competencies": [{"statement": "Plans the care of a wound."}],
    "rule": {"all_of": list(PARTS)},
}


def test_the_parts_that_are_chosen_are_those_of_the_rule_that_no_thief_stated(api: Api) -> None:
    for slug in PARTS:
        assert api.post("/achievements", {**DEFINITION, "slug": slug}).status_code == 201
    assert api.post("/pathways", PATHWAY).status_code == 201
    stolen = api.post("/issuers/college/keys", {"role": "signing"}, key=api.operator).json()
    revised = api.post("/pathways/specialist/versions", {**PATHWAY, "rule": {"all_of": [PARTS[0]]}})
    assert revised.status_code == 201, revised.text
    report = {"from_position": stolen["position"]}
    path = f"/issuers/college/keys/{stolen['kid']}/compromised"
    assert api.post(path, report, key=api.operator).status_code == 200
    held = [
        api.issue(student_number="S-1", full_name="Ada", achievement=slug, awarded_on=day)["credential_id"]
        for slug, day in zip(PARTS, ("2026-06-12", "2026-06-13"), strict=True)
    ]
    stacked = api.post("/stacks", {"student_number": "S-1", "pathway": "specialist"})
    assert stacked.status_code == 201, stacked.text
    learner = api.post("/learners/find", {"student_number": "S-1"}).json()["id"]
    (wallet,) = api.get(f"/learners/{learner}/wallet").json()["issuers"]
    (standing,) = wallet["pathways"]
    assert (standing["held"], standing["needed"], standing["missing"]) == (2, 2, [])
    (stack,) = [each for each in wallet["awards"] if each["components"]]
    assert [part["credential_id"] for part in stack["components"]] == held
