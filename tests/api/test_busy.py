"""A service with too much to record says so at once, and still answers scans and takes revocations."""

from collections.abc import Iterator

import pytest

from ledger.adapters.commit_queue import MOST_WAITING, Lane
from tests.api.conftest import HEADER, Api


@pytest.fixture
def full(api: Api) -> Iterator[Api]:
    """The service while the lane of single commands is full."""
    waiting = api.services.ledger.committer._queue._waiting
    waiting[Lane.SINGLE] += MOST_WAITING
    yield api
    waiting[Lane.SINGLE] -= MOST_WAITING


@pytest.fixture
def issued(api: Api) -> dict[str, str]:
    return api.issue()


def test_full_queue_answers_503_with_retry_after_and_records_nothing(full: Api) -> None:
    with full.still():
        before = full.size()
        row, headers = full.row(), {"Idempotency-Key": "while-it-is-full"}
        refused = full.post("/credentials", row, headers=headers)
        assert full.size() == before
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (503, "ledger-busy")
    assert int(refused.headers["Retry-After"]) > 0


def test_command_that_was_refused_may_be_sent_again(api: Api) -> None:
    waiting = api.services.ledger.committer._queue._waiting
    row, headers = api.row(), {"Idempotency-Key": "sent-twice"}
    waiting[Lane.SINGLE] += MOST_WAITING
    refused = api.post("/credentials", row, headers=headers)
    waiting[Lane.SINGLE] -= MOST_WAITING
    again = api.post("/credentials", row, headers=headers)
    assert (refused.status_code, again.status_code) == (503, 201)
    assert "Idempotent-Replayed" not in again.headers


def test_scans_revocations_and_batches_go_on_while_the_queue_is_full(issued: dict[str, str], full: Api) -> None:
    assert full.client.get(f"/c/{issued['code']}", headers={"Accept": "application/json"}).status_code == 200
    revoked = full.post(f"/credentials/{issued['credential_id']}/revoke", {"reason": "issued_in_error"})
    assert revoked.status_code == 200
    row = full.row()
    line = ",".join(row[column] for column in HEADER.strip().split(",")) + "\n"
    batch = full.raw("/credentials/batch", (HEADER + line).encode(), "text/csv")
    assert (batch.status_code, batch.json()["issued"]) == (200, 1)
