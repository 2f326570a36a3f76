"""`testamur watch`: an issuer looks on while somebody else keeps the log, and is told what it did not do itself."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.adapters.http_log import HttpLog
from ledger.adapters.public_audit_file import open_watch
from ledger.adapters.watch_state import SqliteWatchState
from ledger.audit.public.heads import started_by
from ledger.audit.public.log import LogNotReached, LogNotReadable
from ledger.audit.public.receipts import ProvesReceipts
from ledger.audit.public.state import StateInUse
from ledger.audit.public.watched import Alarm, AlarmKind, Happened
from ledger.audit.public.watching import PUBLISHED_WITHIN, Watch
from ledger.bootstrap import clock_from_environment
from ledger.canonical import Json
from ledger.domain.types import Did
from ledger.domain.values import BadValue, format_time, issuer_did, slug, slug_of
from ledger.errors import LedgerError
from verify_api.cli.errors import REFUSED, WrongUsage
from verify_api.cli.public_audit import Believed, PolicyOption, VkeyOption, follow, read_key, read_policy
from verify_api.cli.receipts import take_receipts
from verify_api.cli.run import Run, command

_Document = Mapping[str, Json]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "watch", panel="The ledger")(watch)


def watch(
    run: Run,
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="Its short name, or its DID.")],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Remembers what was seen and told; a file for each log.")
    ],
    receipts: Annotated[
        Path | None,
        typer.Option(
            "--receipts",
            metavar="FILE",
            help="What your changing commands printed with --json, one answer in each line; it may grow meanwhile.",
        ),
    ] = None,
    vkey: VkeyOption = None,
    policy: PolicyOption = None,
    acknowledge: Annotated[
        list[int] | None,
        typer.Option("--acknowledge", metavar="POSITION", min=1, help="You know of this event; may be repeated."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end with 1 if there is an alarm.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.1, help="Between two looks.")
    ] = 10.0,
) -> int:
    """Follow a published log and tell what happens in an issuer's name; alarm where it did not do that itself.

    Alarms: an event of the issuer's keys that nobody acknowledged; with --receipts an entry in its name without a
    receipt, and a change that was acknowledged but is not published within 60 s, or as something else; a log that is
    unsound, contradicts itself, goes back, or does not answer. Every look audits what is new, as `audit --url` does.

    With --once, exit code 0: nothing to look at. 1: alarm. 2: it cannot be read. 3: the log was not reached.
    """
    if run.url is None:
        raise WrongUsage("say where the log is published: --url https://verify.college.example")
    believed = Believed(vkey=read_key(vkey), policy=read_policy(policy), state=state, jobs=os.cpu_count() or 1)
    clock = clock_from_environment()
    with HttpLog(run.url) as log:
        looking = _Looking(
            run=run, issuer=issuer, log=log, believed=believed, state=state, receipts=receipts, began=clock.now()
        )
        looking.acknowledge(acknowledge or ())
        if once:
            return REFUSED if looking.look(clock.now()) else 0
        try:
            while True:
                looking.try_to_look(clock.now())
                time.sleep(interval)
        except KeyboardInterrupt:
            return REFUSED if looking.alarmed else 0


@dataclass(slots=True, kw_only=True)
class _Looking:
    """One watch, from its first look to its last."""

    run: Run
    issuer: str
    log: HttpLog
    believed: Believed
    state: Path
    receipts: Path | None
    began: datetime  # or when the log was reached last
    lasting: set[Alarm] = field(default_factory=set)  # alarms of the last look, without their wording
    alarmed: bool = False  # whether there ever was one

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

    def look(self, now: datetime) -> int:
        """One look: what is new is told, and every alarm; how many alarms there are.

        Raises:
            LogNotReached, LogNotReadable, WrongUsage, LedgerError.
        """
        with open_watch(self.state) as memory:
            did = _did(self.issuer, memory)
            if did is not None:
                self._take_receipts(memory, did, now)  # also while the log cannot be reached
            report = follow(self.log, memory, self.believed)
            self.began = now
            did = did or _did(self.issuer, memory)
            alarms = []
            if did is not None:
                self._take_receipts(memory, did, now)
                watch = self._watch(memory, did)
                for happened, known in watch.events(now):
                    self._tell_event(happened, known)
                alarms = list(watch.alarms(report, now))
                memory.save()
        problem = report.report.first_bad
        if did is None and problem is not None:
            alarms.append(Alarm(AlarmKind.UNSOUND, f"the log is not sound: {problem.check}: {problem.reason}"))
        self._tell_alarms(alarms)
        self._tell_end(report.report.size, report.read, len(alarms), now)
        return len(alarms)

    def try_to_look(self, now: datetime) -> None:
        """One of many looks: a log that cannot be looked at is an alarm after a while, and no end."""
        try:
            self.look(now)
        except StateInUse as error:
            self.run.output.say(str(error))
        except (LogNotReached, LogNotReadable) as error:
            if now - self.began > PUBLISHED_WITHIN:
                self._tell_alarms([Alarm(AlarmKind.UNREACHED, f"the log cannot be looked at: {error}")])
            else:
                self.run.output.say(str(error))

    def _watch(self, memory: SqliteWatchState, did: Did) -> Watch:
        proving = ProvesReceipts(self.log, memory)
        return Watch(memory, memory, did, proving=proving, with_receipts=self.receipts is not None)

    def _take_receipts(self, memory: SqliteWatchState, did: Did, now: datetime) -> None:
        if self.receipts is not None:
            take_receipts(memory, did, self.receipts, now)
            memory.save()

    # ---- what is told

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
        typer.echo(json.dumps(said, ensure_ascii=False) if self.run.as_json else line)


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
