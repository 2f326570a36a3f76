"""What somebody meets who does not know the command yet: its refusals name the option, its warnings come in time."""

import json
import socket
from pathlib import Path

import pytest

from tests.unit.cli.command import NOBODY, ROW, Command

HEADER = "student_number,full_name,achievement,awarded_on\n"
GOOD = "S-1,Ana Kim,menus,2026-01-10\n"
BAD = "S-2,Bo Lee,nothing,2026-01-10\n"


def _cohort(folder: Path, *rows: str) -> Path:
    file = folder / "cohort.csv"
    file.write_text(HEADER + "".join(rows))
    return file


def _total(ledger: Command) -> int:
    total: int = json.loads(ledger("list", "--json").out)["total"]
    return total


@pytest.mark.parametrize("way", ["same", "symlink", "hard-link", "relative"])
def test_a_batch_that_would_overwrite_its_input_is_refused_before_anything_is_issued(
    ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file = _cohort(tmp_path, GOOD)
    out = {"same": file, "relative": Path("home/../cohort.csv")}.get(way, tmp_path / "link.csv")
    if way == "symlink":
        out.symlink_to(file)
    if way == "hard-link":
        out.hardlink_to(file)
    monkeypatch.chdir(tmp_path)
    ended = ledger("issue-batch", str(file), "--out", str(out))
    assert (ended.code, ended.out) == (2, "")
    assert "is the file that is read" in ended.err
    assert file.read_text() == HEADER + GOOD
    assert _total(ledger) == 0
    other = tmp_path / "other.csv"
    other.write_text("old")
    assert ledger("issue-batch", str(file), "--out", str(other)).code == 0
    assert "issued" in other.read_text()


def test_a_dry_run_ends_with_1_if_a_row_is_bad_and_with_0_for_warnings_alone(ledger: Command, tmp_path: Path) -> None:
    bad = ledger("issue-batch", str(_cohort(tmp_path, GOOD, BAD)), "--dry-run")
    assert bad.code == 1
    assert "is not an achievement" in bad.out
    odd = ledger("issue-batch", str(_cohort(tmp_path, "S-1,=Ana,menus,2026-01-10\n")), "--dry-run")
    assert (odd.code, "1 warning" in odd.out) == (0, True)
    good = ledger("issue-batch", str(_cohort(tmp_path, GOOD)), "--dry-run")
    assert good.code == 0
    assert good.out == "1 can be issued, 0 already issued, 0 errors, 0 warnings; nothing was issued\n"
    assert _total(ledger) == 0


def test_refused_rows_name_the_option_that_skips_them(ledger: Command, tmp_path: Path) -> None:
    ended = ledger("issue-batch", str(_cohort(tmp_path, GOOD, BAD)))
    assert ended.code == 1
    assert ended.err.rstrip().endswith("(--skip-bad)")


def test_a_batch_in_which_nothing_is_to_do_shows_no_bar(ledger: Command, tmp_path: Path) -> None:
    file = str(_cohort(tmp_path, GOOD))
    assert "1/1" in ledger("issue-batch", file).err
    again = ledger("issue-batch", file)
    assert "already issued" in again.out
    assert "issuing" not in again.err


def test_a_revocation_before_the_award_names_the_option_for_it(ledger: Command, tmp_path: Path) -> None:
    code = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)["code"]
    early = ledger("revoke", code, "--reason", "other", "--from", "2026-01-09")
    assert early.code == 1
    assert "--retroactive" in early.err
    assert ledger("revoke", code, "--reason", "other", "--from", "2026-01-09", "--retroactive").code == 0
    assert "--retroactive" not in ledger("revoke", code, "--reason", "other").err


def test_without_issuers_or_bodies_the_command_says_how_to_register_one(command: Command, tmp_path: Path) -> None:
    assert command("init", "--base-url", "http://localhost:8000").err == ""
    assert command("issuer", "list").out == "none\n"
    (tmp_path / "award.json").write_text(json.dumps(ROW))
    for arguments in (["issue", str(tmp_path / "award.json")], ["issuer", "key", "list"]):
        ended = command(*arguments)
        assert ended.code == 2
        assert "there are 0 issuers" in ended.err
        assert "register one with `testamur issuer register SLUG" in ended.err
        assert "--issuer SLUG" not in ended.err
    assert command("issuer", "register", "college", "--name", "College").code == 0
    ended = command("issuer", "recognise", "college", "--since", "2020-01-01")
    assert ended.code == 2
    assert "there are 0 recognising bodies here: register one with" in ended.err
    assert "--recognising-body" in ended.err


def test_a_ledger_whose_links_would_be_http_is_made_with_a_warning(command: Command) -> None:
    ended = command("init", "--base-url", "http://verify.college.example")
    assert ended.code == 0
    assert "certificates need https" in ended.err


def test_an_empty_list_is_said_to_be_none(ledger: Command) -> None:
    assert ledger("list").out == "none\n"
    assert json.loads(ledger("list", "--json").out)["credentials"] == []


def test_a_status_that_no_award_can_have_is_wrong_usage(ledger: Command) -> None:
    ended = ledger("list", "--status", "foo")
    assert (ended.code, ended.out) == (2, "")
    assert "in_force" in ended.err


def test_a_version_of_an_award_is_named_as_on_the_certificate(ledger: Command, tmp_path: Path) -> None:
    code = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)["code"]
    assert ledger("amend", f"{code}/1", "--set", "assessor=R. Lindqvist", "--reason", "other").code == 0
    shown = json.loads(ledger("show", f"{code.lower()}/2", "--json").out)
    assert (shown["scanned_version"], shown["current_version"]) == (2, 2)
    out = str(tmp_path / "q.svg")
    assert json.loads(ledger("qr", f"{code}/2", "--out", out, "--json").out)["url"].endswith(f"/C/{code}/2")


def test_a_link_to_another_service_is_answered_for_this_ledger_with_a_warning(ledger: Command, tmp_path: Path) -> None:
    award = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)
    foreign = f"https://verify.other.example/c/{award['code'].lower()}"
    out = str(tmp_path / "q.svg")
    for arguments in (["show", foreign], ["history", foreign], ["qr", foreign, "--out", out], ["reinstate", foreign]):
        told = ledger(*arguments).err
        assert "warning: " in told
        assert "verify.other.example" in told
        assert "localhost:8000" in told
    assert ledger("show", award["url"]).err == ""
    assert ledger("show", NOBODY).err == ""
    assert ledger("show", foreign, "--quiet").err == ""


def test_a_demo_whose_port_is_taken_is_refused_before_it_is_seeded(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ended = command("demo", "--port", str(port))
    assert (ended.code, ended.out) == (2, "")
    assert f"port {port}" in ended.err
    assert "Errno" not in ended.err
    assert not (tmp_path / "home").exists()


def test_a_server_whose_port_is_taken_says_so_in_plain_words(ledger: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = ledger("serve", "--port", str(listening.getsockname()[1]))
    assert (ended.code, ended.out) == (2, "")
    assert "another program listens there; name another port with --port" in ended.err
    assert "Errno" not in ended.err


def test_the_issuer_of_a_list_of_keys_may_stand_without_an_option(ledger: Command) -> None:
    assert ledger("issuer", "key", "list", "board").out == ledger("issuer", "key", "list", "--issuer", "board").out
    assert ledger("issuer", "key", "list", "board", "--issuer", "college").code == 2


def test_the_version_is_told_without_a_ledger_and_the_help_names_the_api_key(command: Command) -> None:
    ended = command("--version")
    assert (ended.code, ended.out.startswith("testamur")) == (0, True)
    assert "TESTAMUR_API_KEY" in command("show", "--help").out
    assert "--version" not in command("show", "--help").out
