"""`testamur achievement …` and `testamur pathway …`: what can be earned, as JSON files."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from pydantic import BaseModel

from ledger.domain import events as ev
from verify_api.cli.client import Changing, Client, document, path_of, receipt_of
from verify_api.cli.reading import read_object
from verify_api.cli.run import IdempotencyOption, IssuerOption, RevisionOption, Run, command
from verify_api.issuer.answers import (
    AchievementList,
    AchievementReceipt,
    AchievementRecord,
    PathwayList,
    PathwayRecord,
)

Record: TypeAlias = AchievementRecord | PathwayRecord
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The definition, a JSON object; - for stdin.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its slug or its id.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Achievements or pathways, as the commands speak of them."""

    noun: str
    path: str
    all_of: Callable[[Client, str | None], tuple[BaseModel, Sequence[Record]]]
    one: Callable[[Client, str, str | None], Record]
    defined: type[object]
    revised: type[object]
    retired: type[object]


def _achievements(client: Client, issuer: str | None) -> tuple[BaseModel, Sequence[Record]]:
    found = client.get(path_of("achievements"), AchievementList, {"issuer": issuer})
    return found, found.achievements


def _pathways(client: Client, issuer: str | None) -> tuple[BaseModel, Sequence[Record]]:
    found = client.get(path_of("pathways"), PathwayList, {"issuer": issuer})
    return found, found.pathways


_ACHIEVEMENT = _Kind(
    noun="an achievement",
    path="achievements",
    all_of=_achievements,
    one=lambda client, name, issuer: client.get(path_of("achievements", name), AchievementRecord, {"issuer": issuer}),
    defined=ev.AchievementDefined,
    revised=ev.AchievementRevised,
    retired=ev.AchievementRetired,
)
_PATHWAY = _Kind(
    noun="a pathway",
    path="pathways",
    all_of=_pathways,
    one=lambda client, name, issuer: client.get(path_of("pathways", name), PathwayRecord, {"issuer": issuer}),
    defined=ev.PathwayDefined,
    revised=ev.PathwayRevised,
    retired=ev.PathwayRetired,
)


def _group(kind: _Kind, about: str) -> typer.Typer:
    """The commands on one kind."""
    group = typer.Typer(help=about, no_args_is_help=True)
    _define(group, kind)
    _revise(group, kind)
    _retire(group, kind)
    _show(group, kind)
    return group


def _define(group: typer.Typer, kind: _Kind) -> None:
    @command(group, "define", about=f"Define {kind.noun}.")
    def define(
        run: Run, file: FileArgument, issuer: IssuerOption = None, idempotency_key: IdempotencyOption = None
    ) -> None:
        definition = read_object(file)
        changing = Changing(idempotency_key=idempotency_key)
        with run.client() as client:
            receipt = client.change(
                path_of(kind.path), definition, AchievementReceipt, query={"issuer": issuer}, changing=changing
            )
        said = receipt_of(receipt, kind.defined, idempotency_key)
        run.output.result(said, [f"{receipt.slug} is defined, version {receipt.version}; id {receipt.id}"])


def _revise(group: typer.Typer, kind: _Kind) -> None:
    @command(group, "revise", about=f"Record the next version of {kind.noun}; awards keep their own.")
    def revise(
        run: Run,
        file: FileArgument,
        name: Annotated[
            str | None,
            typer.Option("--name", "--achievement", help="Slug or id; absent: the slug that the file names."),
        ] = None,
        issuer: IssuerOption = None,
        idempotency_key: IdempotencyOption = None,
        if_revision: RevisionOption = None,
    ) -> None:
        definition = read_object(file)
        changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
        with run.client() as client:
            path = path_of(kind.path, str(name or definition.get("slug")), "versions")
            receipt = client.change(path, definition, AchievementReceipt, query={"issuer": issuer}, changing=changing)
        said = receipt_of(receipt, kind.revised, idempotency_key)
        run.output.result(said, [f"{receipt.slug} is at version {receipt.version} now"])


def _retire(group: typer.Typer, kind: _Kind) -> None:
    @command(group, "retire", about=f"Let nothing more be awarded on {kind.noun}; awards stand.")
    def retire(
        run: Run,
        name: NameArgument,
        issuer: IssuerOption = None,
        idempotency_key: IdempotencyOption = None,
        if_revision: RevisionOption = None,
    ) -> None:
        changing = Changing(idempotency_key=idempotency_key, if_revision=if_revision)
        with run.client() as client:
            path = path_of(kind.path, name, "retire")
            receipt = client.change(path, {}, AchievementReceipt, query={"issuer": issuer}, changing=changing)
        said = receipt_of(receipt, kind.retired, idempotency_key)
        run.output.result(said, [f"nothing more is awarded on {receipt.slug}; awards stand"])


def _show(group: typer.Typer, kind: _Kind) -> None:
    @command(group, "show", about=f"Show {kind.noun} as it is worded now, or list all of an issuer.")
    def show(
        run: Run,
        name: Annotated[
            str | None, typer.Argument(metavar="[NAME]", help="Its slug or its id; absent: all of them, as a list.")
        ] = None,
        issuer: IssuerOption = None,
    ) -> None:
        with run.client() as client:
            if name is None:
                found, records = kind.all_of(client, issuer)
                rows = [_row(each) for each in records]
                run.output.table(document(found), ("slug", "name", "version", "state", "id"), rows)
                return
            one = kind.one(client, name, issuer)
        heading = f"{one.definition.slug}, version {one.version}, {_state(one)}; id {one.id}"
        said = {name: value for name, value in document(one.definition).items() if value not in (None, [], False)}
        run.output.result(document(one), [heading, *json.dumps(said, ensure_ascii=False, indent=2).split("\n")])


def _state(record: Record) -> str:
    return "retired" if record.retired else "on offer"


def _row(record: Record) -> tuple[str, str, str, str, str]:
    return record.definition.slug, record.definition.name, str(record.version), _state(record), record.id


app = _group(_ACHIEVEMENT, "What can be earned.")
pathways = _group(_PATHWAY, "What is earned by holding other awards.")
