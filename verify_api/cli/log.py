"""`testamur log …`: the log's public key, and its last checkpoint."""

from contextlib import closing

import typer

from ledger.adapters.engine import Engine
from ledger.adapters.fence import Fence
from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.application.published_check import verifier_key
from ledger.audit.source import CannotBeAudited, Column
from ledger.bootstrap import engine_of
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
    engine = engine_of(home)
    try:
        state = _first_entry(home) if not engine.shared else _first_entry_in(engine)
        if not isinstance(state, bytes):
            raise WrongUsage(f"{engine.described} holds no log")
        return verifier_key(operator_of(parse_entry(state).recorded(Position(1)))).to_text()
    except WrongUsage:
        raise
    except (CannotBeAudited, LedgerError) as error:
        raise WrongUsage(f"{engine.described} does not begin as a log does: {error}") from error


def _first_entry(home: Home) -> Column:
    """Read beside whoever holds the home, and even where nothing can be written."""
    with open_audit_source(home.database) as source:
        row = next(source.entries(), None)
    return None if row is None else row[4]


def _first_entry_in(engine: Engine) -> Column:
    with closing(engine.open(Fence())) as store, store.snapshot() as snapshot:
        found = snapshot.entries(0, 1)
    return found[0].raw if found else None
