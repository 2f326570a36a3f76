"""`testamur audit --url`: what a server publishes is judged by itself, and held against what was seen of it before."""

import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from ledger.canonical import Json
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.note import VerifierKey
from tests.unit.audit.public.serving import Answer, Served, folder, serving
from tests.unit.cli.command import ROW, Command


@pytest.fixture
def served(ledger: Command, tmp_path: Path) -> Iterator[Served]:
    """A server that shows what the ledger in tmp_path/home publishes."""
    with serving(folder(tmp_path / "home" / "log")) as server:
        yield server


def issue(command: Command, student: str, home: Path) -> Mapping[str, Json]:
    """The receipt of one more award of the ledger in that home."""
    row = home.with_name("row.json")
    row.write_text(json.dumps(ROW | {"student_number": student}))
    said = command("issue", str(row), "--home", str(home), "--json")
    assert said.code == 0, said.err
    receipt: dict[str, Json] = json.loads(said.out)
    return receipt


def audited(command: Command, *arguments: str) -> tuple[int, Mapping[str, Json]]:
    """Exit code and report of an audit."""
    said = command("audit", *arguments, "--json")
    report: dict[str, Json] = json.loads(said.out)
    return said.code, report


def test_report_has_the_shape_of_every_audit_and_says_what_is_public_besides(
    ledger: Command, served: Served, tmp_path: Path
) -> None:
    issue(ledger, "S-1", tmp_path / "home")
    vkey = json.loads(ledger("log", "vkey", "--json").out)["vkey"]
    code, report = audited(ledger, "--url", served.url, "--vkey", vkey, "--jobs", "1")
    _, full = audited(ledger, "--home", str(tmp_path / "home"))
    assert code == 0
    assert full.keys() <= report.keys()
    assert (report["sound"], report["problems"], report["evidence"]) == (True, [], [])
    assert (report["events"], report["root"]) == (full["events"], full["root"])
    assert report["read"] == report["events"]
    assert report["log"] == "localhost:8000/log"
    assert report["checkpoint"] == {"source": "log", "size": report["size"], "root": report["root"]}
    told = ledger("audit", "--url", f"{served.url}/log/", "--vkey", vkey).out
    assert f"sound: {report['events']} entries" in told
    assert "not checked: private parts" in told


def test_next_run_with_the_state_fetches_and_reads_only_what_is_new(
    ledger: Command, served: Served, tmp_path: Path
) -> None:
    state = ("--url", served.url, "--state", str(tmp_path / "state"))
    assert audited(ledger, *state)[0] == 0
    served.asked.clear()
    assert audited(ledger, *state)[1]["read"] == 0
    assert served.asked == ["/log/checkpoint"]
    before = audited(ledger, *state)[1]["size"]
    issue(ledger, "S-1", tmp_path / "home")
    code, report = audited(ledger, *state)
    assert (code, report["read"]) == (0, int(str(report["size"])) - int(str(before)))


def test_forked_copy_of_a_ledger_is_caught_and_both_notes_are_kept(
    ledger: Command, served: Served, tmp_path: Path
) -> None:
    state = tmp_path / "kept" / "state"
    state.parent.mkdir()
    vkey = VerifierKey.parse(json.loads(ledger("log", "vkey", "--json").out)["vkey"])
    issue(ledger, "S-1", tmp_path / "home")
    shutil.copytree(tmp_path / "home", tmp_path / "fork")
    for student in ("S-2", "S-3"):
        issue(ledger, student, tmp_path / "home")
    assert audited(ledger, "--url", served.url, "--state", str(state))[0] == 0
    for student in ("S-4", "S-5", "S-6"):
        issue(ledger, student, tmp_path / "fork")
    served.answer = folder(tmp_path / "fork" / "log")
    code, report = audited(ledger, "--url", served.url, "--state", str(state))
    assert (code, report["sound"]) == (1, False)
    first = report["first_bad"]
    assert isinstance(first, dict)
    assert first["check"] == "history"
    evidence = report["evidence"]
    assert isinstance(evidence, list)
    notes = [Path(str(place)).read_bytes() for place in evidence]
    assert {Path(str(place)).parent for place in evidence} == {state.parent}
    assert notes == [(tmp_path / name / "log" / "checkpoint").read_bytes() for name in ("home", "fork")]
    assert len({open_checkpoint(note, vkey).root for note in notes}) == 2
    assert all(str(place) in str(first["reason"]) for place in evidence)
    # Back to the honest log: what was signed stays signed.
    served.answer = folder(tmp_path / "home" / "log")
    told = ledger("audit", "--url", served.url, "--state", str(state))
    assert told.code == 1
    assert "two histories" in told.out


def test_evidence_without_a_state_goes_into_the_current_folder(
    ledger: Command, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tmp_path / "home", tmp_path / "fork")
    issue(ledger, "S-1", tmp_path / "home")
    issue(ledger, "S-2", tmp_path / "fork")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    kept = str(tmp_path / "fork" / "log" / "checkpoint")
    code, report = audited(ledger, "--url", served.url, "--checkpoint", kept)
    evidence = report["evidence"]
    assert code == 1
    assert isinstance(evidence, list)
    assert sorted(path.name for path in Path().iterdir()) == sorted(str(place) for place in evidence)
    again, same = audited(ledger, "--url", served.url, "--checkpoint", kept)
    assert (again, same["evidence"]) == (1, report["evidence"])


def test_evidence_that_cannot_be_written_does_not_hide_the_fork(
    ledger: Command, served: Served, tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "home", tmp_path / "fork")
    issue(ledger, "S-1", tmp_path / "home")
    issue(ledger, "S-2", tmp_path / "fork")
    state = tmp_path / ("s" * 240)  # with more behind it, the name is too long for a file
    assert audited(ledger, "--url", served.url, "--state", str(state))[0] == 0
    served.answer = folder(tmp_path / "fork" / "log")
    code, report = audited(ledger, "--url", served.url, "--state", str(state))
    assert code == 1
    assert "could not be written" in str(report["problems"])


def test_log_in_an_archive_is_audited_as_one_that_is_served(ledger: Command, tmp_path: Path) -> None:
    issue(ledger, "S-1", tmp_path / "home")
    code, report = audited(ledger, "--archive", str(tmp_path / "home"))
    assert (code, report["sound"]) == (0, True)


def test_server_that_does_not_answer_decides_nothing(ledger: Command, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    said = ledger("audit", "--url", f"http://127.0.0.1:{port}", "--state", str(tmp_path / "state"))
    assert (said.code, said.out) == (3, "")
    assert "does not answer" in said.err
    with serving(lambda _: Answer(status=503)) as busy:
        assert ledger("audit", "--url", busy.url).code == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--url", "college.example"), "not the address of a server"),
        (("--url", "{served}", "--home", "{home}"), "one of --url"),
        (("--url", "{served}", "--database", "{home}/ledger.db"), "one of --url"),
        (("--url", "{served}", "--vkey", "nonsense"), "--vkey"),
        (("--url", "{served}", "--vkey", "{other}"), "another one"),
        (("--url", "{served}", "--checkpoint", "{home}/testamur.toml"), "kept checkpoint"),
        (("--url", "{served}", "--checkpoint", "{home}/nothing"), "cannot be read"),
        (("--url", "{served}", "--policy", "{home}/testamur.toml"), "is no policy"),
        (("--url", "{served}", "--state", "{home}/testamur.toml"), "is no state of an audit"),
        (("--url", "{served}", "--state", "{home}/ledger.db"), "is no state of an audit"),
        (("--url", "{served}", "--state", "{home}/nowhere/state"), "no folder"),
        (("--url", "{served}/else"), "no log is published"),
        (("--archive", "{home}/log"), "no log is published"),
        (("--home", "{home}", "--policy", "{home}/testamur.toml"), "--policy goes with --url"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_one_sentence(
    ledger: Command, served: Served, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    home = tmp_path / "home"
    given = [each.format(served=served.url, home=home, other="") for each in arguments]
    if "{other}" in arguments:
        stranger = json.loads(ledger("log", "vkey", "--json").out)["vkey"]
        given[-1] = VerifierKey.of("other.example/log", VerifierKey.parse(stranger).public_key).to_text()
    said = ledger("audit", *given)
    assert (said.code, said.out) == (2, "")
    assert why in said.err


def test_address_in_the_environment_does_not_turn_the_audit_of_a_home_into_another(
    ledger: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_URL", "http://127.0.0.1:1")
    assert ledger("audit").code == 0
