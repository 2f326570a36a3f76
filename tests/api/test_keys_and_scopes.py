"""Who may call what."""

import pytest

from tests.api.conftest import DEFINITION, Api

PATHWAY = {key: value for key, value in DEFINITION.items() if key != "assessments"} | {
    "rule": {"all_of": ["first-aid"]}
}
ROUTES = [
    ("POST", "/issuers", {"slug": "x", "profile": {"name": "X"}}, "admin"),
    ("GET", "/issuers", None, "read"),
    ("GET", "/issuers/college", None, "read"),
    ("POST", "/issuers/college/profile", {"name": "X"}, "define"),
    ("POST", "/issuers/college/recognitions", {"by": "board", "scheme": "z", "since": "2026-01-01"}, "admin"),
    ("POST", "/issuers/college/recognitions/end", {"by": "board", "scheme": "z", "until": "2026-01-01"}, "admin"),
    ("POST", "/issuers/college/keys", {"role": "signing"}, "admin"),
    ("GET", "/issuers/college/keys", None, "read"),
    ("POST", "/issuers/college/keys/z6Mk/retire", None, "admin"),
    ("POST", "/issuers/college/keys/z6Mk/compromised", None, "admin"),
    ("GET", "/issuers/college/signing-again", None, "read"),
    ("POST", "/issuers/college/signing-again", None, "change"),
    ("POST", "/achievements", DEFINITION, "define"),
    ("GET", "/achievements", None, "read"),
    ("GET", "/achievements/wound-care", None, "read"),
    ("POST", "/achievements/wound-care/versions", DEFINITION, "define"),
    ("POST", "/achievements/wound-care/retire", None, "define"),
    ("POST", "/pathways", PATHWAY, "define"),
    ("GET", "/pathways", None, "read"),
    ("GET", "/pathways/wound-specialist", None, "read"),
    ("POST", "/pathways/wound-specialist/versions", PATHWAY, "define"),
    ("POST", "/pathways/wound-specialist/retire", None, "define"),
    ("POST", "/stacks", {"student_number": "S-1", "pathway": "wound-specialist"}, "issue"),
    ("POST", "/learners/find", {"student_number": "S-1"}, "read"),
    ("GET", "/learners/x/wallet", None, "read"),
    ("GET", "/projections", None, "admin"),
    ("POST", "/projections/wallet/rebuild", None, "admin"),
    ("GET", "/projections/wallet/diff", None, "admin"),
    ("POST", "/credentials", {}, "issue"),
    ("POST", "/credentials/batch", None, "issue"),
    ("GET", "/credentials", None, "read"),
    ("POST", "/credentials/search", {"query": "okafor"}, "read"),
    ("GET", "/credentials/x", None, "read"),
    ("GET", "/credentials/x/history", None, "read"),
    ("GET", "/credentials/x/verdict", None, "read"),
    ("POST", "/credentials/x/amend", {"values": {}, "reason": "other"}, "change"),
    ("POST", "/credentials/x/suspend", {"reason": "other"}, "change"),
    ("POST", "/credentials/x/reinstate", None, "change"),
    ("POST", "/credentials/x/revoke", {"reason": "other"}, "change"),
    ("POST", "/api-keys", {"scopes": ["read"]}, "admin"),
    ("GET", "/api-keys", None, "admin"),
    ("DELETE", "/api-keys/x", None, "admin"),
    ("POST", "/log/keys", None, "admin"),
    ("GET", "/log/keys", None, "read"),
    ("POST", "/log/keys/retire-older", None, "admin"),
]


@pytest.fixture(scope="module")
def keys(api: Api) -> dict[str, str]:
    """For each scope, a key of the college that has every other scope an issuer's key may have."""
    scopes = ("define", "issue", "change", "read")
    found = {scope: api.key(*(other for other in scopes if other != scope))[0] for scope in scopes}
    return {**found, "admin": api.college}


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES, ids=lambda value: str(value)[:40])
def test_key_without_the_scope_is_403_and_told_which(
    api: Api, keys: dict[str, str], method: str, path: str, body: object, scope: str
) -> None:
    answer = api.call(method, path, body, key=keys[scope])
    assert answer.status_code == 403, answer.text
    assert f"“{scope}”" in answer.json()["detail"]
    assert f'scope="{scope}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES, ids=lambda value: str(value)[:40])
def test_no_key_is_401(api: Api, method: str, path: str, body: object, scope: str) -> None:
    answer = api.client.request(method, f"/api/v1{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_list_of_routes_is_complete(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    described = {
        (method.upper(), len(path.split("/")), operation["description"].rpartition("`")[0].rpartition("`")[2])
        for path, item in document["paths"].items()
        if path.startswith("/api/v1")
        for method, operation in item.items()
    }
    count = sum(len(item) for path, item in document["paths"].items() if path.startswith("/api/v1"))
    assert count == len(ROUTES)
    assert described == {(method, len(path.split("/")) + 2, scope) for method, path, _, scope in ROUTES}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer testamur_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer " + "x" * 5000,
    ],
)
def test_anything_but_a_living_key_is_401(api: Api, header: str) -> None:
    answer = api.client.get("/api/v1/credentials", headers={"Authorization": header})
    assert answer.status_code == 401


@pytest.mark.parametrize("first", [True, False])
def test_two_keys_at_once_are_401_though_one_of_them_is_good(api: Api, first: bool) -> None:
    good, bad = (b"Authorization", f"Bearer {api.college}".encode()), (b"authorization", b"Bearer testamur_nobody")
    answer = api.client.get("/api/v1/achievements", headers=[good, bad] if first else [bad, good])
    assert (answer.status_code, "given twice" in answer.json()["detail"]) == (401, True)


def test_revoked_key_opens_nothing_any_more(api: Api) -> None:
    secret, key_id = api.key("read")
    assert api.get("/credentials", key=secret).status_code == 200
    assert api.call("DELETE", f"/api-keys/{key_id}", key=api.operator).status_code == 204
    assert api.get("/credentials", key=secret).status_code == 401
    assert api.call("DELETE", f"/api-keys/{key_id}", key=api.operator).status_code == 404
    listed = {each["id"]: each for each in api.get("/api-keys", key=api.operator).json()["api_keys"]}
    assert listed[key_id]["revoked_at"] is not None
    assert "key" not in listed[key_id]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"issuer": "college", "scopes": ["everything"]}, "unknown_scope"),
        ({"issuer": "college", "scopes": ["admin"]}, "not_allowed"),
        ({"issuer": "college", "scopes": []}, "missing"),
        ({"issuer": "nobody", "scopes": ["read"]}, "unknown_issuer"),
        ({"scopes": "read"}, "wrong_type"),
        ({"scopes": ["read"], "label": "x" * 101}, "too_long"),
    ],
)
def test_key_that_cannot_be_is_refused(api: Api, body: object, code: str) -> None:
    refused = api.post("/api-keys", body, key=api.operator)
    assert refused.status_code == 422
    assert [each["code"] for each in refused.json()["errors"]] == [code]


def test_dead_key_is_told_before_a_large_body_is_read(api: Api) -> None:
    answer = api.client.post("/api/v1/credentials", content=b"{" * (2 << 20), headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
