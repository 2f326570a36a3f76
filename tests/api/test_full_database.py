"""A database that takes no more pages: changes answer 503 and say what to do, scans go on, and room is all it needs."""

import io
import sys
from collections.abc import Iterator

import pytest

from ledger.adapters.sqlite.ledger import SqliteLedger
from tests.api.conftest import Api
from verify_api.server import logger


@pytest.fixture
def full(api: Api) -> Iterator[SqliteLedger]:
    """The store of the service, which has no room for another page."""
    store = api.services.ledger.store
    assert isinstance(store, SqliteLedger)
    with api.still():
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        yield store
        make_room(store)


def make_room(store: SqliteLedger) -> None:
    """Let the database grow again."""
    store._writer.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def issued(api: Api) -> dict[str, str]:
    return api.issue()


def test_full_database_refuses_changes_answers_scans_and_takes_them_again(
    issued: dict[str, str], api: Api, full: SqliteLedger
) -> None:
    row: dict[str, str] = {}
    answer = None
    for _ in range(500):  # until the pages that are there are full, too
        row = api.row()
        answer = api.post("/credentials", row, headers={"Idempotency-Key": row["student_number"]})
        if answer.status_code != 201:
            break
    assert answer is not None
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (503, "outcome-unknown")
    assert "full" in answer.json()["detail"]
    assert "send the request again with the same Idempotency-Key" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    size = api.size()
    assert api.client.get(f"/c/{issued['code']}", headers={"Accept": "application/json"}).status_code == 200
    make_room(full)
    again = api.post("/credentials", row, headers={"Idempotency-Key": row["student_number"]})
    assert (again.status_code, again.json()["position"]) == (201, size + 1)
    assert "Idempotent-Replayed" not in again.headers
    assert not api.services.ledger.committer.failing


def test_server_whose_recording_failed_says_that_it_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with api.still(), monkeypatch.context() as patch:
        patch.setattr(api.services.ledger.committer, "_failing", True)
        answer = api.client.get("/health/ready")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["the recording of changes, which failed last time"])


def test_server_names_the_status_lists_that_it_cannot_sign_and_is_ready(
    issued: dict[str, str], api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.client.get("/health/ready").json() == {"status": "ok"}
    with api.still(), monkeypatch.context() as patch:
        patch.setattr(api.services.signing, "_unsigned", {1: "did:web:b", 2: "did:web:a", 3: "did:web:a"})
        answer = api.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["missing"] == ["a key that signs the status lists of did:web:a and 1 more for other software"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/issuers/college/keys", {"role": "signing"}),
        ("/issuers", {"slug": "late", "profile": {"name": "Late"}}),
        ("/log/keys", {}),
    ],
)
def test_private_key_that_cannot_be_kept_is_503_and_the_path_of_its_file_is_not_told(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, object]
) -> None:
    def refusing(*_: object, **__: object) -> tuple[int, str]:
        raise OSError(24, "Too many open files")

    with api.still(), monkeypatch.context() as patch:
        size = api.size()
        patch.setattr("ledger.adapters.secrets.tempfile.mkstemp", refusing)
        refused = api.post(path, body, key=api.operator, headers={"Idempotency-Key": path})
        assert api.size() == size
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (503, "store-unavailable")
    assert "Too many open files" in refused.json()["detail"]
    assert str(api.services.ledger.home.folder) not in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert api.post(path, body, key=api.operator, headers={"Idempotency-Key": path}).status_code == 201


def test_lines_of_the_log_are_lost_where_they_cannot_be_written_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    log, lines = logger(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", Full())
    log.info("lost")
    monkeypatch.setattr(sys, "stderr", lines)
    log.info("written")
    assert "lost" not in lines.getvalue()
    assert "written" in lines.getvalue()
