"""Reads the bytes of one question, each once: whoever fetches evidence must look into it, and the judge looks again.

What is remembered is a pure function of the bytes, so it cannot differ from what a second reading would give; it holds
names of learners and is thrown away with the question.
"""

from ledger.domain.award import AwardInternal
from ledger.record.entry import Entry, MalformedEntry, parse_entry
from ledger.record.private_parts import Facts, MalformedPart, read_facts, read_internal


class Readings:
    """What the bytes of one question say; believed only once their signatures and digests were checked."""

    __slots__ = ("_entries", "_facts", "_internals")

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._entries: dict[bytes, Entry | None] = {}
        self._facts: dict[bytes, Facts | None] = {}
        self._internals: dict[bytes, AwardInternal | None] = {}

    def entry(self, raw: bytes) -> Entry | None:
        """The entry that these bytes are; None where they are none."""
        if raw not in self._entries:
            try:
                self._entries[raw] = parse_entry(raw)
            except MalformedEntry:
                self._entries[raw] = None
        return self._entries[raw]

    def facts(self, raw: bytes) -> Facts | None:
        """The facts that these bytes spell; None where they spell none."""
        if raw not in self._facts:
            try:
                self._facts[raw] = read_facts(raw)
            except MalformedPart:
                self._facts[raw] = None
        return self._facts[raw]

    def internal(self, raw: bytes) -> AwardInternal | None:
        """What only the issuer sees of an award, if these bytes spell that."""
        if raw not in self._internals:
            try:
                found = read_internal(raw)
            except MalformedPart:
                found = None
            self._internals[raw] = found if isinstance(found, AwardInternal) else None
        return self._internals[raw]
