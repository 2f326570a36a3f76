"""`testamur audit`: replays the history from the database itself, or from what is published, and trusts nobody."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ledger.adapters.audit_workers import no_parts, workers
from ledger.adapters.folder_log import FolderLog
from ledger.adapters.home import Home
from ledger.adapters.http_log import HttpLog
from ledger.adapters.public_audit_file import open_state
from ledger.adapters.sqlite.audit_source import SqliteAuditSource
from ledger.adapters.vault import VaultOpener
from ledger.audit.public.state import AuditState
from ledger.audit.remembering import remember, seen_before
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport, NotChecked, to_json
from ledger.bootstrap import engine_at, engine_of, open_parts
from ledger.errors import LedgerError
from ledger.tlog.note import MAX_NOTE_BYTES, VerifierKey
from projections.family import ViewStoreError
from projections.members import FAMILY
from projections.replay_check import Readable, ReadBefore, view_check
from verify_api.cli.audit_lines import lines_of
from verify_api.cli.errors import REFUSED, WrongUsage
from verify_api.cli.output import Output
from verify_api.cli.public_audit import (
    Believed,
    PolicyOption,
    StateOption,
    VkeyOption,
    audit_log,
    read_key,
    read_policy,
)
from verify_api.cli.reading import read_bytes
from verify_api.cli.run import Run, command
from verify_api.services import views_of

_SETTINGS = NotChecked(
    what="testamur.toml",
    count=1,
    why="the log does not bind the settings, and among them stand the registries whose recognition counts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What the auditor holds besides the database."""

    vkey: VerifierKey | None
    kept: bytes | None
    own: bytes | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "audit", panel="The ledger")(run_audit)


def run_audit(
    run: Run,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="FILE|URL",
            help="A ledger.db alone, without the vault beside it; or a PostgreSQL database, postgresql://user@host/name.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="One that you kept; without it a cut end is not seen."),
    ] = None,
    vkey: VkeyOption = None,
    archive: Annotated[
        Path | None,
        typer.Option("--archive", metavar="DIR", help="The published log in an archive, as with --url."),
    ] = None,
    state: StateOption = None,
    policy: PolicyOption = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Processes that share the work; else one for each core."),
    ] = None,
) -> int:
    """Check every entry, signature, chain, private part and view, and the root of the log.

    With --home or --database it reads the database itself, also beside running servers, and changes nothing; of one in
    PostgreSQL it takes a copy first. With --url it reads what everybody can: the log that a server publishes, all that
    public data can tell of it, and with --state only what is new. Nothing of the server is believed. --state with
    --home or --database holds the history against the last checkpoint that was seen; everything is read all the same.

    Exit code 0: sound. 1: unsound, with the first bad position. 2: it cannot be read. 3: the log was not reached.
    """
    kept = None if checkpoint is None else read_bytes(checkpoint, MAX_NOTE_BYTES)
    count = jobs or os.cpu_count() or 1
    if run.url is not None or archive is not None:
        if [run.url, archive, database, run.folder].count(None) != 3:
            raise WrongUsage("give one of --url, --archive, --home and --database: one log is audited at a time")
        believed = Believed(vkey=read_key(vkey), kept=kept, policy=read_policy(policy), state=state, jobs=count)
        if archive is not None:
            return audit_log(run, FolderLog(archive, below="log/"), believed)
        with HttpLog(run.url or "") as log:
            return audit_log(run, log, believed)
    if policy is not None:
        raise WrongUsage("--policy goes with --url: who cosigned a database is not in it")
    home = run.home if database is None else None
    own = home.checkpoint if home is not None and home.checkpoint.is_file() else None
    evidence = _Evidence(vkey=read_key(vkey), kept=kept, own=None if own is None else read_bytes(own, MAX_NOTE_BYTES))
    with open_state(state) if state is not None else nullcontext() as memory:
        report = _audit(home, database, evidence, memory, run.output, count)
    run.output.result(to_json(report), lines_of(report))
    return 0 if report.sound else REFUSED


def _audit(
    home: Home | None,
    database: str | None,
    evidence: _Evidence,
    memory: AuditState | None,
    output: Output,
    jobs: int,
) -> AuditReport:
    if home is not None:
        home.settings()  # says so if there is no ledger
    with (
        _opener(home, output) as opener,
        _views(home if opener is not None else None, output) as views,
        _source(home, database) as source,
        workers(jobs, source, opener, no_parts if home is None or opener is None else partial(open_parts, home)) as who,
    ):
        report = audit(
            source,
            vkey=evidence.vkey,
            kept_checkpoint=evidence.kept,
            own_checkpoint=evidence.own,
            seen_checkpoint=None if memory is None else seen_before(memory, source),
            opener=opener,
            view_check=None if views is None or opener is None else view_check(source, opener, views),
            unbound=() if home is None else (_SETTINGS,),
            workers=who,
        )
        if memory is not None:
            remember(memory, source, report, pinned=evidence.vkey is not None)
        return report


def _source(home: Home | None, database: str | None) -> AbstractContextManager[SqliteAuditSource]:
    """The ledger of a home, or that in a file or a database without one."""
    if home is not None:
        return engine_of(home).audit_source()
    return engine_at(database or "").audit_source()


@contextmanager
def _views(home: Home | None, output: Output) -> Iterator[Readable | None]:
    """The views, where there are any, as they stand before the ledger is read: so they are not ahead of it."""
    with ExitStack() as stack:
        views: Readable | None = None
        if home is not None:
            shared = engine_of(home).shared
            place = views_of(home, shared=shared)
            views = place if shared or home.views.is_file() else None
            try:
                views = None if views is None else ReadBefore(stack.enter_context(place.reading(FAMILY)))
            except ViewStoreError as error:
                if shared:  # there is nothing to see whether there are any, but the tables themselves
                    output.say(f"views are not compared: {error}")
                    views = None
        yield views


@contextmanager
def _opener(home: Home | None, output: Output) -> Iterator[VaultOpener | None]:
    """What opens private parts, where the vault and the master key are to be had."""
    with ExitStack() as stack:
        opener = None
        if home is not None:
            try:
                opener = stack.enter_context(open_parts(home))
            except (LedgerError, OSError) as error:
                output.say(f"private parts stay closed: {error}")
        yield opener
