"""What every test shares: how hypothesis runs, and a real PostgreSQL.

The default profile `ci` draws the same examples on every run of the same sources (hypothesis draws from the literals in
them, too) and knows no deadline, so that a slow machine turns nothing red. `HYPOTHESIS_PROFILE=search` draws new ones,
and many.

The first test that asks for PostgreSQL starts one for the whole run, for all its processes; it is stopped with the run,
however that ends. `TESTAMUR_TEST_DATABASE_URL` names a server to be used instead, with a user who may make databases.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import Cluster, ForeignServer, Server, shared_cluster, temporary_cluster, temporary_database

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("search", parent=settings.get_profile("ci"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_FOLDER = pytest.StashKey[Path]()
_OWNER = pytest.StashKey[int]()


class _Node(Protocol):
    """A process of tests, as the one that started it sees it."""

    workerinput: dict[str, object]
    config: pytest.Config


def pytest_configure(config: pytest.Config) -> None:
    """Agree where the server of this run lies."""
    given: dict[str, object] | None = getattr(config, "workerinput", None)
    if given is None:
        folder = Path(tempfile.mkdtemp(prefix="testamur-"))
        folder.chmod(0o755)  # as root, the server runs as another user
        given = {"postgres_folder": str(folder), "postgres_owner": str(os.getpid())}
    config.stash[_FOLDER] = Path(str(given["postgres_folder"]))
    config.stash[_OWNER] = int(str(given["postgres_owner"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Node) -> None:
    """Tell a new process of tests."""
    node.workerinput["postgres_folder"] = str(node.config.stash[_FOLDER])
    node.workerinput["postgres_owner"] = str(node.config.stash[_OWNER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, if this is the process that outlives the others."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None and config.stash[_OWNER] == os.getpid():
        Cluster(folder / "cluster", remove=True).close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Server:
    """A running PostgreSQL, shared by everything of this run; `url(database)` is an address on it."""
    url = os.environ.get("TESTAMUR_TEST_DATABASE_URL")
    if url:
        return ForeignServer(url)
    return shared_cluster(pytestconfig.stash[_FOLDER], pytestconfig.stash[_OWNER])


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a new, empty database."""
    with temporary_database(postgres_server) as url:
        yield url


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A running PostgreSQL that the test may stop, crash and copy."""
    with temporary_cluster() as cluster:
        yield cluster
