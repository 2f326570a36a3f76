"""Search, lists, rebuilding and the worker, as the readers of views know them."""

import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Event

import pytest

from ledger.domain.types import Did, Position
from ledger.testing.forge import How
from projections.rows import BadSearch, CredentialRow, Parked, folded
from projections.runner import Changes, Fenced, ViewStoreError
from projections.stores.sqlite import SqliteViewStore
from projections.views import Views, ViewsWorker
from tests.unit.projections.world import World, internal, live

TODAY = date(2027, 6, 1)


class Opened:
    """Views over a forged log, with short words for searching."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.path = path
        self.heard: list[Parked] = []
        self.views = Views(path, world.feed, parked=self.heard.append)

    def search(
        self,
        query: str | None = None,
        *,
        issuer: Did | None = None,
        achievement: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[CredentialRow]:
        """What is found now."""
        self.views.catch_up()
        found = self.views.search(
            issuer=issuer, query=query, achievement=achievement, status=status, after=after, limit=limit, today=TODAY
        )
        if after is None and limit == 100:
            count = self.views.count(issuer=issuer, query=query, achievement=achievement, status=status, today=TODAY)
            assert count == len(found)
        return found

    def names(
        self,
        query: str | None = None,
        *,
        issuer: Did | None = None,
        achievement: str | None = None,
        status: str | None = None,
    ) -> list[str]:
        """Names of the learners found."""
        found = self.search(query, issuer=issuer, achievement=achievement, status=status)
        return [row.learner_name for row in found]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(World(), tmp_path / "views.db")
    yield opened
    opened.views.close()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Zoë Ñandú", "zoë"),
        ("Zoë Ñandú", "NANDU zoe"),
        ("Müller-Weiß", "WEISS müller"),
        ("Παπαδόπουλος Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("Иван Щербаков", "щербак"),
        ("محمد علي", "محمد"),
        ("王小明", "小明"),
        ("हिन्दी कुमार", "कुमार"),
        ("Ａda Wide", "wide ADA"),
    ],
)
def test_a_name_is_found_in_any_script_and_case(opened: Opened, name: str, query: str) -> None:
    opened.world.issue(name)
    opened.world.issue("Somebody Else")
    assert opened.names(query) == [name]


def test_every_word_of_a_query_must_occur(opened: Opened) -> None:
    opened.world.issue("Ada Lovelace", internal("A-1", "ada@example.org"))
    opened.world.issue("Ada Byron", internal("B_2"))
    assert opened.names("ada") == ["Ada Byron", "Ada Lovelace"]
    assert opened.names("byron ADA") == ["Ada Byron"]
    assert opened.names("a-1") == ["Ada Lovelace"]
    assert opened.names("ada@EXAMPLE") == ["Ada Lovelace"]
    assert opened.names("welding a-1") == ["Ada Lovelace"]
    assert opened.names("b%2") == []
    assert opened.names("  ") == opened.names() == ["Ada Byron", "Ada Lovelace"]


def test_an_award_is_no_longer_found_by_what_was_amended(opened: Opened) -> None:
    world = opened.world
    stream = world.issue("Wrong Name")
    assert opened.names("wrong") == ["Wrong Name"]
    world.forge.amend(stream, world.forge.award(world.welding, "Right Name"))
    assert opened.names("wrong") == []
    assert opened.names("right") == ["Right Name"]


def test_awards_are_found_by_issuer_and_by_achievement(opened: Opened) -> None:
    forge = opened.world.forge
    other = forge.register("other")
    ref = forge.define(other, "Cooking")
    opened.world.issue("Welder")
    forge.issue(other, forge.award(ref, "Cook"))
    assert opened.names(issuer=other) == ["Cook"]
    assert opened.names(issuer=opened.world.college) == ["Welder"]
    assert opened.names(achievement=str(ref.stream)) == ["Cook"]
    assert opened.names(achievement="welding") == ["Cook", "Welder"]
    assert opened.names(achievement="welding", issuer=other) == ["Cook"]
    assert opened.names(achievement="no such") == []


def test_each_award_is_listed_under_exactly_one_status(opened: Opened) -> None:
    world, forge = opened.world, opened.world.forge
    forge.add_key(world.college, "college/second")
    world.issue("in_force")
    world.issue("in_force", valid_from=TODAY, valid_until=TODAY)
    world.issue("expired", valid_until=date(2027, 5, 31))
    world.issue("not_yet_valid", valid_from=date(2027, 6, 2))
    world.issue("expired", valid_from=date(2027, 6, 2), valid_until=date(2027, 5, 31))
    forge.suspend(world.issue("suspended"))
    forge.revoke(world.issue("revoked", valid_until=date(2027, 5, 31)))
    stolen = world.issue("disowned", How(key="college/second"))
    forge.compromise(world.college, "college/second", forge.streams[stolen][0])
    listed = []
    for status in ("in_force", "suspended", "revoked", "disowned", "expired", "not_yet_valid"):
        found = opened.search(status=status)
        assert {row.learner_name for row in found} == {row.status_on(TODAY).value for row in found} == {status}
        listed += found
    assert sorted(row.issued_position for row in listed) == sorted(row.issued_position for row in opened.search())


def test_pages_follow_each_other_and_stay_in_order_while_awards_are_added(opened: Opened) -> None:
    for number in range(5):
        opened.world.issue(f"Learner {number}")
    first = opened.search(limit=2)
    opened.world.issue("Newer")
    second = opened.search(after=first[-1].cursor, limit=2)
    third = opened.search(after=second[-1].cursor, limit=2)
    assert [row.learner_name for row in (*first, *second, *third)] == [f"Learner {n}" for n in (4, 3, 2, 1, 0)]
    assert opened.search(after=third[-1].cursor, limit=2) == []
    assert opened.search(limit=0) == opened.search(limit=-1) == []


@pytest.mark.parametrize("after", ["x", "", "-1", "1.0", "١", "9" * 30])
def test_a_cursor_that_is_none_is_refused(opened: Opened, after: str) -> None:
    with pytest.raises(BadSearch, match="cursor"):
        opened.search(after=after)


def test_an_unknown_status_is_refused_by_name(opened: Opened) -> None:
    with pytest.raises(BadSearch, match="valid_ish"):
        opened.search(status="valid_ish")


def test_a_parked_award_says_so_in_its_row(opened: Opened) -> None:
    stream = opened.world.issue("Behind")
    opened.world.issue("Fine")
    position = opened.world.forge.suspend(stream)
    opened.world.feed.bytes[position] = opened.world.forge.log[position - 1].entry[:-3]
    assert [(row.learner_name, row.parked) for row in opened.search()] == [("Fine", False), ("Behind", True)]
    assert list(opened.views.parked()) == opened.heard
    assert [each.stream for each in opened.heard] == [stream]


def test_rebuilding_takes_back_what_was_parked(opened: Opened) -> None:
    world = opened.world
    stream = world.issue()
    world.feed.hidden.add(world.forge.streams[stream][0])
    assert opened.search() == []
    world.feed.hidden.clear()
    assert opened.views.rebuild() == len(world.forge.log)
    assert [row.credential_id for row in opened.search()] == [stream]
    assert list(opened.views.parked()) == []
    assert [path.name for path in opened.path.parent.iterdir() if "new" in path.name] == []


def test_a_rebuild_that_fails_leaves_the_old_view(opened: Opened) -> None:
    opened.world.issue("Ada")
    assert opened.names() == ["Ada"]
    opened.world.feed.fails = lambda _: True
    with pytest.raises(Exception, match="away"):
        opened.views.rebuild()
    opened.world.feed.fails = lambda _: False
    opened.world.issue("Bea")
    assert opened.names() == ["Bea", "Ada"]


def test_deleting_the_file_and_catching_up_gives_equal_rows(opened: Opened) -> None:
    forge = opened.world.forge
    forge.suspend(opened.world.issue("Ada"))
    opened.world.issue("Bea")
    before = opened.search()
    opened.views.close()
    opened.path.unlink()
    opened.views = Views(opened.path, opened.world.feed, parked=opened.heard.append)
    assert opened.views.position() == 0
    assert opened.search() == before
    assert opened.views.position() == len(forge.log)


@pytest.mark.parametrize("content", [b"", b"this is no database at all, but long enough to look at" * 200])
def test_a_file_that_is_no_view_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "views.db").write_bytes(content)
    (tmp_path / "views.db-wal").write_bytes(b"left behind")
    world = World()
    world.issue("Ada")
    opened = Opened(world, tmp_path / "views.db")
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    world = World()
    world.issue("Ada")
    path = live(world, tmp_path / "views.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    opened = Opened(world, path)
    assert opened.views.position() == 0
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_that_another_process_locks_is_refused_and_kept(tmp_path: Path) -> None:
    world = World()
    path = live(world, tmp_path / "views.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ViewStoreError):
        Views(tmp_path / "folder.db", world.feed, parked=lambda _: None)
    assert path.exists()


def test_a_view_of_a_log_that_was_cut_back_is_rebuilt(opened: Opened) -> None:
    opened.world.issue("Ada")
    size = opened.world.feed.size()
    opened.world.issue("Lost")
    assert opened.names() == ["Lost", "Ada"]
    opened.world.feed.cut = size
    assert opened.names() == ["Ada"]
    assert opened.views.position() == size


def test_the_file_is_for_its_owner_alone(opened: Opened) -> None:
    assert opened.path.stat().st_mode & 0o777 == 0o600


def test_catching_up_goes_on_where_another_process_got_to(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.world.issue("Ada")
    save = SqliteViewStore.save
    lost: list[SqliteViewStore] = []

    def overtaken(store: SqliteViewStore, changes: Changes, *, expected: Position, reached: Position) -> None:
        if not lost:
            lost.append(store)
            live(opened.world, opened.path)  # the other process was faster
        save(store, changes, expected=expected, reached=reached)

    monkeypatch.setattr(SqliteViewStore, "save", overtaken)
    assert opened.names() == ["Ada"]
    assert opened.views.position() == len(opened.world.forge.log)
    assert len(lost) == 1
    assert issubclass(Fenced, ViewStoreError)


# ---- the worker


class Watched(Views):
    """Views whose catching up can be waited for, and fails when told to."""

    error: Exception | None = None
    caught_up: Event

    def catch_up(self) -> int:
        """As views do."""
        try:
            if self.error is not None:
                raise self.error
            return super().catch_up()
        finally:
            self.caught_up.set()


def test_the_worker_catches_up_at_its_start_at_a_wake_and_before_it_stops(tmp_path: Path) -> None:
    world = World()
    watched = Watched(tmp_path / "views.db", world.feed, parked=lambda _: None)
    watched.caught_up = Event()
    failures: list[Exception] = []
    worker = ViewsWorker(watched, failed=failures.append)
    worker.start()
    assert watched.caught_up.wait(30)
    world.issue("Ada")
    watched.caught_up.clear()
    worker.wake()
    assert watched.caught_up.wait(30)
    assert watched.position() == len(world.forge.log)
    watched.error = ViewStoreError("the disk is full")
    watched.caught_up.clear()
    worker.wake()
    assert watched.caught_up.wait(30)
    watched.error = None
    world.issue("Bea")
    worker.close()
    assert watched.position() == len(world.forge.log)
    assert [str(each) for each in failures] == ["the disk is full"]
    watched.close()


def test_a_worker_that_was_never_started_closes(opened: Opened) -> None:
    ViewsWorker(opened.views, failed=lambda _: None).close()


def test_folding_is_idempotent() -> None:
    for text in ("İstanbul ẞ ﬁ ΐ", "Ａ１", "e\u0301"):
        assert folded(folded(text)) == folded(text)
