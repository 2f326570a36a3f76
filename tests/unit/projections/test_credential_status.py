"""The fold of the credential status view, on forged logs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import issuer as issuers
from ledger.domain.credential import fold
from ledger.domain.types import StreamId
from ledger.domain.values import Role
from ledger.record.entry import parse_entry
from ledger.record.private_parts import read_facts
from ledger.testing.forge import RECOVERY, How
from projections.members import FAMILY
from projections.replay_check import compare
from projections.rows import CredentialRow, Status
from projections.runner import Runner
from projections.views import SqliteViews, Views
from tests.unit.projections.world import World, internal, live, opened_store

THIEF = How(key="college/second")


def test_an_issued_award_is_one_row_with_its_facts() -> None:
    world = World()
    stream = world.issue("Zoë Ñandú", internal("A-7", "zoe@example.org"), valid_until=date(2029, 1, 31))
    row = world.row(stream)
    recorded = world.forge.log[-1].recorded
    assert row == CredentialRow(
        credential_id=stream,
        issuer=world.college,
        achievement=world.welding.stream,
        achievement_version=1,
        achievement_slug="welding",
        achievement_name="Welding Basics",
        learner=row.learner,
        learner_name="Zoë Ñandú",
        student_number="A-7",
        email="zoe@example.org",
        result="Pass",
        score=None,
        credit=None,
        minutes=None,
        components=0,
        status=Status.IN_FORCE,
        version=1,
        awarded_on=date(2026, 11, 21),
        valid_from=date(2026, 11, 21),
        valid_until=date(2029, 1, 31),
        revision=recorded.seq,
        issued_at=recorded.at,
        issued_position=recorded.position,
        position=recorded.position,
        shown_position=recorded.position,
    )
    assert row.learner.int == 9


def test_acts_move_the_status_and_the_revision() -> None:
    world = World()
    stream, forge = world.issue(), world.forge
    for act, status in (
        (forge.suspend, Status.SUSPENDED),
        (forge.reinstate, Status.IN_FORCE),
        (forge.suspend, Status.SUSPENDED),
        (forge.revoke, Status.REVOKED),
    ):
        position = act(stream)
        row = world.row(stream)
        assert (row.status, row.position, row.revision) == (status, position, forge.log[-1].recorded.seq)
        assert row.version == 1


def test_an_amended_award_shows_the_facts_of_its_last_version() -> None:
    world = World()
    stream = world.issue("Ada Exampel")
    revised = world.forge.revise(world.college, world.welding, "Welding, Revised")
    world.forge.amend(stream, world.forge.award(revised, "Ada Example"))
    row = world.row(stream)
    assert (row.learner_name, row.version) == ("Ada Example", 2)
    assert (row.achievement_version, row.achievement_name) == (2, "Welding, Revised")


def test_a_title_that_was_taken_down_leaves_the_row_without_one() -> None:
    world = World()
    stream = world.issue()
    world.forge.definitions.clear()
    assert (world.row(stream).achievement_name, world.row(stream).achievement_slug) == (None, None)


def test_a_key_reported_later_disowns_what_it_signed_from_that_position_on() -> None:
    world = World()
    before = world.issue()
    stolen_from = len(world.forge.log) + 1
    after = world.issue()
    world.forge.amend(before, world.forge.award(world.welding, "Mallory"))
    assert world.row(before).learner_name == "Mallory"
    world.forge.compromise(world.college, "college/signing", stolen_from)
    rows = world.rows()
    assert (rows[before].status, rows[before].learner_name, rows[before].version) == (
        Status.IN_FORCE,
        "Ada Example",
        1,
    )
    assert rows[after].status is Status.DISOWNED


def test_keys_that_a_stolen_root_key_brought_in_are_disowned_with_it() -> None:
    world = World()
    forge = world.forge
    stolen_from = len(forge.log) + 1
    forge.add_key(world.college, "college/second")
    honest, forged = world.issue(), world.issue(how=THIEF)
    forge.compromise(world.college, "college/root", stolen_from, how=RECOVERY)
    rows = world.rows()
    assert (rows[honest].status, rows[forged].status) == (Status.IN_FORCE, Status.DISOWNED)


def test_a_thiefs_revocation_counts_until_a_good_key_reinstates() -> None:
    world = World()
    forge = world.forge
    forge.add_key(world.college, "college/second")
    stream = world.issue()
    position = forge.revoke(stream, THIEF)
    forge.compromise(world.college, "college/second", position)
    assert world.row(stream).status is Status.REVOKED
    forge.reinstate(stream)
    assert world.row(stream).status is Status.IN_FORCE


def test_another_issuers_stolen_key_changes_nothing_here() -> None:
    world = World()
    other = world.forge.register("other")
    stream = world.issue()
    world.forge.compromise(other, "other/signing", 1)
    assert world.row(stream).status is Status.IN_FORCE


def test_dates_make_an_award_expired_or_not_yet_valid_on_a_day() -> None:
    world = World()
    row = world.row(world.issue(valid_from=date(2027, 1, 1), valid_until=date(2027, 12, 31)))
    days = (date(2026, 12, 31), date(2027, 1, 1), date(2027, 12, 31), date(2028, 1, 1))
    assert [row.status_on(day) for day in days] == [
        Status.NOT_YET_VALID,
        Status.IN_FORCE,
        Status.IN_FORCE,
        Status.EXPIRED,
    ]
    assert replace(row, status=Status.REVOKED).status_on(days[3]) is Status.REVOKED


# ---- the fold against the domain's own, over generated histories

KEYS = ("college/signing", "college/second", "college/third")
STEP = st.sampled_from(["issue", "stack", "amend", "suspend", "reinstate", "revoke", "steal"])
STEPS = st.lists(st.tuples(STEP, st.integers(0, 9), st.integers(0, 9)), max_size=25)


def history(steps: list[tuple[str, int, int]]) -> World:
    """A log in which anything follows anything, signed by keys of three roots and reported stolen now and then."""
    world = World()
    forge = world.forge
    forge.add_key(world.college, "college/root2", Role.ROOT)
    forge.add_key(world.college, "college/second", how=How(key="college/root2"))
    forge.add_key(world.college, "college/third")
    streams: list[StreamId] = []
    for number, (step, which, other) in enumerate(steps):
        how = How(key=KEYS[other % 3])
        if step == "steal":
            keys = (*KEYS, "college/root2")
            forge.compromise(world.college, keys[which % 4], 1 + other * len(forge.log) // 10, how=RECOVERY)
        elif step == "issue" or not streams:
            streams.append(world.issue(f"Learner {number}", how))
        elif step == "stack":
            pinned = [forge.pin(each) for each in streams[: 1 + which % 3]]
            streams.append(forge.stack(world.college, world.welding, pinned, how))
        elif step == "amend":
            forge.amend(streams[which % len(streams)], forge.award(world.welding, f"Amended {number}"), how=how)
        else:
            acts = {"suspend": forge.suspend, "reinstate": forge.reinstate, "revoke": forge.revoke}
            acts[step](streams[which % len(streams)], how)
    return world


def expected(world: World) -> Mapping[StreamId, tuple[str, int, str]]:
    """Status, version and learner's name of every award, folded at the head by the domain alone."""
    forge = world.forge
    issuer = None
    for placed in forge.placed(forge.issuers[world.college]):
        issuer = issuers.evolve(issuer, parse_entry(placed.raw).recorded(placed.position))
    assert issuer is not None
    found = {}
    for stream in forge.codes:
        recorded = [forge.log[place - 1].recorded for place in forge.streams[stream]]
        credential = fold(recorded, issuer.disowns)
        assert credential is not None
        facts = [parts for part, parts in forge.openings[credential.current.position].items() if part == "facts"]
        award = read_facts(facts[0].content).award
        assert award is not None
        status = "suspended" if credential.suspended else "in_force"
        status = "disowned" if credential.disowned else "revoked" if credential.revoked else status
        found[stream] = (status, credential.current.number, award.name)
    return found


def test_every_short_sequence_of_acts_stands_as_the_domain_says() -> None:
    world = World()
    acts = ("amend", "suspend", "reinstate", "revoke")
    for length in (1, 2, 3):
        for sequence in product(acts, repeat=length):
            stream = world.issue()
            for act in sequence:
                if act == "amend":
                    world.forge.amend(stream, world.forge.award(world.welding, "Amended"))
                else:
                    getattr(world.forge, act)(stream)
    found = {stream: (row.status, row.version, row.learner_name) for stream, row in world.rows().items()}
    assert found == expected(world)
    assert len(found) == 84


@settings(max_examples=60)
@given(steps=STEPS, batch=st.integers(1, 7))
def test_live_equals_rebuilt_equals_what_the_domain_says(steps: list[tuple[str, int, int]], batch: int) -> None:
    world = history(steps)
    rows = world.rows()
    assert {stream: (row.status, row.version, row.learner_name) for stream, row in rows.items()} == expected(world)
    with TemporaryDirectory() as folder:
        place = live(world, Path(folder) / "views.db", batch=batch)
        assert compare(world.feed, place) == []


HARM = st.dictionaries(
    st.integers(4, 40), st.one_of(st.sampled_from(["hide", "break", "forget"]), st.integers(1, 40)), max_size=4
)  # by position; a number: the entry of that position stands there a second time
STOPS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 7)), max_size=5)  # until which position, in which batches


@settings(max_examples=60)
@given(steps=STEPS, harm=HARM, stops=STOPS, again=st.sampled_from(["wallet", "credential_status", None]))
def test_every_view_stopped_restarted_and_rebuilt_equals_itself_folded_anew(
    steps: list[tuple[str, int, int]], harm: dict[int, str | int], stops: list[tuple[int, int]], again: str | None
) -> None:
    world = history(steps)
    for position, kind in harm.items():
        if kind == "hide":
            world.feed.hidden.add(position)
        elif position <= len(world.forge.log):
            if isinstance(kind, int):
                world.feed.bytes[position] = world.forge.log[min(kind, len(world.forge.log)) - 1].entry
                continue
            raw = world.forge.log[position - 1].entry
            world.feed.bytes[position] = raw[1:] if kind == "break" else b"forgotten"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "views.db"
        for until, batch in stops:
            for view in FAMILY:
                with opened_store(path, view) as store:
                    Runner(store, world.feed, view, batch=batch).catch_up(until)
        place = SqliteViews(path)
        views = Views(place, world.feed, parked=lambda _: None)
        try:
            views.catch_up()
            assert compare(world.feed, place) == []
            views.rebuild(again)
            assert compare(world.feed, place) == []
            assert {each.position for each in views.states()} == {len(world.forge.log)}
        finally:
            views.close()
