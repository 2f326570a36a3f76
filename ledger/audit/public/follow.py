"""The public audit: a published log, read on from where it was left, held against all that was ever seen of it.

Nothing is believed but the keys that the auditor gives, or the one that the log itself names, which is then said.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter

from ledger.audit import report as reports
from ledger.audit.public.breaks import Breaks, KeepNote
from ledger.audit.public.days import Holding, hold_days
from ledger.audit.public.given import confirm
from ledger.audit.public.heads import (
    agreement_on,
    first_key,
    is_signed,
    is_vouched_for,
    keys_of,
    open_kept,
    read_shown,
    started_by,
    those_of,
    who_may_sign,
)
from ledger.audit.public.history import NOT_SHOWN
from ledger.audit.public.judge import Judge
from ledger.audit.public.log import LogNotReadable, PublishedLog
from ledger.audit.public.reading import Hiring, Reading
from ledger.audit.public.state import AuditState, Identity, Seen, StateNotUsable, StateOfAnotherLog
from ledger.audit.public.unchecked import say_what_was_not_checked
from ledger.audit.report import AuditReport, Check, Findings, Step
from ledger.domain.authority import Operator
from ledger.domain.log import checkpoint_keys
from ledger.errors import LedgerError
from ledger.tlog.merkle import EMPTY_ROOT, leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Agreement, WitnessPolicy
from ledger.tlog.tile_reader import TileReader

LOG = "log"  # where the checkpoint comes from that a log is judged by


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the auditor has besides the state."""

    keys: tuple[VerifierKey, ...] = ()  # of this log
    kept: bytes | None = None  # a signed checkpoint
    policy: WitnessPolicy | None = None
    now: datetime | None = None  # by the auditor's clock; a cosignature of a later time counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicReport:
    """The outcome of one public audit."""

    report: AuditReport
    origin: str
    note: bytes  # the checkpoint that was shown
    read: int  # entries that this run read
    evidence: tuple[str, ...]  # where signed notes were put: two that no honest log shows, or one without its tree
    agreement: Agreement | None  # of the witnesses, where there is a policy


def audit_published(
    log: PublishedLog,
    state: AuditState,
    asked: Asked,
    *,
    hiring: Hiring,
    keep_note: KeepNote,
    pause: Callable[[], None] = lambda: None,
    timer: Callable[[], float] = perf_counter,
) -> PublicReport:
    """Whether the log goes on from all that was seen of it, and every entry since then stands where it may.

    What was judged is in the state when this returns or raises, and nothing else.

    Args:
        pause: waits a moment, before a log that seems to go back is asked again.

    Raises:
        LogNotReached: nothing can be said, or not of all of it; the next run goes on from there.
        LogNotReadable: there is no such log, or nobody known signed what it shows.
        StateOfAnotherLog, StateNotUsable, CannotBeAudited.
    """
    began = timer()
    audit = _Audit(log, state, asked, keep_note, pause)
    audit.run(hiring)
    return audit.report(timer() - began)


class _Audit:
    """One run."""

    def __init__(
        self, log: PublishedLog, state: AuditState, asked: Asked, keep_note: KeepNote, pause: Callable[[], None]
    ) -> None:
        """See what the log shows."""
        self._log = log
        self._state = state
        before = (*state.seen()[-1:], *state.unheld()[-1:])
        self._shown = read_shown(log, seen=max((each.size for each in before), default=0), pause=pause)
        self._identity = state.identity()
        self._asked = self._of_this_log(asked)
        self._now = Findings()  # what is wrong with what is shown; of entries the judge keeps account
        self._breaks = Breaks(log, state, self._now, keep_note)
        self._judge: Judge | None = None
        self._began = 0
        self._is_new = self._identity is None

    def run(self, hiring: Hiring) -> None:
        """Read on, as far as the log shows one history."""
        signed = is_signed(self._shown.note, self._asked.keys)  # refused, if falsely in their name
        if self._state.progress() is None:  # else more is known of who signs
            self._suspect(signed=signed, signers=lambda _: frozenset(self._asked.keys))
        reader = TileReader(self._shown.claimed.size, self._shown.claimed.root, self._log.fetch)
        try:
            operator = self._operator(reader)
            if operator is None:
                return
            judge = self._judge = Judge(self._state, operator)
            self._began = judge.size
            signed = self._is_signed(judge, operator)
            self._suspect(signed=signed, signers=partial(who_may_sign, self._known(judge, operator), judge.log))
            kept = self._open_kept(self._known(judge, operator))
            if not self._breaks.goes_on(self._shown.seen, kept, reader, judge.tree, signed=signed):
                return
        except NOT_SHOWN as error:
            self._breaks.not_shown(error, self._shown.seen if signed else None)
            return
        if signed:
            self._remember()
        reading = Reading(self._log, self._state, judge, reader, operator.origin)
        if reading.run(hiring, self._now, saving=signed):
            self._finish(judge, reader, signed=signed, compared=kept is not None)

    def report(self, seconds: float) -> PublicReport:
        """What came of it."""
        judge, claimed, found = self._judge, self._shown.claimed, Findings()
        if judge is not None:
            found.merge(judge.found.found())
        agreement = agreement_on(self._asked.policy, self._shown, self._now, self._asked.now)
        self._breaks.remind()
        found.merge(self._now.found())
        say_what_was_not_checked(
            judge,
            found,
            pinned=self._identity is not None and self._identity.pinned,
            given=bool(self._asked.keys),
            is_first=self._is_new and self._asked.kept is None,
            witnessed=self._asked.policy is not None,
        )
        return PublicReport(
            report=AuditReport(
                events=0 if judge is None else judge.size,
                root=EMPTY_ROOT if judge is None else judge.tree.root(),
                checkpoint=reports.Judge(source=LOG, size=claimed.size, root=claimed.root),
                problems=found.problems(),
                problem_count=found.count,
                not_checked=tuple(found.not_checked),
                seconds=seconds,
            ),
            origin=claimed.origin,
            note=self._shown.note,
            read=0 if judge is None else judge.size - self._began,
            evidence=tuple(self._breaks.evidence),
            agreement=agreement,
        )

    # ---- which log it is

    def _of_this_log(self, asked: Asked) -> Asked:
        """What the auditor has, without keys of other logs.

        Raises:
            StateOfAnotherLog: what is remembered is of another log.
            LogNotReadable: all keys that the auditor has are of other logs.
        """
        origin, identity = self._shown.claimed.origin, self._identity
        if identity is not None and identity.origin != origin:
            raise StateOfAnotherLog(
                f"the state is of the log {identity.origin}, and this one calls itself {origin!a}: "
                "give each log a state of its own"
            )
        return replace(asked, keys=those_of(origin, asked.keys))

    def _operator(self, reader: TileReader) -> Operator | None:
        """Who runs the log; None where it does not begin as a log does, which is reported."""
        first = next((raw for _, raw in self._state.others()), None)
        if first is not None:
            try:
                return started_by(first)
            except LedgerError as error:
                raise StateNotUsable(f"the state is damaged: {error}") from error
        if reader.size == 0:
            self._now.report(Check.LOG, 1, "the log has no entry: not even log.started", step=Step.PLACE)
            return None
        raw = next(reader.entries(0, 1))
        try:
            operator = started_by(raw)
        except LedgerError as error:
            self._now.report(Check.LOG, 1, str(error), step=Step.PLACE)
            return None
        if operator.origin != self._shown.claimed.origin:
            reason = f"log.started names the log {operator.origin}, and the checkpoint another one"
            self._now.report(Check.LOG, 1, reason, step=Step.PLACE)
            return None
        pinned = self._identity is not None and self._identity.pinned
        self._identity = Identity(origin=operator.origin, first=leaf_hash(raw), pinned=pinned)
        return operator

    # ---- who signs for it

    def _known(self, judge: Judge, operator: Operator) -> frozenset[VerifierKey]:
        """All keys that the auditor had ever a reason to believe, before anything new was read."""
        if judge.log is not None:
            return frozenset((*self._asked.keys, *keys_of(judge.log)))
        # A log that was never read names whom it likes: it is asked only where the auditor knows no better.
        return frozenset(self._asked.keys or (first_key(operator),))

    def _suspect(self, *, signed: bool, signers: Callable[[int], frozenset[VerifierKey]]) -> None:
        """Keep what is shown, and what was shown first and taken back, if somebody known signed it."""
        before = (each for each in self._shown.before if is_vouched_for(each.note, signers(each.claimed.size)))
        self._breaks.suspect(each.seen for each in (*before, *((self._shown,) if signed else ())))

    def _is_signed(self, judge: Judge, operator: Operator) -> bool:
        """Whether a key that is known already signed what is shown.

        If the log's key was followed by another one since it was read last, its own entries will tell. Then nothing of
        it is kept before they did.

        Raises:
            LogNotReadable: nobody whom the auditor could come to believe signed it, or somebody falsely.
        """
        known = self._known(judge, operator)
        if is_signed(self._shown.note, who_may_sign(known, judge.log, self._shown.claimed.size)):
            return True
        if judge.log is None and self._asked.keys:
            # Only a checkpoint of a known key that holds log.started says by whom later keys are announced.
            kept = self._open_kept(known)
            if kept is None or kept.size == 0:
                raise LogNotReadable(
                    "the key given did not sign the checkpoint that this log shows; if it was the log's key once, give "
                    "the present one, or --checkpoint with one that the key given did sign"
                )
        return False

    def _open_kept(self, known: frozenset[VerifierKey]) -> Seen | None:
        """The checkpoint that the auditor kept, if one of these keys signed it."""
        raw = self._asked.kept
        kept = None if raw is None else open_kept(raw, known)
        return None if raw is None or kept is None else Seen(kept.size, kept.root, raw, kept=True)

    def _remember(self) -> None:
        """What is shown is this log's, and goes on from all that was seen of it."""
        if self._identity is not None:
            self._state.identify(self._identity)
        self._state.see(self._shown.seen)
        self._state.save()

    # ---- what is asked at the end

    def _finish(self, judge: Judge, reader: TileReader, *, signed: bool, compared: bool) -> None:
        size, log = reader.size, judge.log
        named = () if log is None else keys_of(log, checkpoint_keys(log, size))
        if not is_signed(self._shown.note, named):
            if not signed:
                self._state.undo()
                raise LogNotReadable("no key of this log signed the checkpoint that it shows")
            reason = f"the checkpoint is not signed by a key that the log itself names for {size} entries"
            self._now.report(Check.CHECKPOINT, size, reason, step=Step.PLACE)
        if judge.tree.root() != reader.root:
            reason = "the entries do not have the root that the checkpoint signed"
            self._now.report(Check.ROOT, size, reason)
        if size and (judge.progress.statement or (0, 0))[0] != size:
            reason = "the last entry of the published tree is no status.committed"
            self._now.report(Check.STATEMENT, size, reason)
        if not signed:
            self._remember()
        if self._asked.kept is not None and not compared:
            kept = self._open_kept(frozenset(() if log is None else keys_of(log)))
            if kept is None:
                raise LogNotReadable("the kept checkpoint is none that a key of this log signed")
            self._breaks.goes_on(self._shown.seen, kept, reader, judge.tree)
        if log is not None and self._identity is not None:
            self._identity = confirm(self._state, self._identity, log, self._asked.keys, self._now)
            holding = Holding(
                log=self._log,
                state=self._state,
                own=log,
                shown=self._shown.seen,
                reader=reader,
                breaks=self._breaks,
                found=self._now,
            )
            hold_days(holding, judge.progress)
