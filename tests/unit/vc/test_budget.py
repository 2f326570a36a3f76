"""All that is brought at once draws on one budget, in forms, in proofs and in documents."""

import pytest

from ledger.vc import data_integrity
from ledger.vc.budget import Budget, OverBudget
from ledger.vc.did import resolve_key
from ledger.vc.proof_members import Proof, read_proof
from ledger.vc.rdf import TooAmbiguous, canonical_nquads, statements
from ledger.vc.rdf_canon import MAX_WORK, canonicalise
from ledger.vc.reading import Json
from tests.unit.vc.proofs import ED25519, NOW, document, proof, secured

UNDEFINED = "https://www.w3.org/ns/credentials/undefined-terms/v2"


def look_alikes(number: int) -> dict[str, Json]:
    """A credential with so many parts that look alike, each related to each."""
    parts: list[Json] = [
        {"id": f"_:n{one}", "p": [{"id": f"_:n{(one + other) % number}"} for other in range(1, number)]}
        for one in range(number)
    ]
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", UNDEFINED],
        "type": ["VerifiableCredential"],
        "issuer": ED25519.did,
        "credentialSubject": {"id": "urn:x:y", "q": parts},
    }


def chained(number: int) -> list[Json]:
    """Proofs each of which follows the one before, so that each signs a form of its own."""
    proofs: list[Json] = []
    for place in range(number):
        follows: dict[str, Json] = {"previousProof": f"urn:x:{place - 1}"} if place else {}
        made = proof("eddsa-rdfc-2022", ED25519)
        proofs.append({**made, "id": f"urn:x:{place}", "proofValue": "z" + "1" * 64, **follows})
    return proofs


def test_reading_several_documents_draws_on_one_budget() -> None:
    whole = Budget()
    canonical_nquads(document(), whole)
    cost = Budget().cost - whole.cost
    assert cost > 0
    twice = Budget(cost=2 * cost)
    canonical_nquads(document(), twice)
    canonical_nquads(document(), twice)
    assert twice.cost == 0
    with pytest.raises(OverBudget):
        canonical_nquads(document(), twice)
    with pytest.raises(OverBudget):
        statements(document(), Budget(cost=cost - 1))


def test_telling_parts_of_several_documents_apart_draws_on_one_budget() -> None:
    read, whole = statements(look_alikes(4)), Budget()
    canonicalise(read, whole)
    work = Budget().work - whole.work
    assert work > 0
    twice = Budget(work=2 * work)
    assert canonicalise(read, twice) == canonicalise(read, twice) == canonicalise(read)
    assert twice.work == 0
    with pytest.raises(OverBudget):
        canonicalise(read, twice)


def test_one_form_that_cannot_be_told_apart_ends_the_document() -> None:
    with pytest.raises(TooAmbiguous):
        canonical_nquads(look_alikes(8))
    budget = Budget(work=10 * MAX_WORK)
    found = data_integrity.check({**look_alikes(8), "proof": chained(3)}, resolve_key, now=NOW, budget=budget)
    assert [(each.outcome, each.reason) for each in found] == [("unknown", "too_ambiguous")] * 3
    assert budget.work >= 9 * MAX_WORK  # one form was tried


def test_proofs_are_read_twice_at_most_however_many_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Json] = []

    def counting(each: Json) -> Proof:
        read.append(each)
        return read_proof(each)

    monkeypatch.setattr(data_integrity, "read_proof", counting)
    signed = secured("eddsa-rdfc-2022")
    proofs: list[Json] = [signed["proof"]] * 8
    found = data_integrity.check({**signed, "proof": proofs}, resolve_key, now=NOW)
    assert [each.reason for each in found] == ["signature_valid"] * 8
    assert len(read) <= 16


def test_proofs_for_which_nothing_is_left_are_not_said_to_be_wrong() -> None:
    good = secured("eddsa-rdfc-2022")
    for budget in (Budget(cost=10), Budget(cost=0)):
        (found,) = data_integrity.check(good, resolve_key, now=NOW, budget=budget)
        assert (found.outcome, found.reason) == ("unknown", "too_much_work")
    # What is signed beside the document is read, too.
    options = {**good, "proof": {**proof("eddsa-rdfc-2022", ED25519), "nonce": "x", "proofValue": "z" + "1" * 64}}
    budget = Budget()
    data_integrity.check(good, resolve_key, now=NOW, budget=budget)
    left = Budget()
    data_integrity.check(options, resolve_key, now=NOW, budget=left)
    assert left.cost < budget.cost
