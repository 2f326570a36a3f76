"""What is stated is what the slow, obvious way gives, at every size, however the entries came in; and it is proved."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import events as ev
from ledger.domain.authority import operator_of
from ledger.domain.status import act_of
from ledger.domain.types import Did, ListId, Origin, Position, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Role
from ledger.record.entry import MalformedEntry
from ledger.testing.forge import OPERATOR, RECOVERY, Forge, How
from ledger.verification.authority_lines import (
    KeyLine,
    LineUnknown,
    RecognitionLine,
    check_authority_line,
    read_line,
)
from ledger.verification.evidence import Placed
from ledger.verification.statement import EntryMissing, Statuses
from ledger.verification.status_lists import ListUnknown, check_slot
from ledger.verification.statuses_bytes import MalformedStatuses
from ledger.verification.stored_acts import stored_act
from tests.unit.verification.statements import DEEDS, World, bits_of, busy, issuers_of, lines_of, stated

_deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 10_000)), max_size=40)


def _world(deeds: list[tuple[str, int]]) -> World:
    world = World()
    for what, number in deeds:
        world.do(what, number)
    return world


@settings(max_examples=200)
@given(deeds=_deeds, data=st.data())
def test_a_statement_at_any_size_is_what_the_obvious_way_gives(
    deeds: list[tuple[str, int]], data: st.DataObject
) -> None:
    world = _world(deeds)
    history, placed = world.history, world.placed
    cuts = sorted(data.draw(st.sets(st.integers(1, len(history)), max_size=6)) | {len(history)})
    statuses, taken = world.statuses(), 0
    for cut in cuts:
        how = data.draw(st.sampled_from(("stored", "recorded", "kept", "settled")))
        if how == "recorded":
            statuses.take(history[taken:cut])
        else:
            statuses.take_stored(placed[taken:cut])
        if how == "settled":
            statuses.settle()
        if how == "kept":
            statuses = world.restored(statuses.to_bytes())
        assert statuses.size == cut
        assert statuses.statement() == stated(history[:cut])
        taken = cut


@settings(max_examples=50)
@given(deeds=_deeds)
def test_all_lines_and_what_is_disowned_are_told_as_the_obvious_way_has_them(deeds: list[tuple[str, int]]) -> None:
    world = _world(deeds)
    statuses, known = world.statuses(), issuers_of(world.history)
    statuses.take_stored(world.placed)
    assert list(statuses.authority_lines()) == lines_of(world.history)
    for each in world.history:
        issuer = known.get(each.by)
        disowned = issuer is not None and issuer.disowns(each.kid, each.position)
        assert statuses.disowns(each.by, each.kid, each.position) == disowned


@settings(max_examples=50)
@given(deeds=_deeds)
def test_every_bit_and_every_line_is_proved_against_the_statement(deeds: list[tuple[str, int]]) -> None:
    world = _world(deeds)
    statuses = world.statuses()
    statuses.take_stored(world.placed)
    statement = statuses.statement()
    for (name, slot), bit in bits_of(world.history).items():
        assert check_slot(statuses.slot_proof(name, Slot(slot)), statement) is bit
        assert statuses.is_set(name, Slot(slot)) is bit
    for name in {name for name, _ in bits_of(world.history)}:
        bits = int.from_bytes(statuses.list_bits(name), "big")
        held = [slot for (other, slot), bit in bits_of(world.history).items() if bit and other == name]
        assert bits == sum(1 << STATUS_LIST_SLOTS - 1 - slot for slot in held)
    proofs = [proof for did in world.dids for proof in statuses.recognition_proofs(did)]
    for did in world.dids:
        proofs += [statuses.authority_proof(did, world.forge.kid(key)) for key in world.keys[did] + world.roots[did]]
    assert sorted(proof.line for proof in proofs) == lines_of(world.history)
    for proof in proofs:
        assert check_authority_line(proof, statement).to_bytes() == proof.line


@settings(max_examples=50)
@given(deeds=_deeds)
def test_a_key_is_in_force_by_its_line_where_it_is_in_force_by_its_issuer(deeds: list[tuple[str, int]]) -> None:
    world = _world(deeds)
    statuses = world.statuses()
    statuses.take(world.history)
    for issuer in issuers_of(world.history).values():
        for key in issuer.keys.values():
            line = read_line(statuses.authority_proof(issuer.did, key.kid).line)
            assert isinstance(line, KeyLine)
            for position in map(Position, range(1, len(world.history) + 2)):
                for role in Role:
                    good = issuer.in_force(key.kid, role, position) and not issuer.disowns(key.kid, position)
                    assert line.in_force(role, position) == good


# ------------------------------------------------------------------------------------------------------------- examples


class _Scene:
    """A college with two signing keys, and statuses that follow the log."""

    def __init__(self) -> None:
        self.world = World()
        self.forge = self.world.forge
        self.college, _, self.body = self.world.dids
        self.forge.add_key(self.college, "second")
        self.award = self.forge.award(self.forge.define(self.college))
        self.statuses = self.world.statuses()

    def issue(self, key: str = "north/signing") -> StreamId:
        return self.forge.issue(self.college, self.award, How(key=key))

    def bits(self, stream: StreamId) -> list[bool]:
        """Those of the versions of an award, in their order, by what is on record now; each is proved."""
        self.statuses.take_stored(self.world.placed[self.statuses.size :])
        statement = self.statuses.statement()
        assert statement == stated(self.world.history)
        acts = self.world.acts([stream])[stream]
        places = [(act.list, act.slot) for act in acts if act.list is not None and act.slot is not None]
        return [check_slot(self.statuses.slot_proof(*place), statement) for place in places]


def test_a_suspension_holds_until_it_is_lifted_and_a_revocation_for_good() -> None:
    scene = _Scene()
    stream, other = scene.issue(), scene.issue()
    assert scene.bits(stream) == [False]
    scene.forge.suspend(stream)
    assert scene.bits(stream) == [True]
    scene.forge.reinstate(stream)
    assert scene.bits(stream) == [False]
    scene.forge.revoke(stream)
    assert scene.bits(stream) == [True]
    assert scene.bits(other) == [False]


def test_an_amendment_sets_the_bit_of_the_version_before_it_alone() -> None:
    scene = _Scene()
    stream = scene.issue()
    scene.forge.amend(stream, scene.award)
    assert scene.bits(stream) == [True, False]
    scene.forge.amend(stream, scene.award)
    scene.forge.suspend(stream)
    assert scene.bits(stream) == [True, True, True]
    scene.forge.reinstate(stream)
    assert scene.bits(stream) == [True, True, False]


def test_a_key_reported_from_a_position_in_the_past_flips_the_bits_of_what_it_signed_from_there_on() -> None:
    scene = _Scene()
    before, after, good = scene.issue("second"), scene.issue("second"), scene.issue()
    amended = scene.issue()
    scene.forge.amend(amended, scene.award, how=How(key="second"))
    suspended = scene.issue()
    scene.forge.suspend(suspended)
    scene.forge.reinstate(suspended, How(key="second"))
    streams = (before, after, good, amended, suspended)
    assert [scene.bits(stream) for stream in streams] == [[False], [False], [False], [True, False], [False]]
    first = scene.forge.streams[after][0]
    scene.forge.compromise(scene.college, "second", first)
    assert [scene.bits(stream) for stream in streams] == [[False], [True], [False], [False, True], [True]]
    scene.forge.reinstate(suspended)
    assert scene.bits(suspended) == [False]
    scene.forge.compromise(scene.college, "second", 1, RECOVERY)
    assert [scene.bits(stream) for stream in streams] == [[True], [True], [False], [False, True], [False]]


def test_awards_that_changed_wait_to_be_looked_up_until_a_statement_is_asked_for() -> None:
    scene = _Scene()
    streams = [scene.issue() for _ in range(3)]
    scene.statuses.take_stored(scene.world.placed[scene.statuses.size :])
    scene.statuses.statement()
    assert scene.statuses.pending == 0
    for stream in streams[:2]:
        scene.forge.revoke(stream)
    scene.statuses.take_stored(scene.world.placed[scene.statuses.size :])
    assert scene.statuses.pending == 2
    scene.statuses.statement()
    assert scene.statuses.pending == 0


def test_what_a_thief_lowered_counts_until_a_good_key_reinstates() -> None:
    scene = _Scene()
    stream = scene.issue()
    scene.forge.revoke(stream, How(key="second"))
    scene.forge.compromise(scene.college, "second", 1, RECOVERY)
    assert scene.bits(stream) == [True]
    scene.forge.reinstate(stream)
    assert scene.bits(stream) == [False]


def test_what_a_stolen_root_key_brought_in_is_disowned_with_it() -> None:
    scene = _Scene()
    brought = scene.forge.add_key(scene.college, "thief")
    stream = scene.issue("thief")
    scene.forge.add_key(scene.college, "rescue", Role.ROOT, RECOVERY)
    assert scene.bits(stream) == [False]
    scene.forge.compromise(scene.college, "north/root", brought, RECOVERY)
    assert scene.bits(stream) == [True]
    line = read_line(scene.statuses.authority_proof(scene.college, scene.forge.kid("thief")).line)
    assert isinstance(line, KeyLine)
    assert (line.added, line.disowned_from) == (brought, brought)


def test_an_award_of_a_key_that_is_known_as_stolen_has_its_bit_set_from_the_first() -> None:
    scene = _Scene()
    scene.forge.compromise(scene.college, "second", 1, RECOVERY)
    stream = scene.issue("second")  # as no honest writer would record
    assert scene.bits(stream) == [True]
    recorded = scene.world.statuses()
    recorded.take(scene.world.history)
    kept = scene.world.restored(scene.statuses.to_bytes())
    assert recorded.statement() == kept.statement() == scene.statuses.statement()
    assert scene.forge.kid("second") in kept.stolen
    other = scene.issue("second")
    kept.take_stored(scene.world.placed[kept.size :])
    assert kept.statement() == stated(scene.world.history)
    assert scene.bits(other) == [True]


def test_a_recognition_that_a_thief_stated_has_no_line_and_one_that_a_thief_ended_has_ended() -> None:
    scene = _Scene()
    forge, south = scene.forge, scene.world.dids[1]
    forge.add_key(scene.body, "clerk")
    stolen = How(key="clerk")
    forge.recognise(scene.college, scene.body, how=stolen)
    forge.recognise(south, scene.body)
    forge.end_recognition(south, scene.body, how=stolen)

    def lines() -> list[RecognitionLine]:
        scene.statuses.take_stored(scene.world.placed[scene.statuses.size :])
        statement = scene.statuses.statement()
        assert statement == stated(scene.world.history)
        proofs = [proof for did in (scene.college, south) for proof in scene.statuses.recognition_proofs(did)]
        found = [check_authority_line(proof, statement) for proof in proofs]
        return [line for line in found if isinstance(line, RecognitionLine)]

    before = lines()
    assert [(line.issuer, line.until is None) for line in before] == [(scene.college, True), (south, False)]
    assert before[0].holds(before[0].since)
    assert not before[0].holds(before[0].since.replace(year=2000))
    assert not before[1].holds(before[0].since.replace(year=2100))
    forge.compromise(scene.body, "clerk", 1, RECOVERY)
    assert [line.issuer for line in lines()] == [south]
    assert scene.statuses.recognition_proofs(Did("did:web:localhost:issuers:nobody")) == ()


# ------------------------------------------------------------------------------------------ entries that do not follow


def test_entries_are_taken_in_order_and_none_is_left_out() -> None:
    world = World()
    world.do("issue", 0)
    history, placed = world.history, world.placed
    statuses = world.statuses()
    for wrong in (history[1:], history[:1] * 2, history[:3] + history[4:]):
        with pytest.raises(EntryMissing):
            world.statuses().take(wrong)
    with pytest.raises(EntryMissing):
        statuses.take_stored([*placed[:5], placed[6]])
    assert statuses.size == 5
    statuses.take(history[5:-1])
    act = act_of(history[-1])
    assert act is not None
    with pytest.raises(EntryMissing):
        statuses.take_act(history[-1].stream, act._replace(position=Position(1)), first=True)
    statuses.take_act(history[-1].stream, act, first=True)
    assert statuses.statement() == stated(history)


def test_entries_passed_over_are_counted_and_say_nothing() -> None:
    world = World()
    statuses = world.statuses()
    statuses.take(world.history[:2])
    before = statuses.statement()
    statuses.skip(7)
    statuses.skip(3)
    assert statuses.statement() == replace(before, size=7)


def test_what_the_rules_do_not_allow_does_not_count() -> None:
    scene = _Scene()
    scene.bits(scene.issue())
    before = scene.statuses.statement()
    forge, world = scene.forge, scene.world
    added = ev.IssuerKeyAdded(key=forge.kid("x"), role=Role.SIGNING, proof=bytes(64), recovery=False)
    forge.append(added, stream=forge.new_stream(), by=scene.college, key="north/root")
    forge.append(added, stream=forge.new_stream(), by=OPERATOR, key="operator")
    forge.retire_key(scene.college, "nobodys")
    again = forge.log[1].recorded.event
    forge.append(again, stream=forge.new_stream(), by=scene.college, key="north/root")
    forge.append(again, stream=forge.issuers[scene.college], by=scene.college, key="north/root")
    defined = ev.AchievementRetired(digest=scene.award.achievement.digest, version=1)
    forge.append(defined, stream=forge.issuers[scene.college], by=scene.college, key="north/signing")
    scene.statuses.take_stored(world.placed[scene.statuses.size :])
    assert scene.statuses.statement() == replace(before, size=len(forge.log))


def test_an_award_of_nobody_and_acts_without_an_award_are_taken_as_they_are() -> None:
    forge = Forge()
    stream = forge.new_stream()
    parts = dict.fromkeys(ev.PARTS[ev.CredentialRevoked], b"")
    forge.append(ev.CredentialRevoked(), stream=stream, by=OPERATOR, key="thief", parts=parts)
    amended = ev.CredentialAmended(list=ListId(bytes(16)), slot=Slot(7))
    statuses = Statuses(operator_of(forge.log[0].recorded), lambda _: {}, lambda *_: [])
    statuses.take(sealed.recorded for sealed in forge.log)
    before = statuses.statement()
    assert (before.lists, before.size) == (0, 2)
    parts = dict.fromkeys(ev.PARTS[ev.CredentialAmended], b"")
    forge.append(amended, stream=stream, by=OPERATOR, key="thief", parts=parts)
    statuses.take([forge.log[2].recorded])
    assert statuses.statement().lists == 1
    assert not statuses.is_set(ListId(bytes(16)), Slot(7))


def test_where_two_versions_claim_one_slot_the_worse_of_both_is_told() -> None:
    scene = _Scene()
    slot = scene.forge.log[scene.forge.streams[scene.issue()][0] - 1].recorded.event
    assert isinstance(slot, ev.CredentialIssued)
    stream = scene.issue()
    parts = dict.fromkeys(ev.PARTS[ev.CredentialAmended], b"")
    for status_list in (slot.list, ListId(bytes([9]) * 16)):
        event = ev.CredentialAmended(list=status_list, slot=slot.slot)
        scene.forge.append(event, stream=stream, by=scene.college, key="north/signing", parts=parts)
    scene.statuses.take_stored(scene.world.placed)
    assert scene.statuses.is_set(slot.list, slot.slot)
    assert not scene.statuses.is_set(ListId(bytes([9]) * 16), slot.slot)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"slot":', b'"slit":'),
        (b'"slot":', b'"slot":1310'),
        (b'"slot":', b'"slot":-'),
        (b'"list":"', b'"list":"!'),
        (b'"stream":"', b'"stream":"x'),
        (b"{", b"["),
    ],
)
def test_an_entry_of_the_store_that_cannot_be_read_is_refused_and_not_taken(old: bytes, new: bytes) -> None:
    world = World()
    world.do("issue", 0)
    world.do("amend", 0)
    statuses = world.statuses()
    statuses.take_stored(world.placed[:-1])
    last = world.placed[-1]
    with pytest.raises(MalformedEntry):
        statuses.take_stored([Placed(position=last.position, raw=last.raw.replace(old, new, 1))])
    assert statuses.size == len(world.placed) - 1


def test_acts_of_our_own_store_are_those_of_the_entries_read_strictly() -> None:
    world = busy()
    assert [stored_act(placed) for placed in world.placed] == [act_of(recorded) for recorded in world.history]
    kinds = {act.kind for act in map(act_of, world.history) if act is not None}
    assert kinds == {"issued", "amended", "suspended", "reinstated", "revoked"}


# ---------------------------------------------------------------------------------------------------------- the cache


def test_what_is_kept_comes_back_the_same_and_goes_on() -> None:
    world = busy()
    statuses, half = world.statuses(), len(world.history) // 2
    statuses.take_stored(world.placed[:half])
    kept = world.restored(statuses.to_bytes())
    assert kept.to_bytes() == statuses.to_bytes()
    for each in (kept, statuses):
        each.take_stored(world.placed[half:])
    assert kept.statement() == statuses.statement() == stated(world.history)
    assert kept.to_bytes() == statuses.to_bytes()


def test_what_is_kept_and_damaged_or_of_another_log_is_refused() -> None:
    world = busy()
    statuses = world.statuses()
    statuses.take_stored(world.placed)
    raw = statuses.to_bytes()
    for at in (0, 31, 32, 40, 60, len(raw) // 2, len(raw) - 1):
        damaged = bytearray(raw)
        damaged[at] ^= 1
        with pytest.raises(MalformedStatuses):
            world.restored(bytes(damaged))
    for cut in (0, 10, 32, len(raw) - 1):
        with pytest.raises(MalformedStatuses):
            world.restored(raw[:cut])
    other = Forge(origin=Origin("localhost:9000/log"))
    with pytest.raises(MalformedStatuses, match="another log"):
        Statuses.from_bytes(raw, operator_of(other.log[0].recorded), world.acts, world.signed_by)


def test_there_are_no_proofs_of_what_is_not_there() -> None:
    world = busy()
    statuses = world.statuses()
    statuses.take_stored(world.placed)
    with pytest.raises(ListUnknown):
        statuses.slot_proof(ListId(bytes(16)), Slot(0))
    with pytest.raises(ListUnknown):
        statuses.is_set(ListId(bytes(16)), Slot(0))
    with pytest.raises(ListUnknown):
        statuses.list_bits(ListId(bytes(16)))
    for did, key in ((world.dids[0], "nobodys"), (OPERATOR, "operator")):
        with pytest.raises(LineUnknown):
            statuses.authority_proof(did, world.forge.kid(key))
