"""What the log's own stream adds up to: who runs it, which keys sign its checkpoints, where its last statement stands.

The stream begins with `log.started`; `log.key_added` and `log.key_retired` change the keys, `status.committed` states
how everything stood. Who may sign them is decided in `ledger.domain.authority`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_type

from ledger.domain.authority import Operator, operator_of
from ledger.domain.events import LogEvent, LogKeyAdded, LogKeyRetired, LogStarted, Recorded, StatusCommitted
from ledger.domain.types import Kid, Position, Seq
from ledger.errors import LedgerError


class LogError(LedgerError):
    """A command on the log itself is refused, or an entry of its stream stands where it may not; nothing changed."""


class LogNotStarted(LogError):
    """The stream does not begin with `log.started`."""


class LogAlreadyStarted(LogError):
    """A log begins once."""


class CheckpointKeyKnown(LogError):
    """A key is added once in its life, and a checkpoint key is used for nothing else."""


class CheckpointKeyUnknown(LogError):
    """The log never had this checkpoint key."""


class CheckpointKeyRetired(LogError):
    """The checkpoint key was retired before."""


class LastCheckpointKey(LogError):
    """Without a checkpoint key nothing could be published any more."""


class StatementMisplaced(LogError):
    """A statement does not say of how many entries it speaks: of those before it, all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The life of a checkpoint key, in log positions."""

    added: Position
    retired: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the log's own stream adds up to."""

    operator: Operator
    keys: Mapping[Kid, Span]  # of checkpoints, oldest first
    statement: Position | None  # of the last `status.committed`
    revision: Seq  # the last `seq` of the stream


def permit(state: Log | None, event: LogEvent, *, at: Position | None = None) -> None:
    """Raise LogError if `event` may not follow `state`. The writer and the audit share this one place.

    Args:
        at: the position it has, where that is known; a statement speaks of all entries before its own.
    """
    if isinstance(event, LogStarted):
        if state is not None:
            raise LogAlreadyStarted("the log has begun already")
        return
    if state is None:
        raise LogNotStarted("the log begins with something other than log.started")
    match event:
        case LogKeyAdded(key=key):
            if key in state.keys:
                raise CheckpointKeyKnown(f"the key {key} was added before; keys are never reused: make a new one")
            if key == state.operator.event_key:
                raise CheckpointKeyKnown(f"the key {key} signs the operator's entries, and may sign no checkpoint")
        case LogKeyRetired(key=key):
            _permit_retiring(state, key)
        case _:
            assert_type(event, StatusCommitted)
            if at is not None and event.size != at - 1:
                raise StatementMisplaced(f"the statement speaks of {event.size} entries, and {at - 1} stand before it")


def _permit_retiring(state: Log, key: Kid) -> None:
    span = state.keys.get(key)
    if span is None:
        raise CheckpointKeyUnknown(f"the log has no checkpoint key {key}")
    if span.retired is not None:
        raise CheckpointKeyRetired(f"the checkpoint key {key} was retired at position {span.retired}")
    if [kid for kid, each in state.keys.items() if each.retired is None] == [key]:
        raise LastCheckpointKey(f"{key} is the last checkpoint key of the log: add another one first")


def evolve(state: Log | None, recorded: Recorded) -> Log:
    """`state` after an event that `permit` let pass. Never refuses such an event."""
    if state is None:
        operator = operator_of(recorded)
        first = Span(added=recorded.position)
        return Log(operator=operator, keys={operator.checkpoint_key: first}, statement=None, revision=recorded.seq)
    event = recorded.event
    match event:
        case LogKeyAdded(key=key):
            keys = {**state.keys, key: Span(added=recorded.position)}
            return replace(state, keys=keys, revision=recorded.seq)
        case LogKeyRetired(key=key):
            keys = {**state.keys, key: replace(state.keys[key], retired=recorded.position)}
            return replace(state, keys=keys, revision=recorded.seq)
        case StatusCommitted():
            return replace(state, statement=recorded.position, revision=recorded.seq)
        case _:
            raise LogError(f"a {type(event).__name__} does not belong in the stream of the log")


def checkpoint_keys(log: Log, size: int) -> tuple[Kid, ...]:
    """The keys that sign a checkpoint over `size` entries, oldest first; one signature of theirs makes it good.

    They were added at a position up to `size` and not retired at one up to it, so that a checkpoint that reaches over
    the entry that retires a key is none of that key's any more.
    """
    return tuple(
        kid for kid, span in log.keys.items() if span.added <= size and (span.retired is None or span.retired > size)
    )
