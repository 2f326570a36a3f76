"""What views in PostgreSQL promise beyond the contract: many processes, lost connections, and a crash of the server."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.postgres.connections import connect
from projections.credential_status import AWARDS, CredentialStatus
from projections.family import Cell, Row, Table
from projections.runner import Runner
from projections.stores.engine import BeingFolded, ViewEngine, ViewStoreFailed
from projections.stores.postgres import PostgresViewStore
from projections.stores.postgres_engine import PostgresViews
from projections.stores.postgres_schema import SCHEMA, create_tables
from projections.stores.tables import all_tables
from projections.views import FAMILY, Views
from projections.wallet import VERSIONS, Wallet
from tests.contracts.view_tables import PostgresTables
from tests.postgres import Cluster, Server, temporary_database
from tests.unit.projections.test_credential_status import STEPS, expected, history
from tests.unit.projections.world import World, internal

STATUS, WALLET = CredentialStatus(), Wallet()


@pytest.fixture
def tables(database_url: str) -> PostgresTables:
    return PostgresTables(database_url)


@pytest.fixture(scope="module")
def a_database(postgres_server: Server) -> Iterator[str]:
    """One for many examples."""
    with temporary_database(postgres_server) as url:
        yield url


@pytest.fixture
def impatient(database_url: str) -> PostgresTables:
    """Tables for which nobody waits."""
    return PostgresTables(database_url, patience=0.2)


@pytest.fixture
def world() -> World:
    world = World()
    for number in range(5):
        world.forge.suspend(world.issue(f"Learner {number}", internal(f"A-{number}")))
    return world


def views_of(tables: PostgresTables, world: World) -> Views:
    return Views(tables.place, world.feed, parked=lambda _: None)


def ask(url: str, statement: str, *parameters: str | int) -> list[tuple[Cell, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def end_connections(url: str, name: str = "testamur%") -> None:
    """As an operator does who ends them; those of this database alone, since other tests use the same server."""
    statement = (
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE %s"
    )
    ask(url, statement, name)


# ---- what is kept where


def test_every_table_of_a_view_with_personal_columns_and_its_position_is_unlogged(
    tables: PostgresTables, world: World
) -> None:
    with closing(views_of(tables, world)) as views:
        views.catch_up()
        views.rebuild("wallet")
    statement = (
        "SELECT c.relname, c.relpersistence FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind IN ('r', 'i')"
    )
    kept = {str(name): str(how) for name, how in ask(tables.url, statement, SCHEMA)}
    assert {how for name, how in kept.items() if name.startswith("wallet")} == {"u"}
    assert {how for name, how in kept.items() if not name.startswith("wallet")} == {"p"}
    for view in FAMILY:
        for table in view.tables:
            if any(column.personal for column in table.columns):
                assert kept[tables.names()[table.name].removeprefix(f"{SCHEMA}.")] == "u"
    assert "wallet_tracking_2" in kept


def test_after_a_crash_personal_rows_vanish_with_their_position_and_are_folded_again(
    own_cluster: Cluster, world: World
) -> None:
    with temporary_database(own_cluster) as url:
        tables = PostgresTables(url)
        with closing(views_of(tables, world)) as views:
            views.catch_up()
            before = tables.rows()
            ask(url, "CHECKPOINT")
            own_cluster.stop("immediate")
            with pytest.raises(ViewStoreFailed):
                views.catch_up()
            with pytest.raises(ViewStoreFailed):
                views.states()
            own_cluster.start()
            with tables.reading() as reader:
                assert (reader.position(WALLET.name), reader.size(VERSIONS)) == (0, 0)
                assert reader.position(STATUS.name) == len(world.forge.log)
                assert reader.size(AWARDS) == 5
            world.issue("After the crash")
            assert views.catch_up() == 1  # the view that was kept; the other moved on from 0
            assert views.position() == len(world.forge.log)
            assert list(tables.rows())[:5] == list(before)
            assert tables.compared(world) == []


def test_a_schema_of_an_older_version_is_made_anew(tables: PostgresTables, world: World) -> None:
    tables.fold(world)
    ask(tables.url, f"UPDATE {SCHEMA}.version SET number = 0")
    with pytest.raises(ViewStoreFailed, match="version 0"):
        tables.compared(world)
    with closing(views_of(tables, world)) as views:
        assert views.position() == 0
        views.catch_up()
    assert tables.compared(world) == []


def test_a_schema_of_a_newer_version_is_refused_and_stays(tables: PostgresTables, world: World) -> None:
    tables.fold(world)
    ask(tables.url, f"UPDATE {SCHEMA}.version SET number = 99")
    with pytest.raises(ViewStoreFailed, match="version 99, this program works with 1: install the newer program"):
        views_of(tables, world)
    ask(tables.url, f"UPDATE {SCHEMA}.version SET number = 1")
    assert tables.compared(world) == []


@pytest.mark.parametrize(
    "made",
    [
        ["CREATE TABLE views.sales(amount bigint)"],
        ["CREATE TABLE views.version(number bigint)", "INSERT INTO views.version VALUES (0)"],
        ["CREATE TABLE views.version(major text)", "CREATE TABLE views.generations(view text, parent text)"],
        ["CREATE TABLE views.version(number bigint)", "CREATE TABLE views.generations(view text, in_use bigint)"],
        [
            "CREATE TABLE views.version(number bigint)",
            "CREATE TABLE views.generations(view text, in_use bigint, newest bigint)",
        ],
    ],
    ids=["others", "no-generations", "other-columns", "no-newest", "no-version"],
)
def test_a_schema_of_this_name_that_is_somebody_elses_is_refused_and_stays(
    tables: PostgresTables, world: World, made: list[str]
) -> None:
    for statement in ("CREATE SCHEMA views", *made):
        ask(tables.url, statement)
    there = "SELECT tablename FROM pg_tables WHERE schemaname = 'views' ORDER BY tablename"
    before = ask(tables.url, there)
    with pytest.raises(ViewStoreFailed, match=r"schema “views” .* not made by this program: rename it"):
        views_of(tables, world)
    assert ask(tables.url, there) == before != []


def test_a_schema_that_is_not_there_is_not_compared_and_not_made(tables: PostgresTables, world: World) -> None:
    with pytest.raises(ViewStoreFailed, match="no views"):
        tables.compared(world)
    assert ask(tables.url, "SELECT 1 FROM pg_namespace WHERE nspname = %s", SCHEMA) == []


def test_a_server_that_is_away_is_told_without_the_password(world: World) -> None:
    place = PostgresViews("postgresql://somebody:sesame@127.0.0.1:1/ledger")
    with pytest.raises(ViewStoreFailed) as refused:
        Views(place, world.feed, parked=lambda _: None)
    with pytest.raises(ViewStoreFailed) as unread, place.reading(FAMILY):
        pass
    assert "sesame" not in f"{refused.value}{unread.value}{place!r}"


@pytest.mark.parametrize("spelled", ["5", "n05", "n5.0", "n", "x5", "n\u0665"])
def test_a_mixed_cell_that_no_fold_spells_is_found(tables: PostgresTables, world: World, spelled: str) -> None:
    tables.fold(world)
    last = "(SELECT MAX(position) FROM {credential_status})"
    tables.run(f"UPDATE {{credential_status}} SET key = '{spelled}' WHERE position = {last}")
    [found] = tables.compared(world)
    assert (found.table, found.column, found.live) == ("credential_status", "key", spelled.encode())


# ---- many processes


def test_processes_that_make_the_schema_at_once_all_succeed(tables: PostgresTables, world: World) -> None:
    start = threading.Barrier(6)

    def open_and_fold() -> None:
        start.wait(30)
        with closing(views_of(tables, world)) as views:
            views.catch_up()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(open_and_fold) for _ in range(6)]:
            done.result(60)
    assert tables.compared(world) == []


def test_who_finds_a_view_being_folded_waits_until_it_is_done(tables: PostgresTables, world: World) -> None:
    engine: ViewEngine = tables.place.open(FAMILY)
    with closing(engine), closing(views_of(tables, world)) as other, ThreadPoolExecutor(1) as pool:
        with engine.folding(WALLET) as store:
            folded = pool.submit(other.catch_up)
            wait_until(lambda: waiting(tables.url) == 1)
            Runner(store, world.feed, WALLET).catch_up()
            assert not folded.done()
        folded.result(60)
        assert other.position() == len(world.forge.log)
    assert tables.compared(world) == []


def test_who_waits_too_long_for_another_worker_says_so(impatient: PostgresTables, world: World) -> None:
    engine = impatient.place.open(FAMILY)
    with closing(engine), closing(views_of(impatient, world)) as other:
        with engine.folding(WALLET), pytest.raises(BeingFolded):
            other.catch_up()
        with engine.rebuilding(WALLET):
            with pytest.raises(BeingFolded):
                other.rebuild("wallet")
            assert other.catch_up() == len(world.forge.log)  # following goes on beside a rebuild
        assert other.rebuild("wallet") == len(world.forge.log)


def test_two_processes_that_follow_and_rebuild_at_once_agree(tables: PostgresTables, world: World) -> None:
    streams = [world.issue(f"More {number}") for number in range(40)]
    for stream in streams[::2]:
        world.forge.suspend(stream)
    size, world.feed.cut = len(world.forge.log), 3

    def follow(views: Views) -> None:
        for cut in range(3, size + 1):
            world.feed.cut = max(cut, world.feed.cut or 0)
            views.catch_up()
            assert {each.name for each in views.states()} == {"wallet", "credential_status"}

    def rebuild(views: Views) -> None:
        for _ in range(6):
            views.rebuild()

    with closing(views_of(tables, world)) as one, closing(views_of(tables, world)) as two:
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(what, views) for views in (one, two) for what in (follow, rebuild)]
            for done in work:
                done.result(120)
        one.catch_up()
        assert one.position() == size
    assert tables.compared(world) == []


def test_a_rebuild_elsewhere_takes_the_tables_from_under_a_slow_worker_who_is_fenced_and_goes_on(
    tables: PostgresTables, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = PostgresViewStore.save
    lost: list[int] = []
    with closing(views_of(tables, world)) as slow:
        slow.catch_up()
        world.issue("New")

        def overtaken(store: PostgresViewStore, *args: object, **more: object) -> None:
            if not lost and not store._beside:
                lost.append(store.generation)
                ask(tables.url, f"UPDATE {SCHEMA}.generations SET newest = 7, in_use = 7 WHERE view = 'wallet'")
                with connect(tables.url) as connection:
                    create_tables(connection, WALLET, 7)
                with tables.store(WALLET) as faster:
                    Runner(faster, world.feed, WALLET).catch_up(len(world.forge.log) - 1)
            save(store, *args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(PostgresViewStore, "save", overtaken)
        slow.catch_up()
        assert slow.position() == len(world.forge.log)
    assert lost == [1]
    assert tables.names()["wallet"].endswith("wallet_7")
    assert tables.compared(world) == []


# ---- connections and what is left


def test_after_lost_connections_the_next_call_connects_again(tables: PostgresTables, world: World) -> None:
    with closing(views_of(tables, world)) as views:
        views.catch_up()
        world.issue("One more")
        end_connections(tables.url)
        views.catch_up()
        end_connections(tables.url)
        assert views.position() == len(world.forge.log)
    assert tables.compared(world) == []


def test_a_connection_lost_inside_a_fold_is_an_error_of_the_store_and_parks_nothing(
    tables: PostgresTables, world: World
) -> None:
    with closing(views_of(tables, world)) as views:

        def cut(_: int) -> bool:
            end_connections(tables.url, "testamur views, folded")
            return False

        world.feed.fails = cut
        with pytest.raises(ViewStoreFailed):
            views.catch_up()
        world.feed.fails = lambda _: False
        assert views.catch_up() == len(world.forge.log)
        assert list(views.parked()) == []
    assert tables.compared(world) == []


def test_a_lock_is_lost_with_the_connection_that_folds(tables: PostgresTables, world: World) -> None:
    engine, world.feed.cut = tables.place.open(FAMILY), 5
    with closing(engine):
        with engine.folding(STATUS) as store:
            Runner(store, world.feed, STATUS).catch_up()
            world.feed.cut = None
            end_connections(tables.url, "testamur views, folded")
            with closing(views_of(tables, world)) as other:
                other.catch_up()  # nobody holds the view any more
            with pytest.raises(ViewStoreFailed):
                Runner(store, world.feed, STATUS).catch_up()
        with engine.folding(STATUS) as store:
            assert store.position() == len(world.forge.log)
    assert tables.compared(world) == []


def test_what_an_interrupted_rebuild_left_is_dropped_unless_somebody_rebuilds(
    tables: PostgresTables, world: World
) -> None:
    usual = {each.name for view in FAMILY for each in all_tables(view)}
    engine = tables.place.open(FAMILY)
    with closing(engine):
        with engine.rebuilding(WALLET) as beside:
            beside.begin()
            end_connections(tables.url, "testamur views, rebuilt")
            with pytest.raises(ViewStoreFailed):
                beside.index()
        assert tables.left() == usual | {f"{each.name}_2" for each in all_tables(WALLET)} | {"wallet_tracking_2"}
        with engine.rebuilding(STATUS) as beside:
            beside.begin()
            views_of(tables, world).close()
            assert tables.left() == usual | {f"{each.name}_2" for each in all_tables(STATUS)} | {
                "credential_status_tracking_2"
            }
        assert tables.left() == usual


def test_tables_that_somebody_still_reads_are_dropped_by_a_later_rebuild(tables: PostgresTables, world: World) -> None:
    usual = {each.name for view in FAMILY for each in all_tables(view)}
    with closing(views_of(tables, world)) as views:
        views.catch_up()
        with tables.reading() as reader:
            views.rebuild()
            assert reader.size(AWARDS) == 5
            assert f"{AWARDS.name}_1" in tables.left()
        views.rebuild()
    assert tables.left() == usual


# ---- few round trips


def test_what_a_batch_asks_for_is_looked_up_at_once(
    tables: PostgresTables, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Cell] = []
    find = PostgresViewStore.find

    def seen(store: PostgresViewStore, table: Table, value: Cell) -> Row | None:
        asked.append(value)
        return find(store, table, value)

    monkeypatch.setattr(PostgresViewStore, "find", seen)
    bad = world.issue("Parked")
    world.feed.bytes[world.forge.suspend(bad)] = b"unreadable"
    world.forge.reinstate(bad)
    with closing(views_of(tables, world)) as views:
        views.catch_up()
        for stream in world.forge.streams:
            if stream in world.rows():
                world.forge.amend(stream, world.forge.award(world.welding, "Another Name"))
        with monkeypatch.context() as patch:
            patch.setattr(PostgresViewStore, "first_parked", None)  # nobody asks for one stream
            views.catch_up()
    assert asked == []
    assert tables.compared(world) == []


def waiting(url: str) -> int:
    """How many wait for an advisory lock."""
    waiting = (
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return len(ask(url, waiting))


def wait_until(condition: Callable[[], bool]) -> None:
    """Until it holds; fails after half a minute."""
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it never came about")


# ---- any history


@settings(max_examples=12)
@given(steps=STEPS, stops=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 7)), max_size=3))
def test_views_stopped_restarted_and_rebuilt_show_what_the_domain_says(
    a_database: str, steps: list[tuple[str, int, int]], stops: list[tuple[int, int]]
) -> None:
    world, tables = history(steps), PostgresTables(a_database)
    for until, batch in stops:
        for view in FAMILY:
            with tables.store(view) as store:
                Runner(store, world.feed, view, batch=batch).catch_up(until)
    with closing(views_of(tables, world)) as views:
        views.catch_up()
        assert tables.compared(world) == []
        views.rebuild()
    assert tables.compared(world) == []
    found = {stream: (row.status, row.version, row.learner_name) for stream, row in tables.rows().items()}
    assert found == expected(world)
