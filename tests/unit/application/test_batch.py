"""Batches: every row is checked before the first is issued, and none is ever issued twice."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.application import batch as module
from ledger.application.batch import BatchRefused, BatchReport
from ledger.application.batch_check import RowProblem
from ledger.application.csv_rows import UnreadableFile
from ledger.application.ports import Appended, OutcomeUnknown, VersionConflict
from ledger.domain.achievement import AchievementIsRetired
from ledger.domain.types import Kid
from ledger.domain.values import Reason, Role
from ledger.testing.faults import InterveningAppender
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, Office, run

COHORT = Path(__file__).parents[2] / "data" / "cohort-300.csv"
COLUMNS = ("student_number", "full_name", "achievement", "awarded_on", "email")


def row(number: int, **changed: str) -> dict[str, str]:
    cells = {
        "student_number": f"S{number}",
        "full_name": f"Zoé Learner {number}",
        "achievement": "wound-care",
        "awarded_on": "2026-01-01",
        "email": f"s{number}@students.example",
    }
    return {**cells, **changed}


def csv_of(rows: Sequence[Mapping[str, str]]) -> bytes:
    quoted = [",".join('"' + each[column].replace('"', '""') + '"' for column in COLUMNS) for each in rows]
    return "\n".join([",".join(COLUMNS), *quoted, ""]).encode()


def issue(
    office: Office, rows: Sequence[Mapping[str, str]], *, dry_run: bool = False, skip: bool = False
) -> BatchReport:
    raw = csv_of(rows)
    return run(office.ledger.batch.issue(office.registrar, office.college, raw, dry_run=dry_run, skip_bad=skip))


def said(problems: Sequence[RowProblem]) -> list[tuple[int, str, str]]:
    return [(each.row, each.problem.column, each.problem.code) for each in problems]


def awards_of(office: Office, report: BatchReport) -> dict[int, str]:
    """Row -> name on the award."""
    found = {}
    for award in report.awards:
        facts = office.ledger.awards.read(office.registrar, award.appended.stream).acts[0].award
        assert facts is not None
        found[award.row] = facts.name
    return found


def test_every_row_is_issued_to_its_learner(office: Office) -> None:
    before = office.size()
    report = issue(office, [row(number) for number in range(1, 8)])
    assert (report.rows, report.ready, report.issued, report.already_issued) == (7, 7, 7, 0)
    assert (report.errors, report.warnings, report.dry_run) == ((), (), False)
    assert awards_of(office, report) == {number: f"Zoé Learner {number}" for number in range(1, 8)}
    assert sorted(award.appended.position for award in report.awards) == list(range(before + 1, before + 8))
    office.assert_sound()


def test_neighbours_in_the_file_are_not_neighbours_in_the_log(office: Office) -> None:
    report = issue(office, [row(number) for number in range(1, 41)])
    positions = [award.appended.position for award in report.awards]
    assert positions != sorted(positions)


def test_dry_run_reports_and_issues_nothing(office: Office) -> None:
    before = office.size()
    report = issue(office, [row(1), row(2, full_name=""), row(3)], dry_run=True)
    assert (report.rows, report.ready, report.issued, report.dry_run) == (3, 2, 0, True)
    assert said(report.errors) == [(2, "full_name", "missing")]
    assert office.size() == before


def test_one_bad_row_keeps_every_row_back_unless_bad_rows_are_skipped(office: Office) -> None:
    before = office.size()
    rows = [row(1), row(2, awarded_on="2026-02-30"), row(3)]
    with pytest.raises(BatchRefused, match="1 of 3 rows cannot be issued, so nothing was") as caught:
        issue(office, rows)
    assert said(caught.value.report.errors) == [(2, "awarded_on", "malformed")]
    assert office.size() == before
    report = issue(office, rows, skip=True)
    assert (report.issued, said(report.errors)) == (2, [(2, "awarded_on", "malformed")])
    office.assert_sound()


@pytest.mark.parametrize(
    ("changed", "column", "code"),
    [
        ({"student_number": ""}, "student_number", "missing"),
        ({"full_name": "  "}, "full_name", "missing"),
        ({"full_name": "12345"}, "full_name", "malformed"),
        ({"full_name": "Zo\x00e"}, "full_name", "control_character"),
        ({"full_name": "Zoe\u202eeoZ"}, "full_name", "control_character"),
        ({"full_name": "Two\nlines"}, "full_name", "control_character"),
        ({"full_name": "x" * 10_000}, "full_name", "too_long"),
        ({"achievement": ""}, "achievement", "missing"),
        ({"achievement": "wound-caer"}, "achievement", "unknown_achievement"),
        ({"achievement": "x" * 10_000}, "achievement", "too_long"),
        ({"awarded_on": "01/02/2026"}, "awarded_on", "malformed"),
        ({"awarded_on": "2026-11-23"}, "awarded_on", "in_the_future"),
        ({"email": "not an address"}, "email", "malformed"),
    ],
)
def test_bad_row_is_reported_with_row_line_column_and_reason(
    office: Office, changed: dict[str, str], column: str, code: str
) -> None:
    report = issue(office, [row(1), row(2, **changed)], dry_run=True)
    (problem,) = report.errors
    assert (problem.row, problem.line, problem.problem.column, problem.problem.code) == (2, 3, column, code)
    assert 10 < len(problem.problem.reason) < 300


def test_file_that_cannot_be_read_issues_nothing(office: Office) -> None:
    for raw in (b"", b"\x00\x01\x02", b"student_number,student_number\n1,2\n"):
        with pytest.raises(UnreadableFile):
            run(office.ledger.batch.issue(office.registrar, office.college, raw))


def test_repeated_row_is_an_error_and_stays_one_on_the_next_run(office: Office) -> None:
    rows = [row(1), row(2), row(1), row(2, full_name="Another Name")]
    for issued, already in ((2, 0), (0, 2)):
        report = issue(office, rows, skip=True)
        assert (report.issued, report.already_issued) == (issued, already)
        assert [(number, column) for number, column, _ in said(report.errors)] == [
            (3, "student_number"),
            (4, "student_number"),
        ]


def test_formula_and_repeated_address_are_warned_about_and_issued(office: Office) -> None:
    rows = [
        row(1, full_name='=HYPERLINK("http://x";"Zoe")'),
        row(2, email="s9@students.example"),
        row(3, email="S9@students.example"),
        row(4, email="s9@students.example", student_number="S2", awarded_on="2026-01-02"),
        row(5, email=""),
        row(6, email=""),
    ]
    report = issue(office, rows)
    assert said(report.warnings) == [(1, "full_name", "formula"), (3, "email", "repeated_email")]
    assert report.issued == 6


# -------------------------------------------------------------------------------------------------------------- twice


def test_same_file_again_issues_nothing_and_tells_the_same_awards(office: Office) -> None:
    rows = [row(number) for number in range(1, 6)]
    first, again = issue(office, rows), issue(office, rows)
    assert (again.issued, again.already_issued, again.ready) == (0, 5, 0)
    streams = [[award.appended.stream for award in report.awards] for report in (first, again)]
    assert streams[0] == streams[1]


def test_same_rows_in_another_order_with_other_columns_are_the_same_awards(office: Office) -> None:
    issue(office, [row(1), row(2)])
    raw = (
        "\ufeffresult;email;awarded_on;achievement;full_name;student_number\r\n"
        ";s2@students.example;2026-01-01;wound-care; Zoe\u0301 Learner 2 ;S2\r\n"
        ";s1@students.example;2026-01-01;wound-care;Zoé Learner 1;S1\r\n"
    )
    report = run(office.ledger.batch.issue(office.registrar, office.college, raw.encode()))
    assert (report.issued, report.already_issued) == (0, 2)


@pytest.mark.parametrize("changed", [{"full_name": "Zoë New"}, {"email": ""}])
def test_changed_row_is_reported_as_already_issued(office: Office, changed: dict[str, str]) -> None:
    issue(office, [row(1), row(2)])
    with pytest.raises(BatchRefused) as caught:
        issue(office, [row(1), row(2, **changed), row(3)])
    (problem,) = caught.value.report.errors
    assert (problem.row, problem.problem.code) == (2, "already_issued")
    assert "use amend" in problem.problem.reason
    report = issue(office, [row(1), row(2, **changed), row(3)], skip=True)
    assert (report.issued, report.already_issued) == (1, 1)


def test_revision_between_two_runs_issues_nothing_twice(office: Office) -> None:
    issue(office, [row(1)])
    revised = {**DEFINITION, "name": "Wound care II"}
    run(office.ledger.achievements.revise(office.college, office.achievement, revised))
    report = issue(office, [row(1), row(2)])
    assert (report.issued, report.already_issued) == (1, 1)


def test_retirement_between_two_runs_leaves_what_was_issued(office: Office) -> None:
    issue(office, [row(1)])
    run(office.ledger.achievements.retire(office.college, office.achievement))
    report = issue(office, [row(1), row(2)], skip=True)
    assert (report.already_issued, said(report.errors)) == (1, [(2, "achievement", "retired")])


def test_same_rows_of_another_issuer_are_other_awards(office: Office) -> None:
    run(office.ledger.achievements.define(office.board, DEFINITION))
    issue(office, [row(1)])
    report = run(office.ledger.batch.issue(OPERATOR, office.board, csv_of([row(1)])))
    assert report.issued == 1
    office.assert_sound()


# --------------------------------------------------------------------------------------------------- killed, overtaken


def test_batch_that_was_killed_half_way_is_completed_by_the_same_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    rows = [row(number) for number in range(1, 12)]

    async def nothing() -> None:
        pass

    async def die() -> None:
        raise OutcomeUnknown("the machine went away")

    desk = office.ledger.desk
    desk.appender = InterveningAppender(office.ledger.committer, [nothing, die])
    with pytest.raises(OutcomeUnknown):
        issue(office, rows)
    assert office.count("short_codes") == 4
    report = issue(office, rows)
    assert (report.issued, report.already_issued) == (7, 4)
    assert awards_of(office, report) == {number: f"Zoé Learner {number}" for number in range(1, 12)}
    assert issue(office, rows).already_issued == 11
    office.assert_sound()


def test_two_runs_of_one_file_at_once_issue_each_row_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    raw = csv_of([row(number) for number in range(1, 11)])
    reports: list[BatchReport] = []

    async def overtake() -> None:
        reports.append(await office.ledger.batch.issue(office.registrar, office.college, raw))

    office.ledger.desk.appender = InterveningAppender(office.ledger.committer, [overtake])
    reports.append(run(office.ledger.batch.issue(office.registrar, office.college, raw)))
    assert [report.issued for report in reports] == [10, 0]
    assert [(award.row, award.appended) for award in reports[0].awards] == [
        (award.row, replace(award.appended, replayed=False)) for award in reports[1].awards
    ]
    assert all(award.receipt is not None for award in reports[0].awards)
    assert all(award.receipt is None for award in reports[1].awards)  # its codes were never an award's
    assert office.count("short_codes") == 10


def test_key_retired_in_the_middle_is_not_used_for_the_rest(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)

    async def rotate() -> None:
        (old,) = office.kids(Role.SIGNING)
        await office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING)
        await office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(old))

    office.ledger.desk.appender = InterveningAppender(office.ledger.committer, [rotate])
    report = issue(office, [row(number) for number in range(1, 11)])
    assert report.issued == 10
    assert all(office.state(award.appended) is State.VALID for award in report.awards)
    office.assert_sound()


def test_achievement_retired_in_the_middle_stops_the_rest(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)

    async def nothing() -> None:
        pass

    async def retire() -> None:
        await office.ledger.achievements.retire(office.college, office.achievement)

    office.ledger.desk.appender = InterveningAppender(office.ledger.committer, [nothing, retire])
    with pytest.raises(AchievementIsRetired):
        issue(office, [row(number) for number in range(1, 11)])
    assert office.count("short_codes") == 4
    office.assert_sound()


def test_rows_that_keep_losing_are_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROUNDS", 2)

    async def change() -> None:
        await office.ledger.issuers.change_profile(OPERATOR, office.college, {"name": f"College {office.size()}"})

    office.ledger.desk.appender = InterveningAppender(office.ledger.committer, [change] * 2)
    with pytest.raises(VersionConflict, match="issue the file again"):
        issue(office, [row(1)])
    assert issue(office, [row(1)]).issued == 1


def test_progress_is_told_before_the_first_and_after_each_commit(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    told: list[tuple[int, int]] = []

    async def progress(done: int, of: int) -> None:
        told.append((done, of))

    raw = csv_of([row(number) for number in range(1, 11)])
    run(office.ledger.batch.issue(office.registrar, office.college, raw, progress=progress))
    assert told == [(0, 10), (4, 10), (8, 10), (10, 10)]


def test_revocation_does_not_wait_for_a_large_batch(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(module, "CHUNK", 5)
    award = run(office.issue())

    async def main() -> Appended:
        raw = csv_of([row(number) for number in range(1, 101)])
        batch = asyncio.create_task(office.ledger.batch.issue(office.registrar, office.college, raw))
        await asyncio.sleep(0)
        revoked = await office.ledger.changing.revoke(office.registrar, award.stream, Reason.OTHER)
        assert (await batch).issued == 100
        return revoked

    assert run(main()).position < award.position + 50


# -------------------------------------------------------------------------------------------------------------- cohort

ODD = {18: "error", 42: "error", 89: "error", 121: "error", 122: "warning", 178: "error", 204: "error"} | {
    205: "warning",
    251: "error",
    300: "error",
}


def test_cohort_of_300_has_eight_bad_rows_and_two_odd_ones(office: Office) -> None:
    raw = COHORT.read_bytes()
    slugs = sorted({line.split(",")[3] for line in raw.decode("utf-8-sig").splitlines()[1:] if line.count(",") > 5})
    for slug in (each for each in slugs if each != "wound-assesment"):
        definition = {**DEFINITION, "slug": slug, "name": slug.title()}
        run(office.ledger.achievements.define(office.college, definition))
    batch = office.ledger.batch
    report = run(batch.issue(office.registrar, office.college, raw, dry_run=True))
    found = {each.row: "warning" for each in report.warnings} | {each.row: "error" for each in report.errors}
    assert found == ODD
    assert (report.rows, report.ready) == (300, 292)
    with pytest.raises(BatchRefused, match="8 of 300 rows"):
        run(batch.issue(office.registrar, office.college, raw))
    report = run(batch.issue(office.registrar, office.college, raw, skip_bad=True))
    assert (report.issued, len({each.row for each in report.errors}), len(report.warnings)) == (292, 8, 2)
    report = run(batch.issue(office.registrar, office.college, raw, skip_bad=True))
    assert (report.issued, report.already_issued, len({each.row for each in report.errors})) == (0, 292, 8)
    office.assert_sound()


# ------------------------------------------------------------------------------------------ what became of the awards


def test_rows_that_a_thief_issued_are_issued_anew_once(office: Office) -> None:
    rows = [row(number) for number in range(1, 4)]
    thiefs = issue(office, rows)
    stolen, first = Kid(office.kids(Role.SIGNING)[-1]), min(each.appended.position for each in thiefs.awards)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, stolen, first))
    anew = issue(office, rows)
    assert (anew.issued, anew.already_issued, anew.errors, anew.warnings) == (3, 0, (), ())
    assert {office.state(each.appended) for each in thiefs.awards} == {State.KEY_COMPROMISED}
    assert {office.state(each.appended) for each in anew.awards} == {State.VALID}
    again = issue(office, rows)
    assert (again.issued, again.already_issued) == (0, 3)
    assert [each.appended.stream for each in again.awards] == [each.appended.stream for each in anew.awards]
    office.assert_sound()


def test_a_file_does_not_raise_what_was_revoked_and_says_so(office: Office) -> None:
    (award,) = issue(office, [row(1)]).awards
    run(office.ledger.changing.revoke(office.registrar, award.appended.stream, Reason.ISSUED_IN_ERROR))
    again = issue(office, [row(1), row(2)])
    assert (again.issued, again.already_issued, again.errors) == (1, 1, ())
    assert said(again.warnings) == [(1, "student_number", "revoked")]
    assert "issue it by itself" in again.warnings[0].problem.reason
    with pytest.raises(BatchRefused) as refused:
        issue(office, [row(1, full_name="Zoë Learner")])
    (wrong,) = refused.value.problems
    assert (wrong.code, "amend" in wrong.reason, "issue the new award by itself" in wrong.reason) == (
        "already_issued",
        False,
        True,
    )


def test_achievement_that_no_name_could_be_is_refused_without_its_words(office: Office) -> None:
    for name in ("wound\u2028care", "wound\u0085care", "w" * 201):
        with pytest.raises(BatchRefused) as refused:
            issue(office, [row(1, achievement=name)])
        (wrong,) = refused.value.problems
        assert wrong.code in ("control_character", "too_long")
        assert name not in wrong.reason
