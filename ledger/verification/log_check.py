"""Checks the award's place in the log: every entry of it is proved to lie under the published checkpoint.

A checkpoint is good if a key that signs checkpoints of its size, by the log's own entries, signed it. An entry is under
it if a path leads from the entry's bytes to its root: the position that somebody states proves nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.types import Kid, Origin, Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, size_of_note
from ledger.tlog.cosignature import latest_by
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Agreement, WitnessPolicy
from ledger.tlog.proofs import InclusionNotProved, check_inclusion
from ledger.verification.evidence import CredentialEvidence, Policy
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import Finding, LogView, State

PENDING = "pending"  # the reason of the finding that becomes the notice
_NOBODY = Agreement(names=(), reached=False, since=None, as_of=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLog:
    """The published checkpoint, and who else vouches for it."""

    checkpoint: Checkpoint | None
    agreement: Agreement
    broken: Finding | None  # where there is a checkpoint, and it is not one of this log

    def view(self, origin: Origin, position: Position | None, path: tuple[Hash, ...] | None) -> LogView:
        """What is shown of it beside an award."""
        checkpoint, agreement = self.checkpoint, self.agreement
        return LogView(
            origin=origin,
            size=0 if checkpoint is None else checkpoint.size,
            root=None if checkpoint is None else checkpoint.root,
            position=position,
            witnesses=len(agreement.names),
            witnessed_at=_time(agreement.since),
            witnessed_as_of=_time(agreement.as_of),
            witnessed_by=agreement.names,
            path=path,
        )


NO_LOG = OpenedLog(checkpoint=None, agreement=_NOBODY, broken=None)


def open_published(raw: bytes, log: Log) -> Checkpoint:
    """The checkpoint in a note, which a key of the log signed that signs checkpoints of this size.

    Raises:
        LedgerError: as `open_checkpoint`.
    """
    return _open(raw, log.operator.origin, checkpoint_keys(log, size_of_note(raw) or 0))


def open_log(raw: bytes | None, log: Log, policy: WitnessPolicy, now: datetime) -> OpenedLog:
    """The published checkpoint, if it is one of this log, with the word of those witnesses whom the policy names.

    Args:
        now: timezone-aware; a cosignature of a time that has not come counts for nothing.
    """
    if raw is None:
        return NO_LOG
    try:
        checkpoint = open_published(raw, log)
    except LedgerError:
        broken = _inconsistent("checkpoint_invalid", "The checkpoint given is not one that the log's key signed.")
        return OpenedLog(checkpoint=None, agreement=_NOBODY, broken=broken)
    try:
        agreement = agreement_by(raw, policy, now)
    except LedgerError:
        # "If the key name and ID match a known key, verifiers MUST verify the signature" (C2SP signed-note).
        broken = _inconsistent("cosignature_invalid", "The checkpoint given carries a false cosignature of a witness.")
        return OpenedLog(checkpoint=checkpoint, agreement=_NOBODY, broken=broken)
    return OpenedLog(checkpoint=checkpoint, agreement=agreement, broken=None)


def agreement_by(raw: bytes, policy: WitnessPolicy, now: datetime) -> Agreement:
    """What the witnesses of a policy have said about a note, by a clock that may differ from theirs a little.

    Raises:
        LedgerError: as `WitnessPolicy.agreement`.
    """
    agreement, until = _agreement(raw, policy), latest_by(now)
    if agreement.latest is None or agreement.latest <= until:
        return agreement
    return policy.agreement(raw, until=until)


# Pure functions of the bytes; every scan within a second meets the same checkpoint, and an award is scanned again.


@lru_cache(maxsize=64)
def _open(raw: bytes, origin: Origin, kids: tuple[Kid, ...]) -> Checkpoint:
    return open_checkpoint(raw, *[VerifierKey.of(origin, multikey.decode(kid)) for kid in kids])


@lru_cache(maxsize=64)
def _agreement(raw: bytes, policy: WitnessPolicy) -> Agreement:
    return policy.agreement(raw)


@lru_cache(maxsize=1_024)
def _is_under(leaf: Hash, index: int, size: int, root: Hash, path: tuple[Hash, ...]) -> bool:
    try:
        check_inclusion(leaf, index, size, root, path)
    except InclusionNotProved:
        return False
    return True


def check_place(
    entries: tuple[Entry, ...],
    evidence: CredentialEvidence,
    checkpoint: Checkpoint | None,
    policy: Policy,
    now: datetime,
) -> Finding:
    """Whether each of these entries is proved to be under the checkpoint, or too young to be under one."""
    head, size = evidence.head, 0 if checkpoint is None else checkpoint.size
    if size > head.size:
        detail = f"A signed checkpoint covers {size:,} entries, but the record book has only {head.size:,}."
        return _inconsistent("checkpoint_ahead", detail)
    if evidence.stream[-1].position > head.size:
        return _inconsistent("beyond_head", "The award has an entry beyond the end of the record book.")
    if checkpoint is not None:
        unproved = _check_paths(evidence, checkpoint)
        if unproved is not None:
            return unproved
    waiting = [entry for entry, each in zip(entries, evidence.stream, strict=True) if each.position > size]
    if not waiting:
        detail = f"Each entry of this award is proved to be among the {size:,} under the published checkpoint."
        return passed("log", detail)
    # By the head too: a clock set back gives new entries the head's time, which is then later than now.
    if max(now, head.at) - waiting[0].at >= timedelta(seconds=policy.pending_seconds):
        return unknown("log", "unpublished", "An entry of this award is older than it may be without a checkpoint.")
    return passed("log", "An entry of this award is seconds old and is being published.", reason=PENDING)


def _check_paths(evidence: CredentialEvidence, checkpoint: Checkpoint) -> Finding | None:
    """What is wrong with the proof of an entry that the checkpoint covers, a wrong one before a missing one."""
    missing = None
    size, root = checkpoint.size, checkpoint.root
    for each in evidence.stream:
        position = each.position
        if position > size:
            continue
        path = evidence.paths.get(position)
        if path is None:
            detail = f"The proof that the entry at position {position} is in the record book is missing."
            missing = missing or unknown("log", "proof_missing", detail)
        elif not _is_under(leaf_hash(each.raw), position - 1, size, root, path):
            detail = f"The entry at position {position} is not the one that the published checkpoint covers there."
            return _inconsistent("not_in_log", detail)
    return missing


def _inconsistent(reason: str, detail: str) -> Finding:
    return failed("log", reason, detail, makes=State.LOG_INCONSISTENT)


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
