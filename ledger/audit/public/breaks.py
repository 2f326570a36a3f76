"""What is done about a log that does not go on from what was seen of it: it is reported, and both notes are kept."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ledger.audit.public.history import NOT_SHOWN, Break, find_break
from ledger.audit.public.log import LogNotReadable, PublishedLog
from ledger.audit.public.state import AuditState, Seen
from ledger.audit.report import Check, Findings, Step
from ledger.errors import LedgerError
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

        All that were seen before the last one were held against it then. Notes that could not be held against the log
        when they were shown are held against it now.

        Args:
            signed: whether somebody known signed what is shown; else it is evidence of nothing.

        Raises:
            LogNotReadable: it does not go on, and nobody known signed it.
            TileMissing, TileForged, MalformedTile: the log does not show what would prove it.
            LogNotReached.
        """
        hidden: LedgerError | None = None
        for old in (*self._state.seen()[-1:], *(() if kept is None else (kept,))):
            try:
                found = find_break(old, new, reader, self._log, tree)
            except NOT_SHOWN as error:
                hidden = error
                continue
            if found is not None:
                self._signed(found, signed=signed)
                self.tell(found, new)
                return False
        held, told, unproved = self._hold_waiting(new, reader, signed=signed)
        if told:
            return False
        hidden = hidden or unproved
        if hidden is not None:
            raise hidden
        for old in (*held, *(() if kept is None else (kept,))):
            self._state.see(old)
        return True

    def _hold_waiting(
        self, new: Seen, reader: TileReader, *, signed: bool
    ) -> tuple[list[Seen], bool, LedgerError | None]:
        """Hold what could not be held before: what is good now, whether a break was told, and what is not shown."""
        held: list[Seen] = []
        told, hidden = False, None
        for old in self._waiting(new):
            try:
                found = find_break(old, new, reader, self._log, CompactRange.empty())
            except NOT_SHOWN as error:
                hidden = error
                continue
            if found is None:
                held.append(old)
            else:
                self._signed(found, signed=signed)
                self.tell(found, old)
                told = True
        return held, told, hidden

    def _waiting(self, new: Seen) -> list[Seen]:
        """The notes that were not yet held against the log; of those that are ahead of what is shown the last one."""
        origin = new.note.partition(b"\n")[0]  # before the log's first entry was read, another log may have been shown
        notes = [each for each in self._state.unheld() if each.note.partition(b"\n")[0] == origin]
        return [each for each in notes if each.size <= new.size] + [each for each in notes if each.size > new.size][-1:]

    def suspect(self, notes: Iterable[Seen]) -> None:
        """Keep signed notes before anything else is asked for: what proves a fork may not be shown together with it."""
        for note in notes:
            self._state.suspect(note)
        self._state.save()

    def not_shown(self, error: LedgerError, note: Seen | None) -> None:
        """Report that the log does not show what it signed.

        Args:
            note: the signed note, which is then evidence; None where nobody known signed it.
        """
        told = f"the log does not show what it signed: {error}"
        if note is not None:
            place = self._keep_note(note)
            self.evidence.append(place)
            told = f"{told}. The signed note was kept: {place}"
        self._found.report(Check.TILE, 1, told, step=Step.PLACE)

    def _signed(self, found: Break, *, signed: bool) -> None:
        if not signed:
            raise LogNotReadable(f"nobody known signed what the log shows, and it is no continuation: {found.reason}")

    def remind(self) -> None:
        """Report the forks that were found in earlier runs: a log does not become whole again."""
        for fork in self._state.forks():
            if fork not in self._told:
                self._found.report(Check.HISTORY, 1, fork, step=Step.CUT)

    def tell(self, found: Break, deviant: Seen | None = None) -> None:
        """Report a break, and keep both notes.

        Args:
            deviant: the note that need not be held against the log any more if it is a fork.
        """
        places = [self._keep_note(note) for note in found.notes]
        self.evidence += places
        told = f"{found.reason}. Both signed notes were kept: {places[0]} and {places[1]}"
        self._found.report(Check.HISTORY, found.first, told, step=Step.CUT)
        if found.forked:
            self._told.add(told)
            self._state.condemn(told)
            if deviant is not None:
                self._state.drop(deviant)
            self._state.save()
