"""`testamur init` and `testamur serve`: make a ledger, and serve it."""

import errno
import signal
import socket
from threading import Event
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ledger.adapters.home import Home, host_and_port
from ledger.application.ports import Clock
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.founding import init as init_ledger
from ledger.guarding import make_guard
from verify_api.cli.errors import WrongUsage
from verify_api.cli.log import read_vkey
from verify_api.cli.run import Run, command

PANEL = "The ledger"

HostOption = Annotated[str, typer.Option("--host", help="Address to listen on; other machines reach 127.0.0.1 never.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="Of a ledger in PostgreSQL: postgresql://user@host/name; others see it in the list of processes, so a "
        "password is safer in TESTAMUR_DATABASE_URL.",
    ),
]
NewGuardOption = Annotated[
    bool,
    typer.Option(
        "--new-guard",
        help="Make the guard that TESTAMUR_GUARD_FILE names and that is not there, of what the ledger holds now.",
    ),
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any free one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "init", panel=PANEL)(init)
    command(app, "serve", panel=PANEL)(serve)
    command(app, "work", panel=PANEL)(work)


def init(
    run: Run,
    base_url: Annotated[
        str, typer.Option("--base-url", metavar="URL", help="Beginning of every link: https://verify.college.example.")
    ],
    operator: Annotated[str | None, typer.Option("--operator", help="Name of who runs this service.")] = None,
    database_url: DatabaseOption = None,
) -> None:
    """Make a new ledger in the home, a folder that does not exist or is empty; or in a PostgreSQL database.

    Its origin and DIDs are fixed by the base URL now and for ever. Settings and keys lie in the home in both cases.
    """
    home = run.home_in(database_url)
    make(home, base_url, operator, clock_from_environment())
    settings = home.settings()
    said: dict[str, Json] = {
        "home": str(home.folder),
        "base_url": settings.base_url,
        "origin": settings.origin,
        "operator": settings.operator,
        "operator_key": str(home.operator_key),
        "log_vkey": read_vkey(home),
    }
    lines = [
        f"a new ledger is in {home.folder}; its links begin with {settings.base_url}",
        f"the operator's API key is in {home.operator_key}; keep {home.master_key} safe, and apart from backups",
    ]
    run.output.result(said, lines)
    parts = urlsplit(settings.base_url)
    if parts.scheme == "http" and parts.hostname != "localhost":
        run.output.warn(f"certificates need https: whoever scans {settings.base_url} cannot know who answers")


def make(home: Home, base_url: str, operator: str | None, clock: Clock) -> None:
    """Make a new ledger.

    Raises:
        WrongUsage: the folder cannot be written.
    """
    name = operator or f"the operator of {host_and_port(base_url)}"
    try:
        init_ledger(home.folder, base_url, name, clock=clock, database_url=home.database_url)
    except OSError as error:
        raise WrongUsage(f"no ledger can be made in {home.folder}: {error.strerror}") from error


def serve(
    run: Run,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    database_url: DatabaseOption = None,
    no_work: Annotated[
        bool, typer.Option("--no-work", help="Leave checkpoints and views to `testamur work`; in PostgreSQL only.")
    ] = False,
    public_only: Annotated[
        bool,
        typer.Option(
            "--public-only", help="Answer scans and show the published log, and nothing else; needs no key that signs."
        ),
    ] = False,
    new_guard: NewGuardOption = False,
) -> None:
    """Serve the ledger until interrupted.

    In files, other commands then speak to this server. In PostgreSQL any number may serve at once.
    """
    home = run.home_in(database_url)
    settings = home.settings()  # says so if there is no ledger
    if no_work and settings.engine == "sqlite" and not public_only:
        raise WrongUsage("--no-work: of a ledger in files the one server does all the work")
    if new_guard:
        _make_guard(run, home)
    if public_only:
        start_public(run, home, host, port)
        return
    start(run, home, host, port, works=not no_work)


def work(
    run: Run,
    database_url: DatabaseOption = None,
    once: Annotated[bool, typer.Option("--once", help="Do what is due, and end.")] = False,
    new_guard: NewGuardOption = False,
) -> None:
    """Sign checkpoints and bring views up to date until interrupted, beside any number of servers.

    For a ledger in PostgreSQL; of one in files the server does this work, and --once does it while none runs.
    """
    from verify_api.server import work as work_on

    home = run.home_in(database_url)
    if home.settings().engine == "sqlite" and not once:
        raise WrongUsage("of a ledger in files the server does this work; give --once to do what is due without one")
    if new_guard:
        _make_guard(run, home)
    stopping = Event()
    before = {each: signal.signal(each, lambda *_: stopping.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        work_on(
            home,
            clock=clock_from_environment(),
            once=once,
            stopping=stopping,
            started=lambda: run.output.say(f"working on {home.folder}; end with Ctrl-C"),
        )
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _make_guard(run: Run, home: Home) -> None:
    size = make_guard(home)
    run.output.warn(
        f"the guard {home.guard} begins with {size} entries; that this home is no older copy was not checked"
    )


def start(run: Run, home: Home, host: str, port: int, *, works: bool = True) -> None:
    """Serve the home until interrupted.

    Raises:
        WrongUsage: the address cannot be listened on.
        HomeBusy: another process holds the home.
    """
    from verify_api.server import CannotListen
    from verify_api.server import serve as serve_home

    try:
        serve_home(
            home,
            host=host,
            port=port,
            works=works,
            clock=clock_from_environment(),
            started=lambda url: run.output.say(f"serving {home.folder} on {url}; end with Ctrl-C"),
        )
    except CannotListen as error:
        raise _taken(host, port, error.__cause__ or error) from error


def start_public(run: Run, home: Home, host: str, port: int) -> None:
    """Serve the public routes of a home until interrupted.

    Raises:
        WrongUsage: the address cannot be listened on.
    """
    from verify_api.server import CannotListen, serve_public

    try:
        serve_public(
            home,
            host=host,
            port=port,
            clock=clock_from_environment(),
            started=lambda url: run.output.say(f"serving the public side of {home.folder} on {url}; end with Ctrl-C"),
        )
    except CannotListen as error:
        raise _taken(host, port, error.__cause__ or error) from error


def check_port(host: str, port: int) -> None:
    """Refuse, before anything is done, a port on which nothing can be served.

    Raises:
        WrongUsage: the address cannot be listened on.
    """
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise _taken(host, port, error) from error


def _taken(host: str, port: int, error: BaseException) -> WrongUsage:
    why = "the address is not one of this machine"
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        why = "another program listens there"
    elif isinstance(error, PermissionError):
        why = "that is not permitted"
    return WrongUsage(f"cannot listen on {host} port {port}: {why}; name another port with --port")
