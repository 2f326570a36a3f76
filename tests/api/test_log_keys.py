"""The keys of the log over HTTP: the operator adds one and retires the older ones, and anybody who reads sees which."""

from collections.abc import Sequence
from time import monotonic, sleep

import httpx

from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.note import NoteUnsigned, VerifierKey
from tests.api.conftest import Api

_PATIENCE = 60  # seconds until something recorded must be published


def _keys(api: Api) -> list[dict[str, object]]:
    answer = api.get("/log/keys")
    assert answer.status_code == 200
    found: list[dict[str, object]] = answer.json()["keys"]
    return found


def _add(api: Api, key: str) -> httpx.Response:
    return api.post("/log/keys", key=api.operator, headers={"Idempotency-Key": key})


def _finish(api: Api, key: str) -> httpx.Response:
    return api.post("/log/keys/retire-older", key=api.operator, headers={"Idempotency-Key": key})


def _signed_by(api: Api, wanted: Sequence[str]) -> None:
    """Wait for a checkpoint that these keys signed."""
    deadline = monotonic() + _PATIENCE
    while not all(_signed(api, each) for each in wanted):
        assert monotonic() < deadline, "they sign nothing that is published"
        sleep(0.05)


def _signed(api: Api, vkey: str) -> bool:
    try:
        open_checkpoint(api.client.get("/log/checkpoint").content, VerifierKey.parse(vkey))
    except NoteUnsigned:
        return False
    return True


def test_keys_of_the_log_are_rotated_while_it_is_served(api: Api) -> None:
    (first,) = _keys(api)
    assert (first["added"], first["retired"], first["held"]) == (1, None, True)
    refused = _finish(api, "too-early")
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "log-state")

    added = _add(api, "once")
    assert added.status_code == 201
    again = _add(api, "once")
    assert (again.json(), again.headers["idempotent-replayed"]) == (added.json(), "true")
    new = added.json()
    assert [(each["kid"], each["retired"]) for each in _keys(api)] == [(first["kid"], None), (new["kid"], None)]
    _signed_by(api, [str(first["vkey"]), new["vkey"]])

    finished = _finish(api, "end")
    assert finished.status_code == 200
    assert _finish(api, "end").json() == finished.json()
    assert (finished.json()["retired"], finished.json()["vkey"]) == ([first["kid"]], new["vkey"])
    retired, living = _keys(api)
    assert (retired["retired"], living["retired"]) == (finished.json()["position"], None)
    deadline = monotonic() + _PATIENCE
    while _signed(api, str(first["vkey"])):
        assert monotonic() < deadline, "the retired key signs on"
        sleep(0.05)
    assert _signed(api, new["vkey"])
    mismatch = _finish(api, "once")
    assert (mismatch.status_code, mismatch.json()["type"].rpartition("#")[2]) == (409, "idempotency-mismatch")


def test_an_unknown_parameter_is_refused_and_changes_nothing(api: Api) -> None:
    before = _keys(api)
    assert api.post("/log/keys?finish=true", key=api.operator).status_code == 422
    assert _keys(api) == before
