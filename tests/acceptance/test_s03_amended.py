"""S3: an award whose title claimed too much is amended: same link, old value and new value, both provable."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.desk import Desk, admit, course, get, post

TITLE, CORRECTED = "Mental health counselling", "Mental health in care"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
ROW = {
    "student_number": "S-9",
    "full_name": "Björn Åkesson",
    "achievement": "mental-health",
    "awarded_on": "2026-06-12",
    "result": "Pass",
}


def test_a_title_that_claimed_too_much_is_corrected_under_the_same_link(desk: Desk, tmp_path: Path) -> None:
    admit(desk, "titles", course("mental-health", TITLE, minutes=45 * 60))
    receipt = desk.issue("titles", ROW)
    note = tmp_path / "kept-checkpoint"
    note.write_text(desk.run("log", "checkpoint").stdout)
    wording = tmp_path / "mental-health.json"
    wording.write_text(json.dumps(course("mental-health", CORRECTED, minutes=45 * 60)))
    desk.run("achievement", "revise", str(wording), "--issuer", "titles")
    values = ["--set", "achievement_version=2", "--set", "result=Pass with distinction"]
    amended = desk.receipt("amend", receipt["code"], *values, "--reason", "issued_in_error")
    assert amended["code"] == receipt["code"]
    assert amended["version"] == 2
    assert amended["url"] == receipt["url"] + "/2"

    first = desk.scan(receipt["url"])
    assert first["verdict"] == "amended"
    assert (first["scanned_version"], first["current_version"]) == (1, 2)
    changed = {each["field"]: (each["old"], each["new"]) for each in first["amendments"]}
    assert (TITLE, CORRECTED) in changed.values()
    assert changed["result"] == ("Pass", "Pass with distinction")
    page = desk.page(receipt["url"])
    assert page.startswith("A newer version exists")
    assert TITLE in page
    assert CORRECTED in page

    second = desk.scan(amended["url"])
    assert second["verdict"] == "valid"
    assert "corrected" in second["notices"]
    assert second["award"]["name"] == CORRECTED

    for number, (link, verdict, code) in enumerate(((receipt["url"], "amended", 1), (amended["url"], "valid", 0)), 1):
        file = tmp_path / f"version-{number}.json"
        file.write_bytes(get(f"{desk.url}{urlsplit(link).path}/credential.json").content)
        told = post(f"{desk.url}/verify", content=file.read_bytes(), headers=JSON).json()
        assert told["verdict"] == verdict
        assert json.loads(desk.text("verify", str(file), "--url", desk.url, code=code))["verdict"] == verdict

    vkey = desk.run("log", "vkey").stdout.splitlines()[-1]
    sound = json.loads(desk.text("audit", "--checkpoint", str(note), "--vkey", vkey))
    assert sound["sound"] is True
    assert sound["first_bad"] is None


def test_a_corrected_name_is_never_shown_beside_the_old_one(desk: Desk) -> None:
    admit(desk, "people", course("mental-health", TITLE))
    receipt = desk.issue("people", ROW)
    desk.run("amend", receipt["credential_id"], "--set", "full_name=Bea Åkesson", "--reason", "holder_request")
    found = desk.scan(receipt["url"])
    assert [(each["field"], each["old"], each["new"]) for each in found["amendments"]] == [("full_name", None, None)]
    assert "Björn" not in desk.page(receipt["url"])


def test_an_amendment_that_names_no_field_of_an_award_is_refused_and_changes_nothing(desk: Desk) -> None:
    admit(desk, "fields", course("mental-health", TITLE))
    receipt = desk.issue("fields", ROW)
    for wrong in ("student_number=S-10", "result=Excellent"):
        done = desk.run("amend", receipt["code"], "--set", wrong, "--reason", "other", code=1)
        assert wrong.partition("=")[0] in done.stderr
    desk.run("amend", receipt["code"], "--set", "nothing", "--reason", "other", code=2)
    found = desk.scan(receipt["url"])
    assert (found["verdict"], found["current_version"]) == ("valid", 1)


def test_an_amendment_decided_on_an_older_revision_is_refused(desk: Desk) -> None:
    admit(desk, "stale", course("mental-health", TITLE))
    receipt = desk.issue("stale", ROW)
    amend = ["amend", receipt["code"], "--set", "assessor=R. L.", "--reason", "other", "--if-revision", "0"]
    once = desk.receipt(*amend, "--idempotency-key", "the-first")
    assert desk.receipt(*amend, "--idempotency-key", "the-first") == once
    assert "revision 1, not 0" in desk.run(*amend, code=1).stderr
