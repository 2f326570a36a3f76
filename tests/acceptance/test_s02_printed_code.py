"""S2: a pass or fail award on paper; its QR code leads to the competency, and shows at once what became of it."""

from pathlib import Path

import zxingcpp
from PIL import Image

from tests.acceptance.desk import Desk, admit, course, get

PPE = course(
    "ppe-donning-doffing",
    "PPE donning and doffing",
    competencies=[{"statement": "Puts on and takes off gown, mask and gloves in the right order."}],
    grading={"results": ["Pass"]},
)
ROW = {
    "student_number": "S-1",
    "full_name": "Zoé Amara Okafor",
    "achievement": "ppe-donning-doffing",
    "awarded_on": "2026-06-12",
    "result": "Pass",
}


def _decode(picture: Path) -> str:
    with Image.open(picture) as image:
        (found,) = zxingcpp.read_barcodes(image)
    return found.text


def test_a_printed_code_leads_to_the_competency_and_how_it_was_assessed(desk: Desk, tmp_path: Path) -> None:
    admit(desk, "paper", PPE)
    receipt = desk.issue("paper", ROW)
    desk.run("qr", receipt["code"], "--out", str(tmp_path / "q.png"))
    link = _decode(tmp_path / "q.png")
    assert link == receipt["url"]
    assert desk.scan(link)["verdict"] == "valid"
    page = desk.page(link)
    assert page.startswith("Valid")
    assert "Assessed by observed demonstration — Pass" in page
    assert "Puts on and takes off gown, mask and gloves in the right order." in page
    assert "Zoé Amara Okafor" in page


def test_the_code_is_read_the_same_from_a_vector_picture_and_by_any_name_of_the_award(
    desk: Desk, tmp_path: Path
) -> None:
    admit(desk, "names", PPE)
    receipt = desk.issue("names", ROW)
    names = [receipt["short_code"], receipt["credential_id"], receipt["url"].lower(), receipt["code"].lower()]
    for number, name in enumerate(names):
        desk.run("qr", name, "--out", str(tmp_path / f"{number}.svg"))
    pictures = {(tmp_path / f"{number}.svg").read_text() for number in range(len(names))}
    assert len(pictures) == 1
    assert pictures.pop() == get(f"{desk.url}/c/{receipt['code']}/qr.svg").text
    assert "in force" in desk.run("show", receipt["short_code"]).stdout


def test_an_award_revoked_beside_the_running_server_is_shown_as_revoked_at_once_with_reason_and_both_dates(
    desk: Desk,
) -> None:
    admit(desk, "withdrawn", PPE)
    receipt = desk.issue("withdrawn", ROW)
    assert desk.scan(receipt["url"])["verdict"] == "valid"
    desk.run("revoke", receipt["code"], "--reason", "issued_in_error", "--from", "2026-11-01")
    found = desk.scan(receipt["url"])
    assert found["verdict"] == "revoked"
    assert found["in_force"] is False
    assert found["change"]["reason"] == "issued_in_error"
    assert found["change"]["effective"] == "2026-11-01"
    assert found["change"]["recorded"].startswith("2026-11-21T")
    page = desk.page(receipt["url"])
    assert page.startswith("Withdrawn — no longer valid")
    assert "1 November 2026" in page
    assert "21 November 2026" in page
    assert "issued in error" in page.lower()
    assert desk.run("show", receipt["code"], code=1).stdout.startswith(
        "revoked: Withdrawn — no longer valid; not in force"
    )
    history = desk.run("history", receipt["short_code"]).stdout
    assert "Issued “PPE donning and doffing”" in history
    assert "Revoked from 2026-11-01" in history
    assert "operator" in history
