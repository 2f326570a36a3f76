"""`testamur log rotate-key`: two keys sign for a while, each step tells the new one, and `log vkey` tells who signs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.note import NoteUnsigned, VerifierKey
from tests.unit.cli.command import COURSE, ROW, Command


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(
    command: Command, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs a command on a ledger with a college and an achievement, on each engine."""
    if request.param == "postgresql":
        monkeypatch.setenv("TESTAMUR_DATABASE_URL", str(request.getfixturevalue("database_url")))
    (tmp_path / "menus.json").write_text(json.dumps(COURSE))
    (tmp_path / "award.json").write_text(json.dumps(ROW))
    assert command("init", "--base-url", "http://localhost:8000").code == 0
    assert command("issuer", "register", "college", "--name", "College").code == 0
    assert command("achievement", "define", str(tmp_path / "menus.json")).code == 0
    return command


@pytest.fixture
def signed(ledger: Command) -> Callable[[str], bool]:
    """Whether a key signed the checkpoint that is served."""

    def found(vkey: str) -> bool:
        note = ledger("log", "checkpoint").out.encode()
        try:
            open_checkpoint(note, VerifierKey.parse(vkey))
        except NoteUnsigned:
            return False
        return True

    return found


def test_key_is_rotated_with_an_overlap_and_everybody_is_told_the_new_one(
    ledger: Command, signed: Callable[[str], bool], tmp_path: Path
) -> None:
    (_, old) = ledger("log", "vkey").out.splitlines()
    early = ledger("log", "checkpoint").out
    begun = ledger("log", "rotate-key")
    assert begun.code == 0, begun.err
    new = begun.out.splitlines()[-1]
    assert "testamur log rotate-key --finish" in begun.out
    assert ledger("log", "vkey").out.splitlines()[1:] == [old, new]
    assert json.loads(ledger("log", "vkey", "--json").out) == {
        "origin": "localhost:8000/log",
        "vkey": new,
        "vkeys": [old, new],
    }
    assert (signed(old), signed(new)) == (True, True)
    assert ledger("issue", str(tmp_path / "award.json")).code == 0
    assert (signed(old), signed(new)) == (True, True)
    ended = ledger("log", "rotate-key", "--finish")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == new
    assert ledger("log", "vkey").out.splitlines()[1:] == [new]
    assert (signed(old), signed(new)) == (False, True)
    assert json.loads(ledger("audit", "--json").out)["sound"] is True
    (tmp_path / "early").write_text(early)
    for trusted in (old, new):
        audited = ledger("audit", "--vkey", trusted, "--checkpoint", str(tmp_path / "early"), "--json")
        assert (audited.code, json.loads(audited.out)["checkpoint"]["source"]) == (0, "kept")


def test_finishing_what_was_not_begun_is_refused_and_changes_nothing(ledger: Command) -> None:
    before = ledger("log", "checkpoint").out
    ended = ledger("log", "rotate-key", "--finish")
    assert ended.code == 1
    assert "one checkpoint key in force: add another one first" in ended.err
    assert ledger("log", "checkpoint").out == before


def test_same_rotation_sent_again_makes_no_other_key(ledger: Command, tmp_path: Path) -> None:
    first = json.loads(ledger("log", "rotate-key", "--idempotency-key", "once", "--json").out)
    again = json.loads(ledger("log", "rotate-key", "--idempotency-key", "once", "--json").out)
    assert again == first
    assert len(ledger("log", "vkey").out.splitlines()) == 3
    ended = [ledger("log", "rotate-key", "--finish", "--idempotency-key", "end", "--json").out for _ in range(2)]
    assert json.loads(ended[0]) == json.loads(ended[1])
    assert json.loads(ended[0])["vkey"] == first["vkey"]
    assert f"{json.loads(ended[0])['retired'][0]}.pem" in [path.name for path in (tmp_path / "home" / "keys").iterdir()]
