"""`testamur watch`: an issuer looks on while somebody else keeps the log, and is told what it did not do itself."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from ledger.adapters.http_log import HttpLog
from ledger.bootstrap import clock_from_environment
from verify_api.cli.errors import REFUSED, WrongUsage
from verify_api.cli.looking import Looking
from verify_api.cli.public_audit import Believed, PolicyOption, VkeyOption, read_key, read_policy
from verify_api.cli.run import Run, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "watch", panel="The ledger")(watch)


def watch(
    run: Run,
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="Its short name, or its DID.")],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Remembers what was seen and told; a file for each log.")
    ],
    receipts: Annotated[
        Path | None,
        typer.Option(
            "--receipts",
            metavar="FILE",
            help="What your changing commands printed with --json, one answer in each line; it may grow meanwhile.",
        ),
    ] = None,
    vkey: VkeyOption = None,
    policy: PolicyOption = None,
    acknowledge: Annotated[
        list[int] | None,
        typer.Option("--acknowledge", metavar="POSITION", min=1, help="You know of this event; may be repeated."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end with 1 if there is an alarm.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.1, help="Between two looks.")
    ] = 10.0,
) -> int:
    """Follow a published log and tell what happens in an issuer's name; alarm where it did not do that itself.

    Alarms: an event of the issuer's keys that nobody acknowledged; with --receipts an entry in its name without a
    receipt, and a change that was acknowledged but is not published within 60 s, or as something else; a log that is
    unsound, contradicts itself, goes back, or cannot be read for a minute. Every look audits what is new, as
    `audit --url` does.

    With --once, exit code 0: nothing to look at. 1: alarm. 2: it cannot be read. 3: the log was not reached.
    """
    if run.url is None:
        raise WrongUsage("say where the log is published: --url https://verify.college.example")
    believed = Believed(vkey=read_key(vkey), policy=read_policy(policy), state=state, jobs=os.cpu_count() or 1)
    clock = clock_from_environment()
    with HttpLog(run.url) as log:
        looking = Looking(
            run=run, issuer=issuer, log=log, believed=believed, state=state, receipts=receipts, clock=clock
        )
        looking.acknowledge(acknowledge or ())
        if once:
            return REFUSED if looking.look() else 0
        try:
            while True:
                looking.try_to_look()
                time.sleep(interval)
        except KeyboardInterrupt:
            return REFUSED if looking.alarmed else 0
