"""The files that a batch leaves behind: a CSV file with the links, and a folder of QR codes."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.application.csv_rows import Row, read_rows
from ledger.domain import text
from ledger.domain.award_request import COLUMNS
from verify_api.cli.asking import write_file
from verify_api.issuer.answers import BatchAnswer, BatchAward, RowProblem
from verify_api.public.qr import qr_png

ADDED = ("credential_id", "code", "short_code", "url", "status")
_BOM = b"\xef\xbb\xbf"
_FORMULAS = (*text.FORMULA_STARTS, "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and their full-width forms


def write_awards(path: Path, raw: bytes, answer: BatchAnswer) -> None:
    """Write every row of the input with its award or with what is wrong with it, whole or not at all.

    Raises:
        WrongUsage: the file cannot be written.
    """
    rows = read_rows(raw)
    columns = next((list(row.cells) for row in rows if row.cells), list(COLUMNS))
    awards = {award.row: award for award in answer.awards}
    wrong = reasons(answer.errors)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=_delimiter(raw), lineterminator="\r\n")
    writer.writerow([*columns, *ADDED])
    for row in rows:
        writer.writerow([harmless(cell) for cell in _cells(row, columns, awards, wrong)])
    encoded = out.getvalue().encode("utf-8")
    write_file(path, _BOM + encoded if raw.startswith(_BOM) else encoded)


def write_qr_codes(folder: Path, answer: BatchAnswer) -> None:
    """Write one PNG for each award, `<row>-<short code>.png`.

    Raises:
        WrongUsage: one cannot be written.
    """
    for award in answer.awards:
        write_file(folder / f"{award.row}-{award.short_code}.png", qr_png(award.url))


def reasons(problems: Sequence[RowProblem]) -> dict[int, str]:
    """Row -> everything that is wrong with it."""
    found: dict[int, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.row or 0, []).append(" ".join(filter(None, (problem.column, problem.reason))))
    return {row: "; ".join(each) for row, each in found.items()}


def harmless(cell: str) -> str:
    """`cell` as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULAS) or cell.lstrip().startswith(_FORMULAS) else cell


def _cells(row: Row, columns: Sequence[str], awards: Mapping[int, BatchAward], wrong: Mapping[int, str]) -> list[str]:
    given = [row.cells.get(column, "") for column in columns]
    award = awards.get(row.number)
    if award is None:
        return [*given, "", "", "", "", f"error: {wrong.get(row.number, 'not issued')}"]
    status = "already issued" if award.already_issued else "issued"
    return [*given, award.credential_id, award.code, award.short_code, award.url, status]


def _delimiter(raw: bytes) -> str:
    header = raw.removeprefix(_BOM).lstrip().split(b"\n", 1)[0]
    return ";" if header.count(b";") > header.count(b",") else ","
