"""Whether a file is one of ours is asked on the event loop: long files cost it no more there than short ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.application import own_documents
from ledger.application.foreign import Uploads
from ledger.application.own_documents import OwnDocuments
from ledger.vc.jcs import canonical_json
from ledger.vc.reading import Json, read_document
from ledger.vc.upload import Upload, read_upload
from ledger.verification.verdict import State, Verdict
from tests.unit.application.office import Office, make_home, open_office, run
from tests.unit.application.test_credential_files import Counter


class Watched:
    """What was read and spelled while something was looked up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[int] = []
        self.spelled: list[int] = []

        def reading(raw: bytes) -> dict[str, Json]:
            self.read.append(len(raw))
            return read_document(raw)

        def spelling(value: Json) -> bytes:
            spelled = canonical_json(value)
            self.spelled.append(len(spelled))
            return spelled

        monkeypatch.setattr(own_documents, "read_document", reading)
        monkeypatch.setattr(own_documents, "canonical_json", spelling)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    make_home(tmp_path / "home")
    opened = open_office(tmp_path / "home")
    yield opened
    opened.ledger.close()


def brought(office: Office, upload: Upload) -> Verdict:
    registry = OwnDocuments(office.ledger.scanning(), office.clock)
    return Uploads(clock=office.clock, registry=registry).prepare(upload)()


def test_long_file_with_the_id_of_an_award_is_not_gone_through(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Counter(office).document(run(office.issue()))
    whole, watched = json.loads(own), Watched(monkeypatch)
    junk: list[Json] = [{"": 0}] * 100_000
    other_proof = {**whole["proof"], "proofValue": "z" + "1" * 88}
    others: list[Json] = [None, [whole["proof"]] * 3, "x", {"proofValue": 7}, other_proof]
    for proof in others:
        long: dict[str, Json] = {**whole, "x": junk, "proof": proof}
        assert brought(office, Upload(document=long)).state is State.SIGNATURE_INVALID
    assert (watched.read, watched.spelled) == ([], [])
    # With the value of its proof it is compared, as far as what was recorded goes.
    for changed in ({"x": junk}, {"name": junk}, {"proof": {**whole["proof"], "x": junk}}):
        assert brought(office, Upload(document={**whole, **changed})).state is State.SIGNATURE_INVALID
    assert (watched.read, watched.spelled) == ([len(own)] * 3, [])


def test_file_that_was_recorded_is_found_whatever_its_spelling(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Counter(office).document(run(office.issue()))
    expected = brought(office, read_upload(own)).state
    watched = Watched(monkeypatch)
    spelled = json.dumps(json.loads(own), indent=4, sort_keys=True).encode()
    assert brought(office, read_upload(spelled)).state is expected is not State.SIGNATURE_INVALID
    assert len(watched.read) == 1
    assert max(watched.spelled) <= len(own)


def test_true_is_not_one_to_who_compares() -> None:
    assert own_documents._same({"a": 1}, {"a": 1.0})
    assert not own_documents._same({"a": 1}, {"a": True})
    assert not own_documents._same({"a": 1}, {"a": 2})


def test_keys_are_looked_up_for_as_many_proofs_as_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: list[Json] = [{"verificationMethod": f"did:web:h{number}.example#k"} for number in range(1_000)]
    named = list(own_documents._dids(Upload(document={"proof": proofs}), "did:web:a.example"))
    assert named == ["did:web:a.example", *(f"did:web:h{number}.example" for number in range(8))]
