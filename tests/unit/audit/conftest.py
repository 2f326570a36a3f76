"""A database per test in which everything is as it must be."""

import shutil
from pathlib import Path

import pytest

from tests.unit.audit.forged_database import Database, everything, put_everything


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return put_everything(tmp_path_factory.mktemp("template") / "ledger.db")


@pytest.fixture
def honest(_template: Database, tmp_path: Path) -> Database:
    """Every type of event, a checkpoint per entry, a signed status list at each statement, and nothing wrong."""
    path = tmp_path / "ledger.db"
    shutil.copyfile(_template.path, path)
    return Database(path=path, forge=everything())
