"""Backup, restore and migrate through the command, in this process."""

import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from ledger import canonical
from ledger.adapters.home import Home
from ledger.adapters.sqlite.schema import SCHEMA_VERSION
from ledger.record.encoding import from_text
from ledger.tlog.encoding import from_base64
from tests.unit.adapters.test_sqlite_migrations import make_version
from tests.unit.cli.command import Command
from verify_api.cli.main import run


@pytest.fixture(scope="session")
def backed_up(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with one award, a backup of its ledger, and one of its vault."""
    folder = tmp_path_factory.mktemp("backed-up")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    home = ["--home", str(folder / "home"), "--quiet"]
    assert run(["issue", str(folder / "award.json"), *home]) == 0
    assert run(["backup", str(folder / "saved.tar"), *home]) == 0
    assert run(["backup", str(folder / "saved-vault.tar"), "--vault", *home]) == 0
    return folder


@pytest.fixture
def home(ledger: Command, tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def saved(ledger: Command, home: Path, backed_up: Path, tmp_path: Path) -> Path:
    """A backup of the ledger in the home, in which one award was issued; one of its vault lies beside it."""
    shutil.rmtree(home)
    shutil.copytree(backed_up, tmp_path, dirs_exist_ok=True)
    return tmp_path / "saved.tar"


def _lose(home: Path) -> None:
    for path in home.glob("ledger.db*"):
        path.unlink()


def _files(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()


def _audited(ledger: Command, home: Path) -> dict[str, object]:
    ended = ledger("audit", "--home", str(home), "--json")
    report: dict[str, object] = json.loads(ended.out)
    assert ended.code == 0, report
    return report


def test_a_backup_says_what_it_holds_and_holds_neither_the_master_key_nor_the_vault_nor_a_checkpoint(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    report = _audited(ledger, home)
    ended = ledger("backup", str(tmp_path / "again.tar"), "--json")
    said = json.loads(ended.out)
    file = tmp_path / "again.tar"
    assert (said["entries"], said["root"], said["bytes"]) == (report["size"], report["root"], file.stat().st_size)
    assert (said["holds"], said["origin"], said["schema_version"]) == ("ledger", "localhost:8000/log", SCHEMA_VERSION)
    with tarfile.open(file, "r:") as tar:
        names = tar.getnames()
        listed = json.loads(_read(tar, "backup.json"))
    keys = [f"keys/{path.name}" for path in sorted((home / "keys").iterdir())]
    assert names == ["backup.json", "testamur.toml", *keys, "ledger.db"]
    assert (listed["size"], listed["origin"]) == (said["entries"], said["origin"])
    assert from_base64(listed["root"]) == from_text(said["root"], 32)
    secrets = [path.read_bytes().strip() for path in (home / "secrets").iterdir()]
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in file.read_bytes()]
    assert file.stat().st_mode & 0o777 == 0o600
    told = ledger("backup", str(tmp_path / "third.tar")).out
    assert f"holds {report['size']} entries of localhost:8000/log" in told
    assert f"root {listed['root']}" in told


def test_a_backup_replaces_no_file(ledger: Command, saved: Path) -> None:
    before = saved.read_bytes()
    for options in ([], ["--vault"]):
        ended = ledger("backup", str(saved), *options)
        assert (ended.code, ended.out) == (2, "")
        assert "a backup replaces nothing" in ended.err
    assert saved.read_bytes() == before
    ended = ledger("backup", str(saved.parent / "missing" / "file.tar"))
    assert (ended.code, "No such file or directory" in ended.err) == (2, True)
    assert ledger("backup", str(saved.parent / "x.tar"), "--home", str(saved.parent / "nowhere")).code == 2
    assert not [path for path in saved.parent.iterdir() if path.name.startswith(".")]


def test_a_new_home_is_made_of_both_backups_and_the_secrets_and_goes_on(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    ended = ledger("restore", str(saved), "--home", str(new))
    assert ended.code == 0
    assert "no published checkpoint lay here" in ended.err
    assert "put the master key" in ended.err
    assert "--vault" in ended.err
    assert (new / "ledger.db").stat().st_mode & 0o777 == 0o600
    for path in (home / "secrets").iterdir():
        shutil.copy2(path, new / "secrets")
    ended = ledger("restore", str(tmp_path / "saved-vault.tar"), "--vault", "--home", str(new))
    assert (ended.code, ended.err) == (0, "")
    assert "holds again 1 keys" in ended.out
    (tmp_path / "other.json").write_text((tmp_path / "award.json").read_text().replace("S-1", "S-2"))
    assert ledger("issue", str(tmp_path / "other.json"), "--home", str(new)).code == 0
    report = _audited(ledger, new)
    assert report["size"] == int(str(_audited(ledger, home)["size"])) + 2  # the award, and the next statement
    assert "Ana Kim" in ledger("list", "--home", str(new)).out  # private parts open
    assert {path.name for path in new.iterdir()} <= {*_OF_A_HOME, "views.db-wal", "views.db-shm", *_PUBLISHED}


def test_api_keys_that_were_revoked_after_the_backup_and_open_again_are_told(
    ledger: Command, saved: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, gone, kept = (json.loads(ledger("api-key", "create", "--scope", "read", "--json").out) for _ in range(3))
    assert ledger("api-key", "revoke", gone["id"]).code == 0
    later = tmp_path / "later.tar"
    assert ledger("backup", str(later)).code == 0
    assert ledger("api-key", "revoke", made["id"]).code == 0
    new = tmp_path / "new"
    ended = ledger("restore", str(later), "--home", str(new), "--json")
    shutil.copy2(home / "secrets" / "master.key", new / "secrets")
    assert ledger("restore", str(tmp_path / "saved-vault.tar"), "--vault", "--home", str(new)).code == 0
    told = json.loads(ended.out)["api_keys"]
    assert {made["id"], kept["id"]} < set(told["open"])
    assert gone["id"] not in told["open"]
    assert told["notice"] in ended.err
    assert told["notice"].startswith(f"{len(told['open'])} API keys are in use")
    assert "testamur api-key list" in told["notice"]
    assert "testamur api-key revoke ID" in told["notice"]
    monkeypatch.setenv("TESTAMUR_API_KEY", made["key"])
    assert ledger("list", "--home", str(new)).code == 0  # so it is; the command changes nothing by itself
    monkeypatch.delenv("TESTAMUR_API_KEY")
    shutil.copy2(home / "secrets" / "operator.key", new / "secrets")
    assert ledger("api-key", "revoke", made["id"], "--home", str(new)).code == 0
    monkeypatch.setenv("TESTAMUR_API_KEY", made["key"])
    assert ledger("list", "--home", str(new)).code == 1


def test_where_no_api_key_opens_anything_nothing_is_said_of_them(ledger: Command, saved: Path, tmp_path: Path) -> None:
    _repack(saved, "ledger.db", _changed(saved, tmp_path / "work.db", "UPDATE api_keys SET revoked_at = created_at"))
    ended = ledger("restore", str(saved), "--home", str(tmp_path / "new"), "--json")
    assert json.loads(ended.out)["api_keys"] == {"open": [], "notice": None}
    assert "API key" not in ended.err


_PUBLISHED = ("statements", "checkpoint.guard", "checkpoint.guard.lock")
_OF_A_HOME = {"testamur.toml", "ledger.db", "vault.db", "views.db", "keys", "secrets", "log", "lock"} | {
    f"{name}.db-{end}" for name in ("ledger", "vault") for end in ("wal", "shm")
}


def test_a_home_that_lost_its_ledger_gets_it_back_and_what_is_there_stays(
    ledger: Command, saved: Path, home: Path
) -> None:
    settings = home / "testamur.toml"
    settings.write_text(settings.read_text() + "# a remark\n")
    key = min((home / "keys").iterdir())
    content = key.read_bytes()
    key.unlink()
    (home / "views.db").write_bytes(b"of a ledger that was ahead")
    _lose(home)
    before = _files(home)
    ended = ledger("restore", str(saved), "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["entries"] > 1
    after = _files(home)
    assert key.read_bytes() == content
    assert settings.read_text().endswith("# a remark\n")
    assert set(after) == (set(before) - {"views.db"}) | {"ledger.db", f"keys/{key.name}"}
    assert all(after[name] == before[name] for name in before if name != "views.db")
    assert "the published checkpoint covers" in ended.err
    assert _audited(ledger, home)["sound"] is True


def test_nothing_is_restored_over_a_ledger_or_what_is_left_of_one(ledger: Command, saved: Path, home: Path) -> None:
    before = _files(home)
    for options in ([], ["--vault"]):
        file = saved.with_name("saved-vault.tar") if options else saved
        ended = ledger("restore", str(file), *options)
        assert (ended.code, ended.out) == (2, "")
        assert "nothing is written over it" in ended.err
    assert _files(home) == before
    _lose(home)
    (home / "ledger.db-wal").write_bytes(b"the last commits")
    before = _files(home)
    ended = ledger("restore", str(saved))
    assert (ended.code, "it may be needed" in ended.err) == (2, True)
    assert _files(home) == before


def test_a_backup_that_lacks_what_was_published_is_refused_before_anything_is_changed(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.json").write_text((tmp_path / "award.json").read_text().replace("S-1", "S-2"))
    assert ledger("issue", str(tmp_path / "other.json")).code == 0
    size = int(str(_audited(ledger, home)["size"]))
    _lose(home)
    before = _files(home)
    ended = ledger("restore", str(saved))
    assert (ended.code, ended.out) == (3, "")
    assert f"covers {size} entries, and this backup holds only {size - 2}" in ended.err
    assert "Look for a newer backup" in ended.err
    assert _files(home) == before


def test_a_backup_of_another_history_of_the_same_log_is_refused(
    ledger: Command, saved: Path, home: Path, template: Path, tmp_path: Path
) -> None:
    fork = tmp_path / "fork"
    shutil.copytree(template / "home", fork)
    for number in range(3):
        (tmp_path / "fork.json").write_text((tmp_path / "award.json").read_text().replace("S-1", f"F-{number}"))
        assert ledger("issue", str(tmp_path / "fork.json"), "--home", str(fork)).code == 0
    assert ledger("backup", str(tmp_path / "fork.tar"), "--home", str(fork)).code == 0
    _lose(home)
    before = _files(home)
    ended = ledger("restore", str(tmp_path / "fork.tar"))
    assert (ended.code, "it is another history" in ended.err) == (3, True)
    assert _files(home) == before


def test_a_backup_of_another_log_is_refused(ledger: Command, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert ledger("init", "--base-url", "http://localhost:9000", "--home", str(other)).code == 0
    _lose(other)
    (other / "vault.db").unlink()
    before = _files(other)
    for file, options in ((saved, []), (tmp_path / "saved-vault.tar", ["--vault"])):
        ended = ledger("restore", str(file), *options, "--home", str(other))
        assert (ended.code, ended.out) == (2, "")
        assert "is the home of localhost:9000/log" in ended.err
    assert _files(other) == before


def test_a_folder_that_is_no_home_is_left_alone(ledger: Command, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "holidays"
    folder.mkdir()
    (folder / "beach.jpg").write_bytes(b"sand")
    ended = ledger("restore", str(saved), "--home", str(folder))
    assert (ended.code, "beach.jpg" in ended.err) == (2, True)
    assert _files(folder) == {"beach.jpg": b"sand"}
    ended = ledger("restore", str(saved), "--home", str(folder / "beach.jpg"))
    assert (ended.code, "is no folder" in ended.err) == (2, True)
    (folder / "beach.jpg").unlink()
    assert ledger("restore", str(saved), "--home", str(folder)).code == 0


def _repack(file: Path, name: str, content: bytes, document: dict[str, object] | None = None) -> None:
    """The backup with other content for one member, and a list that agrees."""

    with tarfile.open(file) as tar:
        members = {info.name: _read(tar, info.name) for info in tar}
    members[name] = content
    listed = json.loads(members["backup.json"]) | (document or {})
    for each in listed["files"]:
        held = members[each["name"]]
        each |= {"bytes": len(held), "sha256": hashlib.sha256(held).hexdigest()}
    members["backup.json"] = canonical.encode(listed)
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tar:
        for each, held in members.items():
            info = tarfile.TarInfo(each)
            info.size = len(held)
            tar.addfile(info, io.BytesIO(held))


def _changed(file: Path, work: Path, *statements: str) -> bytes:
    with tarfile.open(file) as tar:
        work.write_bytes(_read(tar, "ledger.db"))
    with closing(sqlite3.connect(work, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return work.read_bytes()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM stored_events WHERE notification_id = 3", "where position 3 should stand"),
        (
            "UPDATE stored_events SET state = CAST(state || 'x' AS BLOB) WHERE notification_id = 3",
            "not the one that its list describes",
        ),
        ("UPDATE log_head SET size = 2", "but its head says"),
        ("CREATE VIEW more AS SELECT 1", "which no ledger has"),
        ("CREATE TRIGGER quiet BEFORE INSERT ON names BEGIN DELETE FROM names; END", "which no ledger has"),
        ("PRAGMA user_version = 1", "not the one that its list describes"),
        ("PRAGMA user_version = 0", "is not a ledger's database"),
        ("UPDATE stored_events SET state = x'00' WHERE notification_id = 1", "is not used"),
        ("DROP TABLE stored_events", "cannot be read as a ledger's database"),
        ("DROP TABLE api_keys", "cannot be read as a ledger's database"),
    ],
)
def test_a_ledger_that_is_not_what_its_list_says_is_refused(
    ledger: Command, saved: Path, tmp_path: Path, statement: str, sentence: str
) -> None:
    _repack(saved, "ledger.db", _changed(saved, tmp_path / "work.db", statement))
    ended = ledger("restore", str(saved), "--home", str(tmp_path / "new"))
    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err
    assert not (tmp_path / "new").exists()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_ledger_of_a_newer_schema_is_refused(ledger: Command, saved: Path, tmp_path: Path) -> None:
    changed = _changed(saved, tmp_path / "work.db", "PRAGMA user_version = 9")
    _repack(saved, "ledger.db", changed, {"schema_version": 9})
    ended = ledger("restore", str(saved), "--home", str(tmp_path / "new"))
    refusal = f"of schema version 9, and this program knows {SCHEMA_VERSION}: install the newer"
    assert (ended.code, refusal in ended.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_settings_of_another_log_in_a_backup_are_refused(ledger: Command, saved: Path, tmp_path: Path) -> None:
    with tarfile.open(saved) as tar:
        settings = _read(tar, "testamur.toml")
    _repack(saved, "testamur.toml", settings.replace(b"localhost:8000/log", b"localhost:9000/log"))
    ended = ledger("restore", str(saved), "--home", str(tmp_path / "new"))
    assert (ended.code, "is not used" in ended.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_vault_comes_back_only_beneath_its_own_ledger_and_where_none_is(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    vault = str(tmp_path / "saved-vault.tar")
    ended = ledger("restore", vault, "--vault", "--home", str(tmp_path / "nowhere"))
    assert (ended.code, "restore its backup first" in ended.err) == (2, True)
    ended = ledger("restore", vault)
    assert ended.code == 2
    ended = ledger("restore", str(saved), "--vault")
    assert ended.code == 2
    for path in home.glob("vault.db*"):
        path.unlink()
    ended = ledger("restore", str(saved), "--vault")
    assert (ended.code, "is a backup of the ledger: restore it without --vault" in ended.err) == (2, True)
    assert ledger("restore", vault, "--vault").code == 0
    assert "Ana Kim" in ledger("list").out


def test_a_vault_under_another_master_key_is_refused(ledger: Command, saved: Path, home: Path, tmp_path: Path) -> None:
    for path in home.glob("vault.db*"):
        path.unlink()
    master = home / "secrets" / "master.key"
    master.write_bytes(b"A" * 43 + b"\n")
    ended = ledger("restore", str(tmp_path / "saved-vault.tar"), "--vault")
    assert (ended.code, "another master key" in ended.err) == (2, True)
    assert not (home / "vault.db").exists()


def test_a_vault_older_than_its_ledger_is_put_back_only_where_lost_keys_are_accepted(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    row = (tmp_path / "award.json").read_text().replace("S-1", "S-2")
    (tmp_path / "other.json").write_text(row)
    assert ledger("issue", str(tmp_path / "other.json")).code == 0
    assert ledger("backup", str(tmp_path / "newer.tar")).code == 0
    for path in home.glob("vault.db*"):
        path.unlink()
    vault = str(tmp_path / "saved-vault.tar")
    ended = ledger("restore", vault, "--vault")
    assert (ended.code, "lacks 1 of the keys" in ended.err) == (1, True)
    assert not (home / "vault.db").exists()
    ended = ledger("restore", vault, "--vault", "--accept-lost-keys", "--json")
    assert (ended.code, json.loads(ended.out)["lost_keys"]) == (0, 1)
    _lose(home)
    ended = ledger("restore", str(tmp_path / "newer.tar"))
    assert (ended.code, "lacks 1 of the keys" in ended.err) == (1, True)
    assert not (home / "ledger.db").exists()
    assert ledger("restore", str(tmp_path / "newer.tar"), "--accept-lost-keys").code == 0


def test_a_key_that_is_in_force_and_not_in_the_home_is_named_and_a_retired_one_is_not(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    keys = {path.stem for path in (home / "keys").iterdir()}
    assert ledger("issuer", "key", "add", "--issuer", "college").code == 0
    (added,) = {path.stem for path in (home / "keys").iterdir()} - keys
    assert ledger("issuer", "key", "add", "--issuer", "college").code == 0
    (home / "keys" / f"{added}.pem").unlink()
    ended = ledger("backup", str(tmp_path / "one.tar"), "--json")
    assert (ended.code, json.loads(ended.out)["missing_keys"]) == (0, [added])
    assert f"lacks 1 private keys that are in force, so this backup lacks them, too: {added}" in ended.err
    assert ledger("issuer", "key", "retire", added, "--issuer", "college").code == 0
    ended = ledger("backup", str(tmp_path / "two.tar"), "--json")
    assert (json.loads(ended.out)["missing_keys"], ended.err) == ([], "")


def test_no_backup_is_taken_of_a_ledger_of_another_history_than_its_checkpoint(
    ledger: Command, saved: Path, home: Path, tmp_path: Path
) -> None:
    before = _outside(home)
    (tmp_path / "other.json").write_text((tmp_path / "award.json").read_text().replace("S-1", "S-2"))
    assert ledger("issue", str(tmp_path / "other.json")).code == 0
    ahead = _outside(home)
    _lose(home)
    _put_outside(before)
    assert ledger("restore", str(saved)).code == 0
    for path, note in ahead.items():  # either of the two is enough to notice it
        path.write_bytes(note)
        ended = ledger("backup", str(tmp_path / "behind.tar"))
        assert (ended.code, "No backup was written" in ended.err) == (3, True)
        assert not (tmp_path / "behind.tar").exists()
        _put_outside(before)
    shutil.rmtree(home / "log" / "tile")  # which are those of the other history
    (tmp_path / "third.json").write_text((tmp_path / "award.json").read_text().replace("S-1", "S-3"))
    assert ledger("issue", str(tmp_path / "third.json")).code == 0
    for path, note in ahead.items():
        after = _outside(home)
        path.write_bytes(note)
        ended = ledger("backup", str(tmp_path / "other.tar"))
        assert (ended.code, "it is another history" in ended.err) == (3, True)
        assert not (tmp_path / "other.tar").exists()
        _put_outside(after)


def _outside(home: Path) -> dict[Path, bytes]:
    """What is kept of checkpoints beside the ledger."""
    return {path: path.read_bytes() for path in (home / "log" / "checkpoint", home / "checkpoint.guard")}


def _put_outside(notes: dict[Path, bytes]) -> None:
    for path, note in notes.items():
        path.write_bytes(note)


def _make_old(home: Path) -> None:
    """Put the rows of the ledger into a database of schema version 1."""
    old = home / "old.db"
    make_version(1, old)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS new", (str(home / "ledger.db"),))
        triggers = connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        connection.execute("DELETE FROM main.log_head")
        for (name,) in tables:
            connection.execute(f"INSERT INTO main.{name} SELECT * FROM new.{name}")
        for _, sql in triggers:
            connection.execute(sql)
    _lose(home)
    for path in home.glob("old.db-*"):
        path.unlink()
    old.rename(home / "ledger.db")


def test_a_ledger_of_version_1_is_refused_until_it_is_migrated_then_used_and_sound(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    before = _audited(ledger, home)
    _make_old(home)
    for arguments in (["issue", str(tmp_path / "award.json")], ["serve"]):
        ended = ledger(*arguments)
        assert ended.code == 1
        assert "schema version 1" in ended.err
        assert "`testamur migrate`" in ended.err
    ended = ledger("migrate", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"from": 1, "to": SCHEMA_VERSION})
    assert ledger("migrate").out == f"schema version {SCHEMA_VERSION}; nothing was to be done\n"
    assert _audited(ledger, home)["root"] == before["root"]
    assert ledger("issue", str(tmp_path / "award.json")).code == 0
    assert _audited(ledger, home)["size"] == int(str(before["size"])) + 2  # the award, and the next statement


def test_a_backup_of_an_older_schema_is_restored_and_then_migrated(ledger: Command, home: Path, tmp_path: Path) -> None:
    _make_old(home)
    assert ledger("backup", str(tmp_path / "old.tar")).code == 0
    _lose(home)
    ended = ledger("restore", str(tmp_path / "old.tar"))
    assert (ended.code, "bring it forward with testamur migrate" in ended.err) == (0, True)
    assert ledger("migrate").out == f"schema version 1 is now {SCHEMA_VERSION}\n"
    assert _audited(ledger, home)["sound"] is True


def test_migrate_says_so_where_there_is_nothing_to_migrate_and_waits_for_nobody(
    ledger: Command, home: Path, tmp_path: Path
) -> None:
    assert ledger("migrate", "--home", str(tmp_path / "nowhere")).code == 2
    with Home(home).hold():
        ended = ledger("migrate")
    assert (ended.code, "another process works on" in ended.err) == (3, True)
