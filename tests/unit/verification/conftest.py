"""What every test of verification begins with."""

import pytest

from tests.unit.verification.scene import Scene


@pytest.fixture
def scene() -> Scene:
    """A recognised college that awarded nothing yet."""
    return Scene()
