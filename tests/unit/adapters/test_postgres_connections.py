"""Connections to PostgreSQL: what is refused before anything is asked, and what is told of it."""

import socket
from contextlib import closing
from threading import Thread
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ledger.adapters.engine import UnsafeDatabase
from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import (
    BadDatabaseUrl,
    Connection,
    Readers,
    check_url,
    connect,
    create_database,
    described,
    with_database,
)
from ledger.application.ports import StoreUnavailable
from ledger.errors import LedgerError
from tests.postgres import temporary_cluster

SECRET = "swordfish"
NOBODY_LISTENS = f"postgresql://registrar:{SECRET}@127.0.0.1:1/ledger"


def asked(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def as_user(url: str, user: str) -> str:
    """The same database for a user whose password is the secret."""
    parts = urlsplit(url)
    return f"postgresql://{user}:{SECRET}@{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"


# ------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begins with postgresql://"),
        ("sqlite:///ledger.db", "begins with postgresql://"),
        (f"host=db password={SECRET} dbname=ledger", "begins with postgresql://"),
        ("postgresql://db", "names the database"),
        (f"postgresql://registrar:{SECRET}@db:5432/", "names the database"),
        (f"postgresql://registrar:{SECRET}@[db/ledger", "cannot be read"),
        (f"postgresql://registrar:{SECRET}@db/ledger?colour=red", "cannot be read"),
        (f"postgresql://registrar:{SECRET}%zz@db/ledger", "cannot be read"),
    ],
)
def test_url_that_names_no_database_is_refused_and_not_repeated(url: str, reason: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=reason) as refused:
        check_url(url)
    chain: BaseException | None = refused.value
    while chain is not None:  # as a log shows it
        assert SECRET not in str(chain)
        chain = None if chain.__suppress_context__ else chain.__context__


@pytest.mark.parametrize(
    "url", ["postgresql://db/ledger", "postgres://a:b@db:5433/ledger?sslmode=require", "postgresql://?dbname=ledger"]
)
def test_url_that_names_a_database_is_taken_as_it_is(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize("ask", [connect, described, create_database, Readers])
def test_url_that_cannot_be_read_is_refused_wherever_it_is_given(ask: type[Readers]) -> None:
    with pytest.raises(BadDatabaseUrl):
        ask(f"postgresql://registrar:{SECRET}@[db/ledger")


def test_database_in_words_has_neither_password_nor_user() -> None:
    words = described(f"postgresql://registrar:{SECRET}@db.example.org:5433/ledger")
    assert words == "the PostgreSQL database ledger on db.example.org port 5433"
    assert described("postgresql:///ledger") == "the PostgreSQL database ledger on this machine"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://a:b%40c@db:5433/ledger?sslmode=require",
            {"host": "db", "password": "b@c", "sslmode": "require"},
        ),
        ("postgresql://a@/ledger?host=%2Ftmp%2Fx%20y", {"host": "/tmp/x y", "user": "a"}),
        ("postgresql://one:1,two:2/ledger", {"host": "one,two", "port": "1,2"}),
        ("postgresql:///?dbname=ledger&host=db", {"host": "db"}),
    ],
)
def test_url_of_another_database_keeps_everything_else(url: str, expected: dict[str, str]) -> None:
    other = check_url(with_database(url, "ledger_vault/ä"))
    found = conninfo_to_dict(other)
    assert found == {**conninfo_to_dict(url), "dbname": "ledger_vault/ä"}
    assert {name: found[name] for name in expected} == expected


def test_no_password_stands_in_any_message(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    refusals = []
    for ask in (connect, Readers, create_database):
        with pytest.raises(LedgerError) as refused:
            ask(NOBODY_LISTENS)
        refusals.append(refused)
    with pytest.raises(StoreUnavailable, match="nobody_of_this_name") as refused:
        connect(as_user(database_url, "nobody_of_this_name"))
    refusals.append(refused)
    for each in refusals:
        assert SECRET not in f"{each.value} {each.value.__cause__} {each.value.__context__}"
    assert SECRET not in caplog.text


# ------------------------------------------------------------------------------------------ what would lose a commit


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_server_that_does_not_sync_is_refused(setting: str) -> None:
    with temporary_cluster(**{setting: "off"}) as cluster:
        for ask in (connect, Readers):
            with pytest.raises(UnsafeDatabase, match=f"{setting} is off: .*set it to on"):
                ask(cluster.url())


@pytest.mark.parametrize("where", ["DATABASE {}", "ROLE CURRENT_USER IN DATABASE {}"])
def test_commit_that_is_acknowledged_early_is_refused_wherever_that_is_set(database_url: str, where: str) -> None:
    alter = f"ALTER {where.format(name_of(database_url))} SET synchronous_commit"
    change(database_url, f"{alter} = off")
    for ask in (connect, Readers):
        with pytest.raises(UnsafeDatabase, match=r"synchronous_commit is off: .*set it to on"):
            ask(database_url)
    for good in ("local", "remote_write", "on", "remote_apply"):
        change(database_url, f"{alter} = {good}")
        with closing(connect(database_url)) as connection:
            assert asked(connection, "SHOW synchronous_commit") == good


def test_setting_in_the_url_is_checked_too_and_does_not_undo_the_limits(database_url: str) -> None:
    with pytest.raises(UnsafeDatabase, match="synchronous_commit is off"):
        connect(f"{database_url}&options=-csynchronous_commit%3Doff")
    with closing(connect(f"{database_url}&options=-cwork_mem%3D8MB")) as connection:
        assert asked(connection, "SHOW work_mem") == "8MB"
        assert asked(connection, "SHOW lock_timeout") == "10s"


@pytest.mark.parametrize("where", ["DATABASE {}", "ROLE CURRENT_USER IN DATABASE {}"])
def test_function_that_a_stranger_put_before_the_servers_own_is_never_called(database_url: str, where: str) -> None:
    change(
        database_url,
        "CREATE FUNCTION public.cardinality(bytea[]) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0'",
    )
    change(database_url, f"ALTER {where.format(name_of(database_url))} SET search_path = public, pg_catalog")
    for url in (database_url, f"{database_url}&options=-csearch_path%3Dpublic"):
        with closing(connect(url)) as connection:
            assert asked(connection, "SELECT cardinality(ARRAY['x'::bytea])") == 1
        with closing(Readers(url)) as readers, readers.borrow() as connection:
            assert asked(connection, "SELECT cardinality(ARRAY['x'::bytea])") == 1


def test_isolation_that_the_database_prefers_does_not_reach_the_ledger(database_url: str) -> None:
    change(database_url, f"ALTER DATABASE {name_of(database_url)} SET default_transaction_isolation = 'serializable'")
    with closing(connect(database_url)) as connection:
        assert asked(connection, "SHOW transaction_isolation") == "read committed"


def test_server_that_is_too_old_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OLDEST", 990_000)
    with pytest.raises(UnsafeDatabase, match=r"the server is PostgreSQL \d\d; 99 or newer is needed"):
        connect(database_url)


# ---------------------------------------------------------------------------------------------------------- reaching


def test_server_that_is_not_there_is_told_as_such() -> None:
    expected = "the PostgreSQL database ledger on 127.0.0.1 port 1 cannot be reached"
    for ask in (connect, Readers):
        with pytest.raises(StoreUnavailable, match=expected):
            ask(NOBODY_LISTENS)


def test_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and says nothing
        outcome: list[BaseException] = []

        def ask() -> None:
            try:
                connect(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/ledger?connect_timeout=2")
            except StoreUnavailable as error:
                outcome.append(error)

        asking = Thread(target=ask, daemon=True)
        asking.start()
        asking.join(30)
        assert not asking.is_alive()
        assert "cannot be reached" in str(outcome[0])


def test_every_connection_gives_up_reaching_within_seconds() -> None:
    found = conninfo_to_dict(connections._with("postgresql://db/ledger"))
    assert found["connect_timeout"] == "5"
    assert found["tcp_user_timeout"] == "25000"


def test_lock_that_another_holds_is_not_waited_for_without_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(connect(database_url)) as usual:
        assert asked(usual, "SHOW lock_timeout") == "10s"
        assert asked(usual, "SHOW statement_timeout") == "1min"
        assert asked(usual, "SHOW idle_in_transaction_session_timeout") == "1min"
    monkeypatch.setitem(connections._SETTINGS, "lock_timeout", "50ms")
    change(database_url, "CREATE TABLE public.head AS SELECT 1 AS size")
    with closing(connect(database_url)) as holding, closing(connect(database_url)) as waiting, holding.transaction():
        holding.execute("SELECT * FROM public.head FOR UPDATE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.execute("SELECT * FROM public.head FOR UPDATE")


def test_connection_says_who_it_is(database_url: str) -> None:
    with closing(connect(database_url, name="testamur committer")) as connection:
        assert asked(connection, "SHOW application_name") == "testamur committer"
        assert connection.autocommit


# --------------------------------------------------------------------------------------------------------- databases


def test_database_is_made_once(database_url: str) -> None:
    url = with_database(database_url, f"{name_of(database_url)}_vault")
    assert create_database(url)
    assert not create_database(url)
    connect(url).close()


def test_database_that_may_not_be_made_is_told_as_such(database_url: str) -> None:
    name = name_of(database_url)
    change(database_url, f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")
    url = with_database(as_user(database_url, name), f"{name}_vault")
    try:
        with pytest.raises(StoreUnavailable, match=f"{name}_vault on .* cannot be made: permission denied"):
            create_database(url)
    finally:
        change(database_url, f"DROP ROLE {name}")
