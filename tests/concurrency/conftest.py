"""One running ledger for each file of tests, on each engine."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import pytest

from tests.concurrency.running import RunningLedger
from tests.postgres import Server, temporary_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLedger]:
    """A ledger with a server, stopped at the end."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            server = cast("Server", request.getfixturevalue("postgres_server"))
            url = stack.enter_context(temporary_database(server))
        running = RunningLedger(tmp_path_factory.mktemp("racing") / "home", url)
        stack.callback(running.stop)
        yield running
