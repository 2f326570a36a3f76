"""Asks witnesses over HTTP to cosign a checkpoint, all at once, and leaves out who does not (c2sp.org/tlog-witness).

Which answers are right is decided in `ledger.tlog.witnessing`, whose cosignatures are enough in `ledger.tlog.policy`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Final

import httpx

from ledger.adapters.witness_asking import Asked, Asking, Proofs, address_of
from ledger.adapters.witness_errors import BadWitnessPolicy, WitnessClaimUnproved, WitnessError, WitnessTooSlow
from ledger.application.ports import Clock
from ledger.application.publishing_ports import WitnessAhead
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.cosignature import CosignatureInvalid, with_lines
from ledger.tlog.merkle import Hash
from ledger.tlog.note import MAX_SIGNATURES, MalformedNote, signatures
from ledger.tlog.policy import WitnessPolicy

MOST_ASKED: Final = MAX_SIGNATURES - 4  # a note has a line of each, and those of the log itself
_AGAIN: Final = timedelta(hours=1)  # an unchanged checkpoint is cosigned again
_MISSING: Final = timedelta(minutes=10)  # while the quorum is there and somebody is not
_TOO_FEW: Final = timedelta(seconds=10)
_REPEATED: Final = timedelta(minutes=10)  # one and the same failure of one witness is told again
_KEPT_OPEN: Final = (
    3.0  # seconds a connection is kept: less than servers usually do, so that it is not cut while asking
)
_NOBODY: Final[Mapping[str, WitnessError]] = MappingProxyType({})


@dataclass(slots=True)
class _Memory:
    """What is remembered between two gatherings."""

    known: dict[str, int] = field(default_factory=dict)  # the size that each witness cosigned last
    told: dict[str, tuple[type[WitnessError], datetime]] = field(default_factory=dict)
    gathered: datetime | None = None
    missing: bool = False  # somebody did not cosign
    enough: bool = False
    heard: set[str] = field(default_factory=set)  # who has cosigned since this process began
    claiming: set[str] = field(default_factory=set)  # who said that it saw more, and did not cosign since
    settled: bool = False  # whether enough were heard while nobody was claiming


class WitnessClient:
    """Gathers cosignatures. Any thread may call it; one gathering runs at a time."""

    def __init__(
        self,
        policy: WitnessPolicy,
        *,
        clock: Clock,
        failed: Callable[[WitnessError], None] = lambda _: None,
        timeout: float = 5.0,
        patience: float = 5.0,
        grace: float = 1.0,
    ) -> None:
        """
        Args:
            failed: told why a witness was left out; the same reason again after ten minutes only.
            timeout: seconds for one witness.
            patience: seconds for all together.
            grace: seconds that the others get once a quorum has cosigned.

        Raises:
            BadWitnessPolicy: an address is none, the quorum needs a witness without address, or there are more than
                `MOST_ASKED`.
        """
        self._policy = policy
        self._clock = clock
        self._failed = failed
        self._timeout = timeout
        self._patience = patience
        self._grace = grace
        self._addresses = {each.name: address_of(each) for each in policy.witnesses if each.url is not None}
        if not policy.enough(self._addresses):
            raise BadWitnessPolicy(
                "the quorum of the witness policy cannot be reached: more witnesses need an address, after the key"
            )
        if len(self._addresses) > MOST_ASKED:
            count = len(self._addresses)
            raise BadWitnessPolicy(f"the witness policy gives the address of {count}; at most {MOST_ASKED} are asked")
        self._memory = _Memory(settled=policy.enough(()))  # a quorum of nobody waits for nobody
        self._one_at_a_time = Lock()
        self._runner: asyncio.Runner | None = None
        self._http: httpx.AsyncClient | None = None

    @property
    def asked(self) -> bool:
        """Whether there is anybody to ask."""
        return bool(self._addresses)

    def reached(self, note: bytes) -> bool:
        """Whether a quorum vouches for a note; not if a line of a witness on it is false."""
        try:
            return self._policy.agreement(note).reached
        except (CosignatureInvalid, MalformedNote):
            return False

    @property
    def heard(self) -> bool:
        """Whether a quorum has cosigned since this client was made, while nobody claimed to have seen more."""
        return self._memory.settled

    def due(self, now: datetime) -> bool:
        """Whether an unchanged checkpoint is to be cosigned again: hourly, and sooner while somebody is missing."""
        memory = self._memory
        if not self.asked:
            return False
        if memory.gathered is None:
            return True
        pause = _AGAIN if not memory.missing else _MISSING if memory.enough else _TOO_FEW
        # A clock that was set back must not put it off.
        return not memory.gathered <= now < memory.gathered + pause

    def gather(
        self, note: bytes, prove: Callable[[int], tuple[Hash, ...]], opened: Callable[[bytes], Checkpoint]
    ) -> bytes:
        """The note with all cosignatures that were to be had in time; one that it had gives way to a younger one.

        Args:
            prove: the consistency path from a smaller size, above 0, to that of the note.
            opened: the checkpoint in a note that this log signed; a LedgerError where it did not.

        Raises:
            WitnessAhead: a witness shows one that the note does not continue.
            MalformedNote, MalformedCheckpoint, CosignatureInvalid: `note` cannot be asked about.
        """
        if not self.asked:
            return note
        with self._one_at_a_time:
            if self._runner is None:
                self._runner = asyncio.Runner()
            checkpoint = parse_checkpoint(signatures(note)[0])
            present = self._policy.agreement(note).names
            self._memory.known.update(dict.fromkeys(present, checkpoint.size))
            return self._runner.run(self._gather(_Gathering(note, checkpoint, Proofs(prove, opened), present)))

    def close(self) -> None:
        """Close connections; nothing can be gathered any more while this runs."""
        with self._one_at_a_time:
            if self._runner is not None:
                if self._http is not None:
                    self._runner.run(self._http.aclose())
                self._runner.close()
            self._runner = self._http = None

    async def _gather(self, gathering: "_Gathering") -> bytes:
        if self._http is None:  # made inside the loop that will use it
            self._http = httpx.AsyncClient(
                timeout=2 * self._timeout,  # of each step; for all together `Asking` waits less
                limits=httpx.Limits(keepalive_expiry=_KEPT_OPEN),
                trust_env=False,
                follow_redirects=False,
            )
        asking = Asking(self._http, gathering.note, gathering.checkpoint, gathering.of, self._timeout, self._clock)
        tasks = {
            asyncio.create_task(
                asking.ask(each, self._addresses[each.name], self._memory.known.get(each.name)), name=each.name
            )
            for each in self._policy.witnesses
            if each.name in self._addresses
        }
        failures: dict[str, WitnessError] = {}
        try:
            await self._wait(tasks, gathering, failures)
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in late:
            slow = WitnessTooSlow(task.get_name(), "was not waited for any longer")
            failures[task.get_name()] = asking.said.get(task.get_name(), slow)
        self._remember(gathering, failures)
        ahead = gathering.ahead
        if ahead is not None:
            raise WitnessAhead(ahead.witness, ahead.shown, ahead.size, ahead.asked, gathering.cosigned())
        return gathering.cosigned()

    async def _wait(
        self, tasks: Iterable["asyncio.Task[Asked]"], gathering: "_Gathering", failures: dict[str, WitnessError]
    ) -> None:
        """Take answers until all are there, or time is up."""
        loop = asyncio.get_running_loop()
        pending, until = set(tasks), loop.time() + self._patience
        waiting_for_quorum = True
        while pending:
            if waiting_for_quorum and self._policy.enough(gathering.names):
                waiting_for_quorum = False
                until = min(until, loop.time() + self._grace)
            done, pending = await asyncio.wait(
                pending, timeout=max(0.0, until - loop.time()), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return
            for task in done:
                try:
                    answer = task.result()
                except WitnessError as error:
                    failures[task.get_name()] = error
                except WitnessAhead as error:  # what the others say is worth as much as before
                    ahead = max(gathering.ahead or error, error, key=lambda each: each.size)
                    gathering.ahead = ahead
                else:
                    self._memory.heard.add(task.get_name())
                    gathering.lines[task.get_name()] = answer.line
                    self._memory.known[task.get_name()] = answer.size

    def _remember(self, gathering: "_Gathering", failures: Mapping[str, WitnessError]) -> None:
        now, memory = self._clock.now(), self._memory
        memory.gathered = now
        memory.missing = bool(failures)
        memory.claiming -= gathering.lines.keys()
        memory.claiming |= {name for name, why in failures.items() if isinstance(why, WitnessClaimUnproved)}
        memory.settled = memory.settled or (self._policy.enough(memory.heard) and not memory.claiming)
        memory.enough = memory.settled and self._policy.enough(gathering.names)
        for name in self._addresses:
            failure = failures.get(name)
            kind, at = memory.told.get(name, (None, now))
            if failure is None:
                memory.told.pop(name, None)
            elif kind is not type(failure) or not at <= now < at + _REPEATED:
                memory.told[name] = (type(failure), now)
                self._failed(failure)


@dataclass(slots=True)
class _Gathering:
    note: bytes
    checkpoint: Checkpoint
    of: Proofs
    present: tuple[str, ...]  # who had cosigned already
    lines: dict[str, bytes] = field(default_factory=dict)
    ahead: WitnessAhead | None = None  # the one that shows most

    @property
    def names(self) -> set[str]:
        return {*self.present, *self.lines}

    def cosigned(self) -> bytes:
        lines = b"".join(self.lines.values())
        return with_lines(self.note, lines) if lines else self.note
