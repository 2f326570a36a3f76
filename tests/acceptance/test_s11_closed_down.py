"""S11: an issuer closes down, and its service with it; every code still verifies, from the archive, by the command."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import NewDatabase
from tests.acceptance.desk import CLOCK, Desk, Verdict, admit, course, open_desk

ROW = {"full_name": "Noor Haddad", "awarded_on": "2026-03-01", "result": "Pass"}
RULE: dict[str, object] = {"rule": {"all_of": ["one", "two"]}, "on_component_loss": "review"}
AFTER = "2031-01-02T09:00:00Z"  # years later


@pytest.fixture
def closing(tmp_path: Path, new_database: NewDatabase) -> "Desk":
    """A ledger that this test may end."""
    return open_desk(tmp_path / "closing", new_database())


def _awards(desk: Desk, folder: Path) -> list[str]:
    """Links as printed: in force, revoked, suspended, both versions of a corrected one, expired, stacked."""
    admit(desk, "closing", course("one", "First"), course("two", "Second"))
    pathway = folder / "pathway.json"
    pathway.write_text(json.dumps(course("both", "Both") | RULE))
    desk.run("pathway", "define", str(pathway), "--issuer", "closing")

    def issue(number: str, achievement: str = "one", **more: str) -> str:
        row = {**ROW, "student_number": number, "achievement": achievement, **more}
        return desk.issue("closing", row)["url"]

    good, revoked, suspended, corrected = (issue(f"S-{number}") for number in range(4))
    expired = issue("S-4", valid_until="2026-06-30")
    desk.run("revoke", revoked, "--reason", "issued_in_error", "--public-text", "Wrong person.")
    desk.run("suspend", suspended, "--reason", "assessment_integrity")
    newer = desk.receipt("amend", corrected, "--set", "result=Pass with distinction", "--reason", "issued_in_error")
    issue("S-9", "one"), issue("S-9", "two")
    stacked = desk.receipt("stack", "S-9", "both", "--issuer", "closing")
    return [good, revoked, suspended, corrected, newer["url"], expired, stacked["url"]]


def _published(desk: Desk, links: list[str]) -> dict[str, Verdict]:
    """What each page says, once all of it is under a published checkpoint."""
    for _ in range(300):
        found = {link: desk.scan(link) for link in links}
        if not any("pending" in each["notices"] for each in found.values()):
            return found
        time.sleep(0.1)
    raise AssertionError("not published")


def test_every_code_still_verifies_from_the_archive_when_the_service_is_gone(closing: Desk, tmp_path: Path) -> None:
    try:
        links = _awards(closing, tmp_path)
        shown = _published(closing, links)
        archive = tmp_path / "archive"
        exported = json.loads(closing.text("export", str(archive)))
        vkey = closing.run("log", "vkey").stdout.splitlines()[-1]
    finally:
        closing.stop()
    shutil.rmtree(closing.home)
    closing.database_url = None

    assert exported["shut"] == []
    assert [each["verdict"] for each in shown.values()] == [
        "valid", "revoked", "suspended", "amended", "valid", "expired", "valid"
    ]  # fmt: skip
    policy = tmp_path / "policy"
    policy.write_text(f"log {vkey}\nquorum none\n")
    for link, page in shown.items():
        code = {"valid": 0}.get(page["verdict"], 1)
        told = closing.elsewhere("verify", link, "--archive", str(archive), "--policy", str(policy), code=code)
        found: Verdict = json.loads(told)
        for name in ("verdict", "in_force", "award", "change", "amendments", "components", "scanned_version"):
            assert found[name] == page[name], (link, name)

    sound = json.loads(closing.elsewhere("audit", "--archive", str(archive), "--vkey", vkey))
    assert (sound["sound"], sound["events"]) == (True, exported["size"])
    assert not closing.home.exists()
    _nobody_is_named(archive)


def _nobody_is_named(archive: Path) -> None:
    """No file of the archive holds a word of what an award says about a person, in plain."""
    for path in archive.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Noor" not in content, path
            assert b"Haddad" not in content, path


def test_dates_are_judged_by_the_day_of_the_question(closing: Desk, tmp_path: Path) -> None:
    try:
        admit(closing, "later", course("one", "First"))
        row = {**ROW, "student_number": "S-1", "achievement": "one", "valid_until": "2030-12-31"}
        link = closing.issue("later", row)["url"]
        _published(closing, [link])
        closing.run("export", str(tmp_path / "archive"))
    finally:
        closing.stop()
    shutil.rmtree(closing.home)
    closing.database_url = None
    for clock, verdict, code in ((CLOCK, "valid", 0), (AFTER, "expired", 1)):
        closing._clock, closing._set = clock, time.monotonic()
        found = json.loads(closing.elsewhere("verify", link, "--archive", str(tmp_path / "archive"), code=code))
        assert found["verdict"] == verdict
