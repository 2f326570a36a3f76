"""The command as a whole, in this process: its options, its exit codes, its one sentence when something is wrong."""

import json
import socket
from pathlib import Path

import httpx
import pytest

from ledger.adapters.home import Home
from tests.unit.cli.command import COURSE, NOBODY, ROW, Command
from verify_api.cli import connecting
from verify_api.cli.embedded import EmbeddedTransport


def test_without_a_ledger_the_command_says_how_to_make_one(command: Command) -> None:
    for arguments in (["issuer", "list"], ["serve"], ["log", "vkey"], ["audit"]):
        ended = command(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert "there is no ledger in" in ended.err
        assert "testamur init" in ended.err


def test_a_second_ledger_in_the_same_folder_is_refused(ledger: Command) -> None:
    ended = ledger("init", "--base-url", "http://localhost:8000")
    assert ended.code == 2
    assert "is not empty" in ended.err


def test_a_base_url_that_no_link_can_carry_is_refused(command: Command, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:8000", "ftp://college.example", "http://college.example/path"):
        assert command("init", "--base-url", url).code == 2
    assert not (tmp_path / "home").exists()


def test_wrong_usage_is_one_sentence_and_exit_code_2(command: Command) -> None:
    for arguments in (["revoke"], ["nonsense"], ["revoke", NOBODY, "--reason", "spite"], ["show", NOBODY, "--colour"]):
        ended = command(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("testamur: ")
        assert len(ended.err.splitlines()) == 1


def test_common_options_stand_before_the_subcommand_or_after_it(
    ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TESTAMUR_HOME")
    home = str(tmp_path / "home")
    before = ledger("--home", home, "--json", "issuer", "list")
    after = ledger("issuer", "list", "--json", "--home", home)
    assert before == after
    assert [issuer["slug"] for issuer in json.loads(before.out)["issuers"]] == ["board", "college"]


def test_an_award_lives_through_the_command_alone(ledger: Command, tmp_path: Path) -> None:
    issued = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)
    assert (issued["version"], issued["revision"]) == (1, 0)
    code, short, link, identifier = (issued[name] for name in ("code", "short_code", "url", "credential_id"))
    shown = [json.loads(ledger("show", name, "--json").out) for name in (code, short, link.lower(), identifier)]
    assert {each["verdict"] for each in shown} == {"issuer_unrecognised"}
    assert ledger("show", code).code == 1
    assert ledger("suspend", short, "--reason", "other", "--notes", "ticket 1").code == 0
    assert ledger("reinstate", link).code == 0
    amended = ledger("amend", identifier, "--set", "assessor=R. Lindqvist", "--reason", "other", "--json")
    assert json.loads(amended.out)["version"] == 2
    assert ledger("revoke", code, "--reason", "other", "--retroactive", "--public-text", "By mistake.").code == 0
    refused = ledger("revoke", code, "--reason", "other")
    assert refused.code == 1
    assert len(refused.err.splitlines()) == 1
    history = json.loads(ledger("history", short, "--json").out)["events"]
    assert [event["type"].split("/")[0].split(".")[1] for event in history] == [
        "issued",
        "suspended",
        "reinstated",
        "amended",
        "revoked",
    ]
    assert "ticket 1" in ledger("history", short).out
    listed = ledger("list", "kim", "--status", "revoked")
    assert identifier in listed.out
    assert listed.err.strip() == "1 of 1"
    assert ledger("audit").out.startswith("sound: ")


def test_words_that_awards_are_looked_for_by_stand_in_no_address(
    ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger("issue", str(tmp_path / "award.json")).code == 0
    addresses, answer = [], EmbeddedTransport.handle_request

    def noted(self: EmbeddedTransport, request: httpx.Request) -> httpx.Response:
        addresses.append(str(request.url))
        return answer(self, request)

    monkeypatch.setattr(EmbeddedTransport, "handle_request", noted)
    found = json.loads(ledger("list", "kim", "--issuer", "college", "--limit", "1", "--json").out)
    assert found["total"] == 1
    assert json.loads(ledger("list", "okafor", "--json").out)["total"] == 0
    assert len(addresses) == 2
    assert not [each for each in addresses if "kim" in each or "okafor" in each]


def test_the_same_idempotency_key_answers_the_same_and_records_once(ledger: Command, tmp_path: Path) -> None:
    first = ledger("issue", str(tmp_path / "award.json"), "--idempotency-key", "row-1", "--json")
    assert ledger("issue", str(tmp_path / "award.json"), "--idempotency-key", "row-1", "--json").out == first.out
    assert json.loads(ledger("list", "--json").out)["total"] == 1
    assert ledger("issue", str(tmp_path / "award.json"), "--idempotency-key", "with blank").code == 2


def test_with_several_issuers_the_command_asks_for_which_one(ledger: Command, tmp_path: Path) -> None:
    assert ledger("issuer", "register", "academy", "--name", "Academy").code == 0
    for arguments in (["issue", str(tmp_path / "award.json")], ["issuer", "key", "list"], ["achievement", "show"]):
        ended = ledger(*arguments)
        assert ended.code == 2
        assert "--issuer SLUG" in ended.err
        assert "there are 2 issuers" in ended.err
    assert ledger("issue", str(tmp_path / "award.json"), "--issuer", "college").code == 0


def test_an_issuers_key_needs_not_say_for_whom_and_sees_no_other_issuer(
    ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    award = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)
    assert ledger("issuer", "register", "academy", "--name", "Academy").code == 0
    made = ledger("api-key", "create", "--issuer", "academy", "--scope", "issue,read,define", "--json")
    monkeypatch.setenv("TESTAMUR_API_KEY", json.loads(made.out)["key"])
    assert ledger("achievement", "define", str(tmp_path / "menus.json")).code == 0
    assert ledger("issue", str(tmp_path / "award.json")).code == 0
    foreign = ledger("history", award["credential_id"])
    assert (foreign.code, foreign.out) == (1, "")
    assert ledger("issuer", "register", "third", "--name", "Third").code == 1
    monkeypatch.setenv("TESTAMUR_API_KEY", "testamur_nobody")
    assert ledger("issuer", "list").code == 1


def test_a_revoked_api_key_opens_nothing(ledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(ledger("api-key", "create", "--scope", "read", "--label", "a test", "--json").out)
    assert "a test" in ledger("api-key", "list").out
    assert ledger("api-key", "revoke", made["id"]).code == 0
    assert ledger("api-key", "revoke", made["id"]).code == 1
    monkeypatch.setenv("TESTAMUR_API_KEY", made["key"])
    assert ledger("list").code == 1


def test_a_refusal_is_a_sentence_for_people_and_the_problem_document_with_json(ledger: Command, tmp_path: Path) -> None:
    (tmp_path / "award.json").write_text(json.dumps(ROW | {"awarded_on": "2026-02-30", "result": "Fail"}))
    plain = ledger("issue", str(tmp_path / "award.json"))
    assert (plain.code, plain.out) == (1, "")
    assert "2026-02-30" in plain.err
    problem = json.loads(ledger("issue", str(tmp_path / "award.json"), "--json").out)
    assert {error["column"] for error in problem["errors"]} == {"awarded_on", "result"}


def test_a_code_that_nobody_has_is_not_found(ledger: Command) -> None:
    ended = ledger("show", NOBODY, "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["verdict"] == "not_found"
    assert ledger("history", NOBODY).code == 1
    assert ledger("qr", NOBODY, "--out", "q.png").code == 1
    assert ledger("qr", NOBODY, "--out", "q.gif").code == 2


def test_a_server_that_is_not_there_leaves_the_question_open(ledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTAMUR_API_KEY", "testamur_somebody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    ended = ledger("issuer", "list", "--url", url)
    assert ended.code == 3
    assert "cannot be reached" in ended.err
    assert ledger("issuer", "list", "--url", "college").code == 2


def test_the_operators_key_goes_to_no_other_service_than_the_homes_own(ledger: Command) -> None:
    ended = ledger("issuer", "list", "--url", "http://elsewhere.invalid")
    assert ended.code == 2
    assert "TESTAMUR_API_KEY" in ended.err


def test_a_home_that_another_command_holds_is_waited_for_and_then_named(
    ledger: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.2)
    with Home(tmp_path / "home").hold():
        ended = ledger("issuer", "list")
    assert ended.code == 3
    assert "another process works on" in ended.err
    assert ledger("issuer", "list").code == 0


def test_keys_are_added_retired_and_listed(ledger: Command) -> None:
    first = json.loads(ledger("issuer", "key", "list", "--json").out)["keys"]
    added = json.loads(ledger("issuer", "key", "add", "--role", "signing", "--json").out)
    (old,) = [key["kid"] for key in first if key["role"] == "signing"]
    assert ledger("issuer", "key", "retire", old).code == 0
    assert ledger("issuer", "key", "retire", "z6Mk-nobody").code == 1
    told = ledger("issuer", "key", "list").out
    assert added["kid"] in told
    assert "retired at position" in told


def test_an_achievement_is_shown_revised_and_retired(ledger: Command, tmp_path: Path) -> None:
    (tmp_path / "menus.json").write_text(json.dumps(COURSE | {"name": "Healthier menus"}))
    assert ledger("achievement", "revise", str(tmp_path / "menus.json")).code == 0
    assert "Healthier menus" in ledger("achievement", "show", "menus").out
    assert ledger("achievement", "retire", "menus").code == 0
    assert "retired" in ledger("achievement", "show").out
    assert ledger("issue", str(tmp_path / "award.json")).code == 1


def test_an_issuer_is_recognised_and_described_anew(ledger: Command, tmp_path: Path) -> None:
    assert ledger("issuer", "recognise", "college", "--since", "2020-01-01").code == 0
    assert ledger("issuer", "recognise", "college", "--since", "1.1.2020").code == 2
    (tmp_path / "profile.json").write_text(json.dumps({"name": "College of Everything"}))
    profile = str(tmp_path / "profile.json")
    assert ledger("issuer", "change-profile", "college", "--profile", profile, "--name", "Both").code == 2
    assert ledger("issuer", "change-profile", "college").code == 2
    assert ledger("issuer", "change-profile", "college", "--profile", profile).code == 0
    assert "College of Everything" in ledger("issuer", "list").out
    assert ledger("issuer", "end-recognition", "college", "--until", "2026-01-01").code == 0


def test_an_audit_by_a_kept_checkpoint_notices_that_it_belongs_to_another_log(ledger: Command, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(json.loads(ledger("log", "checkpoint", "--json").out)["checkpoint"])
    vkey = ledger("log", "vkey").out.splitlines()[-1]
    report = json.loads(ledger("audit", "--checkpoint", str(kept), "--vkey", vkey, "--json").out)
    assert (report["sound"], report["checkpoint"]["source"]) == (True, "kept")
    assert ledger("audit", "--vkey", "nonsense").code == 2
    assert ledger("audit", "--checkpoint", str(tmp_path / "none")).code == 2
    other = ledger("init", "--base-url", "http://localhost:9000", "--home", str(tmp_path / "other"), "--json")
    foreign = json.loads(other.out)["log_vkey"]
    assert ledger("audit", "--vkey", foreign).code == 1


def test_an_audit_of_the_database_alone_counts_the_private_parts_as_not_checked(
    ledger: Command, tmp_path: Path
) -> None:
    assert ledger("issue", str(tmp_path / "award.json")).code == 0
    report = json.loads(ledger("audit", "--database", str(tmp_path / "home" / "ledger.db"), "--json").out)
    assert report["sound"] is True
    assert any("private parts" in each["what"] for each in report["not_checked"])
    (tmp_path / "text.db").write_text("no database")
    assert ledger("audit", "--database", str(tmp_path / "text.db")).code == 2


def test_every_command_has_help(command: Command) -> None:
    groups = [["issuer"], ["issuer", "key"], ["achievement"], ["api-key"], ["log"], []]
    for arguments in groups:
        ended = command(*arguments, "--help")
        assert ended.code == 0
        assert "Usage: testamur" in ended.out
