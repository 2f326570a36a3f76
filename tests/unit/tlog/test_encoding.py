"""Base64 with one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.encoding import from_base64, from_decimal, from_hash_lines, to_base64

# RFC 4648 §10.
PUBLISHED = [
    (b"", ""),
    (b"f", "Zg=="),
    (b"fo", "Zm8="),
    (b"foo", "Zm9v"),
    (b"foob", "Zm9vYg=="),
    (b"fooba", "Zm9vYmE="),
    (b"foobar", "Zm9vYmFy"),
]


@pytest.mark.parametrize(("raw", "text"), PUBLISHED)
def test_published_examples_are_spelled_and_read(raw: bytes, text: str) -> None:
    assert to_base64(raw) == text
    assert from_base64(text) == raw


@given(raw=st.binary(max_size=100))
def test_any_bytes_survive_their_spelling(raw: bytes) -> None:
    assert from_base64(to_base64(raw)) == raw


@pytest.mark.parametrize(
    "text",
    [
        "Zg",
        "Zg=",
        "Zg===",
        "Zh==",
        "Zm9=",
        "Zm9v\n",
        " Zm9v",
        "Zm 9v",
        "Zm9v====",
        "=",
        "Zm9v!",
        "-_-_",
        "Zg==Zg==",
        "Zm9é",
    ],
    ids=ascii,
)
def test_another_spelling_of_the_same_bytes_or_none_is_refused(text: str) -> None:
    assert from_base64(text) is None


@given(text=st.text(alphabet="ABZaz09+/=-_ \n", max_size=12))
def test_a_text_is_the_one_spelling_or_refused(text: str) -> None:
    raw = from_base64(text)
    assert raw is None or to_base64(raw) == text


@given(number=st.integers(0, 2**63 - 1))
def test_any_number_below_the_limit_is_read_from_its_spelling(number: int) -> None:
    assert from_decimal(str(number)) == number
    assert from_decimal(f"0{number}") is None


@pytest.mark.parametrize(
    "text", ["", "-0", "+1", " 1", "1 ", "1\n", "0x1", "1.0", "1_0", "\u0661", str(2**63), "9" * 5000]
)
def test_a_number_out_of_bounds_or_spelled_otherwise_is_none(text: str) -> None:
    assert from_decimal(text) is None


@given(hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=66))
def test_at_most_sixty_three_lines_of_hashes_are_read(hashes: list[bytes]) -> None:
    read = from_hash_lines([to_base64(each) for each in hashes])
    assert read == (tuple(hashes) if len(hashes) <= 63 else None)


@pytest.mark.parametrize("line", ["", "AA==", to_base64(bytes(31)), to_base64(bytes(33)), to_base64(bytes(32)) + "\n"])
def test_a_line_that_is_no_hash_spoils_the_proof(line: str) -> None:
    good = to_base64(bytes(32))
    for lines in ([line], [good, line], [line, good]):
        assert from_hash_lines(lines) is None
