"""A proof file is judged like a scan, without a server; and every lie in it is refused for its own reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.domain.events import LogKeyAdded, LogKeyRetired
from ledger.domain.types import LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.signing.signer import possession_message
from ledger.testing.forge import DAY, OPERATOR, How
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.note import sign_note
from ledger.tlog.policy import NO_POLICY, parse_policy
from ledger.verification.pipeline import CHECKS
from ledger.verification.proof_check import FILE_CHECKS
from ledger.verification.proof_file import MalformedProofFile, ProofFile, write_proof_file
from ledger.verification.proof_making import Tree
from ledger.verification.verdict import Outcome, State, Verdict
from tests.unit.verification.published import Desk, cosigned, policy_of, policy_text, publish, vkey
from tests.unit.verification.scene import reasons

ENDS, YESTERDAY = DAY + timedelta(days=30), DAY - timedelta(days=1)


@pytest.fixture
def desk() -> Desk:
    """A recognised college that awarded nothing yet."""
    return Desk()


def assert_refused(verdict: Verdict, state: State, check: str, reason: str) -> None:
    """This one check stands in the way, for this reason; others passed, or were not reached; nothing is shown."""
    told = [(each.check, each.reason) for each in verdict.findings if each.outcome is not Outcome.PASSED]
    assert [each for each in told if each[1] != "not_reached"] == [(check, reason)]
    assert (verdict.state, verdict.award, verdict.change, verdict.amendments) == (state, None, None, ())
    assert (verdict.history, verdict.notices, verdict.in_force, verdict.log.path) == ((), (), None, None)


# ---- honest files


def test_award_is_valid_by_its_file_as_of_the_witness(desk: Desk) -> None:
    stream = desk.issue()
    file = desk.file(stream)
    verdict = desk.check(file, days=3)
    scanned = desk.ask(stream)
    assert (verdict.state, verdict.in_force) == (State.VALID, True)
    assert {each.outcome for each in verdict.findings} == {Outcome.PASSED}
    assert tuple(each.check for each in verdict.findings) == (*FILE_CHECKS, *CHECKS)
    assert (verdict.award, verdict.history, verdict.current_version) == (scanned.award, scanned.history, 1)
    assert (verdict.log.witnesses, verdict.log.witnessed_by, verdict.log.size) == (1, ("w1",), len(desk.forge.log))
    assert verdict.as_of == desk.forge.log[-1].recorded.at.replace(microsecond=0) + timedelta(seconds=5)
    assert verdict.known_at == desk.forge.at + timedelta(days=3)


def test_without_witnesses_the_file_is_as_of_the_statement_and_says_whose_clock_that_is(desk: Desk) -> None:
    file = desk.file(desk.issue())
    verdict = desk.check(file, policy=parse_policy(f"log {vkey(desk.forge)}\nquorum none\n"))
    assert (verdict.state, reasons(verdict, "witnesses")) == (State.VALID, ["operator_alone"])
    assert (verdict.as_of, verdict.log.witnesses) == (desk.forge.log[-1].recorded.at, 0)


def test_witness_that_nobody_asked_for_counts_for_the_time(desk: Desk) -> None:
    file = desk.file(desk.issue())
    verdict = desk.check(file, policy=policy_of(desk.forge, quorum="none"))
    assert (verdict.state, reasons(verdict, "witnesses")) == (State.VALID, ["ok"])
    assert verdict.as_of > desk.forge.log[-1].recorded.at


def revoked(desk: Desk) -> StreamId:
    """An award that was withdrawn."""
    stream = desk.issue()
    desk.forge.revoke(stream)
    return stream


def suspended(desk: Desk) -> StreamId:
    """An award on hold."""
    stream = desk.issue()
    desk.forge.suspend(stream)
    return stream


def amended(desk: Desk) -> StreamId:
    """An award of which a later version has another result."""
    stream = desk.issue()
    desk.forge.amend(stream, desk.amended("Distinction"))
    return stream


def stolen(desk: Desk) -> StreamId:
    """An award of a thief."""
    stream = desk.issue()
    desk.forge.compromise(desk.did, "college/signing", desk.forge.streams[stream][0])
    return stream


def lapsed(desk: Desk) -> StreamId:
    """An award of an issuer that is not recognised any more."""
    stream = desk.issue()
    desk.forge.end_recognition(desk.did, desk.body)
    desk.forge.at += timedelta(days=1)
    return stream


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (revoked, State.REVOKED),
        (suspended, State.SUSPENDED),
        (amended, State.AMENDED),
        (stolen, State.KEY_COMPROMISED),
        (lapsed, State.ISSUER_UNRECOGNISED),
        (
            lambda desk: desk.issue(valid_until=DAY - timedelta(days=1), awarded_on=DAY - timedelta(days=9)),
            State.EXPIRED,
        ),
        (lambda desk: desk.issue(valid_from=ENDS), State.NOT_YET_VALID),
    ],
)
def test_file_says_what_a_scan_says(desk: Desk, made: Callable[[Desk], StreamId], state: State) -> None:
    stream = made(desk)
    file = desk.file(stream)
    verdict, scanned = desk.check(file), desk.ask(stream)
    assert (verdict.state, verdict.notices, verdict.in_force) == (state, scanned.notices, scanned.in_force)
    assert (verdict.award, verdict.change, verdict.amendments) == (scanned.award, scanned.change, scanned.amendments)
    assert verdict.history == scanned.history


def test_file_is_judged_by_the_day_of_the_check(desk: Desk) -> None:
    file = desk.file(desk.issue(valid_until=ENDS))
    assert [desk.check(file, days=days).state for days in (30, 31)] == [State.VALID, State.EXPIRED]


def test_later_version_is_valid_by_its_own_number(desk: Desk) -> None:
    stream = amended(desk)
    verdict = desk.check(desk.file(stream, version=2))
    assert (verdict.state, verdict.notices) == (State.VALID, ("corrected",))
    assert [(each.change.field, each.change.old) for each in verdict.amendments] == [("result", "Pass")]


def test_name_that_the_learner_gave_up_is_not_in_the_file(desk: Desk) -> None:
    stream = desk.issue(name="Ada Deadname")
    desk.forge.amend(stream, replace(desk.award, name="Ada Livesnow", result="Merit"))
    desk.forge.amend(stream, replace(desk.award, name="Ada Livesnow", result="Distinction"))
    file = desk.file(stream, version=3)
    assert b"Deadname" not in write_proof_file(file)
    assert [facts is not None for facts in file.award.facts] == [False, True, True]
    verdict = desk.check(file)
    assert (verdict.state, verdict.award is not None and verdict.award.learner) == (State.VALID, "Ada Livesnow")
    assert [(each.change.field, each.change.old) for each in verdict.amendments] == [("result", "Merit")]


def test_version_of_a_thief_is_not_in_the_file(desk: Desk) -> None:
    stream = desk.issue()
    desk.forge.add_key(desk.did, "thief")
    place = desk.forge.amend(stream, replace(desk.award, result="Gold"), how=How(key="thief"))
    desk.forge.compromise(desk.did, "thief", place)
    file = desk.file(stream)
    assert b"Gold" not in write_proof_file(file)
    assert desk.check(file).state is State.VALID


def test_nothing_that_only_the_issuer_sees_is_in_the_file(desk: Desk) -> None:
    stream = revoked(desk)
    raw = write_proof_file(desk.file(stream))
    for place in desk.forge.streams[stream]:
        internal = desk.forge.openings[place][Part.INTERNAL]
        assert internal.content not in raw
        assert internal.salt not in raw
    assert b"student_number" not in raw
    assert b"actor" not in raw


@pytest.mark.parametrize("lost", [None, 1])
def test_stack_is_judged_with_its_parts(desk: Desk, lost: int | None) -> None:
    parts = desk.parts()
    stack = desk.stack(parts)
    if lost is not None:
        desk.forge.revoke(parts[lost])
    file = desk.file(stack, parts=parts)
    verdict, scanned = desk.check(file), desk.judge(stack, parts)
    assert verdict.state is (State.VALID if lost is None else State.COMPONENT_REVIEW)
    assert (verdict.state, verdict.components, verdict.in_force) == (scanned.state, scanned.components, True)


def test_award_of_a_log_that_exchanged_its_key_is_valid_by_either_key_that_signs(desk: Desk) -> None:
    announce(desk, "next")
    stream = desk.issue()
    file = desk.file(stream, both(desk, publish(desk.forge)))
    for key in ("operator/checkpoint", "next"):
        policy = policy_of(desk.forge, log=vkey(desk.forge, key))
        assert desk.check(file, policy=policy).state is State.VALID


def announce(desk: Desk, name: str) -> Position:
    """A further key signs the log's checkpoints."""
    forge = desk.forge
    message = possession_message(forge.origin, str(forge.operator_stream), forge.kid(name), "checkpoint")
    event = LogKeyAdded(key=forge.kid(name), proof=forge.key(name).sign(message))
    return forge.append(event, stream=forge.operator_stream, by=OPERATOR, key="operator")


def both(desk: Desk, tree: Tree) -> Tree:
    """The tree under a checkpoint that its first key and the next one signed."""
    text, lines = tree.checkpoint.decode().split("\n\n")
    more = sign_note(f"{text}\n", desk.forge.key("next"), desk.forge.origin).decode().partition("\n\n")[2]
    return replace(tree, checkpoint=f"{text}\n\n{lines}{more}".encode())


# ---- who is believed


def test_without_a_policy_nothing_is_valid(desk: Desk) -> None:
    file = desk.file(desk.issue())
    assert_refused(desk.check(file, policy=None), State.NOT_CHECKED, "checkpoint", "key_untrusted")


def test_log_that_the_policy_does_not_name_is_not_believed(desk: Desk) -> None:
    file = desk.file(desk.issue())
    assert_refused(desk.check(file, policy=NO_POLICY), State.NOT_CHECKED, "checkpoint", "log_unknown")
    policy = policy_of(desk.forge, log=vkey(desk.forge, origin="other.example/log"))
    assert_refused(desk.check(file, policy=policy), State.NOT_CHECKED, "checkpoint", "log_unknown")


def test_policy_with_another_key_of_the_log_decides_nothing(desk: Desk) -> None:
    file = desk.file(desk.issue())
    policy = policy_of(desk.forge, log=vkey(desk.forge, "somebody"))
    assert_refused(desk.check(file, policy=policy), State.NOT_CHECKED, "checkpoint", "key_not_in_force")


def test_key_that_the_log_retired_signs_no_later_checkpoint(desk: Desk) -> None:
    announce(desk, "next")
    retired = LogKeyRetired(key=desk.forge.kid("operator/checkpoint"))
    desk.forge.append(retired, stream=desk.forge.operator_stream, by=OPERATOR, key="operator")
    file = desk.file(desk.issue())  # the forge signs with the old key
    assert_refused(desk.check(file), State.NOT_CHECKED, "checkpoint", "key_not_in_force")
    policy = policy_of(desk.forge, log=vkey(desk.forge, "next"))
    assert_refused(desk.check(file, policy=policy), State.SIGNATURE_INVALID, "checkpoint", "checkpoint_unsigned")


def test_quorum_that_is_missing_decides_nothing(desk: Desk) -> None:
    file = desk.file(desk.issue())
    plain = replace(file, checkpoint=desk.forge.checkpoint())
    assert_refused(desk.check(plain), State.NOT_CHECKED, "witnesses", "quorum_missing")


def test_cosignature_of_a_time_that_has_not_come_decides_nothing(desk: Desk) -> None:
    file = desk.file(desk.issue())

    def cosigned_after(delta: timedelta) -> ProofFile:
        return replace(file, checkpoint=cosigned(desk.forge, desk.forge.checkpoint(), desk.forge.at + delta))

    assert desk.check(cosigned_after(timedelta(minutes=5))).state is State.VALID
    for delta in (timedelta(minutes=5, seconds=1), timedelta(days=3650), timedelta(days=365 * 5000)):
        verdict = desk.check(cosigned_after(delta))
        assert_refused(verdict, State.NOT_CHECKED, "witnesses", "cosignature_in_future")
        assert (verdict.log.witnesses, verdict.log.witnessed_as_of) == (0, None)
        assert verdict.as_of <= desk.forge.at


def test_witness_whose_clock_is_ahead_is_not_counted_beside_one_that_is_right(desk: Desk) -> None:
    file, forge = desk.file(desk.issue()), desk.forge
    note = cosigned(forge, cosigned(forge, forge.checkpoint(), forge.at), forge.at + timedelta(days=99))
    other = CosignerKey.of("other.example", forge.key("other").public_key)
    text = note.decode().partition("\n\n")[0] + "\n"
    note = with_lines(note, cosign(text, forge.key("other"), other.name, int(forge.at.timestamp())))
    policy = parse_policy(policy_text(forge).replace("quorum w1", f"witness w2 {other}\ngroup g any w1 w2\nquorum g"))
    verdict = desk.check(replace(file, checkpoint=note), policy=policy)
    assert (verdict.state, verdict.log.witnesses, verdict.as_of) == (State.VALID, 1, forge.at)


def test_registries_of_the_reader_count_before_those_of_the_file(desk: Desk) -> None:
    file = desk.file(desk.issue())
    verdict = desk.check(file, registries=())
    assert (verdict.state, reasons(verdict, "registries")) == (State.ISSUER_UNRECOGNISED, ["ok"])
    verdict = desk.check(file, registries=(desk.body,))
    assert (verdict.state, reasons(verdict, "registries")) == (State.VALID, ["ok"])
    assert reasons(desk.check(file), "registries") == ["named_in_file"]


def test_registry_of_the_reader_that_is_not_in_the_file_is_not_checked(desk: Desk) -> None:
    guild = desk.forge.register("guild")
    desk.forge.recognise(desk.did, guild)
    file = desk.file(desk.issue())
    assert_refused(desk.check(file, registries=(guild,)), State.NOT_CHECKED, "recognition", "registry_unestablished")


def test_file_that_was_asked_for_is_of_that_award_and_version(desk: Desk) -> None:
    stream = desk.issue()
    code = desk.forge.codes[stream]
    file = desk.file(stream)
    assert desk.check(file, asked=(code, 1)).state is State.VALID
    other = LinkCode(bytes(22))
    assert_refused(desk.check(file, asked=(other, 1)), State.SIGNATURE_INVALID, "asked", "another_award")
    assert_refused(desk.check(file, asked=(code, 2)), State.SIGNATURE_INVALID, "asked", "another_version")
    nameless = replace(file, award=replace(file.award, code=None))
    assert_refused(desk.check(nameless, asked=(code, 1)), State.SIGNATURE_INVALID, "asked", "another_award")
    verdict = desk.check(nameless)
    assert (verdict.state, reasons(verdict, "code")) == (State.VALID, ["asked_by_id"])


def test_bytes_that_are_no_proof_file_are_refused(desk: Desk) -> None:
    with pytest.raises(MalformedProofFile):
        desk.check(b"{}")
