"""Whatever write of publishing is lost, or its reply: what was served stays the beginning of the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.sqlite.snapshot import SqliteSnapshot
from ledger.adapters.tile_folder import FolderTiles
from ledger.application.ports import LedgerHalted
from ledger.domain.events import StatusCommitted
from ledger.domain.types import Position
from ledger.record.entry import parse_entry
from ledger.testing.publishing_faults import Fault, WriteFailed, striking
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.tlog.proofs import check_consistency, check_inclusion
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import TileMissing
from tests.unit.application.office import Office, open_office, run
from tests.unit.application.test_publishing import assert_published, entries

# One publication after an award: statement, fold, checkpoint, guard, tile, entries, the store's note, then what is
# served, and on the way to it the note of the day.
WRITES = [
    "Committer.append_last",
    "FolderTiles.replace",
    "SqliteLedger.save_checkpoint",
    "GuardFile.keep",
    "FolderTiles.write",
    "FolderTiles.write",
    "SqliteLedger.save_published",
    "GuardFile.keep",
    "PublishedFile.serve",
    "FolderTiles.replace",
]
CLEANING = ["FolderTiles.remove"]


class Watcher:
    """Whoever looks at what is served, and keeps every checkpoint."""

    def __init__(self, office: Office) -> None:
        self.home = office.ledger.home
        self.key = office.ledger.verifier_key
        self.seen: list[Checkpoint] = []
        self.look()

    def look(self) -> Checkpoint:
        """What is served now: the last entry under it is a statement, and its tiles have its root."""
        checkpoint = open_checkpoint(self.home.checkpoint.read_bytes(), self.key)
        tiles = FolderTiles(self.home.log)

        def fetch(path: str) -> bytes:
            found = tiles.read(path)
            if found is None:
                raise TileMissing(path)
            return found

        reader = TileReader(checkpoint.size, checkpoint.root, fetch)
        recorded = list(reader.entries(0, checkpoint.size))
        stated = parse_entry(recorded[-1]).event
        assert isinstance(stated, StatusCommitted)
        assert stated.size == checkpoint.size - 1
        assert CompactRange.empty().extended(map(leaf_hash, recorded)).root() == checkpoint.root
        for index in range(checkpoint.size):
            check_inclusion(
                leaf_hash(recorded[index]), index, checkpoint.size, checkpoint.root, reader.inclusion(index)
            )
        for older in self.seen:
            assert older.size <= checkpoint.size
            path = reader.consistency(older.size)
            check_consistency(older.size, older.root, checkpoint.size, checkpoint.root, path)
        self.seen.append(checkpoint)
        return checkpoint


@pytest.fixture
def office(folder: Path) -> Iterator[Office]:
    opened = open_office(folder)
    opened.ledger.publisher.close()  # what it would do at its start is done
    yield opened
    opened.ledger.close()


def _again(office: Office, folder: Path, *, restarted: bool) -> Office:
    """The office after whoever publishes was started again, or just tried again."""
    if not restarted:
        return office
    office.ledger.close()
    opened = open_office(folder)
    opened.ledger.publisher.close()
    return opened


def test_publication_makes_these_writes_in_this_order(office: Office) -> None:
    run(office.issue())
    with striking(Fault(-1, after=False)) as fault:
        office.ledger.publishing.publish()
    assert fault.seen[: len(WRITES)] == WRITES
    assert set(fault.seen[len(WRITES) :]) <= set(CLEANING)


@pytest.mark.parametrize("restarted", [False, True], ids=["tried-again", "restarted"])
@pytest.mark.parametrize("after", [False, True], ids=["lost", "reply-lost"])
@pytest.mark.parametrize("number", range(len(WRITES)), ids=[f"{place}-{name}" for place, name in enumerate(WRITES)])
def test_every_checkpoint_served_stays_a_prefix_whatever_write_fails(
    office: Office, folder: Path, number: int, after: bool, restarted: bool
) -> None:
    run(office.issue())
    office.ledger.publishing.publish()
    watcher = Watcher(office)
    run(office.issue(student_number="S2"))
    with striking(Fault(number, after=after)) as fault, pytest.raises(WriteFailed):
        office.ledger.publishing.publish()
    assert fault.struck == WRITES[number]
    watcher.look()
    later = _again(office, folder, restarted=restarted)
    run(later.issue(student_number="S3"))
    assert later.ledger.publishing.publish() == later.size()
    assert watcher.look().size == later.size()
    assert_published(later)
    assert sum(isinstance(parse_entry(raw).event, StatusCommitted) for raw in entries(later)) >= 3
    later.ledger.close()


@pytest.mark.parametrize("after", [False, True], ids=["lost", "reply-lost"])
@pytest.mark.parametrize("number", range(len(WRITES)), ids=[f"{place}-{name}" for place, name in enumerate(WRITES)])
def test_what_was_begun_is_completed_although_nothing_new_was_recorded(
    office: Office, folder: Path, number: int, after: bool
) -> None:
    run(office.issue())
    with striking(Fault(number, after=after)), pytest.raises(WriteFailed):
        office.ledger.publishing.publish()
    later = _again(office, folder, restarted=True)
    later.ledger.publishing.publish()
    assert_published(later)
    size = later.size()
    later.ledger.publishing.publish()
    assert later.size() == size
    later.ledger.close()


def test_every_write_fails_once_one_after_the_other(office: Office) -> None:
    run(office.issue())
    watcher, failures = Watcher(office), 0
    for number in range(len(WRITES)):
        for after in (False, True):
            with striking(Fault(number, after=after)):
                try:
                    office.ledger.publishing.publish()
                except WriteFailed:
                    failures += 1
            watcher.look()
            run(office.issue(student_number=f"S{number}-{after}"))
    assert failures > len(WRITES)
    office.ledger.publishing.publish()
    assert_published(office)
    watcher.look()


def test_store_that_gives_other_entries_than_were_recorded_halts_before_anything_is_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(office.issue())
    office.ledger.publishing.publish()
    run(office.issue(student_number="S2"))
    watcher = Watcher(office)
    before = office.ledger.home.guard.read_bytes()
    states = SqliteSnapshot.states

    def altered(self: SqliteSnapshot, after: int, limit: int = -1) -> Iterator[tuple[Position, bytes]]:
        for position, raw in states(self, after, limit):
            yield position, raw.replace(b'"seq":0', b'"seq":1') if b"credential.issued" in raw else raw

    monkeypatch.setattr(SqliteSnapshot, "states", altered)
    with pytest.raises(LedgerHalted, match="are not those that were recorded: nothing is signed"):
        office.ledger.publishing.publish()
    monkeypatch.undo()
    assert office.ledger.home.guard.read_bytes() == before
    with pytest.raises(LedgerHalted):
        run(office.issue(student_number="S3"))
    assert len(watcher.seen) == 1
