"""The full audit: every entry twice, by position and by stream, then the checkpoints and the tables beside the log.

The auditor shares the pure core with the writer and none of its services, holds no key but those it is given, and
resolves no name that it finds in the data. Whatever the database holds is reported, never raised.
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TypeAlias

from ledger.audit.log_keys import LogKeys, keys_of
from ledger.audit.passes import Passes
from ledger.audit.report import AuditReport, Check, Findings, NotChecked, Problem, Step
from ledger.audit.roots import HOME, KEPT, Anchor, Roots
from ledger.audit.source import AuditSource, CannotBeAudited, PartOpener
from ledger.audit.tables import check_head
from ledger.audit.work import InThisProcess, Workers
from ledger.domain.authority import Operator, operator_of
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.record.sealing import signature_is_good
from ledger.tlog.checkpoint import CheckpointOriginMismatch, size_of_note
from ledger.tlog.note import NoteSignatureInvalid, NoteUnsigned, VerifierKey

ViewCheck: TypeAlias = Callable[[], Iterable[Problem]]  # views rebuilt and compared, by those who know the views


def audit(
    source: AuditSource,
    *,
    vkey: VerifierKey | None,
    kept_checkpoint: bytes | None,
    own_checkpoint: bytes | None,
    opener: PartOpener | None,
    view_check: ViewCheck | None,
    seen_checkpoint: bytes | None = None,
    unbound: Iterable[NotChecked] = (),
    workers: Workers | None = None,
    timer: Callable[[], float] = perf_counter,
) -> AuditReport:
    """Whether the recorded history is whole, honest and unchanged, with the first position where it is not.

    Args:
        vkey: a checkpoint key of the log as the auditor knows it, also an earlier or a later one; None takes those that
            the database names, and says so.
        kept_checkpoint: a signed checkpoint kept outside; without one a cut tail cannot be noticed.
        own_checkpoint: the checkpoint that the home publishes, HOME/log/checkpoint.
        opener: opens private parts; None leaves their contents unchecked.
        view_check: what compares the views; None leaves them unchecked.
        seen_checkpoint: the last one that an earlier audit saw, as good as a kept one.
        unbound: what else lies beside the database that the log does not bind.
        workers: who does the work, on the same database and with the same keys; None: this process alone.

    Raises:
        CannotBeAudited: the database cannot be read, or the kept checkpoint is not one of the log of `vkey`.
    """
    began = timer()
    found = Findings()
    operator = _operator(source, found)
    keys = keys_of(source, operator, vkey, found)
    count = source.entry_count()
    kept, unsigned = _kept(kept_checkpoint, keys, found, given=vkey is not None, count=count)
    seen, unknown = _kept(seen_checkpoint, keys, found, given=vkey is not None, count=count)
    given = tuple(sorted((*kept, *seen), key=lambda anchor: -anchor.checkpoint.size))
    home, fault = _home(own_checkpoint, keys)
    roots = Roots(found, source.checkpoints(), keys=keys, given=(*given, *home), end=count)
    passes = Passes(source, workers or InThisProcess(source, opener), roots, operator, found)
    passes.run()
    root = roots.finish()  # before what stands beside the log, so that a cut tail is named first
    if fault is not None:
        found.report(Check.CHECKPOINT, roots.size + 1, fault)
    if opener is None:
        found.skip("private parts", passes.parts, "the vault and its master key were not there to open them")
    _views(view_check, found)
    check_head(source.heads(), roots.size, passes.latest, found)
    _tail(given, roots.size, found)
    _damage(passes, roots.size, found)
    _unbound(source, unbound, found)
    _unsigned(unsigned or unknown, roots.size, found)
    return AuditReport(
        events=roots.size,
        root=root,
        checkpoint=roots.judge(),
        problems=found.problems(),
        problem_count=found.count,
        not_checked=tuple(found.not_checked),
        seconds=timer() - began,
    )


def _operator(source: AuditSource, found: Findings) -> Operator | None:
    """Who runs the log, as its first entry says under a good signature."""
    state = next((row[4] for row in source.entries() if type(row[0]) is int and row[0] >= 1), None)
    if state is None:
        found.report(Check.LOG, 1, "the log has no entry: not even log.started", step=Step.PLACE)
    if type(state) is not bytes:
        return None
    try:
        entry = parse_entry(state)
    except LedgerError:
        return None  # reported when its turn comes
    try:
        operator = operator_of(entry.recorded(Position(1)))
    except LedgerError as error:
        found.report(Check.LOG, 1, str(error), entry, Step.PLACE)
        return None
    return operator if signature_is_good(entry) else None


def _damage(passes: Passes, size: int, found: Findings) -> None:
    for each in passes.damage():
        found.report(Check.DATABASE, size + 1, f"the file of the database is damaged, or was made to mislead: {each}")


def _kept(
    raw: bytes | None, keys: LogKeys, found: Findings, *, given: bool, count: int
) -> tuple[tuple[Anchor, ...], LedgerError | None]:
    """The checkpoint kept outside; or why none of the log's keys signed it, as far as is known before the entries are.

    Args:
        given: whether the auditor gave a key too; else all keys come from the database that is under audit.
        count: how many entries there are.

    Raises:
        CannotBeAudited: it is no checkpoint, or one of another log than that of the key that was given.
    """
    if raw is None:
        return (), None
    if not keys:
        found.skip("the kept checkpoint", 1, "the database names no key for it, and none was given")
        return (), None
    try:
        return (Anchor(source=KEPT, checkpoint=keys.open(raw), compact_range=None),), None
    except (NoteUnsigned, NoteSignatureInvalid, CheckpointOriginMismatch) as error:
        if not given:
            reason = f"the kept checkpoint is not one of the log that the database names: {error}"
            found.report(Check.CHECKPOINT, 1, reason, step=Step.PLACE)
            return (), None
        if not keys.is_of_the_log(raw):
            raise _unrelated(error) from error
        if (size_of_note(raw) or 0) <= count:
            return (), error
        # Whoever cuts off the tail may cut off the entry that named the key, too.
        reason = f"the kept checkpoint is ahead of the store, which ends at {count}, and none of its keys signed it"
        found.report(Check.CHECKPOINT, count + 1, f"{reason}: the tail was cut off", step=Step.CUT)
        return (), None
    except LedgerError as error:
        raise CannotBeAudited(f"the file with the kept checkpoint cannot be used: {error}") from error


def _unrelated(error: LedgerError) -> CannotBeAudited:
    return CannotBeAudited(f"the kept checkpoint and the key given do not belong together: {error}")


def _unsigned(error: LedgerError | None, size: int, found: Findings) -> None:
    """Say that none of the log's keys signed the kept checkpoint.

    Raises:
        CannotBeAudited: nothing else is wrong. Else an entry that is damaged may be the one that named the key.
    """
    if error is None:
        return
    if not found.count:
        raise _unrelated(error) from error
    reason = f"the kept checkpoint is not one of the log that the database names: {error}"
    found.report(Check.CHECKPOINT, size + 1, reason)


def _home(raw: bytes | None, keys: LogKeys) -> tuple[tuple[Anchor, ...], str | None]:
    """The checkpoint that the home publishes, or what is wrong with it."""
    if raw is None or not keys:
        return (), None
    try:
        return (Anchor(source=HOME, checkpoint=keys.open(raw), compact_range=None),), None
    except LedgerError as error:
        return (), f"the checkpoint that the home publishes cannot be opened: {error}"


def _tail(kept: tuple[Anchor, ...], size: int, found: Findings) -> None:
    """Say which end of the log nothing outside it binds."""
    if not kept:
        why = "no checkpoint kept outside was given: entries cut off at the end cannot be noticed"
        found.skip("whether the log goes on", 1, why)
        return
    beyond = size - kept[0].checkpoint.size
    if beyond > 0:
        found.skip("whether the newest entries may change", beyond, "they stand beyond the kept checkpoint")


def _unbound(source: AuditSource, beside: Iterable[NotChecked], found: Findings) -> None:
    """Say what the database holds that nothing in the log binds, and which of its own guards are gone."""
    rows = (
        ("idempotency keys", source.idempotency_count(), "no entry names the key under which it was asked for"),
        ("API keys", source.api_key_count(), "the log does not say who may call the service"),
        ("digests of short codes", source.short_code_count(), "they were counted; what they are is secret"),
        ("digests of stacks", source.stack_count(), "they were counted; what they are is secret"),
    )
    for what, count, why in rows:
        if count:
            found.skip(what, count, why)
    for each in beside:
        found.skip(each.what, each.count, each.why)
    guards = source.missing_guards()
    if guards:
        found.skip("guards against accidental change", len(guards), f"missing or changed: {', '.join(guards)}")


def _views(view_check: ViewCheck | None, found: Findings) -> None:
    if view_check is None:
        found.skip("views", 1, "nothing was given to rebuild and compare them with")
        return
    for problem in view_check():
        found.add(problem)
