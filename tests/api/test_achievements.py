"""Achievements over HTTP."""

from tests.api.conftest import DEFINITION, Api


def test_definition_is_shown_whole_by_slug_and_id(api: Api) -> None:
    made = api.post("/achievements", {**DEFINITION, "slug": "first-aid", "minutes": 90, "routes": ["course"]})
    assert made.status_code == 201
    assert (made.json()["slug"], made.json()["version"], made.json()["revision"]) == ("first-aid", 1, 0)
    for reference in ("first-aid", made.json()["id"]):
        shown = api.get(f"/achievements/{reference}")
        assert shown.status_code == 200
        assert (shown.json()["definition"]["minutes"], shown.json()["retired"]) == (90, False)
    listed = api.get("/achievements").json()["achievements"]
    assert [each["definition"]["slug"] for each in listed] == sorted(each["definition"]["slug"] for each in listed)
    assert "first-aid" in [each["definition"]["slug"] for each in listed]


def test_revised_and_retired_achievement_says_so(api: Api) -> None:
    api.post("/achievements", {**DEFINITION, "slug": "triage"})
    revised = api.post("/achievements/triage/versions", {**DEFINITION, "slug": "triage", "name": "Triage"})
    assert (revised.status_code, revised.json()["version"], revised.json()["revision"]) == (201, 2, 1)
    unchanged = api.post("/achievements/triage/versions", {**DEFINITION, "slug": "triage", "name": "Triage"})
    assert unchanged.status_code == 409
    stale = api.post("/achievements/triage/retire", headers={"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["type"].rpartition("#")[2]) == (409, "stale-revision")
    assert api.post("/achievements/triage/retire", headers={"If-Match": '"1"'}).status_code == 200
    assert api.get("/achievements/triage").json()["retired"] is True
    late = api.post("/credentials", api.row(achievement="triage"))
    assert (late.status_code, late.json()["type"].rpartition("#")[2]) == (409, "achievement-is-retired")


def test_slug_never_changes_and_is_taken_once(api: Api) -> None:
    changed = api.post("/achievements/wound-care/versions", {**DEFINITION, "slug": "other"})
    assert (changed.status_code, changed.json()["errors"][0]["column"]) == (422, "slug")
    taken = api.post("/achievements", DEFINITION)
    assert (taken.status_code, taken.json()["type"].rpartition("#")[2]) == (409, "name-taken")


def test_bad_definition_is_refused_with_every_field(api: Api) -> None:
    bad = {**DEFINITION, "slug": "Bad Slug", "minutes": 0, "assessments": [{}]}
    refused = api.post("/achievements", bad)
    assert refused.status_code == 422
    assert {each["column"] for each in refused.json()["errors"]} == {"slug", "minutes", "assessments.0.type"}
    shape = api.post("/achievements", {**DEFINITION, "minutes": "90", "kind": "huge", "colour": "red"})
    assert {each["column"]: each["code"] for each in shape.json()["errors"]} == {
        "minutes": "wrong_type",
        "kind": "not_allowed",
        "colour": "unknown_field",
    }


def test_another_issuers_achievement_is_404(api: Api) -> None:
    mine = api.post("/achievements", {**DEFINITION, "slug": "sutures"}).json()["id"]
    for path, method in (("", "GET"), ("/retire", "POST")):
        for reference in (mine, "sutures"):
            assert api.call(method, f"/achievements/{reference}{path}", key=api.academy).status_code == 404
    versions = api.post(f"/achievements/{mine}/versions", {**DEFINITION, "slug": "sutures"}, key=api.academy)
    assert versions.status_code == 404


def test_operator_says_for_whom(api: Api) -> None:
    unsaid = api.post("/achievements", {**DEFINITION, "slug": "said"}, key=api.operator)
    assert (unsaid.status_code, unsaid.json()["errors"][0]["column"]) == (422, "issuer")
    said = api.post("/achievements?issuer=academy", {**DEFINITION, "slug": "said"}, key=api.operator)
    assert said.status_code == 201
    assert api.get(f"/achievements/{said.json()['id']}", key=api.operator).json()["issuer"].endswith(":academy")
    assert api.get("/achievements/said?issuer=academy", key=api.operator).status_code == 200
    assert api.post("/achievements?issuer=academy", {**DEFINITION, "slug": "theirs"}).status_code == 404
    assert api.get("/achievements/unknown").status_code == 404
