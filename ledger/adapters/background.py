"""A thread that does one piece of work after commits: publishing checkpoints, keeping views up to date."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

RETRY = 1.0  # seconds until work that failed is tried again
LOOK = 1.0  # seconds after which others are asked for news, whether they told of any or not


class Watch:
    """Tells when another process may have committed something."""

    def __init__(
        self, wait: Callable[[float], None], *, changed: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Start.

        Args:
            wait: returns after so many seconds, or before, when something was committed.
            changed: is called after each wait; must return at once.
            failed: hears of every failure to wait; nothing is missed, since `changed` is called all the same.
        """
        self._wait = wait
        self._changed = changed
        self._failed = failed
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._wait(LOOK)
            except Exception as error:  # noqa: BLE001 - the store may be back in a moment; who watches is told
                self._failed(error)
                self._stopping.wait(RETRY)
            self._changed()


class Background:
    """Calls `work` at its start, after each `wake`, and once more before it stops."""

    def __init__(
        self,
        work: Callable[[], object],
        *,
        name: str,
        interval: float,
        failed: Callable[[Exception], None],
        idle: float | None = None,
    ) -> None:
        """
        Args:
            work: does everything that is due; is called again, RETRY seconds later, after it failed.
            interval: seconds between two calls, at least.
            failed: hears of every failure; the thread goes on.
            idle: seconds after which `work` is called although nobody woke it; None: never.
        """
        self._work = work
        self._interval = interval
        self._failed = failed
        self._idle = idle
        self.failing = False  # whether the last call failed
        self._wanted = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Do what is due, then wait for commits."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Something was committed. Returns at once; any thread may call it."""
        self._wanted.set()

    def close(self) -> None:
        """Do what is due and stop."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        due = 0.0
        while True:
            self._wanted.wait(self._idle)
            stopping = self._stopping.is_set()
            if not stopping:
                self._stopping.wait(max(0.0, due - monotonic()))
            self._wanted.clear()
            pause = self._interval
            try:
                self._work()
                self.failing = False
            except Exception as error:  # noqa: BLE001 - it is tried again without another commit; who watches is told
                self.failing = True
                self._failed(error)
                self._wanted.set()
                pause = max(pause, RETRY)
            due = monotonic() + pause
            if stopping:
                return
            if self._stopping.is_set():
                self._wanted.set()
