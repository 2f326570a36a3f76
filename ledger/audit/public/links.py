"""What ties an entry to the one before it in its stream, or to the beginning of the log."""

from ledger.audit.public.bundles import milliseconds
from ledger.audit.public.state import Follows
from ledger.audit.report import Check, Findings, Step
from ledger.domain.types import Origin, Position
from ledger.record.entry import Entry
from ledger.record.sealing import chain, genesis


def check_link(entry: Entry, position: Position, follows: Follows | None, origin: Origin, found: Findings) -> None:
    """Report unless the entry follows the one before it, or begins its stream in the log of that name."""
    due = 0 if follows is None else follows.seq + 1
    if entry.seq != due:
        reason = f"the stream goes on with seq {entry.seq}, where {due} is due"
        found.report(Check.SEQ, position, reason, entry, Step.STREAM)
    prev = genesis(origin, entry.stream) if follows is None else follows.prev
    if entry.prev != prev:
        before = "this log" if follows is None else "the entry before it in its stream"
        found.report(Check.CHAIN, position, f"the entry does not follow {before}: prev differs", entry, Step.STREAM)
    if follows is not None and milliseconds(entry.at) < follows.at:
        reason = "the entry says an earlier time than the one before it in its stream"
        found.report(Check.TIME, position, reason, entry, Step.TIME)


def followed_by(entry: Entry) -> Follows:
    """What the next entry of the stream is held against."""
    return Follows(entry.seq, chain(entry.raw), milliseconds(entry.at))
