"""Learners whom another process registers at the same moment, and how often the vault is asked for many."""

from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from ledger.adapters.vault import VaultRow
from ledger.application.ports import Appended, LearnerKey, Vault
from ledger.bootstrap import open_vault
from ledger.testing.faults import SpyVault
from tests.unit.application.office import Office, run

CSV = "student_number,full_name,achievement,awarded_on\n"


class Racing(SpyVault):
    """A vault that another process is faster than, once: just before new keys are made durable."""

    def __init__(self, inner: Vault, race: Callable[[], None]) -> None:
        super().__init__(inner, [])
        self._races = [race]

    def flush(self) -> frozenset[bytes]:
        """As the vault's."""
        if self._races:
            self._races.pop()()
        return super().flush()


def race_for(office: Office, monkeypatch: pytest.MonkeyPatch, numbers: Sequence[str]) -> list[LearnerKey]:
    """Let another process register these learners while their first awards are on their way; its keys, later."""
    theirs: list[LearnerKey] = []

    def register() -> None:
        with closing(open_vault(office.ledger.home)) as other:
            theirs.extend(other.learners(office.college, numbers))

    monkeypatch.setattr(office.ledger.committer, "_vault", Racing(office.ledger.vault, register))
    return theirs


def key_ids(office: Office, awards: Sequence[Appended]) -> list[bytes]:
    """Under which key the parts of each award lie."""
    with office.store.snapshot() as snapshot:
        parts = snapshot.parts([award.position for award in awards])
    for award in awards:
        assert len({part.key_id for part in parts[award.position]}) == 1
    return [parts[award.position][0].key_id for award in awards]


def test_award_whose_learner_another_process_registered_first_is_sealed_under_the_key_of_that_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = race_for(office, monkeypatch, ["S77"])
    before = office.size()
    award = run(office.issue(student_number="S77"))
    assert key_ids(office, [award]) == [theirs[0].key_id]
    assert office.size() == before + 1
    assert office.ledger.awards.read(office.registrar, award.stream).acts[0].award is not None
    office.assert_sound()


def test_rows_of_a_batch_whose_learners_another_process_registered_first_are_decided_again_and_no_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"S{number}" for number in range(40)]
    theirs = race_for(office, monkeypatch, numbers[10:20])
    before = office.size()
    rows = CSV + "".join(f"{number},Zoé {number},wound-care,2026-01-01\n" for number in numbers)
    report = run(office.ledger.batch.issue(office.registrar, office.college, rows.encode()))
    found = key_ids(office, [award.appended for award in report.awards])
    assert found[10:20] == [key.key_id for key in theirs]
    assert len(set(found)) == 40
    assert office.size() == before + 40
    office.assert_sound()


def test_batch_asks_the_vault_once_for_many_learners(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    vault = office.ledger.vault
    find = vault._rows.find

    def counted(lookups: Sequence[bytes]) -> Sequence[VaultRow]:
        asked.append(len(lookups))
        return find(lookups)

    monkeypatch.setattr(vault._rows, "find", counted)
    rows = CSV + "".join(f"S{number},Zoé {number},wound-care,2026-01-01\n" for number in range(30))
    assert run(office.ledger.batch.issue(office.registrar, office.college, rows.encode())).errors == ()
    assert asked == [30]
