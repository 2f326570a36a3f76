"""Whatever happened to an award, its proof file and a scan of the same moment say the same of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.types import StreamId
from ledger.testing.forge import How
from ledger.verification.proof_file import read_proof_file, write_proof_file
from ledger.verification.proof_making import NothingToProve
from ledger.verification.verdict import NOTHING_SHOWN, Outcome, Verdict
from tests.unit.verification.published import Desk, publish

THIEF = "thief"
Step = Callable[[Desk, StreamId], object]


def by(key: str | None) -> How:
    """An act of the college, or of whoever has its other key."""
    return How(key=key)


STEPS: dict[str, Step] = {
    "suspend": lambda desk, stream: desk.forge.suspend(stream),
    "reinstate": lambda desk, stream: desk.forge.reinstate(stream),
    "revoke": lambda desk, stream: desk.forge.revoke(stream),
    "amend": lambda desk, stream: desk.forge.amend(stream, desk.amended("Merit")),
    "rename": lambda desk, stream: desk.forge.amend(stream, replace(desk.award, name="Ada Newname")),
    "thief suspends": lambda desk, stream: desk.forge.suspend(stream, how=by(THIEF)),
    "thief reinstates": lambda desk, stream: desk.forge.reinstate(stream, how=by(THIEF)),
    "thief revokes": lambda desk, stream: desk.forge.revoke(stream, how=by(THIEF)),
    "thief amends": lambda desk, stream: desk.forge.amend(stream, desk.amended("Gold"), how=by(THIEF)),
    "theft is reported": lambda desk, stream: desk.forge.compromise(desk.did, THIEF, desk.forge.streams[stream][0]),
    "recognition ends": lambda desk, _: desk.forge.end_recognition(desk.did, desk.body),
    "body is robbed": lambda desk, _: desk.forge.compromise(desk.body, "board/signing", 1),
    "profile changes": lambda desk, _: desk.forge.change_profile(desk.did, description="Welders since 1912"),
    "statement": lambda desk, _: publish(desk.forge),
    "another award": lambda desk, _: desk.issue(name="Somebody Else"),
}


def told(verdict: Verdict) -> tuple[object, ...]:
    """What a verdict says of the award, apart from what the file may not show of former names."""
    return verdict.state, verdict.notices, verdict.in_force, verdict.award, verdict.change, verdict.current_version


@settings(max_examples=120, deadline=None)
@given(
    steps=st.lists(st.sampled_from(list(STEPS)), max_size=8),
    version=st.integers(1, 3),
    begun_by=st.sampled_from([None, THIEF]),
)
def test_file_and_scan_agree_whatever_happened(steps: Sequence[str], version: int, begun_by: str | None) -> None:
    desk = Desk()
    desk.forge.add_key(desk.did, THIEF)
    stream = desk.issue(by(begun_by))
    for step in steps:
        STEPS[step](desk, stream)
    tree = publish(desk.forge)
    scanned = desk.ask(stream, scanned=version)
    if scanned.state in NOTHING_SHOWN:  # of such an award nobody gets a file; if it is made, it shows nothing
        try:
            verdict = desk.check(desk.file(stream, tree, version=version))
        except NothingToProve:
            return
        assert verdict.state in NOTHING_SHOWN
        return
    file = desk.file(stream, tree, version=version)
    raw = write_proof_file(file)
    assert read_proof_file(raw) == file
    verdict = desk.check(raw)
    assert told(verdict) == told(scanned)
    assert set(verdict.amendments) <= set(scanned.amendments)
    assert all(each.outcome is Outcome.PASSED for each in verdict.findings[:9])
    shown = verdict.award
    if shown is not None and shown.learner == "Ada Newname":
        assert b"Ada Example" not in raw


def nothing(desk: Desk) -> StreamId:
    """A stream without an entry, under the code of some award."""
    stream = desk.forge.new_stream()
    desk.forge.codes[stream] = desk.forge.codes[desk.issue()]
    return stream


def test_no_file_is_made_of_an_award_of_an_issuer_that_does_not_verify() -> None:
    desk = Desk()
    desk.forge.compromise(desk.did, "somebody", 1)
    with pytest.raises(NothingToProve, match="issuer"):
        desk.file(desk.issue())


def test_no_file_is_made_of_no_award_or_with_a_part_that_is_none() -> None:
    desk = Desk()
    parts = desk.parts()
    stack = desk.stack(parts)
    with pytest.raises(NothingToProve, match="issuer"):
        desk.file(nothing(desk))
    with pytest.raises(NothingToProve, match="made of"):
        desk.file(stack, parts=[*parts, nothing(desk)])
