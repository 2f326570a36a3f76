"""Stacks of welding awards, honest and otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from ledger import canonical
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, AwardInternal, Component
from ledger.domain.definition import read_definition
from ledger.domain.types import LearnerId, LinkCode, StreamId
from ledger.domain.values import Part
from ledger.record.private_parts import write_internal
from ledger.testing.forge import HONEST, How
from ledger.verification.evidence import CredentialEvidence
from ledger.verification.verdict import Verdict
from tests.unit.verification.scene import Scene

SLUGS = ("welding", "cutting", "grinding")


class Workshop(Scene):
    """A college with three achievements and a pathway of all of them, or of at least `least`."""

    def __init__(self, *, least: int | None = None) -> None:
        """Nothing is awarded yet."""
        super().__init__()
        self.refs = {slug: self.define(slug) for slug in SLUGS}
        rule: dict[str, canonical.Json] = {"all_of": list(SLUGS)}
        if least is not None:
            rule = {"n_of": {"n": least, "of": list(SLUGS)}}
        self.pathway = self.define("welder", rule=rule)

    def define(self, slug: str, **more: canonical.Json) -> AchievementRef:
        """Version 1 of an achievement, or of a pathway, with this slug."""
        plain: dict[str, canonical.Json] = {"slug": slug, "name": slug.title(), "description": f"About {slug}."}
        plain |= {"competencies": [{"statement": "Can"}], "assessments": [{"type": "examination"}]}
        digest = self.forge._store(read_definition({**plain, **more}))
        stream = self.forge.new_stream()
        defined = ev.PathwayDefined if "rule" in more else ev.AchievementDefined
        self.forge.append(defined(digest=digest, version=1), stream=stream, by=self.did, key="college/signing")
        return AchievementRef(stream=stream, version=1, digest=digest)

    def earn(self, slug: str, how: How = HONEST, *, until: date | None = None, begin: date | None = None) -> StreamId:
        """An award of one achievement."""
        award = replace(self.forge.award(self.refs[slug]), valid_until=until, valid_from=begin)
        return self.forge.issue(self.did, award, how)

    def parts(self) -> list[StreamId]:
        """One award of each achievement."""
        return [self.earn(slug) for slug in SLUGS]

    def stack(self, parts: Sequence[StreamId | Component], how: How = HONEST) -> StreamId:
        """The award of the pathway, each part pinned as it stands now."""
        pins = [part if isinstance(part, Component) else self.forge.pin(part) for part in parts]
        return self.forge.stack(self.did, self.pathway, pins, how)

    def evidence(self, stack: StreamId, parts: Sequence[StreamId]) -> CredentialEvidence:
        """Everything on record of the stack and of these parts."""
        return replace(self.forge.evidence(stack), components={part: self.forge.evidence(part) for part in parts})

    def judge(self, stack: StreamId, parts: Sequence[StreamId], *, days: int = 0) -> Verdict:
        """The verdict on the stack, after some days."""
        return self.ask(self.evidence(stack, parts), now=self.forge.at + timedelta(days=days))


ANOTHER = AwardInternal(
    actor="registrar",
    learner=LearnerId(UUID(int=8)),
    student_number="A-1002",
    email=None,
    code=LinkCode(bytes(22)),
    short_code="0000000000000",
    notes=None,
)
OF_ANOTHER_LEARNER = How(parts={Part.INTERNAL: write_internal(ANOTHER)})
OF_NOBODY = How(parts={Part.INTERNAL: b"{}"})
