"""A link that is scanned again is answered from what was kept, until anything at all changes."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from ledger.adapters.clock import SystemClock
from ledger.application.published_log import PublishedLog
from ledger.application.scanning import Scanning
from ledger.verification.verdict import Verdict
from tests.api.conftest import Api

WANTS_JSON = {"Accept": "application/json"}


class Counted:
    """How often a verdict was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        scan = Scanning.scan

        def counted(scanning: Scanning, code: str, version: int | None) -> Verdict:
            self.times += 1
            return scan(scanning, code, version)

        monkeypatch.setattr(Scanning, "scan", counted)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture
def quiet(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The service while nothing happens beside the requests, in the middle of a minute that does not end."""
    now = SystemClock().now().replace(second=30) + timedelta(minutes=1)
    monkeypatch.setattr(SystemClock, "now", lambda _: now)
    with api.still():
        yield api


def scan(api: Api, code: str, **headers: str) -> str:
    answer = api.client.get(f"/c/{code}", headers=headers or WANTS_JSON)
    assert answer.status_code == 200
    text: str = answer.text
    return text


def test_second_scan_says_the_same_without_a_verdict_of_its_own(quiet: Api, made: Counted) -> None:
    code = quiet.issue()["code"]
    quiet.services.ledger.publishing.publish()
    first = scan(quiet, code)
    assert [scan(quiet, code) for _ in range(3)] == [first] * 3
    assert (made.times, json.loads(first)["notices"]) == (1, [])
    pages = [scan(quiet, code, Accept="text/html") for _ in range(2)]
    assert (made.times, pages[0]) == (2, pages[1])


@pytest.mark.parametrize("published", [False, True])
def test_revocation_is_seen_by_the_very_next_scan(quiet: Api, made: Counted, published: bool) -> None:
    code = quiet.issue()["code"]
    quiet.services.ledger.publishing.publish()
    before = json.loads(scan(quiet, code))
    assert "been revoked" not in scan(quiet, code, Accept="text/html")
    assert quiet.post(f"/credentials/{code}/revoke", {"reason": "issued_in_error"}).status_code == 200
    if published:
        quiet.services.ledger.publishing.publish()
    after = json.loads(scan(quiet, code))
    assert (before["verdict"] != "revoked", after["verdict"], made.times) == (True, "revoked", 3)


def test_nothing_is_kept_while_anything_waits_for_a_checkpoint(quiet: Api, made: Counted) -> None:
    code = quiet.issue()["code"]
    quiet.services.ledger.publishing.publish()
    quiet.issue()
    for _ in range(2):
        scan(quiet, code)
    assert made.times == 2


def test_newly_published_checkpoint_is_shown(quiet: Api, made: Counted) -> None:
    code = quiet.issue()["code"]
    sizes = []
    for _ in range(2):
        quiet.services.ledger.publishing.publish()
        sizes.append(json.loads(scan(quiet, code))["log"]["size"])
        quiet.issue()
    assert sizes[0] < sizes[1]


def test_checkpoint_that_is_served_after_the_record_has_it_is_shown(
    quiet: Api, made: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, publishing = quiet.issue()["code"], quiet.services.ledger.publishing
    publishing.publish()
    old = quiet.services.ledger.published.checkpoint()
    quiet.issue()
    publishing.publish()
    with monkeypatch.context() as patch:
        patch.setattr(PublishedLog, "checkpoint", lambda _: old)
        before = json.loads(scan(quiet, code))["log"]["size"]
    assert json.loads(scan(quiet, code))["log"]["size"] > before


def test_another_registry_in_the_settings_is_heeded(quiet: Api, made: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    code = quiet.issue()["code"]
    quiet.services.ledger.publishing.publish()
    scan(quiet, code)
    monkeypatch.setattr(type(quiet.services.ledger.home), "registries", lambda _: ("did:web:elsewhere",))
    scan(quiet, code)
    assert made.times == 2


@pytest.mark.parametrize("by", [timedelta(minutes=1), timedelta(days=400), timedelta(hours=-1)], ids=str)
def test_another_minute_is_another_verdict(
    quiet: Api, made: Counted, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    code = quiet.issue()["code"]
    quiet.services.ledger.publishing.publish()
    before = json.loads(scan(quiet, code))["known_at"]
    then = SystemClock().now() + by
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    after = json.loads(scan(quiet, code))["known_at"]
    assert made.times == 2
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) == by
