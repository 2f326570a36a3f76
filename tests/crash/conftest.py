"""Places for ledgers, on each engine."""

import random
from pathlib import Path

import pytest

from tests.crash.stand import SqliteStand, Stand


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A place where no ledger is yet."""
    return SqliteStand(home=tmp_path / "home")


@pytest.fixture
def seed() -> int:
    """What the choices of a test follow from; printed by it."""
    return random.SystemRandom().randrange(2**32)
