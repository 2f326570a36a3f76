"""One award's stream as far as it was read, folded with what was known at the position where somebody asks."""

from ledger.audit.first import FirstEntry
from ledger.domain import credential as credentials
from ledger.domain.credential import Credential
from ledger.domain.issuer import Issuer
from ledger.domain.types import Position
from ledger.record.entry import Entry


class AwardSoFar:
    """Entries that could follow one another. Most awards have one only, so nothing is folded before it is asked."""

    def __init__(self, issuer: Issuer | None) -> None:
        """Without entries; `issuer` folded to the end of the log."""
        self._issuer = issuer
        self._history: list[tuple[Entry | FirstEntry, Position]] = []
        self._folded = 0  # entries that the state takes into account
        self._state: Credential | None = None
        self._reports = 0  # of stolen keys, that the state takes into account

    def add(self, entry: Entry | FirstEntry, position: Position) -> None:
        """The next entry."""
        self._history.append((entry, position))

    def known(self, position: Position) -> Credential | None:
        """The award before a position, by what was known there; None before its first entry."""
        issuer = self._issuer
        reports = 0 if issuer is None else sum(report.known_at < position for report in issuer.reported())
        if reports != self._reports:  # what a key reported as stolen signed no longer counts
            self._reports, self._folded, self._state = reports, 0, None
        for read, place in self._history[self._folded :]:
            entry = read if isinstance(read, Entry) else read.entry
            disowned = issuer is not None and issuer.disowns(entry.kid, place, known_before=position)
            self._state = credentials.evolve(self._state, entry.recorded(place), disowned=disowned)
        self._folded = len(self._history)
        return self._state
