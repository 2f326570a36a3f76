"""`testamur log …`: the log's public keys, how one takes the place of another, and the last checkpoint."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer

from ledger.adapters.engine import Engine
from ledger.adapters.fence import Fence
from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.sqlite.snapshot import SqliteSnapshot
from ledger.audit.source import CannotBeAudited
from ledger.bootstrap import engine_of
from ledger.canonical import Json
from ledger.errors import LedgerError
from ledger.signing import multikey
from ledger.tlog.note import VerifierKey
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import establish_log
from verify_api.cli.client import Changing, document, path_of
from verify_api.cli.errors import WrongUsage
from verify_api.cli.run import IdempotencyOption, Run, command
from verify_api.issuer.log_answers import LogKeyReceipt, LogKeysRetired

app = typer.Typer(help="The Merkle log over everything recorded.", no_args_is_help=True)


@command(app, "vkey")
def vkey(run: Run) -> None:
    """Print the key that checks this log's checkpoints; the last line is the key itself.

    Keep it where the operator cannot change it: who audits by it need not believe the database. While one key takes
    the place of another both sign, and both are printed, the newer one last.
    """
    settings = run.home.settings()
    keys = read_vkeys(run.home)
    said: dict[str, Json] = {"origin": settings.origin, "vkey": keys[-1], "vkeys": [*keys]}
    run.output.result(said, [f"The log {settings.origin} signs its checkpoints with", *keys])


@command(app, "rotate-key")
def rotate_key(
    run: Run,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let the older keys sign no more, once both have signed what is published.")
    ] = False,
    idempotency_key: IdempotencyOption = None,
) -> None:
    """Make a new key that signs checkpoints beside the old one; with --finish, retire the old one.

    The last line is the new key, as `log vkey` prints it. Tell it to everybody who keeps the old one, witnesses above
    all, before you finish; the log itself announces both steps.
    """
    changing = Changing(idempotency_key=idempotency_key)
    with run.client() as client:
        if finish:
            ended = client.change(path_of("log", "keys", "retire-older"), {}, LogKeysRetired, changing=changing)
            told = [f"{kid} signs no checkpoint any more; what it signed stands" for kid in ended.retired]
            run.output.result(document(ended), [*told, ended.vkey])
        else:
            added = client.change(path_of("log", "keys"), {}, LogKeyReceipt, changing=changing)
            told = [f"From position {added.position} on checkpoints are signed by the new key, too; finish later with"]
            run.output.result(document(added), [*told, "testamur log rotate-key --finish", added.vkey])


@command(app, "checkpoint")
def checkpoint(run: Run) -> None:
    """Print the last signed checkpoint, a C2SP note; keep it to notice later if the end of the log is cut off."""
    with run.client(keyless=True) as client:
        note = client.text("/log/checkpoint")
    run.output.note({"checkpoint": note}, note)


def read_vkey(home: Home) -> str:
    """The verifier key that signs on: the newest of `read_vkeys`.

    Raises:
        WrongUsage.
    """
    return read_vkeys(home)[-1]


def read_vkeys(home: Home) -> list[str]:
    """The verifier keys that the entries of a home's log name, as far as they are in force, oldest first.

    The database is opened read-only.

    Raises:
        WrongUsage: there is no log.
    """
    engine = engine_of(home)
    try:
        entries = _log_entries(home) if not engine.shared else _log_entries_in(engine)
        if not entries:
            raise WrongUsage(f"{engine.described} holds no log")
        log = establish_log(entries)
        kids = [kid for kid, span in log.keys.items() if span.retired is None]
        return [VerifierKey.of(log.operator.origin, multikey.decode(kid)).to_text() for kid in kids]
    except WrongUsage:
        raise
    except (CannotBeAudited, LedgerError, sqlite3.Error) as error:
        raise WrongUsage(f"{engine.described} does not begin as a log does: {error}") from error


def _log_entries(home: Home) -> Sequence[Placed]:
    """Read beside whoever holds the home, and even where nothing can be written."""
    with open_audit_source(home.database) as source:
        return SqliteSnapshot(source.connection).log_entries()


def _log_entries_in(engine: Engine) -> Sequence[Placed]:
    with closing(engine.open(Fence())) as store, store.snapshot() as snapshot:
        return snapshot.log_entries()
