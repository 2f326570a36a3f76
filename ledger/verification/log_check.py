"""Checks the award's place in the log against the last signed checkpoint, as far as that can be without a proof."""

from datetime import datetime, timedelta
from functools import lru_cache

from ledger.domain.authority import Operator
from ledger.domain.types import Kid, Origin
from ledger.errors import LedgerError
from ledger.record.entry import Entry
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note import VerifierKey
from ledger.verification.evidence import CredentialEvidence, Policy
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import Finding, State

PENDING = "pending"  # the reason of the finding that becomes the notice


def open_log(raw: bytes | None, operator: Operator) -> tuple[Checkpoint | None, Finding | None]:
    """The last signed checkpoint, and a finding where there is one that the log's own key did not sign."""
    if raw is None:
        return None, None
    try:
        return _open(raw, operator.origin, operator.checkpoint_key), None
    except LedgerError:
        return None, _inconsistent("checkpoint_invalid", "The checkpoint given is not one that the log's key signed.")


@lru_cache(maxsize=64)  # a pure function of the bytes; every scan within a second meets the same checkpoint
def _open(raw: bytes, origin: Origin, key: Kid) -> Checkpoint:
    return open_checkpoint(raw, VerifierKey.of(origin, multikey.decode(key)))


def check_place(
    entries: tuple[Entry, ...], evidence: CredentialEvidence, size: int, policy: Policy, now: datetime
) -> Finding:
    """Whether a checkpoint over `size` entries reaches over each of these, or those beyond are too young for one."""
    head = evidence.head
    if size > head.size:
        detail = f"A signed checkpoint covers {size:,} entries, but the record book has only {head.size:,}."
        return _inconsistent("checkpoint_ahead", detail)
    if evidence.stream[-1].position > head.size:
        return _inconsistent("beyond_head", "The award has an entry beyond the end of the record book.")
    waiting = [entry for entry, each in zip(entries, evidence.stream, strict=True) if each.position > size]
    if not waiting:
        detail = (
            f"A signed checkpoint covers {size:,} entries, and by their positions those of this award are among them. "
            "That they lie under its root was not proved here."
        )
        return passed("log", detail)
    # By the head too: a clock set back gives new entries the head's time, which is then later than now.
    if max(now, head.at) - waiting[0].at >= timedelta(seconds=policy.pending_seconds):
        return unknown("log", "unpublished", "An entry of this award is older than it may be without a checkpoint.")
    return passed("log", "An entry of this award is seconds old and is being published.", reason=PENDING)


def _inconsistent(reason: str, detail: str) -> Finding:
    return failed("log", reason, detail, makes=State.LOG_INCONSISTENT)
