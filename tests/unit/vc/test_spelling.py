"""Multibase, base64url and times: what is spelled is read back, and nothing has a second spelling."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.spelling import (
    MalformedSpelling,
    from_base64url,
    from_multibase,
    from_time,
    to_base64url,
    to_multibase,
    to_time,
)


@given(st.binary(min_size=1, max_size=80))
def test_bytes_in_multibase_come_back(raw: bytes) -> None:
    assert from_multibase(to_multibase(raw), size=len(raw)) == raw


@pytest.mark.parametrize("size", [1, 32, 35, 64])
def test_the_longest_spelling_of_a_size_is_not_too_long(size: int) -> None:
    assert from_multibase(to_multibase(b"\xff" * size), size=size) == b"\xff" * size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        to_multibase(bytes(64))[1:],
        "u" + to_base64url(b"\xff" * 64),
        "Z" + to_multibase(b"\xff" * 64)[1:],
        to_multibase(b"\xff" * 63),
        to_multibase(b"\xff" * 65),
        to_multibase(b"\xff" * 64) + "\n",
        to_multibase(b"\xff" * 64) + " ",
        " " + to_multibase(b"\xff" * 64),
        to_multibase(b"\xff" * 64)[:-1] + "0",
        to_multibase(b"\xff" * 64)[:-1] + "é",
        "z" + "1" * 1_000_000,
        "z" + "z" * 1_000_000,
    ],
)
def test_other_spellings_in_multibase_are_refused(text: str) -> None:
    with pytest.raises(MalformedSpelling):
        from_multibase(text, size=64)


@given(st.binary(max_size=80))
def test_bytes_in_base64url_come_back(raw: bytes) -> None:
    assert from_base64url(to_base64url(raw)) == raw


@given(st.text(st.sampled_from("AQgw-_+/=zB9 \n"), max_size=9))
def test_what_base64url_is_read_from_is_what_it_spells(text: str) -> None:
    try:
        raw = from_base64url(text)
    except MalformedSpelling:
        return
    assert to_base64url(raw) == text


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "A+", "A/", "AA\n", "ÄA"])
def test_padding_other_alphabets_and_unused_bits_are_refused_in_base64url(text: str) -> None:
    with pytest.raises(MalformedSpelling):
        from_base64url(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_millisecond(moment: datetime) -> None:
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_time(to_time(cut)) == cut


def test_a_time_is_spelled_in_utc_and_with_a_fraction_only_where_it_has_one() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert to_time(datetime(2026, 3, 1, 9, 0, tzinfo=east)) == "2026-03-01T03:30:00Z"
    assert to_time(datetime(2026, 3, 1, 9, 0, 0, 7000, tzinfo=UTC)) == "2026-03-01T09:00:00.007Z"


def test_offsets_and_long_fractions_are_read() -> None:
    assert from_time("2026-03-01T09:00:00.1234567-14:00") == datetime(2026, 3, 1, 23, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T09:00:00",
        "2026-03-01 09:00:00Z",
        "2026-03-01T09:00Z",
        "2026-03-01T09:00:00z",
        "2026-03-01T09:00:00+0000",
        "2026-03-01T09:00:00+14:30",
        "2026-03-01T09:00:00.Z",
        "2026-02-30T09:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T23:59:60Z",
        "0001-01-01T00:00:00+01:00",
        "12026-03-01T09:00:00Z",
        "２026-03-01T09:00:00Z",
        "2026-03-01T09:00:00Z\n",
    ],
)
def test_what_is_no_time_with_an_offset_is_refused(text: str) -> None:
    with pytest.raises(MalformedSpelling):
        from_time(text)
