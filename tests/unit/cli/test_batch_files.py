"""The files that a batch leaves behind."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_api.cli.batch_files import ADDED, harmless, write_awards
from verify_api.cli.errors import WrongUsage
from verify_api.issuer.answers import BatchAnswer, BatchAward, RowProblem

HEADER = "student_number,full_name,achievement,awarded_on"


def _answer(*, errors: list[RowProblem], awards: list[BatchAward]) -> BatchAnswer:
    return BatchAnswer(
        rows=2, ready=1, issued=1, already_issued=0, dry_run=False, errors=errors, warnings=[], awards=awards
    )


def _award(row: int) -> BatchAward:
    return BatchAward(
        row=row,
        already_issued=False,
        credential_id="id",
        revision=0,
        version=1,
        code="CODE",
        short_code="SHORT",
        url="HTTPS://V/C/CODE",
        position=7,
    )


def _rows(path: Path, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), delimiter=delimiter))


@given(cell=st.text())
def test_no_cell_is_left_that_a_spreadsheet_takes_for_a_formula(cell: str) -> None:
    written = harmless(cell)
    assert not written.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert written in (cell, f"'{cell}")


@pytest.mark.parametrize("cell", ["Zoé", "S-1", "2026-05-01", "", "a=b", "O'Neil", "83"])
def test_a_harmless_cell_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@x", "\tx", "\rx", " =1", "\uff1d1"])
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_every_row_is_written_with_its_award_or_with_what_is_wrong(tmp_path: Path) -> None:
    raw = f"{HEADER}\nS-1,=Ana,x,2026-05-01\n\nS-2,Bo,y,2026-05-01\n".encode()
    wrong = [
        RowProblem(row=2, line=4, column="achievement", code="unknown_achievement", reason="is not there"),
        RowProblem(row=2, line=4, column="awarded_on", code="in_the_future", reason="is in the future"),
    ]
    out = tmp_path / "deep" / "out.csv"
    write_awards(out, raw, _answer(errors=wrong, awards=[_award(1)]))
    header, first, second = _rows(out)
    assert header == [*HEADER.split(","), *ADDED]
    assert first == ["S-1", "'=Ana", "x", "2026-05-01", "id", "CODE", "SHORT", "HTTPS://V/C/CODE", "issued"]
    assert second[:4] == ["S-2", "Bo", "y", "2026-05-01"]
    assert second[4:] == ["", "", "", "", "error: achievement is not there; awarded_on is in the future"]
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_row_with_too_many_cells_keeps_its_place(tmp_path: Path) -> None:
    raw = f"{HEADER}\nS-1,Ana,x,2026-05-01,more\nS-2,Bo,y,2026-05-01\n".encode()
    wrong = [RowProblem(row=1, line=2, column="", code="wrong_cells", reason="has 5 cells, the header has 4")]
    write_awards(tmp_path / "out.csv", raw, _answer(errors=wrong, awards=[_award(2)]))
    _, first, second = _rows(tmp_path / "out.csv")
    assert first[-1] == "error: has 5 cells, the header has 4"
    assert second[0] == "S-2"


def test_the_file_is_separated_and_marked_as_the_one_that_came(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + f"{HEADER}\nS-1,Ana,x,2026-05-01\n".replace(",", ";").encode()
    write_awards(tmp_path / "out.csv", raw, _answer(errors=[], awards=[_award(1)]))
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent_number;full_name;")
    assert len(_rows(tmp_path / "out.csv", ";")[1]) == 9


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(WrongUsage, match="cannot be written"):
        write_awards(
            tmp_path / "taken" / "out.csv", f"{HEADER}\nS,A,x,2026-05-01\n".encode(), _answer(errors=[], awards=[])
        )
