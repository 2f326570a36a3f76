"""Names, dates and times have one spelling each."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given

from ledger.domain.types import Did, Slug
from ledger.domain.values import (
    BadValue,
    format_time,
    host_of,
    issuer_did,
    parse_date,
    parse_time,
    slug,
    slug_of,
)
from tests.strategies import days, operators, slugs, times


@given(at=times)
def test_a_time_is_read_back_from_its_spelling(at: datetime) -> None:
    assert parse_time(format_time(at)) == at
    assert len(format_time(at)) == 24


def test_a_time_is_spelled_in_utc_with_milliseconds() -> None:
    assert format_time(datetime(2026, 11, 21, 14, 3, tzinfo=UTC)) == "2026-11-21T14:03:00.000Z"
    zone = timezone(timedelta(hours=-5))
    assert format_time(datetime(2026, 11, 21, 20, 3, 0, 1_999, tzinfo=zone)) == "2026-11-22T01:03:00.001Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21T14:03:00.000z",
        "2026-11-21T14:03:00.000+",
        "2026-13-21T14:03:00.000Z",
        "2026-11-21T14:03:00,000Z",
        "2026-11-21 14:03:00.000Z",
        "2026-W47-6T14:03:00.00Z",
        "2026-11-21T14:03:00.0000",
        "x" * 10 + "T" + "x" * 12 + "Z",
    ],
)
def test_another_spelling_of_a_time_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_time(text)


@given(day=days)
def test_a_day_is_read_back_from_its_spelling(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30",
        "2025-02-29",
        "2026-1-1",
        "20261121",
        "2026-W47-6",
        "2026-11-21 ",
        "21.11.2026",
        "2026/11/21",
        "0000-01-01",
        "2026-11-2١",
        "+026-11-21",
        "2026-11-21T00:00",
    ],
)
def test_another_spelling_of_a_day_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_date(text)


@pytest.mark.parametrize("text", ["a", "7", "north-college", "a--b", "a" * 64])
def test_a_short_name_within_bounds_is_read(text: str) -> None:
    assert slug(text) == text


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a b", "é", "a\n", "a" * 65, "a.b"])
def test_a_short_name_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        slug(text)


@given(operator=operators, name=slugs)
def test_the_name_of_an_issuer_is_read_back_from_its_did(operator: Did, name: Slug) -> None:
    assert slug_of(issuer_did(operator, name)) == name
    assert slug_of(operator) is None


@pytest.mark.parametrize("did", ["", "did:web:", "did:key:z", "did:web:A", "did:web:a:issuers:-", "did:web:a%3A123456"])
def test_a_did_of_another_form_has_no_name(did: str) -> None:
    with pytest.raises(BadValue):
        slug_of(Did(did))


def test_people_know_an_issuer_by_its_host_and_port() -> None:
    assert host_of(Did("did:web:localhost%3A8000:issuers:north")) == "localhost:8000"
    assert host_of(Did("did:web:ledger.example")) == "ledger.example"
