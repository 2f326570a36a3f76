"""Establishes who runs the log and which keys sign its checkpoints, from the entries of the log's own stream.

Statements (`status.committed`) may be left out: a log has one for every publication, and whoever asks for keys does not
want them all. Then `prev` cannot be followed from one of these entries to the next; each is still held against the
operator's signature, the order of `seq`, position and time, and the rules. What cannot be seen so is an entry that was
left out beside the statements, a `log.key_retired` above all: that the entries are all of them is shown by an audit.
"""

from collections.abc import Sequence

from ledger.domain.authority import check_signer
from ledger.domain.events import LogEvent
from ledger.domain.log import Log, LogError, LogNotStarted, evolve, permit
from ledger.domain.types import Origin, Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import chain, genesis, possession_is_proved, signature_is_good
from ledger.verification.evidence import Placed


class LogUnestablished(LogError):
    """The entries given do not establish the log's operator and keys."""


def establish_log(entries: Sequence[Placed]) -> Log:
    """What the log's own entries add up to, in the order of positions, each verified.

    Args:
        entries: of the log's stream, from `log.started` on; `status.committed` may be missing, all or some.

    Raises:
        LogUnestablished: one of them is malformed, badly signed, out of order, or may not stand where it stands.
    """
    log: Log | None = None
    last: tuple[Entry, Position] | None = None
    for placed in entries:
        try:
            entry = parse_entry(placed.raw)
            log = _follow(log, entry, placed.position, last)
        except LedgerError as error:
            raise LogUnestablished(f"the log's entry at position {placed.position} does not verify: {error}") from error
        last = entry, placed.position
    if log is None:
        raise LogUnestablished("the log has no first entry")
    return log


def _follow(log: Log | None, entry: Entry, position: Position, last: tuple[Entry, Position] | None) -> Log:
    event, recorded = entry.event, entry.recorded(position)
    if not isinstance(event, LogEvent):
        raise LogUnestablished(f"a {entry.type} does not belong in the log's own stream")
    permit(log, event, at=position)
    if not signature_is_good(entry):
        raise LogUnestablished("the key that it names did not sign it")
    state = evolve(log, recorded)
    check_signer(recorded, operator=state.operator, issuers={}, owner=state.operator.did)
    if last is None:
        _check_first(entry, position, state.operator.origin)
    else:
        _check_order(entry, position, last)
    if not possession_is_proved(state.operator.origin, recorded):
        raise LogUnestablished("whoever added the key did not prove to hold it")
    return state


def _check_first(entry: Entry, position: Position, origin: Origin) -> None:
    if position != 1:
        raise LogNotStarted("log.started stands at position 1")
    if entry.prev != genesis(origin, entry.stream):
        raise LogUnestablished("it does not begin a stream of this log")


def _check_order(entry: Entry, position: Position, last: tuple[Entry, Position]) -> None:
    before, place = last
    if position <= place or entry.seq <= before.seq or entry.at < before.at:
        raise LogUnestablished("it does not stand after the one before it")
    if position - place < entry.seq - before.seq:
        raise LogUnestablished("its number in the stream leaves more entries out than there is room for")
    # Where entries were left out in between, `prev` names one that is not here.
    if entry.seq == before.seq + 1 and entry.prev != chain(before.raw):
        raise LogUnestablished("it does not follow the one before it: prev differs")
