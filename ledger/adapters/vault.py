"""The vault: wrapped data keys in a place of their own, outside the ledger's backups.

Each data key is wrapped (RFC 3394) by the key of an epoch, which is wrapped by a key derived from the master key. A
learner record is found by a keyed digest of (issuer, student number), so that the rows alone name nobody. How rows are
kept is decided in `ledger.adapters.sqlite.vault` and `ledger.adapters.postgres.vault`.
"""

import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from ledger.adapters.private_box import open_box
from ledger.application.ports import Entropy, LearnerKey, StoreUnavailable, Vault
from ledger.domain.types import LearnerId, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening

VAULT_VERSION = 1  # of the rows, wherever they lie
_CACHED = 20_000  # learner records whose keys are held in memory


class VaultUnreadable(LedgerError):
    """The vault is not one of this ledger's, or its master key is another."""


class VaultFailed(LedgerError):
    """The vault cannot be read now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRow:
    """A data key as it is kept."""

    key_id: bytes  # 16 bytes
    lookup: bytes  # 32 bytes, of which learner record
    learner: LearnerId
    epoch: int
    wrapped: bytes  # 40 bytes: the data key, wrapped by the key of its epoch


class VaultRows(Protocol):
    """Where a vault's rows lie. May be used from several threads; one of them writes at a time.

    Raises:
        StoreUnavailable: from every method, when the place cannot be reached; asking again is safe.
        VaultUnreadable: a row is not what a vault holds.
    """

    def epochs(self) -> Sequence[tuple[int, bytes]]:
        """Every epoch and its wrapped key."""
        ...

    def find(self, lookups: Sequence[bytes]) -> Sequence[VaultRow]:
        """The rows of these learner records, in any order; those that are there."""
        ...

    def by_id(self, key_id: bytes) -> VaultRow | None:
        """The row with this key id."""
        ...

    def insert(self, rows: Sequence[VaultRow]) -> Sequence[VaultRow]:
        """Keep each row whose learner record has none yet, durably; for the others, the row that was there first.

        A row that is there already is none of the others, so that an insert whose reply was lost may be repeated.
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def first_epoch(wrapping_key: bytes, entropy: Entropy) -> bytes:
    """The wrapped key of a new vault's first epoch."""
    return aes_key_wrap(wrapping_key, entropy.bytes(32))


class KeyVault:
    """Data keys in some rows. May be used from several threads; none waits while another one reads or writes rows."""

    def __init__(self, rows: VaultRows, *, wrapping_key: bytes, lookup_key: bytes, entropy: Entropy) -> None:
        """Open the vault; `rows` is closed with it, or if it cannot be opened.

        Args:
            wrapping_key, lookup_key: 32 bytes each, derived from the master key.

        Raises:
            VaultUnreadable, StoreUnavailable.
        """
        self._rows = rows
        self._lookup_key = lookup_key
        self._entropy = entropy
        self._flushing = Lock()  # one flush at a time
        self._lock = Lock()  # guards what follows; never held while rows are read or written
        self._by_lookup: OrderedDict[bytes, LearnerKey] = OrderedDict()
        self._by_id: OrderedDict[bytes, bytes] = OrderedDict()
        self._new: dict[bytes, LearnerKey] = {}
        self._absent: OrderedDict[bytes, bool] = OrderedDict()  # looked for a moment ago, and not there
        try:
            self._epochs = _unwrapped(rows.epochs(), wrapping_key)
        except BaseException:
            rows.close()
            raise

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        """The key of a learner record, made at its first use. A new one is durable after `flush` only."""
        return self.learners(issuer, (student_number,))[0]

    def learners(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[LearnerKey]:
        """The keys of many learner records, found in one look-up; otherwise as `learner`."""
        lookups = self._lookups(issuer, student_numbers)
        known: dict[bytes, LearnerKey] = {}
        with self._lock:
            for lookup in lookups:
                key = self._new.get(lookup) or self._by_lookup.get(lookup)
                if key is not None:
                    known[lookup] = key
            missing = [lookup for lookup in dict.fromkeys(lookups) if lookup not in known]
            sought = [lookup for lookup in missing if not self._absent.pop(lookup, False)]
        stored = {row.lookup: self._key(row) for row in self._rows.find(sought)} if sought else {}
        with self._lock:
            known |= {lookup: self._adopt(lookup, stored.get(lookup)) for lookup in missing}
        return [known[lookup] for lookup in lookups]

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        """Look for many learner records at once, so that the next call for each of them need not look; makes none.

        Where one is registered by another process before that call, the next flush tells, as always.
        """
        with self._lock:
            lookups = dict.fromkeys(self._lookups(issuer, student_numbers))
            sought = [lookup for lookup in lookups if lookup not in self._new and lookup not in self._by_lookup]
        if not sought:
            return
        stored = {row.lookup: self._key(row) for row in self._rows.find(sought)}
        with self._lock:
            for lookup in sought:
                if lookup in stored:
                    self._adopt(lookup, stored[lookup])
                else:
                    self._absent[lookup] = True
            _trim(self._absent)

    def _lookups(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[bytes]:
        return [
            hmac.digest(self._lookup_key, issuer.bytes + number.encode("utf-8"), "sha256") for number in student_numbers
        ]

    def flush(self) -> frozenset[bytes]:
        """Make every new key durable in one commit; the ids of those that lost.

        A key is lost if another process has registered its learner first: nothing sealed with it may be recorded, and
        `learner` gives the key of the other one from now on.

        Raises:
            StoreUnavailable, VaultUnreadable: every new key is still new, and the next flush takes it.
        """
        with self._flushing:
            with self._lock:
                new = dict(self._new)
            if not new:
                return frozenset()
            epoch = max(self._epochs)
            wrapping_key = self._epochs[epoch]
            first = self._rows.insert(
                [
                    VaultRow(
                        key_id=key.key_id,
                        lookup=lookup,
                        learner=key.learner,
                        epoch=epoch,
                        wrapped=aes_key_wrap(wrapping_key, key.data_key),
                    )
                    for lookup, key in new.items()
                ]
            )
            winners = {row.lookup: self._key(row) for row in first}
            with self._lock:
                for lookup in new:
                    del self._new[lookup]
                for lookup, key in winners.items():
                    self._by_id.pop(new[lookup].key_id, None)
                    self._remember(lookup, key)
            return frozenset(new[lookup].key_id for lookup in winners)

    def data_key(self, key_id: bytes) -> bytes | None:
        """The key with this id; None where there is none, any more or yet."""
        with self._lock:
            known = self._by_id.get(key_id)
        if known is not None:
            return known
        row = self._rows.by_id(key_id)
        if row is None:
            return None
        data_key = self._unwrap(row)
        with self._lock:
            self._by_id[key_id] = data_key
            _trim(self._by_id)
        return data_key

    def close(self) -> None:
        """Write what is new and close the rows."""
        try:
            self.flush()
        finally:
            self._rows.close()

    def _adopt(self, lookup: bytes, stored: LearnerKey | None) -> LearnerKey:
        """The key of a learner record of which `stored` was found; another thread may have been at it meanwhile."""
        key = self._new.get(lookup) or self._by_lookup.get(lookup) or stored
        if key is None:
            key = LearnerKey(
                learner=LearnerId(UUID(bytes=self._entropy.bytes(16), version=4)),
                key_id=self._entropy.bytes(16),
                data_key=self._entropy.bytes(32),
            )
            self._new[lookup] = key
        self._remember(lookup, key)
        return key

    def _remember(self, lookup: bytes, key: LearnerKey) -> None:
        self._by_lookup[lookup] = key
        self._by_id[key.key_id] = key.data_key
        _trim(self._by_lookup)
        _trim(self._by_id)

    def _key(self, row: VaultRow) -> LearnerKey:
        return LearnerKey(learner=row.learner, key_id=row.key_id, data_key=self._unwrap(row))

    def _unwrap(self, row: VaultRow) -> bytes:
        try:
            return aes_key_unwrap(self._epochs[row.epoch], row.wrapped)
        except (InvalidUnwrap, KeyError, TypeError, ValueError) as error:
            raise VaultUnreadable("a data key in the vault cannot be unwrapped: the vault was changed") from error


class VaultOpener:
    """Opens private parts with the data keys of a vault, for an audit."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def __call__(self, stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        """What the box holds; None where there is no key of this id.

        Raises:
            BoxUnreadable, VaultUnreadable, VaultFailed.
        """
        try:
            data_key = self._vault.data_key(key_id)
        except StoreUnavailable as error:
            raise VaultFailed(str(error)) from error
        return None if data_key is None else open_box(data_key, box, stream=stream, seq=seq, part=part)


def _unwrapped(rows: Iterable[tuple[int, bytes]], wrapping_key: bytes) -> Mapping[int, bytes]:
    try:
        epochs = {epoch: aes_key_unwrap(wrapping_key, wrapped) for epoch, wrapped in rows}
    except (InvalidUnwrap, TypeError, ValueError) as error:
        raise VaultUnreadable("the vault was made with another master key") from error
    if not epochs:
        raise VaultUnreadable("the vault holds no key of any epoch: it was changed, or never finished")
    return epochs


def _trim(cache: "OrderedDict[bytes, LearnerKey] | OrderedDict[bytes, bytes] | OrderedDict[bytes, bool]") -> None:
    while len(cache) > _CACHED:
        cache.popitem(last=False)
