"""A receipt says what was asked for: one that was given for something else, or to somebody else, is found."""

import json
from collections.abc import Mapping

import pytest

from ledger.canonical import Json
from tests.unit.cli.office import IN_TWO, Office, kinds
from verify_api.cli.client import Client
from verify_api.issuer.answers import KeyReceipt, ReceiptModel

LATER = "2127-12-01T12:00:00Z"


def told(office: Office, at: str = LATER) -> tuple[int, list[str]]:
    """Exit code and alarms of one look."""
    code, lines = office.looked("--receipts", str(office.receipts), at=at)
    return code, kinds(lines)


def keep(office: Office, *answers: Mapping[str, Json]) -> None:
    """Keep answers as receipts, as if commands had printed them."""
    with office.receipts.open("a") as file:
        file.writelines(json.dumps(answer) + "\n" for answer in answers)


def test_receipt_of_the_issue_in_answer_to_a_revocation_is_an_alarm(office: Office) -> None:
    award = office.issue("S-1")
    assert told(office) == (0, [])
    keep(office, {**award, "act": "credential.revoked/1", "asked": "another"})
    assert told(office) == (1, ["moved"])
    assert told(office) == (1, ["moved"])


def test_receipt_that_was_given_to_another_request_before_is_an_alarm(office: Office) -> None:
    award = office.issue("S-1")
    first = office.change("suspend", str(award["code"]), "--reason", "other")
    keep(office, first)
    assert told(office) == (0, [])
    keep(office, {**first, "asked": "another"})
    assert told(office) == (1, ["moved"])


def test_request_that_is_sent_again_with_its_key_is_the_same(office: Office) -> None:
    award = office.issue("S-1", "--idempotency-key", "again")
    assert office.issue("S-1", "--idempotency-key", "again") == award
    assert office.issue("S-1")["credential_id"] != award["credential_id"]
    assert told(office) == (0, [])


def test_event_of_keys_waits_for_the_receipt_of_just_that(office: Office) -> None:
    key = office.change("issuer", "key", "add", "--recovery", keep=False)
    award = office.issue("S-1")
    place = {name: key[name] for name in ("revision", "position")}
    without = {name: value for name, value in award.items() if name not in ("act", "asked")}
    keep(office, {**without, **place, "credential_id": key["id"]})
    assert told(office) == (1, ["key"])
    keep(office, {**award, **place, "credential_id": key["id"], "asked": "another"})
    assert told(office) == (1, ["key", "moved"])


def test_event_of_a_key_waits_for_the_receipt_of_that_key(office: Office) -> None:
    office.issue("S-1")
    one, other = (office.change("issuer", "key", "add") for _ in range(2))
    retired = office.change("issuer", "key", "retire", str(one["kid"]), keep=False)
    assert told(office) == (1, ["key"])
    for kid in (str(other["kid"]), "", str(one["kid"])[:-1]):
        keep(office, {**retired, "kid": kid, "asked": f"another {kid}"})
        assert "key" in told(office)[1], kid
    keep(office, retired)
    assert "key" not in told(office)[1]


@pytest.mark.parametrize("act", ["retire", "compromised"])
def test_answer_about_another_key_than_was_named_decides_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    one, other = (office.change("issuer", "key", "add") for _ in range(2))
    answer = KeyReceipt.model_validate(receipt_fields(other))
    monkeypatch.setattr(Client, "change", lambda *_, **__: answer)
    said = office.command("issuer", "key", act, str(one["kid"]), "--json")
    assert (said.code, said.out) == (3, "")
    assert "another key" in said.err
    assert office.command("issuer", "key", act, str(other["kid"]), "--json").code == 0


def test_receipt_that_says_not_what_was_asked_for_binds_its_place_alone(office: Office) -> None:
    award = office.issue("S-1", keep=False)
    assert told(office, IN_TWO) == (1, ["unknown"])
    keep(office, {name: award[name] for name in ("credential_id", "revision", "position")})
    assert told(office) == (0, [])


def test_answer_about_another_award_than_was_named_decides_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = office.issue("S-1"), office.issue("S-2")
    change = office.change("revoke", str(other["code"]), "--reason", "other")
    monkeypatch.setattr(Client, "change", lambda *_, **__: ReceiptModel.model_validate(receipt_fields(change)))
    for name in ("code", "short_code", "credential_id", "url"):
        said = office.command("revoke", str(one[name]), "--reason", "other", "--json")
        assert (said.code, said.out) == (3, ""), name
        assert "another award" in said.err
        assert office.command("revoke", str(other[name]), "--reason", "other", "--json").code == 0, name


def receipt_fields(answer: Mapping[str, Json]) -> dict[str, Json]:
    """What the service answered, without what the command added."""
    return {name: value for name, value in answer.items() if name not in ("act", "asked")}
