"""What an audit of a database remembers, in the same kind of state as the audit of what is published.

It is not incremental: a database holds more than the log binds, so all of it is read each time. What it remembers is
the last signed checkpoint that it found good, and the next audit holds the history against that one, too.
"""

from ledger.audit.public.heads import started_by
from ledger.audit.public.state import AuditState, Identity, Seen, StateOfAnotherLog
from ledger.audit.report import AuditReport
from ledger.audit.source import AuditSource
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import signatures


def seen_before(state: AuditState, source: AuditSource) -> bytes | None:
    """The last checkpoint that the state knows; None where it knows none.

    Raises:
        StateOfAnotherLog: the database holds another log.
    """
    identity, found = state.identity(), _identity(source, pinned=False)
    if identity is not None and found is not None and identity.origin != found.origin:
        raise StateOfAnotherLog(
            f"the state is of the log {identity.origin}, and the database holds {found.origin}: "
            "give each log a state of its own"
        )
    seen = state.seen()
    return seen[-1].note if seen else None


def remember(state: AuditState, source: AuditSource, report: AuditReport, *, pinned: bool) -> None:
    """Keep the last checkpoint of a database that was found sound; of one that was not, nothing.

    Args:
        pinned: whether the auditor gave the log's key.
    """
    found = _identity(source, pinned=pinned or _is_pinned(state))
    last = None
    for _, note, _ in source.checkpoints():
        last = note
    if not report.sound or found is None or not isinstance(last, bytes):
        return
    # Every checkpoint of a database that is sound was opened with the log's keys, and has the root of its entries.
    checkpoint = parse_checkpoint(signatures(last)[0])
    state.identify(found)
    state.see(Seen(checkpoint.size, checkpoint.root, last, kept=True))
    state.save()


def _is_pinned(state: AuditState) -> bool:
    identity = state.identity()
    return identity is not None and identity.pinned


def _identity(source: AuditSource, *, pinned: bool) -> Identity | None:
    """Of which log the database is, as far as it says so."""
    row = next(source.entries(), None)
    raw = None if row is None else row[4]
    if not isinstance(raw, bytes):
        return None
    try:
        return Identity(origin=started_by(raw).origin, first=leaf_hash(raw), pinned=pinned)
    except LedgerError:
        return None
