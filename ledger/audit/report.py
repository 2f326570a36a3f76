"""What an audit answers: whether the history is sound, the first bad position, and what could not be checked."""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from ledger.canonical import Json
from ledger.domain.events import Recorded
from ledger.record.encoding import to_text
from ledger.record.entry import Entry

MOST_PROBLEMS = 100  # that a report lists; all are counted


class Check(StrEnum):
    """What an audit checks; a problem names the check that failed."""

    POSITION = "position"  # dense from 1
    ENTRY = "entry"  # bytes of an entry, in their one spelling
    COLUMNS = "columns"  # equal to what the entry says
    SIGNATURE = "signature"
    TIME = "time"
    LOG = "log"  # begins with log.started, of the log whose key was given
    SIGNER = "signer"  # may sign this type here, with a key in force as far as was known
    POSSESSION = "possession"  # who adds a key holds it
    ORDER = "order"  # this event may follow the ones before it
    CHAIN = "chain"  # prev is the digest of the entry before
    SEQ = "seq"  # dense from 0 in each stream
    ROOT = "root"  # of all entries, as a signed checkpoint says
    CHECKPOINT = "checkpoint"  # can be read, and is not ahead of the store
    TILE = "tile"  # what a log shows belongs to the tree that it signed
    HISTORY = "history"  # all checkpoints that were ever seen are of one history, and the log does not go back
    STATEMENT = "statement"  # follows from the entries before it, and ends every published tree
    WITNESS = "witness"  # enough of those that the auditor names vouch for the checkpoint
    PARTS = "parts"  # exactly those committed to, and they open
    COMMITMENT = "commitment"
    DOCUMENT = "document"  # says what the facts say, signed by the key of the entry
    FACTS = "facts"
    INTERNAL = "internal"
    ACHIEVEMENT = "achievement"  # the version awarded was on offer then
    STACK = "stack"  # components pinned, in force and enough at its position
    DEFINITION = "definition"
    NAME = "name"
    SLOT = "slot"
    STATUS_LIST = "status_list"  # as it was signed for other software: what the statement says, by a good key
    SHORT_CODE = "short_code"
    HEAD = "head"
    VIEW = "view"
    DATABASE = "database"  # its indexes lead a reader to every row


class Step(IntEnum):
    """When a problem is looked for: of several at one position, that of the earlier step comes first."""

    CUT = 0  # the log is cut off there, the cause of whatever else is wrong
    PLACE = 1
    NAMES = 2  # of private parts
    ENTRY = 3
    TIME = 4
    SIGNER = 5
    STREAM = 6
    BESIDE = 7  # the log


_OF_BYTES = frozenset(
    (Check.POSITION, Check.ENTRY, Check.COLUMNS, Check.SIGNATURE, Check.TIME, Check.LOG, Check.SIGNER, Check.CHAIN)
) | {Check.SEQ, Check.ORDER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where."""

    position: int  # from 1; one beyond the last entry for what is missing there or stands beside the log
    stream: str | None
    seq: int | None
    check: Check
    reason: str  # a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChecked:
    """Something that this audit could not look at."""

    what: str
    count: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The signed checkpoint that the history was judged by."""

    source: str  # kept, home, database or log
    size: int
    root: bytes  # 32 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The outcome of one audit."""

    events: int
    root: bytes  # 32 bytes, computed from the entries
    checkpoint: Judge | None
    problems: tuple[Problem, ...]  # the first MOST_PROBLEMS, by position; at each one a cut tail comes first
    problem_count: int
    not_checked: tuple[NotChecked, ...]
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether everything that was checked is as it must be."""
        return self.problem_count == 0

    @property
    def size(self) -> int:
        """Of the tree whose root was computed: every entry is a leaf."""
        return self.events

    @property
    def first_bad(self) -> Problem | None:
        """The problem at the lowest position."""
        return self.problems[0] if self.problems else None


Kept: TypeAlias = tuple[int, int, int, Problem]  # position, step, number of the report


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one piece of work found, as it travels from one process to another."""

    kept: tuple[Kept, ...]
    count: int  # of all problems, also those beyond the kept ones


class Findings:
    """Collects problems in any order; keeps the first of them by position, and counts all."""

    def __init__(self) -> None:
        self.count = 0
        self.not_checked: list[NotChecked] = []
        self._kept: list[Kept] = []

    def report(
        self,
        check: Check,
        position: int,
        reason: str,
        of: Entry | Recorded | None = None,
        step: Step = Step.BESIDE,
    ) -> None:
        """Record a problem with the entry `of`, or with what stands at `position`."""
        stream, seq = (None, None) if of is None else (str(of.stream), of.seq)
        self.add(Problem(position=position, stream=stream, seq=seq, check=check, reason=reason), step)

    def add(self, problem: Problem, step: Step = Step.BESIDE) -> None:
        """Record a problem that somebody else found."""
        self.count += 1
        self._keep(problem, step)

    def found(self) -> Found:
        """All of it, to be merged elsewhere."""
        return Found(kept=tuple(self._kept), count=self.count)

    def merge(self, found: Found) -> None:
        """Record what a piece of work found, in its order."""
        before = self.count
        for *_, step, number, problem in found.kept:
            self.count = before + number
            self._keep(problem, step)
        self.count = before + found.count

    def skip(self, what: str, count: int, why: str) -> None:
        """Record that something could not be checked."""
        self.not_checked.append(NotChecked(what=what, count=count, why=why))

    def problems(self) -> tuple[Problem, ...]:
        """The first problems, by position, then by step, then as they were reported."""
        return tuple(problem for *_, problem in self._kept)

    def _keep(self, problem: Problem, step: int) -> None:
        insort(self._kept, (problem.position, step, self.count, problem))
        del self._kept[MOST_PROBLEMS:]  # memory stays flat however much is wrong

    def first_between(self, low: int, high: int) -> Problem | None:
        """The first problem with an entry's bytes or place between two positions."""
        return next(
            (each for each in self.problems() if low <= each.position <= high and each.check in _OF_BYTES), None
        )


def to_json(report: AuditReport) -> dict[str, Json]:
    """The report as `audit --json` prints it; `seconds` is a decimal string, since JSON here has no floats."""
    judge = report.checkpoint
    return {
        "sound": report.sound,
        "events": report.events,
        "size": report.size,
        "root": to_text(report.root),
        "checkpoint": None
        if judge is None
        else {"source": judge.source, "size": judge.size, "root": to_text(judge.root)},
        "first_bad": None if report.first_bad is None else _problem(report.first_bad),
        "problems": [_problem(problem) for problem in report.problems],
        "problem_count": report.problem_count,
        "not_checked": [{"what": each.what, "count": each.count, "why": each.why} for each in report.not_checked],
        "seconds": f"{report.seconds:.3f}",
    }


def _problem(problem: Problem) -> dict[str, Json]:
    fields: Mapping[str, Json] = {
        "position": problem.position,
        "stream": problem.stream,
        "seq": problem.seq,
        "check": problem.check.value,
        "reason": problem.reason,
    }
    return dict(fields)
