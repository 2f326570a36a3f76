"""Looks of `testamur watch`: each brings the audit up to date and tells; one that fails tells what can be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from ledger.adapters.http_log import HttpLog
from ledger.adapters.public_audit_file import open_watch
from ledger.adapters.watch_state import SqliteWatchState
from ledger.application.ports import Clock
from ledger.audit.public.follow import PublicReport
from ledger.audit.public.heads import started_by
from ledger.audit.public.log import LogNotReached, LogNotReadable
from ledger.audit.public.receipts import ProvesReceipts
from ledger.audit.public.state import StateInUse, StateOfAnotherLog
from ledger.audit.public.watched import Alarm, AlarmKind, Happened
from ledger.audit.public.watching import PUBLISHED_WITHIN, IssuerUnknown, Watch
from ledger.audit.source import CannotBeAudited
from ledger.canonical import Json
from ledger.domain.types import Did
from ledger.domain.values import BadValue, format_time, issuer_did, slug, slug_of
from ledger.errors import LedgerError
from verify_api.cli.errors import PipeClosed, Unprintable, WrongUsage
from verify_api.cli.public_audit import Believed, follow
from verify_api.cli.receipts import take_receipts
from verify_api.cli.run import Run

_Document = Mapping[str, Json]
# What whoever answers can bring about, be it with one unsigned answer: none of it ends a watch.
_NOT_READ: Final = (LogNotReached, LogNotReadable, StateOfAnotherLog, CannotBeAudited)
_PATIENCE: Final = PUBLISHED_WITHIN.total_seconds()  # seconds for all files of one look
# A look that was not long enough to read a long log is followed by a longer one; nobody reads for longer than this.
_MOST_PATIENCE: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came of one look."""

    alarms: Sequence[Alarm] = ()
    report: PublicReport | None = None  # none where the log was not read to its end
    failure: LedgerError | None = None  # why not, or why a proof of a receipt could not be checked


@dataclass(slots=True, kw_only=True)
class Looking:
    """One watch, from its first look to its last."""

    run: Run
    issuer: str
    log: HttpLog
    believed: Believed
    state: Path
    receipts: Path | None
    clock: Clock
    lasting: set[Alarm] = field(default_factory=set)  # alarms of the last look, without their wording
    alarmed: bool = False  # whether there ever was one
    patience: float = _PATIENCE  # seconds for all files of the next look
    _since: datetime = field(init=False)  # when nothing was left to be read last; at first, when the watch began
    _ever: bool = field(init=False, default=False)  # whether that ever was

    def __post_init__(self) -> None:
        self._since = self.clock.now()

    def acknowledge(self, positions: Sequence[int]) -> None:
        """The issuer knows of what stands at these positions.

        Raises:
            WrongUsage: nothing was told yet that could be known.
        """
        if not positions:
            return
        with open_watch(self.state) as memory:
            did = _did(self.issuer, memory)
            if did is None:
                raise WrongUsage(f"--acknowledge: {self.state} has no events yet; watch once without it")
            self._watch(memory, did).acknowledge(positions)
            memory.save()

    def look(self) -> int:
        """The only look: what is new is told, and every alarm; how many alarms there are.

        Raises:
            LogNotReached, LogNotReadable, StateOfAnotherLog, CannotBeAudited: and there is no alarm either.
            WrongUsage, LedgerError.
        """
        self.log.allow(_MOST_PATIENCE)
        look = self._look()
        self._tell(look)
        if look.failure is not None:
            if not look.alarms:
                raise look.failure
            self.run.output.say(str(look.failure))
        return len(look.alarms)

    def try_to_look(self) -> None:
        """One of many looks: a log that cannot be looked at is an alarm after a while, and no end.

        Raises:
            WrongUsage: the receipts cannot be read.
            PipeClosed, Unprintable: what is seen cannot be told.
            LedgerError: there never was a look that was not in vain.
        """
        self.log.allow(self.patience)
        try:
            look = self._look()
        except (PipeClosed, Unprintable, WrongUsage):
            raise
        except LedgerError as error:
            if not (self._ever or isinstance(error, StateInUse)):
                raise
            look = Look(failure=error)
        now = self.clock.now()
        if look.failure is None:
            self._since, self._ever, self.patience = now, True, _PATIENCE
        else:
            self.patience = min(2 * self.patience, _MOST_PATIENCE)
            if now - self._since > PUBLISHED_WITHIN:
                unreached = Alarm(AlarmKind.UNREACHED, f"the log cannot be looked at: {look.failure}")
                look = replace(look, alarms=(*look.alarms, unreached))
            else:
                self.run.output.say(str(look.failure))
                if look.report is None:  # it may be there again in a moment
                    return
        self._tell(look)

    def _look(self) -> Look:
        report: PublicReport | None = None
        failure: LedgerError | None = None
        with open_watch(self.state) as memory:
            did = _did(self.issuer, memory)
            if did is not None:
                self._take_receipts(memory, did)  # also while the log cannot be reached
            try:
                report = follow(self.log, memory, self.believed)
            except _NOT_READ as error:
                failure = error
                memory.undo()  # what it has not judged for good
            did = did or _did(self.issuer, memory)
            alarms: list[Alarm] = []
            if did is not None:
                self._take_receipts(memory, did)
                watch = self._watch(memory, did)
                self._tell_events(watch, read=report is not None)
                alarms += watch.alarms(report, self.clock.now())
                failure = failure or watch.unproved
                memory.save()
        problem = None if report is None else report.report.first_bad
        if did is None and problem is not None:
            alarms.append(Alarm(AlarmKind.UNSOUND, f"the log is not sound: {problem.check}: {problem.reason}"))
        return Look(alarms=alarms, report=report, failure=failure)

    def _watch(self, memory: SqliteWatchState, did: Did) -> Watch:
        proving = ProvesReceipts(self.log, memory)
        return Watch(memory, memory, did, proving=proving, with_receipts=self.receipts is not None)

    def _take_receipts(self, memory: SqliteWatchState, did: Did) -> None:
        if self.receipts is not None:
            take_receipts(memory, did, self.receipts, self.clock.now())
            memory.save()

    # ---- what is told

    def _tell_events(self, watch: Watch, *, read: bool) -> None:
        """What happened and was not told before.

        Raises:
            IssuerUnknown: the log was read to its end, and there is no such issuer.
        """
        try:
            for happened, known in watch.events(self.clock.now()):
                self._tell_event(happened, known)
        except IssuerUnknown:
            if read:
                raise

    def _tell(self, look: Look) -> None:
        self._tell_alarms(look.alarms)
        if look.report is not None:
            self._tell_end(look.report.report.size, look.report.read, len(look.alarms), self.clock.now())

    def _tell_event(self, happened: Happened, known: bool | None) -> None:
        position, stream, seq, wire, by, kid, at, about_keys = happened
        said: dict[str, Json] = {"event": "entry", "position": position, "stream": str(stream), "seq": seq}
        said |= {"type": wire, "by": by, "kid": kid, "at": format_time(at), "receipt": known}
        without = ", without a receipt" if known is False else ""
        what = wire if about_keys is None else f"{wire}: {by} {about_keys}"
        self._print(said, f"position {position}, {format_time(at)}: {what} (stream {stream}, entry {seq}){without}")

    def _tell_alarms(self, alarms: Sequence[Alarm]) -> None:
        """Each alarm once, as long as it lasts."""
        for alarm in alarms:
            if alarm.thing not in self.lasting:
                kind, reason, position, stream, seq = alarm
                said: dict[str, Json] = {"event": "alarm", "kind": kind.value, "reason": reason, "position": position}
                said |= {"stream": None if stream is None else str(stream), "seq": seq}
                self._print(said, f"ALARM {kind}: {reason}")
        self.lasting = {alarm.thing for alarm in alarms}
        self.alarmed = self.alarmed or bool(alarms)

    def _tell_end(self, size: int, read: int, alarms: int, now: datetime) -> None:
        said: dict[str, Json] = {
            "event": "looked",
            "at": format_time(now),
            "size": size,
            "read": read,
            "alarms": alarms,
        }
        if read or alarms:
            self._print(said, f"{size} entries, {read} of them new: {alarms or 'no'} alarm{'s' * (alarms != 1)}")

    def _print(self, said: _Document, line: str) -> None:
        self.run.output.event(said, line)


def _did(issuer: str, memory: SqliteWatchState) -> Did | None:
    """The issuer's DID; None where only the log can tell it, and nothing of that was read.

    Raises:
        WrongUsage: it is neither a DID nor a short name.
    """
    try:
        if issuer.startswith("did:"):
            slug_of(Did(issuer))
            return Did(issuer)
        name = slug(issuer)
    except BadValue as error:
        raise WrongUsage(f"ISSUER: {error}") from error
    first = next((raw for _, raw in memory.others()), None)
    try:
        return None if first is None else issuer_did(started_by(first).did, name)
    except LedgerError:
        return None
