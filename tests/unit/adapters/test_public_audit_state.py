"""What an audit remembers: all that was put since the last save, or nothing; in one file, for one audit at a time."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from ledger.adapters import public_audit_file
from ledger.adapters.public_audit_file import open_state, open_watch
from ledger.adapters.public_audit_state import SqliteAuditState
from ledger.audit.public.state import (
    Follows,
    Head,
    Identity,
    NewAct,
    NewAward,
    Progress,
    Seen,
    StateInUse,
    StateNotUsable,
)
from ledger.audit.report import Check, Findings
from ledger.domain.status import Act
from ledger.domain.types import Did, Kid, ListId, Origin, Position, Seq, Slot, StreamId
from ledger.tlog.merkle import CompactRange, Hash, leaf_hash

BY, OTHER = Did("did:web:localhost:issuers:college"), Did("did:web:localhost:issuers:guild")
KID, NEXT = Kid("z6MkOne"), Kid("z6MkTwo")
LIST = ListId(bytes(16))
STREAMS = [number.to_bytes(16) for number in range(600)]


def award(number: int, *, kid: Kid = KID, by: Did = BY) -> NewAward:
    """The first entry of a stream."""
    return NewAward(
        STREAMS[number], number + 1, by, kid, LIST, number, False, bytes([number % 256]) * 32, 1000 + number
    )


def stream(number: int) -> StreamId:
    """The stream of that number."""
    return StreamId(UUID(bytes=STREAMS[number]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the state lies."""
    return tmp_path / "state"


@pytest.fixture
def state(path: Path) -> Iterator[SqliteAuditState]:
    """A new state."""
    with open_state(path) as opened:
        yield opened


def test_new_state_knows_nothing(state: SqliteAuditState) -> None:
    assert (state.identity(), state.progress(), state.statuses()) == (None, None, b"")
    assert (list(state.seen()), list(state.forks()), list(state.others()), list(state.lists())) == ([], [], [], [])
    assert state.problems() == Findings().found()
    assert state.heads({STREAMS[0]}) == {}
    assert state.acts([stream(0)]) == {}
    assert list(state.signed_by(KID, Position(1))) == []


def _fill(state: SqliteAuditState, tree: CompactRange) -> Progress:
    state.identify(Identity(origin=Origin("localhost/log"), first=leaf_hash(b"first"), pinned=True))
    state.see(Seen(9, leaf_hash(b"nine"), b"note", kept=True))
    state.see(Seen(5, leaf_hash(b"five"), b"older", kept=False))
    state.see(Seen(9, leaf_hash(b"nine"), b"with a cosignature", kept=False))
    state.condemn("two histories")
    state.condemn("two histories")
    found = Findings()
    found.report(Check.CHAIN, 3, "prev differs")
    found.report(Check.STATEMENT, 2, "wrong roots")
    state.find(found.found())
    progress = Progress(
        tree=tree,
        log=Follows(Seq(4), bytes(32), 77),
        statement=(Position(2), 66),
        latest=(Position(3), 88),
        committed=12,
        stacks=1,
    )
    state.advance(progress, b"statuses")
    state.add_others([(Position(1), b"one"), (Position(4), b"four")])
    state.put_lists([(LIST, BY, b"\x01" * 16_384)])
    return progress


def test_what_was_saved_is_there_in_the_next_run_and_nothing_else(path: Path) -> None:
    tree = CompactRange.empty().extended([leaf_hash(b"leaf")] * 5)
    with open_state(path) as state:
        progress = _fill(state, tree)
        state.save()
        state.condemn("not saved")
        state.add_others([(Position(9), b"not saved")])
    with open_state(path) as state:
        identity = state.identity()
        assert identity is not None
        assert (identity.origin, identity.first, identity.pinned) == ("localhost/log", leaf_hash(b"first"), True)
        assert [(each.size, each.note, each.kept) for each in state.seen()] == [
            (5, b"older", False),
            (9, b"with a cosignature", False),
        ]
        assert state.forks() == ["two histories"]
        assert (state.progress(), state.statuses()) == (progress, b"statuses")
        assert progress.size == 5
        assert [(each.position, each.check, each.reason) for *_, each in state.problems().kept] == [
            (2, Check.STATEMENT, "wrong roots"),
            (3, Check.CHAIN, "prev differs"),
        ]
        assert state.problems().count == 2
        assert list(state.others()) == [(1, b"one"), (4, b"four")]
        assert list(state.others(1)) == [(4, b"four")]
        assert list(state.lists()) == [(LIST, BY, b"\x01" * 16_384)]


def test_note_waits_until_it_was_seen_or_is_dropped(path: Path) -> None:
    notes = [Seen(size, leaf_hash(b"fork"), b"note", kept=False) for size in (9, 5, 7)]
    with open_state(path) as state:
        for note in notes:
            state.suspect(note)
        state.suspect(notes[0]._replace(note=b"with a cosignature"))
        state.suspect(notes[0]._replace(root=leaf_hash(b"honest")))
        state.save()
        state.undo()
    with open_state(path) as state:
        assert [(each.size, each.note) for each in state.unheld()] == [(5, b"note"), (7, b"note"), *[(9, b"note")] * 2]
        assert list(state.seen()) == []
        state.see(notes[1])
        state.drop(notes[2])
        state.suspect(notes[1])
        assert [each.size for each in state.unheld()] == [9, 9]
        assert list(state.seen()) == [notes[1]]


def test_progress_before_any_statement_has_nothing_to_say_of_it(state: SqliteAuditState) -> None:
    progress = Progress(tree=CompactRange.empty(), log=None, statement=None, latest=None, committed=0, stacks=0)
    state.advance(progress, b"")
    assert state.progress() == progress


def test_what_was_put_since_the_last_save_can_be_undone(state: SqliteAuditState) -> None:
    state.add_awards([award(0)])
    state.save()
    state.add_awards([award(1, kid=NEXT)])
    state.put_lists([(ListId(b"x" * 16), OTHER, bytes(16_384))])
    state.undo()
    assert state.heads(STREAMS[:2]).keys() == {STREAMS[0]}
    assert list(state.lists()) == []
    # Numbers given to keys and lists that were undone are not used any more.
    state.add_awards([award(2, kid=NEXT)])
    assert [act.kid for act in state.acts([stream(2)])[stream(2)]] == [NEXT]


def test_awards_are_found_by_stream_however_many_are_asked_for(state: SqliteAuditState) -> None:
    state.add_awards(award(number) for number in range(550))
    heads = state.heads(set(STREAMS))
    assert len(heads) == 550
    assert heads[STREAMS[7]] == Head(BY, Follows(Seq(0), bytes([7]) * 32, 1007))
    acts = state.acts([stream(number) for number in range(600)])
    assert len(acts) == 550
    assert acts[stream(7)] == [Act(Position(8), BY, KID, "issued", LIST, Slot(7))]


def test_later_acts_move_the_head_and_stand_in_their_order(state: SqliteAuditState) -> None:
    state.add_awards([award(0), award(1)])
    follows = [Follows(Seq(number), bytes([number]) * 32, 2000 + number) for number in range(4)]
    acts = [
        Act(Position(10), BY, KID, "suspended", None, None),
        Act(Position(11), BY, NEXT, "reinstated", None, None),
        Act(Position(12), BY, NEXT, "amended", ListId(b"y" * 16), Slot(3)),
    ]
    state.add_acts(NewAct(STREAMS[0], BY, act, follows[seq]) for seq, act in enumerate(acts, start=1))
    assert state.heads([STREAMS[0]]) == {STREAMS[0]: Head(BY, follows[3])}
    assert state.acts([stream(0)])[stream(0)] == [Act(Position(1), BY, KID, "issued", LIST, Slot(0)), *acts]


def test_streams_of_a_key_are_found_from_a_position_on(state: SqliteAuditState) -> None:
    state.add_awards([award(0), award(1, kid=NEXT), award(2, by=OTHER)])
    state.add_acts(
        [NewAct(STREAMS[1], BY, Act(Position(9), BY, KID, "revoked", None, None), Follows(Seq(1), bytes(32), 1))]
    )
    assert set(state.signed_by(KID, Position(1))) == {stream(0), stream(1), stream(2)}
    assert set(state.signed_by(KID, Position(3))) == {stream(1), stream(2)}
    assert set(state.signed_by(KID, Position(10))) == set()
    assert set(state.signed_by(NEXT, Position(2))) == {stream(1)}


def test_only_one_audit_has_it_at_a_time(path: Path) -> None:
    with open_state(path), pytest.raises(StateInUse, match="another audit"), open_state(path):
        pass
    with open_state(path) as state:
        assert state.identity() is None


def test_state_without_a_file_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with open_state(None) as state:
        state.add_awards([award(0)])
        state.save()
        state.add_awards([award(1)])
        state.undo()
        assert state.heads(STREAMS[:2]).keys() == {STREAMS[0]}
        assert list(tmp_path.rglob("state*"))
    assert list(tmp_path.rglob("*")) == []


def test_file_that_is_something_else_is_refused_and_unchanged(tmp_path: Path) -> None:
    text, database = tmp_path / "text", tmp_path / "database"
    text.write_text("notes of somebody\n" * 100)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE ledger (only INTEGER)")
    for path in (text, database):
        before = path.read_bytes()
        with pytest.raises(StateNotUsable, match="is no state of an audit"), open_state(path):
            pass
        assert path.read_bytes() == before
    for path in (tmp_path, tmp_path / "nowhere" / "state"):
        with pytest.raises(StateNotUsable), open_state(path):
            pass


def test_state_of_another_version_is_refused(path: Path) -> None:
    with open_state(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateNotUsable, match="another version"), open_state(path):
        pass


def test_receipts_of_the_version_before_acts_were_kept_are_still_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(public_audit_file, "_LATER", public_audit_file._LATER[:1])
        patch.setattr(public_audit_file, "_VERSION", 2)
        with open_watch(path):
            pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO receipts VALUES (?, ?, 1, 9, 1000, NULL, 0)", (BY, STREAMS[5]))
        connection.commit()
    with open_watch(path) as state:
        (receipt,) = state.receipts(BY, stream(5), Seq(1))
        assert (receipt.position, receipt.act, receipt.asked) == (9, None, None)
        assert list(state.pending(BY)) == [receipt]
        state.settle(BY, [receipt])
        assert list(state.pending(BY)) == []


def test_empty_file_becomes_a_state(path: Path) -> None:
    path.touch()
    with open_state(path) as state:
        state.condemn("two histories")
        state.save()
    with open_state(path) as state:
        assert state.forks() == ["two histories"]


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ("UPDATE progress SET tree = x'00'", lambda state: state.progress()),
        ("UPDATE problems SET what = 'nonsense'", lambda state: state.problems()),
        ("DROP TABLE awards", lambda state: state.heads([STREAMS[0]])),
        ("DROP TABLE others", lambda state: list(state.others())),
    ],
)
def test_state_that_is_damaged_says_so(path: Path, change: str, read: Callable[[SqliteAuditState], object]) -> None:
    with open_state(path) as state:
        _fill(state, CompactRange.empty().extended([Hash(bytes(32))]))
        state.save()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        connection.commit()
    with open_state(path) as state, pytest.raises(StateNotUsable):
        read(state)
