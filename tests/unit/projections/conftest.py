"""Open views for every test of this folder that asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.views import SqliteViews
from tests.unit.projections.opened import Opened
from tests.unit.projections.world import World


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(World(), SqliteViews(tmp_path / "views.db"))
    yield opened
    opened.views.close()
