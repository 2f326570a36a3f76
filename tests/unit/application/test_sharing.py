"""One reading for the commands of one turn of the event loop."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ledger.application.draft import Reading
from ledger.application.ports import Snapshot, StoreUnavailable
from ledger.application.sharing import Turns
from ledger.domain.reading import Refused
from tests.unit.application.office import Office, run


class Opening:
    """A store that counts the snapshots that were opened, and those that are still open."""

    def __init__(self, office: Office) -> None:
        self._store = office.store
        self.opened = self.open = 0

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        self.opened += 1
        self.open += 1
        try:
            with self._store.snapshot() as snapshot:
                yield snapshot
        finally:
            self.open -= 1


@pytest.fixture
def store(office: Office) -> Opening:
    return Opening(office)


@pytest.fixture
def turns(office: Office, store: Opening) -> Turns:
    return Turns(store, office.ledger.desk.reading)  # type: ignore[arg-type]


def size(reading: Reading) -> int:
    """The number of entries that a reading sees when it is asked."""
    assert reading.snapshot is not None
    return reading.snapshot.head().size


def test_commands_of_one_turn_share_a_reading_and_the_next_turn_has_a_new_one(turns: Turns, store: Opening) -> None:
    seen: list[Reading] = []

    async def decide() -> None:
        with turns.reading() as reading:
            seen.append(reading)

    async def both() -> None:
        await asyncio.gather(decide(), decide())
        assert store.open == 0
        await decide()

    asyncio.run(both())
    assert seen[0] is seen[1]
    assert seen[2] is not seen[1]
    assert (store.opened, store.open) == (2, 0)


def test_whoever_was_answered_decides_on_what_was_recorded(turns: Turns, office: Office) -> None:
    sizes: list[int] = []

    async def issue_and_look(number: int) -> None:
        with turns.reading() as reading:
            before = size(reading)
        await office.issue(student_number=f"S{number}")
        with turns.reading() as reading:
            sizes.append(size(reading) - before)

    async def everybody() -> None:
        await asyncio.gather(*(issue_and_look(number) for number in range(8)))

    asyncio.run(everybody())
    assert min(sizes) >= 1


def test_refusal_leaves_the_reading_to_the_others_of_its_turn(turns: Turns, store: Opening) -> None:
    async def refused_then_decided() -> None:
        with pytest.raises(Refused), turns.reading() as reading:
            raise Refused(())
        with turns.reading() as again:
            assert again is reading
            assert size(again) > 0

    run(refused_then_decided())
    assert (store.opened, store.open) == (1, 0)


def test_store_that_fails_is_told_so_and_read_anew_by_the_next(turns: Turns, store: Opening) -> None:
    async def failed_then_decided() -> None:
        with pytest.raises(StoreUnavailable), turns.reading():
            raise sqlite3.OperationalError("disk I/O error")
        assert store.open == 0
        with turns.reading() as again:
            assert size(again) > 0

    run(failed_then_decided())
    assert (store.opened, store.open) == (2, 0)


def test_many_awards_of_one_turn_have_slots_and_codes_of_their_own(office: Office) -> None:
    async def everybody() -> None:
        await asyncio.gather(*(office.issue(student_number=f"S{number}") for number in range(40)))

    asyncio.run(everybody())
    with office.store._writing() as connection:
        assert connection.execute("SELECT COUNT(DISTINCT slot) FROM status_slots").fetchone()[0] == 40
        assert connection.execute("SELECT COUNT(DISTINCT mac) FROM short_codes").fetchone()[0] == 40
    office.assert_sound()


def test_a_reading_whose_end_fails_leaves_a_line_in_the_log_and_what_was_decided(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        """A store whose connection is lost after everything was read."""

        @contextmanager
        def snapshot(self) -> Iterator[Snapshot]:
            with office.store.snapshot() as snapshot:
                yield snapshot
            raise StoreUnavailable("the connection was lost")

    turns, unhandled = Turns(Broken(), office.ledger.desk.reading), []  # type: ignore[arg-type]

    async def decide() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
        with turns.reading() as reading:
            assert size(reading) > 0
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(decide())
    assert unhandled == []
    assert [record.getMessage() for record in caplog.records] == [
        "a reading of the store did not end as it should: the connection was lost"
    ]
