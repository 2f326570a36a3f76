"""The views' tables in a file and in PostgreSQL keep what every store of views promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.view_compare_contract import CompareContract
from tests.contracts.view_search_contract import SearchContract
from tests.contracts.view_store_contract import ViewStoreContract
from tests.contracts.view_tables import PostgresTables, SqliteTables, ViewTables
from tests.contracts.view_upkeep_contract import UpkeepContract
from tests.postgres import Server, temporary_database


@pytest.fixture(scope="module")
def views_database(postgres_server: Server) -> Iterator[str]:
    """A database for the tests of this module, one after the other."""
    with temporary_database(postgres_server) as url:
        yield url


class OnSqlite:
    """On a file."""

    @pytest.fixture
    def tables(self, tmp_path: Path) -> ViewTables:
        return SqliteTables(tmp_path / "views.db")


class OnPostgres:
    """In a database."""

    @pytest.fixture
    def tables(self, views_database: str) -> ViewTables:
        return PostgresTables(views_database)


class TestSqliteViewStore(OnSqlite, ViewStoreContract):
    """On a file."""


class TestPostgresViewStore(OnPostgres, ViewStoreContract):
    """In a database."""


class TestSqliteSearch(OnSqlite, SearchContract):
    """On a file."""


class TestPostgresSearch(OnPostgres, SearchContract):
    """In a database."""


class TestSqliteUpkeep(OnSqlite, UpkeepContract):
    """On a file."""


class TestPostgresUpkeep(OnPostgres, UpkeepContract):
    """In a database."""


class TestSqliteCompare(OnSqlite, CompareContract):
    """On a file."""


class TestPostgresCompare(OnPostgres, CompareContract):
    """In a database."""
