"""The two passes of an audit over all entries: by position, then by stream; cut up, handed out, and put together again.

What awards are judged by, issuers and what they offer, is folded between the two, in the order of positions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ledger.audit.definitions import Definitions
from ledger.audit.marks import Marks
from ledger.audit.positions import RANGE, Range, check_place, parts_beyond, ranges
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.audit.roots import Roots
from ledger.audit.rules import Streams, StreamsTask
from ledger.audit.signed_lists import SignedLists
from ledger.audit.source import AuditSource, PartOpener
from ledger.audit.stacks import StackKeys, report_repeated
from ledger.audit.statements import Statements, Taken
from ledger.audit.tables import Slots, merged
from ledger.audit.times import Times
from ledger.audit.work import Workers
from ledger.domain.authority import Operator
from ledger.domain.events import Recorded


@dataclass(frozen=True, slots=True)
class DamageTask:
    """Asks the database what it finds wrong with its file."""

    def run(self, source: AuditSource, opener: PartOpener | None) -> Sequence[str]:
        """All of it, in sentences."""
        del opener
        return source.damage()


class Passes:
    """Every entry twice, and the tables that follow from both passes."""

    def __init__(
        self, source: AuditSource, workers: Workers, roots: Roots, operator: Operator | None, found: Findings
    ) -> None:
        self.parts = 0  # how many private parts there are
        self.latest: datetime | None = None  # time of the entries
        self.damage: Callable[[], Sequence[str]] = workers.start(DamageTask())
        self._source = source
        self._workers = workers
        self._roots = roots
        self._registry = None if operator is None else Registry(operator, found)
        self._signed = None if self._registry is None else SignedLists(source, self._registry, found)
        if operator is None or self._signed is None:
            self._statements = None
        else:
            self._statements = Statements(source, operator, self._signed, found)
        self._found = found
        self._last = 0  # position of the last entry
        self._unsound = Marks()
        self._streams: list[str] = []  # one of each range of positions

    def run(self) -> None:
        """Read every row."""
        self._by_position()
        size = self._roots.size
        done = self._by_stream()
        self.latest = self._times.finish(self._source, self._last, self._unsound, self._found)
        registry = self._registry
        if registry is None:
            why = "the log does not begin with a good log.started"
            self._found.skip("signers, chains, rules and private parts", size, why)
        else:
            lists = merged(each.lists for each in done) or {}
            issued, stacked = sum(each.issued for each in done), sum(each.stacked for each in done)
            Slots(self._source, registry, self._found, lists=lists, issued=issued, stacked=stacked).finish(size)
            definitions = Definitions(registry, self._found)
            definitions.check(self._source.definitions(), size)
            definitions.check_names(self._source.names(), size)
        if self._signed is not None:
            self._signed.finish(size)
        beyond = self._source.part_names(self._last or None)
        self.parts += parts_beyond(beyond, self._last, size, self._found)

    def _by_position(self) -> None:
        places = self._source.places(RANGE)
        self._last = places[-1] if places else 0
        self._times = Times()
        due = 1
        for done in self._workers.run(ranges(places)):
            if done.first and done.first != due:
                check_place(done.first, due, self._found)
            due = done.last + 1 if done.last else due
            self._take(done)
        strays = self._source.entry_count() - self._roots.size
        if strays:
            reason = f"{strays} rows stand at no position, but before the first one or at something else"
            self._found.report(Check.POSITION, self._roots.size + 1, reason, step=Step.PLACE)

    def _take(self, done: Range) -> None:
        """What one range of positions came to."""
        self._roots.extend(done.hashes())
        self._found.merge(done.found)
        self._times.add(done.times)
        self.parts += done.parts
        if isinstance(done.stream, str):
            self._streams.append(done.stream)
        for each in done.others:
            if isinstance(each, int):
                self._unsound.add(each)
        if self._registry is not None and self._statements is not None:
            self._fold(done, self._registry, self._statements)

    def _fold(self, done: Range, registry: Registry, statements: Statements) -> None:
        """What a range says of issuers, of what is on offer, and of how awards stand, in the order of positions."""
        others = [each for each in done.others if isinstance(each, Recorded)]
        acts = statements.prepare(done.acts, others, done.first - 1, done.last)
        every: list[Taken | Recorded] = [*others, *acts]
        for each in sorted(every, key=_position):
            if isinstance(each, Taken):
                statements.take_act(each)
            elif registry.admit(each):
                statements.take(each)

    def _by_stream(self) -> list[Streams]:
        """The second pass, in as many ranges as there are processes."""
        samples, jobs = sorted(self._streams), self._workers.jobs
        cuts = sorted({samples[len(samples) * part // jobs] for part in range(1, jobs)}) if samples else []
        bounds = [None, *cuts, None]
        done = list(self._workers.run(self._task(low, high) for low, high in pairwise(bounds)))
        if merged(each.lists for each in done) is None:
            # Whose a list is, the first stream says that uses it: it must be known before the others are judged.
            done = list(self._workers.run([self._task(None, None)]))
        keys = StackKeys()
        for each in done:
            self._found.merge(each.found)
            self._unsound.update(each.unsound)
            keys.extend(each.keys)
        if self._registry is not None:
            report_repeated(keys, self._source, self._registry, self._found)
        return done

    def _task(self, low: str | None, high: str | None) -> StreamsTask:
        return StreamsTask(registry=self._registry, last=self._last, low=low, high=high)


def _position(each: Taken | Recorded) -> int:
    return each.act.position if isinstance(each, Taken) else each.position
