"""A form with a file is read as its fields stand there; what is not well formed has none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_api.public import multipart
from verify_api.public.multipart import read_multipart

KIND = "multipart/form-data; boundary=abc"


def body(*parts: tuple[str, bytes], boundary: str = "abc") -> bytes:
    joined = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
    return joined + f"--{boundary}--\r\n".encode()


def named(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"'


@pytest.mark.parametrize("kind", [KIND, 'Multipart/Form-Data; boundary="abc"', "multipart/form-data;boundary=abc "])
def test_fields_are_what_stands_between_the_boundaries(kind: str) -> None:
    sent = body(
        (
            'content-disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png',
            b"\x00\r\n\r\n--ab\xff",
        ),
        (named("text"), b""),
        ("Content-Disposition: form-data; name=bare", b"1"),
    )
    assert read_multipart(sent, kind) == {"file": b"\x00\r\n\r\n--ab\xff", "text": b"", "bare": b"1"}


def test_first_field_of_a_name_counts_and_no_more_than_eight_are_read() -> None:
    assert read_multipart(body((named("a"), b"1"), (named("a"), b"2")), KIND) == {"a": b"1"}
    assert read_multipart(body(*[(named("a"), b"1")] * 8), KIND) == {"a": b"1"}
    assert read_multipart(body(*[(named("a"), b"1")] * 9), KIND) is None


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", KIND),
        (b"--abc--", "multipart/form-data"),
        (b"--abc--", "multipart/mixed; boundary=abc"),
        (b"preamble\r\n" + body((named("a"), b"1")), KIND),
        (body((named("a"), b"1"))[:-4], KIND),
        (body(("Content-Type: text/plain", b"1")), KIND),
        (body(('Content-Disposition: attachment; name="a"', b"1")), KIND),
        (b"--abc\r\n" + named("a").encode() + b"\r\n--abc--", KIND),
        (body((named("a"), b"1"), boundary="other"), KIND),
    ],
)
def test_what_is_not_well_formed_has_no_fields(sent: bytes, kind: str) -> None:
    assert read_multipart(sent, kind) is None


@given(content=st.binary(), name=st.text(st.characters(exclude_characters='"\r\n', codec="utf-8"), max_size=20))
def test_any_content_comes_through_unchanged(content: bytes, name: str) -> None:
    if b"\r\n--abc" not in b"\r\n" + content:
        assert read_multipart(body((named(name), content)), KIND) == {name: content}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_have_no_fields(sent: bytes) -> None:
    read_multipart(sent, KIND)
    read_multipart(b"--abc\r\n" + sent + b"\r\n--abc--", KIND)


def test_head_of_a_part_is_read_up_to_a_limit_and_by_no_pattern_that_could_try_again() -> None:
    blanks = 4_096 - len(named("a")) - 4 - 2  # what stands between a boundary and its field begins with a line break
    assert read_multipart(body((named("a") + " " * blanks, b"1")), KIND) == {"a": b"1"}
    assert read_multipart(body((named("a") + " " * (blanks + 1), b"1")), KIND) is None
    patterns = [name for name, value in vars(multipart).items() if isinstance(value, re.Pattern)]
    assert patterns == ["_BOUNDARY"]  # of a header; every other byte is split and compared


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; filename="a; name=evil"; name="b"', "b"),
        ('form-data; filename="name=evil"; NAME = b', "b"),
        ('form-data ;filename=a;name= "b" ', "b"),
        ('form-data; name=""', ""),
        ('form-data; filename*=name; xname="x"; name="a;b"', "a;b"),
        ('form-data; name="a', None),
        ('form-data; filename="a"', None),
        ("form-data", None),
        ("attachment; name=a", None),
        ('form-data; x="y"\n; name="a"', None),
    ],
)
def test_name_of_a_field_is_that_parameter_and_no_part_of_another(disposition: str, name: str | None) -> None:
    found = read_multipart(body((f"Content-Disposition:{disposition}", b"1")), KIND)
    assert found == (None if name is None else {name: b"1"})
