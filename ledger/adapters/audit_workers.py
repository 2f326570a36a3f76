"""An audit in several processes: each opens the database by itself, and does one piece of work after the other."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from ledger.adapters.children import Children, children
from ledger.adapters.sqlite.audit_source import SqliteAuditSource, open_audit_source
from ledger.audit.source import PartOpener
from ledger.audit.work import InThisProcess, Task, Workers

T = TypeVar("T")
# How a child comes to open private parts; it must be importable, since it travels by name.
Opening: TypeAlias = Callable[[], AbstractContextManager[PartOpener | None]]

_WORTH_IT = 20_000  # entries: below, other processes would not have begun before this one was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What a child opens: a database that this process has open, and the keys to its private parts."""

    path: Path
    opening: Opening

    @contextmanager
    def open(self) -> Iterator[Callable[[object], object]]:
        """What does the pieces of an audit on it."""
        with open_audit_source(self.path) as source, self.opening() as opener:
            yield lambda task: cast("Task[object]", task).run(source, opener)


class Processes:
    """The `Workers` of an audit that are processes."""

    def __init__(self, several: Children) -> None:
        self.jobs = several.jobs
        self.pids = several.pids
        self._several = several

    def start(self, task: Task[T]) -> Callable[[], T]:
        """Begin one piece; what is returned waits for its answer."""
        begun = self._several.submit(task)
        return lambda: cast("T", begun.result())

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[T]:
        """The answers in the order of the pieces, of which few are held at a time."""
        return cast("Iterator[T]", self._several.answers(tasks))


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
    with children(jobs, database) as several:
        yield Processes(several)
