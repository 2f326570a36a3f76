"""Where the ledgers of a benchmark lie: files, or a PostgreSQL that the benchmark starts for itself and removes."""

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from ledger.adapters.home import Home
from ledger.adapters.postgres.engine import PostgresEngine

sys.path.insert(0, str(Path(__file__).parents[2]))  # the server is the one of the tests, which are no package
from tests.postgres import Server, temporary_cluster, temporary_database

__all__ = [
    "Server",
    "add_engine",
    "database_of",
    "job_on",
    "library_environment",
    "moved_home",
    "server_of",
    "temporary_database",
]

ENGINES = ("sqlite", "postgresql")
_VARIABLE = "TESTAMUR_DATABASE_URL"  # so that the processes that a benchmark starts find the same ledger


def add_engine(parser: ArgumentParser) -> None:
    """The option --engine."""
    parser.add_argument("--engine", choices=ENGINES, default="sqlite", help="where the ledger lies (default sqlite)")


def job_on(job: str, engine: str) -> str:
    """The name of a job with where it ran."""
    return job if engine == "sqlite" else f"{job} on PostgreSQL"


@contextmanager
def server_of(engine: str) -> Iterator[Server | None]:
    """A server of one's own for PostgreSQL, with the settings of every installation; nothing for SQLite."""
    if engine == "sqlite":
        yield None
        return
    with temporary_cluster() as cluster:
        yield cluster


@contextmanager
def database_of(server: Server | None) -> Iterator[str | None]:
    """The URL of an empty database, also for the processes that are started meanwhile; None where files are meant."""
    if server is None:
        yield None
        return
    before = os.environ.get(_VARIABLE)
    with temporary_database(server) as url:
        os.environ[_VARIABLE] = url
        try:
            yield url
        finally:
            os.environ.pop(_VARIABLE)
            if before is not None:
                os.environ[_VARIABLE] = before


@contextmanager
def moved_home(home: Home, url: str) -> Iterator[Home]:
    """A copy of a closed home of files, its ledger and its vault put into empty databases."""
    with tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder:
        left_out = shutil.ignore_patterns("*.db", "*.db-*")
        settings = home.settings()
        copies = PostgresEngine(url).copies()
        copies.fill_from(home.database)
        copies.fill_vault_from(home.vault)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # as after a night: it was not filled in one go
        copy = Home(Path(shutil.copytree(home.folder, Path(folder) / "home", ignore=left_out)), url)
        copy.write_settings(replace(settings, engine="postgresql"))
        yield copy


def library_environment(url: str) -> dict[str, str]:
    """What lets the eventsourcing library use a database: as it comes, but with a connection for each thread."""
    found = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(found["dbname"]),
        "POSTGRES_HOST": str(found.get("host", "")),
        "POSTGRES_PORT": str(found.get("port", "5432")),
        "POSTGRES_USER": str(found.get("user", "postgres")),
        "POSTGRES_PASSWORD": str(found.get("password", "none")),
        "POSTGRES_POOL_SIZE": "64",
        "POSTGRES_POOL_TIMEOUT": "120",
        "POSTGRES_LOCK_TIMEOUT": "60",
    }
