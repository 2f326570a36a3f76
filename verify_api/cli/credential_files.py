"""Verifies a credential file for the `verify` command: by itself, or, where a server is named, by asking that."""

from http import HTTPStatus

from pydantic import ValidationError

from ledger.adapters.fetching import HttpsFetcher
from ledger.application.foreign import Uploads
from ledger.bootstrap import clock_from_environment
from ledger.vc.reading import DocumentError, read_document
from ledger.vc.upload import UnreadableUpload, read_upload
from verify_api.cli.asking import exit_code
from verify_api.cli.client import document
from verify_api.cli.errors import NotReached, WrongUsage
from verify_api.cli.fetching import fetch
from verify_api.cli.run import Run
from verify_api.cli.verdicts import tell
from verify_api.public.json_verdict import verdict_model
from verify_api.public.schemas import ProblemModel, VerdictModel

_ELSEWHERE = frozenset(("did_not_resolved", "not_fetched"))  # reasons: it stands at an address that was not asked
_MOST = 1 << 24  # bytes of a verdict: it says little of each credential inside another
_PROOF_FILE = "testamur_proof"  # the member by which such a file says what it is


def is_credential(raw: bytes) -> bool:
    """Whether a file is to be taken for a credential, good or bad, and not for a proof file."""
    start = raw.lstrip()[:1]
    if start != b"{":
        return start in (b"<", b"\x89") or raw.strip().count(b".") == 2
    try:
        found = read_document(raw)
    except DocumentError:  # whichever it is, it cannot be read; whose error is the better one?
        return _PROOF_FILE.encode("ascii") not in raw and b'"@context"' in raw
    return _PROOF_FILE not in found and ("@context" in found or "credential" in found or "type" in found)


def verify_credential(run: Run, raw: bytes, *, fetch: bool) -> int:
    """Print how a credential stands; the exit code.

    Args:
        fetch: whether the issuer's site may be asked for its keys and for what it withdrew.

    Raises:
        WrongUsage: the file holds no credential that can be read.
        NotReached: the server that `--url` names gave no verdict.
    """
    model = _own_word(run.url, raw) if run.url else _judged(raw, fetch=fetch)
    if run.url:
        run.output.say(f"the server at {run.url} was asked; this is its own word:")
    run.output.result(document(model), tell(model))
    if not run.url and not fetch and any(finding.reason in _ELSEWHERE for finding in model.findings):
        run.output.warn(
            "what would be needed stands at an address of the issuer: allow it to be asked with --fetch, or name the "
            "service of the issuer with --url"
        )
    return exit_code(model.verdict)


def _judged(raw: bytes, *, fetch: bool) -> VerdictModel:
    try:
        upload = read_upload(raw)
    except UnreadableUpload as error:
        raise WrongUsage(f"this is no credential that can be read: {error}") from error
    fetcher = HttpsFetcher() if fetch else None
    verdict = Uploads(clock=clock_from_environment(), fetcher=fetcher).prepare(upload)()
    return verdict_model(verdict, "")


def _own_word(url: str, raw: bytes) -> VerdictModel:
    """What a server says of the file."""
    answer = fetch(url, "/verify", most=_MOST, content=raw)
    try:
        return VerdictModel.model_validate_json(answer.content)
    except ValidationError:
        pass
    try:
        problem = ProblemModel.model_validate_json(answer.content)
    except ValidationError as error:
        raise NotReached(f"the server at {url} gave no verdict (status {answer.status})") from error
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NotReached(f"the server at {url} takes no more at this moment: {problem.detail}")
    raise WrongUsage(f"the server at {url} cannot read this file: {problem.detail}")
