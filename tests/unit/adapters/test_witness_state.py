"""What a witness remembers: its key, the last tree of each log, contradictions; and what it refuses to open."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.witness_state import BadWitnessState, Evidence, WitnessState, WitnessStateUnavailable
from ledger.testing.faults import FakeClock
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.cosignature import CosignatureTimeImpossible, cosignatures
from ledger.tlog.note import MalformedVerifierKey
from ledger.tlog.proofs import tree_root
from ledger.tlog.witnessing import Refused, Submission, admit, beginning_of, logs_of, parse_add_checkpoint
from tests.witnesses import NOW, SampleLog

LOG = SampleLog()
OTHER = SampleLog("log.example/b", seed=2)
LOGS = logs_of([LOG.key, OTHER.key])
NAME = "witness.example/w1"


def submission(old: int, size: int, *, fork: bool = False, log: SampleLog = LOG) -> Submission:
    found = admit(log.request(old, size, fork=fork), LOGS)
    assert isinstance(found, Submission)
    return found


class Kept:
    """A state and what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock(NOW)
        self.told: list[Evidence] = []
        self.state = self.open()

    def open(self, name: str | None = NAME) -> WitnessState:
        return WitnessState.open(self.path, name, clock=self.clock, entropy=SystemEntropy())

    def add(self, old: int, size: int, *, fork: bool = False, log: SampleLog = LOG) -> bytes | int:
        """The line, or the status of the refusal."""
        found = self.state.add(submission(old, size, fork=fork, log=log), self.told.append)
        return found.status if isinstance(found, Refused) else found

    def reopen(self) -> None:
        self.state.close()
        self.state = self.open()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "witness.db")
    yield made
    made.state.close()


# ----------------------------------------------------------------------------------------------------------- the key


def test_the_key_is_made_once_and_is_the_owner_s_alone(kept: Kept) -> None:
    key = kept.state.key
    assert key.name == NAME
    kept.reopen()
    assert kept.state.key == key
    kept.add(0, 3)
    assert {each.stat().st_mode & 0o777 for each in kept.path.parent.iterdir()} == {0o600}


def test_two_witnesses_have_two_keys(kept: Kept, tmp_path: Path) -> None:
    with closing(Kept(tmp_path / "other.db").state) as other:
        assert other.key != kept.state.key


def test_a_state_may_be_opened_without_its_name_and_never_under_another(kept: Kept) -> None:
    with closing(kept.open(None)) as state:
        assert state.key == kept.state.key
    with pytest.raises(BadWitnessState, match=r"the witness witness\.example/w1, not of other"):
        kept.open("other")


def test_a_state_that_is_not_there_is_not_made_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadWitnessState, match="No such file"):
        WitnessState.open(tmp_path / "w.db", None, clock=FakeClock(NOW), entropy=SystemEntropy())
    with pytest.raises(MalformedVerifierKey, match="cannot name a key"):
        WitnessState.open(tmp_path / "w.db", "a b", clock=FakeClock(NOW), entropy=SystemEntropy())
    with pytest.raises(BadWitnessState, match="No such file"):
        WitnessState.open(tmp_path / "no" / "w.db", NAME, clock=FakeClock(NOW), entropy=SystemEntropy())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_made_empty_becomes_a_state_with_a_name_only(kept: Kept, tmp_path: Path) -> None:
    kept.state.close()
    kept.path = tmp_path / "empty.db"
    kept.path.touch(0o600)
    with pytest.raises(BadWitnessState, match="holds no witness yet: name it with --name"):
        kept.open(None)
    kept.state = kept.open()
    assert kept.state.key.name == NAME


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_state_that_others_may_read_or_write_is_refused(kept: Kept, mode: int) -> None:
    kept.path.chmod(mode)
    with pytest.raises(BadWitnessState, match="others may read or write it: chmod 600"):
        kept.open()
    kept.path.chmod(0o600)


def _statement(sql: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for each in sql.split(";"):
                connection.execute(each)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda path: path.write_bytes(b"no database at all" * 99),
            "holds no state of a witness: file is not a database",
        ),
        (
            _statement("PRAGMA user_version = 2"),
            "something else than the state of a witness, or that of a newer version",
        ),
        (_statement("PRAGMA user_version = 0"), "something else than the state of a witness"),
        (_statement("DELETE FROM witness"), "holds no state of a witness"),
        (_statement("DROP TABLE witness"), "holds no state of a witness"),
        (_statement("DROP TRIGGER a_witness_keeps_its_key; UPDATE witness SET seed = x'00'"), "has 32 bytes"),
        (
            _statement("DROP TRIGGER a_witness_keeps_its_key; UPDATE witness SET seed = 7"),
            "holds no state of a witness",
        ),
    ],
    ids=["garbage", "newer", "another's", "no key", "no table", "short key", "no bytes"],
)
def test_a_file_that_holds_something_else_is_refused(kept: Kept, spoil: Callable[[Path], None], said: str) -> None:
    kept.state.close()
    spoil(kept.path)
    with pytest.raises(BadWitnessState, match=said):
        kept.open()


def test_a_state_that_would_lie_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadWitnessState, match="no journal of the kind WAL: choose a local disk"):
        WitnessState.open(Path(":memory:"), NAME, clock=FakeClock(NOW), entropy=SystemEntropy())


# ------------------------------------------------------------------------------------------------- what is cosigned


def test_what_continues_the_log_is_cosigned_and_kept_over_a_restart(kept: Kept) -> None:
    line = kept.add(0, 7)
    assert isinstance(line, bytes)
    kept.reopen()
    assert kept.add(0, 9) == 409
    assert isinstance(kept.add(7, 9), bytes)
    assert isinstance(kept.add(9, 9), bytes)
    note = kept.state.latest(LOG.origin)
    assert note is not None
    assert open_checkpoint(note, LOG.key).size == 9
    assert [each.at for each in cosignatures(note, [kept.state.key])] == [int(NOW.timestamp())]
    assert kept.state.latest("log.example/none") is None
    assert kept.told == []


def test_each_log_has_its_own_history(kept: Kept) -> None:
    assert isinstance(kept.add(0, 7), bytes)
    assert kept.add(7, 9, log=OTHER) == 409
    assert isinstance(kept.add(0, 9, log=OTHER), bytes)
    assert isinstance(kept.add(7, 8), bytes)


def test_a_commit_is_on_the_disk_when_it_returns(kept: Kept) -> None:
    with kept.state._reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_the_time_of_a_cosignature_is_the_clock_s(kept: Kept) -> None:
    kept.clock.at = NOW + timedelta(hours=1)
    kept.add(0, 7)
    note = kept.state.latest(LOG.origin)
    assert note is not None
    assert [each.at for each in cosignatures(note, [kept.state.key])] == [int(NOW.timestamp()) + 3_600]


def test_a_clock_before_1970_cosigns_and_keeps_nothing(kept: Kept) -> None:
    kept.clock.at = datetime(1969, 12, 31, tzinfo=UTC)
    with pytest.raises(CosignatureTimeImpossible):
        kept.add(0, 7)
    kept.clock.at = NOW
    assert kept.state.latest(LOG.origin) is None
    assert isinstance(kept.add(0, 3), bytes)


def test_the_file_itself_refuses_to_go_back(kept: Kept) -> None:
    kept.add(0, 7)
    for change in (
        "UPDATE seen SET size = 6",
        "UPDATE seen SET root = zeroblob(32)",
        "DELETE FROM seen",
        "UPDATE witness SET seed = zeroblob(32)",
        "INSERT INTO witness VALUES ('other', zeroblob(32))",
    ):
        with closing(sqlite3.connect(kept.path)) as connection, pytest.raises(sqlite3.IntegrityError):
            connection.execute(change)


def test_while_another_writes_too_long_nothing_is_cosigned_and_later_it_is(kept: Kept) -> None:
    kept.state._connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WitnessStateUnavailable, match="locked"):
            kept.add(0, 7)
    assert kept.state.latest(LOG.origin) is None
    assert isinstance(kept.add(0, 7), bytes)


def test_a_state_that_is_closed_cosigns_nothing(kept: Kept) -> None:
    kept.state.close()
    with pytest.raises(WitnessStateUnavailable):
        kept.add(0, 7)
    with pytest.raises(WitnessStateUnavailable):
        kept.state.latest(LOG.origin)
    with pytest.raises(WitnessStateUnavailable):
        kept.state.evidence()


def test_of_two_histories_that_race_one_is_cosigned_at_each_size(kept: Kept) -> None:
    # Two openings of one file, as two processes have them; each thread tells another history, both from the start.
    second = kept.open()
    lines: dict[int, list[bool]] = {}

    def tell(state: WitnessState, *, fork: bool) -> None:
        for size in range(6, 40):
            old, found = 0, state.add(submission(0, size, fork=fork), kept.told.append)
            # Who is told the very size that it named has been told of another root.
            while isinstance(found, Refused) and found.size is not None and old != found.size <= size:
                old = found.size
                found = state.add(submission(old, size, fork=fork), kept.told.append)
            if isinstance(found, bytes):
                lines.setdefault(size, []).append(fork)

    threads = [Thread(target=tell, args=(kept.state,), kwargs={"fork": False}),
               Thread(target=tell, args=(second,), kwargs={"fork": True})]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    assert {fork for forks in lines.values() for fork in forks} in ({True}, {False})
    assert kept.told


# ----------------------------------------------------------------------------------------------------- contradictions


def test_two_roots_of_one_size_are_kept_as_evidence_and_told(kept: Kept) -> None:
    kept.add(0, 9)
    assert kept.add(0, 9, fork=True) == 409
    assert kept.add(9, 9, fork=True) == 409
    kept.reopen()
    first, second = kept.state.evidence()
    assert kept.told == [first, second]
    assert (first.origin, first.at) == (LOG.origin, "2027-03-01T09:00:00.000Z")
    assert first.seen == kept.state.latest(LOG.origin)
    assert parse_add_checkpoint(second.request).note == LOG.note(9, fork=True)


def test_a_larger_tree_with_another_beginning_is_kept_with_the_proof_that_shows_it(kept: Kept) -> None:
    kept.add(0, 9)
    assert kept.add(9, 20, fork=True) == 422
    (found,) = kept.state.evidence()
    request = parse_add_checkpoint(found.request)
    new = open_checkpoint(request.note, LOG.key)
    shown = beginning_of(9, new, request.path)
    assert shown == tree_root(9, LOG.reader(fork=True))
    assert shown != open_checkpoint(found.seen, LOG.key).root
    assert new == Checkpoint(origin=LOG.origin, size=20, root=tree_root(20, LOG.reader(fork=True)))


def test_after_a_contradiction_the_history_seen_first_goes_on(kept: Kept) -> None:
    kept.add(0, 9)
    kept.add(9, 20, fork=True)
    assert isinstance(kept.add(9, 12), bytes)


def test_what_contradicts_nothing_is_no_evidence(kept: Kept) -> None:
    kept.add(0, 9)
    for old, size, fork in ((0, 3, False), (3, 12, False), (8, 20, True)):
        assert kept.add(old, size, fork=fork) == 409
    assert (kept.state.evidence(), kept.told) == ([], [])


def test_the_same_contradiction_is_kept_once_and_of_many_a_hundred(kept: Kept) -> None:
    kept.add(0, 9)
    for _ in range(3):
        kept.add(9, 9, fork=True)
    assert len(kept.state.evidence()) == 1
    for number in range(105):
        kept.clock.at = NOW + timedelta(hours=number)
        kept.add(9, 9)  # cosigned again, so that what was seen has another line
        kept.add(9, 9, fork=True)
    assert len(kept.state.evidence()) == 100
    assert len(kept.told) == 108
