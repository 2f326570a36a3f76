"""What the commands of one turn look up together: one look for all, each its own answer, nothing built on it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from ledger.application.ahead import Ahead, Learner
from ledger.application.ports import (
    Appended,
    Idempotency,
    IdempotencyMismatch,
    Replay,
    Snapshot,
    StoreUnavailable,
)
from ledger.domain.types import StreamId
from ledger.testing.faults import ScriptedEntropy, SpyVault
from tests.unit.application.office import Office, run


class Looks(SpyVault):
    """A store and a vault that count the looks of `Ahead`."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.ledger.vault, [])
        self._store = office.store
        self.sought: list[list[str]] = []
        self.opened = 0
        self.failing = 0

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        """As the vault's, counted."""
        self.sought.append(list(student_numbers))
        super().seek(issuer, student_numbers)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """As the store's, counted; fails as often as was asked for."""
        self.opened += 1
        if self.failing:
            self.failing -= 1
            raise StoreUnavailable("made by a test")
        with self._store.snapshot() as snapshot:
            yield snapshot


@pytest.fixture
def looks(office: Office) -> Looks:
    looks = Looks(office)
    office.ledger.desk._ahead = Ahead(looks, looks)  # type: ignore[arg-type]  # of the store it asks for snapshots only
    return looks


def test_commands_of_one_turn_are_looked_up_together(office: Office, looks: Looks) -> None:
    async def main() -> list[Appended]:
        return await asyncio.gather(*(office.issue(f"key-{each}", student_number=f"T{each}") for each in range(9)))

    answers = run(main())
    assert len({each.stream for each in answers}) == 9
    assert (looks.opened, looks.sought) == (1, [[f"T{each}" for each in range(9)]])
    again = run(main())
    assert [each.stream for each in again] == [each.stream for each in answers]
    assert all(each.replayed for each in again)
    assert looks.opened == 2
    office.assert_sound()


def test_command_without_key_and_learner_looks_for_nothing(office: Office, looks: Looks) -> None:
    async def main() -> Replay | None:
        return await office.ledger.desk._ahead.look(None, None)

    assert run(main()) is None
    assert (looks.opened, looks.sought) == (0, [])


def test_look_that_fails_reaches_every_caller_of_the_turn_and_none_of_the_next(office: Office, looks: Looks) -> None:
    looks.failing = 1

    async def main() -> list[Appended | BaseException]:
        commands = [office.issue(f"key-{each}", student_number=f"T{each}") for each in range(3)]
        return await asyncio.gather(*commands, return_exceptions=True)

    before = office.size()
    assert [type(each) for each in run(main())] == [StoreUnavailable] * 3
    assert office.size() == before
    assert [type(each) for each in run(main())] == [Appended] * 3


def test_caller_that_has_gone_stops_nobody_else(office: Office, looks: Looks) -> None:
    async def main(failing: int) -> list[Appended | BaseException]:
        looks.failing = failing
        commands = [asyncio.ensure_future(office.issue(f"key-{failing}-{each}")) for each in range(3)]
        await asyncio.sleep(0)  # each has asked
        commands[1].cancel()
        return await asyncio.gather(*commands, return_exceptions=True)

    for failing, expected in ((0, Appended), (1, StoreUnavailable)):
        found = [type(each) for each in run(main(failing))]
        assert found == [expected, asyncio.CancelledError, expected]


def test_request_that_is_recorded_after_the_look_is_answered_by_the_append(office: Office) -> None:
    class Blind:
        async def look(self, idempotency: Idempotency | None, learner: Learner | None) -> Replay | None:
            """As if nothing had been recorded yet."""
            return None

    first = run(office.issue("key"))
    office.ledger.desk._ahead = Blind()  # type: ignore[assignment]
    before = office.size()
    again = run(office.issue("key"))
    assert (again.stream, again.revision, again.position, again.replayed) == (
        first.stream,
        first.revision,
        first.position,
        True,
    )
    with pytest.raises(IdempotencyMismatch):
        run(office.issue("key", full_name="Somebody Else"))
    assert office.size() == before
    office.assert_sound()


def test_student_number_that_no_record_can_hold_stops_nobody_else(office: Office, looks: Looks) -> None:
    async def main() -> list[Appended | BaseException]:
        numbers = ["T1", "\ud800", "", "x" * 100, "T2"]
        commands = [office.issue(student_number=number) for number in numbers]
        return await asyncio.gather(*commands, return_exceptions=True)

    assert [isinstance(each, Appended) for each in run(main())] == [True, False, False, False, True]
    assert looks.sought == [["T1", "T2"]]


def test_slots_of_many_drafts_are_looked_for_in_a_few_looks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    with office.store.snapshot() as snapshot:
        kind = type(snapshot)
    taken = kind.slots_taken

    def counted(self: Snapshot, status_list: bytes, slots: Sequence[int]) -> frozenset[int]:
        asked.append(len(slots))
        return taken(self, status_list, slots)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "slots_taken", counted)
    office.ledger.desk.entropy = ScriptedEntropy(numbers=range(1_000))  # a slot drawn twice is asked for once

    async def main() -> list[Appended]:
        return await asyncio.gather(*(office.issue(student_number=f"T{each}") for each in range(60)))

    run(main())
    assert asked == [1, 8, 64]
    assert office.count("status_slots") == 60
    office.assert_sound()
