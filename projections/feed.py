"""Where views get their events from: the ledger's store, read in batches, with private parts opened where needed."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from ledger import canonical
from ledger.application.ports import Boxes, Store
from ledger.domain.definition import read_definition
from ledger.domain.types import Digest, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.encoding import from_text
from projections.family import Fed, NotApplicable, Title

OPENED = (Part.FACTS, Part.INTERNAL)  # what views are made of
_STREAM = re.compile(rb'"stream":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')
_TITLES = 10_000  # versions of wordings kept
Openings = Mapping[int, Mapping[Part, Opening]]  # by position; those of OPENED that could be opened


class FeedFailed(LedgerError):
    """The ledger could not be read: try again; it says nothing about any event."""


class Feed(Protocol):
    """Every event, in the order of positions.

    Raises:
        FeedFailed: from any call; nothing is lost by calling again.
    """

    def size(self) -> int:
        """The last position there is."""
        ...

    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """At most `limit` entries beyond the position `after`, with their positions, in order."""
        ...

    def openings(self, events: Sequence[Fed]) -> Openings:
        """What the private parts of these events hold, as far as they can be opened."""
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

    def read(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """At most `limit` entries beyond the position `after`, with their positions, in order."""
        try:
            with self._store.snapshot() as snapshot:
                return list(snapshot.states(after, limit))
        except Exception as error:
            raise _failed(error) from error

    def openings(self, events: Sequence[Fed]) -> Openings:
        """What the private parts of these events hold, as far as they can be opened."""
        try:
            found: dict[int, dict[Part, Opening]] = {}
            if not events:
                return found
            with self._store.snapshot() as snapshot:
                stored = snapshot.boxes(events[0].position, events[-1].position, OPENED)
            places = {fed.position: (stream_of(fed.entry.stream), Seq(fed.entry.seq)) for fed in events}
            for position, part, key_id, box in stored:
                stream, seq = places.get(position, (None, Seq(0)))
                if stream is not None:
                    opening = self._boxes.open(key_id, box, stream=stream, seq=seq, part=part)
                    if opening is not None:
                        found.setdefault(position, {})[part] = opening
            return found
        except Exception as error:
            raise _failed(error) from error

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest; None where there is none."""
        try:
            with self._store.snapshot() as snapshot:
                return snapshot.definition(digest)
        except Exception as error:
            raise _failed(error) from error


def stream_of(spelled: str) -> StreamId | None:
    """The stream with this id; None where the text is none."""
    try:
        return StreamId(UUID(spelled))
    except ValueError:
        return None


def named_stream(raw: bytes) -> str:
    """The stream that bytes name which are no entry; the empty text where they do not."""
    named = _STREAM.search(raw)
    return "" if named is None else named[1].decode()


class Wordings:
    """What achievements are called, read once for each version of their wording."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: dict[str, Title] = {}

    def __call__(self, digest: str) -> Title | None:
        """The title of the wording with this digest, in base64url; None where the wording was taken down.

        Raises:
            LedgerError: the wording is not the one with this digest, or cannot be read.
        """
        known = self._known.get(digest)
        if known is None:
            wanted = Digest(from_text(digest, 32))
            content = self._feed.definition(wanted)
            if content is None:
                return None
            if sha256(content).digest() != wanted:
                raise NotApplicable("the wording of the achievement is not the one that the award names")
            if len(self._known) >= _TITLES:
                self._known.clear()
            known = self._known[digest] = _title(content)
        return known


def _title(content: bytes) -> Title:
    read = read_definition(canonical.parse(content))
    credit = None if read.credit is None else read.credit.value
    return Title(slug=read.slug, name=read.name, credit=credit, minutes=read.minutes)


def _failed(error: Exception) -> FeedFailed:
    return FeedFailed(f"the ledger could not be read for its views: {type(error).__name__}")
