"""Reads the entries of one stream and says where they stop being one: bytes, numbers, chain, time, signatures.

Who may sign what, and what may follow what, is asked elsewhere: that needs more than this one stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.domain.types import Origin, Position
from ledger.record.entry import Entry
from ledger.record.sealing import chain, genesis, signature_is_good
from ledger.verification.evidence import Placed
from ledger.verification.readings import Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a stream, and where."""

    reason: str  # a code for programs: snake_case
    detail: str  # a sentence for people, without anything that the entry says


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The entries that hang together, from the first; all of them where there is no fault."""

    entries: tuple[Entry, ...]
    fault: Fault | None


def read_stream(placed: Iterable[Placed], origin: Origin, readings: Readings) -> Reading:
    """The entries of one stream of the log `origin`, read from their bytes alone."""
    entries: list[Entry] = []
    last = Position(0)
    for each in placed:
        entry = readings.entry(each.raw)
        if entry is None:
            fault = Fault(reason="malformed", detail=f"What stands at position {each.position} is not an entry.")
            return Reading(entries=tuple(entries), fault=fault)
        problem = _problem(entry, entries, origin) or _place_problem(each.position, last)
        if problem is not None:
            fault = Fault(reason=problem[0], detail=f"The entry at position {each.position} {problem[1]}.")
            return Reading(entries=tuple(entries), fault=fault)
        entries.append(entry)
        last = each.position
    return Reading(entries=tuple(entries), fault=None)


def bad_signature(entries: Iterable[Entry]) -> Fault | None:
    """The first of these entries that the key it names did not sign; None where all are signed."""
    for entry in entries:
        if not signature_is_good(entry):
            return Fault(reason="bad_signature", detail=f"The key named did not sign entry {entry.seq} of the stream.")
    return None


def _problem(entry: Entry, before: list[Entry], origin: Origin) -> tuple[str, str] | None:
    if entry.seq != len(before):
        return "sequence_broken", f"is number {entry.seq} of its stream, where number {len(before)} belongs"
    if not before:
        # "at seq 0 of "testamur/genesis/v1\n" + origin + "\n" + stream": no stream can be replayed into another log.
        if entry.prev != genesis(origin, entry.stream):
            return "chain_broken", "does not begin a stream of this log"
        return None
    if entry.stream != before[-1].stream:
        return "foreign_entry", "belongs to another stream"
    if entry.prev != chain(before[-1].raw):
        return "chain_broken", "does not follow the one before it"
    if entry.at < before[-1].at:
        return "time_reversed", "is dated before the one that it follows"
    return None


def _place_problem(position: Position, last: Position) -> tuple[str, str] | None:
    if position <= last:
        return "positions_reversed", "does not stand after the one that it follows"
    return None
