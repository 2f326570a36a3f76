"""`testamur init` on PostgreSQL is whole or nothing: ledger, vault and home appear together, or none of them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ledger.adapters.home import Home
from ledger.adapters.postgres import vault
from ledger.adapters.postgres.connections import with_database
from tests.postgres import Server
from tests.unit.cli.command import Command, Ended


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", database_url)
    return database_url


def _init(command: Command) -> Ended:
    return command("init", "--base-url", "http://localhost:8000")


def _holds(url: str, schema: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone() != (None,)


def _vault_of(url: str) -> str:
    return with_database(url, f"{conninfo_to_dict(url)['dbname']}_vault")


@contextmanager
def _user_who_makes_no_databases(server: Server, url: str) -> Iterator[str]:
    """The URL of a database for somebody who may do anything in it, and make no other."""
    name = f"clerk_{uuid4().hex}"
    user = sql.Identifier(name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'sesame'").format(user))
        place = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(place, user))
        try:
            parts = urlsplit(url)
            yield parts._replace(netloc=f"{name}:sesame@{parts.netloc.rpartition('@')[2]}").geturl()
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(place))
            with psycopg.connect(url, autocommit=True) as there:
                there.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(user))
            connection.execute(sql.SQL("DROP ROLE {}").format(user))


def test_a_vault_that_is_there_already_is_named_and_nothing_is_made(
    command: Command, database: str, tmp_path: Path
) -> None:
    vault.create(_vault_of(database), bytes(40))
    ended = _init(command)
    assert ended.code != 0
    assert f"{conninfo_to_dict(database)['dbname']}_vault" in ended.err
    assert "holds a vault already" in ended.err
    assert "an init that was cut off" in ended.err
    assert not _holds(database, "ledger")
    assert _holds(_vault_of(database), "vault")
    assert not list(tmp_path.iterdir())


def test_a_ledger_that_is_there_already_is_named_and_stays_as_it_is(
    command: Command, database: str, tmp_path: Path
) -> None:
    assert _init(command).code == 0
    ended = command("init", "--base-url", "http://localhost:8000", "--home", str(tmp_path / "second"))
    assert ended.code != 0
    assert f"{conninfo_to_dict(database)['dbname']} " in ended.err
    assert "holds a ledger already" in ended.err
    assert "an init that was cut off" in ended.err
    assert not (tmp_path / "second").exists()
    assert command("audit").code == 0


def test_who_may_make_no_database_for_the_vault_is_left_with_nothing_and_may_try_again(
    command: Command, database: str, postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _user_who_makes_no_databases(postgres_server, database) as url:
        monkeypatch.setenv("TESTAMUR_DATABASE_URL", url)
        ended = _init(command)
        assert ended.code != 0
        assert "permission denied to create database" in ended.err
        assert "sesame" not in ended.err
        assert not _holds(url, "ledger")
        assert not list(tmp_path.iterdir())
        monkeypatch.setenv("TESTAMUR_VAULT_DATABASE_URL", url)  # another place for it will do
        assert _init(command).code == 0


@pytest.mark.parametrize("cut", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(143)])
def test_an_init_that_fails_after_both_were_made_leaves_neither(
    command: Command, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    def failing(*_: object) -> None:
        raise cut

    with monkeypatch.context() as patched:
        patched.setattr(Home, "write_settings", failing)
        with suppress(KeyboardInterrupt, SystemExit):
            assert _init(command).code != 0
    assert not _holds(database, "ledger")
    assert not _holds(_vault_of(database), "vault")
    assert not list(tmp_path.iterdir())
    assert _init(command).code == 0


def test_a_ledger_that_somebody_else_made_meanwhile_is_not_dropped(
    command: Command, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = vault.create

    def made_by_two(url: str, first_epoch: bytes) -> None:
        made(url, first_epoch)
        made(url, first_epoch)  # as if another init had come first

    monkeypatch.setattr("ledger.adapters.postgres.engine.create_vault", made_by_two)
    assert _init(command).code != 0
    assert not _holds(database, "ledger")
    assert _holds(_vault_of(database), "vault")
