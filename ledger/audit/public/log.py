"""Where a published log is read: over the network, or from a folder. What it answers is believed by nobody.

A log is a set of files with the paths of C2SP `tlog-tiles`: `checkpoint`, `tile/0/x001/234`, `tile/entries/000.p/7`,
and beside them the last note of each day, `days/2026-11-21`.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, Protocol

from ledger.domain.values import BadValue, parse_date
from ledger.errors import LedgerError
from ledger.record.entry import MAX_ENTRY
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.tiles import FULL_WIDTH, Bundle, MalformedTilePath, TileMissing, decode_bundle, parse_path

CHECKPOINT: Final = "checkpoint"
_DAYS: Final = "days/"
_MOST_IN_BUNDLE: Final = FULL_WIDTH * (2 + MAX_ENTRY)  # bytes; the log of a ledger has no longer entries


class LogNotReached(LedgerError):
    """Nothing can be said of the log: who publishes it does not answer, or only that it cannot now."""


class LogNotReadable(LedgerError):
    """What is at the address is no log that can be read here, or not in the place that was named."""


class PublishedLog(Protocol):
    """Reads the files of one log. Any of its methods may be called again; nothing is remembered between calls."""

    def fetch(self, path: str) -> bytes:
        """The bytes at a path, at most one more than `most_bytes` allows, so that what is longer shows.

        Raises:
            TileMissing: there is no such file.
            LogNotReached: it is not known whether there is.
            LogNotReadable: the answer is not that of a published log at all.
        """
        ...

    def fetch_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """The bytes at each path, in order, read ahead as far as that pays; None where there is no such file.

        Raises:
            LogNotReached, LogNotReadable: as `fetch`.
        """
        ...


def most_bytes(path: str) -> int:
    """How long the file at a path may be.

    Raises:
        LogNotReadable: no log of this kind has such a path.
    """
    if path == CHECKPOINT or _is_day(path):
        return MAX_NOTE_BYTES
    try:
        named = parse_path(path)
    except MalformedTilePath as error:
        raise LogNotReadable(str(error)) from error
    return _MOST_IN_BUNDLE if isinstance(named, Bundle) else FULL_WIDTH * HASH_BYTES


def day_path(day: date) -> str:
    """Where the last note of a UTC day is."""
    return f"{_DAYS}{day.isoformat()}"


def _is_day(path: str) -> bool:
    try:
        return path.startswith(_DAYS) and day_path(parse_date(path.removeprefix(_DAYS))) == path
    except BadValue:
        return False


def read_bundle(log: PublishedLog, bundle: Bundle, found: bytes | None) -> tuple[bytes, ...]:
    """The entries of a bundle, from the full one where the partial one is gone.

    Args:
        found: what is at its path; None where there is nothing.

    Raises:
        TileMissing: neither is there.
        MalformedTile: it is not as many entries as it should be.
        LogNotReached, LogNotReadable.
    """
    if found is not None:
        return decode_bundle(found, bundle.width)
    if bundle.full:
        raise TileMissing(f"the log does not show {bundle.path}")
    whole = decode_bundle(log.fetch(bundle.whole.path), FULL_WIDTH)
    return whole[: bundle.width]
