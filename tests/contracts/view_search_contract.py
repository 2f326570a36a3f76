"""What views promise those who search them, whatever they are kept in.

An engine's test class inherits `SearchContract` and provides the fixture `tables`.
"""

from collections.abc import Iterator
from datetime import date

import pytest

from ledger.testing.forge import How
from projections.rows import BadSearch
from tests.contracts.view_tables import ViewTables
from tests.unit.projections.opened import TODAY, Opened
from tests.unit.projections.world import World, internal


class OpenedContract:
    """Open views over a forged log."""

    @pytest.fixture
    def opened(self, tables: ViewTables) -> Iterator[Opened]:
        opened = Opened(World(), tables.place)
        yield opened
        opened.views.close()


class SearchContract(OpenedContract):
    """Search and lists, as the readers of views know them."""

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
    def test_a_name_is_found_in_any_script_and_case(self, opened: Opened, name: str, query: str) -> None:
        opened.world.issue(name)
        opened.world.issue("Somebody Else")
        assert opened.names(query) == [name]

    def test_every_word_of_a_query_must_occur(self, opened: Opened) -> None:
        opened.world.issue("Ada Lovelace", internal("A-1", "ada@example.org"))
        opened.world.issue("Ada Byron", internal("B_2"))
        assert opened.names("ada") == ["Ada Byron", "Ada Lovelace"]
        assert opened.names("byron ADA") == ["Ada Byron"]
        assert opened.names("a-1") == ["Ada Lovelace"]
        assert opened.names("ada@EXAMPLE") == ["Ada Lovelace"]
        assert opened.names("welding a-1") == ["Ada Lovelace"]
        assert opened.names("b%2") == []
        assert opened.names("  ") == opened.names() == ["Ada Byron", "Ada Lovelace"]

    def test_an_award_is_no_longer_found_by_what_was_amended(self, opened: Opened) -> None:
        world = opened.world
        stream = world.issue("Wrong Name")
        assert opened.names("wrong") == ["Wrong Name"]
        world.forge.amend(stream, world.forge.award(world.welding, "Right Name"))
        assert opened.names("wrong") == []
        assert opened.names("right") == ["Right Name"]

    def test_awards_are_found_by_issuer_and_by_achievement(self, opened: Opened) -> None:
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

    def test_each_award_is_listed_under_exactly_one_status(self, opened: Opened) -> None:
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

    def test_pages_follow_each_other_and_stay_in_order_while_awards_are_added(self, opened: Opened) -> None:
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
    def test_a_cursor_that_is_none_is_refused(self, opened: Opened, after: str) -> None:
        with pytest.raises(BadSearch, match="cursor"):
            opened.search(after=after)

    def test_an_unknown_status_is_refused_by_name(self, opened: Opened) -> None:
        with pytest.raises(BadSearch, match="valid_ish"):
            opened.search(status="valid_ish")

    def test_a_parked_award_says_so_in_its_row(self, opened: Opened) -> None:
        stream = opened.world.issue("Behind")
        opened.world.issue("Fine")
        position = opened.world.forge.suspend(stream)
        opened.world.feed.bytes[position] = opened.world.forge.log[position - 1].entry[1:]  # its first brace
        assert [(row.learner_name, row.parked) for row in opened.search()] == [("Fine", False), ("Behind", True)]
        parked = [(each.view, each.position, each.stream) for each in opened.views.parked()]
        assert parked == [("credential_status", position, stream), ("wallet", position, stream)]
        assert sorted(opened.heard, key=lambda each: each.view) == list(opened.views.parked())
