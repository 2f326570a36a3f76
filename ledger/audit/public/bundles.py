"""What a bundle of entries is asked by itself: bytes, signatures, leaves. Any process may do it; it reads nothing else.

Nearly all entries are the first ones of awards. What an audit needs of those travels back packed; all other entries
are read again by whoever puts the bundles together, in the order of positions.
"""

import struct
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from ledger.audit.first import FirstEntry, read_first
from ledger.audit.report import Check, Findings, Found, Step
from ledger.domain.types import Did, Kid, ListId, Origin, Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import chain, signature_is_good
from ledger.tlog.merkle import CompactRange, Hash, leaf_hash
from ledger.tlog.tiles import FULL_WIDTH

_AWARD: Final = struct.Struct(">HHHIQ16s32s?")  # a record of `Award`, numbers instead of names
_AT: Final = slice(7, 30)  # a canonical entry begins with {"at":"2026-11-21T14:03:00.000Z"
_FROM_URL: Final = str.maketrans("-_", "+/")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Award(NamedTuple):  # thousands of these are made each second
    """The first entry of an award in which all is well that it can be asked by itself."""

    offset: int  # in its bundle
    by: Did
    kid: Kid
    list: ListId
    slot: int
    at: int  # milliseconds since 1970
    stream: bytes  # 16 bytes
    head: bytes  # 32 bytes: `prev` of the entry that may follow
    is_stack: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRead:
    """What one bundle came to."""

    first: int  # leaf index of its first entry
    subtrees: tuple[Hash, ...]  # the perfect subtrees that its entries make up, largest first
    leaves: tuple[Hash, ...]  # of the entries that were not read before; none where the bundle is full and all new
    signers: tuple[tuple[Did, Kid], ...]
    lists: tuple[ListId, ...]
    packed: bytes  # the awards
    others: tuple[int, ...]  # offsets of all other entries that somebody signed
    found: Found

    def awards(self) -> Iterator[Award]:
        """The awards, in order."""
        signers, lists = self.signers, self.lists
        for offset, signer, status_list, slot, at, stream, head, is_stack in _AWARD.iter_unpack(self.packed):
            by, kid = signers[signer]
            yield Award(offset, by, kid, lists[status_list], slot, at, stream, head, is_stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTask:
    """The entries of one bundle, as they were served."""

    origin: Origin
    first: int  # leaf index of the first of them
    known: int  # how many of them were read before
    entries: tuple[bytes, ...]  # at most 256

    def run(self) -> BundleRead:
        """Read them all."""
        reading = _Reading(self.origin)
        for offset in range(self.known, len(self.entries)):
            reading.take(self.entries[offset], offset, Position(self.first + offset + 1))
        leaves = tuple(leaf_hash(entry) for entry in self.entries)
        whole = len(leaves) == FULL_WIDTH and not self.known
        return BundleRead(
            first=self.first,
            subtrees=CompactRange.empty().extended(leaves).hashes,
            leaves=() if whole else leaves[self.known :],
            signers=tuple(reading.signers),
            lists=tuple(reading.lists),
            packed=bytes(reading.packed),
            others=tuple(reading.others),
            found=reading.found.found(),
        )


class BundleWorkers(Protocol):
    """Those who read bundles."""

    def run(self, tasks: Iterable[BundleTask]) -> Iterator[BundleRead]:
        """The answers in the order of the tasks, of which few are held at a time.

        Raises:
            CannotBeAudited: whoever did one is gone.
        """
        ...


class OneByOne:
    """Reads one bundle after the other, in this process."""

    def run(self, tasks: Iterable[BundleTask]) -> Iterator[BundleRead]:
        """The answers, each made when it is asked for."""
        for task in tasks:
            yield task.run()


class _Reading:
    """The entries of one bundle, as far as they were read."""

    def __init__(self, origin: Origin) -> None:
        self.signers: dict[tuple[Did, Kid], int] = {}  # each with its number
        self.lists: dict[ListId, int] = {}
        self.packed = bytearray()
        self.others: list[int] = []
        self.found = Findings()
        self._origin = origin

    def take(self, raw: bytes, offset: int, position: Position) -> None:
        """The next entry."""
        first = read_first(raw)
        if first is not None and is_of_link(first) and first.begins(self._origin) and first.is_signed():
            self._pack(first, offset)
            return
        entry = self._entry(raw, position)
        if entry is None:
            return
        if signature_is_good(entry):
            self.others.append(offset)
        else:
            reason = f"{entry.kid} did not sign these bytes"
            self.found.report(Check.SIGNATURE, position, reason, entry, Step.ENTRY)

    def _entry(self, raw: bytes, position: Position) -> Entry | None:
        try:
            return parse_entry(raw)
        except LedgerError as error:
            self.found.report(Check.ENTRY, position, str(error), step=Step.ENTRY)
            return None

    def _pack(self, first: FirstEntry, offset: int) -> None:
        signer = self.signers.setdefault((first.by, first.kid), len(self.signers))
        status_list = self.lists.setdefault(first.list, len(self.lists))
        self.packed += _AWARD.pack(
            offset,
            signer,
            status_list,
            first.slot,
            _milliseconds(first.raw[_AT]),
            bytes.fromhex(first.hex),
            chain(first.raw),
            first.is_stack,
        )


def is_of_link(first: FirstEntry) -> bool:
    """Whether the stream is the one to which the code of this link digest leads (docs/spec/entry.md, section 1)."""
    # Not `from_text`: the shape of the entry says that this is base64url, and the first 12 bytes have all 74 bits.
    link = a2b_base64(first.link[:16].translate(_FROM_URL))
    return link_bits(link) == stream_bits(int(first.hex, 16))


def link_bits(link: bytes) -> int:
    """The bits of a link digest that stand in the id of its stream."""
    return int.from_bytes(link[:10]) >> 6


def stream_bits(stream: int) -> int:
    """The 74 bits of a stream's id that are neither time nor version."""
    return (stream >> 64 & 0xFFF) << 62 | stream & (1 << 62) - 1


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _milliseconds(spelled: bytes) -> int:
    """Milliseconds since 1970 of a time that was read already, without the Z at its end."""
    return _minute(spelled[:16]) + int(spelled[17:19]) * 1000 + int(spelled[20:])


@lru_cache(maxsize=4096)  # many entries have one minute
def _minute(spelled: bytes) -> int:
    return milliseconds(datetime.fromisoformat(spelled.decode("ascii")).replace(tzinfo=UTC))
