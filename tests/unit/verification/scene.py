"""One college, one registry that recognises it, and the questions that a scan asks about their awards."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from ledger.domain.award import Award
from ledger.domain.types import Did, Position, StreamId
from ledger.domain.values import Part
from ledger.testing.forge import DAY, HONEST, Forge, How
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import CredentialEvidence, PartEvidence, Policy
from ledger.verification.pipeline import judge
from ledger.verification.verdict import Outcome, State, Verdict


class Scene:
    """A log in which the next entry is an award's; `did` awards `ref`, and `body` is the registry that counts."""

    def __init__(self) -> None:
        """The college is recognised, without an end."""
        self.forge = Forge()
        self.body = self.forge.register("board")
        self.did = self.forge.register("college")
        self.forge.recognise(self.did, self.body)
        self.ref = self.forge.define(self.did)
        self.award = self.forge.award(self.ref)

    def issue(
        self,
        how: How = HONEST,
        *,
        name: str = "Ada Example",
        valid_from: date | None = None,
        valid_until: date | None = None,
        awarded_on: date = DAY,
    ) -> StreamId:
        """A new award."""
        award = replace(self.award, name=name, valid_from=valid_from, valid_until=valid_until, awarded_on=awarded_on)
        return self.forge.issue(self.did, award, how)

    def amended(self, result: str) -> Award:
        """The award with another result."""
        return replace(self.award, result=result)

    def ask(
        self,
        asked: StreamId | CredentialEvidence,
        *,
        scanned: int | None = 1,
        now: datetime | None = None,
        registries: tuple[Did, ...] | None = None,
        authority: Authority | None = None,
    ) -> Verdict:
        """The verdict of this moment."""
        evidence = asked if isinstance(asked, CredentialEvidence) else self.forge.evidence(asked)
        return judge(
            evidence,
            authority or establish(self.forge.authority()),
            Policy(registries=(self.body,) if registries is None else registries),
            now=now or self.forge.at,
            scanned_version=scanned,
        )


def reasons(verdict: Verdict, check: str) -> list[str]:
    """What a check of the verdict found, in order."""
    return [finding.reason for finding in verdict.findings if finding.check == check]


def assert_unshown(verdict: Verdict, state: State, check: str, *expected: str) -> None:
    """The verdict is this one for these reasons of one check, every other check passed or was not reached."""
    assert (verdict.state, reasons(verdict, check)) == (state, list(expected))
    others = [each for each in verdict.findings if each.check != check]
    assert [each for each in others if each.outcome is Outcome.FAILED] == []
    assert {each.reason for each in others if each.outcome is Outcome.UNKNOWN} <= {"not_reached"}
    assert (verdict.award, verdict.change, verdict.amendments, verdict.history) == (None, None, (), ())
    assert (verdict.notices, verdict.current_version, verdict.in_force) == ((), None, None)


def with_part(
    evidence: CredentialEvidence, position: int, part: Part, given: PartEvidence | None
) -> CredentialEvidence:
    """The evidence with another private part, or without it."""
    place = Position(position)
    parts: Mapping[Part, PartEvidence] = {each: old for each, old in evidence.parts[place].items() if each != part}
    if given is not None:
        parts = {**parts, part: given}
    return replace(evidence, parts={**evidence.parts, place: parts})
