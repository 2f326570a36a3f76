"""S7: an award leaves as an Open Badges credential, as JSON and inside images; a badge of others is looked at here."""

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.acceptance.desk import Desk, admit, course, get, post

FOREIGN = Path(__file__).parent.parent / "data" / "foreign-badge.json"
ROW = {
    "student_number": "S-7",
    "full_name": "Aïssata Đặng",
    "achievement": "layout",
    "awarded_on": "2026-03-01",
    "result": "Pass",
}


def _upload(desk: Desk, content: bytes, kind: str) -> dict[str, object]:
    headers = {"Content-Type": kind, "Accept": "application/json"}
    answer = post(f"{desk.url}/verify", content=content, headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize(
    ("name", "kind"),
    [("credential.json", "application/json"), ("badge.png", "image/png"), ("badge.svg", "image/svg+xml")],
)
def test_what_was_exported_is_valid_where_it_is_uploaded_and_not_after_revocation(
    desk: Desk, tmp_path: Path, name: str, kind: str
) -> None:
    slug = name.replace(".", "-")
    admit(desk, slug, course("layout", "Page layout"))
    receipt = desk.issue(slug, ROW)
    exported = get(f"{desk.url}{urlsplit(receipt['url']).path}/{name}").content
    file = tmp_path / name
    file.write_bytes(exported)
    assert _upload(desk, exported, kind)["verdict"] == "valid"
    assert json.loads(desk.text("verify", str(file), "--url", desk.url))["verdict"] == "valid"
    desk.run("revoke", receipt["code"], "--reason", "issued_in_error")
    assert _upload(desk, exported, kind)["verdict"] == "revoked"
    assert json.loads(desk.text("verify", str(file), "--url", desk.url, code=1))["verdict"] == "revoked"
    assert "Withdrawn" in desk.page(receipt["url"])
    assert get(f"{desk.url}{urlsplit(receipt['url']).path}/credential.json").status_code == httpx.codes.OK


def test_badge_of_others_is_marked_as_not_issued_here_and_a_changed_one_is_refused(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "foreign.json"
    shutil.copy(FOREIGN, file)
    found = _upload(desk, FOREIGN.read_bytes(), "application/json")
    assert "not_issued_here" in json.dumps(found["notices"])
    assert found["verdict"] == "issuer_unrecognised"
    assert found["in_force"] is True
    changed = FOREIGN.read_bytes().replace(b"Mira Solberg", b"Mira Solburg")
    assert changed != FOREIGN.read_bytes()
    assert _upload(desk, changed, "application/json")["verdict"] == "signature_invalid"
    assert json.loads(desk.text("verify", str(file), code=1))["verdict"] == "issuer_unrecognised"
