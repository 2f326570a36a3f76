"""What is stated is how the log stands at that very entry, however it was folded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ledger.adapters.tile_folder import FolderTiles
from ledger.application import statements as statements_module
from ledger.application.ports import Snapshot
from ledger.application.statements import Fold, Statements
from ledger.domain.events import CredentialRevoked, Recorded, StatusCommitted
from ledger.domain.status import Act, act_of
from ledger.domain.types import Kid, Position, StreamId
from ledger.domain.values import Reason, Role
from ledger.record.entry import parse_entry
from ledger.record.sealing import Sealed
from ledger.verification.statement import Statuses
from tests.unit.application.office import OPERATOR, Office, open_office, run

WHY = Reason.OTHER


class Last:
    """The committer, before which something else is recorded; and who counts how often it was asked."""

    def __init__(self, office: Office, before: Sequence[Callable[[], object]] = ()) -> None:
        self._committer = office.ledger.committer
        self._before = list(before)
        self.asked = 0

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        self.asked += 1
        if self._before:
            self._before.pop(0)()
        return self._committer.append_last(make)


def statements(office: Office, last: Last | None = None) -> Statements:
    """Those of the home, as another process would have them."""
    ledger = office.ledger
    return Statements(
        store=ledger.store,
        last=last or Last(office),
        operator=ledger.operator,
        signer=ledger.desk.keys.signer,
        clock=ledger.clock,
        kept=FolderTiles(ledger.home.statements),
    )


def recorded(office: Office) -> list[Recorded]:
    with office.store.snapshot() as snapshot:
        return [parse_entry(each.raw).recorded(each.position) for each in snapshot.entries(0, 10_000)]


def assert_stated(office: Office) -> int:
    """Every statement in the log is what its predecessors come to, folded in memory, one by one; how many there are."""
    everything = recorded(office)

    def history(streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        return {
            stream: [act for each in everything if each.stream == stream and (act := act_of(each))]
            for stream in streams
        }

    def signed_by(kid: Kid, position: Position) -> Iterator[StreamId]:
        return (each.stream for each in everything if each.kid == kid and each.position >= position and act_of(each))

    statuses, found = Statuses(office.ledger.operator, history, signed_by), 0
    for each in everything:
        if isinstance(each.event, StatusCommitted):
            assert each.event == statuses.statement()
            found += 1
        statuses.take([each])
    return found


def everything_happens(office: Office, publish: Callable[[], object]) -> None:
    """Awards of every kind of change, by good keys and by one that turns out to be stolen, published in between."""
    issuers, changing, by = office.ledger.issuers, office.ledger.changing, office.registrar
    awards = [run(office.issue(student_number=f"S{number}")) for number in range(4)]
    publish()
    run(changing.amend(by, awards[0].stream, {"score": "90"}, WHY))
    run(changing.suspend(by, awards[1].stream, WHY))
    run(changing.revoke(by, awards[2].stream, WHY))
    publish()
    run(changing.reinstate(by, awards[1].stream))
    stolen = run(issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    first = office.kids(Role.SIGNING)[0]
    run(issuers.retire_key(OPERATOR, office.college, Kid(first)))
    for number in range(4, 7):
        run(office.issue(student_number=f"S{number}"))
    publish()
    run(issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(issuers.report_compromised(OPERATOR, office.college, stolen.kid, None, recovery=True))
    publish()
    run(changing.revoke(by, awards[3].stream, WHY))
    publish()


def test_every_statement_is_what_the_entries_before_it_come_to(office: Office) -> None:
    everything_happens(office, office.ledger.publishing.publish)
    assert assert_stated(office) == 7  # one since the beginning, one of the home, five here
    office.assert_sound()


def test_statement_of_a_process_that_folds_from_the_beginning_is_the_same(office: Office) -> None:
    def publish() -> None:
        for size in statements(office).sizes():
            statements(office).forget(size)
        statements(office).state()

    everything_happens(office, publish)
    assert assert_stated(office) == 7


def test_statement_of_a_process_that_goes_on_from_what_was_kept_is_the_same(office: Office) -> None:
    def publish() -> None:
        anew = statements(office)
        size, _ = anew.state()
        anew.keep(size)

    everything_happens(office, publish)
    assert assert_stated(office) == 7


def test_what_is_recorded_between_folding_and_the_lock_is_stated_too(office: Office) -> None:
    award = run(office.issue())
    last = Last(office, [lambda: run(office.ledger.changing.revoke(office.registrar, award.stream, WHY))])
    size, _ = statements(office, last).state()
    assert (last.asked, size) == (1, office.size())
    assert isinstance(recorded(office)[-2].event, CredentialRevoked)
    assert_stated(office)


def test_others_do_not_wait_while_much_is_folded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements_module, "_QUICK", 3)
    numbers = iter(range(100))

    def several() -> None:
        for _ in range(4):
            run(office.issue(student_number=f"S{next(numbers)}"))

    several()
    last = Last(office, [several, several])
    assert statements(office, last).state()[0] == office.size()
    assert last.asked == 3  # twice it was too much, and nothing was appended
    several()
    impatient = Last(office, [several] * 100)
    assert statements(office, impatient).state()[0] == office.size()
    assert impatient.asked == statements_module._ATTEMPTS + 1  # then the others wait, once
    assert_stated(office)


def test_stolen_key_is_searched_for_while_nobody_waits(office: Office) -> None:
    issuers = office.ledger.issuers
    kid = Kid(office.kids(Role.SIGNING)[0])
    award = run(office.issue())
    run(issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    since = Position(award.position)
    report = lambda: run(issuers.report_compromised(OPERATOR, office.college, kid, since, recovery=True))  # noqa: E731
    last = Last(office, [report])
    assert statements(office, last).state()[0] == office.size()
    assert last.asked == 2
    assert_stated(office)


def test_nothing_is_stated_twice(office: Office) -> None:
    run(office.issue())
    last = Last(office)
    size, tree = statements(office, last).state()
    assert statements(office, last).state() == (size, tree)
    assert (last.asked, office.size()) == (1, size)
    overtaken = Last(office, [lambda: statements(office).state()])
    run(office.issue(student_number="S2"))
    size, tree = statements(office, overtaken).state()
    assert (overtaken.asked, office.size()) == (1, size)
    assert isinstance(recorded(office)[-1].event, StatusCommitted)
    assert not isinstance(recorded(office)[-2].event, StatusCommitted)


def test_statement_is_not_of_an_earlier_time_than_what_it_states(office: Office) -> None:
    award = run(office.issue())
    office.clock.at = office.clock.at.replace(hour=3)
    statements(office).state()
    assert office.times()[-1] == office.times()[award.position - 1]


# ------------------------------------------------------------------------------------------------------- what is kept


@pytest.fixture
def kept(office: Office) -> Path:
    """What is kept of the last publication."""
    everything_happens(office, office.ledger.publishing.publish)
    return office.ledger.home.statements / str(office.size())


def test_damage_to_what_is_kept_is_noticed_wherever_it_is(office: Office, kept: Path) -> None:
    content, stated = kept.read_bytes(), recorded(office)[-1].event
    assert isinstance(stated, StatusCommitted)
    loaded = Fold.loaded(office.ledger.operator, content, stated)
    assert loaded is not None
    assert loaded.size == office.size()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        assert Fold.loaded(office.ledger.operator, bytes(damaged), stated) is None
        assert Fold.loaded(office.ledger.operator, content[:place], stated) is None


@pytest.mark.parametrize("content", [b"", b"\0" * 200])
def test_what_a_power_loss_left_of_it_is_no_fold_and_the_log_folded_anew(
    office: Office, kept: Path, content: bytes
) -> None:
    for each in kept.parent.iterdir():
        each.write_bytes(content)
    run(office.issue(student_number="S99"))
    statements(office).state()
    assert_stated(office)


def test_fold_of_another_size_is_not_believed(office: Office, kept: Path) -> None:
    older = next(each for each in kept.parent.iterdir() if each != kept and each.name.isdecimal())
    kept.write_bytes(older.read_bytes())
    older.unlink()
    run(office.issue(student_number="S99"))
    statements(office).state()
    assert_stated(office)


def test_fold_with_a_bit_that_the_log_does_not_state_is_not_believed(
    office: Office, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well made and under its digest, by somebody who may write in the home."""
    anew = statements(office)
    with office.store.snapshot() as snapshot:
        fold = anew._folded(snapshot, int(kept.name))
    name, chunks = next(iter(fold.statuses._lists.chunks()))
    fold.statuses._lists.load(name, {**chunks, 1: b"\xff" * 256})
    kept.write_bytes(fold.to_bytes())
    run(office.issue(student_number="S99"))
    statements(office).state()
    assert_stated(office)


def test_only_the_last_two_folds_are_kept(folder: Path) -> None:
    for number in range(4):
        office = open_office(folder)
        for turn in range(3):
            run(office.issue(student_number=f"S{number}-{turn}"))
            office.ledger.publishing.publish()
        sizes = statements(office).sizes()
        assert (sizes[-1], len(sizes)) == (office.size(), 2)
        office.ledger.close()
