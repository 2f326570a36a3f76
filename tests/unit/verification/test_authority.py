"""What the streams of issuers establish, and that one faulty stream says nothing about the others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.domain import events as ev
from ledger.domain.types import Did, Digest, Position
from ledger.domain.values import Custody, Role
from ledger.testing.forge import BEGIN, OPERATOR, RECOVERY, Forge, How
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import Placed
from tests.unit.verification.scene import Scene


def of(scene: Scene) -> Authority:
    """What the whole log establishes."""
    return establish(scene.forge.authority())


def assert_fault(authority: Authority, did: Did, part: str) -> None:
    """The issuer, and nobody else, is not established, for that reason."""
    assert part in authority.faults[did]
    assert len(authority.faults) == 1
    assert did not in authority.issuers
    assert did not in authority.profiles


def test_honest_streams_establish_operator_issuers_and_profiles(scene: Scene) -> None:
    authority = of(scene)
    assert authority.operator is not None
    assert authority.operator.origin == scene.forge.origin
    assert authority.operator.checkpoint_key == scene.forge.kid("operator/checkpoint")
    assert authority.faults == {}
    assert authority.issuers.keys() == authority.profiles.keys() == {scene.body, scene.did}
    assert [each.by for each in authority.issuers[scene.did].recognitions] == [scene.body]
    assert authority.profiles[scene.did].name == "College Institute"


def test_every_honest_event_of_an_issuer_is_followed(scene: Scene) -> None:
    forge = scene.forge
    forge.add_key(scene.did, "new", Role.ROOT)
    forge.retire_key(scene.did, "college/root", How(key="new"))
    forge.add_key(scene.did, "saved", Role.ROOT, RECOVERY)
    forge.change_profile(scene.did, name="Polytechnic")
    forge.end_recognition(scene.did, scene.body)
    authority = of(scene)
    assert (authority.faults, authority.profiles[scene.did].name) == ({}, "Polytechnic")
    assert authority.issuers[scene.did].recognitions[0].ended is not None


@pytest.mark.parametrize(
    "how",
    [
        How(key="thief"),
        How(key="thief", named="operator"),
        How(seq=1),
        How(prev=bytes(32)),
        How(by=Did("did:web:h:issuers:a")),
    ],
)
def test_first_entry_that_does_not_verify_establishes_nothing(how: How) -> None:
    forge = Forge(how=how)
    did = forge.register("college")
    authority = establish(forge.authority())
    assert (authority.operator, authority.issuers, authority.profiles) == (None, {}, {})
    assert authority.faults.keys() == {did}


def test_first_entry_of_another_type_or_garbled_establishes_nothing(scene: Scene) -> None:
    for raw in (b"", scene.forge.log[1].entry, scene.forge.log[0].entry[:-1]):
        first = Placed(position=Position(1), raw=raw)
        assert establish(replace(scene.forge.authority(), log=(first,))).operator is None
    assert establish(replace(scene.forge.authority(), log=())).operator is None


# ---- bytes


@pytest.mark.parametrize(
    ("how", "part"),
    [
        (How(seq=7), "is number 7 of its stream"),
        (How(prev=bytes(32)), "does not follow"),
        (How(at=BEGIN - timedelta(days=1)), "is dated before"),
        (How(stated=Forge().new_stream()), "another stream"),
        (How(key="thief", named="college/signing"), "did not sign"),
    ],
)
def test_stream_that_is_not_whole_and_signed_is_a_fault(scene: Scene, how: How, part: str) -> None:
    scene.forge.change_profile(scene.did, how=how, name="Polytechnic")
    assert_fault(of(scene), scene.did, part)


def test_bytes_that_are_no_entry_are_a_fault(scene: Scene) -> None:
    given = scene.forge.authority()
    garbled = (*given.issuers[scene.did], Placed(position=Position(99), raw=b"\n\n"))
    assert_fault(establish(replace(given, issuers={**given.issuers, scene.did: garbled})), scene.did, "not an entry")


def test_issuer_without_entries_is_a_fault(scene: Scene) -> None:
    given = scene.forge.authority()
    nobody = Did(f"{OPERATOR}:issuers:nobody")
    assert_fault(establish(replace(given, issuers={**given.issuers, nobody: ()})), nobody, "no entry")


def test_stream_given_for_another_issuer_is_a_fault(scene: Scene) -> None:
    given = scene.forge.authority()
    nobody = Did(f"{OPERATOR}:issuers:nobody")
    issuers = {**given.issuers, nobody: given.issuers[scene.body]}
    assert_fault(establish(replace(given, issuers=issuers)), nobody, "another issuer")


# ---- who may


@pytest.mark.parametrize("key", ["thief", "college/signing", "board/root"])
def test_key_added_by_a_key_that_may_not_is_a_fault(scene: Scene, key: str) -> None:
    scene.forge.add_key(scene.did, "new", how=How(key=key))
    assert_fault(of(scene), scene.did, "may not stand there")


def test_key_that_did_not_prove_possession_is_a_fault(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "new", prover="thief")
    assert_fault(of(scene), scene.did, "did not prove")


def test_recovery_by_another_key_than_the_operators_is_a_fault(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "new", how=How(by=OPERATOR, key="operator/checkpoint"))
    assert_fault(of(scene), scene.did, "recovery")


def test_key_used_after_its_theft_was_reported_is_a_fault(scene: Scene) -> None:
    scene.forge.compromise(scene.did, "college/signing", len(scene.forge.log))
    scene.forge.change_profile(scene.did, name="Stolen")
    assert_fault(of(scene), scene.did, "stolen")


def test_registration_outside_the_operators_domain_is_a_fault(scene: Scene) -> None:
    did, stream = Did("did:web:elsewhere.example:issuers:x"), scene.forge.new_stream()
    scene.forge.issuers[did] = stream
    event = ev.IssuerRegistered(root=scene.forge.kid("x"), custody=Custody.ISSUER, profile=scene.forge.profile("x"))
    scene.forge.append(event, stream=stream, by=did, key="x")
    assert_fault(of(scene), did, "registration")


def test_event_that_may_not_follow_is_a_fault(scene: Scene) -> None:
    scene.forge.add_key(scene.did, "college/signing")
    assert_fault(of(scene), scene.did, "added before")


def test_theft_reported_from_a_position_to_come_is_a_fault(scene: Scene) -> None:
    scene.forge.compromise(scene.did, "college/signing", len(scene.forge.log) + 2)
    assert_fault(of(scene), scene.did, "position")


def test_event_of_another_kind_of_stream_is_a_fault(scene: Scene) -> None:
    event = ev.AchievementDefined(digest=Digest(bytes(32)), version=1)
    scene.forge.append(event, stream=scene.forge.issuers[scene.did], by=scene.did, key="college/signing")
    assert_fault(of(scene), scene.did, "does not belong")


def test_nothing_after_a_fault_is_followed(scene: Scene) -> None:
    scene.forge.change_profile(scene.did, version=9, name="Bad")
    scene.forge.add_key(scene.did, "thief", how=How(key="thief"))
    assert_fault(of(scene), scene.did, "profile")


# ---- recognition


def test_recognition_signed_by_a_key_that_is_not_the_bodys_is_a_fault(scene: Scene) -> None:
    scene.forge.end_recognition(scene.did, scene.body, how=How(key="college/signing"))
    assert_fault(of(scene), scene.did, "not a key of")


def test_recognition_before_its_body_was_registered_is_a_fault(scene: Scene) -> None:
    later = Did(f"{OPERATOR}:issuers:union")
    scene.forge.recognise(scene.did, later)
    scene.forge.register("union")
    assert_fault(of(scene), scene.did, "not a key of")


def test_recognition_by_a_key_added_later_is_a_fault_even_if_the_stream_comes_first(scene: Scene) -> None:
    scene.forge.end_recognition(scene.did, scene.body, how=How(key="new"))
    scene.forge.add_key(scene.body, "new")
    given = scene.forge.authority()
    swapped = {did: given.issuers[did] for did in reversed(list(given.issuers))}
    for issuers in (given.issuers, swapped):
        assert_fault(establish(replace(given, issuers=issuers)), scene.did, "not a key of")


def test_recognition_of_itself_is_a_fault(scene: Scene) -> None:
    scene.forge.recognise(scene.did, scene.did)
    assert_fault(of(scene), scene.did, "itself")


def test_recognition_by_a_body_outside_the_evidence_is_followed_unchecked(scene: Scene) -> None:
    authority = establish(scene.forge.authority(scene.did))
    assert authority.faults == {}
    assert authority.issuers.keys() == {scene.did}


def test_key_change_in_the_name_of_a_body_outside_the_evidence_is_still_checked(scene: Scene) -> None:
    other = scene.forge.register("union")
    scene.forge.add_key(scene.did, "new", how=How(by=other, key="union/root"))
    assert_fault(establish(scene.forge.authority(scene.did)), scene.did, "may not stand there")


def test_faulty_body_takes_only_itself_down(scene: Scene) -> None:
    scene.forge.change_profile(scene.body, version=9, name="Bad")
    scene.forge.end_recognition(scene.did, scene.body)
    assert_fault(of(scene), scene.body, "profile")


# ---- profiles


def test_profile_that_is_missing_is_a_fault(scene: Scene) -> None:
    profile = of(scene).issuers[scene.did].profile
    given = scene.forge.authority()
    left = {digest: raw for digest, raw in given.definitions.items() if digest != profile}
    assert_fault(establish(replace(given, definitions=left)), scene.did, "missing")


def test_profile_with_another_byte_is_a_fault(scene: Scene) -> None:
    profile = of(scene).issuers[scene.did].profile
    given = scene.forge.authority()
    changed = given.definitions[profile].replace(b"College", b"Collage")
    definitions = {**given.definitions, profile: changed}
    assert_fault(establish(replace(given, definitions=definitions)), scene.did, "not the one that it signed")


@pytest.mark.parametrize("raw", [b"{", b"{}", b'{"name": "x"}'])
def test_profile_that_cannot_be_read_is_a_fault(scene: Scene, raw: bytes) -> None:
    event = ev.IssuerProfileChanged(digest=scene.forge.keep(raw), version=2)
    stream = scene.forge.issuers[scene.did]
    scene.forge.append(event, stream=stream, by=scene.did, key="college/signing")
    assert_fault(of(scene), scene.did, "cannot be read")
