"""Which keys sign checkpoints over which size: as the log's own entries say, under the operator's signature.

They are read before anything else, since checkpoints are judged while the entries are read. What is wrong with one of
these entries is reported where it stands; here it does not count.
"""

from contextlib import suppress

from ledger.audit.entries import bytes_of, is_statement
from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import AuditSource, EntryRow
from ledger.domain.authority import Operator, check_signer
from ledger.domain.events import LogEvent
from ledger.domain.log import Log, LogError, checkpoint_keys, evolve, permit
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.record.sealing import possession_is_proved, signature_is_good
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, size_of_note
from ledger.tlog.note import VerifierKey

_LAST = 2**63 - 1  # beyond any position


class LogKeys:
    """The keys of a log, of which one that is in force at its size must have signed a checkpoint."""

    def __init__(self, log: Log | None, only: VerifierKey | None) -> None:
        """
        Args:
            log: what the log says of itself; None where that is not to be believed.
            only: the key that counts then, at every size; None: no checkpoint can be opened.
        """
        self._log = log
        self._only = () if only is None else (only,)

    def __bool__(self) -> bool:
        """Whether any checkpoint can be opened."""
        return self._log is not None or bool(self._only)

    def at(self, size: int) -> tuple[VerifierKey, ...]:
        """Those that sign a checkpoint over so many entries."""
        log = self._log
        if log is None:
            return self._only
        return tuple(_key(log.operator, kid) for kid in checkpoint_keys(log, size))

    def is_of_the_log(self, note: bytes) -> bool:
        """Whether a note says that it is a checkpoint of this log; it need not be signed."""
        names = [self._log.operator.origin] if self._log is not None else [key.name for key in self._only]
        return any(note.startswith(name.encode() + b"\n") for name in names)

    def open(self, note: bytes) -> Checkpoint:
        """The checkpoint in a note.

        Raises:
            LedgerError: as `open_checkpoint`; among them, none of these keys signed it.
        """
        return open_checkpoint(note, *self.at(size_of_note(note) or 0))


def keys_of(source: AuditSource, operator: Operator | None, vkey: VerifierKey | None, found: Findings) -> LogKeys:
    """The keys that checkpoints are judged by.

    Args:
        vkey: the one that the auditor was given: it must be one of the log's, which then counts with all its keys.
    """
    if vkey is None:
        why = "no key was given, so the one that the database itself names was believed"
        found.skip("whether this is the log it claims to be", 1, why)
    log = None if operator is None else _fold(source, operator)
    if vkey is None or log is None:
        return LogKeys(log, vkey)
    if vkey not in [_key(log.operator, kid) for kid in log.keys]:
        reason = "the log names itself otherwise than the key given does, or never had that key for its checkpoints"
        found.report(Check.LOG, 1, reason, step=Step.PLACE)
        return LogKeys(None, vkey)
    return LogKeys(log, None)


def _key(operator: Operator, kid: str) -> VerifierKey:
    return VerifierKey.of(operator.origin, multikey.decode(kid))


def _fold(source: AuditSource, operator: Operator) -> Log | None:
    log: Log | None = None
    for row in source.entries_of(operator.stream.hex, _LAST):
        if not is_statement(bytes_of(row)):
            with suppress(LedgerError):
                log = _follow(log, row, operator)
    return log


def _follow(log: Log | None, row: EntryRow, operator: Operator) -> Log:
    entry = parse_entry(bytes_of(row))
    event, position = entry.event, row[0]
    if type(position) is not int or not isinstance(event, LogEvent) or not signature_is_good(entry):
        raise LogError("not an entry of the log's own, or not signed")
    recorded = entry.recorded(Position(position))
    check_signer(recorded, operator=operator, issuers={}, owner=operator.did)
    permit(log, event, at=recorded.position)
    if not possession_is_proved(operator.origin, recorded):
        raise LogError("whoever added the key did not prove to hold it")
    return evolve(log, recorded)
