"""A ledger in PostgreSQL through the command: audited, backed up, moved to files and back, lost and restored."""

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from ledger.adapters.postgres.connections import with_database
from ledger.adapters.postgres.schema import SCHEMA_VERSION
from tests.postgres import Server
from tests.unit.cli.command import COURSE, ROW, Command


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def ledger(command: Command, database: str, tmp_path: Path) -> Command:
    """A home whose ledger lies in PostgreSQL, with one award."""
    (tmp_path / "menus.json").write_text(json.dumps(COURSE))
    (tmp_path / "award.json").write_text(json.dumps(ROW))
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    assert command("issuer", "register", "college", "--name", "College").code == 0
    assert command("achievement", "define", str(tmp_path / "menus.json")).code == 0
    assert command("issue", str(tmp_path / "award.json")).code == 0
    return command


def _audited(command: Command, *arguments: str) -> dict[str, object]:
    ended = command("audit", "--json", *arguments)
    report: dict[str, object] = json.loads(ended.out)
    assert ended.code == 0, report
    return report


def _told(report: dict[str, object]) -> list[str]:
    skipped = report["not_checked"]
    assert isinstance(skipped, list)
    return [each["what"] for each in skipped]


def test_a_home_is_audited_with_private_parts_and_views_and_a_database_without_them(
    ledger: Command, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger("list")  # folds the views
    report = _audited(ledger)
    assert not {"private parts", "views", "guards against accidental change"} & set(_told(report))
    monkeypatch.delenv("TESTAMUR_DATABASE_URL")
    alone = _audited(ledger, "--database", database)
    assert (alone["size"], alone["root"]) == (report["size"], report["root"])
    assert {"private parts", "views"} <= set(_told(alone))
    ended = ledger("audit")
    assert (ended.code, "TESTAMUR_DATABASE_URL" in ended.err) == (2, True)
    ended = ledger("audit", "--database", with_database(database, "nowhere"))
    assert (ended.code, "cannot be reached" in ended.err) == (2, True)


def test_a_change_in_the_database_makes_the_audit_end_with_1_and_its_position(ledger: Command, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE ledger.stored_events SET state = overlay(state placing 'x'::bytea from 200) "
            "WHERE notification_id = 2"
        )
    ended = ledger("audit", "--json")
    assert (ended.code, json.loads(ended.out)["first_bad"]["position"]) == (1, 2)


def test_a_ledger_moves_to_files_and_to_another_database(
    ledger: Command, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = _audited(ledger)
    assert ledger("backup", str(tmp_path / "saved.tar")).code == 0
    assert ledger("backup", str(tmp_path / "vault.tar"), "--vault").code == 0
    home = tmp_path / "home"

    def moved(name: str, *database_url: str) -> dict[str, object]:
        target = ["--home", str(tmp_path / name), *database_url]
        shutil.copytree(home / "secrets", tmp_path / name / "secrets")
        shutil.copytree(home / "log", tmp_path / name / "log")
        restored = ledger("restore", str(tmp_path / "saved.tar"), *target)
        assert restored.code == 0
        assert "the published checkpoint covers" in restored.err
        assert ledger("restore", str(tmp_path / "vault.tar"), "--vault", *target).code == 0
        return _audited(ledger, "--home", str(tmp_path / name))

    monkeypatch.delenv("TESTAMUR_DATABASE_URL")
    assert moved("files")["root"] == report["root"]
    assert 'engine = "sqlite"' in (tmp_path / "files" / "testamur.toml").read_text()
    (tmp_path / "other.json").write_text(json.dumps(ROW | {"student_number": "S-2"}))
    assert ledger("issue", str(tmp_path / "other.json"), "--home", str(tmp_path / "files")).code == 0
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    other = with_database(database, f"{name}_other")
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", other)
    assert moved("there")["root"] == report["root"]
    assert 'engine = "postgresql"' in (tmp_path / "there" / "testamur.toml").read_text()
    assert ledger("issue", str(tmp_path / "other.json"), "--home", str(tmp_path / "there")).code == 0
    assert "Ana Kim" in ledger("list", "--home", str(tmp_path / "there")).out


def test_a_database_that_was_lost_comes_back_but_not_behind_what_was_published(
    ledger: Command, database: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert ledger("backup", str(tmp_path / "older.tar")).code == 0
    (tmp_path / "other.json").write_text(json.dumps(ROW | {"student_number": "S-2"}))
    assert ledger("issue", str(tmp_path / "other.json")).code == 0
    assert ledger("backup", str(tmp_path / "newer.tar")).code == 0
    report = _audited(ledger)
    ended = ledger("restore", str(tmp_path / "newer.tar"))
    assert (ended.code, "holds a ledger already" in ended.err) == (2, True)
    with psycopg.connect(database) as connection:
        connection.execute("DROP SCHEMA ledger CASCADE")
    ended = ledger("restore", str(tmp_path / "older.tar"))
    assert (ended.code, ended.out) == (3, "")
    assert "Look for a newer backup" in ended.err
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('ledger')").fetchone() == (None,)
    assert ledger("restore", str(tmp_path / "newer.tar")).code == 0
    assert _audited(ledger)["root"] == report["root"]
    assert (home / "log" / "checkpoint").exists()


def test_an_older_database_put_back_by_other_means_is_not_started(
    ledger: Command, database: str, tmp_path: Path, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", (name,))
        connection.execute(f"CREATE DATABASE {name}_older TEMPLATE {name}")
    (tmp_path / "other.json").write_text(json.dumps(ROW | {"student_number": "S-2"}))
    assert ledger("issue", str(tmp_path / "other.json")).code == 0
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", with_database(database, f"{name}_older"))
    monkeypatch.setenv("TESTAMUR_VAULT_DATABASE_URL", with_database(database, f"{name}_vault"))
    for arguments in (["serve", "--port", "0"], ["issue", str(tmp_path / "award.json")]):
        ended = ledger(*arguments)
        assert ended.code == 3
        assert "the published checkpoint covers" in ended.err


def test_migrate_finds_nothing_to_do_beside_others_that_share_the_ledger(ledger: Command) -> None:
    assert json.loads(ledger("migrate", "--json").out) == {"from": SCHEMA_VERSION, "to": SCHEMA_VERSION}


def _issued(ledger: Command, tmp_path: Path, number: str) -> int:
    (tmp_path / "more.json").write_text(json.dumps(ROW | {"student_number": number}))
    return ledger("issue", str(tmp_path / "more.json")).code


def _count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        return int((connection.execute(query).fetchone() or (0,))[0])


def _drop(url: str, schema: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def test_a_vault_older_than_its_ledger_is_put_back_only_where_lost_keys_are_accepted(
    ledger: Command, database: str, tmp_path: Path
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    vault = with_database(database, f"{name}_vault")
    assert ledger("backup", str(tmp_path / "older-vault.tar"), "--vault").code == 0
    assert [_issued(ledger, tmp_path, number) for number in ("S-2", "S-3")] == [0, 0]
    _drop(vault, "vault")
    ended = ledger("restore", str(tmp_path / "older-vault.tar"), "--vault")
    assert (ended.code, ended.out) == (1, "")
    assert "lacks 2 of the keys" in ended.err
    assert "begin another record" in ended.err
    assert _count(vault, "SELECT count(*) FROM pg_namespace WHERE nspname = 'vault'") == 0
    ended = ledger("restore", str(tmp_path / "older-vault.tar"), "--vault", "--accept-lost-keys", "--json")
    assert (ended.code, json.loads(ended.out)["lost_keys"]) == (0, 2)
    assert "2 keys are lost" in ended.err


def test_a_ledger_newer_than_the_vault_that_is_there_is_put_back_only_where_lost_keys_are_accepted(
    ledger: Command, database: str, tmp_path: Path
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    vault = with_database(database, f"{name}_vault")
    assert _issued(ledger, tmp_path, "S-2") == 0
    assert ledger("backup", str(tmp_path / "saved.tar")).code == 0
    _drop(database, "ledger")
    with psycopg.connect(vault) as connection:
        connection.execute("DELETE FROM vault.data_keys WHERE key_id = (SELECT min(key_id) FROM vault.data_keys)")
    ended = ledger("restore", str(tmp_path / "saved.tar"))
    assert (ended.code, "lacks 1 of the keys" in ended.err) == (1, True)
    assert _count(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'ledger'") == 0
    ended = ledger("restore", str(tmp_path / "saved.tar"), "--accept-lost-keys")
    assert (ended.code, "1 keys are lost" in ended.err) == (0, True)


def test_restore_tells_of_a_missing_vault_only_where_it_is_missing(
    ledger: Command, database: str, tmp_path: Path
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    assert ledger("backup", str(tmp_path / "saved.tar")).code == 0
    _drop(database, "ledger")
    ended = ledger("restore", str(tmp_path / "saved.tar"), "--json")
    assert (ended.code, json.loads(ended.out)["lost_keys"]) == (0, 0)
    assert "until the vault is there again" not in ended.err
    _drop(database, "ledger")
    _drop(with_database(database, f"{name}_vault"), "vault")
    ended = ledger("restore", str(tmp_path / "saved.tar"))
    assert (ended.code, "until the vault is there again" in ended.err) == (0, True)


def test_a_backup_of_a_home_that_lacks_keys_of_another_machine_names_them(ledger: Command, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "home", tmp_path / "second", ignore=shutil.ignore_patterns("lock", "server.json"))
    there = {path.stem for path in (tmp_path / "home" / "keys").iterdir()}
    assert ledger("issuer", "register", "academy", "--name", "Academy").code == 0
    added = sorted({path.stem for path in (tmp_path / "home" / "keys").iterdir()} - there)
    ended = ledger("backup", str(tmp_path / "first.tar"), "--json")
    assert (ended.code, json.loads(ended.out)["missing_keys"], ended.err) == (0, [], "")
    ended = ledger("backup", str(tmp_path / "second.tar"), "--json", "--home", str(tmp_path / "second"))
    assert (ended.code, json.loads(ended.out)["missing_keys"]) == (0, added)
    assert len(added) == 2
    assert all(kid in ended.err for kid in added)


def test_no_backup_is_taken_of_a_ledger_behind_its_published_checkpoint(
    ledger: Command, database: str, tmp_path: Path
) -> None:
    assert ledger("backup", str(tmp_path / "older.tar")).code == 0
    before_it = _count(database, "SELECT size FROM ledger.log_head")
    assert _issued(ledger, tmp_path, "S-2") == 0
    size = _count(database, "SELECT size FROM ledger.log_head")
    home = tmp_path / "home"
    outside = {place: place.read_bytes() for place in (home / "log" / "checkpoint", home / "checkpoint.guard")}
    for place in outside:
        place.unlink()
    _drop(database, "ledger")
    assert ledger("restore", str(tmp_path / "older.tar"), "--quiet").code == 0
    for place, kept in outside.items():
        place.write_bytes(kept)
    before = set(tmp_path.iterdir())
    ended = ledger("backup", str(tmp_path / "refused.tar"))
    assert (ended.code, ended.out) == (3, "")
    assert f"covers {size} entries, and the ledger holds only {before_it}" in ended.err
    assert set(tmp_path.iterdir()) == before
