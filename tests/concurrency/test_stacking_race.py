"""Stacking against revoking a component, at the same moment, round after round: no stack stands on a revoked part."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.concurrency.running import DEFINITION, RunningLedger

ROUNDS = 500
PARTS = ("cleaning", "dressing", "documenting")
PATHWAY = {
    "slug": "specialist",
    "name": "Specialist",
    "description": "Any two of three.",
    "competencies": [{"statement": "Can do most of it"}],
    "rule": {"n_of": {"n": 2, "of": list(PARTS)}},
}


def _held(ledger: RunningLedger) -> list[dict[str, str]]:
    """For each round a learner with all three parts: achievement -> credential id."""
    for slug in PARTS:
        ledger.post("/achievements?issuer=college", {**DEFINITION, "slug": slug})
    ledger.post("/pathways?issuer=college", PATHWAY)
    rows = [f"R{number},Ada,{slug},2026-01-15" for number in range(ROUNDS) for slug in PARTS]
    raw = "student_number,full_name,achievement,awarded_on\n" + "\n".join(rows) + "\n"
    with ledger.client() as client:
        answer = client.post(
            "/credentials/batch?issuer=college", content=raw.encode(), headers={"Content-Type": "text/csv"}
        )
    assert answer.is_success, answer.text
    awards = {each["row"]: each["credential_id"] for each in answer.json()["awards"]}
    return [
        {slug: awards[number * len(PARTS) + index + 1] for index, slug in enumerate(PARTS)} for number in range(ROUNDS)
    ]


def test_no_stack_stands_whose_part_was_not_in_force_at_its_position(ledger: RunningLedger) -> None:
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    held = _held(ledger)
    gate = Barrier(3)
    clients = [ledger.client() for _ in range(3)]
    outcomes: Counter[str] = Counter()

    def at_once(number: int, ask: Callable[[httpx.Client], httpx.Response], late: float) -> httpx.Response:
        gate.wait(30)
        time.sleep(late)
        return ask(clients[number])

    def stacking(student: str, *components: str) -> Callable[[httpx.Client], httpx.Response]:
        body = {"student_number": student, "pathway": "specialist", "components": components}
        return lambda client: client.post("/stacks?issuer=college", json=body)

    def lowering(award: str, act: str) -> Callable[[httpx.Client], httpx.Response]:
        return lambda client: client.post(f"/credentials/{award}/{act}", json={"reason": "other"})

    with ThreadPoolExecutor(3) as pool:
        for number, parts in enumerate(held):
            lost, one, other = parts["cleaning"], parts["dressing"], parts["documenting"]
            asked = (
                stacking(f"R{number}", lost, one),
                stacking(f"R{number}", other, lost),
                lowering(lost, chance.choice(("revoke", "suspend"))),
            )
            # What lowers is done sooner than what stacks: it begins later, so that either may come first.
            late = [chance.uniform(0, most) for most in (0.01, 0.01, 0.06)]
            first, second, lowered = pool.map(at_once, range(3), asked, late)
            assert lowered.status_code == 200, lowered.text
            for stacked in (first, second):
                if stacked.status_code == 201:
                    assert stacked.json()["position"] < lowered.json()["position"]
                else:
                    assert stacked.status_code == 422, stacked.text
                    assert [each["code"] for each in stacked.json()["errors"]] == ["not_in_force"]
                outcomes["stacked" if stacked.is_success else "refused"] += 1
    for client in clients:
        client.close()
    print(f"seed {seed}, {ROUNDS} rounds: {dict(outcomes)}")
    assert set(outcomes) == {"stacked", "refused"}
    ledger.audit()
    assert ledger.recorded() == 3 + 1 + len(PARTS) + 1 + ROUNDS * (len(PARTS) + 1) + outcomes["stacked"]
