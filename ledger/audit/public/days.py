"""The last note of each day that is over, held against the log: by these, "what was known on that day" is answered."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ledger.audit.public.heads import keys_of
from ledger.audit.public.history import NOT_SHOWN
from ledger.audit.public.log import PublishedLog, day_path
from ledger.audit.public.state import AuditState, Progress
from ledger.audit.report import Check, Findings, Step
from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.values import parse_date
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.tlog.checkpoint import open_checkpoint, size_of_note
from ledger.tlog.proofs import ConsistencyNotProved, check_consistency
from ledger.tlog.tile_reader import TileReader

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST: Final = 4_000  # days of one run: the log says itself how old it is, and may say anything


def hold_days(
    log: PublishedLog, state: AuditState, progress: Progress, own: Log, reader: TileReader, found: Findings
) -> None:
    """Hold the notes of the days that are over since the last run against the log, which was read to its end.

    Where something is wrong with one, the next run asks for the same days again.

    Raises:
        LogNotReached, LogNotReadable.
    """
    started = next((raw for _, raw in state.others()), None)
    if started is None or progress.statement is None:
        return
    first = parse_date(state.day()) if state.day() else parse_entry(started).at.date()
    end = (_EPOCH + timedelta(milliseconds=progress.statement[1])).date()
    count = found.count
    try:
        until = check_days(log, own, reader, first, end, found)
    except NOT_SHOWN as error:
        found.report(Check.TILE, 1, f"the log does not show what it signed: {error}", step=Step.PLACE)
    else:
        if found.count == count and until > first:
            state.see_day(until.isoformat())
            state.save()


def check_days(log: PublishedLog, own: Log, reader: TileReader, first: date, end: date, found: Findings) -> date:
    """Hold the notes of the days from `first` on, before `end`, against the log; the first day not asked for.

    A day on which nothing was published has none.

    Args:
        reader: of the tree that the log shows.

    Raises:
        TileMissing, TileForged, MalformedTile, LogNotReached, LogNotReadable.
    """
    days = list(_days(first, end))
    before = 0
    for day, note in zip(days, log.fetch_all(day_path(day) for day in days), strict=True):
        if note is None:
            continue
        size = size_of_note(note) or 0
        place = max(min(size, reader.size), 1)
        try:
            checkpoint = open_checkpoint(note, *keys_of(own, checkpoint_keys(own, size)))
        except LedgerError as error:
            found.report(Check.CHECKPOINT, place, f"the note of {day} is none of this log: {error}")
            continue
        if checkpoint.size > reader.size or checkpoint.size < before:
            reason = (
                f"the note of {day} covers {size} entries: the log shows {reader.size}, and covered {before} before"
            )
            found.report(Check.HISTORY, place, reason)
            continue
        before = checkpoint.size
        try:
            path = reader.consistency(size)
            check_consistency(size, checkpoint.root, reader.size, reader.root, path)
        except ConsistencyNotProved:
            found.report(Check.HISTORY, place, f"the note of {day} is of another history than the log shows")
    return days[-1] + timedelta(days=1) if days else first


def _days(first: date, end: date) -> Iterator[date]:
    for number in range(min((end - first).days, _MOST)):
        yield first + timedelta(days=number)
