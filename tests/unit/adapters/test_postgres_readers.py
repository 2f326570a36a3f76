"""Connections that are kept for reading: whom they are lent to, and what happens while a server comes and goes."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from threading import Thread

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from ledger.adapters.engine import UnsafeDatabase
from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import Connection, Readers
from ledger.application.ports import StoreUnavailable
from tests.postgres import Cluster


def asked(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def part_with_all(url: str) -> None:
    """End every other connection to the database, as an operator may."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def readers(database_url: str) -> Iterator[Readers]:
    with closing(Readers(database_url, most=2)) as readers:
        yield readers


def test_connection_is_kept_and_lent_again(readers: Readers) -> None:
    with readers.borrow() as first:
        pass
    with readers.borrow() as second, readers.borrow() as other:
        assert second is first
        assert other is not first


def test_no_more_than_the_most_are_lent_and_who_waits_gets_the_next(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Connection] = []

    def ask() -> None:
        with readers.borrow() as connection:
            got.append(connection)

    asking = Thread(target=ask)
    with readers.borrow() as one, readers.borrow():
        with monkeypatch.context() as patch:
            patch.setattr(connections, "_PATIENCE", 0.01)
            with pytest.raises(StoreUnavailable, match="in use"), readers.borrow():
                pass
        monkeypatch.setattr(connections, "_PATIENCE", 60.0)
        asking.start()
        assert got == []
    asking.join(60)
    assert len(got) == 1
    assert not one.closed


def test_connections_that_the_server_ended_are_not_lent_again(readers: Readers, database_url: str) -> None:
    with readers.borrow() as one, readers.borrow() as two:
        pass
    part_with_all(database_url)
    with readers.borrow() as three, readers.borrow() as four:
        assert asked(three, "SELECT 3") == 3
        assert asked(four, "SELECT 4") == 4
        assert {id(three), id(four)}.isdisjoint({id(one), id(two)})
    assert one.closed
    assert two.closed


def test_connection_that_fails_in_use_is_told_as_such_and_not_lent_again(readers: Readers, database_url: str) -> None:
    def fail() -> None:
        with readers.borrow() as connection:
            part_with_all(database_url)
            connection.execute("SELECT 1")

    with pytest.raises(StoreUnavailable, match="the store cannot be read"):
        fail()
    with readers.borrow() as connection:
        assert asked(connection, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1 / 0", "DivisionByZero"),
        ("SELECT nothing", "UndefinedColumn"),
        ("SELECT 'x'::bigint", "InvalidTextRepresentation"),
    ],
)
def test_statement_that_fails_is_told_by_the_kind_of_its_failure(readers: Readers, statement: str, kind: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"the store cannot be read: .*{kind}"), readers.borrow() as connection:
        connection.execute(statement.encode())
    with readers.borrow() as again:
        assert again is connection


def test_server_that_was_restarted_is_read_at_once(own_cluster: Cluster) -> None:
    with closing(Readers(own_cluster.url(), most=3)) as readers:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(readers.borrow())
        own_cluster.stop("immediate")
        for _ in range(4):  # however often it was asked in vain
            with pytest.raises(StoreUnavailable, match="cannot be reached"), readers.borrow():
                pass
        own_cluster.start()
        with readers.borrow() as connection:
            assert asked(connection, "SELECT 1") == 1


def test_server_that_has_become_unsafe_is_not_read_on(own_cluster: Cluster) -> None:
    with closing(Readers(own_cluster.url())) as readers:
        own_cluster.stop()
        own_cluster.configure(fsync="off")
        own_cluster.start()
        with pytest.raises(UnsafeDatabase, match="fsync is off"), readers.borrow():
            pass


def test_transaction_that_was_left_open_is_ended_and_undone_after_a_failure(readers: Readers) -> None:
    with readers.borrow() as connection:
        connection.execute("BEGIN READ ONLY")
    with readers.borrow() as again:
        assert again is connection
        assert again.info.transaction_status == TransactionStatus.IDLE

    def fail() -> None:
        with readers.borrow() as connection:
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE public.left_open()")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with readers.borrow() as again:
        assert again is connection
        assert asked(again, "SELECT to_regclass('public.left_open')") is None


def test_renewing_parts_with_connections_that_nobody_uses(readers: Readers) -> None:
    with readers.borrow() as used:
        with readers.borrow() as idle:
            pass
        readers.renew()
        assert idle.closed
        assert asked(used, "SELECT 1") == 1
    with readers.borrow() as again:
        assert again is used


def test_closing_closes_every_connection_those_in_use_when_they_come_back(readers: Readers) -> None:
    with readers.borrow() as used:
        readers.close()
        assert asked(used, "SELECT 1") == 1
    assert used.closed
    with pytest.raises(StoreUnavailable, match="closed"), readers.borrow():
        pass


def test_connection_that_is_refused_by_its_user_is_closed(database_url: str) -> None:
    seen: list[Connection] = []

    def refuse(connection: Connection) -> None:
        seen.append(connection)
        raise UnsafeDatabase("made by a test")

    with pytest.raises(UnsafeDatabase, match="made by a test"):
        Readers(database_url, configure=refuse)
    assert seen[0].closed
