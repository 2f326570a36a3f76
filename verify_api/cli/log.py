"""`testamur log …`: the log's public key, and its last checkpoint."""

import typer

from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.application.publishing import verifier_key
from ledger.audit.source import CannotBeAudited
from ledger.canonical import Json
from ledger.domain.authority import operator_of
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from verify_api.cli.errors import WrongUsage
from verify_api.cli.run import Run, command

app = typer.Typer(help="The Merkle log over everything recorded.", no_args_is_help=True)


@command(app, "vkey")
def vkey(run: Run) -> None:
    """Print the key that checks this log's checkpoints; the last line is the key itself.

    Keep it where the operator cannot change it: who audits by it need not believe the database.
    """
    settings = run.home.settings()
    key = read_vkey(run.home)
    said: dict[str, Json] = {"origin": settings.origin, "vkey": key}
    run.output.result(said, [f"The log {settings.origin} signs its checkpoints with", key])


@command(app, "checkpoint")
def checkpoint(run: Run) -> None:
    """Print the last signed checkpoint, a C2SP note; keep it to notice later if the end of the log is cut off."""
    with run.client(keyless=True) as client:
        note = client.text("/log/checkpoint")
    run.output.result({"checkpoint": note}, note.rstrip("\n").split("\n"))


def read_vkey(home: Home) -> str:
    """The verifier key that the first entry of a home's log names; the database is opened read-only.

    Raises:
        WrongUsage: there is no such entry.
    """
    try:
        with open_audit_source(home.database) as source:
            row = next(source.entries(), None)
        state = None if row is None else row[4]
        if not isinstance(state, bytes):
            raise WrongUsage(f"{home.database} holds no log")
        return verifier_key(operator_of(parse_entry(state).recorded(Position(1)))).to_text()
    except WrongUsage:
        raise
    except (CannotBeAudited, LedgerError) as error:
        raise WrongUsage(f"{home.database} does not begin as a log does: {error}") from error
