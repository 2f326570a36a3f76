"""Bundles of a published log read by several processes: signatures are most of the work, each core checks its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import cast

from ledger.adapters.children import Children, children
from ledger.audit.public.bundles import BundleRead, BundleTask, BundleWorkers, OneByOne

_WORTH_IT = 20_000  # entries: below, other processes would not have begun before this one was done


class BundleBench:
    """Where a child reads bundles: it needs nothing but what it is sent."""

    @contextmanager
    def open(self) -> Iterator[Callable[[object], object]]:
        """What reads them."""
        yield lambda task: cast("BundleTask", task).run()


class ReadByProcesses:
    """The `BundleWorkers` that are processes."""

    def __init__(self, several: Children) -> None:
        self._several = several

    def run(self, tasks: Iterable[BundleTask]) -> Iterator[BundleRead]:
        """The answers in the order of the tasks, of which few are held at a time."""
        return cast("Iterator[BundleRead]", self._several.answers(tasks))


@contextmanager
def bundle_workers(jobs: int, entries: int) -> Iterator[BundleWorkers]:
    """Who reads so many entries: `jobs` processes, or this one alone where there is little to do."""
    if jobs < 2 or entries < _WORTH_IT:
        yield OneByOne()
        return
    with children(jobs, BundleBench()) as several:
        yield ReadByProcesses(several)
