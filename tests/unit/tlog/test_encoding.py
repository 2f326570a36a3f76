"""Base64 with one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.encoding import from_base64, to_base64

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
