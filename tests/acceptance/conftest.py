"""One ledger with its server for each file of acceptance tests; each test brings an issuer of its own."""

from collections.abc import Iterator

import pytest

from tests.acceptance.desk import Desk, open_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = open_desk(tmp_path_factory.mktemp("desk"))
    try:
        yield opened
    finally:
        opened.stop()
