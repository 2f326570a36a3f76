"""Signs status lists for everybody's software: the bits of the published statement, in each issuer's name.

A list is signed when its bits changed, but not twice in half a minute; when its last one is six hours old; and at once
when the key that signed its last one was reported stolen. Nothing is published by this, and nothing waits for it:
whoever does it follows what is published. Of several processes that sign a list at once one keeps it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from ledger.application.folding import Folds
from ledger.application.ports import Clock, KeyStore, StaleDecision, StatusCredential, StatusListState, Store
from ledger.application.published_log import PublishedLog, PublishedTree
from ledger.domain import issuer as issuer_rules
from ledger.domain.events import StatusCommitted
from ledger.domain.issuer import Issuer
from ledger.domain.types import Digest, Kid, ListId, Position, Slug, StreamId
from ledger.domain.values import Role, slug_of
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.signing.signer import KeyNotHeld, KeyUnreadable, Signer
from ledger.vc import status_list
from ledger.vc.data_integrity import sign
from ledger.vc.jcs import canonical_json
from ledger.vc.reading import DocumentError, read_document
from ledger.verification.statement import Statuses
from ledger.verification.status_lists import ListUnknown

BETWEEN: Final = timedelta(seconds=30)  # two changes of one list
REFRESH: Final = timedelta(hours=6)
_AGAIN: Final = timedelta(minutes=1)  # until what could not be signed is tried again
_SOON: Final = timedelta(seconds=1)
_STEP: Final = timedelta(milliseconds=1)  # between two times of the store


class StatusListNotSigned(LedgerError):
    """A status list is out of date for other software, since it cannot be signed here; nothing else is held up."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """The last signed list, as far as it tells whether another is due."""

    made_at: datetime  # as the store has it
    looked: datetime  # when this process signed it, by its own clock; else as the store has it
    bits: bytes  # their digest
    kid: str


@dataclass(frozen=True, slots=True)
class _State:
    """What is published, as far as lists follow from it."""

    size: int
    status: Digest
    authority: Digest


class StatusSigning:
    """Keeps signed status lists up to date. One caller at a time."""

    def __init__(
        self,
        *,
        store: Store,
        keys: KeyStore,
        clock: Clock,
        base_url: str,
        published: PublishedLog,
        failed: Callable[[Exception], None],
    ) -> None:
        """
        Args:
            failed: hears once of each issuer whose lists cannot be signed, and why; the others are signed.
        """
        self._store = store
        self._keys = keys
        self._clock = clock
        self._base_url = base_url
        self._published = published
        self._failed = failed
        self._issuers: Folds[Issuer] = Folds(issuer_rules.evolve)
        self._signed: dict[ListId, _Signed] = {}
        self._told: dict[StreamId, str] = {}
        self._unsigned: dict[ListId, str] = {}  # whose they are
        self._state: _State | None = None  # for which all that was due was signed
        self._looked: datetime | None = None
        self._due: datetime | None = None  # when something is due although nothing changes

    def work(self) -> int:
        """Sign what is due; how many lists. Cheap where nothing is.

        Raises:
            LedgerError: the store or the published files cannot be read or written; the next call goes on.
        """
        tree, before = self._published.tree(), self._state
        if tree is None:
            return 0
        stated = before if before is not None and before.size == tree.size else _stated(tree)
        if stated is None:
            return 0
        now = self._clock.now()
        same = before is not None and (stated.status, stated.authority) == (before.status, before.authority)
        if same and self._looked is not None and self._due is not None and self._looked <= now < self._due:
            self._state = stated
            return 0
        statuses = self._published.load_statuses(tree.size)
        if statuses is None:
            return 0  # a larger one has just taken its place
        self._state, self._due = None, None
        count = self._sign_due(stated, statuses, now)
        self._state, self._looked = stated, now
        return count

    def unsigned(self) -> list[str]:
        """The issuers (DIDs) of whom a list was due at the last look and could not be signed. Any thread may ask."""
        return sorted(set(self._unsigned.copy().values()))

    def _sign_due(self, stated: _State, statuses: Statuses, now: datetime) -> int:
        with self._store.snapshot() as snapshot:
            lists = snapshot.status_lists()
        count = 0
        for state in lists:
            try:
                bits = statuses.list_bits(state.list)
            except ListUnknown:
                continue  # its first award is not published yet
            count += self._sign_if_due(state, bits, stated.size, now)
        self._wake(now + REFRESH)
        return count

    def _sign_if_due(self, state: StatusListState, bits: bytes, size: int, now: datetime) -> bool:
        """Sign a list if it is due, and remember when it will be."""
        issuer = self._issuer(state.issuer)
        last = self._last(state)
        kid = None if issuer is None else self._key(issuer, size)
        if last is not None and issuer is not None and _is_good(last.kid, issuer):
            changed = last.bits != _digest(bits)
            due = last.looked + (BETWEEN if changed else REFRESH)
            if last.looked <= now < due:  # else it is due, or the clock was set back
                self._wake(due)
                self._unsigned.pop(state.list, None)
                return False
        if issuer is None or kid is None:
            self._tell(state, "no signing key that is in force is held here", issuer)
            self._wake(now + _AGAIN)
            return False
        try:
            self._keep(issuer, state, bits, size, now, self._keys.signer(kid))
        except StaleDecision:
            self._signed.pop(state.list, None)
            self._wake(now + _SOON)  # another process has signed it
            return False
        except (KeyNotHeld, KeyUnreadable, DocumentError) as error:
            self._tell(state, str(error), issuer)
            self._wake(now + _AGAIN)
            return False
        self._told.pop(state.issuer, None)
        self._unsigned.pop(state.list, None)
        self._wake(now + REFRESH)
        return True

    def _keep(
        self, issuer: Issuer, state: StatusListState, bits: bytes, size: int, now: datetime, signer: Signer
    ) -> None:
        # Later than the last, whatever the clock: the store answers by these times.
        made = now if state.made_at is None else max(now, state.made_at + _STEP)
        slug = slug_of(issuer.did) or Slug("")
        address = status_list.address_of(self._base_url, slug, state.list)
        document = status_list.build(address=address, issuer=issuer.did, bits=bits, made=made)
        method = f"{issuer.did}#{signer.kid}"
        raw = canonical_json(sign(document, signer=signer, method=method, created=made))
        credential = StatusCredential(list=state.list, made_at=made, size=size, raw=raw)
        self._store.save_status_credential(state.made_at, credential)
        self._signed[state.list] = _Signed(made, now, _digest(bits), method)

    def _last(self, state: StatusListState) -> _Signed | None:
        """What was signed last, by whatever process; None where nothing was, or nobody could use it."""
        if state.made_at is None:
            return None
        known = self._signed.get(state.list)
        if known is not None and known.made_at == state.made_at:
            return known
        with self._store.snapshot() as snapshot:
            kept = snapshot.status_credential(state.list)
        if kept is None:
            return None
        try:
            document = read_document(kept.raw)
            bits = status_list.bits_of(document)
        except DocumentError:
            return None
        known = _Signed(kept.made_at, kept.made_at, _digest(bits), status_list.method_of(document))
        self._signed[state.list] = known
        return known

    # ---- whose keys

    def _issuer(self, stream: StreamId) -> Issuer | None:
        loaded = self._store.load(stream)
        return None if loaded is None else self._issuers.state(stream, tuple(loaded.recorded))

    def _key(self, issuer: Issuer, size: int) -> Kid | None:
        """The newest signing key that is held here, in force where the published log ends, and not reported since."""
        end = Position(size + 1)
        newest_first = sorted(issuer.keys.values(), key=lambda record: record.added, reverse=True)
        return next(
            (
                record.kid
                for record in newest_first
                if issuer.in_force(record.kid, Role.SIGNING, end)
                and not issuer.is_stolen(record.kid)
                and self._keys.holds(record.kid)
            ),
            None,
        )

    def _tell(self, state: StatusListState, why: str, issuer: Issuer | None) -> None:
        name = "an issuer" if issuer is None else issuer.did
        self._unsigned[state.list] = name
        if self._told.get(state.issuer) != why:
            self._told[state.issuer] = why
            self._failed(StatusListNotSigned(f"the status lists of {name} are not signed for other software: {why}"))

    def _wake(self, at: datetime) -> None:
        self._due = at if self._due is None else min(self._due, at)


def _stated(tree: PublishedTree) -> _State | None:
    raw = tree.entry(tree.size - 1)
    event = None if raw is None else parse_entry(raw).event
    return _State(tree.size, event.status, event.authority) if isinstance(event, StatusCommitted) else None


def _is_good(method: str, issuer: Issuer) -> bool:
    """Whether what a key has signed is still believed by everybody: retired is as good as in force."""
    kid = Kid(method.removeprefix(f"{issuer.did}#"))
    record = issuer.keys.get(kid)
    return record is not None and record.role is Role.SIGNING and not issuer.is_stolen(kid)


def _digest(bits: bytes) -> bytes:
    return sha256(bits).digest()
