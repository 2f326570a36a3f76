"""Pieces of work that read the database by themselves, and who does them: this process, or several others.

A piece gives the same answer whoever does it, and answers are taken in the order of the pieces, so that a report does
not show how many processes wrote it. Where others read the database, they open it after this process did: what was
recorded up to its last position never changes, and every piece ends there.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from ledger.audit.source import AuditSource, PartOpener

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """A piece of work that can be sent to another process."""

    def run(self, source: AuditSource, opener: PartOpener | None) -> T_co:
        """Do it.

        Raises:
            CannotBeAudited.
        """
        ...


class Workers(Protocol):
    """Those who do the work."""

    @property
    def jobs(self) -> int:
        """How many pieces they do at the same time."""
        ...

    def start(self, task: Task[T]) -> Callable[[], T]:
        """Begin one piece; what is returned waits for its answer.

        Raises:
            CannotBeAudited: when it is waited for, what the piece raised; or whoever did it is gone.
        """
        ...

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[T]:
        """The answers in the order of the pieces, of which few are held at a time.

        Raises:
            CannotBeAudited: as `start`.
        """
        ...


class InThisProcess:
    """Does one piece after the other."""

    jobs = 1

    def __init__(self, source: AuditSource, opener: PartOpener | None) -> None:
        self._source = source
        self._opener = opener

    def start(self, task: Task[T]) -> Callable[[], T]:
        """What is returned does the piece."""
        return lambda: task.run(self._source, self._opener)

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[T]:
        """The answers, each piece done when it is asked for."""
        for task in tasks:
            yield task.run(self._source, self._opener)
