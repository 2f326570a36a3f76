"""Whatever bytes the store gives, judging answers, and never that a damaged award is valid."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.types import Digest
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.tlog.merkle import Hash
from ledger.verification.authority_check import establish
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, PartEvidence, Policy
from ledger.verification.pipeline import judge
from ledger.verification.verdict import State, Verdict
from tests.unit.verification.scene import Scene, with_part

Damage = Callable[[bytes], bytes]


def _scene() -> tuple[CredentialEvidence, AuthorityEvidence, Scene]:
    scene = Scene()
    stream = scene.issue()
    scene.forge.suspend(stream)
    scene.forge.reinstate(stream)
    scene.forge.amend(stream, scene.amended("Merit"))
    return scene.forge.evidence(stream), scene.forge.authority(), scene


EVIDENCE, AUTHORITY, SCENE = _scene()


def ask(evidence: CredentialEvidence, authority: AuthorityEvidence) -> Verdict:
    """The verdict on the current version."""
    policy = Policy(registries=(SCENE.body,))
    return judge(evidence, establish(authority), policy, now=SCENE.forge.at, scanned_version=2)


def _flip(place: int) -> Damage:
    def flip(raw: bytes) -> bytes:
        changed = bytearray(raw)
        bit = place % (len(raw) * 8)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    return flip


def _cut(place: int) -> Damage:
    return lambda raw: raw[: place % len(raw)]


def _garble(garbage: bytes) -> Damage:
    return lambda raw: garbage if garbage != raw else b""


damages = st.one_of(
    st.builds(_flip, st.integers(0, 2**15)),
    st.builds(_cut, st.integers(0, 2**12)),
    st.builds(_garble, st.binary(max_size=200)),
)


def test_undamaged_evidence_is_valid() -> None:
    assert ask(EVIDENCE, AUTHORITY).state is State.VALID


@given(damage=damages, index=st.integers(0, 3))
def test_damaged_entry_is_refused_without_showing_the_award(damage: Damage, index: int) -> None:
    stream = list(EVIDENCE.stream)
    stream[index] = replace(stream[index], raw=damage(stream[index].raw))
    verdict = ask(replace(EVIDENCE, stream=tuple(stream)), AUTHORITY)
    assert verdict.state in (State.SIGNATURE_INVALID, State.NOT_FOUND)
    assert verdict.award is None


@given(damage=damages, index=st.integers(0, 3), part=st.sampled_from(Part), salt=st.booleans())
def test_damaged_part_is_refused_without_showing_the_award(damage: Damage, index: int, part: Part, salt: bool) -> None:
    position = EVIDENCE.stream[index].position
    opening = EVIDENCE.parts[position].get(part, EVIDENCE.parts[position][Part.FACTS]).opening
    assert opening is not None
    part = part if part in EVIDENCE.parts[position] else Part.FACTS
    if salt or not opening.content:
        changed = Opening(salt=damage(opening.salt), content=opening.content)
    else:
        changed = Opening(salt=opening.salt, content=damage(opening.content))
    verdict = ask(with_part(EVIDENCE, position, part, PartEvidence(opening=changed, present=True)), AUTHORITY)
    assert (verdict.state, verdict.award) == (State.SIGNATURE_INVALID, None)


@given(damage=damages)
def test_damaged_definition_is_refused(damage: Damage) -> None:
    digest = SCENE.ref.digest
    definitions = {**EVIDENCE.definitions, digest: damage(EVIDENCE.definitions[digest])}
    assert ask(replace(EVIDENCE, definitions=definitions), AUTHORITY).state is State.SIGNATURE_INVALID


@given(damage=damages)
def test_damaged_checkpoint_leaves_the_award_undecided(damage: Damage) -> None:
    assert EVIDENCE.checkpoint is not None
    evidence = replace(EVIDENCE, checkpoint=damage(EVIDENCE.checkpoint))
    assert ask(evidence, AUTHORITY).state is State.LOG_INCONSISTENT


@given(damage=damages)
def test_damaged_first_entry_of_the_log_leaves_the_award_undecided(damage: Damage) -> None:
    first = AUTHORITY.log[0]
    authority = replace(AUTHORITY, log=(replace(first, raw=damage(first.raw)), *AUTHORITY.log[1:]))
    assert ask(EVIDENCE, authority).state is State.LOG_INCONSISTENT


@given(damage=damages, index=st.integers(0, 3), place=st.integers(0, 10))
def test_damaged_proof_of_an_entry_leaves_the_award_undecided(damage: Damage, index: int, place: int) -> None:
    position = EVIDENCE.stream[index].position
    path = list(EVIDENCE.paths[position])
    path[place % len(path)] = Hash(damage(path[place % len(path)]))
    verdict = ask(replace(EVIDENCE, paths={**EVIDENCE.paths, position: tuple(path)}), AUTHORITY)
    assert (verdict.state, verdict.award, verdict.log.path) == (State.LOG_INCONSISTENT, None, None)


@given(index=st.integers(0, 3), length=st.integers(-3, 3).filter(bool))
def test_proof_that_is_too_short_or_too_long_leaves_the_award_undecided(index: int, length: int) -> None:
    position = EVIDENCE.stream[index].position
    path = EVIDENCE.paths[position]
    changed = (*path, *[path[0]] * length) if length > 0 else path[:length]
    verdict = ask(replace(EVIDENCE, paths={**EVIDENCE.paths, position: changed}), AUTHORITY)
    assert (verdict.state, verdict.award) == (State.LOG_INCONSISTENT, None)


@given(damage=damages, issuer=st.sampled_from([SCENE.did, SCENE.body]), index=st.integers(0, 1))
def test_damaged_entry_of_an_issuer_or_registry_leaves_the_award_undecided(
    damage: Damage, issuer: str, index: int
) -> None:
    did = SCENE.did if issuer == SCENE.did else SCENE.body
    stream = list(AUTHORITY.issuers[did])
    stream[index] = replace(stream[index], raw=damage(stream[index].raw))
    authority = replace(AUTHORITY, issuers={**AUTHORITY.issuers, did: tuple(stream)})
    assert ask(EVIDENCE, authority).state is State.LOG_INCONSISTENT


@given(damage=damages, issuer=st.sampled_from([SCENE.did, SCENE.body]))
def test_damaged_profile_leaves_the_award_undecided(damage: Damage, issuer: str) -> None:
    did = SCENE.did if issuer == SCENE.did else SCENE.body
    digest: Digest = establish(AUTHORITY).issuers[did].profile
    definitions = {**AUTHORITY.definitions, digest: damage(AUTHORITY.definitions[digest])}
    assert ask(EVIDENCE, replace(AUTHORITY, definitions=definitions)).state is State.LOG_INCONSISTENT


@given(order=st.permutations(range(4)), repeated=st.integers(0, 3))
def test_entries_out_of_order_or_repeated_are_refused(order: list[int], repeated: int) -> None:
    placed = [EVIDENCE.stream[index] for index in order]
    shuffled = placed if order != sorted(order) else [*placed, placed[repeated]]
    verdict = ask(replace(EVIDENCE, stream=tuple(shuffled)), AUTHORITY)
    assert verdict.state in (State.SIGNATURE_INVALID, State.NOT_FOUND)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_stream_without_one_of_its_earlier_entries_is_refused(missing: int) -> None:
    left = tuple(each for index, each in enumerate(EVIDENCE.stream) if index != missing)
    verdict = ask(replace(EVIDENCE, stream=left), AUTHORITY)
    assert verdict.state in (State.SIGNATURE_INVALID, State.NOT_FOUND)
