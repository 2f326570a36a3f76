"""Plain child processes that read tasks and write answers, so that nothing of the program that started them runs again.

They are started, not forked: SQLite keeps in a process what files it has open and locked, and a forked child would
believe that it holds its parent's locks. Threads would not do: all that an audit consists of but the signatures holds
the interpreter's lock.
"""

import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from queue import SimpleQueue
from subprocess import PIPE, Popen
from typing import BinaryIO, Protocol, cast

from ledger.audit.source import CannotBeAudited
from ledger.errors import LedgerError

_AHEAD = 4  # answers held for each process until those before them are there
_CHILD = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from ledger.adapters.children import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""


class Bench(Protocol):
    """Where a child works. It travels by pickle, so what it names must be importable."""

    def open(self) -> AbstractContextManager[Callable[[object], object]]:
        """What answers a task, for as long as the `with` lasts.

        Raises:
            LedgerError: then, or from an answer: the child is told to say so, and ends.
        """
        ...


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """In the child: do what comes, until nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked as well, and ends its children
    bench = cast("Bench", _received(tasks))
    try:
        with bench.open() as do:
            while (task := _received(tasks)) is not None:
                _send(answers, do(task))
    except LedgerError as error:
        _send(answers, CannotBeAudited(str(error)))


class _Child:
    """One process and its two pipes; used by one thread at a time."""

    def __init__(self, bench: Bench) -> None:
        # The command is this interpreter and a constant.
        self._process = Popen([sys.executable, "-c", _CHILD], stdin=PIPE, stdout=PIPE)  # noqa: S603
        self.pid = self._process.pid
        self._tasks = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        self._first: Sequence[object] = (sys.path, bench)
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


class Children:
    """So many child processes, each at one task at a time."""

    def __init__(self, children: Sequence[_Child], threads: ThreadPoolExecutor) -> None:
        self.jobs = len(children)
        self.pids = [child.pid for child in children]
        self._threads = threads
        self._idle: SimpleQueue[_Child] = SimpleQueue()
        for child in children:
            self._idle.put(child)

    def submit(self, task: object) -> Future[object]:
        """Begin one task; its answer, or CannotBeAudited: the child could not go on, or is gone."""
        return self._threads.submit(self._done, task)

    def answers(self, tasks: Iterable[object]) -> Iterator[object]:
        """The answers in the order of the tasks, of which few are held at a time.

        Raises:
            CannotBeAudited: as `submit`.
        """
        waiting: deque[Future[object]] = deque()
        for task in tasks:
            waiting.append(self.submit(task))
            if len(waiting) >= _AHEAD * self.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _done(self, task: object) -> object:
        child = self._idle.get()
        try:
            return child.ask(task)
        finally:
            self._idle.put(child)


@contextmanager
def children(jobs: int, bench: Bench) -> Iterator[Children]:
    """So many processes that work at such a bench; they are gone afterwards."""
    started: list[_Child] = []
    threads = ThreadPoolExecutor(jobs, thread_name_prefix="audit")
    try:
        started.extend(_Child(bench) for _ in range(jobs))
        yield Children(started, threads)
    finally:
        for child in started:
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
