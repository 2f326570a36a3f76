"""The private parts of each entry: that they open, that they are what was committed to, and what they may say.

Which parts stand beside which entry can be seen without a key (`ledger.audit.positions`); what they hold, only with the
vault.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ledger import canonical
from ledger.audit.boxes import Unopened, open_part
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource, PartOpener, PartRow
from ledger.audit.stacks import Stacks
from ledger.domain.award import AchievementRef, Act, Award, AwardInternal, check_act
from ledger.domain.codes import link_digest, parse_short_code, stream_of
from ledger.domain.credential import Credential
from ledger.domain.definition import AchievementDefinition, read_definition
from ledger.domain.events import (
    CredentialAmended,
    CredentialAwarded,
    CredentialEvent,
    CredentialReinstated,
    CredentialRevoked,
    Recorded,
)
from ledger.domain.types import Digest, Position, Seq
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.entry import Entry
from ledger.record.private_parts import read_facts, read_internal
from ledger.verification.document_check import Made, document_fault

_EARLIEST_ZONE = timedelta(hours=14)  # where the day begins first: UTC+14
_LATEST = datetime(9999, 12, 31, 9, tzinfo=UTC)  # beyond it, the calendar ends before that day does


class Parts:
    """Opens the private parts of one award after the other, each in the order of its stream."""

    def __init__(self, source: AuditSource, opener: PartOpener, registry: Registry, found: Findings) -> None:
        self.stacks = Stacks(source, opener, registry, found)
        self._source = source
        self._opener = opener
        self._registry = registry
        self._found = found
        self._rows: dict[int, list[PartRow]] = {}
        self._awards: dict[Seq, Award] = {}  # the facts of each version
        self._internal: AwardInternal | None = None
        self._definitions: dict[Digest, AchievementDefinition | None] = {}

    def fetch(self, positions: Sequence[int]) -> None:
        """Read the parts of these entries, which are checked next, in one go."""
        self._rows = {}
        for position, *row in self._source.parts_of(positions):
            if type(position) is int:
                self._rows.setdefault(position, []).append((row[0], row[1], row[2]))

    def begin(self) -> None:
        """What follows is another stream."""
        self._awards = {}
        self._internal = None

    def check(self, entry: Entry, position: Position, event: CredentialEvent, state: Credential | None) -> None:
        """Report every part of an entry that does not open, is not the one committed to, or breaks a rule.

        Args:
            state: the award before this entry.
        """
        recorded = entry.recorded(position)
        contents: dict[Part, bytes] = {}
        for row in self._rows.get(recorded.position, ()):
            try:
                opened = open_part(row, self._opener, recorded)
            except Unopened as fault:
                self._report(fault.check, recorded, str(fault))
                continue
            if opened is not None:  # else it was reported in the first pass
                contents[opened[0]] = opened[1]
        try:
            if Part.FACTS in contents:
                self._facts(contents[Part.FACTS], recorded, event, state)
        except LedgerError as error:
            self._report(Check.FACTS, recorded, str(error))
        try:
            if Part.INTERNAL in contents:
                self._read_internal(contents[Part.INTERNAL], recorded, event)
        except LedgerError as error:
            self._report(Check.INTERNAL, recorded, str(error))
        award = self._awards.get(recorded.seq)
        if award is not None:
            self._document(contents.get(Part.DOCUMENT, b""), recorded, award)
            if isinstance(event, CredentialAwarded):
                self.stacks.check(entry, position, award, self._internal)
            elif state is not None and state.versions[0].seq in self._awards:
                self.stacks.check_amended(entry, position, award, self._awards[state.versions[0].seq])

    def _report(self, check: Check, recorded: Recorded, reason: str) -> None:
        self._found.report(check, recorded.position, reason, recorded, Step.STREAM)

    # ---- document

    def _document(self, raw: bytes, recorded: Recorded, award: Award) -> None:
        """Report a document that is not the one that these facts make; awards from before documents have none."""
        event = recorded.event
        definition = self._definition(award.achievement.digest) if raw else None
        if definition is None or not isinstance(event, CredentialAwarded | CredentialAmended):
            return  # a wording that is missing is reported where definitions are read
        made = Made(
            stream=recorded.stream,
            issuer=recorded.by,
            kid=recorded.kid,
            list=event.list,
            slot=event.slot,
            at=recorded.at,
            first=isinstance(event, CredentialAwarded),
        )
        fault = document_fault(raw, made, award, definition)
        if fault is not None:
            reason = f"the credential file is not the one that the entry makes: {fault}"
            self._report(Check.DOCUMENT, recorded, reason)

    def _definition(self, digest: Digest) -> AchievementDefinition | None:
        if digest not in self._definitions:
            raw = self._source.definition(digest)
            try:
                read = read_definition(canonical.decode(raw)) if isinstance(raw, bytes) else None
            except LedgerError:
                read = None
            self._definitions[digest] = read
        return self._definitions[digest]

    # ---- facts

    def _facts(self, raw: bytes, recorded: Recorded, event: CredentialEvent, state: Credential | None) -> None:
        facts = read_facts(raw)
        versioned = isinstance(event, CredentialAwarded | CredentialAmended)
        if (facts.award is not None) != versioned or (facts.act is None) != isinstance(event, CredentialAwarded):
            self._report(Check.FACTS, recorded, "the facts are not of the kind that this type of entry has")
            return
        if facts.award is not None:
            self._pinned(facts.award.achievement, recorded, event)
            self._awards[recorded.seq] = facts.award
        if facts.act is not None:
            self._act(facts.act, recorded, event)
        if facts.award is None and facts.act is not None and state is not None:
            award = self._awards.get(state.current.seq)
            if award is not None:
                check_act(facts.act, award, (min(recorded.at, _LATEST) + _EARLIEST_ZONE).date())

    def _act(self, act: Act, recorded: Recorded, event: CredentialEvent) -> None:
        if (act.mode is not None) != isinstance(event, CredentialRevoked):
            self._report(Check.FACTS, recorded, "a revocation has a mode, and nothing else has")
        if act.reason is None and not isinstance(event, CredentialReinstated):
            self._report(Check.FACTS, recorded, "only a reinstatement may be without a reason")

    def _pinned(self, ref: AchievementRef, recorded: Recorded, event: CredentialEvent) -> None:
        """The version awarded is on record and was on offer; an amendment may take any version of the same one."""
        offers = self._registry.offers(ref.stream, recorded.position)
        if ref.version > len(offers) or offers[ref.version - 1] != ref.digest:
            reason = f"version {ref.version} of the achievement {ref.stream} is not on record with this digest"
            self._report(Check.ACHIEVEMENT, recorded, reason)
            return
        if self._registry.achievements[ref.stream].issuer != recorded.by:
            self._report(Check.ACHIEVEMENT, recorded, f"the achievement {ref.stream} is another issuer's")
        if any(award.achievement.stream != ref.stream for award in self._awards.values()):
            self._report(Check.ACHIEVEMENT, recorded, "an amendment keeps the achievement, and here is another one")
        if not isinstance(event, CredentialAwarded):
            return
        offered = self._registry.offered(ref.stream, recorded.position)
        if ref.version != offered:
            reason = f"version {ref.version} of the achievement was not on offer here; version {offered} was"
            self._report(Check.ACHIEVEMENT, recorded, reason)
        if self._registry.is_retired(ref.stream, recorded.position):
            self._report(Check.ACHIEVEMENT, recorded, f"the achievement {ref.stream} was retired before")

    # ---- internal

    def _read_internal(self, raw: bytes, recorded: Recorded, event: CredentialEvent) -> None:
        internal = read_internal(raw)
        if isinstance(internal, AwardInternal) != isinstance(event, CredentialAwarded | CredentialAmended):
            self._report(Check.INTERNAL, recorded, "the internal part is not of the kind that this type of entry has")
            return
        if not isinstance(internal, AwardInternal):
            return
        if stream_of(internal.code) != recorded.stream:
            self._report(Check.INTERNAL, recorded, "the link code leads to another stream")
        if isinstance(event, CredentialAwarded) and link_digest(internal.code) != event.link:
            self._report(Check.INTERNAL, recorded, "the link code is not the one that the entry names")
        if parse_short_code(internal.short_code) != internal.short_code:
            self._report(Check.INTERNAL, recorded, "the short code is not in its one spelling")
        if self._internal is not None and _holder(internal) != _holder(self._internal):
            self._report(Check.INTERNAL, recorded, "learner, student number and codes of an award never change")
        self._internal = internal


def _holder(internal: AwardInternal) -> tuple[object, ...]:
    return internal.learner, internal.student_number, internal.code, internal.short_code
