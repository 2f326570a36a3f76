"""API keys: shown once, stored as a digest, limited to an issuer and scopes, dead for good once revoked."""

import hashlib
from pathlib import Path

import pytest

from ledger.application.api_keys import SCOPES, ApiKeyUnknown
from ledger.domain.reading import Refused
from tests.unit.application.office import Office, open_office


def test_key_tells_its_caller_until_it_is_revoked(office: Office) -> None:
    keys = office.ledger.api_keys
    key, secret = keys.create(office.college, ["read", "issue", "issue"], "Registrar’s office")
    assert key.scopes == ("issue", "read")
    caller = keys.caller(secret)
    assert (caller.issuer, caller.scopes) == (office.college, frozenset({"issue", "read"}))
    assert key.id in caller.actor
    keys.revoke(office.college, key.id)
    with pytest.raises(ApiKeyUnknown, match="not known, or it was revoked"):
        keys.caller(secret)
    with pytest.raises(ApiKeyUnknown, match="is revoked already"):
        keys.revoke(office.college, key.id)
    assert [each.revoked_at is None for each in keys.list(office.college)] == [False]


def test_only_the_digest_of_a_key_is_stored(folder: Path) -> None:
    office = open_office(folder)
    key, secret = office.ledger.api_keys.create(None, SCOPES, "operator")
    office.ledger.close()
    contents = b"".join(each.read_bytes() for each in folder.glob("*.db*"))
    assert key.secret == hashlib.sha256(secret.encode()).digest()
    assert key.secret in contents
    assert secret.encode() not in contents
    assert secret.removeprefix("testamur_").encode() not in contents


@pytest.mark.parametrize(
    "secret", ["", "testamur_", "testamur_aaaaaaaaaaaaaaaaaaaaaaaaaa", "x" * 10_000, "\udcff", "\x00"]
)
def test_any_other_text_is_no_key(office: Office, secret: str) -> None:
    with pytest.raises(ApiKeyUnknown):
        office.ledger.api_keys.caller(secret)


@pytest.mark.parametrize(
    ("scopes", "label", "code"),
    [
        (["issue", "everything"], "l", "unknown_scope"),
        ([], "l", "missing"),
        (["admin"], "l", "not_allowed"),
        (["issue"], "x" * 101, "too_long"),
        (["issue"], "two\nlines", "control_character"),
        (["issue"], "\ud800", "control_character"),
    ],
)
def test_bad_key_is_refused(office: Office, scopes: list[str], label: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        office.ledger.api_keys.create(office.college, scopes, label)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert office.ledger.api_keys.list(office.college) == []


def test_issuer_sees_and_revokes_its_own_keys_only(office: Office) -> None:
    keys = office.ledger.api_keys
    mine, _ = keys.create(office.college, ["issue"], "mine")
    theirs, secret = keys.create(office.board, ["issue"], "theirs")
    assert [key.id for key in keys.list(office.college)] == [mine.id]
    assert {mine.id, theirs.id} < {key.id for key in keys.list(None)}
    with pytest.raises(ApiKeyUnknown):
        keys.revoke(office.college, theirs.id)
    with pytest.raises(ApiKeyUnknown, match="there is no API key “nobody”"):
        keys.revoke(office.college, "nobody")
    assert keys.caller(secret).issuer == office.board
    keys.revoke(None, theirs.id)
    with pytest.raises(ApiKeyUnknown):
        keys.caller(secret)
