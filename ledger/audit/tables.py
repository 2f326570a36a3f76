"""The tables beside the log: what they say must follow from the entries, row for row.

None of them proves anything; they are checked because people are shown what lies in them. What no single entry brought
about is reported one position beyond the last entry, so that a cut tail comes first.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from ledger import canonical
from ledger.audit.first import FirstEntry
from ledger.audit.registry import Registry, Wording
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource, Column, shown
from ledger.domain.definition import read_definition, read_profile
from ledger.domain.events import (
    AchievementDefined,
    CredentialAmended,
    CredentialAwarded,
    CredentialStacked,
    IssuerProfileChanged,
    IssuerRegistered,
    PathwayDefined,
    Recorded,
)
from ledger.domain.types import Did, Digest, ListId, Position, Slug
from ledger.domain.values import format_time, slug_of
from ledger.errors import LedgerError
from ledger.record.entry import Entry

_PROFILES = (IssuerRegistered, IssuerProfileChanged)
_ISSUERS = "issuer"  # the scope of issuers' short names
_NameRow = tuple[Column, Column, Column]


def check_head(heads: Iterable[tuple[Column, Column]], size: int, latest: datetime | None, found: Findings) -> None:
    """Report unless the one head says how many entries there are, and the time of the latest."""
    rows = list(heads)
    if len(rows) != 1:
        found.report(Check.HEAD, size + 1, f"the log has {len(rows)} heads or more, and must have one")
        return
    said, at = rows[0]
    if type(said) is not int or said != size:
        found.report(Check.HEAD, size + 1, f"the head says that there are {shown(said)} entries, and there are {size}")
    if latest is not None and at != format_time(latest):
        reason = f"the head's time is {shown(at)}, and that of the entries is {format_time(latest)}"
        found.report(Check.HEAD, size + 1, reason)


class Definitions:
    """The wordings behind the digests that entries name, and the short names they give."""

    def __init__(self, registry: Registry, found: Findings) -> None:
        self._registry = registry
        self._found = found
        self._slugs: dict[Digest, Slug | None] = {}  # None for a profile

    def check(self, rows: Iterator[tuple[Column, Column]], size: int) -> None:
        """Report every wording that is missing, changed or cannot be read."""
        first: dict[Column, Wording] = {}
        for wording in self._registry.wordings:
            first.setdefault(wording.digest, wording)
        for digest, content in rows:
            self._row(first.get(digest), digest, content, size)
        for wording in first.values():
            if wording.digest not in self._slugs:
                reason = "the wording that the entry names by its digest is not among the definitions"
                self._found.report(Check.DEFINITION, wording.recorded.position, reason, wording.recorded)

    def check_names(self, rows: Iterator[_NameRow], size: int) -> None:
        """Report every short name that is missing, and every one that stands for nothing on record."""
        due: dict[_NameRow, Recorded] = {}
        first: dict[Column, Recorded] = {}  # of each stream that a name could stand for
        for wording in self._registry.wordings:
            first.setdefault(wording.recorded.stream.hex, wording.recorded)
            name = self._name(wording)
            if name is not None:
                due[name] = wording.recorded
        for row in rows:
            if due.pop(row, None) is None:
                what = f"the short name {shown(row[1])} in {shown(row[0])}"
                reason = f"{what} stands for {shown(row[2])}, which is not on record"
                named = first.get(row[2])
                self._found.report(Check.NAME, size + 1 if named is None else named.position, reason, named)
        for name, recorded in due.items():
            reason = f"the short name {shown(name[1])} is missing, or stands for something else"
            self._found.report(Check.NAME, recorded.position, reason, recorded)

    def _row(self, wording: Wording | None, digest: Column, content: Column, size: int) -> None:
        recorded = None if wording is None else wording.recorded
        place = size + 1 if recorded is None else recorded.position
        if type(content) is not bytes or sha256(content).digest() != digest:
            reason = "a definition or profile is not the one that its digest names"
            self._found.report(Check.DEFINITION, place, reason, recorded)
            return
        if recorded is None:
            return  # nobody is shown it
        try:
            slug = _slug(canonical.decode(content), recorded)
        except LedgerError as error:
            self._found.report(Check.DEFINITION, place, f"the wording cannot be read: {error}", recorded)
            slug = None
        self._slugs[Digest(sha256(content).digest())] = slug

    def _name(self, wording: Wording) -> _NameRow | None:
        recorded = wording.recorded
        if isinstance(recorded.event, IssuerRegistered):
            return _ISSUERS, slug_of(recorded.by), recorded.stream.hex
        slug = self._slugs.get(wording.digest)
        if not isinstance(recorded.event, AchievementDefined | PathwayDefined) or slug is None:
            return None
        return f"achievement/{self._registry.issuers[recorded.by].stream.hex}", slug, recorded.stream.hex


def _slug(value: canonical.Json, recorded: Recorded) -> Slug | None:
    """The slug in a definition; a profile has none, but must be one."""
    if isinstance(recorded.event, _PROFILES):
        read_profile(value)
        return None
    return read_definition(value).slug


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedList:
    """One status list, as the entries of some streams use it."""

    issuer: Did
    first: Recorded
    used: int


class SlotClaims:
    """The slots of status lists that versions of awards claim: each version holds one, and each is held once."""

    def __init__(self, source: AuditSource, found: Findings) -> None:
        self.issued = 0
        self.stacked = 0
        self._source = source
        self._found = found
        self._first: dict[ListId, tuple[Did, Recorded]] = {}
        self._used: Counter[ListId] = Counter()
        self._holders: dict[tuple[ListId, int], list[tuple[Column, Column]]] = {}

    def fetch(self, slots: Iterable[tuple[ListId, int]]) -> None:
        """Read who holds these slots, which are claimed next, in one go."""
        self._holders = {}
        of: dict[ListId, list[int]] = {}
        for status_list, slot in slots:
            of.setdefault(status_list, []).append(slot)
        for status_list, wanted in of.items():
            for held, stream, seq in self._source.slot_holders(status_list, wanted):
                if isinstance(held, int | float):  # as SQLite compares: 7.0 is 7
                    self._holders.setdefault((status_list, int(held)), []).append((stream, seq))

    def claim(self, entry: Entry, position: Position, event: CredentialAwarded | CredentialAmended) -> None:
        """Report unless the version that an entry makes holds the slot that it names."""
        self.issued += isinstance(event, CredentialAwarded)
        self.stacked += isinstance(event, CredentialStacked)
        self._used[event.list] += 1
        known = self._first.get(event.list)
        if known is None:
            self._first[event.list] = entry.by, entry.recorded(position)
        elif known[0] != entry.by:
            reason = f"the status list belongs to {known[0]}"
            self._found.report(Check.SLOT, position, reason, entry, Step.STREAM)
        if self._holders.get((event.list, event.slot)) != [(entry.stream.hex, entry.seq)]:
            reason = f"the slot {event.slot} is not held by this version of the award, and by it alone"
            self._found.report(Check.SLOT, position, reason, entry, Step.STREAM)

    def claim_first(self, first: FirstEntry, position: Position) -> None:
        """The same of the first entry of an award."""
        known = self._first.get(first.list)
        held = self._holders.get((first.list, first.slot)) == [(first.hex, 0)]
        entry = None if held and known is not None and known[0] == first.by else first.entry
        if entry is not None and isinstance(entry.event, CredentialAwarded):
            self.claim(entry, position, entry.event)
            return
        self.issued += 1
        self.stacked += first.is_stack
        self._used[first.list] += 1

    def lists(self) -> dict[ListId, UsedList]:
        """Every list that was claimed from."""
        return {
            name: UsedList(issuer=issuer, first=first, used=self._used[name])
            for name, (issuer, first) in self._first.items()
        }


def merged(parts: Iterable[Mapping[ListId, UsedList]]) -> dict[ListId, UsedList] | None:
    """The lists as all streams use them; None where two parts take one list for different issuers'."""
    every: dict[ListId, UsedList] = {}
    for part in parts:
        for name, used in part.items():
            known = every.setdefault(name, replace(used, used=0))
            if known.issuer != used.issuer:
                return None
            every[name] = replace(known, used=known.used + used.used)
    return every


class Slots:
    """The tables of status lists, slots and short codes, held against what the entries claimed."""

    def __init__(
        self,
        source: AuditSource,
        registry: Registry,
        found: Findings,
        *,
        lists: Mapping[ListId, UsedList],
        issued: int,
        stacked: int,
    ) -> None:
        self._source = source
        self._registry = registry
        self._found = found
        self._issued = issued
        self._stacked = stacked
        self._lists: dict[Column, UsedList] = dict(lists.items())

    def finish(self, size: int) -> None:
        """Report what the tables of lists, slots and short codes hold beyond that, or not at all."""
        used = sum(each.used for each in self._lists.values())
        if self._source.slot_count() != used:
            reason = (
                f"in the table of slots as a whole, {self._source.slot_count()} are held, and the entries name {used}"
            )
            self._found.report(Check.SLOT, size + 1, reason)
        codes = self._source.short_code_count()
        if codes != self._issued:
            reason = f"in the table of short codes as a whole there are {codes}, and {self._issued} awards were issued"
            self._found.report(Check.SHORT_CODE, size + 1, reason)
        stacks = self._source.stack_count()
        if stacks != self._stacked:
            reason = f"in the table of stacks as a whole there are {stacks}, and {self._stacked} awards were stacked"
            self._found.report(Check.STACK, size + 1, reason)
        for name, issuer, count in self._source.status_lists():
            self._list(name, issuer, count, size)
        for missing in self._lists.values():
            reason = "the status list that the entry names is not in its table"
            self._found.report(Check.SLOT, missing.first.position, reason, missing.first)

    def _list(self, name: Column, issuer: Column, count: Column, size: int) -> None:
        """Compare a row of the table of lists. What a list was used for is no single entry's, so a cut tail is not."""
        known = self._lists.pop(name, None)
        if known is None:
            reason = f"the table of status lists has {shown(name)}, which no entry names"
            self._found.report(Check.SLOT, size + 1, reason)
            return
        if issuer != self._stream_of(known.issuer):
            reason = f"the status list {shown(name)} is said to be another issuer's than its entries say"
            self._found.report(Check.SLOT, known.first.position, reason, known.first)
        if count != known.used:
            reason = (
                f"the status list {shown(name)} as a whole has {shown(count)} slots used, and entries name {known.used}"
            )
            self._found.report(Check.SLOT, size + 1, reason)

    def _stream_of(self, did: Did) -> str | None:
        issuer = self._registry.issuers.get(did)
        return None if issuer is None else issuer.stream.hex
