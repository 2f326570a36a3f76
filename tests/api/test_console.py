"""The registrar's wallet page: what it shows to whom, and what it never shows, keeps or loads."""

import re

import httpx
import pytest

from tests.api.conftest import DEFINITION, Api

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def posted(api: Api, key: str, learner: str, issuer: str = "", **headers: str) -> httpx.Response:
    fields = {"key": key, "learner": learner, "issuer": issuer}
    answer: httpx.Response = api.client.post("/console/wallet", data=fields, headers={**FORM, **headers})
    return answer


@pytest.fixture(scope="module")
def stacked(api: Api) -> Api:
    """A learner with two parts of a pathway of two, its award, and one part on hold since."""
    for slug in ("clean", "dress"):
        definition = {**DEFINITION, "slug": slug, "name": f"<{slug}>", "minutes": 90}
        assert api.post("/achievements", definition).status_code == 201
        api.issue(student_number="C-1", achievement=slug, full_name="Zoë <b>Okafor</b>", score="83.5")
    pathway = {**DEFINITION, "slug": "both", "name": "Both", "kind": "larger", "rule": {"all_of": ["clean", "dress"]}}
    assert api.post("/pathways", pathway).status_code == 201
    stack = {"student_number": "C-1", "pathway": "both", "awarded_on": "2026-06-12"}
    assert api.post("/stacks", stack).status_code == 201
    [last] = api.get("/credentials?achievement=dress").json()["credentials"]
    assert api.post(f"/credentials/{last['credential_id']}/suspend", {"reason": "other"}).status_code == 200
    return api


def test_the_page_shows_awards_stacks_with_their_parts_and_progress(stacked: Api) -> None:
    page = posted(stacked, stacked.college, "C-1")
    assert page.status_code == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*</style>", "", page.text, flags=re.DOTALL)).split())
    assert "Wallet of Zoë &lt;b&gt;Okafor&lt;/b&gt;" in text
    assert "&lt;dress&gt; suspended" in text
    assert "&lt;dress&gt; : suspended in force, a part under review" in text
    assert "Built from" in text
    assert "Both : 1 of 2 , awarded Still missing: dress" in text
    assert "1.5 h of learning" in text
    assert "<b>" not in page.text
    learner = stacked.post("/learners/find", {"student_number": "C-1"}).json()["id"]
    assert learner in page.text
    assert posted(stacked, stacked.college, learner).text == page.text


def test_a_learner_is_found_in_whatever_normal_form_the_number_is_typed(stacked: Api) -> None:
    stacked.issue(student_number="E\u0301-1")
    assert {posted(stacked, stacked.college, typed).status_code for typed in ("E\u0301-1", "\u00c9-1")} == {200}


def test_the_key_and_what_was_typed_are_never_shown_again(stacked: Api) -> None:
    for key, learner in ((stacked.college, "C-1"), (stacked.college, "nobody-at-all"), ("testamur_wrong", "C-1")):
        page = posted(stacked, key, learner)
        assert key not in page.text
        assert "value=" not in page.text
        assert "nobody-at-all" not in page.text
        assert "C-1" not in str(page.url)


@pytest.mark.parametrize(
    ("key", "learner", "issuer", "status", "says"),
    [
        ("wrong", "C-1", "", 401, "No such API key"),
        ("", "C-1", "", 422, "Give an API key"),
        ("college", "", "", 422, "Give an API key"),
        ("issue", "C-1", "", 403, "lacks the scope"),
        ("college", "nobody", "", 404, "no such learner record"),
        ("academy", "C-1", "", 404, "no such learner record"),
        ("academy", "C-1", "college", 422, "for which issuer"),
        ("operator", "C-1", "", 422, "for which issuer"),
        ("operator", "C-1", "college", 200, "Wallet of"),
    ],
)
def test_each_refusal_says_what_is_the_matter(
    stacked: Api, key: str, learner: str, issuer: str, status: int, says: str
) -> None:
    keys = {"college": stacked.college, "academy": stacked.academy, "operator": stacked.operator}
    keys["issue"] = stacked.key("issue")[0] if key == "issue" else ""
    page = posted(stacked, keys.get(key, key), learner, issuer)
    assert (page.status_code, says in page.text) == (status, True)


def test_another_body_than_the_forms_is_refused(stacked: Api) -> None:
    sent = stacked.client.post("/console/wallet", json={"key": stacked.college, "learner": "C-1"})
    assert sent.status_code == 415
    long = stacked.client.post("/console/wallet", content=b"key=" + b"x" * 5_000, headers=FORM)
    assert long.status_code == 413
    many = stacked.client.post("/console/wallet", content=b"&".join([b"a=1"] * 50), headers=FORM)
    assert many.status_code == 422


def test_the_pages_set_no_cookie_run_no_script_and_are_kept_nowhere(stacked: Api) -> None:
    for page in (stacked.client.get("/console/wallet"), posted(stacked, stacked.college, "C-1")):
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not re.search(r"(?:src|href)=\"(?!/console/wallet|data:,)", page.text)
        assert '<html lang="en"' in page.text


def test_every_field_of_the_form_has_a_label_and_a_hint(stacked: Api) -> None:
    form = stacked.client.get("/console/wallet").text
    fields = re.findall(r"<input id=\"(\w+)\"", form)
    assert fields == ["key", "learner", "issuer"]
    for field in fields:
        assert f'<label for="{field}">' in form
        assert f'id="{field}-hint"' in form
    assert re.search(r"<input id=\"key\"[^>]*type=\"password\"", form)


def test_the_console_is_not_described_as_part_of_the_api(stacked: Api) -> None:
    assert not [path for path in stacked.client.get("/openapi.json").json()["paths"] if path.startswith("/console")]
