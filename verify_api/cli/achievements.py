"""`testamur achievement …`: what can be earned, as JSON files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from verify_api.cli.client import Changing, document, path_of
from verify_api.cli.reading import read_object
from verify_api.cli.run import IdempotencyOption, IssuerOption, RevisionOption, Run, command
from verify_api.issuer.answers import AchievementList, AchievementReceipt, AchievementRecord

app = typer.Typer(help="What can be earned.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The definition, a JSON object; - for stdin.")]
AchievementArgument = Annotated[str, typer.Argument(metavar="ACHIEVEMENT", help="Its slug or its id.")]


@command(app, "define")
def define(
    run: Run, file: FileArgument, issuer: IssuerOption = None, idempotency_key: IdempotencyOption = None
) -> None:
    """Define a new achievement."""
    definition = read_object(file)
    changing = Changing(idempotency_key=idempotency_key)
    with run.client() as client:
        receipt = client.change(
            path_of("achievements"), definition, AchievementReceipt, query={"issuer": issuer}, changing=changing
        )
    run.output.result(document(receipt), [f"{receipt.slug} is defined, version {receipt.version}; id {receipt.id}"])


@command(app, "revise")
def revise(
    run: Run,
    file: FileArgument,
    achievement: Annotated[
        str | None, typer.Option("--achievement", help="Slug or id; absent: the slug that the file names.")
    ] = None,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Record the next version of an achievement; awards keep the version they were made on."""
    definition = read_object(file)
    name = achievement or definition.get("slug")
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        path = path_of("achievements", str(name), "versions")
        receipt = client.change(path, definition, AchievementReceipt, query={"issuer": issuer}, changing=changing)
    run.output.result(document(receipt), [f"{receipt.slug} is at version {receipt.version} now"])


@command(app, "retire")
def retire(
    run: Run,
    achievement: AchievementArgument,
    issuer: IssuerOption = None,
    idempotency_key: IdempotencyOption = None,
    if_revision: RevisionOption = None,
) -> None:
    """Let nothing more be awarded on an achievement; awards stand."""
    changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
    with run.client() as client:
        path = path_of("achievements", achievement, "retire")
        receipt = client.change(path, {}, AchievementReceipt, query={"issuer": issuer}, changing=changing)
    run.output.result(document(receipt), [f"nothing more is awarded on {receipt.slug}; awards stand"])


@command(app, "show")
def show(
    run: Run,
    achievement: Annotated[
        str | None, typer.Argument(metavar="[ACHIEVEMENT]", help="Its slug or its id; absent: all of them, as a list.")
    ] = None,
    issuer: IssuerOption = None,
) -> None:
    """Show an achievement as it is worded now, or list all of an issuer."""
    with run.client() as client:
        if achievement is None:
            found = client.get(path_of("achievements"), AchievementList, {"issuer": issuer})
            rows = [_row(each) for each in found.achievements]
            run.output.table(document(found), ("slug", "name", "version", "state", "id"), rows)
            return
        one = client.get(path_of("achievements", achievement), AchievementRecord, {"issuer": issuer})
    retired = "retired" if one.retired else "on offer"
    heading = f"{one.definition.slug}, version {one.version}, {retired}; id {one.id}"
    said = {name: value for name, value in document(one.definition).items() if value not in (None, [], False)}
    run.output.result(document(one), [heading, json.dumps(said, ensure_ascii=False, indent=2)])


def _row(record: AchievementRecord) -> tuple[str, str, str, str, str]:
    state = "retired" if record.retired else "on offer"
    return record.definition.slug, record.definition.name, str(record.version), state, record.id
