"""What a person gives on the command line."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from tests.odd_files import ODD, bounded, put
from verify_api.cli.errors import WrongUsage
from verify_api.cli.reading import award_path, award_reference, day, other_host, read_bytes, read_object
from verify_api.public.links import ScannedCode

CODE = "06H02DJ5JDAM73P3X2T0Y7Y470HDAZ57PSMG"
UUID = "01a20135-979e-87c2-89a6-4f5f38b1dbe1"


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        CODE.lower(),
        f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE}",
        f"https://verify.college.example/c/{CODE.lower()}/2",
        f"{CODE}/2",
        f" {CODE.lower()} / 12 ".replace(" / ", "/"),
        f"  {CODE[:4]}-{CODE[4:8]} {CODE[8:]} ",
    ],
)
def test_an_award_is_found_by_its_code_however_it_is_written(text: str) -> None:
    assert award_path(text, "history") == f"/api/v1/credentials/{CODE}/history"


def test_an_award_is_found_by_its_credential_id() -> None:
    assert award_path(UUID.upper()) == f"/api/v1/credentials/{UUID}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "../issuers",
        CODE[:-1],
        f"{CODE}?x",
        f"{CODE}/0",
        f"{CODE}/",
        f"{CODE}/2/2",
        "https://x.example/d/1",
        "a" * 999,
    ],
)
def test_a_text_that_names_no_award_is_refused_before_anything_is_asked(text: str) -> None:
    with pytest.raises(WrongUsage, match="is no award"):
        award_path(text)


def test_a_code_with_a_version_means_that_version() -> None:
    reference = award_reference(f"{CODE}/2")
    assert isinstance(reference, ScannedCode)
    assert reference.version == 2


@pytest.mark.parametrize(
    ("text", "host", "other"),
    [
        (f"HTTPS://A.EXAMPLE/C/{CODE}", "a.example", None),
        (f"https://b.example/c/{CODE}/2", "a.example", "b.example"),
        (f"https://a.example:8443/c/{CODE}", "a.example", "a.example:8443"),
        (f"http://localhost:9000/c/{CODE}", "localhost:8000", None),
        (f"http://127.0.0.1:9000/c/{CODE}", "localhost:8000", None),
        (f"{CODE}/2", "a.example", None),
        (UUID, "a.example", None),
    ],
)
def test_a_link_to_another_host_is_noticed(text: str, host: str, other: str | None) -> None:
    assert other_host(text, host) == other


@given(text=st.text())
def test_any_text_is_an_award_or_wrong_usage(text: str) -> None:
    with suppress(WrongUsage):
        assert award_path(text).startswith("/api/v1/credentials/")


def test_a_date_has_one_spelling() -> None:
    assert day("2026-11-01") == "2026-11-01"
    for wrong in ("1.11.2026", "2026-11-31", "2026-1-1", "", "tomorrow"):
        with pytest.raises(typer.BadParameter):
            day(wrong)


def test_a_json_object_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "award.json"
    file.write_bytes('\ufeff{"full_name": "Zoé", "minutes": 90}'.encode())
    assert read_object(file) == {"full_name": "Zoé", "minutes": 90}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": 1,}', "column"),
        (b"[1]", "does not hold a JSON object"),
        (b'{"a": 1, "a": 2}', "stands in it twice"),
        (b'{"score": 83.5}', "quotation marks"),
        (b'{"score": NaN}', "quotation marks"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b" " * 1_100_000, "larger than a mebibyte"),
    ],
    ids=["empty", "comma", "list", "twice", "float", "nan", "latin-1", "deep", "large"],
)
def test_a_file_that_holds_no_json_object_is_refused_with_the_reason(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "award.json"
    file.write_bytes(content)
    with pytest.raises(WrongUsage, match=told) as refused:
        read_object(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("kind", ODD)
def test_what_has_no_end_is_not_read_to_it(tmp_path: Path, kind: str) -> None:
    put(kind, tmp_path / "award.json")
    with bounded(), pytest.raises(WrongUsage, match=r"award\.json (cannot be read: it is a pipe|is larger)"):
        read_object(tmp_path / "award.json")


def test_standard_input_is_not_read_to_an_end_that_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open() as endless, bounded():
        monkeypatch.setattr(sys, "stdin", endless)
        assert read_bytes(Path("-"), 5) == bytes(6)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(WrongUsage, match=r"nowhere\.json cannot be read: No such file"):
        read_object(Path("nowhere.json"))
