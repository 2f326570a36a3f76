"""Opens the checkpoints that an audit meets: the one the log shows, and one that the auditor kept."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ledger.audit.public.log import CHECKPOINT, LogNotReached, LogNotReadable, PublishedLog
from ledger.audit.public.state import Seen
from ledger.audit.report import Check, Findings
from ledger.domain.authority import Operator, operator_of
from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.types import Kid, Position
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.record.sealing import signature_is_good
from ledger.signing import multikey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.tlog.cosignature import latest_by
from ledger.tlog.note import NoteUnsigned, VerifierKey, signatures
from ledger.tlog.policy import Agreement, WitnessPolicy
from ledger.tlog.tiles import TileMissing

_ASKED_AGAIN: Final = 5  # times


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A checkpoint as it is shown, which nobody needs to have signed."""

    note: bytes
    claimed: Checkpoint
    before: tuple["Shown", ...] = ()  # what the log showed first, and took back when it was asked again

    @property
    def seen(self) -> Seen:
        """The same, as it is remembered."""
        return Seen(self.claimed.size, self.claimed.root, self.note, kept=False)


def read_shown(log: PublishedLog, *, seen: int = 0, pause: Callable[[], None] = lambda: None) -> Shown:
    """The checkpoint that the log shows, believed by nobody so far.

    One of several servers may be a moment behind another: a log that seems to go back is asked again.

    Args:
        seen: how large the log was before.
        pause: waits a moment before it is asked again.

    Raises:
        LogNotReadable: there is none, or it is none.
        LogNotReached: not even once.
    """
    shown = _read_shown(log)
    before: list[Shown] = []
    for _ in range(_ASKED_AGAIN):
        if shown.claimed.size >= seen:
            break
        pause()
        try:
            again = _read_shown(log)
        except (LogNotReached, LogNotReadable):  # then it is judged by what it did show
            break
        before.append(shown)
        shown = again
    return replace(shown, before=tuple(before))


def _read_shown(log: PublishedLog) -> Shown:
    try:
        note = log.fetch(CHECKPOINT)
    except TileMissing as error:
        raise LogNotReadable(f"no log is published there: {error}") from error
    try:
        text, _ = signatures(note)
        return Shown(note=note, claimed=parse_checkpoint(text))
    except LedgerError as error:
        raise LogNotReadable(f"the checkpoint that the log shows cannot be read: {error}") from error


def is_signed(note: bytes, keys: Collection[VerifierKey]) -> bool:
    """Whether one of these keys signed the checkpoint.

    Raises:
        LogNotReadable: a signature in the name of one of them is false, or it signed a checkpoint of another log.
    """
    try:
        open_checkpoint(note, *keys)
    except NoteUnsigned:
        return False
    except LedgerError as error:
        raise LogNotReadable(f"the checkpoint is not to be believed: {error}") from error
    return True


def is_vouched_for(note: bytes, keys: Collection[VerifierKey]) -> bool:
    """Whether one of these keys signed the checkpoint, and none of them falsely."""
    try:
        return is_signed(note, keys)
    except LogNotReadable:
        return False


def open_kept(raw: bytes, keys: Collection[VerifierKey]) -> Checkpoint | None:
    """The checkpoint that the auditor kept; None where none of these keys signed it.

    Raises:
        LogNotReadable: it is no checkpoint, or a signature on it is false.
    """
    try:
        return open_checkpoint(raw, *keys)
    except NoteUnsigned:
        return None
    except LedgerError as error:
        raise LogNotReadable(f"the kept checkpoint cannot be used: {error}") from error


def keys_of(log: Log, kids: Sequence[Kid] | None = None) -> tuple[VerifierKey, ...]:
    """The keys that sign the log's checkpoints, as notes name them; all that it ever had, or some of them."""
    return tuple(
        VerifierKey.of(log.operator.origin, multikey.decode(kid)) for kid in (log.keys if kids is None else kids)
    )


def those_of(origin: str, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The keys that are of the log of that name.

    Raises:
        LogNotReadable: there are keys, and all are of other logs.
    """
    found = tuple(key for key in keys if key.name == origin)
    if keys and not found:
        raise LogNotReadable(f"this log calls itself {origin!a}, and the key given is that of another one")
    return found


def who_may_sign(known: frozenset[VerifierKey], log: Log | None, size: int) -> frozenset[VerifierKey]:
    """Those of the known keys that may sign a tree of that size: what a key signed after it was retired is nobody's."""
    if log is None:
        return known
    return known - (frozenset(keys_of(log)) - frozenset(keys_of(log, checkpoint_keys(log, size))))


def first_key(operator: Operator) -> VerifierKey:
    """The key that `log.started` names."""
    return VerifierKey.of(operator.origin, multikey.decode(operator.checkpoint_key))


def started_by(raw: bytes) -> Operator:
    """Who runs the log, as its first entry says under a good signature.

    Raises:
        LedgerError: it does not.
    """
    entry = parse_entry(raw)
    operator = operator_of(entry.recorded(Position(1)))
    if not signature_is_good(entry):
        raise LogNotReadable("log.started is not signed by the key that it names")
    return operator


def agreement_on(policy: WitnessPolicy | None, shown: Shown, found: Findings, now: datetime | None) -> Agreement | None:
    """What the witnesses of the auditor's policy say of what is shown; that they are too few is reported."""
    if policy is None:
        return None
    size, until = max(shown.claimed.size, 1), None if now is None else latest_by(now)
    try:
        agreement = policy.agreement(shown.note, until=until)
    except LedgerError as error:
        found.report(Check.WITNESS, size, str(error))
        return None
    if not agreement.reached:
        who = ", ".join(agreement.names) or "nobody"
        reason = f"of the witnesses that the policy names {who} vouches for the checkpoint, which is not enough"
        if until is not None and agreement.latest is not None and agreement.latest > until:
            reason += "; a cosignature of a time that has not come counts for nothing"
        found.report(Check.WITNESS, size, reason)
    return agreement
