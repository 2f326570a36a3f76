"""`testamur verify`: whether an award is genuine and in force, by a proof file and a policy; no server is believed.

A credential file of anybody is judged by itself, in `verify_api.cli.credential_files`.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from ledger.bootstrap import clock_from_environment
from ledger.domain.codes import format_link_code
from ledger.domain.types import Did, LinkCode
from ledger.domain.values import DID_WEB, format_time
from ledger.tlog.note import MalformedVerifierKey, VerifierKey
from ledger.tlog.policy import MAX_POLICY_BYTES, MalformedPolicy, WitnessPolicy, parse_policy
from ledger.verification.proof_check import check_proof_file
from ledger.verification.proof_file import MAX_PROOF_FILE, MalformedProofFile
from verify_api.cli.archive import verify_in_archive
from verify_api.cli.asking import exit_code
from verify_api.cli.awards import PANEL
from verify_api.cli.client import document
from verify_api.cli.credential_files import is_credential, verify_credential
from verify_api.cli.errors import NotReached, WrongUsage
from verify_api.cli.fetching import Answer, fetch
from verify_api.cli.reading import award_reference, read_bytes
from verify_api.cli.run import Run, command
from verify_api.cli.verdicts import tell
from verify_api.public.json_verdict import verdict_model
from verify_api.public.links import ScannedCode
from verify_api.public.schemas import VerdictModel

_STALE = timedelta(hours=2)  # a server that does what it should has a cosignature of the last hour
_LOCAL = ("localhost", "127.0.0.1")  # where a server without https is to be expected

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The logs and witnesses that you believe: a C2SP tlog-policy."),
]
VkeyOption = Annotated[
    str | None, typer.Option("--vkey", metavar="KEY", help="The key of the log that you believe; no witness then.")
]
RegistryOption = Annotated[
    list[str] | None,
    typer.Option("--registry", metavar="DID", help="A body whose recognition counts; else those the file names."),
]
ArchiveOption = Annotated[
    Path | None,
    typer.Option("--archive", metavar="DIR", help="Find the award of a link or a code in this archive; no server."),
]
FetchOption = Annotated[
    bool,
    typer.Option("--fetch", help="Of a credential: its issuer's site may be asked for keys and for what it withdrew."),
]

Asked = tuple[LinkCode, int]  # the code, and the version printed with it


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "verify", panel=PANEL)(verify)


def verify(
    run: Run,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|LINK|CODE",
            help="A proof file or a credential (JSON, JWT, PNG, SVG; - for stdin); or the link or the code of an "
            "award, whose server is asked for a proof file.",
        ),
    ],
    policy: PolicyOption = None,
    vkey: VkeyOption = None,
    registry: RegistryOption = None,
    archive: ArchiveOption = None,
    fetch: FetchOption = False,
) -> int:
    """Say whether an award is genuine and was in force, by its proof file and what you believe; no server is trusted.

    A credential of anybody is judged by its signatures, dates and status; with --url, that server is asked about it.

    Exit code 0: valid. 1: not valid. 2: it cannot be read. 3: could not be decided, as without --policy and --vkey.
    """
    believed = _believed(policy, vkey)
    registries = None if not registry else tuple(_did(each) for each in registry)
    if archive is not None:
        return verify_in_archive(run, what, archive, believed, registries)
    if what == "-" or _is_file(what):
        raw = read_bytes(Path(what), MAX_PROOF_FILE)
        if is_credential(raw):
            if believed is not None or registries is not None:
                run.output.warn("--policy, --vkey and --registry are for proof files; this is a credential")
            return verify_credential(run, raw, fetch=fetch)
        return _judge(run, raw, believed, registries, None)
    reference = _reference(what)
    answer = _ask(run, what, reference)
    if answer.status != 200:
        return _no_proof(run, answer)
    return _judge(run, answer.content, believed, registries, (reference.code, reference.version or 1))


def _judge(
    run: Run, raw: bytes, believed: WitnessPolicy | None, registries: tuple[Did, ...] | None, asked: Asked | None
) -> int:
    """Print what a proof file comes to."""
    now = clock_from_environment().now()
    try:
        verdict = check_proof_file(raw, believed, now=now, registries=registries, asked=asked)
    except MalformedProofFile as error:
        raise WrongUsage(str(error)) from error
    if asked is not None and verdict.log.witnesses and now - verdict.as_of > _STALE:
        run.output.warn(
            f"the server proves how things stood at {format_time(verdict.as_of)}. Witnesses cosign every hour what is "
            "new and what is not: who shows nothing newer is cut off from them, or keeps something back"
        )
    model = verdict_model(verdict, _base_url(verdict.log.origin))
    run.output.result(document(model), _told(model))
    return exit_code(model.verdict)


def _told(verdict: VerdictModel) -> Iterator[str]:
    first, *rest = tell(verdict)
    yield first
    if verdict.log.size:
        vouching = f"by {verdict.log.witnesses} of your witnesses" if verdict.log.witnesses else "by the operator alone"
        yield f"  as of {verdict.as_of}, vouched for {vouching}; what was recorded later is not known here"
    yield from rest


def _believed(policy: Path | None, vkey: str | None) -> WitnessPolicy | None:
    if policy is not None and vkey is not None:
        raise WrongUsage("--policy and --vkey: give one of them; a policy names the log's key, too")
    try:
        if policy is not None:
            return parse_policy(read_bytes(policy, MAX_POLICY_BYTES))
        return None if vkey is None else WitnessPolicy(logs=(VerifierKey.parse(vkey.strip()),))
    except MalformedPolicy as error:
        raise WrongUsage(f"--policy: {policy} is no policy: {error}") from error
    except MalformedVerifierKey as error:
        raise WrongUsage(f"--vkey: {error}") from error


def _did(text: str) -> Did:
    if not DID_WEB.fullmatch(text):
        raise WrongUsage(
            f"--registry: “{text[:80]}” is no DID of a recognising body, as its page or `issuer list` tells"
        )
    return Did(text)


def _is_file(what: str) -> bool:
    """Whether the name is that of something that may be read; what it is, shows when it is."""
    try:
        return Path(what).exists() and not Path(what).is_dir()
    except OSError:  # such as a name that is too long for one
        return False


def _reference(what: str) -> ScannedCode:
    try:
        reference = award_reference(what)
    except WrongUsage as error:
        raise WrongUsage(f"“{what[:80]}” is no file here, and no link or code of an award either") from error
    if not isinstance(reference, ScannedCode):
        raise WrongUsage(
            "give the link of the award or its code of 36 characters: anybody can check that it leads there"
        )
    return reference


def _ask(run: Run, what: str, reference: ScannedCode) -> Answer:
    """What the server behind the link says when it is asked for a proof; of a code, the server of this command."""
    version = "" if reference.version is None else f"/{reference.version}"
    path = f"/c/{format_link_code(reference.code)}{version}/proof"
    parts = urlsplit(what.strip().lower())
    url = run.url or (f"{parts.scheme}://{parts.netloc}" if parts.netloc else os.environ.get("TESTAMUR_URL"))
    if url:
        return fetch(url, path, most=MAX_PROOF_FILE)
    with run.client(keyless=True) as client:
        return client.public(path, most=MAX_PROOF_FILE)


def _no_proof(run: Run, answer: Answer) -> int:
    """The server's own word where it gives no proof; that can be anything but good."""
    try:
        verdict = VerdictModel.model_validate_json(answer.content)
    except ValidationError:
        raise NotReached(f"{answer.where} gave no proof of this award (status {answer.status}); try again") from None
    if exit_code(verdict.verdict) == 0:
        raise NotReached(f"{answer.where} has no proof of this award yet; try again in a moment")
    run.output.say(f"{answer.where} gave no proof; this is its own word:")
    run.output.result(document(verdict), tell(verdict))
    return exit_code(verdict.verdict)


def _base_url(origin: str) -> str:
    """Where the parts of a stack are likely to be found: the log's name begins with the host of its service."""
    host = origin.partition("/")[0]
    return f"{'http' if host.partition(':')[0] in _LOCAL else 'https'}://{host}"
