"""What is done about a log that does not go on from what was seen of it: it is reported, and both notes are kept."""

from collections.abc import Callable
from typing import TypeAlias

from ledger.audit.public.history import Break, find_break
from ledger.audit.public.log import LogNotReadable, PublishedLog
from ledger.audit.public.state import AuditState, Seen
from ledger.audit.report import Check, Findings, Step
from ledger.tlog.merkle import CompactRange
from ledger.tlog.tile_reader import TileReader

KeepNote: TypeAlias = Callable[[Seen], str]  # keeps a signed note as evidence, and says where


class Breaks:
    """Holds what is shown against what was seen, and remembers forks for good."""

    def __init__(self, log: PublishedLog, state: AuditState, found: Findings, keep_note: KeepNote) -> None:
        self.evidence: list[str] = []  # where notes were kept
        self._log = log
        self._state = state
        self._found = found
        self._keep_note = keep_note
        self._told: set[str] = set()

    def goes_on(
        self, new: Seen, kept: Seen | None, reader: TileReader, tree: CompactRange, *, signed: bool = True
    ) -> bool:
        """Whether what is shown goes on from the last checkpoint that was seen, and from the one that was kept.

        All that were seen before the last one were held against it then.

        Args:
            signed: whether somebody known signed what is shown; else it is evidence of nothing.

        Raises:
            LogNotReadable: it does not go on, and nobody known signed it.
            TileMissing, TileForged, MalformedTile: the log does not show what would prove it.
            LogNotReached.
        """
        for old in (*self._state.seen()[-1:], *(() if kept is None else (kept,))):
            found = find_break(old, new, reader, self._log, tree)
            if found is not None and not signed:
                raise LogNotReadable(
                    f"nobody known signed what the log shows, and it is no continuation: {found.reason}"
                )
            if found is not None:
                self._tell(found)
                return False
        if kept is not None:
            self._state.see(kept)
        return True

    def remind(self) -> None:
        """Report the forks that were found in earlier runs: a log does not become whole again."""
        for fork in self._state.forks():
            if fork not in self._told:
                self._found.report(Check.HISTORY, 1, fork, step=Step.CUT)

    def _tell(self, found: Break) -> None:
        places = [self._keep_note(note) for note in found.notes]
        self.evidence += places
        told = f"{found.reason}. Both signed notes were kept: {places[0]} and {places[1]}"
        self._found.report(Check.HISTORY, found.first, told, step=Step.CUT)
        if found.forked:
            self._told.add(told)
            self._state.condemn(told)
            self._state.save()
