"""`testamur issue-batch`: a whole file of awards, checked before the first of them is issued."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger.canonical import Json
from ledger.domain import events as ev
from ledger.record.schema import SCHEMA_OF
from verify_api.cli.awards import PANEL
from verify_api.cli.batch_files import write_awards, write_qr_codes
from verify_api.cli.client import Changing, Client, document, path_of
from verify_api.cli.errors import REFUSED, NotReached, ProblemAnswer, WrongUsage
from verify_api.cli.reading import read_bytes
from verify_api.cli.run import IdempotencyOption, IssuerOption, Run, command
from verify_api.issuer.answers import BatchAnswer, Problem, RowProblem

_MOST_CSV = 8 << 20  # bytes; the service reads no more either
_COLUMNS = ("row", "line", "column", "", "reason")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "issue-batch", panel=PANEL, waits=False)(issue_batch)


def issue_batch(
    run: Run,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="UTF-8, comma or semicolon, columns in any order; - for stdin.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, issue nothing.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Issue the good rows although some are bad.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="OUT.csv", help="The rows with their links; absent: in the home's folder `out`."),
    ] = None,
    qr_dir: Annotated[Path | None, typer.Option("--qr-dir", metavar="DIR", help="A PNG of each QR code.")] = None,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
) -> int:
    """Issue every row of a CSV file that was not issued before.

    All rows are checked before the first is issued, and none is issued if one is bad, unless --skip-bad. The same
    file again completes what was interrupted and issues nothing twice. With --dry-run, exit code 1: a row is bad.
    """
    _keep_apart(file, out)
    raw = read_bytes(file, _MOST_CSV)
    query = {"issuer": issuer, "dry_run": "true" if dry_run else None, "skip_bad": "true" if skip_bad else None}
    try:
        with run.client() as client:
            answer = _send(client, raw, query, Changing(idempotency_key=idempotency_key), quiet=run.quiet)
    except ProblemAnswer as problem:
        if _print_refusal(run, problem):
            raise problem.advising("--skip-bad") from problem
        raise
    told = summary(answer)
    try:
        run.output.rows(_COLUMNS, _rows(answer.errors, answer.warnings), done=told)
    finally:  # what was issued needs its links, printed or not
        written = [] if dry_run else _write(run, file, raw, answer, out, qr_dir)
    run.output.result(_document(answer) if run.as_json else {}, [told], done=told)
    for message in written:
        run.output.say(message)
    return REFUSED if dry_run and answer.errors else 0


def _document(answer: BatchAnswer) -> dict[str, Json]:
    """What was answered, and of the receipt of each award that it was asked for."""
    act = SCHEMA_OF[ev.CredentialIssued].wire
    return document(answer) | {"awards": [document(award) | {"act": act} for award in answer.awards]}


def summary(answer: BatchAnswer) -> str:
    """What became of the file, in one line."""
    bad = len({problem.row for problem in answer.errors})
    odd = f"{_count(bad, 'error')}, {_count(len(answer.warnings), 'warning')}"
    if answer.dry_run:
        return f"{answer.ready} can be issued, {len(answer.awards)} already issued, {odd}; nothing was issued"
    return f"{answer.issued} issued, {answer.already_issued} already issued, {odd}"


def _keep_apart(file: Path, out: Path | None) -> None:
    """Refuse to write over the rows that are read, whatever the two paths look like."""
    try:
        same = out is not None and str(file) != "-" and file.samefile(out)
    except OSError:  # one of them is not there, or cannot be read, which is said where it is used
        return
    if same:
        raise WrongUsage(f"--out {out} is the file that is read: write to another one")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _send(
    client: Client, raw: bytes, query: Mapping[str, str | None], changing: Changing, *, quiet: bool
) -> BatchAnswer:
    columns = (TextColumn("issuing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    last: Mapping[str, Json] = {}
    bar, task = Progress(*columns, console=Console(stderr=True), disable=quiet), None
    try:
        for last in client.lines(path_of("credentials", "batch"), raw, "text/csv", query=query, changing=changing):
            if "done" in last and "total" in last:
                done, total = cast("int", last["done"]), cast("int", last["total"])
                if total == 0:
                    continue
                if task is None:  # a file that is refused shows no bar
                    task = bar.add_task("", total=total)
                    bar.start()
                bar.update(task, completed=done, total=total)
    finally:
        if task is not None:
            bar.stop()
    if "detail" in last:
        raise client.refusal(last)
    try:
        return BatchAnswer.model_validate(last)
    except ValidationError as error:
        raise NotReached(
            "the answer broke off, so it is not known how many rows were issued; run the same command again"
        ) from error


def _print_refusal(run: Run, problem: ProblemAnswer) -> bool:
    """Print the bad rows, if it is them that were refused."""
    found = Problem.model_validate(problem.document)
    bad = any(each.row is not None for each in found.errors or ())
    if bad:
        run.output.rows(_COLUMNS, _rows(found.errors or (), found.warnings or ()), done="the file is refused")
    return bad


def _rows(errors: Iterable[RowProblem], warnings: Iterable[RowProblem]) -> list[tuple[str, str, str, str, str]]:
    told = [(each, "error") for each in errors] + [(each, "warning") for each in warnings]
    told.sort(key=lambda pair: pair[0].row or 0)
    return [(str(each.row), str(each.line), each.column, kind, each.reason) for each, kind in told]


def _write(run: Run, file: Path, raw: bytes, answer: BatchAnswer, out: Path | None, qr_dir: Path | None) -> list[str]:
    written = []
    if out is None and run.home.exists():
        name = "stdin" if str(file) == "-" else file.stem
        out = run.home.out / f"{name}-awards.csv"
    try:
        if out is not None:
            write_awards(out, raw, answer)
            written.append(f"the rows with their links are in {out}")
        if qr_dir is not None:
            write_qr_codes(qr_dir, answer)
            written.append(f"{len(answer.awards)} QR codes are in {qr_dir}")
    except WrongUsage as error:
        raise WrongUsage(f"{summary(answer)}, but {error}; correct that and run the same command again") from error
    return written
