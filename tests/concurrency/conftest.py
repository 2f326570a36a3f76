"""One running ledger for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.concurrency.running import RunningLedger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLedger]:
    """A ledger with a server, stopped at the end."""
    running = RunningLedger(tmp_path_factory.mktemp("racing") / "home")
    try:
        yield running
    finally:
        running.stop()
