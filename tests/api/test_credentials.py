"""One award over HTTP: issued, changed, shown, scanned."""

import pytest

from tests.api.conftest import Api


def test_issued_award_is_scanned_at_once_at_its_url(api: Api) -> None:
    receipt = api.issue()
    assert set(receipt) == {"credential_id", "revision", "version", "code", "short_code", "url", "position"}
    assert receipt["url"] == f"HTTP://LOCALHOST:8000/C/{receipt['code']}"
    scanned = api.client.get(f"/c/{receipt['code']}", headers={"Accept": "application/json"})
    assert scanned.json()["award"]["learner"].startswith("Zoé")
    assert scanned.json()["in_force"] is True


def test_award_is_shown_to_its_issuer_by_id_code_and_short_code(api: Api) -> None:
    row = api.row(email="zoe@example.org")
    receipt = api.post("/credentials", row).json()
    for name in ("credential_id", "code", "short_code"):
        shown = api.get(f"/credentials/{receipt[name]}")
        assert shown.status_code == 200
        assert (shown.headers["etag"], shown.headers["cache-control"]) == ('"0"', "no-store")
        assert {column: shown.json()[column] for column in row if column != "achievement"} == {
            column: value for column, value in row.items() if column != "achievement"
        }
        assert shown.json()["achievement"]["slug"] == "wound-care"
        assert shown.json()["url"] == receipt["url"]
    assert api.get(f"/credentials/{receipt['code']}/verdict").json()["findings"]


def test_every_change_has_a_receipt_and_shows_at_once(api: Api) -> None:
    issued = api.issue()
    path = f"/credentials/{issued['code']}"
    steps = (
        ("amend", {"values": {"full_name": "Zoë Amara"}, "reason": "issued_in_error"}, 2, "issuer_unrecognised"),
        ("suspend", {"reason": "assessment_integrity", "notes": "ticket 7"}, 2, "suspended"),
        ("reinstate", {"public_text": "All is well."}, 2, "issuer_unrecognised"),
        ("revoke", {"reason": "holder_request", "from": "2026-07-01"}, 2, "revoked"),
    )
    for revision, (act, body, version, verdict) in enumerate(steps, start=1):
        answer = api.post(f"{path}/{act}", body, headers={"If-Match": f'"{revision - 1}"'})
        assert answer.status_code == 200, answer.text
        receipt = answer.json()
        assert (receipt["revision"], receipt["version"]) == (revision, version)
        assert receipt["credential_id"] == issued["credential_id"]
        assert receipt["url"] == f"{issued['url']}/2"
        assert answer.headers["etag"] == f'"{revision}"'
        assert api.get(f"{path}/verdict").json()["verdict"] == verdict
        assert api.get(path).json()["verdict"] == verdict


def test_history_tells_every_act_with_actor_reason_and_both_values(api: Api) -> None:
    issued = api.issue(full_name="Zoe Amara")
    path = f"/credentials/{issued['credential_id']}"
    change = {"values": {"full_name": "Zoë Amara", "email": "z@example.org"}, "reason": "issued_in_error"}
    api.post(f"{path}/amend", {**change, "notes": "her passport says so"})
    api.post(f"{path}/revoke", {"reason": "other", "retroactive": True, "public_text": "Never earned."})
    events = api.get(f"{path}/history").json()["events"]
    assert [each["type"] for each in events] == [
        "credential.issued/1",
        "credential.amended/1",
        "credential.revoked/1",
    ]
    assert [each["seq"] for each in events] == [0, 1, 2]
    assert [each["position"] for each in events] == sorted(each["position"] for each in events)
    assert all(each["actor"].startswith("api-key ") for each in events)
    assert events[1]["changes"] == [
        {"field": "full_name", "old": "Zoe Amara", "new": "Zoë Amara"},
        {"field": "email", "old": None, "new": "z@example.org"},
    ]
    assert (events[1]["notes"], events[1]["version"]) == ("her passport says so", 2)
    assert "“Zoe Amara” to “Zoë Amara”" in events[1]["text"]
    assert (events[2]["retroactive"], events[2]["public_text"]) == (True, "Never earned.")
    assert "should never have been issued" in events[2]["text"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_scan_shows_the_public_words_and_neither_notes_nor_actors(api: Api, accept: str) -> None:
    issued = api.issue()
    change = {"reason": "other", "public_text": "Being looked into.", "notes": "her passport says so"}
    api.post(f"/credentials/{issued['credential_id']}/suspend", change)
    shown = api.client.get(f"/c/{issued['code']}", headers={"Accept": accept}).text
    assert "Being looked into." in shown
    assert "passport" not in shown
    assert "api-key" not in shown


def test_history_of_hold_and_release_reads_plainly(api: Api) -> None:
    path = f"/credentials/{api.issue()['code']}"
    api.post(f"{path}/suspend", {"reason": "other", "from": "2026-07-01"})
    api.post(f"{path}/reinstate")
    api.post(f"{path}/amend", {"values": {"score": "80"}, "reason": "other"})
    api.post(f"{path}/amend", {"values": {"score": ""}, "reason": "other"})
    texts = [each["text"] for each in api.get(f"{path}/history").json()["events"]]
    assert texts[1].startswith("Put on hold from 2026-07-01; reason: other")
    assert texts[2].startswith("Let stand again")
    assert "score is now “80”" in texts[3]
    assert "score “80” was taken away" in texts[4]


@pytest.mark.parametrize("act", ["suspend", "reinstate", "revoke", "amend"])
def test_stale_revision_is_409_and_changes_nothing(api: Api, act: str) -> None:
    issued = api.issue()
    body = {"reason": "other", "values": {"score": "5"}} if act == "amend" else {"reason": "other"}
    sent = None if act == "reinstate" else body
    stale = api.post(f"/credentials/{issued['code']}/{act}", sent, headers={"If-Match": '"4"'})
    assert (stale.status_code, stale.json()["type"].rpartition("#")[2]) == (409, "stale-revision")
    assert api.get(f"/credentials/{issued['code']}").json()["revision"] == 0


@pytest.mark.parametrize("header", ["0", 'W/"0"', '"0", "1"', '"00"', '"-1"', '""', '"x"', '"١"'])
def test_malformed_if_match_is_400(api: Api, header: str) -> None:
    issued = api.issue()
    path = f"/api/v1/credentials/{issued['code']}/revoke"
    key = f"Bearer {api.college}".encode()
    answer = api.client.post(
        path, json={"reason": "other"}, headers=[(b"Authorization", key), (b"If-Match", header.encode())]
    )
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (400, "malformed-header")


@pytest.mark.parametrize("name", ["If-Match", "if-match", "Idempotency-Key"])
def test_a_header_that_is_given_twice_is_400_and_nothing_is_done(api: Api, name: str) -> None:
    issued = api.issue()
    path = f"/api/v1/credentials/{issued['code']}/revoke"
    values = ('"0"', '"9"') if name.lower() == "if-match" else ("one", "two")
    headers = [("Authorization", f"Bearer {api.college}"), *((name, value) for value in values)]
    for sent in (headers, [*headers[:2], headers[1]]):  # another value, and the same once more
        answer = api.client.post(path, json={"reason": "other"}, headers=sent)
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (400, "malformed-header")
        assert "given twice" in answer.json()["detail"]
    assert api.get(f"/credentials/{issued['code']}").json()["revision"] == 0


def test_star_matches_any_revision(api: Api) -> None:
    path = f"/credentials/{api.issue()['code']}/suspend"
    assert api.post(path, {"reason": "other"}, headers={"If-Match": "*"}).status_code == 200


def test_revoked_award_does_not_change_any_more(api: Api) -> None:
    path = f"/credentials/{api.issue()['code']}"
    assert api.post(f"{path}/reinstate").json()["type"].endswith("#credential-state")
    assert api.post(f"{path}/revoke", {"reason": "other"}).status_code == 200
    for act, body in (
        ("revoke", {"reason": "other"}),
        ("suspend", {"reason": "other"}),
        ("amend", {"reason": "other", "values": {"score": "7"}}),
    ):
        again = api.post(f"{path}/{act}", body)
        assert (again.status_code, again.json()["type"].rpartition("#")[2]) == (409, "credential-is-revoked")


def test_same_request_with_one_idempotency_key_is_one_award_and_one_answer(api: Api) -> None:
    row, sent = api.row(), {"Idempotency-Key": "award-1"}
    first, second = (api.post("/credentials", row, headers=sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = api.post("/credentials", {**row, "full_name": "Somebody Else"}, headers=sent)
    assert (other.status_code, other.json()["type"].rpartition("#")[2]) == (409, "idempotency-mismatch")


def test_replayed_change_answers_as_it_did_although_the_award_moved_on(api: Api) -> None:
    path = f"/credentials/{api.issue()['code']}"
    sent = {"Idempotency-Key": f"hold-{path[-8:]}", "If-Match": '"0"'}
    first = api.post(f"{path}/suspend", {"reason": "other"}, headers=sent)
    api.post(f"{path}/amend", {"values": {"score": "70"}, "reason": "other"})
    second = api.post(f"{path}/suspend", {"reason": "other"}, headers=sent)
    assert second.status_code == 200
    assert second.json() == first.json()


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ключ"])
def test_malformed_idempotency_key_is_400(api: Api, key: str) -> None:
    headers = [(b"Authorization", f"Bearer {api.college}".encode()), (b"Idempotency-Key", key.encode())]
    answer = api.client.post("/api/v1/credentials", json=api.row(), headers=headers)
    assert answer.status_code == 400


def test_another_issuers_award_is_404_and_tells_no_more_than_none(api: Api) -> None:
    mine = api.issue()
    for name in ("credential_id", "code", "short_code"):
        for path in ("", "/history", "/verdict"):
            theirs = api.get(f"/credentials/{mine[name]}{path}", key=api.academy)
            nobodys = api.get(f"/credentials/00000000-0000-8000-8000-000000000000{path}", key=api.academy)
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.json() == nobodys.json()
    for act, body in (("revoke", {"reason": "other"}), ("suspend", {"reason": "other"}), ("reinstate", {})):
        assert api.post(f"/credentials/{mine['code']}/{act}", body, key=api.academy).status_code == 404
    amend = {"values": {"score": "7"}, "reason": "other"}
    assert api.post(f"/credentials/{mine['code']}/amend", amend, key=api.academy).status_code == 404
    assert api.get(f"/credentials/{mine['code']}").json()["revision"] == 0


def test_search_finds_by_words_achievement_and_status_and_pages(api: Api) -> None:
    codes = [api.issue(full_name=f"Quetzal Number{number}")["credential_id"] for number in "abc"]
    api.post(f"/credentials/{codes[0]}/suspend", {"reason": "other"})
    words = {"query": "quetzal"}
    found = api.post("/credentials/search", words).json()
    assert [each["credential_id"] for each in found["credentials"]] == list(reversed(codes))
    assert (found["total"], found["next"]) == (3, None)
    page = api.post("/credentials/search", {"query": "QUETZAL", "limit": 2}).json()
    rest = api.post("/credentials/search", {**words, "limit": 2, "after": page["next"]}).json()
    assert [each["credential_id"] for each in [*page["credentials"], *rest["credentials"]]] == list(reversed(codes))
    held = api.post("/credentials/search", {**words, "status": "suspended", "achievement": "wound-care"}).json()
    assert [each["credential_id"] for each in held["credentials"]] == [codes[0]]
    assert api.post("/credentials/search", words, key=api.academy).json()["total"] == 0
    assert api.post("/credentials/search?issuer=academy", words, key=api.operator).json()["total"] == 0
    assert api.post("/credentials/search", words, key=api.operator).json()["total"] == 3


def test_list_answers_what_a_search_without_words_answers(api: Api) -> None:
    held = api.issue()["credential_id"]
    api.post(f"/credentials/{held}/suspend", {"reason": "other"})
    api.issue()
    assert api.get("/credentials").json() == api.post("/credentials/search", {}).json()
    first = api.get("/credentials?limit=1").json()
    assert len(first["credentials"]) == 1
    conditions = {"achievement": "wound-care", "status": "suspended", "limit": 1}
    listed = api.get("/credentials?achievement=wound-care&status=suspended&limit=1").json()
    assert [each["credential_id"] for each in listed["credentials"]] == [held]
    assert listed == api.post("/credentials/search", conditions).json()
    next_page = api.get(f"/credentials?limit=1&after={first['next']}").json()
    assert next_page == api.post("/credentials/search", {"limit": 1, "after": first["next"]}).json()
    assert next_page["credentials"] != first["credentials"]


def test_words_in_the_address_of_the_list_are_refused(api: Api) -> None:
    for path, body in (("/credentials?q=okafor", None), ("/credentials/search?query=okafor", {})):
        refused = api.call("GET" if body is None else "POST", path, body)
        assert refused.status_code == 422
        assert [each["code"] for each in refused.json()["errors"]] == ["unknown_parameter"]
        assert "okafor" not in refused.text


def test_no_address_of_the_service_takes_words_about_a_learner(api: Api) -> None:
    personal = {"q", "query", "student_number", "full_name", "name", "email"}
    for path, item in api.client.get("/openapi.json").json()["paths"].items():
        for operation in item.values():
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] in ("path", "query")}
            assert not named & personal, path


def test_search_with_an_idempotency_key_answers_anew(api: Api) -> None:
    key = {"Idempotency-Key": "search-1"}
    before = api.post("/credentials/search", {"limit": 1}, headers=key).json()["total"]
    api.issue()
    assert api.post("/credentials/search", {"limit": 1}, headers=key).json()["total"] == before + 1
    assert api.post("/credentials/search", {}, headers={"Idempotency-Key": "with blank"}).status_code == 400


@pytest.mark.parametrize("query", ["status=gone", "after=x", "limit=0", "limit=501", "limit=x", "wrong=1"])
def test_bad_list_is_422(api: Api, query: str) -> None:
    assert api.get(f"/credentials?{query}").status_code == 422
    assert api.get("/credentials?status=suspended&status=revoked").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": "5"},
        {"limit": None},
        {"query": "x" * 201},
        {"query": ["x"]},
        {"wrong": "1"},
    ],
    ids=str,
)
def test_bad_search_is_422(api: Api, body: dict[str, object]) -> None:
    refused = api.post("/credentials/search", body)
    assert refused.status_code == 422
    assert [each["column"] for each in refused.json()["errors"]] == list(body)


def test_names_are_read_here_as_in_a_file_in_one_normal_form_and_without_blanks(api: Api) -> None:
    issued = api.issue(student_number=" E\u0301-1 ", achievement=" wound-care\t")
    assert api.get(f"/credentials/{issued['credential_id']}").json()["student_number"] == "\u00c9-1"
    search = {"query": "E\u0301-1", "achievement": " wound-care "}
    [found] = api.post("/credentials/search", search).json()["credentials"]
    [listed] = api.get("/credentials?achievement=%20wound-care%20&limit=1&issuer=college%20").json()["credentials"]
    assert found["credential_id"] == listed["credential_id"] == issued["credential_id"]
    assert api.get("/achievements/wound-care%20").status_code == 200
    missing = api.post("/credentials", api.row(achievement=" \t"))
    assert [(each["column"], each["code"]) for each in missing.json()["errors"]] == [("achievement", "missing")]


@pytest.mark.parametrize("body", [{"status": "gone"}, {"after": "x"}], ids=str)
def test_search_for_what_cannot_be_is_422_and_says_so(api: Api, body: dict[str, str]) -> None:
    [(name, value)] = body.items()
    refused, listed = api.post("/credentials/search", body), api.get(f"/credentials?{name}={value}")
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (422, "refused")
    assert refused.json()["detail"] == listed.json()["detail"]


def test_search_shows_a_change_that_the_background_worker_has_not_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.services.worker, "wake", lambda: None)
    issued = api.issue(full_name="Xylander Amara")
    found = api.post("/credentials/search", {"query": "xylander"}).json()["credentials"]
    assert [each["credential_id"] for each in found] == [issued["credential_id"]]
