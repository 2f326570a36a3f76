"""`testamur witness`: cosign the checkpoints of logs, as somebody who does not run them."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.witness_state import BadWitnessState, Evidence, WitnessState
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.tlog.note import AmbiguousVerifierKeys, MalformedVerifierKey, VerifierKey
from ledger.tlog.witnessing import logs_of
from verify_api.cli.errors import WrongUsage
from verify_api.cli.run import Run, command

_PANEL = "Checking others"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "witness", panel=_PANEL)(witness)


def witness(
    run: Run,
    state: Annotated[Path, typer.Option("--state", metavar="FILE", help="What this witness remembers, with its key.")],
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Address to listen on; port 0: any free one.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of this witness, such as witness.college.example; needed the first time."),
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(
            "--log", metavar="VKEY", help="A log to watch, by its key; several, also several keys of one log."
        ),
    ] = None,
    vkey: Annotated[bool, typer.Option("--vkey", help="Print this witness's key, and end.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Print the contradictions found in logs, and end: 1 if there are any.")
    ] = False,
) -> int | None:
    """Cosign each checkpoint of the given logs that continues what was seen before, until interrupted.

    The first start makes the key. Never put an older copy of the state in place: start a new witness instead.
    """
    logs = _logs(log or [])
    if listen is None and not vkey and not evidence:
        raise WrongUsage("say where to listen with --listen HOST:PORT, or ask for --vkey or --evidence")
    if listen is not None and not logs:
        raise WrongUsage("name at least one log with --log; `testamur log vkey` prints its key")
    with closing(_opened(state, name)) as opened:
        if evidence:
            return _tell(run, opened.evidence())
        if vkey or listen is None:
            run.output.result({"name": opened.key.name, "vkey": str(opened.key)}, [str(opened.key)])
            return None
        _serve(run, opened, logs, listen)
    return None


def _logs(spelled: list[str]) -> dict[str, tuple[VerifierKey, ...]]:
    try:
        return dict(logs_of([VerifierKey.parse(each) for each in spelled]))
    except (MalformedVerifierKey, AmbiguousVerifierKeys) as error:
        raise WrongUsage(f"--log: {error}") from error


def _opened(path: Path, name: str | None) -> WitnessState:
    try:
        return WitnessState.open(path, name, clock=clock_from_environment(), entropy=SystemEntropy())
    except MalformedVerifierKey as error:
        raise WrongUsage(f"--name: {error}") from error
    except BadWitnessState as error:
        raise WrongUsage(str(error)) from error


def _serve(run: Run, state: WitnessState, logs: dict[str, tuple[VerifierKey, ...]], listen_on: str) -> None:
    from verify_api.server import CannotListen, listen, logger, url_of
    from verify_api.server import run as run_app
    from verify_api.witness.app import WitnessApp

    host, port = _address(listen_on)
    try:
        listening = listen(host, port)
    except CannotListen as error:
        raise WrongUsage(str(error)) from error
    with closing(listening):
        url = url_of(listening)
        run.output.result({"name": state.key.name, "vkey": str(state.key), "url": url}, [str(state.key)])
        run.output.say(f"witnessing {', '.join(logs)} on {url}; end with Ctrl-C")
        run_app(WitnessApp(state=state, logs=logs, log=logger()), listening)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535 or (":" in host and not bracketed):
        raise WrongUsage(f"--listen takes HOST:PORT, such as 127.0.0.1:8001 or [::1]:8001, not {text!a}")
    return (host[1:-1] if bracketed else host), int(port)


def _tell(run: Run, found: list[Evidence]) -> int | None:
    """Both notes of each contradiction, as they were signed."""
    document: list[Json] = []
    lines = []
    for each in found:
        seen, request = each.seen.decode("utf-8"), each.request.decode("utf-8")
        document.append({"origin": each.origin, "at": each.at, "seen": seen, "request": request})
        lines += [f"{each.at} {each.origin} contradicts itself. Cosigned here:", "", *seen.split("\n")]
        lines += ["Sent later:", "", *request.split("\n")]
    run.output.result({"evidence": document}, lines or ["no log has contradicted itself"])
    return 1 if found else None
