"""`testamur demo`: a ledger with real-looking awards of every kind, and a server to look at them."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, cast
from urllib.parse import urlsplit

import typer

from ledger.adapters.clock import UnsafeClock
from ledger.adapters.home import Home, replace_file
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from verify_api.cli.connecting import connect
from verify_api.cli.demo_awards import PAST
from verify_api.cli.demo_seed import Seeding, begin
from verify_api.cli.errors import WrongUsage
from verify_api.cli.log import read_vkey
from verify_api.cli.run import Run, command
from verify_api.cli.service import PANEL, check_port, make, start

_PORT = 8000


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", panel=PANEL)(demo)


def demo(
    run: Run,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only seed and print; start no server.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on; 8000 the first time.")
    ] = None,
) -> None:
    """Seed a ledger with awards of every kind, print the links and the API key, and serve it.

    Later calls start from what is there; one that was interrupted is completed.
    """
    home = run.home
    found = read_demo(home)
    if found is None:
        if not no_serve and not (home.held() and home.server()):
            check_port("127.0.0.1", port or _first_port(home))
        run.output.say(f"seeding the demo in {home.folder} …")
        found = _seed(home, port or _PORT)
    listening = port or urlsplit(str(found["base_url"])).port or _PORT
    run.output.result(found, _told(found, None if no_serve else listening))
    if no_serve:
        return
    server = home.server() if home.held() else None
    if server is not None:
        run.output.say(f"the server with process id {server.pid} serves this already, on {server.url}")
        return
    start(run, home, "127.0.0.1", listening)


def _first_port(home: Home) -> int:
    """The port that a demo, begun or not, is served on if none is named."""
    return (urlsplit(home.settings().base_url).port if home.exists() else None) or _PORT


def read_demo(home: Home) -> dict[str, Json] | None:
    """What the demo in this home holds; None if it was never completed.

    Raises:
        WrongUsage: `demo.json` cannot be read.
    """
    try:
        found = json.loads(home.demo.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{home.demo} cannot be read; remove it to have it written anew") from error
    if not isinstance(found, dict) or not {"base_url", "api_key", "awards"} <= set(found):
        raise WrongUsage(f"{home.demo} is not a demo's; remove it to have it written anew")
    return cast("dict[str, Json]", found)


def _seed(home: Home, port: int) -> dict[str, Json]:
    now = clock_from_environment().now()
    past = UnsafeClock(now - timedelta(days=PAST))  # so that something was recorded before a recognition ended
    if not home.exists():
        make(home, f"http://localhost:{port}", "Testamur demo", past)
    with connect(home.folder, None, clock=past) as client:
        today = begin(home, client, now.date())
        Seeding(client, home, today).past()
    with connect(home.folder, None) as client:
        lines: list[Json] = [*Seeding(client, home, today).present()]
    found: dict[str, Json] = {
        "home": str(home.folder.absolute()),
        "base_url": home.settings().base_url,
        "api_key": home.operator_key.read_text("ascii").strip(),
        "log_vkey": read_vkey(home),
        "awards": lines,
    }
    replace_file(home.demo, json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8") + b"\n", mode=0o600)
    return found


def _told(found: Mapping[str, Json], port: int | None) -> Iterator[str]:
    """Links to open; on the port that is served, whatever the certificates say."""
    base = str(found["base_url"])
    shown = base if port is None else f"http://localhost:{port}"
    yield "Awards to open, as an employer would by scanning:"
    for line in cast("list[Mapping[str, str]]", found["awards"]):
        path = urlsplit(line["url"]).path.lower()
        yield f"  {line['verdict']:20} {line['title']}"
        yield f"  {'':20} {shown}{path}"
    yield f"Type a code:           {shown}/"
    yield f"The API, described:    {shown}/docs"
    yield f"API key (operator):    {found['api_key']}"
    yield f"Log key:               {found['log_vkey']}"
