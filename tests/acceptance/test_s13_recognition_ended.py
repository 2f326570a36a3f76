"""S13: recognised when issued, ended since; the page says exactly that."""

import json

from tests.acceptance.desk import Desk, admit, course

ROW = {
    "student_number": "S-1",
    "full_name": "Nkechi Jónsdóttir",
    "achievement": "food",
    "awarded_on": "2026-05-04",
    "result": "Pass",
}


def test_an_award_of_an_issuer_whose_recognition_ended_says_when_it_was_recognised_and_until_when(desk: Desk) -> None:
    admit(desk, "lapsed", course("food", "Safe food handling"))
    receipt = desk.issue("lapsed", ROW)
    assert desk.scan(receipt["url"])["verdict"] == "valid"
    desk.stop()
    desk.serve(clock="2027-01-15T12:00:00Z")
    ending = ["end-recognition", "lapsed", "--by", "board", "--scheme", "colleges", "--until", "2026-12-31"]
    desk.run("issuer", *ending)
    found = desk.scan(receipt["url"])
    assert found["verdict"] == "issuer_unrecognised"
    assert found["in_force"] is True
    recognition = found["award"]["issuer"]["recognition"]
    assert recognition["status"] == "ended"
    assert recognition["ended_on"] == "2026-12-31"
    assert recognition["recognised_when_issued"] is True
    page = desk.page(receipt["url"])
    assert page.startswith("Genuine, issuer not recognised")
    assert "recognised when this was issued" in page
    assert "31 December 2026" in page
    assert desk.run("show", receipt["code"], code=1).stdout.startswith(
        "issuer_unrecognised: Genuine, issuer not recognised; in force"
    )
    assert json.loads(desk.text("audit"))["sound"] is True


def test_an_award_of_an_issuer_that_was_never_recognised_does_not_claim_that_it_was(desk: Desk) -> None:
    desk.run("issuer", "register", "unknown", "--name", "Brightline Studio School")
    desk.post("/achievements", course("food", "Layout"), issuer="unknown")
    receipt = desk.issue("unknown", ROW)
    found = desk.scan(receipt["url"])
    assert found["verdict"] == "issuer_unrecognised"
    assert found["award"]["issuer"]["recognition"]["status"] == "never"
    assert found["award"]["issuer"]["recognition"]["recognised_when_issued"] is False
    assert "recognised when this was issued" not in desk.page(receipt["url"])
