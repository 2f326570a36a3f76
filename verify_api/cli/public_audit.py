"""`testamur audit --url`: a published log, judged by what it shows alone, and held against what was seen before."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ledger.adapters.bundle_workers import bundle_workers
from ledger.adapters.evidence import EvidenceFiles
from ledger.adapters.public_audit_file import open_state
from ledger.audit.public.follow import Asked, PublicReport, audit_published
from ledger.audit.public.log import PublishedLog
from ledger.audit.public.state import AuditState
from ledger.audit.report import to_json
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.domain.values import format_time
from ledger.tlog.note import MalformedVerifierKey, VerifierKey
from ledger.tlog.policy import MAX_POLICY_BYTES, MalformedPolicy, WitnessPolicy, parse_policy
from verify_api.cli.audit_lines import lines_of
from verify_api.cli.errors import REFUSED, WrongUsage
from verify_api.cli.reading import read_bytes
from verify_api.cli.run import Run

_MOMENT = 0.5  # seconds by which one of several servers may be behind the others, some times over
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="Remembers what was seen: the next run reads only what is new, and no other history passes.",
    ),
]
VkeyOption = Annotated[
    str | None,
    typer.Option("--vkey", metavar="KEY", help="The log's key as you know it; else the one that it names itself."),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The logs and witnesses that you believe: a C2SP tlog-policy."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What an auditor brings: keys, a checkpoint, witnesses, a memory."""

    vkey: VerifierKey | None = None
    kept: bytes | None = None
    policy: WitnessPolicy | None = None
    state: Path | None = None
    jobs: int = 1

    @property
    def asked(self) -> Asked:
        """The same, as the audit wants it; a policy names the log's keys, too."""
        keys = (*(() if self.vkey is None else (self.vkey,)), *(() if self.policy is None else self.policy.logs))
        return Asked(keys=tuple(dict.fromkeys(keys)), kept=self.kept, policy=self.policy)


def read_key(text: str | None) -> VerifierKey | None:
    """The key that an option gives.

    Raises:
        WrongUsage: it is none.
    """
    try:
        return None if text is None else VerifierKey.parse(text.strip())
    except MalformedVerifierKey as error:
        raise WrongUsage(f"--vkey: {error}") from error


def read_policy(path: Path | None) -> WitnessPolicy | None:
    """The policy in a file.

    Raises:
        WrongUsage: it cannot be read, or is none.
    """
    if path is None:
        return None
    try:
        return parse_policy(read_bytes(path, MAX_POLICY_BYTES))
    except MalformedPolicy as error:
        raise WrongUsage(f"--policy: {path} is no policy: {error}") from error


def audit_log(run: Run, log: PublishedLog, believed: Believed) -> int:
    """Audit a published log and say what came of it; the exit code."""
    with open_state(believed.state) as state:
        report = follow(log, state, believed, now=clock_from_environment().now())
    run.output.result(public_json(report), _told(report))
    return 0 if report.report.sound else REFUSED


def follow(log: PublishedLog, state: AuditState, believed: Believed, *, now: datetime | None = None) -> PublicReport:
    """One run of the audit.

    Args:
        now: who gives it hears of a cosignature of a later time as one that is missing.
    """
    return audit_published(
        log,
        state,
        replace(believed.asked, now=now),
        hiring=partial(bundle_workers, believed.jobs),
        keep_note=EvidenceFiles(believed.state).keep,
        pause=partial(time.sleep, _MOMENT),
    )


def public_json(report: PublicReport) -> dict[str, Json]:
    """The report as `audit --json` prints it, and what a public one has besides."""
    agreement = report.agreement
    evidence: list[Json] = list(report.evidence)
    said: dict[str, Json] = {**to_json(report.report), "log": report.origin, "read": report.read, "evidence": evidence}
    said["witnesses"] = (
        None
        if agreement is None
        else {
            "names": list(agreement.names),
            "enough": agreement.reached,
            "since": _time(agreement.since),
            "as_of": _time(agreement.as_of),
        }
    )
    return said


def _told(report: PublicReport) -> Iterator[str]:
    yield f"{report.origin}: {report.read} entries were read that this audit had not read before"
    yield from lines_of(report.report)
    agreement = report.agreement
    if agreement is not None and agreement.names:
        yield f"witnesses: {', '.join(agreement.names)}, as of {_time(agreement.as_of)}"
    for place in report.evidence:
        yield f"evidence: {place}"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(datetime.fromtimestamp(seconds, UTC))
