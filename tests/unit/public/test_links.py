"""One grammar of links: what is built is read again, and what is nearly right is not."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.codes import format_link_code, group, new_link_code, new_short_code
from ledger.domain.types import LinkCode
from tests.unit.public.samples import CODE, CODE_TEXT
from verify_api.public.links import (
    BadBaseUrl,
    ScannedCode,
    ShortCode,
    host_of,
    link_url,
    parse_award_reference,
    parse_scanned,
)

ALPHANUMERIC = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")  # ISO/IEC 18004, table 5
BASE = "https://verify.college.example"
SHORT = new_short_code(bytes(7) + b"\x05") or ""
codes = st.builds(new_link_code, st.integers(0, 2**48 - 1), st.binary(min_size=16, max_size=16))


@given(code=codes, version=st.integers(1, 999_999), port=st.integers(1, 65_535))
def test_any_link_is_alphanumeric_and_leads_back_to_its_code(code: LinkCode, version: int, port: int) -> None:
    link = link_url(f"http://Localhost:{port}/", code, version)
    assert set(link) <= ALPHANUMERIC
    expected = ScannedCode(code=code, version=version if version > 1 else None)
    assert parse_award_reference(link) == parse_award_reference(link.lower()) == expected


def test_version_one_is_the_code_alone() -> None:
    assert link_url(BASE, CODE, 1) == f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE_TEXT}"
    assert link_url(BASE, CODE, 2) == f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE_TEXT}/2"


@pytest.mark.parametrize("spelling", [CODE_TEXT, CODE_TEXT.lower(), group(CODE_TEXT), f"  {CODE_TEXT}\n"])
def test_a_typed_code_is_read_in_every_kind_spelling(spelling: str) -> None:
    assert parse_award_reference(spelling) == ScannedCode(code=CODE, version=None)


def test_a_short_code_is_read_as_one() -> None:
    assert len(SHORT) == 13
    assert parse_award_reference(group(SHORT).lower()) == ShortCode(text=SHORT)


def test_a_credential_id_is_read_in_either_case() -> None:
    stream = "01a2b3c4-d5e6-8f70-9a1b-2c3d4e5f6071"
    assert parse_award_reference(stream.upper()) == parse_award_reference(stream) == UUID(stream)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "..",
        CODE_TEXT[:-1],
        CODE_TEXT[:-1] + "Z",  # the last character carries four zero bits
        CODE_TEXT + "\x00",
        "１" + CODE_TEXT[1:],
        "ſ" + CODE_TEXT[1:],  # upper() makes an S of it
        SHORT[:-1] + ("0" if SHORT[-1] != "0" else "1"),
        "x" * 10_000,
        "https://verify.college.example/c/",
        "https://verify.college.example/d/" + CODE_TEXT,
        "javascript:alert(1)/c/" + CODE_TEXT,
        *(f"https://verify.college.example/c/{CODE_TEXT}/{n}" for n in ("0", "-1", "00001", "1e9", "1000000000", "１")),
    ],
)
def test_what_is_no_reference_is_not_guessed_at(text: str) -> None:
    assert parse_award_reference(text) is None


@given(text=st.text(max_size=60), version=st.none() | st.text(max_size=12))
def test_any_text_is_read_or_refused_without_an_error(text: str, version: str | None) -> None:
    parse_award_reference(text)
    scanned = parse_scanned(text, version)
    assert scanned is None or format_link_code(scanned.code).isascii()


def test_the_host_is_what_a_certificate_shows() -> None:
    assert host_of("HTTPS://Verify.College.Example:8443/") == "verify.college.example:8443"


@pytest.mark.parametrize(
    "base", ["ftp://a.example", "https://a.example/verify", "https://a.example?x", "a.example", ""]
)
def test_a_base_url_that_a_printed_link_cannot_carry_is_refused(base: str) -> None:
    with pytest.raises(BadBaseUrl, match="no path"):
        link_url(base, CODE, 1)
