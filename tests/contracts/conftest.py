"""What the contracts of the stores have in common."""

import pytest

from ledger.adapters.postgres import connections
from ledger.adapters.sqlite import schema

_PATIENCE = 60  # seconds; who holds a lock may be stalled


@pytest.fixture(autouse=True)
def _locks_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several that write at once wait for one another, however long that takes."""
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 1_000 * _PATIENCE)
    monkeypatch.setitem(connections._SETTINGS, "lock_timeout", f"{_PATIENCE}s")
