"""The view `credential_status`: where each award stands, from the public entries alone. It opens no private part.

Which acts count is decided in `ledger.domain`. A row keeps the compact history of its acts, so that it can be derived
again when a key turns out to have been in other hands.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from ledger import canonical
from ledger.domain import issuer as issuers
from ledger.domain.credential import Credential, fold
from ledger.domain.events import (
    IssuerEvent,
    IssuerKeyCompromised,
    IssuerRegistered,
)
from ledger.domain.issuer import Issuer
from ledger.domain.types import Kid, Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.entry import parse_entry
from projections.award_acts import BEGINNINGS, read_acts, recorded_acts
from projections.family import Cell, DamagedRow, Fed, NotApplicable, Row, Table, Tables, Titles, columns
from projections.rows import Status

NAME = "credential_status"

AWARDS = Table(
    name="credential_status",
    columns=columns(
        "issued_position INTEGER PRIMARY KEY,"
        "credential_id TEXT NOT NULL,"
        "issuer INTEGER NOT NULL,"  # position of its registration
        "status TEXT NOT NULL,"
        "version INTEGER NOT NULL,"  # the current one, from 1: the last that is not disowned
        "seq INTEGER NOT NULL,"  # of the event that brought it
        "version_position INTEGER NOT NULL,"  # of that event: where other views keep what it says
        "revision INTEGER NOT NULL,"  # seq of the last event
        "position INTEGER NOT NULL,"  # of the last event
        "issued_at TEXT NOT NULL,"
        "key NOT NULL,"  # that signed the award: the position at which it was added, or the key where it never was
        "acts TEXT NOT NULL"  # JSON: [wire type, position, key] of every later act, by seq
    ),
    found_by="credential_id",
    indexes=(("issuer", "issued_position"),),
)
ISSUERS = Table(
    name="credential_status_issuers",
    columns=columns(
        "position INTEGER PRIMARY KEY, issuer TEXT NOT NULL, stream TEXT NOT NULL, registered INTEGER NOT NULL,"
        "entry BLOB NOT NULL"
    ),
    asked_by=("issuer", "stream"),
)
_ISSUED, _ID, _ISSUER, _STATUS, _VERSION, _SEQ, _VERSION_AT, _REVISION, _LAST, _ISSUED_AT, _KEY, _ACTS = range(12)

_ACTS_TAKEN = frozenset(
    ("credential.amended/1", "credential.suspended/1", "credential.reinstated/1", "credential.revoked/1")
)
_IN_FORCE, _SUSPENDED, _REVOKED, _DISOWNED = (
    each.value for each in (Status.IN_FORCE, Status.SUSPENDED, Status.REVOKED, Status.DISOWNED)
)
# What readers of the rows must be able to read again; the decoding believes the store.
_STREAM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch


class CredentialStatus:
    """The view, as the family knows it."""

    name = NAME
    tables = (AWARDS, ISSUERS)
    opens: frozenset[str] = frozenset()

    def takes(self, wire: str) -> bool:
        """Whether events of this wire type can change a row."""
        return wire.startswith(("credential.", "issuer."))

    def seeks(self, fed: Fed) -> tuple[Table, Cell] | None:
        """The row of the award that the event acts on."""
        entry = fed.entry
        return (AWARDS, entry.stream) if entry.seq and entry.type.startswith("credential.") else None

    def fold(self, titles: Titles) -> "StatusFold":
        """A fold that has seen nothing yet."""
        del titles  # nothing here is worded
        return StatusFold()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """An issuer as folded so far."""

    state: Issuer
    registered: int  # position
    reported: bool  # whether any key of it was ever reported as compromised
    added: Mapping[str, int]  # key -> position; rows name keys by it

    @staticmethod
    def of(state: Issuer, registered: int) -> "_Known":
        added: dict[str, int] = {kid: record.added for kid, record in state.keys.items()}
        return _Known(state=state, registered=registered, reported=bool(state.reported()), added=added)


class StatusFold:
    """The fold. What it knows of issuers is what the rows say; it keeps that to save reading it for each award."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def apply(self, tables: Tables, fed: Fed, openings: Mapping[Part, Opening]) -> None:
        """Change the rows by one event.

        Raises:
            LedgerError: the event does not follow what the view holds, or cannot be read; no row was changed.
        """
        del openings
        wire = fed.entry.type
        if wire in BEGINNINGS:
            self._begin(tables, fed)
        elif wire in _ACTS_TAKEN:
            self._act(tables, fed)
        elif wire.startswith("issuer."):
            self._of_issuer(tables, fed)
        else:
            raise NotApplicable("this version knows no such event")

    def _begin(self, tables: Tables, fed: Fed) -> None:
        position, (_, stream, seq, at, by, kid, _, _) = fed.position, fed.entry
        if seq:
            before = tables.find(AWARDS, stream)
            _check_seq(seq, -1 if before is None else before[_REVISION])
            raise NotApplicable("an award is issued that was issued before")
        known = self._known.get(by) or self._issuer(tables, by)
        if known is None:
            raise NotApplicable("the award names an issuer that was never registered")
        if not _STREAM(stream) or not _TIME(at) or "\0" in kid:
            raise NotApplicable("the award's stream, time or key is not in its one spelling")
        disowned = known.reported and known.state.disowns(Kid(kid), Position(position))
        status, key = _DISOWNED if disowned else _IN_FORCE, known.added.get(kid, kid)
        # A second award in the same stream is refused by the table: `credential_id` is unique.
        tables.add(AWARDS, (position, stream, known.registered, status, 1, 0, position, 0, position, at, key, "[]"))

    def _act(self, tables: Tables, fed: Fed) -> None:
        position, (wire, stream, seq, _, by, kid, _, _) = fed.position, fed.entry
        row = tables.find(AWARDS, stream)
        _check_seq(seq, -1 if row is None else row[_REVISION])
        if row is None:
            raise NotApplicable("an award begins with something other than its issuing")
        known = self._issuer(tables, by)
        if known is None or known.registered != row[_ISSUER]:
            raise NotApplicable("the event was not stated by the issuer of this award")
        act = canonical.encode_unchecked([wire, position, known.added.get(kid, kid)]).decode()
        acts = f"{str(row[_ACTS])[:-1]}{',' if seq > 1 else ''}{act}]"
        moved = (*row[:_REVISION], seq, position, row[_ISSUED_AT], row[_KEY], acts)
        tables.change(AWARDS, _derived(moved, known) if known.reported else _moved(moved, wire))

    def _of_issuer(self, tables: Tables, fed: Fed) -> None:
        recorded = parse_entry(fed.raw).recorded(Position(fed.position))
        event = recorded.event
        if not isinstance(event, IssuerEvent):
            raise NotApplicable("the event is of another kind than its type says")
        first = next(iter(tables.where(ISSUERS, "stream", fed.entry.stream)), None)
        before = None if first is None else self._issuer(tables, str(first[1]))
        _check_seq(fed.entry.seq, -1 if before is None else before.state.head)
        if isinstance(event, IssuerRegistered) and self._issuer(tables, fed.entry.by) is not None:
            raise NotApplicable("an issuer is registered that was registered before")
        state = issuers.evolve(None if before is None else before.state, recorded)
        registered = fed.position if before is None else before.registered
        known = _Known.of(state, registered)
        changed: list[Row] = []
        if isinstance(event, IssuerKeyCompromised):
            changed.extend(_recomputed(tables, known, event.from_position))
        tables.add(ISSUERS, (fed.position, state.did, fed.entry.stream, registered, fed.raw))
        for row in changed:
            tables.change(AWARDS, row)
        self._known[state.did] = known

    def _issuer(self, tables: Tables, did: str) -> _Known | None:
        known = self._known.get(did)
        if known is None:
            rows = list(tables.where(ISSUERS, "issuer", did))
            if not rows:
                return None
            known = _Known.of(_folded(rows), cast("int", rows[0][3]))
            self._known[did] = known
        return known


def _folded(rows: Sequence[Row]) -> Issuer:
    """An issuer as its entries, of which there are some, say."""
    state: Issuer | None = None
    try:
        for row in rows:
            entry = parse_entry(cast("bytes", row[4]))
            state = issuers.evolve(state, entry.recorded(Position(cast("int", row[0]))))
    except (LedgerError, KeyError, TypeError, AttributeError) as error:
        raise DamagedRow("what the view keeps of an issuer cannot be read; rebuild the view") from error
    if state is None:
        raise DamagedRow("the view keeps nothing of an issuer; rebuild the view")
    return state


def _check_seq(seq: int, last: Cell) -> None:
    if type(last) is not int or seq != last + 1:
        raise NotApplicable("an earlier event of this stream is missing from the view")


def _moved(row: Row, wire: str) -> Row:
    """The row after its last act, where no key of the issuer was ever reported: as the domain's fold says, but briefly.

    Exact, as the property against `ledger.domain.credential.fold` shows; it saves folding the whole history each time.
    """
    status, version, seq, at, revision, position = row[_STATUS:_ISSUED_AT]
    if wire == "credential.amended/1":
        version, seq, at = cast("int", version) + 1, revision, position
    elif wire == "credential.reinstated/1":
        status = _IN_FORCE
    elif wire == "credential.revoked/1":
        status = _REVOKED
    elif status != _REVOKED:
        status = _SUSPENDED
    return (*row[:_STATUS], status, version, seq, at, *row[_REVISION:])


def _derived(row: Row, known: _Known) -> Row:
    """The row that the acts on an award add up to, by what is known of its issuer's keys."""
    stream = StreamId(UUID(cast("str", row[_ID])))
    credential = fold(recorded_acts(stream, known.state.did, _acts_of(row, known)), known.state.disowns)
    if credential is None:
        raise NotApplicable("the acts on this award do not begin with its issuing")
    current = credential.current
    moved = (_status(credential).value, current.number, int(current.seq), int(current.position))
    return (*row[:_STATUS], *moved, *row[_REVISION:])


def _recomputed(tables: Tables, known: _Known, reported: Position) -> Iterator[Row]:
    """The rows that a report changes: nothing signed before that position is disowned by it, nor by keys brought in
    from there on."""
    disowns = known.state.disowns
    for row in tables.where(AWARDS, "issuer", known.registered):
        if cast("int", row[_LAST]) >= reported and any(disowns(kid, at) for _, at, kid in _acts_of(row, known)):
            derived = _derived(row, known)
            if derived != row:
                yield derived


def _acts_of(row: Row, known: _Known) -> list[tuple[str, Position, Kid]]:
    return read_acts(row[0], row[_KEY], row[_ACTS], known.added)


def _status(credential: Credential) -> Status:
    """The gravest of what holds, in the order in which a scan says it."""
    if credential.disowned:
        return Status.DISOWNED
    if credential.revoked is not None:
        return Status.REVOKED
    return Status.IN_FORCE if credential.suspended is None else Status.SUSPENDED
