"""The place of an award in the log: whose checkpoint it is under, and who else vouches for that."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.domain import events as ev
from ledger.domain.types import Position
from ledger.signing.signer import possession_message
from ledger.testing.forge import OPERATOR
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.policy import Group, Witness, WitnessPolicy
from ledger.verification.authority_check import establish
from ledger.verification.evidence import CredentialEvidence, Placed, Policy
from ledger.verification.pipeline import judge
from ledger.verification.verdict import Outcome, State, Verdict
from tests.unit.verification.scene import Scene, assert_unshown, reasons
from tests.unit.verification.stacks import Workshop

T = 1_795_000_000  # Unix seconds


def add_key(scene: Scene, name: str) -> Position:
    """The log has another checkpoint key."""
    forge = scene.forge
    message = possession_message(forge.origin, str(forge.operator_stream), forge.kid(name), "checkpoint")
    added = ev.LogKeyAdded(key=forge.kid(name), proof=forge.key(name).sign(message))
    return forge.append(added, stream=forge.operator_stream, by=OPERATOR, key="operator")


def retire_key(scene: Scene, name: str) -> Position:
    """The log has a checkpoint key less."""
    retired = ev.LogKeyRetired(key=scene.forge.kid(name))
    return scene.forge.append(retired, stream=scene.forge.operator_stream, by=OPERATOR, key="operator")


# ---- keys of checkpoints


def test_checkpoint_under_one_of_two_keys_in_force_is_good(scene: Scene) -> None:
    stream = scene.issue()
    add_key(scene, "second")
    evidence = scene.forge.evidence(stream)
    for key in ("operator/checkpoint", "second"):
        assert scene.ask(replace(evidence, checkpoint=scene.forge.checkpoint(key=key))).state is State.VALID


def test_key_is_good_for_the_sizes_from_which_it_was_added_to_which_it_was_retired(scene: Scene) -> None:
    stream = scene.issue()
    added = add_key(scene, "second")
    retired = retire_key(scene, "operator/checkpoint")
    good = [("operator/checkpoint", retired - 1), ("second", added), ("second", retired)]
    bad = [("operator/checkpoint", retired), ("second", added - 1)]
    for key, size in good:
        evidence = replace(scene.forge.evidence(stream, size=size), checkpoint=scene.forge.checkpoint(size, key=key))
        assert scene.ask(evidence).state is State.VALID
    for key, size in bad:
        evidence = replace(scene.forge.evidence(stream, size=size), checkpoint=scene.forge.checkpoint(size, key=key))
        assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "log", "checkpoint_invalid")


def test_log_whose_key_was_added_by_another_establishes_nothing(scene: Scene) -> None:
    stream = scene.issue()
    forge = scene.forge
    message = possession_message(forge.origin, str(forge.operator_stream), forge.kid("thief"), "checkpoint")
    added = ev.LogKeyAdded(key=forge.kid("thief"), proof=forge.key("thief").sign(message))
    forge.append(added, stream=forge.operator_stream, by=OPERATOR, key="operator/checkpoint")
    assert_unshown(scene.ask(stream), State.LOG_INCONSISTENT, "issuer", "log_start_unverified")


# ---- witnesses

NAMES = ("harbour", "north", "south")


def policy_of(scene: Scene, needed: int | None) -> WitnessPolicy:
    """Three witnesses, of which so many are enough; None: nobody is needed."""
    witnesses = tuple(Witness(name=name, key=cosigner(scene, name), url=None) for name in NAMES)
    if needed is None:
        return WitnessPolicy(witnesses=witnesses)
    groups = (Group(name="enough", needed=needed, members=NAMES),)
    return WitnessPolicy(witnesses=witnesses, groups=groups, quorum="enough")


def cosigner(scene: Scene, name: str) -> CosignerKey:
    """The key of that witness."""
    return CosignerKey.of(f"{name}.example/w", scene.forge.key(name).public_key)


def cosigned(scene: Scene, note: bytes, names: Sequence[str]) -> bytes:
    """The note with the word of these witnesses, each a minute after the one before."""
    text = note[: note.rindex(b"\n\n") + 1].decode("utf-8")
    for number, name in enumerate(names):
        note = with_lines(note, cosign(text, scene.forge.key(name), f"{name}.example/w", T + 60 * number))
    return note


def asked(scene: Scene, evidence: CredentialEvidence, witnesses: WitnessPolicy) -> Verdict:
    """The verdict where these witnesses count."""
    policy = Policy(registries=(scene.body,), witnesses=witnesses)
    return judge(evidence, establish(scene.forge.authority()), policy, now=scene.forge.at, scanned_version=1)


def at(minutes: int) -> datetime:
    return datetime.fromtimestamp(T + 60 * minutes, UTC)


@pytest.mark.parametrize(
    ("needed", "names", "since", "as_of"),
    [
        (None, (), None, None),
        (None, ("north", "harbour"), at(1), at(0)),
        (2, ("south", "north", "harbour"), at(1), at(1)),
        (1, ("south", "north"), at(0), at(1)),
        (3, ("south", "north"), None, None),
    ],
)
def test_witnesses_that_agree_are_counted_and_dated_by_the_policy(
    scene: Scene, needed: int | None, names: tuple[str, ...], since: datetime | None, as_of: datetime | None
) -> None:
    evidence = scene.forge.evidence(scene.issue())
    assert evidence.checkpoint is not None
    evidence = replace(evidence, checkpoint=cosigned(scene, evidence.checkpoint, names))
    verdict = asked(scene, evidence, policy_of(scene, needed))
    assert verdict.state is State.VALID
    log = verdict.log
    assert (log.witnesses, log.witnessed_at, log.witnessed_as_of) == (len(names), since, as_of)
    assert set(log.witnessed_by) == set(names)


def test_witness_that_the_policy_does_not_name_counts_for_nothing(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    assert evidence.checkpoint is not None
    evidence = replace(evidence, checkpoint=cosigned(scene, evidence.checkpoint, ("stranger",)))
    verdict = asked(scene, evidence, policy_of(scene, None))
    assert (verdict.state, verdict.log.witnesses, verdict.log.witnessed_by) == (State.VALID, 0, ())


def test_false_cosignature_of_a_known_witness_leaves_the_award_undecided(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    assert evidence.checkpoint is not None
    other = cosign("another text\n", scene.forge.key("north"), "north.example/w", T)
    forged = replace(evidence, checkpoint=with_lines(evidence.checkpoint, other))
    verdict = asked(scene, forged, policy_of(scene, None))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "log", "cosignature_invalid")
    assert verdict.log.witnesses == 0
    assert reasons(asked(scene, forged, WitnessPolicy()), "log") == ["ok"]  # nobody knows that witness


# ---- proofs


def test_place_of_an_award_is_proved_and_the_proof_is_in_the_verdict(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    scene.forge.reinstate(stream)
    evidence = scene.forge.evidence(stream)
    verdict = scene.ask(evidence)
    assert (verdict.state, reasons(verdict, "log")) == (State.VALID, ["ok"])
    assert verdict.log.path == evidence.paths[evidence.stream[0].position]


def test_entry_whose_proof_is_missing_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    evidence = scene.forge.evidence(stream)
    for missing in evidence.stream:
        paths = {place: path for place, path in evidence.paths.items() if place != missing.position}
        verdict = scene.ask(replace(evidence, paths=paths))
        assert_unshown(verdict, State.LOG_INCONSISTENT, "log", "proof_missing")
        assert verdict.findings[[each.check for each in verdict.findings].index("log")].outcome is Outcome.UNKNOWN


def test_entry_that_is_signed_but_not_the_one_in_the_log_is_a_contradiction(scene: Scene) -> None:
    """What stands in the store was changed by who holds the issuer's key: every signature is good, the tree is not."""
    stream = scene.issue()
    other = Scene()
    twin = other.issue(name="Ada Another")
    assert twin == stream
    evidence = other.forge.evidence(twin)
    genuine = scene.forge.evidence(stream)
    changed = replace(evidence, checkpoint=genuine.checkpoint, paths=genuine.paths)
    assert other.ask(evidence).state is State.VALID
    assert_unshown(other.ask(changed), State.LOG_INCONSISTENT, "log", "not_in_log")
    found = next(finding for finding in other.ask(changed).findings if finding.check == "log")
    assert found.outcome is Outcome.FAILED


def test_wrong_proof_outweighs_a_missing_one(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    evidence = scene.forge.evidence(stream)
    last = evidence.stream[1].position
    assert_unshown(scene.ask(replace(evidence, paths={last: ()})), State.LOG_INCONSISTENT, "log", "not_in_log")


def test_proof_of_another_leaf_or_size_is_a_contradiction(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.define(scene.did, "Another")
    evidence = scene.forge.evidence(stream)
    place = evidence.stream[0].position
    elsewhere = [Placed(position=Position(place + step), raw=b"") for step in (-1, 1)]
    others = list(scene.forge.paths(elsewhere, len(scene.forge.log)).values())
    others += scene.forge.paths(evidence.stream, place).values()
    for path in others:
        assert path != evidence.paths[place]
        verdict = scene.ask(replace(evidence, paths={place: path}))
        assert_unshown(verdict, State.LOG_INCONSISTENT, "log", "not_in_log")


def test_award_moved_to_another_position_is_a_contradiction(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.define(scene.did, "Another")
    evidence = scene.forge.evidence(stream)
    place = evidence.stream[0].position
    moved = replace(evidence.stream[0], position=Position(place - 1))
    parts = {moved.position: evidence.parts[place]}
    paths = {moved.position: evidence.paths[place]}
    verdict = scene.ask(replace(evidence, stream=(moved,), parts=parts, paths=paths))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "log", "not_in_log")


def test_covered_entry_is_proved_also_where_a_later_one_is_pending(scene: Scene) -> None:
    stream = scene.issue()
    covered = len(scene.forge.log)
    scene.forge.suspend(stream)
    evidence = scene.forge.evidence(stream, size=covered)
    verdict = scene.ask(evidence)
    assert (verdict.state, reasons(verdict, "log")) == (State.SUSPENDED, ["pending"])
    assert_unshown(scene.ask(replace(evidence, paths={})), State.LOG_INCONSISTENT, "log", "proof_missing")


def test_part_of_a_stack_without_proof_leaves_the_stack_undecided() -> None:
    workshop = Workshop()
    parts = workshop.parts()
    stack = workshop.stack(parts)
    evidence = workshop.evidence(stack, parts)
    assert workshop.ask(evidence).state is State.VALID
    for part in parts:
        for path in ({}, {evidence.components[part].stream[0].position: ()}):
            broken = replace(evidence.components[part], paths=path)
            components = {**evidence.components, part: broken}
            verdict = workshop.ask(replace(evidence, components=components))
            assert_unshown(verdict, State.LOG_INCONSISTENT, "components", "part_unverified")
