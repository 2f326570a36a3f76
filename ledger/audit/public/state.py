"""What a public audit remembers from one run to the next, as a port: what it saw, how far it read, how things stand.

Everything here was checked when it was put there. A state belongs to the auditor; who can write into it can make the
audit say anything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger.audit.report import Found
from ledger.domain.status import Act
from ledger.domain.types import Did, Kid, ListId, Origin, Position, Seq, StreamId
from ledger.errors import LedgerError
from ledger.tlog.merkle import CompactRange, Hash


class StateNotUsable(LedgerError):
    """The file is no state of an audit, or of another version, or cannot be written."""


class StateOfAnotherLog(LedgerError):
    """What is remembered is of another log than the one that is read."""


class StateInUse(LedgerError):
    """Another audit works with the same state at this moment."""


class Follows(NamedTuple):
    """What the next entry of a stream is held against."""

    seq: Seq  # of the last entry
    prev: bytes  # 32 bytes: the digest of that entry, which the next one names
    at: int  # milliseconds since 1970


class Head(NamedTuple):  # thousands of these are made each second
    """How far the stream of an award goes."""

    by: Did  # who awarded it, and owns the stream
    follows: Follows


class NewAward(NamedTuple):  # thousands of these are made each second
    """The first entry of an award."""

    stream: bytes  # 16 bytes
    position: int
    by: Did
    kid: Kid
    list: ListId
    slot: int
    is_stack: bool
    prev: bytes  # 32 bytes: the digest of that entry
    at: int  # milliseconds since 1970


class NewAct(NamedTuple):
    """A later entry of an award."""

    stream: bytes  # 16 bytes
    by: Did
    act: Act
    follows: Follows


class Seen(NamedTuple):
    """A checkpoint that the log's key signed, and that the auditor has seen."""

    size: int
    root: Hash
    note: bytes
    kept: bool  # given to the auditor by somebody, not served by the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Of which log the state is."""

    origin: Origin
    first: Hash  # leaf hash of its first entry, log.started
    pinned: bool  # whether somebody ever gave a key by which it is; else the key was taken from the log itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the log was read, every entry tied to a signed root and judged."""

    tree: CompactRange
    log: Follows | None  # of the log's own stream; None before its first entry
    statement: tuple[Position, int] | None  # the last status.committed and its time in milliseconds
    latest: tuple[Position, int] | None  # of the entries after it, the one with the latest time
    committed: int  # private parts to which entries commit
    stacks: int  # awards that were built from others

    @property
    def size(self) -> int:
        """How many entries."""
        return self.tree.size


class AuditState(Protocol):
    """One memory, of one log. What is put into it is kept with the next `save`, all at once, or not at all.

    Reading sees what was put. One thread at a time.

    Raises:
        StateNotUsable: from any call, where it cannot be read or written (any more).
    """

    def save(self) -> None:
        """Keep everything that was put, durably."""
        ...

    def undo(self) -> None:
        """Forget what was put since the last `save`."""
        ...

    def identity(self) -> Identity | None:
        """Of which log it is; None for a new state."""
        ...

    def identify(self, identity: Identity) -> None:
        """Say of which log it is, or that its key was given now."""
        ...

    def strangers(self) -> Sequence[str]:
        """The keys that were given as the log's and are none of it, while nobody gave one that is."""
        ...

    def meet(self, strangers: Iterable[str]) -> None:
        """Remember such keys, in place of those that were remembered before."""
        ...

    def seen(self) -> Sequence[Seen]:
        """Every checkpoint that was seen, by size."""
        ...

    def see(self, checkpoint: Seen) -> None:
        """Remember a checkpoint; of one with the same size and root the note is replaced."""
        ...

    def unheld(self) -> Sequence[Seen]:
        """The signed notes that were shown and not yet held against the log, by size."""
        ...

    def suspect(self, note: Seen) -> None:
        """Remember a signed note, unless it was seen: until it is held against the log, and `see` or `drop` says so."""
        ...

    def drop(self, note: Seen) -> None:
        """A note that was remembered until now need not be held against the log any more."""
        ...

    def forks(self) -> Sequence[str]:
        """What was found out about forks, in sentences, oldest first."""
        ...

    def condemn(self, fork: str) -> None:
        """Remember a fork for good."""
        ...

    def progress(self) -> Progress | None:
        """How far the log was read; None where nothing was."""
        ...

    def statuses(self) -> bytes:
        """What `advance` was last given; empty where nothing was."""
        ...

    def advance(self, progress: Progress, statuses: bytes) -> None:
        """Say how far the log was read."""
        ...

    def day(self) -> str:
        """The last day (YYYY-MM-DD) whose note was held against the log; empty where none was."""
        ...

    def see_day(self, day: str) -> None:
        """The notes up to that day were held against the log."""
        ...

    def problems(self) -> Found:
        """What was found wrong with entries, in all runs."""
        ...

    def find(self, found: Found) -> None:
        """Remember what was found wrong, in place of what was remembered before."""
        ...

    def others(self, after: int = 0) -> Iterator[tuple[Position, bytes]]:
        """The entries that are no award's, statements left out, from the position after that one on."""
        ...

    def add_others(self, entries: Iterable[tuple[Position, bytes]]) -> None:
        """Keep such entries whole."""
        ...

    def heads(self, streams: Collection[bytes]) -> Mapping[bytes, Head]:
        """Those of these streams that are an award's."""
        ...

    def acts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        """What happened in these streams of awards, each in its order."""
        ...

    def signed_by(self, kid: Kid, position: Position) -> Iterator[StreamId]:
        """The streams of awards with an entry that the key signed at that position or later, each at least once.

        Nothing may be put before the last of them was taken.
        """
        ...

    def add_awards(self, awards: Iterable[NewAward]) -> None:
        """Keep the beginnings of streams."""
        ...

    def add_acts(self, acts: Iterable[NewAct]) -> None:
        """Keep what follows in streams that are known."""
        ...

    def lists(self) -> Iterator[tuple[ListId, Did, bytes]]:
        """Every status list, whose it is, and 16,384 bytes with a bit for each slot that is taken."""
        ...

    def put_lists(self, lists: Iterable[tuple[ListId, Did, bytes]]) -> None:
        """Keep status lists, new or changed."""
        ...
