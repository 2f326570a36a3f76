"""Checks what a proof file shows of its log: the checkpoint, who vouches for it, what lies under it, its statement.

All else in the file hangs on this: an entry counts once it was found under a checkpoint that a key signed which
whoever asks knows already, and what no entry says is proved by the roots of the statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.domain.authority import check_signer
from ledger.domain.events import StatusCommitted
from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.types import Origin
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import signature_is_good
from ledger.signing import multikey
from ledger.tlog.checkpoint import (
    Checkpoint,
    CheckpointOriginMismatch,
    MalformedCheckpoint,
    open_checkpoint,
    size_of_note,
)
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import NoteSignatureInvalid, NoteUnsigned, VerifierKey
from ledger.tlog.policy import Agreement, WitnessPolicy
from ledger.tlog.proofs import InclusionNotProved, check_inclusion
from ledger.verification.evidence import Placed
from ledger.verification.findings import failed, not_checked, passed
from ledger.verification.log_check import agreement_by
from ledger.verification.log_keys import establish_log
from ledger.verification.proof_file import ProofFile, ProvedAward, ProvedEntry
from ledger.verification.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What the rest of the file is held against: found good, as far as `findings` say nothing else."""

    log: Log
    checkpoint: Checkpoint
    statement: StatusCommitted
    witnesses: tuple[str, ...]  # by their names in the policy
    as_of: datetime  # by the witnesses' clocks; by the operator's where none vouches
    since: datetime | None  # from when on enough witnesses had seen this checkpoint


class _Broken(Exception):
    """Why nothing hangs on this checkpoint; never leaves this module."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


def check_log(file: ProofFile, policy: WitnessPolicy | None, now: datetime) -> tuple[Anchor | None, list[Finding]]:
    """The checkpoint with all that is needed of it, None where nothing in the file hangs on it.

    Args:
        policy: whose logs and witnesses are believed; None where the file is only held against itself.
        now: timezone-aware.
    """
    findings: list[Finding] = []
    try:
        log = _establish(file)
        checkpoint, opened = _open(file, log, policy)
        findings.append(opened)
        agreement, vouched = _agreement(file, policy, now)
        findings.append(vouched)
        findings.append(_check_places(file, checkpoint))
        entry, statement = _statement(file, log, checkpoint)
        findings.append(passed("statement", "The last entry under the checkpoint says how all awards and keys stood."))
    except _Broken as broken:
        return None, [*findings, broken.finding]
    anchor = Anchor(
        log=log,
        checkpoint=checkpoint,
        statement=statement,
        witnesses=agreement.names,
        as_of=entry.at if agreement.as_of is None else datetime.fromtimestamp(agreement.as_of, UTC),
        since=None if agreement.since is None else datetime.fromtimestamp(agreement.since, UTC),
    )
    return anchor, findings


def entries_of(file: ProofFile) -> Iterable[ProvedEntry]:
    """Every entry that the file holds."""
    yield from file.log
    yield file.statement
    for stream in file.issuers:
        yield from stream
    for award in awards_of(file):
        yield from award.entries


def awards_of(file: ProofFile) -> tuple[ProvedAward, ...]:
    """The award, and those that it was built from."""
    return (file.award, *file.parts)


def _establish(file: ProofFile) -> Log:
    try:
        log = establish_log([Placed(position=each.position, raw=each.raw) for each in file.log])
    except LedgerError as error:
        detail = "What the log says about its own keys does not verify."
        raise _Broken(failed("checkpoint", "log_unestablished", detail)) from error
    if log.operator.origin != file.origin:
        detail = "The file names another log than the one that its entries are of."
        raise _Broken(failed("checkpoint", "wrong_origin", detail))
    return log


def _open(file: ProofFile, log: Log, policy: WitnessPolicy | None) -> tuple[Checkpoint, Finding]:
    """The checkpoint, signed by a key that the log announced and that the policy names."""
    origin, size = log.operator.origin, size_of_note(file.checkpoint)
    if not size:
        raise _Broken(_bad_checkpoint(MalformedCheckpoint("a checkpoint over entries says over how many")))
    announced = [VerifierKey.of(origin, multikey.decode(kid)) for kid in checkpoint_keys(log, size)]
    known = announced if policy is None else _known(policy, origin)
    keys = [key for key in announced if key in known]
    if not keys:
        detail = "The policy has a key of this log, but none that signs checkpoints of this size: it needs a newer one."
        raise _Broken(not_checked("checkpoint", "key_not_in_force", detail))
    try:
        checkpoint = open_checkpoint(file.checkpoint, *keys)
    except LedgerError as error:
        raise _Broken(_bad_checkpoint(error)) from error
    if policy is None:
        detail = (
            "The file names a key of the log, and nothing else says that it is the log's: a file can name any key. "
            "Give a policy, or the log's key, from somebody whom you believe."
        )
        return checkpoint, not_checked("checkpoint", "key_untrusted", detail)
    return checkpoint, passed("checkpoint", "A key of the log that the policy names signed the checkpoint.")


def _known(policy: WitnessPolicy, origin: Origin) -> list[VerifierKey]:
    known = [key for key in policy.logs if key.name == origin]
    if not known:
        detail = "The file is of a log that the policy does not name."
        raise _Broken(not_checked("checkpoint", "log_unknown", detail))
    return known


def _bad_checkpoint(error: LedgerError) -> Finding:
    if isinstance(error, NoteSignatureInvalid):
        return failed("checkpoint", "checkpoint_forged", "The log's key did not sign this checkpoint.")
    if isinstance(error, NoteUnsigned):
        return failed("checkpoint", "checkpoint_unsigned", "No key of the log signed the checkpoint.")
    if isinstance(error, CheckpointOriginMismatch):
        return failed("checkpoint", "wrong_origin", "The checkpoint is one of another log.")
    return failed("checkpoint", "checkpoint_malformed", "What stands in place of a checkpoint is none.")


def _agreement(file: ProofFile, policy: WitnessPolicy | None, now: datetime) -> tuple[Agreement, Finding]:
    whose = policy or WitnessPolicy()
    try:
        agreement = agreement_by(file.checkpoint, whose, now)
    except LedgerError as error:
        detail = "The checkpoint has a cosignature that the witness named did not make."
        raise _Broken(failed("witnesses", "cosignature_forged", detail)) from error
    if not agreement.reached and whose.agreement(file.checkpoint).reached:
        detail = "A cosignature that the policy needs is of a time that has not come yet, by the clock here."
        return agreement, not_checked("witnesses", "cosignature_in_future", detail)
    if not agreement.reached:
        detail = "Too few of the witnesses that the policy asks for cosigned the checkpoint."
        return agreement, not_checked("witnesses", "quorum_missing", detail)
    if agreement.as_of is None:
        detail = "No witness was asked for: the operator of the log alone vouches for it, and for its time."
        return agreement, passed("witnesses", detail, reason="operator_alone")
    return agreement, passed("witnesses", "Enough of the witnesses that the policy names cosigned the checkpoint.")


def _check_places(file: ProofFile, checkpoint: Checkpoint) -> Finding:
    for each in entries_of(file):
        leaf, index = leaf_hash(each.raw), each.position - 1
        try:
            check_inclusion(leaf, index, checkpoint.size, checkpoint.root, each.path)
        except InclusionNotProved as error:
            detail = f"The log does not hold, at position {each.position}, what the file says that it does."
            raise _Broken(failed("places", "not_included", detail)) from error
    return passed("places", "Every entry in the file lies under the checkpoint, at its place.")


def _statement(file: ProofFile, log: Log, checkpoint: Checkpoint) -> tuple[Entry, StatusCommitted]:
    """The statement of this tree: "for a tree of size N the statement is leaf N-1 and no other"."""
    if file.statement.position != checkpoint.size:
        detail = "The statement in the file is not the last entry under the checkpoint, but an older one."
        raise _Broken(failed("statement", "not_last", detail))
    try:
        entry = parse_entry(file.statement.raw)
        recorded = entry.recorded(file.statement.position)
        check_signer(recorded, operator=log.operator, issuers={}, owner=log.operator.did)
    except LedgerError as error:
        detail = "The last entry under the checkpoint is no statement of the operator's."
        raise _Broken(failed("statement", "not_a_statement", detail)) from error
    if not isinstance(entry.event, StatusCommitted) or not signature_is_good(entry):
        detail = "The last entry under the checkpoint is no statement of the operator's."
        raise _Broken(failed("statement", "not_a_statement", detail))
    if entry.event.size != checkpoint.size - 1:
        detail = "The statement speaks of another number of entries than stand before it."
        raise _Broken(failed("statement", "other_size", detail))
    return entry, entry.event
