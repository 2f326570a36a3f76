"""The home: made whole or not at all, held by one process, and opened only if it is what was published."""

import asyncio
import fcntl
import json
import os
import shutil
import sqlite3
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.home import (
    BadSettings,
    Home,
    HomeBusy,
    HomeExists,
    HomeMissing,
    Settings,
    check_base_url,
    host_and_port,
    replace_file,
)
from ledger.adapters.secrets import SecretExposed, SecretMissing
from ledger.adapters.vault import VaultUnreadable
from ledger.application.ports import Caller
from ledger.application.published_check import LogRolledBack
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.bootstrap import clock_from_environment, open_ledger
from ledger.domain.types import Did, Origin
from ledger.domain.values import slug
from ledger.errors import LedgerError
from ledger.founding import init
from ledger.publication import unnoticed
from ledger.testing.faults import FakeClock
from ledger.tlog.checkpoint import open_checkpoint, size_of_note

CLOCK = FakeClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
BASE_URL = "http://localhost:8000"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    init(folder, BASE_URL, "Operator", clock=CLOCK)
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(template, tmp_path / "home")))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TESTAMUR_BASE_URL", "TESTAMUR_MASTER_KEY_FILE", "TESTAMUR_UNSAFE_CLOCK"):
        monkeypatch.delenv(name, raising=False)


# ---------------------------------------------------------------------------------------------------------- base URL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://verify.college.example", "https://verify.college.example"),
        ("https://verify.college.example/", "https://verify.college.example"),
        ("HTTPS://Verify.College.EXAMPLE", "https://verify.college.example"),
        ("https://a-1.b2.example:8443//", "https://a-1.b2.example:8443"),
    ],
)
def test_base_url_has_one_spelling(text: str, expected: str) -> None:
    assert check_base_url(text) == expected
    assert check_base_url(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8000",
        "ftp://localhost",
        "//localhost",
        "http://",
        "http://localhost/path",
        "http://localhost?query",
        "http://localhost#fragment",
        "http://user@localhost",
        "http://localhost:port",
        "http://localhost:99999",
        "http://127.0.0.1:8000",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0x7f.1",
        "http://10.0.0.256",
        "http://[::1]:8000",
        "http://[::1",
        "http://[",
        "http://höchschule.example",
        "http://under_score.example",
        "http://-dash.example",
        "http://dot..example",
        "http://a b.example",
        "http://" + "a" * 201,
    ],
)
def test_base_url_that_cannot_stand_in_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="“"):
        check_base_url(text)


def test_host_and_port_are_those_of_the_base_url() -> None:
    assert host_and_port("http://localhost:8000") == "localhost:8000"


# -------------------------------------------------------------------------------------------------------------- init


def test_home_is_made_whole(template: Path) -> None:
    home = Home(template)
    expected = Settings(base_url=BASE_URL, origin=Origin("localhost:8000/log"), operator="Operator", registries=())
    assert home.settings() == expected
    for secret in (home.master_key, home.operator_key, home.database, home.vault, *home.keys.iterdir()):
        assert secret.stat().st_mode & 0o077 == 0, secret
    for folder in (home.folder, home.keys, home.master_key.parent):
        assert folder.stat().st_mode & 0o077 == 0, folder
    assert len(list(home.keys.glob("*.pem"))) == 2
    assert sorted(each.name for each in template.parent.iterdir()) == ["home"]


def test_new_log_has_its_first_entry_and_a_statement_under_a_checkpoint(home: Home) -> None:
    with closing(open_ledger(home, clock=CLOCK)) as ledger:
        assert open_checkpoint(home.checkpoint.read_bytes(), ledger.verifier_key).size == 2
        key = home.operator_key.read_text("ascii").strip()
        assert ledger.api_keys.caller(key).issuer is None


def test_home_may_be_made_in_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    init(tmp_path / "home", BASE_URL, "Operator", clock=CLOCK)
    assert Home(tmp_path / "home").exists()


def test_home_may_be_made_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    init(Path(), BASE_URL, "Operator", clock=CLOCK)
    assert Home(tmp_path / "home").exists()


@pytest.mark.parametrize("kind", ["full folder", "home", "file"])
def test_what_is_there_already_is_left_as_it_is(tmp_path: Path, template: Path, kind: str) -> None:
    folder = tmp_path / "home"
    if kind == "home":
        shutil.copytree(template, folder)
    elif kind == "file":
        folder.write_text("mine")
    else:
        folder.mkdir()
        (folder / "thesis.txt").write_text("mine")
    before = sorted(str(each) for each in tmp_path.rglob("*"))
    with pytest.raises(HomeExists, match="folder of its own"):
        init(folder, BASE_URL, "Operator", clock=CLOCK)
    assert sorted(str(each) for each in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "http://localhost/testamur", "localhost"])
def test_bad_base_url_makes_nothing(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(BadSettings):
        init(tmp_path / "home", base_url, "Operator", clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "two\nlines", "nul\x00", "\u202ereversed", "\udc80"])
def test_bad_operator_name_makes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSettings, match="name of who runs the service"):
        init(tmp_path / "home", BASE_URL, name, clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "failing", ["adapters.sqlite.engine.create", "founding.publishing_of", "founding.write_secret_file"]
)
def test_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(f"ledger.{failing}", fail)
    with pytest.raises(OSError, match="no space"):
        init(tmp_path / "home", BASE_URL, "Operator", clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


def test_master_key_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere" / "master.key"
    monkeypatch.setenv("TESTAMUR_MASTER_KEY_FILE", str(elsewhere))
    for name in ("one", "two"):
        init(tmp_path / name, BASE_URL, "Operator", clock=CLOCK)
        assert not (tmp_path / name / "secrets" / "master.key").exists()
        open_ledger(Home(tmp_path / name), clock=CLOCK).close()
    monkeypatch.delenv("TESTAMUR_MASTER_KEY_FILE")
    with pytest.raises(SecretMissing):
        open_ledger(Home(tmp_path / "one"), clock=CLOCK)


def test_guard_elsewhere_is_that_of_one_ledger_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = tmp_path / "elsewhere" / "guard"
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(guard))
    with monkeypatch.context() as patched:
        patched.setattr("ledger.founding.write_secret_file", _fail)
        with pytest.raises(OSError, match="no space"):
            init(tmp_path / "one", BASE_URL, "Operator", clock=CLOCK)
    assert not guard.exists()
    init(tmp_path / "one", BASE_URL, "Operator", clock=CLOCK)
    assert guard.read_bytes() == (tmp_path / "one" / "log" / "checkpoint").read_bytes()
    with pytest.raises(BadSettings, match="guards another ledger"):
        init(tmp_path / "two", BASE_URL, "Operator", clock=CLOCK)
    assert not (tmp_path / "two").exists()
    assert unnoticed(Home(tmp_path / "one")) is None
    monkeypatch.delenv("TESTAMUR_GUARD_FILE")
    told = unnoticed(Home(tmp_path / "one"))
    assert told is not None
    assert "cannot be noticed" in told


def test_whole_home_put_back_is_noticed_by_a_guard_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "home"
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(tmp_path / "guard"))
    init(folder, BASE_URL, "Operator", clock=CLOCK)
    shutil.copytree(folder, tmp_path / "older")
    with closing(open_ledger(Home(folder), clock=CLOCK)) as ledger:
        asyncio.run(
            ledger.issuers.register(Caller(actor="operator", issuer=None), slug("college"), {"name": "College"})
        )
    with pytest.raises(LogRolledBack, match="an older copy was restored"):
        open_ledger(Home(tmp_path / "older"), clock=CLOCK)


def test_guard_elsewhere_that_goes_away_stops_publishing_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(disk / "guard"))
    home = Home(tmp_path / "home")
    init(home.folder, BASE_URL, "Operator", clock=CLOCK)
    with closing(open_ledger(home, clock=CLOCK, publishes=False)) as ledger:
        disk.rename(tmp_path / "unmounted")
        registering = ledger.issuers.register(
            Caller(actor="operator", issuer=None), slug("college"), {"name": "College"}
        )
        asyncio.run(registering)
        before = home.checkpoint.read_bytes()
        with pytest.raises(TileStoreUnavailable, match="is not there any more"):
            ledger.publishing.publish()
        assert home.checkpoint.read_bytes() == before
        assert not disk.exists()
        (tmp_path / "unmounted").rename(disk)
        size = ledger.publishing.publish()
    assert home.guard.read_bytes() == home.checkpoint.read_bytes() != before
    assert size == size_of_note(home.guard.read_bytes())


def _fail(*_: object, **__: object) -> None:
    raise OSError("no space left on device")


# ---------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("operator", ["Collège “Ü” \\ \" ' # = [x]", "Akademie 🎓", "del\x7f", "日本語"])
def test_settings_are_read_as_they_were_written(tmp_path: Path, operator: str) -> None:
    home = Home(tmp_path)
    registries = (Did("did:web:localhost%3A8000:issuers:board"), Did("did:web:x"))
    settings = Settings(base_url=BASE_URL, origin=Origin("o/log"), operator=operator, registries=registries)
    home.write_settings(settings)
    assert home.settings() == settings
    assert tomllib.loads(home.settings_file.read_text("utf-8"))["operator"] == operator


def test_missing_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HomeMissing, match="testamur init"):
        Home(tmp_path).settings()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"base_url = ",
        b'base_url = "http://localhost"\norigin = "o"',
        b'base_url = "http://127.0.0.1"\norigin = "o"\noperator = "o"',
        b'base_url = "http://[::1"\norigin = "o"\noperator = "o"',
        b'base_url = "http://localhost"\norigin = "o"\noperator = "o"\nregistries = 7',
        b"\xff\xfe",
    ],
)
def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path)
    home.settings_file.write_bytes(content)
    with pytest.raises(BadSettings):
        home.settings()


def test_base_url_of_the_environment_changes_links_and_not_the_origin(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_BASE_URL", "https://verify.college.example/")
    assert home.settings().base_url == "https://verify.college.example"
    assert home.settings().origin == "localhost:8000/log"


def test_registries_follow_the_settings_file(home: Home) -> None:
    assert home.registries() == ()
    board = Did("did:web:localhost%3A8000:issuers:board")
    settings = home.settings()
    home.write_settings(
        Settings(base_url=BASE_URL, origin=settings.origin, operator=settings.operator, registries=(board,))
    )
    os.utime(home.settings_file, ns=(1, 1))
    assert home.registries() == (board,)
    assert home.registries() == (board,)


# -------------------------------------------------------------------------------------------------------------- lock


def test_second_holder_is_refused_until_the_first_lets_go(home: Home) -> None:
    assert not home.held()
    with home.hold():
        assert home.held()
        with pytest.raises(HomeBusy, match="another process works on"), Home(home.folder).hold():
            pass
    assert not home.held()
    with Home(home.folder).hold():
        pass


def test_second_holder_is_told_which_server_holds_the_home(home: Home) -> None:
    with home.hold(), home.announce("http://127.0.0.1:8000"):
        with pytest.raises(HomeBusy, match=rf"id {os.getpid()} .* http://127.0.0.1:8000"), home.hold(patience=60):
            pass
        server = home.server()
        assert server is not None
        assert (server.pid, server.url) == (os.getpid(), "http://127.0.0.1:8000")
    assert home.server() is None


def test_patient_holder_waits_for_a_command_to_end(home: Home) -> None:
    descriptor = os.open(home.folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    held: list[bool] = []

    def hold() -> None:
        with home.hold(patience=60):
            held.append(True)

    waiting = Thread(target=hold)
    waiting.start()
    assert held == []
    os.close(descriptor)
    waiting.join(60)
    assert held == [True]


def test_server_file_that_a_killed_server_left_is_removed(home: Home) -> None:
    (home.folder / "server.json").write_text(json.dumps({"pid": 1, "url": "http://127.0.0.1:1"}))
    with home.hold():
        assert home.server() is None
        assert not (home.folder / "server.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": "x", "url": 1}', b"\xff", b"null"])
def test_server_file_that_cannot_be_read_is_no_server(home: Home, content: bytes) -> None:
    (home.folder / "server.json").write_bytes(content)
    assert home.server() is None


def test_file_is_replaced_whole_with_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    replace_file(path, b"one", mode=0o644)
    replace_file(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


# ----------------------------------------------------------------------------------------------------------- opening


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("ledger.db", LedgerError),
        ("vault.db", VaultUnreadable),
        ("secrets/master.key", SecretMissing),
        ("testamur.toml", HomeMissing),
    ],
)
def test_home_that_lacks_a_file_is_not_opened(home: Home, name: str, error: type[LedgerError]) -> None:
    (home.folder / name).unlink()
    with pytest.raises(error):
        open_ledger(home, clock=CLOCK)
    assert not (home.folder / name).exists()


def test_home_that_lacks_the_checkpoint_key_is_not_opened(home: Home) -> None:
    for key in home.keys.iterdir():
        key.unlink()
    with pytest.raises(LedgerError):
        open_ledger(home, clock=CLOCK)


def test_master_key_that_others_may_read_is_not_used(home: Home) -> None:
    home.master_key.chmod(0o644)
    with pytest.raises(SecretExposed):
        open_ledger(home, clock=CLOCK)


def test_ledger_of_another_origin_is_refused(home: Home) -> None:
    home.write_settings(Settings(base_url=BASE_URL, origin=Origin("other/log"), operator="o", registries=()))
    with pytest.raises(LogRolledBack, match="not that of other/log"):
        open_ledger(home, clock=CLOCK)


def test_ledger_without_its_first_entry_is_refused(home: Home) -> None:
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        for table in ("stored_events", "log_head", "checkpoints"):
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM stored_events")
        connection.execute("UPDATE log_head SET size = 0")
    with pytest.raises(LogRolledBack, match="no entries at all"):
        open_ledger(home, clock=CLOCK)


@pytest.mark.parametrize("content", [b"", b"garbage", b"localhost:8000/log\n1\nAAAA\n\n", b"\xff"])
def test_published_checkpoint_that_is_none_is_not_passed_over(home: Home, content: bytes) -> None:
    home.checkpoint.write_bytes(content)
    with pytest.raises(LedgerError):
        open_ledger(home, clock=CLOCK)


# ------------------------------------------------------------------------------------------------------------- clock


@pytest.fixture
def clock_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", "2026-11-21T12:00:00Z")


def test_unsafe_clock_starts_where_it_is_told_and_warns(clock_set: None, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (clock_from_environment().now() for _ in range(2))
    assert first.isoformat().startswith("2026-11-21T12:00:0")
    assert first.microsecond % 1000 == 0
    assert second >= first.replace(second=0)
    assert capsys.readouterr().err.count("TESTAMUR_UNSAFE_CLOCK is set") == 2


@pytest.mark.parametrize("text", ["yesterday", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T12:00:00+01:00"])
def test_unsafe_clock_that_is_no_time_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", text)
    with pytest.raises(BadSettings, match="TESTAMUR_UNSAFE_CLOCK"):
        clock_from_environment()


def test_clock_of_the_machine_tells_whole_milliseconds_in_utc() -> None:
    now = clock_from_environment().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
