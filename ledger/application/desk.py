"""What every command shares: load, decide, seal, append with guards, and decide again if something changed.

A use case hands `Desk.commit` a function that decides on a fresh `Draft`. The draft remembers every stream it read, so
that the append transaction can refuse a decision made on something that has changed since.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from ledger import canonical
from ledger.application.ahead import Ahead, Learner
from ledger.application.documents import Documents
from ledger.application.draft import Draft, Instruments, Reading
from ledger.application.folding import Folds
from ledger.application.ports import (
    Appended,
    Appender,
    Boxes,
    Clock,
    Entropy,
    Idempotency,
    IdempotencyMismatch,
    KeyStore,
    LedgerBusy,
    Macs,
    Proposal,
    Replay,
    Snapshot,
    StaleDecision,
    Store,
    TimeHasPassed,
    Vault,
    VersionConflict,
)
from ledger.application.sharing import Turns
from ledger.domain import achievement as achievement_rules
from ledger.domain import issuer as issuer_rules
from ledger.domain.authority import Operator
from ledger.domain.definition import AchievementDefinition, Profile, read_definition, read_profile
from ledger.domain.types import Digest, Kid, Position, Seq, StreamId
from ledger.domain.values import Role
from ledger.errors import LedgerError
from ledger.signing.signer import Signer

_ATTEMPTS = 4  # the first and three more
_OVERTAKEN = 40  # attempts, while nothing but later times stands against the decision: others may pass so often


class NoUsableKey(LedgerError):
    """No key of the issuer that may sign this is held here."""


class UnknownDefinition(LedgerError):
    """The wording behind a digest is not in the ledger."""


class Desk:
    """The ports, and the loop that turns a decision into a record."""

    def __init__(
        self,
        *,
        store: Store,
        appender: Appender,
        keys: KeyStore,
        vault: Vault,
        boxes: Boxes,
        macs: Macs,
        clock: Clock,
        entropy: Entropy,
        operator: Operator,
        base_url: str,
    ) -> None:
        self.store = store
        self.appender = appender
        self.keys = keys
        self.vault = vault
        self.boxes = boxes
        self.macs = macs
        self.clock = clock
        self.entropy = entropy
        self.operator = operator
        self._issuers = Folds(issuer_rules.evolve)
        self._achievements = Folds(achievement_rules.evolve)
        self._turns = Turns(store, self.reading)
        self._ahead = Ahead(store, vault)
        self._definition = lru_cache(maxsize=1_000)(self._read_definition)
        self._profile = lru_cache(maxsize=1_000)(self._read_profile)
        self.documents = Documents(
            base_url=base_url, profile=self.profile, definition=self.definition, boxes=self.boxes
        )

    def reading(self, snapshot: Snapshot | None = None) -> Reading:
        """The state of the store now, for one draft or for several made at once.

        Args:
            snapshot: where the drafts read the rest, if it stays open until they are made.
        """
        if snapshot is None:
            with self.store.snapshot() as closing:
                head = closing.head()
        else:
            head = snapshot.head()
        return Reading(snapshot=snapshot, head=head, at=max(self.clock.now(), head.at))

    def draft(self, reading: Reading | None = None) -> Draft:
        """A fresh draft; drafts that share a reading see the same state."""
        instruments = Instruments(
            store=self.store,
            boxes=self.boxes,
            entropy=self.entropy,
            operator=self.operator,
            issuers=self._issuers,
            achievements=self._achievements,
        )
        return Draft(instruments, reading or self.reading())

    def idempotency(
        self, issuer: StreamId | None, key: str | None, command: str, fields: canonical.Json
    ) -> Idempotency | None:
        """What tells a repeated request from a new one; None where the caller gave no key.

        Args:
            issuer: for whom the command is, whoever gives it; None for the operator's own.
        """
        if key is None:
            return None
        scope = "operator" if issuer is None else issuer.hex
        request = self.macs.request(canonical.encode([command, fields]))
        return Idempotency(scope=scope, key=self.macs.idempotency_key(f"key\n{key}"), request=request)

    def replayed(self, idempotency: Idempotency | None) -> Appended | None:
        """What the same request was answered before.

        Raises:
            IdempotencyMismatch: the key was used for another request.
        """
        if idempotency is None:
            return None
        with self.store.snapshot() as snapshot:
            return _answered(snapshot.replay(idempotency.scope, idempotency.key), idempotency)

    async def commit(
        self,
        decide: Callable[[Draft], tuple[StreamId, Seq]],
        *,
        idempotency: Idempotency | None = None,
        learner: Learner | None = None,
    ) -> Appended:
        """Decide and append, deciding again on fresh state while something read has changed.

        Args:
            learner: whose key `decide` is going to ask for: it is looked for together with those of other commands.

        Raises:
            ConflictError: another command won, or the record kept changing; nothing was recorded.
            LedgerBusy: too much waits, or later times stood before this command again and again.
            OutcomeUnknown, LedgerHalted: from the appender.
            LedgerError: whatever `decide` refuses with.
        """
        replayed = _answered(await self._ahead.look(idempotency, learner), idempotency)
        if replayed is not None:
            return replayed
        lost = 0
        for _ in range(_OVERTAKEN):
            proposal = self._proposal(decide, idempotency)
            if isinstance(proposal, Appended):
                return proposal
            (outcome,) = await self.appender.append([proposal])
            if isinstance(outcome, Appended):
                return outcome
            if not isinstance(outcome, StaleDecision):
                raise outcome
            lost += not isinstance(outcome, TimeHasPassed)
            if lost == _ATTEMPTS:
                raise VersionConflict("this record keeps changing under the command; try again")
        raise LedgerBusy(
            "others were recorded before this command again and again; nothing was recorded, send it again"
        )

    def _proposal(
        self, decide: Callable[[Draft], tuple[StreamId, Seq]], idempotency: Idempotency | None
    ) -> Proposal | Appended:
        """What `decide` would record now, or what the same request was answered before."""
        with self._turns.reading() as reading:
            draft = self.draft(reading)
            try:
                return draft.proposal(decide(draft), idempotency)
            except LedgerError:
                # Refused because the same request was recorded a moment ago? Then it has its answer.
                replayed = self.replayed(idempotency)
                if replayed is not None:
                    return replayed
                raise

    def signer(self, issuer: issuer_rules.Issuer, role: Role, position: Position) -> Signer:
        """The newest key of the issuer with this role that is in force, not disowned, and held here.

        Raises:
            NoUsableKey.
        """
        kid = self.usable_key(issuer, role, position)
        if kid is None:
            raise NoUsableKey(f"{issuer.did} has no usable {role} key here; add one with `testamur issuer key add`")
        return self.keys.signer(kid)

    def signing(self, draft: Draft, issuer: issuer_rules.Issuer) -> Signer:
        """What signs the next event of `draft` in an issuer's name: looked for once for all drafts of a reading."""
        key = (issuer.stream, Role.SIGNING, draft.position)
        signer = draft.signers.get(key)
        if signer is None:
            signer = draft.signers[key] = self.signer(issuer, Role.SIGNING, draft.position)
        return signer

    def usable_key(self, issuer: issuer_rules.Issuer, role: Role, position: Position) -> Kid | None:
        """As `signer`, without loading it; None where there is none."""
        usable = [
            record
            for record in issuer.keys.values()
            if issuer.in_force(record.kid, role, position) and not issuer.disowns(record.kid, position)
        ]
        newest_first = sorted(usable, key=lambda record: record.added, reverse=True)
        return next((record.kid for record in newest_first if self.keys.holds(record.kid)), None)

    def definition(self, digest: Digest) -> AchievementDefinition:
        """The definition with this digest.

        Raises:
            UnknownDefinition.
        """
        return self._definition(digest)

    def profile(self, digest: Digest) -> Profile:
        """The profile with this digest.

        Raises:
            UnknownDefinition.
        """
        return self._profile(digest)

    def _read_definition(self, digest: Digest) -> AchievementDefinition:
        return read_definition(canonical.decode(self._wording(digest)))

    def _read_profile(self, digest: Digest) -> Profile:
        return read_profile(canonical.decode(self._wording(digest)))

    def _wording(self, digest: Digest) -> bytes:
        with self.store.snapshot() as snapshot:
            content = snapshot.definition(digest)
        if content is None:
            raise UnknownDefinition("the wording of this definition is not in the ledger any more")
        if sha256(content).digest() != digest:
            raise UnknownDefinition(
                "the wording of this definition was changed in the store; it is not what was signed"
            )
        return content


def _answered(replay: Replay | None, idempotency: Idempotency | None) -> Appended | None:
    if idempotency is None or replay is None:
        return None
    if replay.request != idempotency.request:
        raise IdempotencyMismatch("this idempotency key was used for another request")
    return replay.appended
