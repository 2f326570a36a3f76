"""One reading of the store for all commands that decide in the same turn of the event loop.

Sixty-four callers woken by one commit would otherwise each open a snapshot and look up the same issuer, achievement,
key and status list. What they decide is guarded one by one, so whoever is overtaken meanwhile decides again.

Whoever runs before a reading ends was due before it began: the end is put into the loop's queue when it begins, and
what another commit wakes is queued behind it. So nobody decides on less than what was answered to them before.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from ledger.application.draft import Reading
from ledger.application.ports import Snapshot, Store
from ledger.errors import LedgerError

_logger = logging.getLogger(__name__)


class Turns:
    """The readings that are open, one for each event loop at most."""

    def __init__(self, store: Store, read: Callable[[Snapshot], Reading]) -> None:
        self._store = store
        self._read = read
        self._open: dict[asyncio.AbstractEventLoop, tuple[Reading, ExitStack]] = {}

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """The reading of this turn; it must not be used after the next `await`.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        loop = asyncio.get_running_loop()
        reading, opened = self._open.get(loop) or self._begin(loop)
        try:
            yield reading
        except LedgerError:  # a refusal: nothing is wrong with the snapshot
            raise
        except BaseException as error:  # perhaps something is, and its own context says what
            self._open.pop(loop, None)
            opened.__exit__(type(error), error, error.__traceback__)
            raise

    def _begin(self, loop: asyncio.AbstractEventLoop) -> tuple[Reading, ExitStack]:
        with ExitStack() as stack:
            reading = self._read(stack.enter_context(self._store.snapshot()))
            begun = self._open[loop] = (reading, stack.pop_all())
        loop.call_soon(self._end, loop)
        return begun

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        begun = self._open.pop(loop, None)
        if begun is None:
            return
        try:
            begun[1].close()
        except LedgerError as error:  # everything was read, and how a reading ends changes none of it
            _logger.warning("a reading of the store did not end as it should: %s", error)
