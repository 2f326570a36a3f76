"""The vault's rows in PostgreSQL: what is refused, and what becomes of them while the server comes and goes.

What any vault promises is in `tests/contracts`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Thread
from uuid import UUID

import psycopg
import pytest

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import with_database
from ledger.adapters.postgres.vault import PostgresVaultRows, create
from ledger.adapters.vault import VaultRow, VaultUnreadable
from ledger.application.ports import StoreUnavailable
from ledger.domain.types import LearnerId
from tests.contracts.scribe import stream
from tests.contracts.vault_contract import FIRST_EPOCH, opened
from tests.postgres import Cluster

COLLEGE = stream(1)


@pytest.fixture
def url(database_url: str) -> str:
    create(database_url, FIRST_EPOCH)
    return database_url


@pytest.fixture
def rows(url: str) -> Iterator[PostgresVaultRows]:
    with closing(PostgresVaultRows(url)) as rows:
        yield rows


def row(number: int, lookup: int | None = None) -> VaultRow:
    return VaultRow(
        key_id=number.to_bytes(16, "big"),
        lookup=(number if lookup is None else lookup).to_bytes(32, "big"),
        learner=LearnerId(UUID(int=number)),
        epoch=1,
        wrapped=bytes(40),
    )


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def part_with_all(url: str) -> None:
    """End every other connection to the database, as an operator may."""
    change(
        url,
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_vault_and_its_database_are_made_together(url: str) -> None:
    other = with_database(url, f"{psycopg.conninfo.conninfo_to_dict(url)['dbname']}_vault")
    create(other, FIRST_EPOCH)
    with closing(PostgresVaultRows(other)) as rows:
        assert rows.epochs() == [(1, FIRST_EPOCH)]


def test_vault_is_not_made_over_another_one(url: str, rows: PostgresVaultRows) -> None:
    rows.insert([row(1)])
    with pytest.raises(WrongSchema, match="holds a vault already"):
        create(url, bytes(40))
    assert rows.epochs() == [(1, FIRST_EPOCH)]
    assert rows.by_id(row(1).key_id) == row(1)


def test_database_without_a_vault_is_refused(database_url: str) -> None:
    with pytest.raises(VaultUnreadable, match="there is no vault in the PostgreSQL database"):
        PostgresVaultRows(database_url)


@pytest.mark.parametrize("statement", ["DELETE FROM vault.version", "INSERT INTO vault.version VALUES (7)"])
def test_vault_with_no_clear_version_is_refused(url: str, statement: str) -> None:
    change(url, statement)
    with pytest.raises(VaultUnreadable, match=r"vault version (none|1 and 7), this program works with 1"):
        PostgresVaultRows(url)


def test_vault_whose_tables_are_gone_is_unavailable_and_no_error_of_the_driver_leaves(
    url: str, rows: PostgresVaultRows
) -> None:
    change(url, "DROP TABLE vault.data_keys")
    for ask in (lambda: rows.by_id(bytes(16)), lambda: rows.find([bytes(32)]), lambda: rows.insert([row(1)])):
        with pytest.raises(StoreUnavailable, match=r"the vault cannot be (used|written): relation"):
            ask()


def test_connections_that_were_ended_are_made_again_and_nothing_is_lost(url: str, rows: PostgresVaultRows) -> None:
    assert rows.insert([row(1)]) == []
    assert rows.by_id(row(1).key_id) == row(1)
    part_with_all(url)
    assert rows.by_id(row(1).key_id) == row(1)
    part_with_all(url)
    assert rows.insert([row(2)]) == []
    part_with_all(url)
    assert rows.find([row(2).lookup]) == [row(2)]


def test_connection_that_ends_in_the_middle_of_a_question_is_asked_again_on_another(
    url: str, rows: PostgresVaultRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.insert([row(1)])
    part_with_all(url)
    monkeypatch.setattr("ledger.adapters.postgres.connections.gone", lambda _: False)  # so that it is noticed in use
    assert rows.by_id(row(1).key_id) == row(1)


def test_row_that_vanishes_while_it_is_compared_is_not_taken_for_kept(
    rows: PostgresVaultRows, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.insert([row(1, lookup=9)])

    def vanished(connection: object, lookups: Sequence[bytes]) -> list[VaultRow]:
        return []

    with monkeypatch.context() as patch:
        patch.setattr("ledger.adapters.postgres.vault._found", vanished)
        with pytest.raises(StoreUnavailable, match="at the same moment"):
            rows.insert([row(2, lookup=9)])
    assert rows.insert([row(2, lookup=9)]) == [row(1, lookup=9)]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for as long as a test may take."""
    monkeypatch.setitem(connections._SETTINGS, "lock_timeout", "60s")


@pytest.mark.usefixtures("patient")
def test_insert_waits_for_another_process_that_is_about_to_register_the_same_learner(
    rows: PostgresVaultRows, url: str
) -> None:
    answers: list[Sequence[VaultRow]] = []
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    inserting = Thread(target=lambda: answers.append(rows.insert([row(2, lookup=9), row(3)])))
    with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as looking:
        theirs = row(1, lookup=9)
        other.execute(
            "INSERT INTO vault.data_keys VALUES (%s, %s, %s, %s, %s)",
            (theirs.key_id, theirs.lookup, theirs.learner, theirs.epoch, theirs.wrapped),
        )
        inserting.start()
        while looking.execute(waiting).fetchone() == (0,):
            assert inserting.is_alive()
        other.commit()
        inserting.join()
    assert answers == [[theirs]]
    assert rows.by_id(row(3).key_id) == row(3)


def test_server_that_is_away_is_told_as_such_and_keys_wait_until_it_is_back(own_cluster: Cluster) -> None:
    url = own_cluster.url("vault")
    create(url, FIRST_EPOCH)
    with closing(opened(PostgresVaultRows(url))) as vault:
        stored = vault.learner(COLLEGE, "S1")
        vault.flush()
        new = vault.learner(COLLEGE, "S2")
        own_cluster.stop("immediate")
        for ask in (vault.flush, lambda: vault.data_key(bytes(16)), lambda: vault.learner(COLLEGE, "S3")):
            with pytest.raises(StoreUnavailable):
                ask()
        assert vault.learners(COLLEGE, ["S1", "S2"]) == [stored, new]  # what is known needs no server
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            PostgresVaultRows(url)
        own_cluster.start()
        assert vault.flush() == frozenset()
        with closing(opened(PostgresVaultRows(url))) as other:
            assert other.learners(COLLEGE, ["S1", "S2"]) == [stored, new]
        assert vault.learner(COLLEGE, "S3").key_id not in (stored.key_id, new.key_id)
