"""The fixtures of the use cases: every test gets a home of its own, copied from one that was made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.application import inquiry
from tests.moving import move_to_postgres
from tests.unit.application.office import Office, make_home, open_office

_ON_BOTH = {"test_changing", "test_log_keys", "test_scanning", "test_stacking"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    make_home(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask for each engine where what is tested depends on the store, and not on its files."""
    wanted = "engine" in metafunc.fixturenames and "files_alone" not in metafunc.fixturenames
    if wanted and metafunc.module.__name__.rpartition(".")[2] in _ON_BOTH:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Where the ledger lies: in files, where a module asks for nothing else."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def files_alone() -> None:
    """Asked for by what changes rows behind the ledger's back, in its file."""


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by what counts whom a request asks: a pause of the machine is not taken for others that are slow."""
    monkeypatch.setattr(inquiry, "SECONDS", 600.0)


@pytest.fixture
def office(folder: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[Office]:
    url = None
    if engine == "postgresql":
        url = str(request.getfixturevalue("database_url"))
        move_to_postgres(folder, url)
    opened = open_office(folder, database_url=url)
    yield opened
    opened.ledger.close()
