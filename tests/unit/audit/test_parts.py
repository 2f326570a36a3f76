"""Private parts: which stand beside an entry, that they open and are the ones committed to, and what they may say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from ledger import canonical
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.types import Digest, LearnerId, ListId, Position, Slot
from ledger.domain.values import Mode, Part, Reason
from ledger.record.private_parts import Facts, read_facts, read_internal, write_facts, write_internal
from ledger.testing.forge import AN_ACT, DAY, Forge, How
from tests.unit.audit.forged_database import KEY_ID, Database, put
from tests.unit.audit.test_rules import Scene

# ------------------------------------------------------------------------------------------------- boxes in the table


def test_flipped_byte_of_each_box_is_located(honest: Database) -> None:
    for position, openings in honest.forge.openings.items():
        for part in openings:
            (box,) = honest.rows("SELECT box FROM private_parts WHERE position = ? AND part = ?", position, part.value)[
                0
            ]
            assert isinstance(box, bytes)
            honest.change(
                "UPDATE private_parts SET box = ? WHERE position = ? AND part = ?",
                box[:-33] + bytes([box[-33] ^ 1]) + box[-32:],
                position,
                part.value,
            )
            first = honest.first()
            assert first is not None
            assert first[0] == position
            honest.change("UPDATE private_parts SET box = ? WHERE position = ? AND part = ?", box, position, part.value)
    assert honest.first() is None


def test_part_that_opens_to_other_bytes_is_not_the_one_committed_to(honest: Database) -> None:
    honest.change("UPDATE private_parts SET box = CAST(box || x'00' AS BLOB) WHERE position = 9 AND part = 'facts'")
    assert honest.first() == (9, "commitment")


def test_two_parts_exchanged_are_located(honest: Database) -> None:
    honest.change("UPDATE private_parts SET position = position + 100 WHERE position = 8 AND part = 'facts'")
    honest.change("UPDATE private_parts SET position = 8 WHERE position = 9 AND part = 'facts'")
    honest.change("UPDATE private_parts SET position = 9 WHERE position = 108")
    assert honest.first() == (8, "parts")


@pytest.mark.parametrize(
    ("statement", "parameters", "position"),
    [
        ("DELETE FROM private_parts WHERE position = 12 AND part = 'document'", (), 12),
        ("DELETE FROM private_parts WHERE position = 12", (), 12),
        ("INSERT INTO private_parts SELECT 7, part, key_id, box FROM private_parts WHERE position = 12", (), 7),
        ("INSERT INTO private_parts VALUES (12, 'salary', ?, x'00')", (KEY_ID,), 12),
        ("UPDATE private_parts SET part = 'Facts' WHERE position = 12 AND part = 'facts'", (), 12),
        ("INSERT INTO private_parts VALUES (0, 'facts', ?, x'00')", (KEY_ID,), 0),
        ("UPDATE private_parts SET key_id = ? WHERE position = 12 AND part = 'facts'", (bytes(16),), 12),
        ("UPDATE private_parts SET key_id = 'text' WHERE position = 12 AND part = 'facts'", (), 12),
        ("UPDATE private_parts SET box = 'text' WHERE position = 12 AND part = 'facts'", (), 12),
        ("UPDATE private_parts SET box = x'00' WHERE position = 12 AND part = 'facts'", (), 12),
    ],
)
def test_changed_row_of_a_part_is_located(
    honest: Database, statement: str, parameters: tuple[bytes, ...], position: int
) -> None:
    honest.change(statement, *parameters)
    assert honest.first() == (position, "parts")


def test_part_that_the_entry_does_not_commit_to_is_reported_once_and_not_opened(honest: Database) -> None:
    honest.change("INSERT INTO private_parts VALUES (12, 'salary', ?, x'00')", KEY_ID)
    assert honest.audit().problem_count == 1


def test_link_code_that_leads_elsewhere_is_said_so(tmp_path: Path) -> None:
    scene = Scene()
    _issue_with(scene, _internal(scene))
    reasons = [each.reason for each in put(scene.forge, tmp_path / "ledger.db").audit().problems]
    assert "the link code leads to another stream" in reasons


def test_parts_beyond_the_last_entry_or_at_no_position_are_problems(honest: Database) -> None:
    size = len(honest.forge.log)
    honest.loosen("private_parts")
    honest.change("INSERT INTO private_parts VALUES (900, 'facts', ?, x'00')", KEY_ID)
    assert honest.first() == (size + 1, "parts")
    honest.change("UPDATE private_parts SET position = 'late' WHERE position = 900")
    first = honest.first()
    assert first is not None
    assert first[1] == "parts"


def test_parts_of_an_entry_that_is_none_are_passed_over(honest: Database) -> None:
    honest.change("UPDATE stored_events SET state = x'00' WHERE notification_id = 9")
    report = honest.audit()
    assert [each.check.value for each in report.problems if "private part" in each.reason] == []


def test_missing_part_is_noticed_without_the_vault(honest: Database) -> None:
    honest.change("DELETE FROM private_parts WHERE position = 12 AND part = 'document'")
    assert honest.first(opener=None) == (12, "parts")


# ---------------------------------------------------------------------------------------------------- what they say

Contents = Mapping[Part, bytes]


def _contents(scene: Scene, position: int = 5) -> dict[Part, bytes]:
    return {part: opening.content for part, opening in scene.forge.openings[Position(position)].items()}


def _facts(scene: Scene, **changed: object) -> Contents:
    facts = read_facts(_contents(scene)[Part.FACTS])
    assert facts.award is not None
    award: Award = replace(facts.award, **changed)  # type: ignore[arg-type]
    return {Part.FACTS: write_facts(Facts(award=award, act=None))}


def _internal(scene: Scene, **changed: object) -> Contents:
    internal = read_internal(_contents(scene)[Part.INTERNAL])
    assert isinstance(internal, AwardInternal)
    return {Part.INTERNAL: write_internal(replace(internal, **changed))}  # type: ignore[arg-type]


def _issue_with(scene: Scene, parts: Contents) -> None:
    scene.forge.issue(scene.college, scene.forge.award(scene.ref), how=How(parts=parts))


def _stranger_ref(scene: Scene) -> AchievementRef:
    other = scene.forge.register("other")
    ref = scene.forge.define(other)
    scene.next = len(scene.forge.log) + 1
    return ref


def _old_ref(scene: Scene) -> AchievementRef:
    scene.forge.revise(scene.college, scene.ref, "Newer")
    scene.next = len(scene.forge.log) + 1
    return scene.ref


def _retired_ref(scene: Scene) -> AchievementRef:
    scene.forge.retire(scene.college, scene.ref)
    scene.next = len(scene.forge.log) + 1
    return scene.ref


def _future_ref(scene: Scene) -> AchievementRef:
    return replace(scene.ref, version=2, digest=scene.forge.definition("Not yet"))


def _act_of(scene: Scene, **changed: object) -> Act:
    return replace(AN_ACT, **changed)  # type: ignore[arg-type]


def _act_internal() -> bytes:
    return write_internal(ActInternal(actor="registrar", notes=None))


def _award_facts(scene: Scene) -> bytes:
    return _contents(scene)[Part.FACTS]


Step = Callable[[Scene], object]

_WRONG: list[tuple[Step, str]] = [
    (lambda s: _issue_with(s, {Part.DOCUMENT: b"{}"}), "document"),
    (lambda s: _issue_with(s, {Part.FACTS: b"no JSON"}), "facts"),
    (lambda s: _issue_with(s, {Part.FACTS: canonical.encode({"v": 1})}), "facts"),
    (lambda s: _issue_with(s, {Part.FACTS: write_facts(Facts(award=None, act=AN_ACT))}), "facts"),
    (
        lambda s: _issue_with(s, {Part.FACTS: write_facts(Facts(award=s.forge.award(s.ref), act=AN_ACT))}),
        "facts",
    ),
    (lambda s: _issue_with(s, {Part.INTERNAL: b"no JSON"}), "internal"),
    (lambda s: _issue_with(s, {Part.INTERNAL: _act_internal()}), "internal"),
    (lambda s: _issue_with(s, _internal(s)), "internal"),  # the code of the first award
    (lambda s: s.forge.suspend(s.award, how=How(parts={Part.FACTS: _award_facts(s)})), "facts"),
    (lambda s: s.forge.suspend(s.award, how=How(parts={Part.INTERNAL: _contents(s)[Part.INTERNAL]})), "internal"),
    (lambda s: s.forge.suspend(s.award, act=_act_of(s, reason=None)), "facts"),
    (lambda s: s.forge.suspend(s.award, act=_act_of(s, mode=Mode.PROSPECTIVE)), "facts"),
    (lambda s: s.forge.suspend(s.award, act=_act_of(s, effective=date(2026, 11, 23))), "facts"),
    (lambda s: s.forge.suspend(s.award, act=_act_of(s, effective=date(2026, 11, 20))), "facts"),
    (lambda s: s.forge.suspend(s.award, act=_act_of(s, text="a\x00b")), "facts"),
    (lambda s: s.forge.revoke(s.award, act=_act_of(s, mode=None)), "facts"),
    (lambda s: s.forge.revoke(s.award, act=_act_of(s, reason=None, mode=Mode.PROSPECTIVE)), "facts"),
    (lambda s: s.forge.amend(s.award, s.forge.award(s.ref), act=_act_of(s, reason=None)), "facts"),
    (lambda s: s.forge.amend(s.award, s.forge.award(s.ref), act=_act_of(s, mode=Mode.RETROACTIVE)), "facts"),
    (lambda s: s.forge.amend(s.award, s.forge.award(s.ref), how=How(parts={Part.FACTS: _award_facts(s)})), "facts"),
    (lambda s: _amend_internal(s, student_number="B-2"), "internal"),
    (lambda s: _amend_internal(s, learner=LearnerId(UUID(int=8))), "internal"),
    (lambda s: _amend_internal(s, short_code="0000000000011"), "internal"),
    (lambda s: _issue_short_code(s, "000000000000o"), "internal"),
    (lambda s: _issue_short_code(s, "0000000000001"), "internal"),
    (lambda s: s.forge.issue(s.college, s.forge.award(_future_ref(s))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(replace(s.ref, version=2))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(replace(s.ref, digest=_future_ref(s).digest))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(replace(s.ref, stream=s.award))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(_stranger_ref(s))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(_old_ref(s))), "achievement"),
    (lambda s: s.forge.issue(s.college, s.forge.award(_retired_ref(s))), "achievement"),
    (lambda s: s.forge.amend(s.award, s.forge.award(_stranger_ref(s))), "achievement"),
]


def _amend_internal(scene: Scene, **changed: object) -> None:
    scene.forge.amend(scene.award, scene.forge.award(scene.ref), how=How(parts=_internal(scene, **changed)))


def _issue_short_code(scene: Scene, short_code: str) -> None:
    """The next award, with a short code that has another spelling or a typing error."""
    forge = scene.forge
    probe = Forge()
    probe.register("college")
    probe.define(scene.college)
    probe.issue(scene.college, probe.award(scene.ref))
    stream = probe.issue(scene.college, probe.award(scene.ref))
    parts = _internal(scene, code=probe.codes[stream], short_code=short_code)
    assert forge.issue(scene.college, forge.award(scene.ref), how=How(parts=parts)) == stream


@pytest.mark.parametrize(("step", "check"), _WRONG)
def test_part_that_says_what_it_must_not_is_located(tmp_path: Path, step: Step, check: str) -> None:
    scene = Scene()
    step(scene)
    database = put(scene.forge, tmp_path / "ledger.db")
    assert database.first() == (scene.next, check)


def test_second_achievement_of_the_issuer_in_an_amendment_is_a_problem(tmp_path: Path) -> None:
    scene = Scene()
    other = scene.forge.new_stream()
    digest = scene.forge.definition("Another")
    scene.forge.append(
        ev.AchievementDefined(digest=digest, version=1), stream=other, by=scene.college, key="college/signing"
    )
    scene.forge.amend(scene.award, scene.forge.award(AchievementRef(stream=other, version=1, digest=digest)))
    database = put(scene.forge, tmp_path / "ledger.db")
    problems = [(each.position, each.check.value) for each in database.audit().problems]
    assert (7, "achievement") in problems


def test_link_code_must_be_the_one_that_the_entry_names(tmp_path: Path) -> None:
    """The stream holds 74 bits of the code's digest; the entry holds all of it."""
    scene = Scene()
    forge = scene.forge
    code = new_link_code(int(forge.at.timestamp() * 1000), bytes(16))
    stream = stream_of(code)
    contents = {**_contents(scene), **_internal(scene, code=code)}
    digest = bytearray(link_digest(code))
    digest[-1] ^= 1
    event = ev.CredentialIssued(link=Digest(bytes(digest)), list=ListId(bytes(16)), slot=Slot(77))
    forge.append(event, stream=stream, by=scene.college, key="college/signing", parts=contents)
    assert put(forge, tmp_path / "ledger.db").first() == (6, "internal")


@pytest.mark.parametrize(
    "step",
    [
        lambda s: s.forge.suspend(s.award, act=_act_of(s, effective=date(2026, 11, 22))),  # already today in the east
        lambda s: s.forge.revoke(
            s.award, act=Act(reason=Reason.OTHER, mode=Mode.RETROACTIVE, effective=date(2026, 1, 1), text=None)
        ),
        lambda s: s.forge.amend(s.award, s.forge.award(s.ref), act=_act_of(s, effective=date(2026, 11, 20))),
        lambda s: s.forge.amend(s.award, s.forge.award(_old_ref(s))),  # an amendment may keep the old version
        lambda s: s.forge.amend(s.award, s.forge.award(_retired_ref(s))),
        lambda s: s.forge.amend(s.award, replace(s.forge.award(s.ref), awarded_on=DAY)),
    ],
)
def test_parts_that_the_rules_allow_are_sound(tmp_path: Path, step: Step) -> None:
    scene = Scene()
    step(scene)
    assert put(scene.forge, tmp_path / "ledger.db").first() is None


def test_act_is_held_against_the_version_in_force_then(tmp_path: Path) -> None:
    """The amendment moved the day of the award, so that the suspension now comes before it."""
    scene = Scene()
    scene.forge.amend(scene.award, replace(scene.forge.award(scene.ref), awarded_on=date(2026, 11, 22)))
    scene.forge.suspend(scene.award)
    assert put(scene.forge, tmp_path / "ledger.db").first() == (7, "facts")


def test_act_whose_award_cannot_be_read_is_not_held_against_it(tmp_path: Path) -> None:
    scene = Scene()
    scene.forge.suspend(scene.award)
    database = put(scene.forge, tmp_path / "ledger.db")
    database.change("UPDATE private_parts SET key_id = x'00' WHERE position = 5")
    assert {each.position for each in database.audit().problems} == {5}


def test_act_on_the_last_day_of_the_calendar_does_no_harm(tmp_path: Path) -> None:
    scene = Scene()
    scene.forge.at = scene.forge.at.replace(year=9999, month=12, day=31)
    act = _act_of(scene, effective=date(9999, 12, 31))
    scene.forge.suspend(scene.award, act=act)
    assert put(scene.forge, tmp_path / "ledger.db").first() is None
