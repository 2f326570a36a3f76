"""The thread that publishes checkpoints: soon after commits, at most once a second, and before it stops."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

INTERVAL = 1.0  # seconds between two checkpoints


class Publisher:
    """Calls `publish` after commits."""

    def __init__(self, publish: Callable[[], object], *, failed: Callable[[Exception], None]) -> None:
        """
        Args:
            publish: publishes everything recorded; is called again, an interval later, after it failed.
            failed: hears of every failure; the thread goes on.
        """
        self._publish = publish
        self._failed = failed
        self._wanted = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Publish what is due, then wait for commits."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Something was committed. Returns at once; any thread may call it."""
        self._wanted.set()

    def close(self) -> None:
        """Publish what is due and stop."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        last = -INTERVAL
        while True:
            self._wanted.wait()
            stopping = self._stopping.is_set()
            if not stopping:
                self._stopping.wait(max(0.0, last + INTERVAL - monotonic()))
            self._wanted.clear()
            try:
                self._publish()
            except Exception as error:  # noqa: BLE001 - it is tried again without another commit; who watches is told
                self._failed(error)
                self._wanted.set()
            last = monotonic()
            if stopping:
                return
            if self._stopping.is_set():
                self._wanted.set()
