"""The full audit: every entry twice, by position and by stream, then the checkpoints and the tables beside the log.

The auditor shares the pure core with the writer and none of its services, holds no key but those it is given, and
resolves no name that it finds in the data. Whatever the database holds is reported, never raised.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from time import perf_counter
from typing import TypeAlias

from ledger.audit.parts import PartNames, Parts
from ledger.audit.registry import Registry
from ledger.audit.report import AuditReport, Check, Findings, Problem
from ledger.audit.roots import HOME, KEPT, Anchor, Roots
from ledger.audit.rules import StreamRules
from ledger.audit.source import AuditSource, CannotBeAudited, EntryRow, PartOpener
from ledger.audit.tables import Definitions, Slots, check_head
from ledger.domain.authority import Operator, operator_of
from ledger.domain.types import Position
from ledger.domain.values import format_time
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import signature_is_good
from ledger.signing import multikey
from ledger.tlog.checkpoint import CheckpointOriginMismatch, open_checkpoint
from ledger.tlog.merkle import leaf_hash
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
    timer: Callable[[], float] = perf_counter,
) -> AuditReport:
    """Whether the recorded history is whole, honest and unchanged, with the first position where it is not.

    Args:
        vkey: the log's key as the auditor knows it; None takes the one that the database names, and says so.
        kept_checkpoint: a signed checkpoint kept outside; without one a cut tail cannot be noticed.
        own_checkpoint: the checkpoint that the home publishes, HOME/log/checkpoint.
        opener: opens private parts; None leaves their contents unchecked.
        view_check: what compares the views; None leaves them unchecked.

    Raises:
        CannotBeAudited: the database cannot be read, or the kept checkpoint is not one that `vkey` signed.
    """
    began = timer()
    found = Findings()
    operator = _operator(source, found)
    key = vkey or _named_key(operator)
    if vkey is None:
        why = "no key was given, so the one that the database itself names was believed"
        found.skip("whether this is the log it claims to be", 1, why)
    if operator is not None and key != _named_key(operator):
        found.report(Check.LOG, 1, "log.started names another log, or another checkpoint key, than the key given")
    given = _kept(kept_checkpoint, key, found, given=vkey is not None)
    home, fault = _home(own_checkpoint, key)
    roots = Roots(found, source.checkpoints(), key=key, given=(*given, *home))
    registry = None if operator is None else Registry(operator, found)
    passed = _ByPosition(source, roots, registry, found)
    passed.run()
    size = roots.size
    if registry is None:
        found.skip("signers, chains, rules and private parts", size, "the log does not begin with a good log.started")
    else:
        _by_stream(source, registry, opener, found, size)
    root = roots.finish()  # before what stands beside the log, so that a cut tail is named first
    if fault is not None:
        found.report(Check.CHECKPOINT, size + 1, fault)
    passed.parts.finish(size)
    _private(opener, passed.parts, found)
    _views(view_check, found)
    check_head(source.heads(), size, passed.latest, found)
    _tail(given, size, found)
    for damage in source.damage():
        found.report(Check.DATABASE, size + 1, f"the file of the database is damaged, or was made to mislead: {damage}")
    _unbound(source, found)
    return AuditReport(
        events=size,
        root=root,
        checkpoint=roots.judge(),
        problems=found.problems(),
        problem_count=found.count,
        not_checked=tuple(found.not_checked),
        seconds=timer() - began,
    )


class _ByPosition:
    """The first pass: bytes, places, signatures and signers of every entry, in the order of positions."""

    def __init__(self, source: AuditSource, roots: Roots, registry: Registry | None, found: Findings) -> None:
        self.parts = PartNames(source.part_names(), found)
        self.latest: datetime | None = None  # time of the entries so far
        self._source = source
        self._roots = roots
        self._registry = registry
        self._found = found
        self._due = 1
        self._strays = 0

    def run(self) -> None:
        """Read every row."""
        for row in self._source.entries():
            place = row[0]
            if type(place) is int and place >= 1:
                self._place(place)
                self._row(Position(place), row)
            else:
                self._strays += 1
        if self._strays:
            reason = f"{self._strays} rows stand at no position, but before the first one or at something else"
            self._found.report(Check.POSITION, self._roots.size + 1, reason)

    def _place(self, place: int) -> None:
        if place > self._due:
            reason = f"the entry at position {self._due} is missing: the next one is at {place}"
            self._found.report(Check.POSITION, self._due, reason)
        if place < self._due:
            self._found.report(Check.POSITION, place, f"two entries stand at position {place}")
        self._due = place + 1

    def _row(self, position: Position, row: EntryRow) -> None:
        _, originator, version, topic, state = row
        raw = state if type(state) is bytes else b""
        if type(state) is not bytes:
            self._found.report(Check.COLUMNS, position, "the entry is not stored as bytes")
        self._roots.add(leaf_hash(raw))
        try:
            entry = parse_entry(raw)
        except LedgerError as error:
            self._found.report(Check.ENTRY, position, str(error))
            self.parts.at(position)
            return
        self.parts.check(entry.recorded(position))
        said = (entry.stream.hex, entry.seq, entry.type)
        if (originator, version, topic) != said or type(version) is not int:
            self._found.report(Check.COLUMNS, position, f"the columns beside the entry do not say {said}", entry)
        if not signature_is_good(entry):
            self._found.report(Check.SIGNATURE, position, f"{entry.kid} did not sign these bytes", entry)
        else:
            self._signed(entry, position)

    def _signed(self, entry: Entry, position: Position) -> None:
        recorded = entry.recorded(position)
        if self.latest is not None and entry.at < self.latest:
            reason = f"{format_time(entry.at)} is before {format_time(self.latest)}, the time of an entry before it"
            self._found.report(Check.TIME, position, reason, entry)
        self.latest = entry.at if self.latest is None else max(self.latest, entry.at)
        if self._registry is not None:
            self._registry.admit(recorded)


def _by_stream(source: AuditSource, registry: Registry, opener: PartOpener | None, found: Findings, size: int) -> None:
    """The second pass, and the tables that follow from both."""
    slots = Slots(source, registry, found)
    StreamRules(source, registry, Parts(source, opener, registry, found), slots, found).run()
    slots.finish(size)
    definitions = Definitions(registry, found)
    definitions.check(source.definitions(), size)
    definitions.check_names(source.names(), size)


def _operator(source: AuditSource, found: Findings) -> Operator | None:
    """Who runs the log, as its first entry says under a good signature."""
    state = next((row[4] for row in source.entries() if type(row[0]) is int and row[0] >= 1), None)
    if state is None:
        found.report(Check.LOG, 1, "the log has no entry: not even log.started")
    if type(state) is not bytes:
        return None
    try:
        entry = parse_entry(state)
    except LedgerError:
        return None  # reported when its turn comes
    try:
        operator = operator_of(entry.recorded(Position(1)))
    except LedgerError as error:
        found.report(Check.LOG, 1, str(error), entry)
        return None
    return operator if signature_is_good(entry) else None


def _named_key(operator: Operator | None) -> VerifierKey | None:
    """The log's key, as its first entry names it."""
    if operator is None:
        return None
    return VerifierKey.of(operator.origin, multikey.decode(operator.checkpoint_key))


def _kept(raw: bytes | None, key: VerifierKey | None, found: Findings, *, given: bool) -> tuple[Anchor, ...]:
    """The checkpoint kept outside.

    Args:
        given: whether the auditor gave the key too; else it comes from the database that is under audit.

    Raises:
        CannotBeAudited: it is no checkpoint, or not one of the key that was given.
    """
    if raw is None:
        return ()
    if key is None:
        found.skip("the kept checkpoint", 1, "the database names no key for it, and none was given")
        return ()
    try:
        return (Anchor(source=KEPT, checkpoint=open_checkpoint(raw, key), compact_range=None),)
    except (NoteUnsigned, NoteSignatureInvalid, CheckpointOriginMismatch) as error:
        if given:
            raise CannotBeAudited(f"the kept checkpoint and the key given do not belong together: {error}") from error
        found.report(Check.CHECKPOINT, 1, f"the kept checkpoint is not one of the log that the database names: {error}")
        return ()
    except LedgerError as error:
        raise CannotBeAudited(f"the file with the kept checkpoint cannot be used: {error}") from error


def _home(raw: bytes | None, key: VerifierKey | None) -> tuple[tuple[Anchor, ...], str | None]:
    """The checkpoint that the home publishes, or what is wrong with it."""
    if raw is None or key is None:
        return (), None
    try:
        return (Anchor(source=HOME, checkpoint=open_checkpoint(raw, key), compact_range=None),), None
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


def _private(opener: PartOpener | None, parts: PartNames, found: Findings) -> None:
    if opener is None:
        found.skip("private parts", parts.count, "the vault and its master key were not there to open them")


def _unbound(source: AuditSource, found: Findings) -> None:
    """Say what the database holds that nothing in the log binds, and which of its own guards are gone."""
    rows = (
        ("idempotency keys", source.idempotency_count(), "no entry names the key under which it was asked for"),
        ("API keys", source.api_key_count(), "the log does not say who may call the service"),
        ("digests of short codes", source.short_code_count(), "they were counted; what they are is secret"),
    )
    for what, count, why in rows:
        if count:
            found.skip(what, count, why)
    guards = source.missing_guards()
    if guards:
        names = ", ".join(f"trigger {name}" for name in guards)
        found.skip("guards against accidental change", len(guards), f"missing or changed: {names}")


def _views(view_check: ViewCheck | None, found: Findings) -> None:
    if view_check is None:
        found.skip("views", 1, "nothing was given to rebuild and compare them with")
        return
    for problem in view_check():
        found.add(problem)
