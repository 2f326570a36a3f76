"""Where the log of a home is published, by what, and what an older store is held against: chosen for `bootstrap`."""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.adapters.background import Background
from ledger.adapters.evidence import EvidenceFiles
from ledger.adapters.home import Home
from ledger.adapters.no_witnesses import NoWitnesses
from ledger.adapters.published import GuardFile, PublishedFile
from ledger.adapters.tile_folder import FolderTiles
from ledger.adapters.witness_policy import policy_from_environment
from ledger.application.ports import Clock, KeyStore, LastAppender, LedgerHalted, Store
from ledger.application.published_check import check_published, check_same
from ledger.application.published_log import PublishedLog
from ledger.application.publishing import Places, Publishing
from ledger.application.publishing_ports import Witnessing
from ledger.domain.authority import Operator
from ledger.domain.log import Log
from ledger.domain.types import Kid
from ledger.errors import LedgerError
from ledger.signing.signer import Signer
from ledger.verification.evidence import Policy
from ledger.verification.log_keys import establish_log

_INTERVAL = 1.0  # seconds between two checkpoints, at least
_LOOK = 60.0  # seconds after which it is looked whether witnesses are to be asked again, where nothing is recorded


class GuardMissing(LedgerError):
    """The guard that is to lie outside the home is not there, though checkpoints were published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The two notes that a home keeps outside the store."""

    served: PublishedFile
    guard: GuardFile
    inner: GuardFile | None = None  # where the guard lay before another place was named for it

    @classmethod
    def of(cls, home: Home) -> "Outside":
        """Those of a home.

        Raises:
            TileStoreUnavailable: the guard cannot be read; it may be there.
        """
        guard = GuardFile(home.guard, stays=home.guarded_outside)
        inner = GuardFile(home.inner_guard) if home.guarded_outside else None
        return cls(served=PublishedFile(home.checkpoint), guard=guard, inner=inner)

    def notes(self) -> list[bytes]:
        """What there is of them."""
        return [note for note in (self.guard.note(), self.served.note(), self._inner_note()) if note is not None]

    def begin(self) -> None:
        """Let the guard outside hold what the one in the home did, which goes: from then on the other has to be there.

        To be called once the store was held against both.

        Raises:
            GuardContradicts, TileStoreUnavailable.
        """
        note = self._inner_note()
        if self.inner is not None and note is not None:
            self.guard.keep(note)
            self.inner.remove()

    def _inner_note(self) -> bytes | None:
        return None if self.inner is None else self.inner.note()

    def size(self) -> int:
        """How many entries the larger one covers, as it stands now."""
        return max(self.served.size(), self.guard.size())

    def check(self, store: Store, home: Home, place: str, *, guarded: bool = True) -> Log:
        """What the log says of its keys, if the store holds everything that was published, and is the one of this home.

        Args:
            place: where the ledger lies, in words.
            guarded: whether a guard that is to lie outside the home must be there.

        Raises:
            LogRolledBack: it is behind, differs, or is another ledger's.
            GuardMissing.
        """
        with store.snapshot() as snapshot:
            log = establish_log(snapshot.log_entries())
        notes = self.notes()
        check_same(place, log, notes, [each.stem for each in home.keys.glob("*.pem")])
        for note in dict.fromkeys(notes):
            check_published(store, log, note)
        # As long as the home has a guard of its own, there was none outside that could be missed.
        if guarded and home.guarded_outside and self.guard.note() is None and self._inner_note() is None:
            self._check_unpublished(store, home)
        return log

    def _check_unpublished(self, store: Store, home: Home) -> None:
        """Pass if no checkpoint was ever signed, so that the first one begins the guard."""
        with store.snapshot() as snapshot:
            signed = snapshot.checkpoint()
        if signed is not None or self.served.note() is not None:
            raise GuardMissing(
                f"the guard {home.guard} (TESTAMUR_GUARD_FILE) is not there, so nothing tells whether this ledger is "
                "an older copy: mount the disk that it lies on. If there never was one, or it is lost for good, "
                "`testamur work --once --new-guard` makes one. Nothing is started"
            )


def check_keys(log: Log, keys: KeyStore) -> None:
    """Pass if the keys are here with which the log is published.

    Raises:
        KeyNotHeld, KeyUnreadable.
    """
    for kid in (log.operator.event_key, *(kid for kid, span in log.keys.items() if span.retired is None)):
        keys.signer(kid)


def published_log(home: Home) -> PublishedLog:
    """What a home publishes, as it is read."""
    return PublishedLog(FolderTiles(home.log), FolderTiles(home.statements), PublishedFile(home.checkpoint).known)


def witnessing_of(clock: Clock, failed: Callable[[Exception], None]) -> Witnessing:
    """Whom checkpoints are shown to before everybody: those whom TESTAMUR_WITNESS_POLICY names.

    Args:
        failed: hears why a witness was left out.

    Raises:
        BadWitnessPolicy.
    """
    policy = policy_from_environment()
    if not policy.witnesses:
        return NoWitnesses()
    from ledger.adapters.witnesses import WitnessClient  # its client takes a while to load

    return WitnessClient(policy, clock=clock, failed=failed)


def unnoticed(home: Home) -> str | None:
    """What nobody would notice with the settings of a home, in words; None where it would be noticed."""
    if home.guarded_outside or any(each.url is not None for each in policy_from_environment().witnesses):
        return None
    return (
        "no guard lies outside the home (TESTAMUR_GUARD_FILE) and no witness is asked (TESTAMUR_WITNESS_POLICY): "
        "a restored backup of the whole home, with its published checkpoint, cannot be noticed"
    )


def verification_policy(home: Home) -> Callable[[], Policy]:
    """By whose word scans go: the recognising bodies that the settings name now, the witnesses of the policy file."""
    witnesses = policy_from_environment()
    return lambda: Policy(registries=home.registries(), witnesses=witnesses)


def publishing_of(
    home: Home,
    store: Store,
    last: LastAppender,
    operator: Operator,
    *,
    signer: Callable[[Kid], Signer],
    clock: Clock,
    halt: Callable[[str], LedgerHalted],
    witnessing: Witnessing | None = None,
) -> Publishing:
    """What publishes the log of a ledger in its home.

    Args:
        witnessing: who is asked; None: nobody, as when a log begins, which no witness can know yet.
    """
    outside = Outside.of(home)
    places = Places(
        tiles=FolderTiles(home.log),
        served=outside.served,
        guard=outside.guard,
        folds=FolderTiles(home.statements, durable=False),
        evidence=EvidenceFiles(home.folder / "witness").keep_note,
    )
    return Publishing(
        store=store,
        last=last,
        operator=operator,
        signer=signer,
        clock=clock,
        places=places,
        witnessing=witnessing or NoWitnesses(),
        halt=halt,
    )


def publisher_of(publishing: Publishing, *, publishes: bool, failed: Callable[[Exception], None]) -> Background:
    """What publishes at its start, after commits, and at its end.

    Args:
        publishes: whether it signs checkpoints; if not, it only puts those of others in its home.
        failed: hears of every failure.
    """
    work = publishing.publish if publishes else publishing.copy
    return Background(work, name="publisher", interval=_INTERVAL, failed=failed, idle=_LOOK)
