"""Status lists as their entries take them: each belongs to one issuer, and no two versions of awards share a slot."""

from collections.abc import Iterable, Iterator

from ledger.domain.types import Did, ListId
from ledger.domain.values import STATUS_LIST_SLOTS

_BYTES = STATUS_LIST_SLOTS // 8


class SlotUse:
    """Which slots are taken: 16 KiB for each list."""

    def __init__(self, lists: Iterable[tuple[ListId, Did, bytes]]) -> None:
        """Of the lists that are known so far."""
        self._owners: dict[ListId, Did] = {}
        self._taken: dict[ListId, bytearray] = {}
        for status_list, by, taken in lists:
            self._owners[status_list] = by
            self._taken[status_list] = bytearray(taken)
        self._changed: set[ListId] = set()

    def take(self, status_list: ListId, slot: int, by: Did) -> str | None:
        """Take a slot for an issuer's award; what is wrong with that, in a sentence.

        The first who takes one of its slots owns the list.
        """
        owner = self._owners.get(status_list)
        if owner is None:
            owner = self._owners[status_list] = by
            self._taken[status_list] = bytearray(_BYTES)
        if owner != by:
            return f"the status list belongs to {owner}, and {by} takes a slot of it"
        taken, byte, bit = self._taken[status_list], slot >> 3, 1 << (slot & 7)
        if taken[byte] & bit:
            return f"the slot {slot} of its status list is another version's already"
        taken[byte] |= bit
        self._changed.add(status_list)
        return None

    def knows(self, status_list: ListId) -> bool:
        """Whether a slot of it was ever asked for."""
        return status_list in self._owners

    def changed(self) -> Iterator[tuple[ListId, Did, bytes]]:
        """The lists in which a slot was taken since this was asked for last."""
        for status_list in sorted(self._changed):
            yield status_list, self._owners[status_list], bytes(self._taken[status_list])
        self._changed.clear()
