"""`testamur projections …`: how far the views have come, fold one anew, hold one against the events."""

from collections.abc import Iterator
from typing import Annotated, Literal

import typer

from ledger.canonical import Json
from verify_api.cli.client import Client, document, path_of
from verify_api.cli.errors import REFUSED
from verify_api.cli.run import Run, command
from verify_api.issuer.view_answers import DifferenceList, DifferenceRecord, RebuiltView, ViewList, ViewRecord

app = typer.Typer(help="The views that are folded from the events and can be thrown away.", no_args_is_help=True)

ViewArgument = Annotated[
    Literal["credential_status", "wallet"] | None, typer.Argument(metavar="[VIEW]", help="One of them; absent: each.")
]


@command(app, "status")
def status(run: Run) -> int:
    """Tell the position of every view, how many events it is behind, and what it could not apply.

    Exit code 0: fine. 1: events are parked.
    """
    with run.client() as client:
        found = client.get(path_of("projections"), ViewList)
    run.output.result(document(found), [line for view in found.views for line in _told(view)])
    return REFUSED if any(view.parked_total for view in found.views) else 0


@command(app, "rebuild")
def rebuild(run: Run, view: ViewArgument = None) -> int:
    """Fold a view, or each, anew from the whole history; what was parked is tried again.

    Readers see the old rows until the new ones are all there. Exit code 0: fine. 1: events are parked.
    """
    with run.client() as client:
        done = [
            client.change(path_of("projections", name, "rebuild"), {}, RebuiltView) for name in _names(client, view)
        ]
    said: dict[str, Json] = {"views": [document(each) for each in done]}
    lines = [line for each in done for line in (f"{each.view}: {each.events} events folded anew", *_told(each))]
    run.output.result(said, lines)
    return REFUSED if any(each.parked_total for each in done) else 0


@command(app, "diff")
def diff(run: Run, view: ViewArgument = None) -> int:
    """Fold a view, or each, anew aside and compare every cell; values of personal columns are not printed.

    Exit code 0: equal. 1: something differs.
    """
    with run.client() as client:
        found = [client.get(path_of("projections", name, "diff"), DifferenceList) for name in _names(client, view)]
    said: dict[str, Json] = {
        "equal": not any(each.total for each in found),
        "views": [document(each) for each in found],
    }
    run.output.result(said, [line for each in found for line in _compared(each)])
    return REFUSED if any(each.total for each in found) else 0


def _names(client: Client, view: str | None) -> list[str]:
    return [view] if view is not None else [each.view for each in client.get(path_of("projections"), ViewList).views]


def _told(view: ViewRecord) -> Iterator[str]:
    behind = f", {view.lag} events behind" if view.lag else ""
    yield f"{view.view}: position {view.position}{behind}; {view.rows} rows; {view.parked_total} events parked"
    for parked in view.parked:
        stream = "" if parked.stream is None else f"stream {parked.stream}: "
        yield f"    position {parked.position}: {stream}{parked.reason}"
    if view.parked_total > len(view.parked):
        yield f"    and {view.parked_total - len(view.parked)} more"


def _compared(found: DifferenceList) -> Iterator[str]:
    yield f"{found.view}: {'equal' if not found.total else f'{found.total} cells or rows differ'}"
    for each in found.differences:
        yield f"    {each.table}, row {each.key}, {_cell(each)}"
    if found.total > len(found.differences):
        yield f"    and {found.total - len(found.differences)} more"


def _cell(found: DifferenceRecord) -> str:
    if found.column == "row":
        return "is missing" if found.live is None else "is not what the events give"
    if found.personal:
        return f"{found.column} differs"
    return f"{found.column}: there {found.live}, by the events {found.rebuilt}"
