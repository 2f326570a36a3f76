"""The vault file: whose keys it gives to whom, and what it tells to who only has the file.

What any vault promises is in `tests/contracts`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import WrongSchema
from ledger.adapters.sqlite.vault import SqliteVaultRows, create
from ledger.adapters.vault import KeyVault, VaultUnreadable, first_epoch
from ledger.application.ports import LearnerKey, StoreUnavailable
from tests.contracts.scribe import stream

COLLEGE = stream(1)
WRAPPING, LOOKUP = b"w" * 32, b"l" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "vault.db"
    create(path, first_epoch(WRAPPING, SystemEntropy()))
    return path


def opened(path: Path, *, wrapping_key: bytes = WRAPPING, lookup_key: bytes = LOOKUP) -> KeyVault:
    return key_vault(SqliteVaultRows(path), wrapping_key=wrapping_key, lookup_key=lookup_key)


def key_vault(rows: SqliteVaultRows, *, wrapping_key: bytes = WRAPPING, lookup_key: bytes = LOOKUP) -> KeyVault:
    return KeyVault(rows, wrapping_key=wrapping_key, lookup_key=lookup_key, entropy=SystemEntropy())


@pytest.fixture
def vault(path: Path) -> Iterator[KeyVault]:
    with closing(opened(path)) as vault:
        yield vault


def flushed(path: Path, *numbers: str) -> list[LearnerKey]:
    """The keys of some learners, made by a process that is gone."""
    with closing(opened(path)) as vault:
        return [vault.learner(COLLEGE, number) for number in numbers]


def change(path: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(statement, parameters).rowcount


def test_wrong_lookup_key_finds_nobody(path: Path) -> None:
    (key,) = flushed(path, "S1")
    with closing(opened(path, lookup_key=b"x" * 32)) as vault:
        assert vault.learner(COLLEGE, "S1").key_id != key.key_id


def test_files_hold_no_student_number_and_no_key_in_plain(path: Path) -> None:
    numbers = [f"S77{number:04}" for number in range(50)]
    vault = opened(path)
    keys = [vault.learner(COLLEGE, number) for number in numbers]
    vault.flush()
    contents = b"".join(each.read_bytes() for each in path.parent.iterdir())  # the write-ahead log too
    vault.close()
    contents += path.read_bytes()
    assert keys[0].key_id in contents  # the look for the others is not in vain
    for secret in [*(number.encode() for number in numbers), *(key.data_key for key in keys), COLLEGE.bytes]:
        assert secret not in contents


def test_only_the_owner_may_read_the_vault(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_missing_vault_is_refused_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(VaultUnreadable, match="no vault"):
        opened(tmp_path / "vault.db")
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_no_vault_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(VaultUnreadable, match="not a vault"):
        opened(tmp_path / "vault.db")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM epochs",
        "UPDATE epochs SET wrapped = x'00'",
        "UPDATE epochs SET wrapped = 'text'",
        "UPDATE epochs SET wrapped = 7",
        "UPDATE epochs SET wrapped = zeroblob(40)",
    ],
)
def test_vault_whose_epoch_key_was_changed_is_refused(path: Path, statement: str) -> None:
    change(path, statement)
    with pytest.raises(VaultUnreadable):
        opened(path)


def test_vault_without_its_tables_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE epochs")
    with pytest.raises(VaultUnreadable, match="cannot be read"):
        opened(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE data_keys SET wrapped = zeroblob(40)",
        "UPDATE data_keys SET wrapped = x'00'",
        "UPDATE data_keys SET wrapped = 'text'",
        "UPDATE data_keys SET wrapped = 7",
        "UPDATE data_keys SET epoch = 2",
        "UPDATE data_keys SET epoch = 'two'",
        "UPDATE data_keys SET learner = 'nobody'",
        "UPDATE data_keys SET learner = x'00'",
    ],
)
def test_changed_data_key_is_reported_and_never_used(path: Path, statement: str) -> None:
    (key,) = flushed(path, "S1")
    change(path, statement)
    with closing(opened(path)) as vault:
        with pytest.raises(VaultUnreadable, match="was changed"):
            vault.data_key(key.key_id)
        with pytest.raises(VaultUnreadable, match="was changed"):
            vault.learner(COLLEGE, "S1")


def test_data_key_of_another_learner_is_not_taken_for_this_one(path: Path) -> None:
    """Each part is bound to its place, so exchanged keys open nothing; the vault gives what its file says."""
    one, two = flushed(path, "S1", "S2")
    change(path, "DELETE FROM data_keys WHERE key_id = ?", one.key_id)
    with closing(opened(path)) as vault:
        assert vault.data_key(one.key_id) is None
        assert vault.data_key(two.key_id) == two.data_key
        assert vault.learner(COLLEGE, "S1").data_key != one.data_key


def test_flush_that_fails_loses_no_key(path: Path) -> None:
    rows = SqliteVaultRows(path)
    with closing(key_vault(rows)) as vault:
        key = vault.learner(COLLEGE, "S1")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            rows._writing.execute("PRAGMA busy_timeout = 10")
            with pytest.raises(StoreUnavailable, match="locked"):
                vault.flush()
            other.execute("ROLLBACK")
        vault.flush()
        with closing(opened(path)) as later:
            assert later.data_key(key.key_id) == key.data_key


def test_full_disk_while_flushing_loses_no_key(path: Path) -> None:
    rows = SqliteVaultRows(path)
    with closing(key_vault(rows)) as vault:
        pages = rows._writing.execute("PRAGMA page_count").fetchone()[0]
        rows._writing.execute(f"PRAGMA max_page_count = {pages}")
        keys = [vault.learner(COLLEGE, f"S{number}") for number in range(200)]
        with pytest.raises(StoreUnavailable, match="full"):
            vault.flush()
        assert vault.learner(COLLEGE, "S7") == keys[7]
        rows._writing.execute(f"PRAGMA max_page_count = {pages + 1000}")
        vault.flush()
        with closing(opened(path)) as later:
            assert [later.data_key(key.key_id) for key in keys] == [key.data_key for key in keys]


def test_vault_that_cannot_be_read_any_more_is_unavailable(path: Path) -> None:
    (key,) = flushed(path, "S1")
    vault = opened(path)
    vault.close()
    for ask in (lambda: vault.data_key(key.key_id), lambda: vault.learner(COLLEGE, "S1")):
        with pytest.raises(StoreUnavailable, match="closed"):
            ask()


def test_vault_is_not_made_over_a_file(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(WrongSchema, match="already"):
        create(path, first_epoch(WRAPPING, SystemEntropy()))
    assert path.read_bytes() == before


def test_vault_that_cannot_be_made_is_an_error_of_the_ledger(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no vault can be made"):
        create(tmp_path / "missing" / "vault.db", first_epoch(WRAPPING, SystemEntropy()))


def test_threads_that_ask_at_once_get_the_same_key(vault: KeyVault) -> None:
    found: list[LearnerKey] = []

    def ask() -> None:
        for number in range(50):
            found.append(vault.learner(COLLEGE, f"S{number}"))
            vault.flush()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert len({key.key_id for key in found}) == 50
