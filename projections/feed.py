"""Where views get their events from: the ledger's store, read in batches, with private parts opened."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from ledger import canonical
from ledger.application.ports import Boxes, Store, StoredPart
from ledger.domain.definition import read_definition
from ledger.domain.events import CredentialEvent, Recorded
from ledger.domain.types import Digest, Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.verification.evidence import Placed
from projections.credential_status import NotApplicable, Title

OPENED = (Part.FACTS, Part.INTERNAL)  # what views are made of
_STREAM = re.compile(rb'"stream":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


class FeedFailed(LedgerError):
    """The ledger could not be read: try again; it says nothing about any event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """One entry of the log as a view is given it."""

    position: Position
    raw: bytes
    recorded: Recorded | None  # None where the bytes are no entry
    openings: Mapping[Part, Opening] = field(default_factory=dict)  # those of OPENED that could be opened

    @property
    def stream(self) -> StreamId | None:
        """The stream that the entry names, even where the rest of it cannot be read."""
        if self.recorded is not None:
            return self.recorded.stream
        named = _STREAM.search(self.raw)
        return None if named is None else StreamId(UUID(named[1].decode()))


class Feed(Protocol):
    """Every event, in the order of positions.

    Raises:
        FeedFailed: from any call; nothing is lost by calling again.
    """

    def size(self) -> int:
        """The last position there is."""
        ...

    def read(self, after: int, limit: int) -> list[Fed]:
        """At most `limit` entries beyond the position `after`, in order."""
        ...

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest; None where there is none."""
        ...


class StoreFeed:
    """The feed of a ledger's store."""

    def __init__(self, store: Store, boxes: Boxes) -> None:
        self._store = store
        self._boxes = boxes

    def size(self) -> int:
        """The last position there is."""
        try:
            with self._store.snapshot() as snapshot:
                return snapshot.head().size
        except Exception as error:
            raise _failed(error) from error

    def read(self, after: int, limit: int) -> list[Fed]:
        """At most `limit` entries beyond the position `after`, in order."""
        try:
            with self._store.snapshot() as snapshot:
                decoded = [decode(placed) for placed in snapshot.entries(after, limit)]
                parts = snapshot.parts([fed.position for fed in decoded if is_award_event(fed)])
            return [self._opened(fed, parts.get(fed.position, ())) for fed in decoded]
        except Exception as error:
            raise _failed(error) from error

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest; None where there is none."""
        try:
            with self._store.snapshot() as snapshot:
                return snapshot.definition(digest)
        except Exception as error:
            raise _failed(error) from error

    def _opened(self, fed: Fed, stored: Sequence[StoredPart]) -> Fed:
        boxes = {each.part: (each.key_id, each.box) for each in stored}

        def opened(of: Recorded, part: Part, key_id: bytes, box: bytes) -> Opening | None:
            return self._boxes.open(key_id, box, stream=of.stream, seq=of.seq, part=part)

        return with_openings(fed, boxes, opened)


def decode(placed: Placed) -> Fed:
    """An entry without its private parts."""
    try:
        recorded = parse_entry(placed.raw).recorded(placed.position)
    except MalformedEntry:
        recorded = None
    return Fed(position=placed.position, raw=placed.raw, recorded=recorded)


def is_award_event(fed: Fed) -> bool:
    """Whether private parts stand beside the entry."""
    return fed.recorded is not None and isinstance(fed.recorded.event, CredentialEvent)


def with_openings(
    fed: Fed,
    boxes: Mapping[Part, tuple[bytes, bytes]],
    opened: Callable[[Recorded, Part, bytes, bytes], Opening | None],
) -> Fed:
    """The entry with the private parts that views need, as far as `opened` opens their (key id, box)."""
    if fed.recorded is None:
        return fed
    openings: dict[Part, Opening] = {}
    for part in OPENED:
        if part in boxes:
            opening = opened(fed.recorded, part, *boxes[part])
            if opening is not None:
                openings[part] = opening
    return Fed(position=fed.position, raw=fed.raw, recorded=fed.recorded, openings=openings)


class Titles:
    """What achievements are called, read once for each version of their wording."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: dict[Digest, Title] = {}

    def __call__(self, digest: Digest) -> Title | None:
        """The title; None where the wording was taken down.

        Raises:
            LedgerError: the wording is not the one with this digest, or cannot be read.
        """
        if digest not in self._known:
            content = self._feed.definition(digest)
            if content is None:
                return None
            if sha256(content).digest() != digest:
                raise NotApplicable("the wording of the achievement is not the one that the award names")
            definition = read_definition(canonical.parse(content))
            self._known[digest] = Title(slug=definition.slug, name=definition.name)
        return self._known[digest]


def _failed(error: Exception) -> FeedFailed:
    return FeedFailed(f"the ledger could not be read for its views: {type(error).__name__}")
