"""A CSV file over HTTP."""

import json

import pytest

from ledger.application.ports import OutcomeUnknown
from ledger.domain.codes import parse_link_code
from tests.api.conftest import HEADER, Api
from verify_api.issuer.answers import BatchAnswer
from verify_api.public.links import link_url

NDJSON = "application/x-ndjson"


def rows(api: Api, count: int) -> str:
    """A good file."""
    lines = []
    for _ in range(count):
        row = api.row()
        lines.append(",".join(row[column] for column in HEADER.strip().split(",")))
    return HEADER + "\n".join(lines) + "\n"


def send(api: Api, text: str, query: str = "", accept: str = "application/json") -> tuple[int, str]:
    answer = api.raw(f"/credentials/batch{query}", text.encode(), "text/csv; charset=utf-8", Accept=accept)
    return answer.status_code, answer.text


def test_file_is_issued_once_however_often_it_is_sent(api: Api) -> None:
    text = rows(api, 5)
    status, first = send(api, text)
    assert status == 200
    answer = json.loads(first)
    assert (answer["rows"], answer["ready"], answer["issued"], answer["already_issued"]) == (5, 5, 5, 0)
    assert [award["row"] for award in answer["awards"]] == [1, 2, 3, 4, 5]
    again = json.loads(send(api, text)[1])
    assert (again["issued"], again["already_issued"]) == (0, 5)
    assert [each["code"] for each in again["awards"]] == [each["code"] for each in answer["awards"]]
    shown = api.get(f"/credentials/{answer['awards'][2]['code']}").json()
    assert shown["student_number"] == text.split("\n")[3].split(",")[0]


def test_dry_run_issues_nothing_and_names_every_bad_row(api: Api) -> None:
    text = rows(api, 2) + "S-9,No Achievement,nothing,2026-06-12,Pass\nS-10,Late,wound-care,2999-01-01,Pass\n"
    status, told = send(api, text, "?dry_run")
    answer = json.loads(told)
    assert (status, answer["dry_run"], answer["ready"], answer["issued"]) == (200, True, 2, 0)
    assert [(each["row"], each["line"], each["column"], each["code"]) for each in answer["errors"]] == [
        (3, 4, "achievement", "unknown_achievement"),
        (4, 5, "awarded_on", "in_the_future"),
    ]


def test_one_bad_row_stops_the_file_unless_bad_rows_are_skipped(api: Api) -> None:
    text = rows(api, 2) + "S-9,Nobody,nothing,2026-06-12,Pass\n"
    status, told = send(api, text)
    problem = json.loads(told)
    assert (status, problem["type"].rpartition("#")[2]) == (422, "batch-refused")
    assert (problem["rows"], problem["ready"]) == (3, 2)
    assert [each["row"] for each in problem["errors"]] == [3]
    assert problem["warnings"] == []
    status, told = send(api, text, "?skip_bad=true")
    assert (status, json.loads(told)["issued"]) == (200, 2)


def test_streamed_file_tells_its_progress_and_ends_with_the_result(api: Api) -> None:
    status, told = send(api, rows(api, 3), accept=NDJSON)
    *steps, last = [json.loads(line) for line in told.splitlines()]
    assert status == 200
    assert steps[0] == {"done": 0, "total": 3}
    assert steps[-1] == {"done": 3, "total": 3}
    assert last["issued"] == 3


@pytest.mark.parametrize("accept", ["application/json", NDJSON])
def test_answer_is_what_the_description_says_to_the_byte(api: Api, accept: str) -> None:
    odd = api.row()["student_number"] + ",=Zoé,wound-care,2026-06-12,Pass\n"
    text = rows(api, 2) + "S-9,=Nobody “quoted”,nothing,2026-06-12,Pass\n" + odd
    last = send(api, text, "?skip_bad", accept)[1].splitlines()[-1]
    answer = BatchAnswer.model_validate_json(last)
    assert answer.model_dump_json() == last
    assert (answer.issued, len(answer.errors), len(answer.warnings)) == (3, 1, 2)
    assert [(each.row, each.revision, each.version) for each in answer.awards] == [(1, 0, 1), (2, 0, 1), (4, 0, 1)]
    base = api.services.base_url
    assert [each.url for each in answer.awards] == [
        link_url(base, parse_link_code(each.code), each.version) for each in answer.awards
    ]
    for each in answer.awards:
        shown = api.get(f"/credentials/{each.short_code}").json()
        told = each.model_dump(exclude={"row", "already_issued"})
        assert {name: shown[name] for name in told} == told


def test_streamed_file_with_nothing_to_do_has_the_result_alone(api: Api) -> None:
    status, told = send(api, rows(api, 1), "?dry_run=1", accept=NDJSON)
    (only,) = told.splitlines()
    assert (status, json.loads(only)["dry_run"]) == (200, True)


def test_streamed_file_that_is_refused_has_the_status_of_the_refusal(api: Api) -> None:
    status, told = send(api, HEADER + "S-9,Nobody,nothing,2026-06-12,Pass\n", accept=NDJSON)
    assert (status, json.loads(told)["status"]) == (422, 422)


def test_streamed_file_that_fails_half_way_says_so_in_its_last_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def half(*_: object, **options: object) -> None:
        await options["progress"](1, 2)  # type: ignore[operator]
        raise OutcomeUnknown("the store failed while recording")

    monkeypatch.setattr(type(api.services.ledger.batch), "issue", half)
    status, told = send(api, rows(api, 2), accept=NDJSON)
    step, last = [json.loads(line) for line in told.splitlines()]
    assert (status, step) == (200, {"done": 1, "total": 2})
    assert (last["status"], last["type"].rpartition("#")[2]) == (503, "outcome-unknown")


def test_row_that_changed_under_its_key_is_reported(api: Api) -> None:
    text = rows(api, 1)
    send(api, text)
    status, told = send(api, text.replace("Okafor", "Okafor-Lindqvist"))
    assert (status, json.loads(told)["errors"][0]["code"]) == (422, "already_issued")


def test_operator_must_say_for_whom(api: Api) -> None:
    sent = {"Authorization": f"Bearer {api.operator}", "Content-Type": "text/csv"}
    text = rows(api, 1).encode()
    assert api.client.post("/api/v1/credentials/batch", content=text, headers=sent).status_code == 422
    said = api.client.post("/api/v1/credentials/batch?issuer=college", content=text, headers=sent)
    assert said.json()["issued"] == 1


def test_misspelt_dry_run_issues_nothing(api: Api) -> None:
    text = rows(api, 1)
    assert send(api, text, "?dryrun")[0] == 422
    assert send(api, text, "?dry_run=perhaps")[0] == 422
    assert json.loads(send(api, text, "?dry_run")[1])["already_issued"] == 0


def test_more_files_at_once_than_there_is_room_for_are_sent_away_and_nothing_is_recorded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = rows(api, 1)
    before = api.get("/credentials").json()["total"]
    with monkeypatch.context() as patch:
        patch.setattr("verify_api.issuer.routes.batch.MOST_FILES", 0)
        answer = api.raw("/credentials/batch", text.encode(), "text/csv")
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (503, "ledger-busy")
    assert int(answer.headers["retry-after"]) > 0
    assert api.get("/credentials").json()["total"] == before
    for _ in range(20):  # a file that has ended leaves room for the next, whether it was good or bad
        assert send(api, "nonsense")[0] == 422
    assert send(api, text)[0] == 200
