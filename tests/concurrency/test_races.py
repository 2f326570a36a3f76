"""Clients that want different things of one award at the same moment: exactly one gets what it wants."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.concurrency.running import RunningLedger, row

CLIENTS = 32
ROUNDS = 100
CHANGES = (
    ("revoke", {"reason": "issued_in_error"}),
    ("amend", {"values": {"result": "Pass with distinction"}, "reason": "issued_in_error"}),
    ("suspend", {"reason": "assessment_integrity"}),
)


def test_of_conflicting_changes_with_one_revision_exactly_one_is_made(ledger: RunningLedger) -> None:
    seen: Counter[int] = Counter()
    winners: Counter[str] = Counter()
    gate = Barrier(CLIENTS)
    clients = [ledger.client() for _ in range(CLIENTS)]

    def change(number: int, award: str) -> tuple[str, httpx.Response]:
        action, body = CHANGES[number % len(CHANGES)]
        gate.wait(30)
        path = f"/credentials/{award}/{action}"
        return action, clients[number].post(path, json=body, headers={"If-Match": '"0"'})

    with ThreadPoolExecutor(CLIENTS) as pool:
        for round_number in range(ROUNDS):
            award = ledger.post("/credentials?issuer=college", row(f"race-{round_number}")).json()["credential_id"]
            answers = list(pool.map(change, range(CLIENTS), [award] * CLIENTS))
            won = [action for action, answer in answers if answer.is_success]
            assert len(won) == 1, [(action, answer.status_code) for action, answer in answers]
            winners[won[0]] += 1
            seen.update(answer.status_code for _, answer in answers)
            history = clients[0].get(f"/credentials/{award}/history").json()
            assert len(history["events"]) == 2
    for client in clients:
        client.close()
    assert seen == {200: ROUNDS, 409: ROUNDS * (CLIENTS - 1)}
    assert set(winners) <= {action for action, _ in CHANGES}
    ledger.audit()
    assert ledger.recorded() == 1 + 2 + 1 + ROUNDS * 2


def test_a_hundred_identical_requests_with_one_key_issue_one_award(ledger: RunningLedger) -> None:
    before = ledger.awards()
    headers = {"Idempotency-Key": "the-same-request"}

    # A connection of its own for each request: a pool shared by threads may close an idle one that was just handed out.
    def issue(_: int) -> httpx.Response:
        with ledger.client() as client:
            return client.post("/credentials?issuer=college", json=row("identical"), headers=headers)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(issue, range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    with ledger.client() as client:
        other = client.post("/credentials?issuer=college", json=row("another"), headers=headers)
    assert other.status_code == 409
    assert ledger.awards() == before + 1
    ledger.audit()
