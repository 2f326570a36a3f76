"""Use cases on the keys that sign the log's checkpoints: add one, then retire those before it.

In between checkpoints carry the signatures of both, so that whoever knows the old key alone learns of the new one from
a log that the old key still vouches for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.ports import Appended, Caller
from ledger.domain.events import Event, LogEvent, LogKeyAdded, LogKeyRetired
from ledger.domain.log import LastCheckpointKey, Log, LogError, checkpoint_keys, permit
from ledger.domain.types import Kid, Position, Seq, StreamId
from ledger.record.entry import parse_entry
from ledger.record.sealing import CHECKPOINT_ROLE
from ledger.signing.signer import Signer, possession_message
from ledger.tlog.checkpoint import size_of_note
from ledger.verification.log_keys import establish_log


class OverlapNotPublished(LogError):
    """No checkpoint was published yet that the old key and the new one both signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointKeyAdded:
    """Which key was added, and where."""

    kid: Kid
    appended: Appended


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointKeysRetired:
    """Which keys were retired, where the last of them was, and the one that signs on."""

    retired: tuple[Kid, ...]
    kid: Kid
    appended: Appended


class CheckpointKeys:
    """Commands on the keys that sign checkpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def log(self) -> Log:
        """The log's own stream as it stands, but for its statements."""
        with self._desk.store.snapshot() as snapshot:
            return establish_log(snapshot.log_entries())

    async def add(self, caller: Caller, *, idempotency_key: str | None = None) -> CheckpointKeyAdded:
        """Make a key, which signs every checkpoint from this entry's own on, beside those in force.

        Raises:
            LogError: refused; nothing was recorded.
        """
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "log.key.add", [])
        operator = self._desk.operator
        made: list[Signer] = []

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            log, _ = self._read(draft)
            if not made:  # durable before anybody can read of it
                made.append(self._desk.keys.create(self._desk.entropy.bytes(32)))
            new = made[0]
            message = possession_message(operator.origin, str(operator.stream), new.kid, CHECKPOINT_ROLE)
            return self._record(draft, log, LogKeyAdded(key=new.kid, proof=new.sign(message)))

        appended = await self._desk.commit(decide, idempotency=idempotency)
        event = self._events().get(appended.position)
        if not isinstance(event, LogKeyAdded):
            raise LogError("the idempotency key belongs to another kind of command")
        return CheckpointKeyAdded(kid=event.key, appended=appended)

    async def retire_older(self, caller: Caller, *, idempotency_key: str | None = None) -> CheckpointKeysRetired:
        """Let every key but the newest sign no checkpoint more; what they signed stands.

        Raises:
            LastCheckpointKey: only one is in force.
            OverlapNotPublished: nobody could have learnt of the new key from a checkpoint of the old one.
        """
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "log.key.retire-older", [])

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            log, published = self._read(draft)
            *older, newest = checkpoint_keys(log, draft.position)
            if not older:
                raise LastCheckpointKey("the log has one checkpoint key in force: add another one first")
            if published < log.keys[newest].added:
                raise OverlapNotPublished(
                    f"the new checkpoint key {newest} has signed nothing yet that is published: wait a moment"
                )
            answers = [self._record(draft, log, LogKeyRetired(key=kid)) for kid in older]
            return answers[-1]

        appended = await self._desk.commit(decide, idempotency=idempotency)
        events, retired, position = self._events(), list[Kid](), appended.position
        # Those that stand together were recorded together: between two such commands a key is added.
        while isinstance(event := events.get(position), LogKeyRetired):
            retired.insert(0, event.key)
            position = Position(position - 1)
        if not retired:
            raise LogError("the idempotency key belongs to another kind of command")
        kid = checkpoint_keys(self.log(), appended.position)[-1]
        return CheckpointKeysRetired(retired=tuple(retired), kid=kid, appended=appended)

    def _read(self, draft: Draft) -> tuple[Log, int]:
        """The log's keys, and how many entries were published; the draft goes on with the log's own stream."""
        stream = self._desk.operator.stream
        with draft.look() as snapshot:
            log, last, note = establish_log(snapshot.log_entries()), snapshot.last(stream), snapshot.published()
        if last is not None:
            draft.follow(stream, last)
        return log, 0 if note is None else size_of_note(note) or 0

    def _record(self, draft: Draft, log: Log, event: LogEvent) -> tuple[StreamId, Seq]:
        operator = self._desk.operator
        permit(log, event, at=draft.position)
        signer = self._desk.keys.signer(operator.event_key)
        recorded = draft.record(event, stream=operator.stream, by=operator.did, signer=signer, issuers_known={})
        return operator.stream, recorded.seq

    def _events(self) -> Mapping[Position, Event]:
        """The log's own events by position, without its statements."""
        with self._desk.store.snapshot() as snapshot:
            return {each.position: parse_entry(each.raw).event for each in snapshot.log_entries()}
