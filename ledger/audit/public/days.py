"""The last note of each day that is over, held against the log: by these, "what was known on that day" is answered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ledger.audit.public.breaks import Breaks
from ledger.audit.public.heads import keys_of
from ledger.audit.public.history import NOT_SHOWN, Break
from ledger.audit.public.log import PublishedLog, day_path
from ledger.audit.public.state import AuditState, Progress, Seen
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What notes of days are held against."""

    log: PublishedLog
    state: AuditState
    own: Log  # by the keys of which they are signed
    shown: Seen
    reader: TileReader  # of the tree that is shown
    breaks: Breaks
    found: Findings


def hold_days(holding: Holding, progress: Progress) -> None:
    """Hold the notes of the days that are over since the last run against the log, which was read to its end.

    Where something is wrong with one, the next run asks for the same days again, if it was not a fork.

    Raises:
        LogNotReached, LogNotReadable: what was signed and not held is kept for the next run.
    """
    state = holding.state
    started = next((raw for _, raw in state.others()), None)
    if started is None or progress.statement is None:
        return
    first = parse_date(state.day()) if state.day() else parse_entry(started).at.date()
    end = (_EPOCH + timedelta(milliseconds=progress.statement[1])).date()
    days = list(_days(first, end))
    try:
        if all(_good_days(holding, days)) and days:
            state.see_day((days[-1] + timedelta(days=1)).isoformat())
    except NOT_SHOWN as error:
        reason = f"the log does not show what it signed: {error}"
        holding.found.report(Check.TILE, 1, reason, step=Step.PLACE)
    finally:
        state.save()


def _good_days(holding: Holding, days: Sequence[date]) -> list[bool]:
    """Whether each of these days needs not be asked for again; one on which nothing was published has no note.

    Raises:
        TileMissing, TileForged, MalformedTile, LogNotReached, LogNotReadable.
    """
    before, good = 0, []
    notes = holding.log.fetch_all(day_path(day) for day in days)
    for day, note in zip(days, notes, strict=True):
        if note is None:
            continue
        size = size_of_note(note) or 0
        try:
            checkpoint = open_checkpoint(note, *keys_of(holding.own, checkpoint_keys(holding.own, size)))
        except LedgerError as error:
            place = max(min(size, holding.reader.size), 1)
            holding.found.report(Check.CHECKPOINT, place, f"the note of {day} is none of this log: {error}")
            good.append(False)
            continue
        good.append(_is_good(holding, day, Seen(size, checkpoint.root, note, kept=False), before))
        before = max(before, size)
    return good


def _is_good(holding: Holding, day: date, note: Seen, before: int) -> bool:
    """Whether the note of a day need not be asked for again: it is of the log's history, or a fork was proved by it."""
    reader, size = holding.reader, note.size
    holding.state.suspect(note)
    covered = f"the note of {day} covers {size} entries: the log shows {reader.size}, and covered {before} before"
    if size > reader.size:
        holding.breaks.tell(Break(reason=covered, first=max(reader.size, 1), forked=False, notes=(note, holding.shown)))
        return False
    try:
        check_consistency(size, note.root, reader.size, reader.root, reader.consistency(size))
    except ConsistencyNotProved:
        reason = f"the note of {day} is of another history than the log shows"
        broken = Break(reason=reason, first=max(size, 1), forked=True, notes=(note, holding.shown))
        holding.breaks.tell(broken, note)
        return True
    holding.state.drop(note)
    if size < before:
        holding.found.report(Check.HISTORY, max(size, 1), covered)
    return size >= before


def _days(first: date, end: date) -> Iterator[date]:
    for number in range(min((end - first).days, _MOST)):
        yield first + timedelta(days=number)
