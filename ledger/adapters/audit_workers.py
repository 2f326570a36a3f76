"""An audit in several processes: each opens the database by itself, and does one piece of work after the other.

They are started, not forked: SQLite keeps in a process what files it has open and locked, and a forked child would
believe that it holds its parent's locks. Threads would not do: all that the work consists of but the signatures holds
the interpreter's lock. Each is a plain child that reads tasks and writes answers, so that nothing of the program that
started it runs again in it.
"""

import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE, Popen
from typing import BinaryIO, TypeAlias, TypeVar, cast

from ledger.adapters.sqlite.audit_source import SqliteAuditSource, open_audit_source
from ledger.audit.source import CannotBeAudited, PartOpener
from ledger.audit.work import InThisProcess, Task, Workers
from ledger.errors import LedgerError

T = TypeVar("T")
# How a child comes to open private parts; it must be importable, since it travels by name.
Opening: TypeAlias = Callable[[], AbstractContextManager[PartOpener | None]]

_WORTH_IT = 20_000  # entries: below, other processes would not have begun before this one was done
_AHEAD = 4  # answers held for each process until those before them are there
_CHILD = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from ledger.adapters.audit_workers import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What a child opens: a database that this process has open, and the keys to its private parts."""

    path: Path
    opening: Opening


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """In the child: do what comes, until nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked as well, and ends its children
    database = cast("Database", _received(tasks))
    try:
        with open_audit_source(database.path) as source, database.opening() as opener:
            while (task := _received(tasks)) is not None:
                _send(answers, cast("Task[object]", task).run(source, opener))
    except LedgerError as error:
        _send(answers, CannotBeAudited(str(error)))


class _Child:
    """One process and its two pipes; used by one thread at a time."""

    def __init__(self, database: Database) -> None:
        # The command is this interpreter and a constant.
        self._process = Popen([sys.executable, "-c", _CHILD], stdin=PIPE, stdout=PIPE)  # noqa: S603
        self.pid = self._process.pid
        self._tasks = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        self._first: Sequence[object] = (sys.path, database)
        self._failure: CannotBeAudited | None = None

    def ask(self, task: object) -> object:
        """The answer to a task."""
        with suppress(BrokenPipeError):  # what it had to say, or that it is gone, is read below
            for each in (*self._first, task):
                _send(self._tasks, each)
        self._first = ()
        answer = _received(self._answers)
        if answer is None:
            reason = "a process that took part in the audit ended before its work was done"
            answer = self._failure or CannotBeAudited(reason)
        if isinstance(answer, CannotBeAudited):
            self._failure = answer  # it has nothing more to say
            raise answer
        return answer

    def end(self) -> None:
        """Let it go, whatever it is at."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        with suppress(BrokenPipeError):  # what was not sent any more
            self._tasks.close()


class Processes:
    """The `Workers` of an audit that are processes."""

    def __init__(self, children: Sequence[_Child], threads: ThreadPoolExecutor) -> None:
        self.jobs = len(children)
        self.pids = [child.pid for child in children]
        self._threads = threads
        self._idle: SimpleQueue[_Child] = SimpleQueue()
        for child in children:
            self._idle.put(child)

    def start(self, task: Task[T]) -> Callable[[], T]:
        """Begin one piece; what is returned waits for its answer."""
        return self._submit(task).result

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[T]:
        """The answers in the order of the pieces, of which few are held at a time."""
        waiting: deque[Future[T]] = deque()
        for task in tasks:
            waiting.append(self._submit(task))
            if len(waiting) >= _AHEAD * self.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _submit(self, task: Task[T]) -> Future[T]:
        return self._threads.submit(self._done, task)

    def _done(self, task: Task[T]) -> T:
        child = self._idle.get()
        try:
            return cast("T", child.ask(task))
        finally:
            self._idle.put(child)


@contextmanager
def no_parts() -> Iterator[None]:
    """The opening of an audit that has no keys."""
    yield None


@contextmanager
def workers(jobs: int, source: SqliteAuditSource, opener: PartOpener | None, opening: Opening) -> Iterator[Workers]:
    """Who does the work of an audit: `jobs` processes, or this one alone where there is little to do.

    Args:
        opener, opening: open private parts in this process and in others.
    """
    if jobs < 2 or source.entry_count() < _WORTH_IT:
        yield InThisProcess(source, opener)
        return
    with processes(jobs, Database(path=source.path, opening=opening)) as several:
        yield several


@contextmanager
def processes(jobs: int, database: Database) -> Iterator[Processes]:
    """So many processes that read the database; they are gone afterwards.

    The database must be open in this process already: what the others see then holds all that this one sees.
    """
    children: list[_Child] = []
    threads = ThreadPoolExecutor(jobs, thread_name_prefix="audit")
    try:
        children.extend(_Child(database) for _ in range(jobs))
        yield Processes(children, threads)
    finally:
        for child in children:
            child.end()
        threads.shutdown(cancel_futures=True)


def _send(stream: BinaryIO, what: object) -> None:
    pickle.dump(what, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _received(stream: BinaryIO) -> object:
    """The next object; None where the other end is closed."""
    try:
        return cast("object", pickle.load(stream))  # noqa: S301  (from our own child, or our own parent)
    except (EOFError, pickle.UnpicklingError):  # the latter where it ended in the middle
        return None
