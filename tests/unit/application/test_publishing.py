"""What is published covers everything recorded, ends in a statement, and never goes behind what was published."""

import shutil
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from ledger.adapters.home import Home
from ledger.adapters.published import PublishedFile
from ledger.application.ports import LedgerHalted, SignedCheckpoint
from ledger.application.published_check import LogRolledBack
from ledger.application.publishing import Publishing
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.bootstrap import open_ledger
from ledger.domain.events import StatusCommitted
from ledger.domain.values import Reason
from ledger.founding import init
from ledger.publication import publishing_of
from ledger.record.entry import parse_entry
from ledger.testing.faults import FakeClock
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash
from tests.unit.application.office import NOON, Office, open_office, run


def published(office: Office) -> Checkpoint:
    return open_checkpoint(office.ledger.home.checkpoint.read_bytes(), office.ledger.verifier_key)


def entries(office: Office) -> list[bytes]:
    with office.ledger.store.snapshot() as snapshot:
        return [each.raw for each in snapshot.entries(0, 10_000)]


def assert_published(office: Office) -> None:
    """Everything recorded is published, with a statement at its end, and can be read from the files alone."""
    recorded = entries(office)
    tree = CompactRange.empty().extended(leaf_hash(raw) for raw in recorded)
    assert (published(office).size, published(office).root) == (tree.size, tree.root())
    stated = parse_entry(recorded[-1]).event
    assert isinstance(stated, StatusCommitted)
    assert stated.size == len(recorded) - 1
    read = office.ledger.published.tree()
    assert read is not None
    assert list(read.reader.entries(0, read.size)) == recorded
    statuses = office.ledger.published.statuses(read.size)
    assert statuses is not None
    assert statuses.statement() == replace(stated, size=read.size)
    guarded = open_checkpoint(office.ledger.home.guard.read_bytes(), office.ledger.verifier_key)
    assert guarded == published(office)


def test_checkpoint_covers_everything_under_the_right_root_and_ends_in_a_statement(office: Office) -> None:
    run(office.issue())
    assert office.ledger.publishing.publish() == office.size()
    assert_published(office)


def test_idle_log_does_not_grow(office: Office) -> None:
    run(office.issue())
    size = office.ledger.publishing.publish()
    served = office.ledger.home.checkpoint.read_bytes()
    office.clock.at += timedelta(hours=3)
    for _ in range(5):
        assert office.ledger.publishing.publish() == size
    assert office.size() == size
    assert office.ledger.home.checkpoint.read_bytes() == served


def test_opening_and_closing_what_is_published_appends_nothing(folder: Path) -> None:
    sizes = set()
    for _ in range(3):
        office = open_office(folder, publishes=True)
        sizes.add(office.size())
        office.ledger.close()
        assert office.failures == []
    assert len(sizes) == 1


@pytest.mark.parametrize("cut", [None, 0, 40])
def test_statuses_that_were_lost_are_there_again_after_the_next_start_although_nothing_is_recorded(
    folder: Path, cut: int | None
) -> None:
    office = open_office(folder)
    office.ledger.publishing.publish()
    office.ledger.close()
    if cut is None:
        shutil.rmtree(folder / "statements")
    for path in (folder / "statements").glob("*"):  # names are on the disk after a power loss, bytes perhaps not
        path.write_bytes(path.read_bytes()[:cut])
    again = open_ledger(Home(folder), clock=FakeClock(NOON))
    try:
        size = again.publishing.publish()
        assert again.published.statuses(size) is not None
    finally:
        again.close()


@pytest.mark.parametrize("content", [b"", b"half a no", b"localhost:8000/log\n007\nx\n\n\xe2\x80\x94 a b\n"])
def test_served_checkpoint_that_was_damaged_is_replaced_by_the_next(office: Office, content: bytes) -> None:
    run(office.issue())
    office.ledger.publishing.publish()
    office.ledger.home.checkpoint.write_bytes(content)
    run(office.issue(student_number="S2"))
    _publishing(office).publish()
    assert_published(office)


def test_closing_publishes_what_was_recorded_last(folder: Path) -> None:
    office = open_office(folder, publishes=True)
    run(office.issue())
    office.ledger.close()
    assert office.failures == []
    office = open_office(folder)
    assert_published(office)
    office.ledger.close()


def test_what_is_signed_but_not_served_is_served_by_the_next_call(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ledger.publisher.close()
    run(office.issue())
    with monkeypatch.context() as patched:
        patched.setattr(PublishedFile, "serve", _full)
        with pytest.raises(TileStoreUnavailable, match="no space"):
            _publishing(office).publish()
    office.ledger.home.checkpoint.unlink()
    office.ledger.publishing.publish()
    assert_published(office)


def test_publisher_that_another_one_overtakes_serves_what_that_one_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(office.issue())
    overtaken: list[int] = []
    save = office.store.save_checkpoint

    def save_late(previous: int, checkpoint: SignedCheckpoint) -> None:
        if not overtaken:
            overtaken.append(previous)
            save(previous, checkpoint)
        save(previous, checkpoint)

    monkeypatch.setattr(office.store, "save_checkpoint", save_late)
    assert _publishing(office).publish() == office.size()
    assert len(overtaken) == 1
    assert_published(office)


def test_store_that_lost_its_tail_publishes_nothing_over_what_it_published(office: Office) -> None:
    run(office.issue())
    size = office.ledger.publishing.publish()
    before = office.ledger.home.checkpoint.read_bytes()
    with office.store._writing() as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM stored_events WHERE notification_id = ?", (size,))
        connection.execute("DELETE FROM checkpoints WHERE size = ?", (size,))
        connection.execute("UPDATE log_head SET size = ?", (size - 1,))
    with pytest.raises(LedgerHalted, match=f"holds {size - 1} entries, but {size} are known"):
        office.ledger.publishing.publish()
    assert office.ledger.home.checkpoint.read_bytes() == before


def test_threads_that_publish_at_once_leave_the_newest_checkpoint(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ledger.publisher.close()  # it serves through an instance of its own, which locks nobody else out
    run(office.issue())
    under_way, at_once = [0], []
    serve = PublishedFile.serve

    def put(self: PublishedFile, note: bytes, days: Sequence[tuple[str, bytes]] = ()) -> None:
        under_way[0] += 1
        at_once.append(under_way[0])
        sleep(0.01)
        serve(self, note, days)
        under_way[0] -= 1

    monkeypatch.setattr(PublishedFile, "serve", put)
    publishing = _publishing(office)
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(lambda _: publishing.publish(), range(8)))
    assert set(sizes) == {office.size()}
    assert set(at_once) == {1}


def _full(*_: object) -> None:
    raise TileStoreUnavailable("no space left on device")


def _publishing(office: Office) -> Publishing:
    """Another publisher of the same home, which knows nothing yet."""
    ledger = office.ledger
    return publishing_of(
        ledger.home,
        ledger.store,
        ledger.committer,
        ledger.operator,
        signer=ledger.desk.keys.signer,
        clock=ledger.clock,
        halt=ledger.fence.halt,
    )


# ------------------------------------------------------------------------------------------- an older copy, and a fork


@pytest.fixture
def copies(folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A home that went on for some awards, and an older copy of its database."""
    older = tmp_path / "older.db"
    shutil.copy(folder / "ledger.db", older)
    office = open_office(folder)
    for number in range(3):
        run(office.issue(student_number=f"S{number}"))
    office.ledger.publishing.publish()  # once, so that it is known how many entries there are
    office.ledger.close()
    return folder, older


def _restore(folder: Path, older: Path) -> None:
    for each in folder.glob("ledger.db*"):
        each.unlink()
    shutil.copy(older, folder / "ledger.db")


def test_older_copy_under_a_newer_checkpoint_does_not_open(copies: tuple[Path, Path]) -> None:
    folder, older = copies
    kept = (folder / "log" / "checkpoint").read_bytes()
    _restore(folder, older)
    with pytest.raises(LogRolledBack, match="an older copy was restored"):
        open_office(folder, publishes=True)
    assert (folder / "log" / "checkpoint").read_bytes() == kept


@pytest.mark.parametrize("more", [3, 4])
def test_fork_of_the_same_length_or_longer_does_not_open(copies: tuple[Path, Path], more: int) -> None:
    folder, older = copies
    kept = (folder / "log" / "checkpoint").read_bytes()
    _restore(folder, older)
    (folder / "log" / "checkpoint").unlink()  # so that it does open, and goes another way
    (folder / "checkpoint.guard").unlink()
    shutil.rmtree(folder / "log" / "tile")
    office = open_office(folder)
    for number in range(more):
        run(office.issue(student_number=f"T{number}"))
    office.ledger.publishing.publish()
    office.ledger.close()
    (folder / "log" / "checkpoint").write_bytes(kept)
    with pytest.raises(LogRolledBack, match="differs from the published checkpoint"):
        open_office(folder, publishes=True)


def test_entry_changed_below_the_checkpoint_is_noticed_without_the_stored_range(copies: tuple[Path, Path]) -> None:
    folder, _ = copies
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM checkpoints")
        connection.execute("UPDATE stored_events SET state = state || x'0a' WHERE notification_id = 5")
    with pytest.raises(LogRolledBack, match="differs"):
        open_office(folder, publishes=True)


def test_checkpoint_of_another_log_is_refused(copies: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = copies
    init(tmp_path / "other", "http://localhost:8000", "Other", clock=FakeClock(NOON))
    shutil.copy(tmp_path / "other" / "log" / "checkpoint", folder / "log" / "checkpoint")
    with pytest.raises(LogRolledBack, match="holds another ledger than this home"):
        open_office(folder, publishes=True)


def test_ledger_behind_by_a_crash_between_signing_and_writing_opens_and_catches_up(folder: Path) -> None:
    older = (folder / "log" / "checkpoint").read_bytes()
    office = open_office(folder, publishes=True)
    run(office.ledger.changing.suspend(office.registrar, run(office.issue()).stream, Reason.OTHER))
    office.ledger.close()
    newer = (folder / "log" / "checkpoint").read_bytes()
    (folder / "log" / "checkpoint").write_bytes(older)
    open_ledger(Home(folder), clock=FakeClock(NOON)).close()
    assert (folder / "log" / "checkpoint").read_bytes() == newer
