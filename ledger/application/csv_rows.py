"""Reads a CSV file of awards: UTF-8 with or without a byte order mark, comma or semicolon, columns in any order."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.domain.award_request import COLUMNS, NEEDED
from ledger.errors import LedgerError

MOST_ROWS = 20_000


class UnreadableFile(LedgerError):
    """The file as a whole is not a CSV file of awards; no row of it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One data row as it stands in the file."""

    number: int  # from 1, without the header
    line: int  # line of the file where it begins, from 1
    cells: Mapping[str, str]  # column -> text
    fault: str | None  # why it has no cells


def read_rows(raw: bytes) -> list[Row]:
    """Every row of the file; blank lines are passed over.

    Raises:
        UnreadableFile: empty, not UTF-8, no such header, or too many rows.
    """
    text = _decoded(raw)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        columns = _header(next(reader, []))
        rows = list(_rows(reader, columns))
    except csv.Error as error:
        raise UnreadableFile(f"line {reader.line_num} is not proper CSV: {error}") from error
    if not rows:
        raise UnreadableFile("the file has a header and no rows")
    return rows


def _decoded(raw: bytes) -> str:
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise UnreadableFile("the file is empty")
    if b"\x00" in raw.split(b"\n", 1)[0]:  # UTF-16, a workbook; in a row it is that row's problem
        raise UnreadableFile("this is not a text file; save it as CSV (UTF-8)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(f"line {line} is not UTF-8 text; save the file as CSV (UTF-8)") from error


def _delimiter(text: str) -> str:
    header = text.lstrip().split("\n", 1)[0]
    return ";" if header.count(";") > header.count(",") else ","


def _header(cells: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    known = ", ".join(COLUMNS)
    for column in columns:
        if columns.count(column) > 1:
            raise UnreadableFile(f"the header names the column “{column[:80]}” twice")
        if column not in COLUMNS:
            raise UnreadableFile(f"the header names “{column[:80]}”, which is not a column; the columns are {known}")
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise UnreadableFile(f"the header lacks {', '.join(missing)}; the columns are {known}")
    return columns


def _rows(reader: "Iterator[list[str]]", columns: list[str]) -> Iterator[Row]:
    number = 0
    line = getattr(reader, "line_num", 1) + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            number += 1
            if number > MOST_ROWS:
                raise UnreadableFile(f"the file has more than {MOST_ROWS:,} rows; split it")
            fault = None
            if len(cells) != len(columns):
                fault = f"has {len(cells)} cells, the header has {len(columns)}"
            yield Row(
                number=number, line=line, cells={} if fault else dict(zip(columns, cells, strict=True)), fault=fault
            )
        line = getattr(reader, "line_num", line) + 1
