"""Signed status lists that were kept, each held against the statement of the log that it follows from.

They are read once, in the order of that log's size, a few at a time; so the bits are those of the fold that is under
way. That one is missing cannot be told: how often a list is signed, no entry says.
"""

from collections.abc import Iterator
from datetime import datetime

from ledger.audit.registry import Registry
from ledger.audit.report import Check, Findings
from ledger.audit.source import AuditSource, Column, SignedListRow, shown
from ledger.domain.events import Recorded
from ledger.domain.types import Did, Kid, ListId, Position
from ledger.domain.values import BadValue, Role, parse_time
from ledger.vc.status_list import check_own
from ledger.verification.statement import Statuses
from ledger.verification.status_lists import LIST_ID, ListUnknown


class SignedLists:
    """Compares what was kept at each statement."""

    def __init__(self, source: AuditSource, registry: Registry, found: Findings) -> None:
        """Nothing was compared yet."""
        self._registry = registry
        self._found = found
        self._owners: dict[ListId, Did] = {}
        self._last: dict[ListId, datetime] = {}
        self._strays: list[Column] = []  # the first of them
        self._stray_count = 0
        self._rows = self._placed(source.signed_lists())
        self._next: SignedListRow | None = next(self._rows, None)

    def use(self, status_list: ListId, by: Did) -> None:
        """An award has a slot in a list, which is whose the first is."""
        self._owners.setdefault(status_list, by)

    def compare(self, recorded: Recorded, statuses: Statuses) -> None:
        """Report what was kept of the log that this statement ends, and says something else."""
        for row in self._until(recorded.position):
            if row[2] != recorded.position:
                self._stray(row)
                continue
            fault = self._fault(row, recorded.position, statuses)
            if fault is not None:
                reason = (
                    f"the signed status list {shown(row[0])} of {shown(row[1])} is not what is stated here: {fault}"
                )
                self._found.report(Check.STATUS_LIST, recorded.position, reason, recorded)

    def finish(self, size: int) -> None:
        """Report what was kept of no statement of the log."""
        for row in self._until(None):
            self._stray(row)
        if self._stray_count:
            reason = f"{self._stray_count} signed status lists follow from no statement: {shown(self._strays[0])}"
            self._found.report(Check.STATUS_LIST, size + 1, reason)

    def _until(self, position: Position | None) -> Iterator[SignedListRow]:
        while self._next is not None and (
            position is None or (type(self._next[2]) is int and self._next[2] <= position)
        ):
            row, self._next = self._next, next(self._rows, None)
            yield row

    def _placed(self, rows: Iterator[SignedListRow]) -> Iterator[SignedListRow]:
        """The rows with a size; those without are strays, wherever the database sorts them."""
        for row in rows:
            if type(row[2]) is int:
                yield row
            else:
                self._stray(row)

    def _stray(self, row: SignedListRow) -> None:
        if not self._stray_count:
            self._strays.append(row[0])
        self._stray_count += 1

    def _fault(self, row: SignedListRow, position: Position, statuses: Statuses) -> str | None:
        name, at, _, raw = row
        if not isinstance(name, bytes) or len(name) != LIST_ID or not isinstance(at, str) or not isinstance(raw, bytes):
            return "columns_malformed"
        status_list = ListId(name)
        try:
            made, bits = parse_time(at), statuses.list_bits(status_list)
        except BadValue:
            return "columns_malformed"
        except ListUnknown:
            return "list_unknown"
        before, self._last[status_list] = self._last.get(status_list), made
        if before is not None and made <= before:
            return "made_before_the_last"
        issuer = self._owners.get(status_list)
        keys = () if issuer is None else self._keys(issuer, position)
        if issuer is None or not keys:
            return "no_key_in_force"
        return check_own(raw, issuer=issuer, status_list=status_list, bits=bits, made=made, keys=keys)

    def _keys(self, did: Did, position: Position) -> tuple[Kid, ...]:
        """The signing keys in force after an entry, as far as was known then."""
        after = Position(position + 1)
        issuer = self._registry.known(did, after)
        if issuer is None:
            return ()
        return tuple(
            kid for kid in issuer.keys if issuer.in_force(kid, Role.SIGNING, after) and not issuer.disowns(kid, after)
        )
