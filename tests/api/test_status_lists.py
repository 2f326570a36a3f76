"""Other software finds signed status lists and the keys of issuers, as they are and as they were."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from ledger.domain.types import Kid, Position
from ledger.domain.values import Reason, Role
from ledger.public_side import open_public_side
from ledger.record.encoding import to_text
from ledger.vc.did import read_controller_document, web_address
from ledger.vc.reading import read_document
from ledger.vc.status_list import bits_of, check_entry
from tests.api.conftest import Api
from tests.api.test_public_side import until
from tests.unit.application.office import OPERATOR, Office, make_home, open_office, run
from verify_api.app import create_public_app
from verify_api.services import status_signing


class Service:
    """The public side over an office that signs lists when a test says so."""

    def __init__(self, office: Office, client: TestClient) -> None:
        self.office = office
        self.client = client
        self._signing = status_signing(office.ledger, office.failures.append)
        self.award = run(office.issue())
        with office.store.snapshot() as snapshot:
            (self.state,) = snapshot.status_lists()
        self.path = f"/status/college/{to_text(self.state.list)}"
        self.unsigned = client.get(self.path)
        self.sign()

    def sign(self, after: timedelta = timedelta(0)) -> None:
        """Publish and sign, so much later."""
        self.office.clock.at += after
        self.office.ledger.publishing.publish()
        assert self._signing.work() == 1


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    make_home(tmp_path / "home")
    office = open_office(tmp_path / "home")
    try:
        side = open_public_side(office.ledger.home, clock=office.clock)
        try:
            with TestClient(create_public_app(side), raise_server_exceptions=False) as client:
                yield Service(office, client)
        finally:
            side.close()
    finally:
        office.ledger.close()


def test_list_comes_as_json_to_those_who_read_nothing_else(service: Service) -> None:
    precise = service.client.get(service.path, headers={"Accept": "*/*"})
    for kind in ("application/ld+json", "application/json"):
        answer = service.client.get(service.path, headers={"Accept": kind})
        assert (answer.headers["content-type"], answer.content) == (kind, precise.content)
        known = {"Accept": kind, "If-None-Match": answer.headers["etag"]}
        for each in (answer, service.client.get(service.path, headers=known)):
            assert each.headers["vary"] == "Accept"


def test_last_signed_list_is_answered_with_its_size_and_is_not_sent_twice(service: Service) -> None:
    answer = service.client.get(service.path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vc")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["testamur-log-size"] == str(service.office.size())
    assert answer.headers["access-control-allow-origin"] == "*"
    document = read_document(answer.content)
    assert document["id"] == f"http://localhost:8000{service.path}"
    again = service.client.get(service.path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = service.client.head(service.path)
    assert (head.status_code, head.headers["etag"]) == (200, answer.headers["etag"])
    run(service.office.ledger.changing.revoke(service.office.registrar, service.award.stream, Reason.OTHER))
    service.sign(timedelta(seconds=30))
    later = service.client.get(service.path, headers={"If-None-Match": answer.headers["etag"]})
    assert later.status_code == 200
    assert sum(each.bit_count() for each in bits_of(read_document(later.content))) == 1


def test_list_of_a_time_is_the_one_that_held_then(service: Service) -> None:
    client, first = service.client, service.client.get(service.path).content
    run(service.office.ledger.changing.suspend(service.office.registrar, service.award.stream, Reason.OTHER))
    service.sign(timedelta(hours=5))
    second = client.get(service.path).content
    assert first != second
    for text, expected in (
        ("2026-11-21T12:00:00Z", first),
        ("2026-11-21T12:00:00.0009%2B00:00", first),
        ("2026-11-21T16:59:59.999999Z", first),
        ("2026-11-21T18:59:59%2B02:00", first),
        ("2026-11-21T17:00:00Z", second),
        ("2026-11-22T16:59:59Z", second),
    ):
        answer = client.get(f"{service.path}?timestamp={text}")
        assert (answer.status_code, answer.content) == (200, expected), text
    for text in ("2026-11-21T11:59:59.999Z", "2026-11-22T17:00:01Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert client.get(f"{service.path}?timestamp={text}").status_code == 404, text


@pytest.mark.parametrize(
    "query",
    [
        "timestamp=",
        "timestamp=now",
        "timestamp=2026-11-21",
        "timestamp=2026-11-21T12:00:00",
        "timestamp=2026-11-21T12:00:00+00:00",  # the plus sign is a space there
        "timestamp=2026-02-30T12:00:00Z",
        "timestamp=2026-11-21T24:00:00Z",
        "timestamp=0001-01-01T00:00:00%2B14:00",
        "timestamp=9999-12-31T23:59:59-14:00",
        "timestamp=%00",
        "timestamp=%ff",
        "timestamp=2026-11-21T12:00:00Z%0A",
        f"timestamp={'9' * 5000}",
        "timestamp=2026-11-21T12:00:00Z&timestamp=2026-11-21T12:00:00Z",
        "timestamp=%F0%9D%9F%AE026-11-21T12:00:00Z",
    ],
)
def test_timestamp_that_cannot_be_read_is_refused(service: Service, query: str) -> None:
    answer = service.client.get(f"{service.path}?{query}")
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")


def test_list_is_found_under_the_name_of_its_issuer_alone(service: Service) -> None:
    name = to_text(service.state.list)
    for path in (
        f"/status/board/{name}",
        f"/status/nobody/{name}",
        f"/status/COLLEGE/{name}",
        f"/status/%00/{name}",
        f"/status/{'a' * 5000}/{name}",
        f"/status/college/{to_text(bytes(16))}",
        f"/status/college/{name}=",
        f"/status/college/{name[:-1]}",
        f"/status/college/{name[:-1]}{chr(ord(name[-1]) + 1)}",  # another spelling of the same bytes
        "/status/college/%00",
        "/status/college/%F0%9F%92%A9",
        f"/status/college/{name}/",
    ):
        answer = service.client.get(path)
        assert answer.status_code == 404, path


def test_list_that_was_not_signed_yet_is_not_there(service: Service) -> None:
    assert service.unsigned.status_code == 404
    assert service.unsigned.headers["cache-control"] == "no-store"


def _keys(service: Service, slug: str = "college") -> list[str]:
    answer = service.client.get(f"/issuers/{slug}/did.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/did+json")
    did = f"did:web:localhost%3A8000:issuers:{slug}"
    assert web_address(did) == f"https://localhost:8000/issuers/{slug}/did.json"
    document = read_controller_document(answer.content, did)
    assert set(document.methods) == document.relationships["assertionMethod"]
    return [each.removeprefix(f"{did}#") for each in json.loads(answer.content)["assertionMethod"]]


def test_did_document_names_signing_keys_in_force_and_retired_and_no_stolen_one(service: Service) -> None:
    issuers, college = service.office.ledger.issuers, service.office.college
    (first,) = service.office.kids(Role.SIGNING)
    assert _keys(service) == [first]
    second = run(issuers.add_key(OPERATOR, college, Role.SIGNING)).kid
    assert _keys(service) == [first, second]
    run(issuers.retire_key(OPERATOR, college, Kid(first)))
    assert _keys(service) == [first, second]
    run(issuers.report_compromised(OPERATOR, college, second, None))
    assert _keys(service) == [first]


def test_key_that_a_stolen_root_key_brought_in_is_not_in_the_did_document(service: Service) -> None:
    issuers, college = service.office.ledger.issuers, service.office.college
    (first,), (root,) = service.office.kids(Role.SIGNING), service.office.kids(Role.ROOT)
    start = service.office.size() + 1
    run(issuers.add_key(OPERATOR, college, Role.SIGNING))
    assert len(_keys(service)) == 2
    run(issuers.report_compromised(OPERATOR, college, Kid(root), Position(start), recovery=True))
    assert _keys(service) == [first]


def test_server_signs_lists_soon_after_it_published_and_without_being_asked(api: Api) -> None:
    made = api.issue()
    document = json.loads(api.client.get(f"/c/{made['code']}/credential.json").content)
    address = document["credentialStatus"]["statusListCredential"]
    path = urlsplit(address).path
    until(lambda: api.client.get(path).status_code == 200)
    published = read_document(api.client.get(path).content)
    issuer, now = document["issuer"]["id"], datetime.now(UTC)
    assert check_entry(document["credentialStatus"], published, issuer=issuer, now=now) is False
    assert web_address(issuer).endswith("/issuers/college/did.json")


def test_did_document_of_the_operator_names_its_event_key(service: Service) -> None:
    answer = service.client.get("/.well-known/did.json")
    operator = service.office.ledger.operator
    document = read_controller_document(answer.content, operator.did)
    assert set(document.methods) == {f"{operator.did}#{operator.event_key}"}
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize("slug", ["nobody", "College", "%00", "a" * 5000, "%F0%9F%92%A9", "..", "college%2F"])
def test_did_document_of_nobody_is_not_there(service: Service, slug: str) -> None:
    assert service.client.get(f"/issuers/{slug}/did.json").status_code == 404
