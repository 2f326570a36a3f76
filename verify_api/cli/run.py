"""What all commands have in common: their options before or after the subcommand, where they ask, how they answer."""

import inspect
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec

import typer

from ledger.adapters.home import Home
from verify_api.cli.client import Client
from verify_api.cli.connecting import connect
from verify_api.cli.errors import ProblemAnswer
from verify_api.cli.output import Output

P = ParamSpec("P")

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the ledger; else TESTAMUR_HOME, else ./testamur-home.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No messages beside the result.")]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Ask this server, with the key in TESTAMUR_API_KEY, not the one that holds the home; else TESTAMUR_URL.",
    ),
]
IdempotencyOption = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same command with the same key is recorded once.")
]
RevisionOption = Annotated[
    int | None, typer.Option("--if-revision", min=0, help="Refuse if the record is not at this revision any more.")
]
WaitOption = Annotated[
    int | None,
    typer.Option(
        "--wait", metavar="SECONDS", min=1, max=60, help="Wait until it is published, and print the proof of it."
    ),
]
IssuerOption = Annotated[
    str | None, typer.Option("--issuer", help="Short name of the issuer: for whom; else the key's, else the only one.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call of the command, with the options that every command takes."""

    folder: Path | None = None
    url: str | None = None
    as_json: bool = False
    quiet: bool = False
    wait: int | None = None  # seconds until what is changed is published

    @property
    def home(self) -> Home:
        """The ledger's folder."""
        return Home(self.folder or Path(os.environ.get("TESTAMUR_HOME") or "testamur-home"))

    def home_in(self, database_url: str | None) -> Home:
        """The ledger's folder, with the database that an option names."""
        return Home(self.home.folder, database_url)

    @property
    def output(self) -> Output:
        """Where answers and messages go."""
        return Output(as_json=self.as_json, quiet=self.quiet, waited=self.wait)

    def client(self, *, keyless: bool = False) -> AbstractContextManager[Client]:
        """The service that this command asks."""
        return connect(self.home.folder, self.url, keyless=keyless, wait=self.wait)


def _tell_version(asked: bool) -> None:
    if asked:
        try:
            told = f"testamur {version('testamur')}"
        except PackageNotFoundError:
            told = "testamur, not installed as a package"
        Output(as_json=False, quiet=False).result({}, [told])
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
]


def remember(
    ctx: typer.Context,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    url: UrlOption = None,
    _version: VersionOption = False,
) -> None:
    """A ledger of learning awards: every award a signed event, every change on record, every scan a verdict."""
    ctx.obj = Run(folder=home, url=url, as_json=as_json, quiet=quiet)


def command(
    app: typer.Typer, name: str, *, panel: str | None = None, about: str | None = None, waits: bool = True
) -> Callable[[Callable[Concatenate[Run, P], int | None]], Callable[Concatenate[Run, P], int | None]]:
    """Register a function as a command that also takes the common options; its docstring is the help, or `about`.

    The function is given a `Run` and answers its exit code, None for 0.

    Args:
        waits: whether a command that takes an idempotency key, and so changes something, can wait for publication.
    """

    def register(function: Callable[Concatenate[Run, P], int | None]) -> Callable[Concatenate[Run, P], int | None]:
        @wraps(function)
        def called(
            ctx: typer.Context,
            home: HomeOption,
            as_json: JsonOption,
            quiet: QuietOption,
            url: UrlOption,
            wait: WaitOption = None,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> int | None:
            before = ctx.obj if isinstance(ctx.obj, Run) else Run()
            run = Run(
                folder=home or before.folder,
                url=url or before.url,
                as_json=as_json or before.as_json,
                quiet=quiet or before.quiet,
                wait=wait,
            )
            try:
                return function(run, *args, **kwargs)
            except ProblemAnswer as problem:
                run.output.refused(problem.document, str(problem))
                raise

        vars(called)["__signature__"] = _with_common(inspect.signature(function), waits=waits)
        app.command(name, rich_help_panel=panel, help=about)(called)
        return function

    return register


def _with_common(signature: inspect.Signature, *, waits: bool) -> inspect.Signature:
    """The signature of a command: its own parameters in place of the `Run`, then the common options."""
    _, *own = signature.parameters.values()
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    common = list(inspect.signature(remember).parameters.values())
    ctx, *options, _version = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in common]
    if waits and "idempotency_key" in signature.parameters:
        kind = inspect.Parameter.KEYWORD_ONLY
        keyword.append(inspect.Parameter("wait", kind, default=None, annotation=WaitOption))
    return signature.replace(parameters=[ctx, *keyword, *options])
