"""The report of an audit in lines for people."""

from collections.abc import Iterator

from ledger.audit.report import AuditReport, Problem
from ledger.tlog.encoding import to_base64


def lines_of(report: AuditReport) -> Iterator[str]:
    """What came of an audit."""
    judge = report.checkpoint
    by = "no checkpoint" if judge is None else f"the checkpoint of size {judge.size} ({judge.source})"
    yield f"{'sound' if report.sound else 'UNSOUND'}: {report.events} entries, judged by {by}"
    yield f"root {to_base64(report.root)}"
    for problem in report.problems:
        yield f"position {problem.position}: {_place(problem)}{problem.check}: {problem.reason}"
    if report.problem_count > len(report.problems):
        yield f"and {report.problem_count - len(report.problems)} more problems"
    for each in report.not_checked:
        yield f"not checked: {each.what} ({each.count}): {each.why}"
    yield f"{report.seconds:.1f} s"


def _place(problem: Problem) -> str:
    if problem.stream is None:
        return ""
    return f"stream {problem.stream}" + ("" if problem.seq is None else f", entry {problem.seq}") + ": "
