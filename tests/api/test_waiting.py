"""Who waits gets the proof that what was recorded is published; nobody else waits."""

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response, StreamingResponse

from ledger.application.published_log import PublishedLog
from ledger.tlog.proof_file import parse_tlog_proof
from tests.api.conftest import DEFINITION, Api
from verify_api.issuer.waiting import LONGEST, prove, seconds_to_wait

WAIT = {"Prefer": "wait=30"}


def check_proof(api: Api, answer: httpx.Response) -> None:
    """The proof is of the entry that the receipt names, under a checkpoint of the log's key."""
    receipt = answer.json()
    assert answer.headers["Preference-Applied"] == "wait"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    proof = parse_tlog_proof(receipt["proof"].encode("utf-8"))
    assert proof.index == receipt["position"] - 1
    with api.services.ledger.store.snapshot() as snapshot:
        (placed,) = snapshot.entries(proof.index, 1)
    checkpoint = proof.check(placed.raw, api.services.ledger.verifier_key)
    assert checkpoint.size >= receipt["position"]


def test_issuing_waits_and_the_receipt_brings_its_proof(api: Api) -> None:
    answer = api.post("/credentials", api.row(), headers=WAIT)
    assert answer.status_code == 201
    check_proof(api, answer)
    assert set(answer.json()) == {*api.issue(), "proof"}


def test_every_change_can_wait(api: Api) -> None:
    credential = api.issue()["credential_id"]
    changes: list[tuple[str, object]] = [
        (f"/credentials/{credential}/suspend", {"reason": "other"}),
        (f"/credentials/{credential}/reinstate", None),
        (f"/credentials/{credential}/amend", {"reason": "other", "values": {"score": "77"}}),
        (f"/credentials/{credential}/revoke", {"reason": "other"}),
        ("/achievements", {**DEFINITION, "slug": "first-aid"}),
    ]
    for path, body in changes:
        check_proof(api, api.post(path, body, headers=WAIT))
    for path, made in (("/issuers", {"slug": "lyceum", "profile": {"name": "Lyceum"}}),):
        check_proof(api, api.post(path, made, headers=WAIT, key=api.operator))


def test_repeated_request_waits_for_what_the_first_one_recorded(api: Api) -> None:
    row, headers = api.row(), {"Idempotency-Key": "waiting-1"}
    first = api.post("/credentials", row, headers=headers)
    assert "proof" not in first.json()
    again = api.post("/credentials", row, headers={**headers, **WAIT})
    assert again.json()["position"] == first.json()["position"]
    check_proof(api, again)


def test_nobody_waits_who_did_not_ask(api: Api) -> None:
    answer = api.post("/credentials", api.row())
    assert "proof" not in answer.json()
    assert "Preference-Applied" not in answer.headers


def test_refusals_lists_and_questions_are_as_without_it(api: Api) -> None:
    refused = api.post("/credentials", api.row(awarded_on="2999-01-01"), headers=WAIT)
    assert refused.status_code == 422
    assert "Preference-Applied" not in refused.headers
    for answer in (api.post("/credentials/search", {}, headers=WAIT), api.get("/credentials", headers=WAIT)):
        assert answer.status_code == 200
        assert "Preference-Applied" not in answer.headers
    key = api.post("/api-keys", {"issuer": "college", "scopes": ["read"], "label": "x"}, key=api.operator, headers=WAIT)
    assert "proof" not in key.json()


class Unpublished(PublishedLog):
    """A log of which nothing is published."""

    def __init__(self) -> None:
        pass

    def tree(self) -> None:
        return None


def test_what_is_not_published_in_time_is_answered_without_proof() -> None:
    response = JSONResponse({"position": 7})
    asyncio.run(prove(response, Unpublished(), 1))
    assert bytes(response.body) == b'{"position":7}'
    assert "Preference-Applied" not in response.headers


@pytest.mark.parametrize("content", [b"", b"[1]", b'"text"', b"{}", b'{"position":"7"}', b'{"position":true}'])
def test_what_is_no_receipt_is_answered_at_once_and_as_it_is(content: bytes) -> None:
    response = Response(content)
    asyncio.run(prove(response, Unpublished(), 3_600))
    assert response.body == content
    streamed = StreamingResponse(iter([content]))
    asyncio.run(prove(streamed, Unpublished(), 3_600))
    asyncio.run(prove(Response(b'{"position":7}', status_code=409), Unpublished(), 3_600))


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ([], 0),
        (["wait=10"], 10),
        (["Wait = 10"], 10),
        (['wait="7"'], 7),
        (["respond-async, wait=5"], 5),
        (["wait=5; for=you"], 5),
        (["handling=strict", "wait=5, wait=9"], 5),
        ([f"wait={LONGEST + 1}"], LONGEST),
        (["wait=0"], 0),
        (["wait"], 0),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait=٧"], 0),
        (["await=5"], 0),
        (["wait=" + "9" * 5_000], 0),
    ],
)
def test_preference_is_read_as_rfc_7240_spells_it_and_ignored_otherwise(prefer: list[str], seconds: int) -> None:
    assert seconds_to_wait(prefer) == seconds


@given(st.lists(st.text(max_size=40), max_size=3))
def test_no_header_breaks_it(prefer: list[str]) -> None:
    assert 0 <= seconds_to_wait(prefer) <= LONGEST
