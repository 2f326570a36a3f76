"""S14: an issuer's key is stolen at a known position; what it signed before stands, what it signed after is refused."""

import json

from tests.acceptance.desk import Desk, admit, course, get

ROW = {
    "student_number": "S-1",
    "full_name": "Rui Tavares",
    "achievement": "menus",
    "awarded_on": "2026-03-01",
    "result": "Pass",
}


def test_awards_made_before_the_theft_keep_their_verdict_and_later_ones_are_refused_whatever_date_they_claim(
    desk: Desk,
) -> None:
    admit(desk, "robbed", course("menus", "Healthy menus"))
    before = desk.issue("robbed", ROW)
    thief = desk.issue("robbed", {**ROW, "student_number": "S-2", "full_name": "A Thief", "awarded_on": "2021-01-01"})
    keys = json.loads(desk.text("issuer", "key", "list", "--issuer", "robbed"))["keys"]
    (stolen,) = [key["kid"] for key in keys if key["role"] == "signing"]
    new = json.loads(desk.text("issuer", "key", "add", "--issuer", "robbed"))["kid"]
    assert new != stolen
    report = ["compromised", stolen, "--from-position", str(thief["position"]), "--issuer", "robbed"]
    desk.run("issuer", "key", *report)
    after = desk.issue("robbed", {**ROW, "student_number": "S-3"})

    assert desk.scan(before["url"])["verdict"] == "valid"
    assert desk.scan(after["url"])["verdict"] == "valid"
    found = desk.scan(thief["url"])
    assert found["verdict"] == "key_compromised"
    assert found["in_force"] is False
    assert desk.page(thief["url"]).startswith("Signed with a stolen key")
    assert desk.run("show", thief["code"], code=1).stdout.startswith(
        "key_compromised: Signed with a stolen key; not in force"
    )
    assert desk.file(before["url"])["proof"]["verificationMethod"].endswith(f"#{stolen}")
    again = ["issuer", "key", "sign-again", "--issuer", "robbed"]
    preview = json.loads(desk.text(*again, "--dry-run"))
    assert (preview["keys"], preview["awards"], preview["signed"]) == ([stolen], 1, 0)
    assert json.loads(desk.text(*again))["signed"] == 1
    assert json.loads(desk.text(*again))["signed"] == 0
    assert desk.file(f"{before['url']}/2")["proof"]["verificationMethod"].endswith(f"#{new}")
    for url in (before["url"], f"{before['url']}/2"):
        assert (desk.scan(url)["verdict"], desk.scan(url)["notices"]) == ("valid", [])
    did = get(f"{desk.url}/issuers/robbed/did.json").text
    assert (stolen in did, new in did) == (False, True)
    assert "stolen from position" in desk.run("issuer", "key", "list", "--issuer", "robbed").stdout
    assert json.loads(desk.text("audit"))["sound"] is True
