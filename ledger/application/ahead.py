"""What the commands of one turn of the event loop look up before they decide: one look for all of them.

Sixty-four callers woken by one commit would otherwise each ask for their own idempotency key and their own learner: two
round trips to a database each, more than all the rest of a command takes. What is found may have changed by the time
that it is used. Nothing is built on that: whether a key was used, the append looks again; whether a learner was
registered meanwhile, the vault's flush tells.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.application.ports import Idempotency, Replay, Store, Vault
from ledger.domain.types import StreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A learner record that a command is about to use."""

    issuer: StreamId
    student_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    idempotency: Idempotency | None
    learner: Learner | None
    future: "asyncio.Future[Replay | None]" = field(repr=False)


class Ahead:
    """The looks that are due, one for each event loop at most."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._due: dict[asyncio.AbstractEventLoop, list[_Asked]] = {}

    async def look(self, idempotency: Idempotency | None, learner: Learner | None) -> Replay | None:
        """What the idempotency key answered before; the vault has then looked for the learner's key.

        Raises:
            StoreUnavailable, LedgerHalted: from the store or the vault.
        """
        if idempotency is None and learner is None:
            return None
        loop = asyncio.get_running_loop()
        asked = _Asked(idempotency=idempotency, learner=learner, future=loop.create_future())
        due = self._due.get(loop)
        if due is None:
            self._due[loop] = [asked]
            loop.call_soon(self._run, loop)  # whoever can run now, asks before this
        else:
            due.append(asked)
        return await asked.future

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        due = self._due.pop(loop)
        try:
            replays = self._read(due)
        except Exception as error:  # noqa: BLE001 - whatever it was, every caller must hear of it
            for asked in due:
                if not asked.future.done():
                    asked.future.set_exception(error)
            return
        for asked in due:
            key = asked.idempotency
            if not asked.future.done():  # else its caller has gone
                asked.future.set_result(None if key is None else replays.get((key.scope, key.key)))

    def _read(self, due: Sequence[_Asked]) -> Mapping[tuple[str, bytes], Replay]:
        numbers: dict[StreamId, list[str]] = {}
        for asked in due:
            if asked.learner is not None:
                numbers.setdefault(asked.learner.issuer, []).append(asked.learner.student_number)
        for issuer, each in numbers.items():
            self._vault.seek(issuer, each)
        keys = [asked.idempotency for asked in due if asked.idempotency is not None]
        if not keys:
            return {}
        with self._store.snapshot() as snapshot:
            return snapshot.replays(keys)
