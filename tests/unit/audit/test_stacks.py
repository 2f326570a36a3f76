"""Awards built from others: each rule that a stack can break is caught at its position, and a race is told by it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.audit import stacks
from ledger.audit.report import AuditReport
from ledger.audit.stacks import StackKeys
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, AwardInternal, Component
from ledger.domain.definition import read_definition
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Did, Digest, LearnerId, ListId, Origin, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.record.private_parts import Facts, read_facts, read_internal, write_facts, write_internal
from ledger.testing.forge import DAY, HONEST, Forge, How
from tests.unit.audit.forged_database import place_of, put


class Workshop:
    """A college with two achievements, the pathway of both, and an award of each that one learner holds."""

    def __init__(self) -> None:
        self.forge = Forge()
        self.college: Did = self.forge.register("college")
        self.welding = self.forge.define(self.college)
        self.soldering = self.define("soldering")
        self.pathway = self.forge.define_pathway(self.college, ("welding", "soldering"))
        self.held = [self.forge.issue(self.college, self.forge.award(ref)) for ref in (self.welding, self.soldering)]

    def define(self, slug: str) -> AchievementRef:
        """Version 1 of an achievement with that slug."""
        plain: dict[str, canonical.Json] = {"slug": slug, "name": slug.title(), "description": "What is learned."}
        plain["competencies"] = [{"statement": "Can do it"}]
        plain["assessments"] = [{"type": "examination"}]
        stream, digest = self.forge.new_stream(), self.forge._store(read_definition(plain))
        defined = ev.AchievementDefined(digest=digest, version=1)
        self.forge.append(defined, stream=stream, by=self.college, key="college/signing")
        return AchievementRef(stream=stream, version=1, digest=digest)

    def pins(self) -> list[Component]:
        """Both awards as they stand."""
        return [self.forge.pin(stream) for stream in self.held]

    def stack(self, pins: list[Component] | None = None, how: How = HONEST) -> StreamId:
        """The award of the pathway for both awards, or for these pins, where the log ends."""
        return self.forge.stack(self.college, self.pathway, self.pins() if pins is None else pins, how)

    def again(self, stream: StreamId, by: Did, *, learner: int = 7, status_list: bytes = bytes(16)) -> StreamId:
        """The award that was just issued, made again for another learner, or with another status list."""
        last = self.forge.log.pop().recorded
        self.forge.streams.pop(stream)
        opened = self.forge.openings[last.position]
        internal = read_internal(opened[Part.INTERNAL].content)
        assert isinstance(internal, AwardInternal)
        assert isinstance(last.event, ev.CredentialIssued)
        parts = {part: opening.content for part, opening in opened.items()}
        parts[Part.INTERNAL] = write_internal(replace(internal, learner=LearnerId(UUID(int=learner))))
        event = replace(last.event, list=ListId(status_list))
        self.forge.append(event, stream=stream, by=by, key=f"{by.rsplit(':', 1)[-1]}/signing", parts=parts)
        return stream

    def audit(self, path: Path) -> AuditReport:
        """The audit of all of it."""
        return put(self.forge, path / "ledger.db").audit()


@pytest.fixture
def shop() -> Workshop:
    """Everything is ready to be stacked."""
    return Workshop()


Step = Callable[[Workshop], object]


def _both(first: Step, second: Step) -> Step:
    """One after the other."""

    def step(shop: Workshop) -> None:
        first(shop)
        second(shop)

    return step


def _after(change: Step) -> Step:
    """Stack what was pinned before a change, one position after it."""

    def step(shop: Workshop) -> None:
        pins = shop.pins()
        change(shop)
        shop.stack(pins)

    return step


def _then(change: Step) -> Step:
    """Stack after a change, with pins of what then stands."""

    def step(shop: Workshop) -> None:
        change(shop)
        shop.stack()

    return step


def _stack_of(*changed: Callable[[Component], Component]) -> Step:
    """Stack with the pin of the first award changed."""

    def step(shop: Workshop) -> None:
        first, second = shop.pins()
        for change in changed:
            first = change(first)
        shop.stack([first, second])

    return step


def _award(shop: Workshop, **fields: object) -> None:
    """The first award is another one, made with these fields."""
    award = replace(shop.forge.award(shop.welding), **fields)  # type: ignore[arg-type]
    shop.held[0] = shop.forge.issue(shop.college, award)


def _of_another_learner(shop: Workshop) -> None:
    shop.held[0] = shop.again(shop.forge.issue(shop.college, shop.forge.award(shop.welding)), shop.college, learner=8)


def _of_another_issuer(shop: Workshop) -> None:
    guild = shop.forge.register("guild")
    stream = shop.forge.issue(guild, shop.forge.award(shop.forge.define(guild)))
    shop.held[0] = shop.again(stream, guild, status_list=b"g" * 16)


def _of_what_is_no_part(shop: Workshop) -> None:
    shop.held[0] = shop.forge.issue(shop.college, shop.forge.award(shop.define("brazing")))


def _itself_a_stack(shop: Workshop) -> None:
    shop.held[0] = shop.stack()


def _stolen(shop: Workshop) -> None:
    position = len(shop.forge.log) + 1
    _award(shop)
    shop.forge.compromise(shop.college, "college/signing", position)
    shop.forge.add_key(shop.college, "college/next")
    shop.stack(how=How(key="college/next"))


_CAUGHT: list[tuple[Step, str]] = [
    (_after(lambda s: s.forge.revoke(s.held[0])), "is pinned at its entry 0, and entry 1 was its last one"),
    (_then(lambda s: s.forge.revoke(s.held[0])), "is revoked"),
    (_then(lambda s: s.forge.suspend(s.held[1])), "is suspended"),
    (_after(lambda s: s.forge.amend(s.held[1], s.forge.award(s.soldering))), "entry 1 was its last one"),
    (_then(lambda s: _award(s, valid_until=DAY - timedelta(days=1), awarded_on=DAY - timedelta(days=9))), "expired on"),
    (_then(lambda s: _award(s, valid_from=DAY + timedelta(days=1))), "is not in force before"),
    (_stolen, "was signed with a stolen key"),
    (_then(_of_another_learner), "is an award of another learner"),
    (_then(_of_another_issuer), "is an award of another issuer"),
    (_then(_of_what_is_no_part), "which is not a part of this pathway"),
    (_then(_itself_a_stack), "is itself built from other awards"),
    (_stack_of(lambda pin: replace(pin, entry=Digest(bytes(32)))), "is pinned by another digest"),
    (_stack_of(lambda pin: replace(pin, seq=Seq(1))), "is pinned at its entry 1, and entry 0 was its last one"),
    (_stack_of(lambda pin: replace(pin, origin=Origin("elsewhere/log"))), "is said to stand in another log"),
    (_stack_of(lambda pin: replace(pin, stream=StreamId(UUID(int=pin.stream.int ^ 1)))), "was not on record"),
    (lambda s: s.stack([s.forge.pin(s.welding.stream), s.pins()[1]]), "was not on record as an award"),
    (lambda s: s.stack([*s.pins(), s.pins()[0]]), "is named twice"),
    (lambda s: s.stack([*s.pins(), s.forge.pin(s.held[0])][:1]), "no award in force of “soldering”"),
    (lambda s: s.stack([]), "make 0 of 2"),
    (lambda s: s.stack(s.pins() * MOST_COMPONENTS), f"names {2 * MOST_COMPONENTS} components"),
    (lambda s: s.forge.stack(s.college, s.welding, s.pins()), "no pathway but an achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(s.pathway)), "as if it were earned by itself"),
    (
        lambda s: s.forge.issue(s.college, replace(s.forge.award(s.welding), components=tuple(s.pins()))),
        "names components as only a stacked one does",
    ),
]


@pytest.mark.parametrize(("step", "reason"), _CAUGHT)
def test_stack_that_breaks_a_rule_is_located(shop: Workshop, tmp_path: Path, step: Step, reason: str) -> None:
    step(shop)
    report = shop.audit(tmp_path)
    assert place_of(report) == (len(shop.forge.log), "stack")
    assert any(reason in each.reason for each in report.problems)
    assert {each.position for each in report.problems} == {len(shop.forge.log)}


def test_component_is_named_in_the_sentence(shop: Workshop, tmp_path: Path) -> None:
    _then(lambda s: s.forge.suspend(s.held[1]))(shop)
    (problem,) = shop.audit(tmp_path).problems
    assert problem.reason == f"its component {shop.held[1]} is suspended"


def _retired(shop: Workshop) -> None:
    event = ev.PathwayRetired(digest=shop.pathway.digest, version=1)
    shop.forge.append(event, stream=shop.pathway.stream, by=shop.college, key="college/signing")


def test_stack_of_a_retired_pathway_is_located(shop: Workshop, tmp_path: Path) -> None:
    _then(_retired)(shop)
    assert place_of(shop.audit(tmp_path)) == (len(shop.forge.log), "achievement")


def _reinstated(shop: Workshop) -> None:
    shop.forge.suspend(shop.held[0])
    shop.forge.reinstate(shop.held[0])


def _revised_part(shop: Workshop) -> None:
    shop.forge.revise(shop.college, shop.welding, "Welding, Revised")


@pytest.mark.parametrize(
    "step",
    [
        lambda s: s.stack(),
        lambda s: (s.stack(), s.forge.revoke(s.held[0]), s.forge.suspend(s.held[1])),
        lambda s: (s.stack(), s.forge.compromise(s.college, "college/signing", 8)),
        _both(lambda s: s.stack(), _retired),
        _then(_reinstated),
        _then(_revised_part),
        _then(lambda s: s.forge.amend(s.held[0], s.forge.award(s.welding, "Ada Newname"))),
        _then(lambda s: _award(s, valid_until=DAY)),
        _then(lambda s: _award(s, valid_from=DAY)),
        _both(lambda s: s.stack(), _of_another_learner),
    ],
)
def test_stack_of_what_stood_at_its_position_is_sound(shop: Workshop, tmp_path: Path, step: Step) -> None:
    step(shop)
    report = shop.audit(tmp_path)
    assert report.problems == ()
    assert ("digests of stacks", 1) in [(each.what, each.count) for each in report.not_checked]


def test_some_of_the_parts_are_enough_for_a_pathway_that_asks_for_some(shop: Workshop, tmp_path: Path) -> None:
    shop.define("brazing")
    shop.pathway = shop.forge.define_pathway(shop.college, ("welding", "soldering", "brazing"), name="some", least=2)
    shop.stack()
    assert shop.audit(tmp_path).sound


@pytest.mark.parametrize("change", [lambda pins: pins[:1], lambda pins: pins[::-1], lambda _: []])
def test_amended_stack_keeps_its_components(
    shop: Workshop, tmp_path: Path, change: Callable[[list[Component]], list[Component]]
) -> None:
    stream, pins = shop.stack(), shop.pins()
    award = replace(shop.forge.award(shop.pathway, "Ada Newname"), components=tuple(pins))
    shop.forge.amend(stream, award)
    assert shop.audit(tmp_path).sound
    shop.forge.amend(stream, replace(award, components=tuple(change(pins))))
    (tmp_path / "ledger.db").unlink()
    assert place_of(shop.audit(tmp_path)) == (len(shop.forge.log), "stack")


def test_same_award_for_the_same_components_is_located_whatever_their_order(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    first = len(shop.forge.log)
    shop.stack(shop.pins()[::-1])
    (problem,) = shop.audit(tmp_path).problems
    assert (problem.position, problem.check.value) == (first + 1, "stack")
    assert problem.reason == f"the learner had this award for these components already, at position {first}"
    assert (problem.stream, problem.seq) == (str(shop.forge.log[first].recorded.stream), 0)


def test_other_components_make_another_award(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    _award(shop)
    shop.stack()
    assert shop.audit(tmp_path).sound


def test_parts_that_cannot_be_read_are_reported_where_they_stand(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    component = shop.forge.streams[shop.held[0]][0]
    for statement in (
        "UPDATE private_parts SET key_id = x'00' WHERE position = ? AND part = 'internal'",
        "DELETE FROM private_parts WHERE position = ? AND part = 'internal'",
    ):
        database.change(statement, component)
        assert {(each.position, each.check.value) for each in database.audit().problems} == {(component, "parts")}


@pytest.mark.parametrize("ref", ["welding", "pathway"])
def test_wording_that_is_gone_is_reported_where_it_was_stated(shop: Workshop, tmp_path: Path, ref: str) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    stated = getattr(shop, ref)
    database.change("DELETE FROM definitions WHERE digest = ?", stated.digest)
    assert {each.position for each in database.audit().problems} == {shop.forge.streams[stated.stream][0]}


def test_wording_that_cannot_be_read_is_reported_where_it_was_stated(shop: Workshop, tmp_path: Path) -> None:
    digest = shop.forge.keep(b'{"slug":"x"}')
    stream = shop.forge.new_stream()
    event = ev.PathwayDefined(digest=digest, version=1)
    stated = shop.forge.append(event, stream=stream, by=shop.college, key="college/signing")
    shop.forge.stack(shop.college, AchievementRef(stream=stream, version=1, digest=digest), shop.pins())
    good = shop.forge.definitions[shop.welding.digest]
    shop.forge.definitions[digest] = good  # so that the names can be put beside it
    database = put(shop.forge, tmp_path / "ledger.db")
    database.change("UPDATE definitions SET content = ? WHERE digest = ?", b'{"slug":"x"}', digest)
    report = database.audit()
    assert place_of(report) == (stated, "definition")
    assert {each.check.value for each in report.problems} <= {"definition", "name"}


def test_internal_part_of_a_stack_that_cannot_be_read_is_reported_alone(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    database.change("UPDATE private_parts SET box = x'00' WHERE position = ? AND part = 'internal'", 9)
    assert [(each.position, each.check.value) for each in database.audit().problems] == [(9, "parts")]


def test_component_whose_entries_break_a_rule_is_judged_by_those_that_do_not(shop: Workshop, tmp_path: Path) -> None:
    shop.forge.reinstate(shop.held[0])  # nothing is suspended: the entry counts for nothing, but is the last one
    wrong = len(shop.forge.log)
    shop.stack()
    report = shop.audit(tmp_path)
    assert [(each.position, each.check.value) for each in report.problems] == [(wrong, "order")]


def test_component_with_bytes_that_are_no_entry_is_judged_by_the_others(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    component = shop.forge.streams[shop.held[0]][0]
    for state in (b"nothing", "text"):
        database.change("UPDATE stored_events SET state = ? WHERE notification_id = ?", state, component)
        problems = {(each.position, each.check.value) for each in database.audit(kept=None).problems}
        assert (9, "stack") in problems
        assert (component, "entry") in problems


def test_entry_that_names_another_stream_is_not_the_components(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    one, other = (stream.hex for stream in shop.held)
    for old, new in ((one, "0" * 32), (other, one), ("0" * 32, other)):
        database.change("UPDATE stored_events SET originator_id = ? WHERE originator_id = ?", new, old)
    reasons = [each.reason for each in database.audit().problems if each.position == 9]
    assert len([each for each in reasons if "was not on record as an award" in each]) == 2


def test_facts_of_an_act_are_not_those_of_a_component(shop: Workshop, tmp_path: Path) -> None:
    facts = write_facts(Facts(award=None, act=read_facts(_facts_of_an_act(shop)).act))
    shop.held[0] = shop.forge.issue(shop.college, shop.forge.award(shop.welding), How(parts={Part.FACTS: facts}))
    wrong = len(shop.forge.log)
    shop.stack()
    assert {each.position for each in shop.audit(tmp_path).problems} == {wrong}


def _facts_of_an_act(shop: Workshop) -> bytes:
    shop.forge.suspend(shop.held[1])
    opened = shop.forge.openings[shop.forge.log[-1].recorded.position]
    shop.forge.reinstate(shop.held[1])
    return opened[Part.FACTS].content


@pytest.mark.parametrize("statement", ["DELETE FROM stacks", "INSERT INTO stacks VALUES (x'00', 'x')"])
def test_table_of_stacks_holds_one_row_for_each(shop: Workshop, tmp_path: Path, statement: str) -> None:
    shop.stack()
    database = put(shop.forge, tmp_path / "ledger.db")
    database.change(statement)
    assert database.first(opener=None) == (len(shop.forge.log) + 1, "stack")


def test_without_keys_a_stack_is_an_award_like_others(shop: Workshop, tmp_path: Path) -> None:
    shop.stack([])
    assert put(shop.forge, tmp_path / "ledger.db").audit(opener=None).sound


def test_stack_on_what_is_not_on_record_is_reported_once(shop: Workshop, tmp_path: Path) -> None:
    shop.pathway = replace(shop.pathway, stream=shop.forge.new_stream())
    shop.stack()
    assert place_of(shop.audit(tmp_path)) == (len(shop.forge.log), "achievement")


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_repeated_keys_are_those_that_come_again(learners: list[int], at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "_AT_ONCE", at_once)
        ref = AchievementRef(stream=StreamId(UUID(int=1)), version=1, digest=Digest(bytes(32)))
        award = replace(Forge().award(ref), components=())
        halves = StackKeys(), StackKeys()
        for position, learner in enumerate(learners, start=1):
            halves[position % 2].add(award, _internal(learner), Position(position))
        halves[0].extend(halves[1])
        places = {learner: [at for at, each in enumerate(learners, 1) if each == learner] for learner in learners}
        again = {(place, tuple(found[:turn])) for found in places.values() for turn, place in enumerate(found) if turn}
        assert set(halves[0].repeated()) == again


def _internal(learner: int) -> AwardInternal:
    shop = read_internal(
        canonical.encode(
            {
                "v": 1,
                "actor": "a",
                "learner": str(UUID(int=learner)),
                "student_number": "S",
                "email": None,
                "code": "0" * 36,
                "short_code": "0" * 13,
                "notes": None,
            }
        )
    )
    assert isinstance(shop, AwardInternal)
    return shop


def test_day_of_a_stack_is_that_of_its_entry(shop: Workshop, tmp_path: Path) -> None:
    _award(shop, valid_until=DAY)
    shop.forge.at += timedelta(days=1)
    shop.stack()
    report = shop.audit(tmp_path)
    assert [each.reason for each in report.problems] == [
        f"its component {shop.held[0]} expired on {date.isoformat(DAY)}"
    ]


def test_wording_that_was_changed_is_not_the_rule_of_a_stack(shop: Workshop, tmp_path: Path) -> None:
    shop.stack()
    shop.define("brazing")
    stricter = shop.forge.define_pathway(shop.college, ("welding", "soldering", "brazing"), name="stricter")
    database = put(shop.forge, tmp_path / "ledger.db")
    content = shop.forge.definitions[stricter.digest]
    database.change("UPDATE definitions SET content = ? WHERE digest = ?", content, shop.pathway.digest)
    stated = shop.forge.streams[shop.pathway.stream][0]
    assert {each.position for each in database.audit().problems} == {stated}


def test_component_with_an_entry_that_is_no_awards_is_judged_by_the_others(shop: Workshop, tmp_path: Path) -> None:
    event = ev.AchievementRetired(digest=shop.welding.digest, version=1)
    wrong = shop.forge.append(event, stream=shop.held[0], by=shop.college, key="college/signing")
    shop.stack()
    report = shop.audit(tmp_path)
    assert {(each.position, each.check.value) for each in report.problems} == {(wrong, "order")}
