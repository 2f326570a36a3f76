"""Answers are kept while nothing changes that they are made of, and for a minute at most."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from ledger.domain.codes import group
from ledger.verification.moment import Moment
from ledger.verification.verdict import State
from tests.unit.public.samples import CODE, CODE_TEXT, VALID, VERDICTS, FakeScanner
from verify_api.public.json_verdict import around_time, verdict_json
from verify_api.public.kept import Asked, KeptAnswers
from verify_api.public.links import ScannedCode

AT = datetime(2026, 11, 22, 9, 30, 15, 250_000, tzinfo=UTC)
JSON = {"Accept": "application/json"}
PATH = f"/c/{CODE_TEXT}"


class Make:
    """Moments of one test: the service outlives it."""

    def __call__(self, state: str = "first", seconds: int = 0) -> Moment:
        return Moment(at=AT + timedelta(seconds=seconds), state=(self, state))


@pytest.fixture
def moment() -> Make:
    return Make()


def asked_after(client: TestClient, scanner: FakeScanner, *requests: tuple[str, dict[str, str]]) -> int:
    """How often a verdict was made for these requests."""
    scanner.asked.clear()
    for path, headers in requests:
        assert client.get(path, headers=headers).status_code == 200
    return len(scanner.asked)


def test_same_question_is_answered_again_with_its_own_time(
    client: TestClient, scanner: FakeScanner, moment: Make
) -> None:
    scanner.now = moment()
    scanner.verdict = replace(VALID, known_at=AT)
    first = client.get(PATH, headers=JSON)
    scanner.now = moment(seconds=7)
    again = client.get(PATH, headers=JSON)
    assert len(scanner.asked) == 1
    assert (first.json()["known_at"], again.json()["known_at"]) == (
        "2026-11-22T09:30:15.250Z",
        "2026-11-22T09:30:22.250Z",
    )
    assert {**again.json(), "known_at": None} == {**first.json(), "known_at": None}
    assert again.headers.multi_items() == first.headers.multi_items()


def test_page_is_given_again_with_the_same_headers(client: TestClient, scanner: FakeScanner, moment: Make) -> None:
    scanner.now = moment()
    first, again = (client.get(PATH, headers={"Accept-Language": "fr"}) for _ in range(2))
    assert len(scanner.asked) == 1
    assert (again.text, again.headers.multi_items()) == (first.text, first.headers.multi_items())
    assert again.headers["content-language"] == "fr"


def test_page_that_was_kept_is_the_page_that_would_be_made_later_in_the_minute(
    client: TestClient, scanner: FakeScanner
) -> None:
    pages = []
    for seconds in (0, 30):
        scanner.verdict = replace(VALID, known_at=AT + timedelta(seconds=seconds))
        pages.append(client.get(PATH).text)
    assert (pages[0], len(scanner.asked)) == (pages[1], 2)


def test_whatever_changed_the_verdict_is_made_anew(client: TestClient, scanner: FakeScanner, moment: Make) -> None:
    scanner.now = moment()
    assert client.get(PATH, headers=JSON).json()["verdict"] == "valid"
    scanner.now, scanner.verdict = moment("second"), VERDICTS[State.REVOKED]
    assert client.get(PATH, headers=JSON).json()["verdict"] == "revoked"
    assert len(scanner.asked) == 2


def test_what_is_made_while_something_changes_is_not_found_afterwards(moment: Make) -> None:
    kept, asked = KeptAnswers(), Asked(award=ScannedCode(code=CODE, version=None), language="en")
    assert kept.find(asked, moment("before")) is None
    kept.keep(asked, b"from after the change", AT, moment("before"))
    assert kept.find(asked, moment("after")) is None
    assert kept.find(asked, moment("before")) is None  # nor ever again


def test_nothing_is_kept_where_the_store_does_not_tell(client: TestClient, scanner: FakeScanner) -> None:
    assert asked_after(client, scanner, (PATH, JSON), (PATH, JSON)) == 2


def test_pages_of_each_language_json_and_versions_are_answers_of_their_own(
    client: TestClient, scanner: FakeScanner, moment: Make
) -> None:
    scanner.now = moment()
    scanner.verdict = replace(VALID, current_version=2)
    english, french = {"Accept-Language": "en"}, {"Accept-Language": "fr"}
    different = (PATH, english), (PATH, french), (PATH, JSON), (f"{PATH}/2", english), (f"{PATH}/2", JSON)
    assert asked_after(client, scanner, *different) == len(different)
    assert asked_after(client, scanner, *different, (f"{PATH}.json", {}), (f"{PATH}/", JSON)) == 0


@pytest.mark.parametrize("path", [PATH, "/c/NOBODY", f"/c/{CODE_TEXT}/9"])
def test_answers_that_are_no_success_are_made_anew(
    client: TestClient, scanner: FakeScanner, moment: Make, path: str
) -> None:
    scanner.now, scanner.verdict = moment(), VERDICTS[State.LOG_INCONSISTENT if path == PATH else State.VALID]
    for _ in range(2):
        assert client.get(path, headers=JSON).status_code in (404, 503)
    assert len(scanner.asked) == 2


def test_every_spelling_of_a_code_finds_the_same_answer(client: TestClient, scanner: FakeScanner, moment: Make) -> None:
    scanner.now = moment()
    for path in (PATH, f"/C/{CODE_TEXT}", f"/c/{CODE_TEXT.lower()}", f"/c/{group(CODE_TEXT)}", f"{PATH}/"):
        assert client.get(path, headers=JSON).status_code == 200
    assert len(scanner.asked) == 1


def test_no_more_is_kept_than_was_allowed(moment: Make) -> None:
    award = ScannedCode(code=CODE, version=None)
    first, second = Asked(award=award, language="en"), Asked(award=award, language="fr")
    kept = KeptAnswers(most=20)
    kept.keep(first, bytes(15), AT, moment())
    assert kept.find(first, moment()) is not None
    kept.keep(second, bytes(15), AT, moment())
    assert (kept.find(first, moment()) is None, kept.find(second, moment()) is None) == (True, False)


def test_time_is_found_where_a_name_looks_like_it() -> None:
    assert VALID.award is not None
    odd = '"known_at":"2026-11-22T09:30:15.250Z"'
    verdict = replace(VALID, known_at=AT, award=replace(VALID.award, learner=odd))
    head, tail = around_time(verdict_json(verdict, "http://localhost"), AT)
    assert head + b"2026-11-22T09:30:15.250Z" + tail == verdict_json(verdict, "http://localhost")
    later = replace(verdict, known_at=AT + timedelta(seconds=1))
    assert head + b"2026-11-22T09:30:16.250Z" + tail == verdict_json(later, "http://localhost")
