"""`testamur watch`: what an operator does in an issuer's name, and what it withholds, is seen by the issuer."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

from tests.odd_files import bounded, put
from tests.unit.audit.public.serving import Answer, folder
from tests.unit.cli.command import ROW
from tests.unit.cli.office import IN_A_MINUTE, IN_TWO, Office, kinds


def test_revocation_that_the_operator_withholds_is_caught(office: Office, tmp_path: Path) -> None:
    award = office.issue("S-1")
    assert office.looked("--receipts", str(office.receipts))[0] == 0
    shutil.copytree(tmp_path / "home" / "log", tmp_path / "yesterday")
    office.served.answer = folder(tmp_path / "yesterday")
    revoked = office.change("revoke", str(award["code"]), "--reason", "issued_in_error")
    assert "withheld" not in kinds(office.looked("--receipts", str(office.receipts))[1])
    code, lines = office.looked("--receipts", str(office.receipts), at=IN_A_MINUTE)
    assert (code, kinds(lines)[-1]) == (1, "withheld")
    assert lines[-2]["position"] == revoked["position"]
    assert lines[-2]["stream"] == revoked["credential_id"]
    told = office.watch("--receipts", str(office.receipts), at=IN_TWO).out
    assert f"ALARM withheld: entry 1 of stream {revoked['credential_id']}" in told
    # Published at last, all is well.
    office.served.answer = folder(tmp_path / "home" / "log")
    assert "withheld" not in kinds(office.looked("--receipts", str(office.receipts), at=IN_TWO)[1])


def test_what_the_office_did_itself_is_told_and_no_alarm(office: Office, tmp_path: Path) -> None:
    receipts = ("--receipts", str(office.receipts))
    (tmp_path / "course.json").write_text((tmp_path / "menus.json").read_text().replace("menus", "soups"))
    office.change("achievement", "define", str(tmp_path / "course.json"))
    award = office.issue("S-1", "--wait", "60")
    assert "proof" in award
    for reason in ("suspend", "revoke"):
        office.change(reason, str(award["code"]), "--reason", "other")
    (tmp_path / "batch.csv").write_text(
        "student_number,full_name,achievement,awarded_on\nS-2,Bo Li,menus,2026-01-10\nS-3,Cy Ng,menus,2026-01-10\n"
    )
    office.change("issue-batch", str(tmp_path / "batch.csv"), "--quiet")
    office.change("issuer", "key", "add")
    code, lines = office.looked(*receipts, at=IN_TWO)
    assert (code, kinds(lines)) == (0, [])
    assert [(line["type"], line["receipt"]) for line in lines if line["event"] == "entry"] == [
        ("achievement.defined/1", True),
        ("credential.issued/1", True),
        ("credential.suspended/1", True),
        ("credential.revoked/1", True),
        ("credential.issued/1", True),
        ("credential.issued/1", True),
        ("issuer.key_added/1", True),
    ]
    assert office.watch(*receipts).out == ""
    lying = json.dumps({**award, "revision": 1, "position": int(str(award["position"])) + 1})
    office.receipts.write_text(f"{office.receipts.read_text()}{lying}\n")
    assert kinds(office.looked(*receipts)[1]) == ["moved"]


def test_award_and_key_that_the_operator_made_are_caught(office: Office) -> None:
    receipts = ("--receipts", str(office.receipts))
    award = office.issue("S-1", keep=False)
    key = office.change("issuer", "key", "add", "--recovery", keep=False)
    code, lines = office.looked(*receipts, at=IN_TWO)
    assert (code, kinds(lines)) == (1, ["unknown", "key"])
    assert [line["position"] for line in lines if line["event"] == "alarm"] == [award["position"], key["position"]]
    assert "in the issuer's stead" in str(lines[-2]["reason"])
    acknowledged = ("--acknowledge", str(award["position"]), "--acknowledge", str(key["position"]))
    assert office.watch(*receipts, *acknowledged, at=IN_TWO).code == 0


def test_receipts_that_were_replaced_or_are_being_written_are_read_right(office: Office) -> None:
    receipts = ("--receipts", str(office.receipts))
    first = office.issue("S-1")
    assert office.watch(*receipts).code == 0
    office.issue("S-2")
    whole = office.receipts.read_text()
    office.receipts.write_text(whole[:-20])
    assert kinds(office.looked(*receipts, at=IN_TWO)[1]) == ["unknown"]
    office.receipts.write_text(whole)
    assert office.watch(*receipts, at=IN_TWO).code == 0
    office.receipts.write_text("\n" + json.dumps({**first, "at": "2126-11-30T12:00:00.000Z", "revision": 7}) + "\n")
    code, lines = office.looked(*receipts)
    assert (code, kinds(lines)) == (1, ["moved"])


NO_RECEIPTS = (
    "nonsense",
    "[]",
    '{"position": 5}',
    '{"id": "x", "revision": 0, "position": 5}',
    '{"id": "01a1fe6a-e220-8000-8408-0c1014181c20", "revision": 0, "position": 0}',
    '{"id": "01a1fe6a-e220-8000-8408-0c1014181c20", "revision": true, "position": 5}',
    '{"id": "01a1fe6a-e220-8000-8408-0c1014181c20", "revision": 0, "position": 5, "at": "now"}',
    '{"awards": [5]}',
    "[" * 100_000,
)


def test_line_that_is_no_receipt_ends_with_2(office: Office) -> None:
    for line in NO_RECEIPTS:
        office.receipts.write_text(f"{line}\n")
        said = office.watch("--receipts", str(office.receipts))
        assert (said.code, said.out) == (2, ""), line
        assert "is no receipt" in said.err
    assert office.watch().code == 0
    office.receipts.unlink()
    assert office.watch("--receipts", str(office.receipts)).code == 2
    put("pipe", office.receipts)
    with bounded():
        assert office.watch("--receipts", str(office.receipts)).code == 2


def test_answers_to_what_changed_nothing_are_left_out(office: Office) -> None:
    office.receipts.write_text('{"issuers": []}\n{"awards": []}\n\n')
    assert office.watch("--receipts", str(office.receipts)).code == 0


def test_fork_is_an_alarm_with_evidence(office: Office, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "home", tmp_path / "fork")
    office.issue("S-1", keep=False)
    assert office.watch().code == 0
    (tmp_path / "row.json").write_text(json.dumps(ROW | {"student_number": "S-2"}))
    office.command("issue", str(tmp_path / "row.json"), "--home", str(tmp_path / "fork"))
    office.served.answer = folder(tmp_path / "fork" / "log")
    said = office.watch()
    assert said.code == 1
    assert "ALARM unsound" in said.out
    assert "two histories" in said.out
    assert len(list(tmp_path.glob("watch.state.evidence-*"))) == 2


def test_issuer_is_named_by_its_did_too_and_one_that_is_not_there_is_said_so(office: Office) -> None:
    assert office.watch(issuer="did:web:localhost%3A8000:issuers:college").code == 0
    for issuer, why in (("nobody", "no issuer"), ("Not A Slug", "ISSUER"), ("did:key:z6Mk", "ISSUER")):
        said = office.watch(issuer=issuer)
        assert (said.code, said.out) == (2, "")
        assert why in said.err


def test_log_that_is_not_reached_or_not_named_decides_nothing(office: Office, tmp_path: Path) -> None:
    office.served.answer = lambda _: Answer(status=503)
    assert office.watch().code == 3
    office.served.answer = lambda _: Answer(status=404)
    assert office.watch().code == 2
    state = str(tmp_path / "new.state")
    assert office.command("watch", "college", "--state", state, "--once").code == 2
    assert "--url" in office.command("watch", "college", "--state", state, "--once").err
    ended = office.command("watch", "college", "--url", office.served.url, "--state", state, "--acknowledge", "2")
    assert (ended.code, "watch once without it" in ended.err) == (2, True)


def test_watch_goes_on_until_it_is_told_to_end_and_tells_each_alarm_once(office: Office, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "verify_api.cli.main", "watch", "college", "--url", office.served.url]
    state = ["--state", str(tmp_path / "watch.state"), "--interval", "0.1", "--json"]
    office.change("issuer", "key", "add", keep=False)
    # Whoever runs the tests in the background may have had interrupts ignored, which children inherit.
    heeding = ["env", "--default-signal=INT"]
    with subprocess.Popen([*heeding, *command, *state], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            lines = [json.loads(watching.stdout.readline()) for _ in range(3)]
            assert [line["event"] for line in lines] == ["entry", "alarm", "looked"]
            looks = len([path for path in office.served.asked if path.endswith("checkpoint")])
            while len([path for path in office.served.asked if path.endswith("checkpoint")]) < looks + 3:
                assert watching.poll() is None
            office.issue("S-1", keep=False)
            more = json.loads(watching.stdout.readline())
            while more["event"] == "looked":
                more = json.loads(watching.stdout.readline())
            assert (more["event"], more["type"]) == ("entry", "credential.issued/1")
        finally:
            # An interrupt in the middle of some clearing up of Python's is lost: another follows then.
            again = Timer(30, watching.send_signal, (signal.SIGINT,))
            again.start()
            watching.send_signal(signal.SIGINT)
            rest = watching.stdout.read()
            again.cancel()
        assert watching.wait(timeout=30) == 1
    assert '"alarm"' not in rest
