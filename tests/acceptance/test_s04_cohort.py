"""S4: a cohort of 300 from a CSV file with bad rows: previewed, refused, accepted, repeated, interrupted."""

import csv
import io
import json
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image

from tests.acceptance.conftest import NewDatabase
from tests.acceptance.desk import DATA, Desk, admit, course, open_desk

COHORT = DATA / "cohort-300.csv"
SLUGS = (
    "wound-assessment",
    "wound-cleansing",
    "dressing-selection",
    "infection-control",
    "wound-documentation",
    "healthy-menus",
    "ppe-donning-doffing",
)
BAD = {
    (18, "email"),
    (42, "achievement"),
    (89, "awarded_on"),
    (121, "full_name"),
    (178, "score"),
    (204, "awarded_on"),
    (251, "result"),
    (300, "route"),
}
ODD = {(122, "full_name"), (205, "email")}
_MANY = 4_000  # rows: many commits are left after the first, however late the server is killed
HEADER = "student_number,full_name,achievement,awarded_on,score\n"


def _college(desk: Desk, slug: str) -> str:
    admit(desk, slug, *(course(each, each.replace("-", " ").capitalize()) for each in SLUGS))
    return slug


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _cohort() -> list[dict[str, str]]:
    return _rows(COHORT)


def test_a_preview_names_every_bad_row_with_column_and_reason_and_issues_nothing(desk: Desk) -> None:
    slug = _college(desk, "preview")
    answer = desk.batch(str(COHORT), "--dry-run", "--issuer", slug, code=1)
    assert {(each["row"], each["column"]) for each in answer["errors"]} == BAD
    assert {(each["row"], each["column"]) for each in answer["warnings"]} == ODD
    assert (answer["ready"], answer["issued"]) == (292, 0)
    assert all(each["line"] == each["row"] + 1 and each["reason"] for each in answer["errors"])
    told = desk.run("issue-batch", str(COHORT), "--dry-run", "--issuer", slug, code=1).stdout
    for row, column in BAD | ODD:
        assert any(line.split()[:3] == [str(row), str(row + 1), column] for line in told.splitlines()), (row, column)
    assert "“wound-assesment” is not an achievement of this issuer" in told
    assert "292 can be issued, 0 already issued, 8 errors, 2 warnings; nothing was issued" in told
    assert desk.awards(slug) == 0


def test_a_file_with_bad_rows_is_refused_as_a_whole_until_they_are_skipped(desk: Desk, tmp_path: Path) -> None:
    slug = _college(desk, "refusal")
    out = tmp_path / "out.csv"
    done = desk.run("issue-batch", str(COHORT), "--issuer", slug, "--out", str(out), code=1)
    assert "8 of 300 rows cannot be issued, so nothing was" in done.stderr
    assert "(--skip-bad)" in done.stderr
    assert "2026-02-30" in done.stdout
    assert desk.awards(slug) == 0
    assert not out.exists()


def test_the_good_rows_are_issued_once_however_often_the_file_is_sent(desk: Desk, tmp_path: Path) -> None:
    slug = _college(desk, "cohort")
    out, codes = tmp_path / "out.csv", tmp_path / "codes"
    command = ["issue-batch", str(COHORT), "--skip-bad", "--issuer", slug, "--out", str(out)]
    done = desk.run(*command, "--qr-dir", str(codes))
    assert done.stdout.splitlines()[-1] == "292 issued, 0 already issued, 8 errors, 2 warnings"
    first = _rows(out)
    assert [row["student_number"] for row in first] == [row["student_number"] for row in _cohort()]
    assert sum(row["status"] == "issued" for row in first) == 292
    bad = {number for number, row in enumerate(first, 1) if row["status"].startswith("error: ")}
    assert bad == {row for row, _ in BAD}
    assert "2031-01-01 is in the future" in first[203]["status"]
    assert first[121]["full_name"] == '\'=HYPERLINK("https://evil.example")'
    assert not [cell for row in first for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert out.stat().st_mode & 0o777 == 0o600

    assert len(list(codes.iterdir())) == 292
    with Image.open(codes / f"1-{first[0]['short_code']}.png") as image:
        (decoded,) = zxingcpp.read_barcodes(image)
    assert decoded.text == first[0]["url"]
    found = desk.scan(decoded.text)
    assert (found["verdict"], found["award"]["learner"]) == ("valid", first[0]["full_name"])

    again = desk.run(*command)
    assert again.stdout.splitlines()[-1] == "0 issued, 292 already issued, 8 errors, 2 warnings"
    assert [row["code"] for row in _rows(out)] == [row["code"] for row in first]
    assert sum(row["status"] == "already issued" for row in _rows(out)) == 292
    assert desk.awards(slug) == 292


def test_a_row_that_changed_after_it_was_issued_is_reported_with_the_advice_to_amend(
    desk: Desk, tmp_path: Path
) -> None:
    slug = _college(desk, "changed")
    file = tmp_path / "two.csv"
    row = "S-1,Zoé Okafor,healthy-menus,2026-05-01,{score}\nS-2,Ana Kim,healthy-menus,2026-05-01,70\n"
    file.write_text(HEADER + row.format(score=80), encoding="utf-8")
    assert desk.batch(str(file), "--issuer", slug)["issued"] == 2
    file.write_text(HEADER + row.format(score=90), encoding="utf-8")
    answer = desk.batch(str(file), "--issuer", slug, "--skip-bad")
    assert (answer["issued"], answer["already_issued"]) == (0, 1)
    (problem,) = answer["errors"]
    assert (problem["row"], problem["code"]) == (1, "already_issued")
    assert "use amend" in problem["reason"]
    assert desk.awards(slug) == 2


def test_semicolons_a_byte_order_mark_and_another_order_of_columns_read_the_same(desk: Desk, tmp_path: Path) -> None:
    slug = _college(desk, "semicolons")
    text = io.StringIO(newline="")
    columns = list(reversed(list(_cohort()[0])))
    writer = csv.DictWriter(text, columns, delimiter=";")
    writer.writeheader()
    writer.writerows(_cohort())
    file, out = tmp_path / "excel.csv", tmp_path / "out.csv"
    file.write_bytes(text.getvalue().encode("utf-8-sig"))
    answer = desk.batch(str(file), "--issuer", slug, "--skip-bad", "--out", str(out))
    assert answer["issued"] == 292
    assert {(each["row"], each["column"]) for each in answer["errors"]} == BAD
    assert out.read_bytes().startswith(b"\xef\xbb\xbf" + ";".join(columns).encode())
    assert desk.batch(str(COHORT), "--issuer", slug, "--skip-bad")["already_issued"] == 292


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("empty", b"", "the file is empty"),
        ("binary", b"\x00\x01\x02PK\x03\x04", "not a text file"),
        ("few-columns", b"student_number,full_name\nS-1,Ana\n", "lacks achievement, awarded_on"),
        ("column-twice", b"full_name,full_name\nAna,Ana\n", "twice"),
        ("latin-1", "student_number,name\nS-1,Añá\n".encode("latin-1"), "line 2 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_csv_of_awards_is_refused_in_one_sentence(
    desk: Desk, tmp_path: Path, kind: str, content: bytes, told: str
) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(content)
    admit(desk, kind)
    done = desk.run("issue-batch", str(file), "--issuer", kind, code=2)
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert desk.awards(kind) == 0


def test_a_batch_killed_half_way_is_completed_by_the_same_command(tmp_path: Path, new_database: NewDatabase) -> None:
    desk = open_desk(tmp_path, new_database())
    try:
        slug = _college(desk, "killed")
        many = tmp_path / "many.csv"
        lines = [f"S-{number},Learner {chr(65 + number % 26)},healthy-menus,2026-05-01,70" for number in range(_MANY)]
        many.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
        headers = desk.authorization | {"Content-Type": "text/csv", "Accept": "application/x-ndjson"}
        request = httpx.stream(
            "POST",
            f"{desk.url}/api/v1/credentials/batch?issuer={slug}",
            content=many.read_bytes(),
            headers=headers,
            timeout=60,
        )
        with request as answer:
            done = next(line for line in map(json.loads, answer.iter_lines()) if line["done"] > 0)
            desk.kill()
        assert 0 < done["done"] < _MANY
        desk.serve()
        before = desk.awards(slug)
        assert 0 < before < _MANY
        completed = desk.batch(str(many), "--issuer", slug, "--out", str(tmp_path / "out.csv"))
        assert (completed["issued"], completed["already_issued"]) == (_MANY - before, before)
        assert desk.awards(slug) == _MANY
        rows = _rows(tmp_path / "out.csv")
        assert len({row["credential_id"] for row in rows}) == _MANY
        assert json.loads(desk.text("audit"))["sound"] is True
    finally:
        desk.stop()
