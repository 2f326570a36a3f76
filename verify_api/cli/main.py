"""The command `testamur`: its groups, and how it ends."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from ledger.adapters.archive_folder import ArchiveBusy
from ledger.adapters.backup import BackupExists, BackupFailed, BadBackup
from ledger.adapters.home import BadSettings, HomeBusy, HomeExists, HomeMissing
from ledger.adapters.secrets import SecretFileError
from ledger.application.archive_opening import ArchiveUnreadable
from ledger.application.ports import LedgerHalted, StoreUnavailable
from ledger.application.published_check import LogRolledBack
from ledger.audit.public.log import LogNotReached, LogNotReadable
from ledger.audit.public.state import StateInUse, StateNotUsable, StateOfAnotherLog
from ledger.audit.public.watching import IssuerUnknown
from ledger.audit.source import CannotBeAudited
from ledger.errors import LedgerError
from ledger.publication import GuardMissing
from verify_api.cli import (
    achievements,
    api_keys,
    archive,
    asking,
    audit,
    awards,
    batch,
    demo,
    issuers,
    log,
    projections,
    recovery,
    service,
    verify,
    watch,
    witness,
)
from verify_api.cli.errors import REFUSED, UNDECIDED, USAGE, CommandError, PipeClosed
from verify_api.cli.output import fail
from verify_api.cli.run import remember
from verify_api.cli.streams import take_streams

_UNDECIDED = (
    *(ArchiveBusy, GuardMissing, HomeBusy, LogNotReached, LogRolledBack, LedgerHalted, StateInUse, StoreUnavailable),
)
_USAGE = (
    *(HomeMissing, HomeExists, BadSettings, SecretFileError, BadBackup, BackupExists, BackupFailed),
    *(ArchiveUnreadable, CannotBeAudited, IssuerUnknown, LogNotReadable, StateNotUsable, StateOfAnotherLog),
)


def application() -> typer.Typer:
    """The command with all its groups."""
    app = typer.Typer(name="testamur", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(remember)
    service.register(app)
    demo.register(app)
    audit.register(app)
    watch.register(app)
    witness.register(app)
    recovery.register(app)
    archive.register(app)
    app.add_typer(log.app, name="log", rich_help_panel=service.PANEL)
    app.add_typer(api_keys.app, name="api-key", rich_help_panel=service.PANEL)
    app.add_typer(projections.app, name="projections", rich_help_panel=service.PANEL)
    app.add_typer(issuers.app, name="issuer", rich_help_panel=awards.PANEL)
    app.add_typer(achievements.app, name="achievement", rich_help_panel=awards.PANEL)
    app.add_typer(achievements.pathways, name="pathway", rich_help_panel=awards.PANEL)
    awards.register(app)
    batch.register(app)
    asking.register(app)
    verify.register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Whatever it refuses is one sentence on standard error, never a traceback."""
    try:
        code = application()(args=list(arguments), prog_name="testamur", standalone_mode=False)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.Abort:
        return REFUSED
    except typer.TyperException as error:
        return _misused(error)
    except LedgerError as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """The entry point of the command; told to end, it takes away what it has half made. Servers end as they like."""
    signal.signal(signal.SIGTERM, _end)
    take_streams()
    sys.exit(run(sys.argv[1:]))


def _end(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once told, it is not to be kept from clearing away
    sys.exit(128 + number)  # as a shell names this end


def _misused(error: typer.TyperException) -> int:
    message = " ".join(error.format_message().split())
    if message:
        fail(f"{message[0].lower()}{message[1:]}".rstrip(".") + "; see --help")
    return error.exit_code


def _failed(error: LedgerError) -> int:
    if not isinstance(error, PipeClosed):
        fail(str(error))
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, _USAGE):
        return USAGE
    return UNDECIDED if isinstance(error, _UNDECIDED) else REFUSED


if __name__ == "__main__":
    main()
