"""What a watch tells an issuer, what the issuer brings, and what the watch remembers, as a port."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from ledger.domain.types import Did, Kid, Position, Seq, StreamId


class AlarmKind(StrEnum):
    """Why somebody should look."""

    UNSOUND = "unsound"  # the audit found the log to be wrong, or to contradict itself
    KEY = "key"  # an event of the issuer's keys that nobody acknowledged
    UNKNOWN = "unknown"  # something in the issuer's name that it has no receipt of
    WITHHELD = "withheld"  # acknowledged, and not published in time
    MOVED = "moved"  # acknowledged, and published as something else, or elsewhere
    STALE = "stale"  # the witnesses have not cosigned for long: an old checkpoint is shown
    UNREACHED = "unreached"  # the log does not answer


class Alarm(NamedTuple):
    """One thing to look at."""

    kind: AlarmKind
    reason: str  # a sentence
    position: int | None = None
    stream: StreamId | None = None
    seq: int | None = None

    @property
    def thing(self) -> "Alarm":
        """The same without its wording, which may change while it lasts."""
        return self._replace(reason="")


class Happened(NamedTuple):
    """An event in the issuer's name, or in its stream."""

    position: Position
    stream: StreamId
    seq: Seq
    type: str  # wire name
    by: Did
    kid: Kid
    at: datetime
    about_keys: str | None  # what it does to the issuer's keys, in words


class Receipt(NamedTuple):
    """What the issuer was told when a change was acknowledged."""

    stream: StreamId
    seq: Seq
    position: Position
    since: datetime  # when it was acknowledged, or first seen
    proof: bytes | None = None  # that it was published: a C2SP tlog-proof, if the receipt has one
    act: str | None = None  # wire name of what was asked for; None where nobody wrote that down
    asked: str | None = None  # by which one request is told from another; None likewise
    kid: str | None = None  # the key that was changed; None where none was


class Place(NamedTuple):
    """Where an entry stands, and what it is."""

    position: Position
    type: str  # wire name


class WatchState(Protocol):
    """What a watch remembers besides the audit, in the same state: kept with its `save`."""

    def stream_of(self, issuer: Did) -> StreamId | None:
        """The issuer's own stream, once `begin` told it."""
        ...

    def begin(self, issuer: Did, stream: StreamId) -> None:
        """The issuer is watched from the beginning of the log."""
        ...

    def told(self, issuer: Did) -> tuple[Position, Position]:
        """Up to which position its events were told, and up to which they were held against receipts."""
        ...

    def tell(self, issuer: Did, told: Position, compared: Position) -> None:
        """They were told, and held against receipts, up to there."""
        ...

    def entries_of(self, issuer: Did, after: Position) -> Iterator[Happened]:
        """What the issuer's awards say in its name, in order, from the position after that one on."""
        ...

    def open(self, issuer: Did, happened: Happened, since: datetime) -> None:
        """An event waits for its receipt, or for somebody who knows of it."""
        ...

    def opened(self, issuer: Did) -> Iterator[tuple[Happened, datetime]]:
        """The events that wait, in order, and since when."""
        ...

    def close(self, issuer: Did, positions: Iterable[Position]) -> None:
        """These events wait no more."""
        ...

    def add_receipts(self, issuer: Did, receipts: Iterable[Receipt]) -> None:
        """Receipts to be held against the log; one that is there already keeps its time."""
        ...

    def receipts(self, issuer: Did, stream: StreamId, seq: Seq) -> Sequence[Receipt]:
        """The receipts of a change; more than one where it was acknowledged in different words."""
        ...

    def pending(self, issuer: Did) -> Iterator[Receipt]:
        """The receipts of changes that were not found in the log so far, by position."""
        ...

    def settle(self, issuer: Did, receipts: Iterable[Receipt]) -> None:
        """These changes were found where they should be."""
        ...

    def place_of(self, stream: StreamId, seq: Seq) -> Place | None:
        """Where the log has an entry of an award; None where it has none."""
        ...
