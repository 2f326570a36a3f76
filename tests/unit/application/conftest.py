"""The fixtures of the use cases: every test gets a home of its own, copied from one that was made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.application.office import Office, make_home, open_office


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    make_home(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))


@pytest.fixture
def office(folder: Path) -> Iterator[Office]:
    opened = open_office(folder)
    yield opened
    opened.ledger.close()
