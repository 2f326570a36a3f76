"""A ledger in PostgreSQL whose server is away leaves every question open, and says where it was looked for."""

from pathlib import Path

import pytest

from ledger.adapters.home import Home, Settings
from ledger.adapters.secrets import MasterKey
from ledger.domain.types import Origin
from verify_api.cli.main import run

URL = "postgresql://registrar:secret@127.0.0.1:1/ledger"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["list"], 3),
        (["work", "--once"], 3),
        (["serve", "--port", "0"], 3),
        (["audit"], 2),  # as of a file that cannot be read
        (["log", "vkey"], 2),
    ],
)
def test_server_that_is_away_leaves_the_question_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], code: int
) -> None:
    monkeypatch.setenv("TESTAMUR_DATABASE_URL", URL)
    home = Home(tmp_path)
    home.write_settings(
        Settings(
            base_url="http://localhost:8000",
            origin=Origin("localhost:8000/log"),
            operator="Example College",
            registries=(),
            engine="postgresql",
        )
    )
    MasterKey.create(home.master_key)
    assert run([*command, "--home", str(tmp_path)]) == code
    said = capsys.readouterr().err
    assert "the PostgreSQL database ledger on 127.0.0.1 port 1 cannot be reached" in said
    assert "registrar" not in said
    assert "secret@" not in said
