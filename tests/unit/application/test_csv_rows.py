"""CSV files as people save them: read whichever way, or refused as a whole with the line and what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.application.csv_rows import MOST_ROWS, UnreadableFile, read_rows
from ledger.domain.award_request import COLUMNS

HEADER = "student_number,full_name,achievement,awarded_on"
ROW = "S1,Zoé Okonkwo,wound-care,2026-01-01"
CELLS = {"student_number": "S1", "full_name": "Zoé Okonkwo", "achievement": "wound-care", "awarded_on": "2026-01-01"}


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n",
        f"{HEADER}\n{ROW}",
        f"{HEADER}\r\n{ROW}\r\n",
        f"\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER}\n{ROW}\n".replace(",", ";"),
        f"\ufeff{HEADER}\r\n{ROW}\r\n".replace(",", ";"),
        f"{HEADER}\n\n{ROW}\n\n \n,,,\n",
        " Student_Number , FULL_NAME,achievement,awarded_on\n" + ROW,
        'awarded_on,achievement,"full_name",student_number\n2026-01-01,wound-care,"Zoé Okonkwo","S1"\n',
        '"student_number\n",full_name,achievement,awarded_on\n' + ROW,
    ],
)
def test_same_row_is_read_from_every_spelling_of_the_file(text: str) -> None:
    (row,) = read_rows(text.encode())
    assert (row.number, row.cells, row.fault) == (1, CELLS, None)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (HEADER.encode(), "no rows"),
        (f"{HEADER}\n\n,,,\n".encode(), "no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "line 1 is not UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", "not a text file"),
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), "not a text file"),
        (f"{HEADER}\n{ROW}\n".encode("utf-16-le"), "not a text file"),
        (f"{HEADER}\nS1,Zo\n".encode() + f"{ROW}\n".encode("latin-1"), "line 3 is not UTF-8"),
        (f"{HEADER},full_name\n{ROW},x\n".encode(), "“full_name” twice"),
        (f"{HEADER},Full_Name \n{ROW},x\n".encode(), "“full_name” twice"),
        (f"{HEADER},salary\n{ROW},1\n".encode(), "“salary”, which is not a column"),
        (f"{HEADER},{'x' * 10_000}\n{ROW},1\n".encode(), "is not a column"),
        (f"{HEADER},\n{ROW},\n".encode(), "“”, which is not a column"),
        (b"student_number,full_name\nS1,Zoe\n", "lacks achievement, awarded_on"),
        (f'{HEADER}\n{ROW}\n"open quotation\n'.encode(), "not proper CSV"),
        (f'{HEADER}\n{ROW}\n"S1"x,b,c,d\n'.encode(), "line 3 is not proper CSV"),
        (f"{HEADER}\nS1,{'x' * 200_000},a,b\n".encode(), "line 2 is not proper CSV"),
        (f"{HEADER}\n".encode() + f"{ROW}\n".encode() * (MOST_ROWS + 1), "more than 20,000 rows"),
    ],
)
def test_file_that_cannot_be_read_is_refused_as_a_whole_in_a_sentence(raw: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_rows(raw)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_numbers_count_rows_and_lines_count_lines() -> None:
    text = f'{HEADER}\nS1,"Two\nlines\n",a,b\n\nS2,One,a,b\nS3,"Two\r\nlines",a,b\nS4,One,a,b\n'
    rows = read_rows(text.encode())
    assert [(row.number, row.line, row.cells["student_number"]) for row in rows] == [
        (1, 2, "S1"),
        (2, 6, "S2"),
        (3, 7, "S3"),
        (4, 9, "S4"),
    ]
    assert rows[0].cells["full_name"] == "Two\nlines\n"


@pytest.mark.parametrize(("cells", "count"), [("S1,a,b", 3), ("S1,a,b,c,d", 5), ("S1", 1), ("S1;a;b;c", 1)])
def test_row_with_another_number_of_cells_is_at_fault_alone(cells: str, count: int) -> None:
    bad, good = read_rows(f"{HEADER}\n{cells}\n{ROW}\n".encode())
    assert (bad.fault, bad.cells) == (f"has {count} cells, the header has 4", {})
    assert good.cells == CELLS


def test_nul_in_a_row_is_left_to_the_row() -> None:
    (row,) = read_rows(f"{HEADER}\nS1,Zo\x00e,a,b\n".encode())
    assert row.cells["full_name"] == "Zo\x00e"


def test_cell_of_ten_thousand_characters_is_left_to_the_row() -> None:
    (row,) = read_rows(f"{HEADER}\nS1,{'x' * 10_000},a,b\n".encode())
    assert len(row.cells["full_name"]) == 10_000


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for prefix in (b"", HEADER.encode() + b"\n"):
        try:
            rows = read_rows(prefix + raw)
        except UnreadableFile:
            continue
        assert all(row.fault or set(row.cells) <= set(COLUMNS) for row in rows)
