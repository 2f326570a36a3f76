"""The log's own entries stated otherwise and signed well: what an operator can do who lies from the beginning.

Every entry of the log's stream behind a changed one is sealed again, so that its chain is whole, and every checkpoint
is signed again, so that roots agree. Nothing but what an entry says is wrong then.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ledger.adapters.home import Home
from ledger.adapters.key_store import PemKeyStore
from ledger.adapters.secrets import MasterKey
from ledger.audit.report import Check
from ledger.bootstrap import passphrase
from ledger.domain import events as ev
from ledger.domain.authority import Operator, operator_of
from ledger.domain.log import Log
from ledger.domain.types import Digest, Kid, Position
from ledger.domain.values import format_time
from ledger.record.entry import parse_entry
from ledger.record.sealing import chain, seal
from ledger.signing.signer import Signer
from ledger.testing.tampering import Bench, Case
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import establish_log

Lie = Callable[[ev.Recorded], ev.Recorded]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lied:
    """A history with a lie in it."""

    entries: Sequence[bytes]
    checkpoints: Sequence[tuple[bytes, bytes]]  # note and compact range, of every size from 1
    latest: str  # time of the latest entry

    @property
    def kept(self) -> bytes:
        """The last checkpoint, as an auditor keeps it."""
        return self.checkpoints[-1][0]

    def put(self, connection: sqlite3.Connection) -> None:
        """Into a copy of the database."""
        numbered = [(entry, position) for position, entry in enumerate(self.entries, start=1)]
        connection.executemany("UPDATE stored_events SET state = ? WHERE notification_id = ?", numbered)
        rows = [(*row, size) for size, row in enumerate(self.checkpoints, start=1)]
        connection.executemany("UPDATE checkpoints SET note = ?, compact_range = ? WHERE size = ?", rows)
        connection.execute("UPDATE log_head SET at = ?", (self.latest,))


class Liar:
    """The operator, with all keys."""

    def __init__(self, home: Home, entries: Sequence[bytes]) -> None:
        """Of the ledger that holds these entries."""
        keys = PemKeyStore(home.keys, passphrase(MasterKey.load(home.master_key)))
        self._entries = entries
        read = [parse_entry(raw).recorded(Position(place)) for place, raw in enumerate(entries, start=1)]
        self.operator: Operator = operator_of(read[0])
        self.own: list[ev.Recorded] = [each for each in read if isinstance(each.event, ev.LogEvent)]
        self._signer: Signer = keys.signer(self.operator.event_key)
        placed = [Placed(position=each.position, raw=entries[each.position - 1]) for each in self.own]
        self._log: Log = establish_log(placed)
        self._checkpoint_signers = [keys.signer(kid) for kid in self._log.keys]

    def lie(self, position: int, lie: Lie) -> Lied:
        """The whole history, with one entry of the log's own otherwise."""
        entries = list(self._entries)
        before = b""
        for recorded in self.own:
            place = recorded.position - 1
            said = lie(recorded) if recorded.position == position else recorded
            if recorded.position >= position:
                entries[place] = seal(said, prev=chain(before), signer=self._signer).entry
            before = entries[place]
        return Lied(entries=entries, checkpoints=self._signed(entries), latest=self._time(entries))

    def _signed(self, entries: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        tree, found = CompactRange.empty(), []
        for entry in entries:
            tree = tree.extended([leaf_hash(entry)])
            checkpoint = Checkpoint(origin=self.operator.origin, size=tree.size, root=tree.root())
            found.append((sign_checkpoint(checkpoint, *self._checkpoint_signers), tree.to_bytes()))
        return found

    def _time(self, entries: Sequence[bytes]) -> str:
        return format_time(max(parse_entry(raw).at for raw in entries))


# ------------------------------------------------------------------------------------------ lies that must be found


def _lie(bench: Bench, kind: str, what: str, position: int, lie: Lie, check: Check, *, at: int | None = None) -> Case:
    """What the operator says of the log, otherwise than it is and under all signatures that belong to it.

    Args:
        at: where that must be found, if not at the entry itself.
    """
    lied = Liar(bench.home, [row[4] for row in bench.rows]).lie(position, lie)
    return Case(kind=kind, what=what, change=lied.put, position=at or position, check=check, kept=lied.kept)


def _stating(**changed: int | Digest | Kid | bytes) -> Lie:
    def lie(recorded: ev.Recorded) -> ev.Recorded:
        return replace(recorded, event=replace(recorded.event, **changed))  # type: ignore[arg-type]

    return lie


def _dated(at: datetime) -> Lie:
    return lambda recorded: replace(recorded, at=at)


def statements(bench: Bench) -> Iterator[Case]:
    """Each statement with another root, number of lists, size or time, signed by the operator's event key.

    Chains are whole and checkpoints agree: nothing but folding the entries again can find it.
    """
    entries = [parse_entry(row[4]) for row in bench.rows]
    for position, entry in enumerate(entries, start=1):
        event = entry.event
        if not isinstance(event, ev.StatusCommitted):
            continue
        roots: dict[str, Lie] = {
            "status": _stating(status=Digest(event.status[::-1])),
            "authority": _stating(authority=Digest(event.authority[::-1])),
            "lists": _stating(lists=event.lists + 1),
        }
        for name, lie in roots.items():
            yield _lie(bench, "a root of a statement", f"{position}, {name}", position, lie, Check.STATEMENT)
        for size in {max(event.size - 1, 1), event.size + 1} - {event.size}:
            lie = _stating(size=size)
            yield _lie(bench, "the size of a statement", f"{position}, {size}", position, lie, Check.ORDER)
        early = _dated(entries[position - 2].at - timedelta(milliseconds=1))
        yield _lie(bench, "the time of a statement", f"{position}, earlier", position, early, Check.TIME)
        if position < bench.size:  # whatever follows is then too old
            late = _dated(entries[position].at + timedelta(seconds=61))
            what = f"{position}, later"
            yield _lie(bench, "the time of a statement", what, position, late, Check.TIME, at=position + 1)


def log_keys(bench: Bench) -> Iterator[Case]:
    """Each key of the log with a proof that is none, and as one that it cannot be; each retired one as another."""
    for position, *_, raw in bench.rows:
        event = parse_entry(raw).event
        if isinstance(event, ev.LogKeyAdded):
            kind = "a key added to the log"
            lies = {"proof": (_stating(proof=event.proof[::-1]), Check.POSSESSION)}
            first = parse_entry(bench.rows[0][4]).event
            if isinstance(first, ev.LogStarted):
                lies["the event key"] = _stating(key=first.event_key), Check.ORDER
                lies["known"] = _stating(key=first.checkpoint_key), Check.ORDER
        elif isinstance(event, ev.LogKeyRetired):
            kind = "a key of the log retired"
            lies = {"of an issuer": (_stating(key=_a_key_of_an_issuer(bench)), Check.ORDER)}
        else:
            continue
        for what, (lie, check) in lies.items():
            yield _lie(bench, kind, f"{position}, {what}", position, lie, check)


def _a_key_of_an_issuer(bench: Bench) -> Kid:
    events = (parse_entry(row[4]).event for row in bench.rows)
    return next(event.key for event in events if isinstance(event, ev.IssuerKeyAdded))
