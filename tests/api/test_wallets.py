"""Wallets over HTTP: awards by issuer with how they stand, stacks with their parts, progress; whose they are."""

import sqlite3
from contextlib import closing
from typing import cast

import psycopg
import pytest

from tests.api.conftest import DEFINITION, Api

PARTS = ("clean", "dress", "debride", "compress", "teach")
UNKNOWN = "5f2b7c9e-3f0a-4c58-9d43-2f6f5b0c1a77"


@pytest.fixture(scope="module")
def wound(api: Api) -> Api:
    """Five parts and a pathway of all of them, and one of any two."""
    for slug in PARTS:
        assert api.post("/achievements", {**DEFINITION, "slug": slug, "name": slug.title()}).status_code == 201
    for slug, rule in (("specialist", {"all_of": list(PARTS)}), ("helper", {"n_of": {"n": 2, "of": list(PARTS)}})):
        pathway = {**DEFINITION, "slug": slug, "name": slug.title(), "kind": "larger", "rule": rule}
        assert api.post("/pathways", pathway).status_code == 201
    return api


def held(api: Api, number: str, *slugs: str) -> list[str]:
    """Awards of a learner, by id."""
    found = [api.post("/credentials", api.row(student_number=number, achievement=slug)) for slug in slugs]
    assert {each.status_code for each in found} == {201}
    return [each.json()["credential_id"] for each in found]


def wallet(api: Api, number: str) -> dict[str, object]:
    learner = api.post("/learners/find", {"student_number": number})
    assert learner.status_code == 200, learner.text
    answer = api.get(f"/learners/{learner.json()['id']}/wallet")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    [college] = cast("list[dict[str, object]]", found["issuers"])
    return {**found, **college}


def progress(found: dict[str, object]) -> dict[str, tuple[int, int]]:
    standings = cast("list[dict[str, object]]", found["pathways"])
    return {str(each["pathway"]): (cast("int", each["held"]), cast("int", each["needed"])) for each in standings}


def test_a_learner_is_found_by_the_number_as_it_was_typed_into_the_award(wound: Api) -> None:
    held(wound, "E\u0301-1", "clean")
    found = {wound.post("/learners/find", {"student_number": typed}).text for typed in ("E\u0301-1", " \u00c9-1\n")}
    assert len(found) == 1
    assert "\u00c9-1" in found.pop()


def test_progress_counts_awards_in_force_of_the_parts(wound: Api) -> None:
    first, *_ = held(wound, "W-1", "clean", "dress", "debride", "wound-care")
    found = wallet(wound, "W-1")
    assert progress(found) == {"helper": (2, 2), "specialist": (3, 5)}
    assert [each["achievement"] for each in cast("list[dict[str, object]]", found["awards"])] == [
        "clean",
        "dress",
        "debride",
        "wound-care",
    ]
    [missing] = [
        each["missing"]
        for each in cast("list[dict[str, object]]", found["pathways"])
        if each["pathway"] == "specialist"
    ]
    assert missing == ["compress", "teach"]
    assert wound.post(f"/credentials/{first}/revoke", {"reason": "other"}).status_code == 200
    found = wallet(wound, "W-1")
    assert progress(found) == {"helper": (2, 2), "specialist": (2, 5)}
    standing = {each["achievement"]: each["status"] for each in cast("list[dict[str, object]]", found["awards"])}
    assert standing == {"clean": "revoked", "dress": "in_force", "debride": "in_force", "wound-care": "in_force"}


def test_a_stack_stands_in_the_wallet_with_its_parts_as_they_stand_now(wound: Api) -> None:
    parts = held(wound, "W-2", *PARTS)
    made = wound.post("/stacks", {"student_number": "W-2", "pathway": "specialist", "awarded_on": "2026-06-12"})
    assert made.status_code == 201, made.text
    assert wound.post(f"/credentials/{parts[2]}/suspend", {"reason": "other"}).status_code == 200
    found = wallet(wound, "W-2")
    [stack] = [each for each in cast("list[dict[str, object]]", found["awards"]) if each["components"]]
    components = cast("list[dict[str, object]]", stack["components"])
    assert stack["credential_id"] == made.json()["credential_id"]
    assert sorted(str(each["credential_id"]) for each in components) == sorted(parts)
    assert {str(each["achievement"]): each["status"] for each in components} == {
        **dict.fromkeys(PARTS, "in_force"),
        "debride": "suspended",
    }
    assert progress(found)["specialist"] == (4, 5)
    [awarded] = [each for each in cast("list[dict[str, object]]", found["pathways"]) if each["pathway"] == "specialist"]
    assert awarded["credential_id"] == stack["credential_id"]


def test_a_stack_in_force_is_under_review_while_a_part_of_it_is_not(wound: Api) -> None:
    dress, clean = held(wound, "W-6", "dress", "clean")
    made = wound.post("/stacks", {"student_number": "W-6", "pathway": "helper", "awarded_on": "2026-06-12"})
    assert made.status_code == 201, made.text
    stack = made.json()["credential_id"]

    def standing() -> list[tuple[object, object, object]]:
        awards = {
            each["credential_id"]: each for each in cast("list[dict[str, object]]", wallet(wound, "W-6")["awards"])
        }
        told = [awards[each] for each in (stack, dress, clean)]
        return [(each["status"], each["in_force"], each["under_review"]) for each in told]

    sound = ("in_force", True, False)
    assert standing() == [sound, sound, sound]
    assert wound.post(f"/credentials/{dress}/suspend", {"reason": "other"}).status_code == 200
    assert standing() == [("in_force", True, True), ("suspended", False, False), sound]
    assert wound.post(f"/credentials/{dress}/reinstate", {}).status_code == 200
    assert standing() == [sound, sound, sound]
    assert wound.post(f"/credentials/{clean}/revoke", {"reason": "other"}).status_code == 200
    assert standing() == [("in_force", True, True), sound, ("revoked", False, False)]
    assert wound.post(f"/credentials/{stack}/revoke", {"reason": "other"}).status_code == 200
    assert standing()[0] == ("revoked", False, False)


def test_a_pathway_whose_wording_was_taken_down_is_left_out_of_the_progress(wound: Api) -> None:
    taken = {**DEFINITION, "slug": "taken", "name": "Taken", "kind": "larger", "rule": {"all_of": ["clean"]}}
    assert wound.post("/pathways", taken).status_code == 201
    held(wound, "W-7", "clean")
    before = progress(wallet(wound, "W-7"))
    assert before.pop("taken") == (1, 1)
    ledger = wound.services.ledger
    if ledger.home.database_url is None:
        with closing(sqlite3.connect(ledger.home.database, isolation_level=None)) as connection:
            connection.execute('DELETE FROM definitions WHERE CAST(content AS TEXT) LIKE \'%"slug":"taken"%\'')
    else:
        with psycopg.connect(ledger.home.database_url) as shared:
            taken_down = b'DELETE FROM ledger.definitions WHERE position(\'"slug":"taken"\'::bytea IN content) > 0'
            shared.execute(taken_down)
    ledger.desk._definition.cache_clear()  # as in a process that starts now
    assert progress(wallet(wound, "W-7")) == before
    page = wound.client.post("/console/wallet", data={"key": wound.college, "learner": "W-7", "issuer": ""})
    assert (page.status_code, "Helper" in page.text, "Taken" in page.text) == (200, True, False)


def test_a_wallet_names_the_learner_as_the_last_version_does(wound: Api) -> None:
    [award] = held(wound, "W-3", "clean")
    change = {"values": {"full_name": "Zoë Okafor", "email": "zoe@example.org"}, "reason": "other"}
    assert wound.post(f"/credentials/{award}/amend", change).status_code == 200
    found = wallet(wound, "W-3")
    learner = cast("dict[str, object]", found["learner"])
    assert (learner["full_name"], learner["email"], learner["student_number"]) == (
        "Zoë Okafor",
        "zoe@example.org",
        "W-3",
    )


def test_a_retired_pathway_is_no_longer_told(wound: Api) -> None:
    extra = {**DEFINITION, "slug": "gone", "name": "Gone", "kind": "larger", "rule": {"all_of": ["clean"]}}
    assert wound.post("/pathways", extra).status_code == 201
    held(wound, "W-4", "clean")
    assert "gone" in progress(wallet(wound, "W-4"))
    assert wound.post("/pathways/gone/retire").status_code == 200
    assert "gone" not in progress(wallet(wound, "W-4"))


def test_a_wallet_of_another_issuer_or_of_nobody_is_not_there(wound: Api) -> None:
    held(wound, "W-5", "clean")
    learner = wound.post("/learners/find", {"student_number": "W-5"}).json()["id"]
    assert wound.get(f"/learners/{learner}/wallet", key=wound.operator).status_code == 200
    for path, key in (
        (f"/learners/{learner}/wallet", wound.academy),
        (f"/learners/{UNKNOWN}/wallet", wound.college),
        (f"/learners/{learner.upper()}/wallet", wound.college),
        ("/learners/nonsense/wallet", wound.college),
    ):
        answer = wound.get(path, key=key)
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, "learner-unknown"), path
    for number, key in (("W-5", wound.academy), ("nobody", wound.college)):
        answer = wound.post("/learners/find", {"student_number": number}, key=key)
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, "learner-unknown"), number


def test_wallets_need_the_scope_read(wound: Api) -> None:
    issuing, _ = wound.key("issue")
    asked = {"student_number": "W-1"}
    for method, path, body in (("GET", f"/learners/{UNKNOWN}/wallet", None), ("POST", "/learners/find", asked)):
        assert wound.call(method, path, body, key=issuing).status_code == 403
        assert wound.client.request(method, f"/api/v1{path}", json=body).status_code == 401
    assert wound.post("/learners/find", {}).status_code == 422


def test_views_are_the_operators_alone(wound: Api) -> None:
    status = wound.get("/projections", key=wound.operator)
    assert [each["view"] for each in status.json()["views"]] == ["credential_status", "wallet"]
    assert wound.get("/projections").status_code == 403
    assert wound.post("/projections/wallet/rebuild").status_code == 403
    assert wound.get("/projections/wallet/diff").status_code == 403
    for answer in (
        wound.get("/projections/nothing/diff", key=wound.operator),
        wound.post("/projections/nothing/rebuild", key=wound.operator),
    ):
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, "view-unknown")


def test_a_view_is_rebuilt_and_compared_beside_a_running_service(wound: Api) -> None:
    before = wound.get("/credentials").json()
    rebuilt = wound.post("/projections/wallet/rebuild", key=wound.operator)
    assert rebuilt.status_code == 200, rebuilt.text
    assert rebuilt.json()["events"] >= rebuilt.json()["position"] > 0
    for view in ("wallet", "credential_status"):
        compared = wound.get(f"/projections/{view}/diff", key=wound.operator).json()
        assert (compared["view"], compared["total"], compared["differences"]) == (view, 0, [])
    assert wound.get("/credentials").json() == before
