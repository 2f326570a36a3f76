"""The command in this process, on a ledger of its own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.audit.public.serving import folder, serving
from tests.unit.cli.command import COURSE, ROW, Command, Ended
from tests.unit.cli.office import IN_TWO, Office, kinds
from verify_api.cli.main import run


def _made(folder: Path, *arguments: str) -> None:
    assert run([*arguments, "--home", str(folder / "home"), "--quiet"]) == 0


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger, in it a recognising body and a college with one achievement, and two JSON files."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "menus.json").write_text(json.dumps(COURSE))
    (folder / "award.json").write_text(json.dumps(ROW))
    _made(folder, "init", "--base-url", "http://localhost:8000")
    _made(folder, "issuer", "register", "board", "--name", "Board", "--recognising-body")
    _made(folder, "issuer", "register", "college", "--name", "College")
    _made(folder, "achievement", "define", str(folder / "menus.json"))
    return folder


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the ledger in tmp_path/home."""
    for name in ("TESTAMUR_URL", "TESTAMUR_API_KEY", "TESTAMUR_BASE_URL", "TESTAMUR_UNSAFE_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TESTAMUR_HOME", str(tmp_path / "home"))

    def called(*arguments: str) -> Ended:
        code = run(arguments)
        said = capsys.readouterr()
        return Ended(code=code, out=said.out, err=said.err)

    return called


@pytest.fixture
def ledger(command: Command, template: Path, tmp_path: Path) -> Command:
    """The same, with a copy of what the template holds."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return command


@pytest.fixture
def office(ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The office of the college, whose keys were acknowledged."""
    with serving(folder(tmp_path / "home" / "log")) as served:
        here = Office(ledger, tmp_path, served, monkeypatch)
        code, lines = here.looked()
        keys = [str(line["position"]) for line in lines if line["event"] == "alarm"]
        assert (code, len(keys)) == (1, 2)
        acknowledged = [part for position in keys for part in ("--acknowledge", position)]
        assert here.looked(*acknowledged)[0] == 0
        # The achievement was defined before anybody kept receipts, and that is told, too.
        code, lines = here.looked("--receipts", str(here.receipts), at=IN_TWO)
        assert (code, kinds(lines)) == (1, ["unknown"])
        assert here.looked("--acknowledge", str(lines[0]["position"]))[0] == 0
        yield here
