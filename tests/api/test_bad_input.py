"""Everything that a client can get wrong is refused with a clear sentence, and nothing is half done."""

import pytest

from tests.api.conftest import HEADER, Api

CSV = "text/csv"


def kind(answer: object) -> tuple[int, str]:
    """Status and problem type."""
    return answer.status_code, answer.json()["type"].rpartition("#")[2]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"student_number": NaN}',
        b'{"score": 1.5}',
        b'{"score": 99999999999999999999}',
        b'{"full_name": "\\ud800"}',
        b'{"full_name": "a", "full_name": "b"}',
        b'{"a": {"b": 1, "b": 2}}',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"\\u0438": 1}',
        b"{} {}",
    ],
)
def test_malformed_json_is_400(api: Api, content: bytes) -> None:
    assert kind(api.raw("/credentials", content)) == (400, "malformed-json")


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b'"text"', b""])
def test_json_of_another_shape_is_422(api: Api, content: bytes) -> None:
    assert kind(api.raw("/credentials", content)) == (422, "refused")


def test_wrong_types_and_unknown_fields_are_named(api: Api) -> None:
    refused = api.post("/credentials", {"student_number": 5, "full_name": ["x"], "nickname": "z"})
    errors = refused.json()["errors"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert {each["column"]: each["code"] for each in errors} == {
        "student_number": "wrong_type",
        "full_name": "wrong_type",
        "nickname": "unknown_field",
    }
    assert all(each["row"] is None for each in errors)


@pytest.mark.parametrize(
    ("changed", "column", "code"),
    [
        ({"student_number": ""}, "student_number", "missing"),
        ({"achievement": "unheard-of"}, "achievement", "unknown_achievement"),
        ({"achievement": ""}, "achievement", "missing"),
        ({"awarded_on": "12/06/2026"}, "awarded_on", "malformed"),
        ({"awarded_on": "2026-02-30"}, "awarded_on", "malformed"),
        ({"awarded_on": "2999-01-01"}, "awarded_on", "in_the_future"),
        ({"valid_from": "2026-06-11"}, "valid_from", "dates_reversed"),
        ({"valid_until": "2026-06-11"}, "valid_until", "dates_reversed"),
        ({"result": "Fail"}, "result", "not_allowed"),
        ({"email": "nobody"}, "email", "malformed"),
    ],
)
def test_award_that_cannot_be_is_refused(api: Api, changed: dict[str, str], column: str, code: str) -> None:
    refused = api.post("/credentials", api.row(**changed))
    assert kind(refused) == (422, "refused")
    assert [(each["column"], each["code"]) for each in refused.json()["errors"]] == [(column, code)]
    assert refused.json()["errors"][0]["reason"]


@pytest.mark.parametrize("name", ["A\x00B", "Zoé\u202eevil", "x" * 10_000, "12345", "\u2066Zoé"])
def test_name_with_what_no_one_should_read_is_refused(api: Api, name: str) -> None:
    refused = api.post("/credentials", api.row(full_name=name))
    assert kind(refused) == (422, "refused")
    assert {each["column"] for each in refused.json()["errors"]} == {"full_name"}


@pytest.mark.parametrize(
    ("act", "body", "column"),
    [
        ("revoke", {"reason": "because"}, "reason"),
        ("revoke", {}, "reason"),
        ("revoke", {"reason": "other", "from": "2999-01-01"}, "from"),
        ("revoke", {"reason": "other", "from": "2020-01-01"}, "from"),
        ("revoke", {"reason": "other", "from": "1 May"}, "from"),
        ("revoke", {"reason": "other", "from": 5}, "from"),
        ("revoke", {"reason": "other", "from_": "2026-07-01"}, "from_"),
        ("revoke", {"reason": "other", "retroactive": "yes"}, "retroactive"),
        ("suspend", {"reason": "other", "public_text": "x" * 501}, "public_text"),
        ("suspend", {"reason": "other", "notes": "a\x00b"}, "notes"),
        ("amend", {"reason": "other", "values": {}}, "values"),
        ("amend", {"reason": "other", "values": {"student_number": "S"}}, "student_number"),
        ("amend", {"reason": "other", "values": {"colour": "red"}}, "colour"),
        ("amend", {"reason": "other", "values": {"achievement_version": "9"}}, "achievement_version"),
        ("amend", {"reason": "other", "values": {"score": 7}}, "values.score"),
        ("amend", {"reason": "other", "values": "all"}, "values"),
    ],
)
def test_change_that_cannot_be_is_refused(api: Api, act: str, body: object, column: str) -> None:
    code = api.issue()["code"]
    refused = api.post(f"/credentials/{code}/{act}", body)
    assert kind(refused) == (422, "refused")
    assert column in {each["column"] for each in refused.json()["errors"]}
    assert api.get(f"/credentials/{code}").json()["revision"] == 0


@pytest.mark.parametrize("length", [(1 << 20) + 1, 10 << 20, 17 << 20])
def test_json_body_over_the_limit_is_413(api: Api, length: int) -> None:
    assert kind(api.raw("/credentials", b" " * length)) == (413, "body-too-large")


def test_json_body_of_the_limit_is_read(api: Api) -> None:
    assert kind(api.raw("/credentials", b" " * ((1 << 20) - 2) + b"{}")) == (422, "refused")


def test_body_without_a_length_is_measured_as_it_comes(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.college}", "Content-Type": "application/json"}
    pieces = (b" " * 65_536 for _ in range(17))
    answer = api.client.post("/api/v1/credentials", content=pieces, headers=headers)
    assert kind(answer) == (413, "body-too-large")


def test_csv_over_the_limit_is_413(api: Api) -> None:
    assert kind(api.raw("/credentials/batch", b"x" * ((8 << 20) + 1), CSV)) == (413, "body-too-large")


@pytest.mark.parametrize(
    "sent", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
def test_wrong_content_type_is_415(api: Api, sent: str) -> None:
    assert kind(api.raw("/credentials", b"{}", sent)) == (415, "wrong-content-type")
    assert kind(api.raw("/credentials/batch", b"{}", sent)) == (415, "wrong-content-type")


def test_charset_utf_8_is_read(api: Api) -> None:
    assert api.raw("/credentials", b"{}", 'application/json; charset="UTF-8"').status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n ",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"full_name\xff\n",
        b"student_number,full_name,achievement,awarded_on,full_name\n1,a,wound-care,2026-01-01,b\n",
        b"student_number,full_name,achievement\n1,a,wound-care\n",
        b"student_number,full_name,achievement,awarded_on,colour\n1,a,wound-care,2026-01-01,red\n",
        HEADER.encode(),
        HEADER.encode() + b'1,"a,b\n',
    ],
)
def test_unreadable_file_is_422(api: Api, content: bytes) -> None:
    assert kind(api.raw("/credentials/batch", content, CSV)) == (422, "unreadable-file")


def test_unknown_path_and_method_are_problem_documents(api: Api) -> None:
    missing = api.get("/nothing")
    assert kind(missing) == (404, "nothing-here")
    wrong = api.call("DELETE", "/issuers")
    assert kind(wrong) == (405, "method-not-allowed")
    assert wrong.headers["allow"] == "GET, POST"
    assert api.client.get("/nothing-at-all").status_code == 404


def test_path_of_strange_characters_is_404(api: Api) -> None:
    for path in ("/credentials/%00", "/credentials/%ED%A0%80", "/issuers/%F0%9F%98%80", f"/achievements/{'x' * 5000}"):
        assert api.get(path).status_code == 404
