"""Places for ledgers, on each engine."""

import random
from pathlib import Path
from typing import Literal, cast

import pytest

from tests.crash.stand import PostgresStand, SqliteStand, Stand

Engine = Literal["sqlite", "postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Stand:
    """A place where no ledger is yet, on each engine."""
    engine: Engine = request.param
    if engine == "sqlite":
        return SqliteStand(home=tmp_path / "home")
    return PostgresStand(home=tmp_path / "home", url=cast("str", request.getfixturevalue("database_url")))


@pytest.fixture
def seed() -> int:
    """What the choices of a test follow from; printed by it."""
    return random.SystemRandom().randrange(2**32)
