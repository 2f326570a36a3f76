"""What a wording may say depends on the entry that names it: its kind, its slug, and what its rule names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import canonical
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef
from ledger.domain.definition import read_definition
from ledger.domain.types import Digest
from tests.unit.audit.forged_database import put
from tests.unit.audit.test_stacks import Workshop

_Offer = type[ev.AchievementDefined | ev.AchievementRevised | ev.PathwayDefined | ev.PathwayRevised]
_NO_RULE = "the wording of a pathway has no rule, which says what it is made of"
_RULE = "the wording of an achievement has a rule, as only that of a pathway does"


@pytest.fixture
def shop() -> Workshop:
    """Two achievements, an award of each, and the pathway of both."""
    return Workshop()


def _wording(shop: Workshop, slug: str, *parts: str, name: str = "Some Craft") -> Digest:
    """The digest of a definition that is now there, with a rule if there are parts."""
    plain: dict[str, canonical.Json] = {"slug": slug, "name": name, "description": "What is learned."}
    plain["competencies"] = [{"statement": "Can do it"}]
    plain |= {"rule": {"all_of": list(parts)}} if parts else {"assessments": [{"type": "examination"}]}
    return shop.forge._store(read_definition(plain))


def _state(shop: Workshop, kind: _Offer, digest: Digest, last: AchievementRef | None = None) -> AchievementRef:
    """A version with that wording: the first in a stream of its own, or the one after `last`."""
    stream, version = (shop.forge.new_stream(), 1) if last is None else (last.stream, last.version + 1)
    event = kind(digest=digest, version=version)
    shop.forge.append(event, stream=stream, by=shop.college, key="college/signing")
    return AchievementRef(stream=stream, version=version, digest=digest)


def _problems(shop: Workshop, path: Path) -> list[tuple[int, str, str]]:
    return [(each.position, each.check.value, each.reason) for each in shop.audit(path).problems]


def test_pathway_without_a_rule_is_located_and_so_is_its_stack_of_a_revoked_part(
    shop: Workshop, tmp_path: Path
) -> None:
    shop.pathway = _state(shop, ev.PathwayDefined, _wording(shop, "certified"))
    stated = len(shop.forge.log)
    shop.forge.revoke(shop.held[0])
    shop.stack()
    reason = "the pathway that was awarded has no rule that the components could meet"
    assert _problems(shop, tmp_path) == [
        (stated, "definition", _NO_RULE),
        (len(shop.forge.log), "stack", reason),
    ]


def test_pathway_with_the_wording_of_an_achievement_stated_before_is_located(shop: Workshop, tmp_path: Path) -> None:
    shop.pathway = _state(shop, ev.PathwayRevised, shop.welding.digest, shop.pathway)
    problems = _problems(shop, tmp_path)
    assert (len(shop.forge.log), "definition", _NO_RULE) in problems
    assert {position for position, _, _ in problems} == {len(shop.forge.log)}


def test_pathway_that_loses_its_rule_is_located(shop: Workshop, tmp_path: Path) -> None:
    _state(shop, ev.PathwayRevised, _wording(shop, "welder"), shop.pathway)
    assert _problems(shop, tmp_path) == [(len(shop.forge.log), "definition", _NO_RULE)]


@pytest.mark.parametrize("again", [False, True])
def test_achievement_with_a_rule_is_located(shop: Workshop, tmp_path: Path, again: bool) -> None:
    slug = "soldering" if again else "certified"
    kind = ev.AchievementRevised if again else ev.AchievementDefined
    _state(shop, kind, _wording(shop, slug, "welding"), shop.soldering if again else None)
    assert _problems(shop, tmp_path) == [(len(shop.forge.log), "definition", _RULE)]


def test_wording_that_is_no_definition_though_it_is_a_profile_is_located(shop: Workshop, tmp_path: Path) -> None:
    profile = shop.forge.profile("college")
    assert profile in {
        each.recorded.event.profile for each in shop.forge.log if isinstance(each.recorded.event, ev.IssuerRegistered)
    }
    _state(shop, ev.PathwayRevised, profile, shop.pathway)
    ((position, check, reason),) = _problems(shop, tmp_path)
    assert (position, check) == (len(shop.forge.log), "definition")
    assert reason.startswith("the wording cannot be read")


def test_other_slug_in_a_later_version_is_located_and_a_stack_does_not_count_it(shop: Workshop, tmp_path: Path) -> None:
    brazing = shop.define("brazing")
    brazing = _state(shop, ev.AchievementRevised, _wording(shop, "welding", name="Brazing"), brazing)
    revised = len(shop.forge.log)
    shop.held[0] = shop.forge.issue(shop.college, shop.forge.award(brazing))
    shop.stack()
    (changed, *stacked) = _problems(shop, tmp_path)
    assert changed == (
        revised,
        "definition",
        "the slug is “welding”, and was “brazing” before: it never changes",
    )
    assert {(position, check) for position, check, _ in stacked} == {(len(shop.forge.log), "stack")}
    assert any("which is not a part of this pathway" in reason for _, _, reason in stacked)


def test_achievement_whose_slug_was_changed_counts_by_its_first_one(shop: Workshop, tmp_path: Path) -> None:
    welding = _state(shop, ev.AchievementRevised, _wording(shop, "brazing"), shop.welding)
    revised = len(shop.forge.log)
    shop.held[0] = shop.forge.issue(shop.college, shop.forge.award(welding))
    shop.stack()
    assert [position for position, _, _ in _problems(shop, tmp_path)] == [revised]


def test_version_after_a_changed_slug_is_held_against_the_first_one(shop: Workshop, tmp_path: Path) -> None:
    other = _state(shop, ev.AchievementRevised, _wording(shop, "brazing"), shop.welding)
    changed = len(shop.forge.log)
    _state(shop, ev.AchievementRevised, _wording(shop, "welding", name="Welding again"), other)
    assert [position for position, _, _ in _problems(shop, tmp_path)] == [changed]


def _name_later(shop: Workshop) -> None:
    shop.forge.define_pathway(shop.college, ("welding", "brazing"), name="certified")
    shop.define("brazing")
    shop.forge.define_pathway(shop.college, ("welding", "brazing"), name="sound")


def _name_anothers(shop: Workshop) -> None:
    guild = shop.forge.register("guild")
    shop.forge.define_pathway(guild, ("welding",), name="certified")
    shop.forge.define(guild)


def _name_a_slug_that_counts_for_nothing(shop: Workshop) -> None:
    digest = _wording(shop, "gilding", name="Not welding any more")
    _state(shop, ev.AchievementRevised, digest, shop.welding)
    shop.forge.define_pathway(shop.college, ("gilding",), name="certified")


def _name_a_pathway(shop: Workshop) -> None:
    shop.forge.define_pathway(shop.college, ("welding", "first"), name="certified")


_NAMED: list[tuple[Callable[[Workshop], object], str]] = [
    (lambda s: s.forge.define_pathway(s.college, ("welding", "nothing"), name="certified"), "“nothing”, which was no"),
    (_name_later, "“brazing”, which was no"),
    (_name_anothers, "“welding”, which was no"),
    (_name_a_slug_that_counts_for_nothing, "“gilding”, which was no"),
    (_name_a_pathway, "“first”, which is a pathway"),
    (lambda s: _state(s, ev.PathwayRevised, _wording(s, "welder", "first"), s.pathway), "“first”, which is a pathway"),
]


@pytest.mark.parametrize(("step", "reason"), _NAMED)
def test_rule_that_names_what_it_may_not_is_located(
    shop: Workshop, tmp_path: Path, step: Callable[[Workshop], object], reason: str
) -> None:
    shop.forge.define_pathway(shop.college, ("welding",), name="first")
    before = len(shop.forge.log)
    step(shop)
    stated = next(
        each.recorded.position
        for each in shop.forge.log[before:]
        if isinstance(each.recorded.event, ev.PathwayDefined | ev.PathwayRevised)
    )
    ((check, said),) = [(check, said) for position, check, said in _problems(shop, tmp_path) if position == stated]
    assert check == "definition"
    assert reason in said


@pytest.mark.parametrize("step", [_name_later, _name_anothers])
def test_rule_is_reported_where_it_is_wrong_and_nowhere_else(
    shop: Workshop, tmp_path: Path, step: Callable[[Workshop], object]
) -> None:
    step(shop)
    assert len(_problems(shop, tmp_path)) == 1


def test_rule_that_names_parts_that_were_revised_or_retired_is_sound(shop: Workshop, tmp_path: Path) -> None:
    shop.forge.revise(shop.college, shop.welding, "Welding, Revised")
    shop.forge.retire(shop.college, shop.soldering)
    _state(shop, ev.PathwayRevised, _wording(shop, "welder", "soldering", "welding"), shop.pathway)
    assert _problems(shop, tmp_path) == []


def test_part_whose_wording_is_gone_is_reported_there_alone(shop: Workshop, tmp_path: Path) -> None:
    database = put(shop.forge, tmp_path / "ledger.db")
    database.change("DELETE FROM definitions WHERE digest = ?", shop.soldering.digest)
    stated = shop.forge.streams[shop.soldering.stream][0]
    assert {each.position for each in database.audit().problems} == {stated}
