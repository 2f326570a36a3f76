"""What an award must be before a word of it is shown: found by its code, whole, signed, opened, established."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.domain import events as ev
from ledger.domain.award import Act
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.types import Digest, ListId, Position, Slot, StreamId
from ledger.domain.values import Mode, Part, Reason
from ledger.record.commitment import Opening
from ledger.record.private_parts import Facts, write_facts
from ledger.testing.forge import AN_ACT, BEGIN, DAY, OPERATOR, Forge, How
from ledger.verification.authority_check import establish
from ledger.verification.evidence import AskedBy, CredentialEvidence, PartEvidence, Placed
from ledger.verification.pipeline import CHECKS
from ledger.verification.verdict import Outcome, State
from tests.unit.verification.scene import Scene, assert_unshown, reasons, with_part


def test_award_in_order_is_valid_and_every_check_says_so(scene: Scene) -> None:
    verdict = scene.ask(scene.issue())
    assert (verdict.state, verdict.notices, verdict.in_force) == (State.VALID, (), True)
    assert tuple(finding.check for finding in verdict.findings) == CHECKS
    assert {finding.outcome for finding in verdict.findings} == {Outcome.PASSED}
    told = {finding.check: finding.reason for finding in verdict.findings if finding.reason != "ok"}
    assert told == {"components": "single", "document": "none_made"}
    assert (verdict.scanned_version, verdict.current_version) == (1, 1)
    assert (verdict.change, verdict.amendments) == (None, ())


def test_verdict_carries_the_time_of_the_head_and_that_of_the_question(scene: Scene) -> None:
    stream = scene.issue()
    now = BEGIN + timedelta(hours=1)
    verdict = scene.ask(stream, now=now)
    assert (verdict.as_of, verdict.known_at) == (scene.forge.log[-1].recorded.at, now)


# ---- code


def test_stream_without_entries_is_not_found(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    verdict = scene.ask(replace(evidence, stream=()))
    assert_unshown(verdict, State.NOT_FOUND, "code", "no_such_award")
    assert len(verdict.findings) == 1


def test_other_code_of_the_same_stream_is_answered_as_if_there_were_no_award(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    assert evidence.code is not None
    other = new_link_code(int.from_bytes(evidence.code[:6]), b"another sixteen.")
    assert scene.ask(replace(evidence, code=other)) == scene.ask(replace(evidence, stream=()))


def _issued_at(scene: Scene, stream: StreamId, link: Digest) -> CredentialEvidence:
    event = ev.CredentialIssued(link=link, list=ListId(bytes(16)), slot=Slot(1))
    parts = {Part.DOCUMENT: b"", Part.FACTS: write_facts(Facts(award=scene.award, act=None)), Part.INTERNAL: b""}
    scene.forge.append(event, stream=stream, by=scene.did, key="college/signing", parts=parts)
    return scene.forge.evidence(stream, scanned=False)


def test_code_that_leads_to_another_stream_than_its_digest_is_not_found(scene: Scene) -> None:
    code = new_link_code(1, b"sixteen bytes ..")
    evidence = _issued_at(scene, scene.forge.new_stream(), link_digest(code))
    assert scene.ask(evidence).state is State.VALID
    assert_unshown(scene.ask(replace(evidence, code=code)), State.NOT_FOUND, "code", "no_such_award")


def test_code_whose_digest_differs_beyond_what_the_stream_holds_is_not_found(scene: Scene) -> None:
    code = new_link_code(1, b"sixteen bytes ..")
    digest = link_digest(code)
    evidence = _issued_at(scene, stream_of(code), Digest(digest[:-1] + bytes((digest[-1] ^ 1,))))
    assert scene.ask(evidence).state is State.VALID
    assert_unshown(scene.ask(replace(evidence, code=code)), State.NOT_FOUND, "code", "no_such_award")


def test_award_asked_for_by_its_id_needs_no_code(scene: Scene) -> None:
    verdict = scene.ask(scene.forge.evidence(scene.issue(), scanned=False), scanned=None)
    assert (verdict.state, reasons(verdict, "code")) == (State.VALID, ["asked_by_id"])


def test_award_asked_for_by_its_short_code_is_said_to_be(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue(), scanned=False)
    verdict = scene.ask(replace(evidence, asked_by=AskedBy.SHORT_CODE), scanned=None)
    assert (verdict.state, reasons(verdict, "code")) == (State.VALID, ["short_code"])


def test_stream_of_an_issuer_is_no_award(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.forge.issuers[scene.did], scanned=False)
    assert_unshown(scene.ask(evidence), State.NOT_FOUND, "code", "no_such_award")


@pytest.mark.parametrize("version", [-1, 0, 2])
def test_version_that_never_was_is_not_found(scene: Scene, version: int) -> None:
    verdict = scene.ask(scene.issue(), scanned=version)
    assert_unshown(verdict, State.NOT_FOUND, "code", "no_such_award")
    assert (len(verdict.findings), verdict.log.position) == (1, None)


# ---- entries


def test_bytes_that_are_no_entry_are_refused(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    garbled = replace(evidence, stream=(Placed(position=evidence.stream[0].position, raw=b"garbage"),))
    verdict = scene.ask(garbled)
    assert (verdict.state, reasons(verdict, "entries")) == (State.SIGNATURE_INVALID, ["malformed"])
    assert (reasons(verdict, "code"), verdict.award) == (["not_compared"], None)


def test_later_bytes_that_are_no_entry_are_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    evidence = scene.forge.evidence(stream)
    garbled = (evidence.stream[0], replace(evidence.stream[1], raw=evidence.stream[1].raw[:-2]))
    verdict = scene.ask(replace(evidence, stream=garbled))
    assert_unshown(verdict, State.SIGNATURE_INVALID, "entries", "malformed")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (How(seq=2), "sequence_broken"),
        (How(prev=bytes(32)), "chain_broken"),
        (How(stated=Forge().new_stream()), "foreign_entry"),
        (How(at=BEGIN), "time_reversed"),
    ],
)
def test_entry_that_does_not_follow_the_one_before_is_refused(scene: Scene, how: How, reason: str) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream, how)
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "entries", reason)


def test_acts_of_one_millisecond_may_follow_each_other(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.award, how=How(at=scene.forge.log[-1].recorded.at))
    assert scene.ask(stream, scanned=2).state is State.VALID


@pytest.mark.parametrize(("how", "reason"), [(How(seq=1), "sequence_broken"), (How(prev=bytes(32)), "chain_broken")])
def test_first_entry_that_begins_no_stream_of_this_log_is_refused(scene: Scene, how: How, reason: str) -> None:
    verdict = scene.ask(scene.issue(how))
    assert (verdict.state, reasons(verdict, "entries")) == (State.SIGNATURE_INVALID, [reason])


def test_entries_at_one_position_are_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    evidence = scene.forge.evidence(stream)
    place = evidence.stream[0].position
    verdict = scene.ask(replace(evidence, stream=(evidence.stream[0], replace(evidence.stream[1], position=place))))
    assert_unshown(verdict, State.SIGNATURE_INVALID, "entries", "positions_reversed")


def test_signature_of_another_key_is_refused(scene: Scene) -> None:
    stream = scene.issue(How(key="thief", named="college/signing"))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "signatures", "bad_signature")


def test_later_signature_of_another_key_is_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.revoke(stream, How(key="thief", named="college/signing"))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "signatures", "bad_signature")


# ---- parts


@pytest.mark.parametrize("part", list(Part))
def test_missing_part_leaves_the_award_undecided(scene: Scene, part: Part) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.amended("Distinction"))
    evidence = scene.forge.evidence(stream)
    position = evidence.stream[0].position
    for given in (None, PartEvidence(opening=None, present=False)):
        verdict = scene.ask(with_part(evidence, position, part, given))
        assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", "part_missing")


def test_entry_without_any_parts_leaves_the_award_undecided(scene: Scene) -> None:
    evidence = replace(scene.forge.evidence(scene.issue()), parts={})
    verdict = scene.ask(evidence)
    assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", *["part_missing"] * 3)
    assert reasons(verdict, "definition") == ["not_reached"]


def test_part_that_cannot_be_opened_leaves_the_award_undecided(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    locked = PartEvidence(opening=None, present=True)
    verdict = scene.ask(with_part(evidence, evidence.stream[0].position, Part.INTERNAL, locked))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "parts", "part_unreadable")


@pytest.mark.parametrize("part", list(Part))
def test_part_with_another_byte_or_salt_is_refused(scene: Scene, part: Part) -> None:
    evidence = scene.forge.evidence(scene.issue())
    position = evidence.stream[0].position
    opening = evidence.parts[position][part].opening
    assert opening is not None
    for changed in (
        Opening(salt=opening.salt, content=opening.content + b" "),
        Opening(salt=bytes(32), content=opening.content),
    ):
        verdict = scene.ask(with_part(evidence, position, part, PartEvidence(opening=changed, present=True)))
        assert_unshown(verdict, State.SIGNATURE_INVALID, "parts", "part_changed")


def test_changed_part_wins_over_a_missing_one(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    position = evidence.stream[0].position
    exchanged = with_part(evidence, position, Part.FACTS, evidence.parts[position][Part.INTERNAL])
    verdict = scene.ask(with_part(exchanged, position, Part.DOCUMENT, None))
    assert verdict.state is State.SIGNATURE_INVALID
    assert sorted(reasons(verdict, "parts")) == ["part_changed", "part_missing"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"act":null,"v":1}'])
def test_signed_facts_that_cannot_be_read_are_refused(scene: Scene, content: bytes) -> None:
    stream = scene.issue(How(parts={Part.FACTS: content}))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "parts", "facts_unfit")


def _facts(award: bool, act: Act | None) -> How:
    facts = Facts(award=Scene().award if award else None, act=act)
    return How(parts={Part.FACTS: write_facts(facts)})


@pytest.mark.parametrize("how", [_facts(True, AN_ACT), _facts(False, AN_ACT)])
def test_issuing_with_facts_of_another_type_is_refused(scene: Scene, how: How) -> None:
    assert_unshown(scene.ask(scene.issue(how)), State.SIGNATURE_INVALID, "parts", "facts_unfit")


@pytest.mark.parametrize(
    "how",
    [
        _facts(True, None),
        _facts(False, AN_ACT),
        _facts(True, replace(AN_ACT, mode=Mode.RETROACTIVE)),
        _facts(True, replace(AN_ACT, reason=None)),
    ],
)
def test_amending_with_facts_of_another_type_is_refused(scene: Scene, how: How) -> None:
    stream = scene.issue()
    scene.forge.amend(stream, scene.award, how=how)
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "parts", "facts_unfit")


@pytest.mark.parametrize("how", [_facts(True, AN_ACT), _facts(True, None), _facts(False, replace(AN_ACT, reason=None))])
def test_suspending_with_facts_of_another_type_is_refused(scene: Scene, how: How) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream, how)
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "parts", "facts_unfit")


def test_revocation_that_is_neither_prospective_nor_retroactive_is_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.revoke(stream, act=Act(reason=Reason.OTHER, mode=None, effective=DAY, text=None))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "parts", "facts_unfit")


# ---- definition


def test_missing_definition_leaves_the_award_undecided(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    left = {digest: raw for digest, raw in evidence.definitions.items() if digest != scene.ref.digest}
    verdict = scene.ask(replace(evidence, definitions=left))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "definition", "definition_missing")


def test_missing_definition_of_an_older_version_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    newer = scene.forge.revise(scene.did, scene.ref, "Welding II")
    scene.forge.amend(stream, replace(scene.award, achievement=newer))
    evidence = scene.forge.evidence(stream)
    left = {digest: raw for digest, raw in evidence.definitions.items() if digest != scene.ref.digest}
    verdict = scene.ask(replace(evidence, definitions=left))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "definition", "definition_missing")


def test_changed_definition_is_refused(scene: Scene) -> None:
    evidence = scene.forge.evidence(scene.issue())
    changed = evidence.definitions[scene.ref.digest].replace(b"Welding", b"Flying!")
    verdict = scene.ask(replace(evidence, definitions={**evidence.definitions, scene.ref.digest: changed}))
    assert_unshown(verdict, State.SIGNATURE_INVALID, "definition", "definition_changed")


@pytest.mark.parametrize("title", [b"{", b"{}"])
def test_signed_definition_that_cannot_be_read_is_refused(scene: Scene, title: bytes) -> None:
    digest = scene.forge.keep(title)
    stream = scene.forge.issue(scene.did, replace(scene.award, achievement=replace(scene.ref, digest=Digest(digest))))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "definition", "definition_malformed")


# ---- issuer and signers


def test_issuer_without_evidence_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    verdict = scene.ask(stream, authority=establish(scene.forge.authority(scene.body)))
    assert_unshown(verdict, State.LOG_INCONSISTENT, "issuer", "issuer_unestablished")


def test_issuer_whose_own_stream_is_faulty_leaves_the_award_undecided(scene: Scene) -> None:
    scene.forge.change_profile(scene.did, version=7, name="New Name")
    verdict = scene.ask(scene.issue())
    assert_unshown(verdict, State.LOG_INCONSISTENT, "issuer", "issuer_unestablished")


def test_log_whose_own_entries_do_not_verify_leaves_everything_undecided(scene: Scene) -> None:
    stream = scene.issue()
    authority = establish(replace(scene.forge.authority(), log=()))
    verdict = scene.ask(stream, authority=authority)
    assert_unshown(verdict, State.LOG_INCONSISTENT, "issuer", "log_start_unverified")
    assert (verdict.log.origin, verdict.log.size, verdict.log.root) == ("", 0, None)


@pytest.mark.parametrize("key", ["thief", "college/root", "board/signing"])
def test_key_that_may_not_award_is_refused(scene: Scene, key: str) -> None:
    stream = scene.issue(How(key=key))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "signers", "signer_not_allowed")


def test_award_in_the_name_of_the_operator_leaves_it_undecided(scene: Scene) -> None:
    stream = scene.issue(How(by=OPERATOR, key="operator"))
    assert_unshown(scene.ask(stream), State.LOG_INCONSISTENT, "issuer", "issuer_unestablished")


def test_act_of_another_issuer_is_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.revoke(stream, How(by=scene.body, key="board/signing"))
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "signers", "signer_not_allowed")


def test_key_retired_before_the_award_is_refused(scene: Scene) -> None:
    scene.forge.retire_key(scene.did, "college/signing")
    assert_unshown(scene.ask(scene.issue()), State.SIGNATURE_INVALID, "signers", "signer_not_allowed")


def test_key_retired_after_the_award_does_not_touch_it(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.retire_key(scene.did, "college/signing")
    assert scene.ask(stream).state is State.VALID


# ---- history


def test_act_that_may_not_follow_is_refused(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.suspend(stream)
    scene.forge.suspend(stream)
    assert_unshown(scene.ask(stream), State.SIGNATURE_INVALID, "history", "act_not_allowed")


def test_event_of_an_issuer_in_the_stream_of_an_award_is_refused(scene: Scene) -> None:
    stream = scene.issue()
    event = ev.IssuerProfileChanged(digest=Digest(bytes(32)), version=2)
    scene.forge.append(event, stream=stream, by=scene.did, key="college/signing")
    verdict = scene.ask(stream)
    assert_unshown(verdict, State.SIGNATURE_INVALID, "history", "act_not_allowed")
    assert any("another kind of stream" in finding.detail for finding in verdict.findings)


# ---- log


def test_checkpoint_of_this_log_is_named_in_the_verdict(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.define(scene.did, "Another")
    log = scene.ask(stream).log
    assert (log.origin, log.size, log.witnesses) == (scene.forge.origin, len(scene.forge.log), 0)
    assert log.position == len(scene.forge.log) - 1
    assert log.root is not None


@pytest.mark.parametrize("seconds", [1, 59.999])
def test_young_award_beyond_the_checkpoint_is_pending(scene: Scene, seconds: float) -> None:
    stream = scene.issue()
    evidence = scene.forge.evidence(stream, size=len(scene.forge.log) - 1)
    now = scene.forge.log[-1].recorded.at + timedelta(seconds=seconds)
    verdict = scene.ask(evidence, now=now)
    assert (verdict.state, verdict.notices, reasons(verdict, "log")) == (State.VALID, ("pending",), ["pending"])


def test_award_a_minute_old_beyond_the_checkpoint_leaves_it_undecided(scene: Scene) -> None:
    stream = scene.issue()
    evidence = scene.forge.evidence(stream, size=len(scene.forge.log) - 1)
    now = scene.forge.log[-1].recorded.at + timedelta(seconds=60)
    assert_unshown(scene.ask(evidence, now=now), State.LOG_INCONSISTENT, "log", "unpublished")


def test_old_award_under_no_checkpoint_is_undecided_whatever_the_clock_says(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.at += timedelta(seconds=60)
    scene.forge.define(scene.did, "Another")
    evidence = replace(scene.forge.evidence(stream), checkpoint=None)
    verdict = scene.ask(evidence, now=BEGIN)
    assert_unshown(verdict, State.LOG_INCONSISTENT, "log", "unpublished")
    assert (verdict.log.size, verdict.log.root) == (0, None)


def test_old_act_beyond_the_checkpoint_counts_even_if_a_later_one_is_young(scene: Scene) -> None:
    stream = scene.issue()
    covered = len(scene.forge.log)
    scene.forge.suspend(stream)
    scene.forge.at += timedelta(seconds=60)
    scene.forge.reinstate(stream)
    evidence = scene.forge.evidence(stream, size=covered)
    assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "log", "unpublished")


@pytest.mark.parametrize("raw", [b"", b"\xff", b"origin\n1\nroot\n"])
def test_checkpoint_that_is_none_leaves_the_award_undecided(scene: Scene, raw: bytes) -> None:
    evidence = replace(scene.forge.evidence(scene.issue()), checkpoint=raw)
    assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "log", "checkpoint_invalid")


def test_checkpoint_of_another_key_or_log_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    for checkpoint in (scene.forge.checkpoint(key="operator"), scene.forge.checkpoint(name="elsewhere/log")):
        evidence = replace(scene.forge.evidence(stream), checkpoint=checkpoint)
        assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "log", "checkpoint_invalid")


def test_checkpoint_ahead_of_the_record_book_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    scene.forge.define(scene.did, "Another")
    evidence = scene.forge.evidence(stream)
    lost = replace(evidence, head=replace(evidence.head, size=evidence.head.size - 1))
    assert_unshown(scene.ask(lost), State.LOG_INCONSISTENT, "log", "checkpoint_ahead")


def test_entry_beyond_the_head_leaves_the_award_undecided(scene: Scene) -> None:
    stream = scene.issue()
    evidence = scene.forge.evidence(stream)
    moved = replace(evidence.stream[0], position=Position(evidence.head.size + 1))
    evidence = replace(evidence, stream=(moved,), parts={moved.position: evidence.parts[evidence.stream[0].position]})
    assert_unshown(scene.ask(evidence), State.LOG_INCONSISTENT, "log", "beyond_head")
