"""A home whose database holds another ledger, which is of the same origin, says so and leaves both alone."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.adapters.postgres.connections import described
from tests.postgres import Server, temporary_database
from tests.unit.cli.command import Command


@pytest.fixture
def other_url(
    command: Command, database_url: str, postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The database of another home, which the environment names; the ledger of each has one issuer."""
    with temporary_database(postgres_server) as other:
        for home, url in (("home", database_url), ("other", other)):
            monkeypatch.setenv("TESTAMUR_DATABASE_URL", url)
            monkeypatch.setenv("TESTAMUR_HOME", str(tmp_path / home))
            assert command("init", "--base-url", "http://localhost:8000").code == 0
            assert command("issuer", "register", "college", "--name", "College").code == 0
        yield other


def _contents(url: str, folder: Path) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        size = connection.execute("SELECT size FROM ledger.log_head").fetchone()
        notes = connection.execute("SELECT note FROM ledger.checkpoints ORDER BY size").fetchall()
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    return size, notes, files


@pytest.mark.parametrize("without_checkpoint", [False, True])
def test_home_whose_database_holds_another_ledger_is_told_so_and_nothing_is_written(
    command: Command, other_url: str, tmp_path: Path, without_checkpoint: bool
) -> None:
    home = tmp_path / "home"
    if without_checkpoint:
        (home / "log" / "checkpoint").unlink()
    before = _contents(other_url, home)
    register = ("issuer", "register", "academy", "--name", "Academy")
    ended = command(*register, "--home", str(home))
    assert (ended.code, ended.out) == (3, "")
    assert f"{described(other_url)} holds another ledger than this home" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert _contents(other_url, home) == before


def test_home_that_lost_its_checkpoint_still_opens_its_own_ledger(
    command: Command, other_url: str, tmp_path: Path
) -> None:
    (tmp_path / "other" / "log" / "checkpoint").unlink()
    register = ("issuer", "register", "academy", "--name", "Academy")
    assert command(*register, "--home", str(tmp_path / "other")).code == 0
