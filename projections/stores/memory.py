"""The credential status view in memory: what a history folds to, to hold beside the live tables."""

from collections.abc import Iterator, Mapping, Sequence

from ledger.domain.types import Did, Position, StreamId
from projections.credential_status import IssuerEntry, Kept
from projections.rows import Parked
from projections.runner import Changes, Fenced


class MemoryViewStore:
    """The tables as plain collections, for one thread."""

    def __init__(self) -> None:
        self.awards: dict[StreamId, Kept] = {}
        self.issuers: list[IssuerEntry] = []
        self.parked: list[Parked] = []
        self._position = Position(0)

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        return self._position

    def award(self, stream: StreamId) -> Kept | None:
        """An award."""
        return self.awards.get(stream)

    def awards_since(self, issuer: Did, position: Position) -> Iterator[Kept]:
        """The awards of an issuer whose last act stands at `position` or later."""
        for kept in self.awards.values():
            if kept.row.issuer == issuer and kept.row.position >= position:
                yield kept

    def issuer_entries(self, did: Did) -> Sequence[tuple[Position, bytes]]:
        """The entries of an issuer's stream, by position."""
        return [(each.position, each.raw) for each in self.issuers if each.issuer == did]

    def issuer_of(self, stream: StreamId) -> Did | None:
        """Whose stream it is, if it is an issuer's."""
        return next((each.issuer for each in self.issuers if each.stream == stream), None)

    def parked_streams(self) -> Mapping[StreamId, Position]:
        """The streams of which an event is parked, and the position of the first."""
        return {each.stream: each.position for each in reversed(self.parked) if each.stream is not None}

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        """Take everything over.

        Raises:
            Fenced: the view is not at `expected`.
        """
        if self._position != expected:
            raise Fenced(f"the view was expected at position {expected}, and stands at {self._position}")
        self.awards |= changes.awards
        self.issuers += changes.issuer_entries
        self.parked += changes.parked
        self._position = reached
