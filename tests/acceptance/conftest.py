"""One ledger with its server for each file of tests and each engine; each test brings an issuer of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias, cast

import pytest

from tests.acceptance.desk import Desk, open_desk
from tests.postgres import Server, temporary_database

NewDatabase: TypeAlias = Callable[[], str | None]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    """The URL of a new database at each call; None for a ledger in files."""
    with ExitStack() as databases:

        def make() -> str | None:
            if request.param == "sqlite":
                return None
            server = cast("Server", request.getfixturevalue("postgres_server"))
            return databases.enter_context(temporary_database(server))

        yield make


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Desk]:
    opened = open_desk(tmp_path_factory.mktemp("desk"), new_database())
    try:
        yield opened
    finally:
        opened.stop()
