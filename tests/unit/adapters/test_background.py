"""The publishing thread, by a clock that tests move: at most once a second, at the end, and again after a failure."""

from collections.abc import Callable
from threading import Event

import pytest

from ledger.adapters import background as module
from ledger.adapters.background import Background

INTERVAL = 1.0


class Scene:
    """What the publisher is given, and what it did with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.published: list[float] = []
        self.failures: list[Exception] = []
        self.failing = 0  # how many of the next calls fail
        self.happened = Event()
        self.waits: list[float] = []
        self.publisher = Background(self._publish, name="publisher", interval=INTERVAL, failed=self._failed)
        self._stopping = self.publisher._stopping
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(self.publisher, "_stopping", self)

    def _publish(self) -> object:
        if self.failing:
            self.failing -= 1
            raise OSError("no space left on device")
        self.published.append(self.now)
        self.happened.set()
        return None

    def _failed(self, error: Exception) -> None:
        self.failures.append(error)
        self.happened.set()

    # The publisher waits for its end between two checkpoints; here the wait moves the clock instead.

    def is_set(self) -> bool:
        return self._stopping.is_set()

    def set(self) -> None:
        self._stopping.set()

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self.now += timeout
        return self._stopping.is_set()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the thread."""
        while not condition():
            assert self.happened.wait(60)
            self.happened.clear()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_what_was_due_is_published_at_the_start(scene: Scene) -> None:
    scene.publisher.start()
    scene.until(lambda: len(scene.published) == 1)
    assert scene.waits == [0.0]
    scene.publisher.close()


def test_commits_are_published_at_most_once_an_interval(scene: Scene) -> None:
    scene.publisher.start()
    for count in range(2, 7):
        scene.until(lambda count=count: len(scene.published) >= count - 1)  # type: ignore[misc]
        for _ in range(20):
            scene.publisher.wake()
        scene.until(lambda count=count: len(scene.published) >= count)  # type: ignore[misc]
    scene.publisher.close()
    steps = [later - earlier for earlier, later in zip(scene.published, scene.published[1:], strict=False)]
    assert all(step >= INTERVAL for step in steps[:-1])  # but for the last one, at closing


def test_closing_publishes_without_waiting(scene: Scene) -> None:
    scene.publisher.start()
    scene.until(lambda: len(scene.published) == 1)
    before = scene.now
    scene.publisher.close()
    assert len(scene.published) >= 2
    assert scene.published[-1] == scene.now == before


def test_failure_is_reported_and_tried_again_without_another_commit(scene: Scene) -> None:
    scene.failing = 3
    scene.publisher.start()
    scene.until(lambda: len(scene.published) == 1)
    assert [str(each) for each in scene.failures] == ["no space left on device"] * 3
    assert scene.now >= 1_000.0 + 3 * INTERVAL  # at the pace of the others
    scene.publisher.close()


def test_failure_at_closing_is_reported_and_ends(scene: Scene) -> None:
    scene.publisher.start()
    scene.until(lambda: len(scene.published) == 1)
    scene.failing = 5
    scene.publisher.close()
    assert scene.failures


def test_publisher_that_never_started_closes(scene: Scene) -> None:
    scene.publisher.close()
    assert scene.published == []
