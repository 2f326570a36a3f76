"""Issuers, their keys, their recognition, over HTTP."""

import pytest

from tests.api.conftest import Api


def test_registered_issuer_is_found_by_id_slug_and_did(api: Api) -> None:
    made = api.post("/issuers", {"slug": "north", "profile": {"name": "North"}}, key=api.operator)
    assert made.status_code == 201
    receipt = made.json()
    assert made.headers["location"] == f"/api/v1/issuers/{receipt['id']}"
    assert receipt["did"] == "did:web:localhost%3A8000:issuers:north"
    for reference in (receipt["id"], "north", receipt["did"], receipt["did"].replace("%", "%2525")):
        shown = api.get(f"/issuers/{reference}", key=api.operator)
        assert (shown.status_code, shown.json()["slug"]) == (200, "north")
        assert shown.headers["etag"] == '"1"'


def test_second_issuer_of_a_name_is_409(api: Api) -> None:
    again = api.post("/issuers", {"slug": "college", "profile": {"name": "X"}}, key=api.operator)
    assert again.status_code == 409
    assert again.json()["type"].endswith("#name-taken")


def test_bad_profile_is_refused_with_the_field(api: Api) -> None:
    body = {"slug": "south", "profile": {"name": " ", "email": "nobody"}}
    refused = api.post("/issuers", body, key=api.operator)
    assert refused.status_code == 422
    assert [each["column"] for each in refused.json()["errors"]] == ["profile.name", "profile.email"]
    bad_slug = api.post("/issuers", {"slug": "Süd", "profile": {"name": "X"}}, key=api.operator)
    assert [each["column"] for each in bad_slug.json()["errors"]] == ["slug"]


def test_issuers_key_sees_its_own_issuer_alone(api: Api) -> None:
    assert [each["slug"] for each in api.get("/issuers").json()["issuers"]] == ["college"]
    assert {"college", "academy", "board"} <= {
        each["slug"] for each in api.get("/issuers", key=api.operator).json()["issuers"]
    }
    assert api.get("/issuers/academy").status_code == 404
    assert api.get("/issuers/academy/keys").status_code == 404


def test_profile_is_replaced_and_shown(api: Api) -> None:
    made = api.post("/issuers/academy/profile", {"name": "The Academy", "language": "fr"}, key=api.academy)
    assert made.status_code == 200
    shown = api.get("/issuers/academy", key=api.academy).json()
    assert (shown["profile"]["name"], shown["profile_version"]) == ("The Academy", 2)
    assert api.post("/issuers/academy/profile", {"name": "Mine now"}).status_code == 404
    same = api.post("/issuers/academy/profile", {"name": "The Academy", "language": "fr"}, key=api.academy)
    assert same.status_code == 409


def test_recognition_begins_and_ends(api: Api) -> None:
    said = {"by": "board", "scheme": "colleges", "since": "2026-01-01"}
    begun = api.post("/issuers/college/recognitions", said, key=api.operator)
    assert begun.status_code == 201
    twice = api.post("/issuers/college/recognitions", said, key=api.operator)
    assert (twice.status_code, twice.json()["type"].rpartition("#")[2]) == (409, "issuer-state")
    end = {"by": "board", "scheme": "colleges", "until": "2026-10-31"}
    assert api.post("/issuers/college/recognitions/end", end, key=api.operator).status_code == 200
    (recognition,) = api.get("/issuers/college").json()["recognitions"]
    assert (recognition["until"], recognition["ended"]) == ("2026-10-31", True)


def test_recognition_with_bad_words_is_422(api: Api) -> None:
    good = {"by": "board", "scheme": "s", "since": "2026-01-01"}
    for change, column in (
        ({"by": "nobody"}, "by"),
        ({"scheme": "S S"}, "scheme"),
        ({"since": "01/02/2026"}, "since"),
        ({"since": 20260101}, "since"),
        ({"since": None}, "since"),
    ):
        refused = api.post("/issuers/academy/recognitions", {**good, **change}, key=api.operator)
        assert (refused.status_code, refused.json()["errors"][0]["column"]) == (422, column), refused.text
    reversed_ = api.post("/issuers/academy/recognitions", {**good, "until": "2025-01-01"}, key=api.operator)
    assert reversed_.status_code == 422
    assert api.post("/issuers/board/recognitions", good, key=api.operator).status_code == 422


def test_key_is_added_retired_and_reported(api: Api) -> None:
    added = api.post("/issuers/college/keys", {"role": "signing"}, key=api.operator)
    assert added.status_code == 201
    kid = added.json()["kid"]
    retired = api.post(f"/issuers/college/keys/{kid}/retire", key=api.operator)
    assert (retired.status_code, retired.json()["kid"]) == (200, kid)
    again = api.post(f"/issuers/college/keys/{kid}/retire", {"recovery": False}, key=api.operator)
    assert again.status_code == 409
    reported = api.post(f"/issuers/college/keys/{kid}/compromised", {"from_position": 2}, key=api.operator)
    assert reported.status_code == 200
    keys = {each["kid"]: each for each in api.get("/issuers/college/keys").json()["keys"]}
    assert (keys[kid]["retired"], keys[kid]["compromised_from"]) == (retired.json()["position"], 2)
    assert keys[kid]["held"] is True


@pytest.mark.parametrize("after", ["-1", "9223372036854775808", "1" + "0" * 30, "x"])
def test_signing_again_from_no_position_is_422(api: Api, after: str) -> None:
    assert api.post(f"/issuers/college/signing-again?after={after}").status_code == 422


def test_unknown_key_is_404_and_recovery_is_signed_by_the_operator(api: Api) -> None:
    assert api.post("/issuers/college/keys/z6Mk/retire", key=api.operator).status_code == 404
    assert api.post("/issuers/college/keys/z6Mk/compromised", key=api.operator).status_code == 404
    rescued = api.post("/issuers/college/keys", {"role": "root", "recovery": True}, key=api.operator)
    assert rescued.status_code == 201


def test_repeated_key_command_with_one_idempotency_key_adds_one_key(api: Api) -> None:
    sent = {"Idempotency-Key": "new-key-1"}
    first, second = (
        api.post("/issuers/academy/keys", {"role": "signing"}, key=api.operator, headers=sent) for _ in range(2)
    )
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len(api.get("/issuers/academy/keys", key=api.academy).json()["keys"]) == 3
