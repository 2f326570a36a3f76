"""The tables beside the log: what they say must follow from the entries, row for row.

None of them proves anything; they are checked because people are shown what lies in them. What no single entry brought
about is reported one position beyond the last entry, so that a cut tail comes first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.audit.first import FirstEntry
from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource, Column, shown
from ledger.domain.events import (
    CredentialAmended,
    CredentialAwarded,
    CredentialStacked,
    Recorded,
)
from ledger.domain.types import Did, ListId, Position
from ledger.domain.values import format_time
from ledger.record.entry import Entry


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
