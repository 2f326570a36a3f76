"""An audit by several processes says what an audit by one says, also beside a writer, and never goes on without one."""

import pickle
import random
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.audit_workers import Database as Opened
from ledger.adapters.audit_workers import no_parts, processes, workers
from ledger.adapters.sqlite.audit_source import SqliteAuditSource, open_audit_source
from ledger.audit import passes
from ledger.audit.marks import Marks
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport
from ledger.audit.source import CannotBeAudited, PartOpener
from ledger.audit.work import InThisProcess, T, Task, Workers
from ledger.testing.forge import Forge
from ledger.testing.tampering import Bench
from tests.unit.audit.forged_database import Database, everything, open_fake_box, put


class Elsewhere:
    """Workers that share nothing with this process but the file: tasks and answers travel, as between processes."""

    def __init__(self, path: Path, jobs: int) -> None:
        """On the database at `path`."""
        self.jobs = jobs
        self._path = path

    def start(self, task: Task[T]) -> Callable[[], T]:
        """Begin one piece."""
        return lambda: self._done(task)

    def run(self, tasks: Iterable[Task[T]]) -> Iterator[T]:
        """The answers; the pieces are done in another order than they were given."""
        pieces = list(tasks)
        done = {number: self._done(pieces[number]) for number in reversed(range(len(pieces)))}
        yield from (done[number] for number in range(len(pieces)))

    def _done(self, task: Task[T]) -> T:
        sent: Task[T] = pickle.loads(pickle.dumps(task))  # noqa: S301
        with open_audit_source(self._path) as source:
            answer: T = pickle.loads(pickle.dumps(sent.run(source, open_fake_box)))  # noqa: S301
            return answer


def _report(database: Database, source: SqliteAuditSource, who: Workers | None, opener: PartOpener) -> AuditReport:
    return audit(
        source,
        vkey=database.vkey,
        kept_checkpoint=database.forge.checkpoint(),
        own_checkpoint=None,
        opener=opener,
        view_check=tuple,
        workers=who,
        timer=lambda: 0.0,
    )


@contextmanager
def fake_boxes() -> Iterator[PartOpener]:
    """The opening of fake boxes, found by its name in another process."""
    yield open_fake_box


CHANGES = (
    "SELECT 1",
    "UPDATE stored_events SET state = x'00' WHERE notification_id = {}",
    "UPDATE stored_events SET state = 'text' WHERE notification_id = {}",
    "UPDATE stored_events SET state = CAST(replace(state, '14:', '13:') AS BLOB) WHERE notification_id = {}",
    "UPDATE stored_events SET originator_version = 7 WHERE notification_id = {}",
    "UPDATE stored_events SET originator_id = NULL WHERE notification_id = {}",
    "UPDATE stored_events SET originator_id = x'ff' WHERE notification_id = {}",
    "UPDATE stored_events SET topic = CAST(x'ff' AS TEXT) WHERE notification_id = {}",
    "UPDATE stored_events SET notification_id = notification_id + 100 WHERE notification_id > {}",
    "UPDATE stored_events SET notification_id = -notification_id WHERE notification_id = {}",
    "UPDATE stored_events SET notification_id = notification_id + 0.5 WHERE notification_id = {}",
    "INSERT INTO stored_events SELECT * FROM stored_events WHERE notification_id = {}",
    "DELETE FROM stored_events WHERE notification_id = {}",
    "DELETE FROM stored_events WHERE notification_id > {}",
    "DELETE FROM private_parts WHERE position = {}",
    "UPDATE private_parts SET position = position + 0.5 WHERE position = {}",
    "UPDATE private_parts SET position = 'x' WHERE position = {}",
    "UPDATE private_parts SET box = x'00' WHERE position = {}",
    "UPDATE private_parts SET position = position - 1 WHERE position > {}",
    "UPDATE status_slots SET slot = slot + 1 WHERE slot >= {}",
    "UPDATE status_slots SET list = x'aa' WHERE slot >= {}",
    "INSERT INTO status_slots SELECT list, slot, stream, seq + 1 FROM status_slots WHERE slot >= {}",
    "DELETE FROM definitions WHERE length(content) > {}",
)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database whose tables take anything."""
    database = put(everything(), tmp_path_factory.mktemp("loose") / "ledger.db")
    for table in ("stored_events", "private_parts", "status_slots"):
        database.loosen(table)
    return database


@settings(max_examples=20)
@given(
    changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(1, 28)), max_size=3),
    length=st.integers(1, 9),
)
def test_report_is_the_same_whatever_the_number_of_processes(
    loose: Database, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, int]], length: int
) -> None:
    copy = loose.path.with_name("copy.db")
    with closing(sqlite3.connect(loose.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for statement, place in changes:
            target.execute(statement.format(place))
        target.commit()
    database = Database(path=copy, forge=loose.forge)
    with open_audit_source(copy) as source_:
        whole = _report(database, source_, None, open_fake_box)
        assert changes or whole.sound
        monkeypatch.setattr(passes, "RANGE", length)
        for jobs in (1, 2, 3):
            assert _report(database, source_, Elsewhere(copy, jobs), open_fake_box) == whole


def test_list_that_two_ranges_take_for_different_issuers_is_whose_the_first_stream_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge = Forge()
    issuers = [forge.register(name) for name in ("college", "guild")]
    for did in issuers:  # awards of the forge are all on one list
        ref = forge.define(did)
        for _ in range(3):
            forge.issue(did, forge.award(ref))
    database = put(forge, tmp_path / "ledger.db")
    with open_audit_source(database.path) as source:
        whole = _report(database, source, None, open_fake_box)
        monkeypatch.setattr(passes, "RANGE", 1)
        assert [(each.position, each.check.value) for each in whole.problems] == [
            (11, "slot"),
            (12, "slot"),
            (13, "slot"),
        ]
        assert _report(database, source, Elsewhere(database.path, 6), open_fake_box) == whole


@pytest.mark.parametrize(
    ("jobs", "change"),
    [(2, "SELECT 1"), (2, CHANGES[3].format(12)), (3, "DELETE FROM private_parts WHERE position = 12")],
)
def test_processes_of_their_own_say_what_this_one_says(honest: Database, jobs: int, change: str) -> None:
    honest.change(change)
    with open_audit_source(honest.path) as source:
        whole = _report(honest, source, None, open_fake_box)
        with processes(jobs, Opened(path=source.path, opening=fake_boxes)) as several:
            assert _report(honest, source, several, open_fake_box) == whole
    assert whole.sound is (change == "SELECT 1")


def test_entries_appended_after_the_audit_began_are_not_judged(tmp_path: Path) -> None:
    forge = everything()
    database = put(forge, tmp_path / "ledger.db", checkpoints=[5])
    with open_audit_source(database.path) as source:
        before = _report(database, source, None, open_fake_box)
        longer = everything()
        longer.register("newcomer")
        appended = put(longer, tmp_path / "longer.db", checkpoints=[5]).path
        with closing(sqlite3.connect(database.path, isolation_level=None)) as writer:
            writer.execute("ATTACH ? AS longer", (str(appended),))
            for table in ("stored_events", "definitions", "names"):
                writer.execute(f"INSERT INTO {table} SELECT * FROM longer.{table} EXCEPT SELECT * FROM {table}")
        assert before.sound
        assert _report(database, source, Elsewhere(database.path, 3), open_fake_box) == before
    with open_audit_source(database.path) as source:
        assert _report(database, source, None, open_fake_box).events == before.events + 2


def test_process_that_finds_no_database_says_so(honest: Database) -> None:
    with (
        open_audit_source(honest.path) as source,
        processes(1, Opened(path=honest.path.with_name("none.db"), opening=no_parts)) as several,
        pytest.raises(CannotBeAudited, match="there is no database"),
    ):
        _report(honest, source, several, open_fake_box)


def gone() -> AbstractContextManager[None]:
    """An opening that takes its process with it."""
    sys.exit(0)


def test_process_that_is_gone_ends_the_audit(honest: Database) -> None:
    with (
        open_audit_source(honest.path) as source,
        processes(2, Opened(path=honest.path, opening=gone)) as several,
        pytest.raises(CannotBeAudited, match="ended before its work was done"),
    ):
        _report(honest, source, several, open_fake_box)


def test_small_ledger_is_audited_by_this_process_alone(honest: Database) -> None:
    with (
        open_audit_source(honest.path) as source,
        workers(8, source, None, no_parts) as who,
    ):
        assert isinstance(who, InThisProcess)
        assert who.jobs == 1


def test_large_ledger_is_shared_out(honest: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.adapters.audit_workers._WORTH_IT", 10)
    with open_audit_source(honest.path) as source, workers(2, source, open_fake_box, fake_boxes) as who:
        assert who.jobs == 2
        assert _report(honest, source, who, open_fake_box).sound
    with open_audit_source(honest.path) as source, workers(1, source, None, no_parts) as who:
        assert who.jobs == 1


@given(st.lists(st.integers(1, 5000)), st.lists(st.integers(1, 5000)))
def test_marks_are_a_set_of_positions(some: list[int], more: list[int]) -> None:
    marks, other = Marks(), Marks()
    for position in some:
        marks.add(position)
    for position in more:
        other.add(position)
    marks.update(other)
    every = {*some, *more}
    assert bool(marks) is bool(every)
    assert {position for position in range(1, 5001) if position in marks} == every


def test_vault_is_opened_by_each_process(tmp_path: Path) -> None:
    bench = Bench(tmp_path, random.Random(1))
    assert bench.audit(lambda _: None, home=True, jobs=2).sound
